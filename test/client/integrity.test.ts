/** Content compared with what names say of it: on the way up, on the way down, and by the CRC32s of old servers (§5). */
import { readFile } from 'node:fs/promises'
import { Crc32Candidates, crc32Signed, crc32V511, crc32, formatFileId } from '../../src/file-id/index.js'
import type { ClientOptions, FastDfsError } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import type { Answer } from '../support/fake-server.js'
import { fakeServer, field, int64, response } from '../support/fake-server.js'
import type { Answers, FakeCluster } from './fakes.js'
import {
  bytesOf,
  deferred,
  fakeCluster,
  info,
  OK,
  rejection,
  SHORT_ID,
  status,
  temporaryFolder,
} from './fakes.js'

const HELLO = Buffer.from('hello')
/** Made by a V5.11 storage of `hello`, `world!!` and 3000 times `z` (fixtures/captures/v5.11.jsonl). */
const OLD_HELLO = 'group1/M00/00/00/Ck0AC2sCbwSAZ_ueAAAABeTttvQ520.txt'
const OLD_WORLD = 'group1/M00/00/00/Ck0AC2sCbwWABExyAAAAB8-KyOw063.bin'
const OLD_Z = 'group1/M00/00/00/Ck0AC2sCbwSAUjk5AAALuKlJ4f02235082'
const OLD_APPENDER = 'group1/M00/00/00/Ck0AC2sCbwWEA8hGAAAAAOTttvQ382.txt'
const OLD_SLAVE = 'group1/M00/00/00/Ck0AC2sCbwWAZyENAAAABeTttvQ195_big.txt'

/** The ID of a normal file, or of an appender file. */
function idOf(size: number, crc: number, appender = false): string {
  return formatFileId({
    group: 'group1',
    storePathIndex: 0,
    directories: [0, 0],
    source: { kind: 'ip', ip: '10.77.0.12' },
    createdAt: new Date('2026-11-22T04:23:19Z'),
    size,
    crc32: crc,
    appender,
    randomBits: 7,
    digits: '1234567',
    ext: '',
  })
}

const HELLO_ID = idOf(5, 0x3610a686)
/** A link: the right size, and a CRC32 that means nothing. */
const LINK_ID = idOf(5, 0x12345678)

const named = (id: string): Buffer =>
  response(Buffer.concat([field('group1', 16), Buffer.from(id.slice('group1/'.length))]))

/** Answers one after the other, the last one again and again. */
const inTurn = (...contents: Buffer[]): Answer => {
  let calls = 0
  return () => response(contents[Math.min(calls++, contents.length - 1)] as Buffer)
}

/** A cluster whose client verifies, as it does by default. */
const cluster = (answers: Answers = {}, options = {}): Promise<FakeCluster> =>
  fakeCluster({ 14: response(HELLO), 11: named(HELLO_ID), ...answers }, { verify: undefined, ...options })

/** The same content with one bit turned. */
function damaged(content: Buffer): Buffer {
  const copy = Buffer.from(content)
  copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 1
  return copy
}

const large = bytesOf(1_000_000)
const oldCrcOf = (content: Buffer): number => {
  // What a storage with buffers of 256 KiB makes: not what the size and standard CRC32 tell.
  const room = 256 * 1024 - 25
  let crc = crc32V511(content.subarray(0, room))
  for (let at = room; at < content.length; at += 256 * 1024) {
    const part = content.subarray(at, at + 256 * 1024)
    crc = ~crc < 0 ? crc32V511(part, crc) : crc32(part, crc)
  }
  return crc
}

describe('an upload', () => {
  it.each([
    ['of V6', HELLO, HELLO_ID],
    ['of an empty file', Buffer.alloc(0), idOf(0, 0)],
    ['of V5.11', HELLO, OLD_HELLO],
    ['of V5.11', Buffer.from('world!!'), OLD_WORLD],
    ['of V5.11', Buffer.alloc(3_000, 'z'), OLD_Z],
    ['of V6, of some size', large, idOf(large.length, crc32(large))],
  ])('with a name %s that agrees is verified, without another request', async (_, content, id) => {
    await using fake = await cluster({ 11: named(id) })
    expect(await fake.client.uploadFile(content)).toMatchObject({ id, verified: true, crc32: crc32(content) })
    expect(fake.commands()).toEqual([11])
  })

  it.each([idOf(5, 0x3610a686, true), OLD_APPENDER])('of an appender file is too: %s', async (id) => {
    await using fake = await cluster({ 23: named(id) })
    expect(await fake.client.uploadAppenderFile(HELLO)).toMatchObject({ id, verified: true })
    expect(fake.commands()).toEqual([23])
  })

  it('of large content to an old storage is read back once; then it is counted while it is sent', async () => {
    const id = idOf(large.length, oldCrcOf(large))
    await using fake = await cluster({ 11: named(id), 14: response(large) })
    for (let i = 0; i < 3; i++)
      expect(await fake.client.uploadFile(large)).toMatchObject({ id, verified: true, crc32: crc32(large) })
    expect(fake.commands()).toEqual([11, 14, 11, 11])
  })

  it('of large content is not read back where small content told that the storage is old', async () => {
    const ids = [OLD_HELLO, idOf(large.length, oldCrcOf(large))]
    await using fake = await cluster({ 11: () => named(ids.shift() as string) })
    expect(await fake.client.uploadFile(HELLO)).toMatchObject({ verified: true })
    expect(await fake.client.uploadFile(large)).toMatchObject({ verified: true })
    expect(fake.commands()).toEqual([11, 11])
  })

  it('to the oldest storages is read back once, whatever its size', async () => {
    const id = idOf(5, crc32Signed(HELLO))
    await using fake = await cluster({ 11: named(id) })
    for (let i = 0; i < 3; i++) expect(await fake.client.uploadFile(HELLO)).toMatchObject({ verified: true })
    expect(fake.commands()).toEqual([11, 14, 11, 11])
  })

  it('which became a link is kept, and not verified', async () => {
    await using fake = await cluster({ 11: named(LINK_ID) })
    expect(await fake.client.uploadFile(HELLO)).toMatchObject({ id: LINK_ID, verified: false })
    expect(fake.commands()).toEqual([11, 14])
  })

  it('with a name that says nothing is not verified, without another request', async () => {
    await using fake = await cluster({ 11: named(SHORT_ID) })
    expect(await fake.client.uploadFile(HELLO)).toMatchObject({ id: SHORT_ID, verified: false })
    expect(fake.commands()).toEqual([11])
  })

  it.each<[string, string, Buffer, number]>([
    ['other bytes', idOf(5, 0x11111111), Buffer.from('hallo'), 14],
    ['fewer bytes', idOf(4, 0x11111111), Buffer.from('hell'), 14],
    ['none', idOf(0, 0), Buffer.alloc(0), 22],
  ])('that left %s is deleted, and says what is where', async (_, id, stored, how) => {
    const sum = `${stored.length} bytes with CRC32 0x${crc32(stored).toString(16).padStart(8, '0')}`
    await using fake = await cluster({
      11: named(id),
      14: response(stored),
      22: response(info(stored.length)),
    })
    const error = await rejection<FastDfsError>(fake.client.uploadFile(HELLO, { metadata: { a: '1' } }))
    expect(error).toMatchObject({
      name: 'IntegrityError',
      code: 'FDFS_INTEGRITY',
      reason: `5 bytes with CRC32 0x3610a686 were sent, but ${sum} are stored`,
      endpoint: fake.storage.address,
      fileId: id,
      retriable: false,
    })
    // Deleted after it was read back, and no metadata was set.
    expect(fake.commands()).toEqual([11, how, 12])
    const deletion = fake.storage.requests.find((request) => request[8] === 12)
    expect(deletion?.subarray(26).toString()).toBe(id.slice('group1/'.length))
  })

  it('that was truncated, as a V6.16 storage says it, is deleted', async () => {
    await using fake = await cluster({ 11: named(idOf(3, 0)), 14: status(22), 22: response(info(0)) })
    expect(await rejection(fake.client.uploadFile(HELLO))).toMatchObject({ name: 'IntegrityError' })
    expect(fake.commands()).toEqual([11, 14, 22, 12])
  })

  it('is kept where what is stored was sent, although its name tells another size', async () => {
    await using fake = await cluster({ 11: named(idOf(9, 0x3610a686)) })
    expect(await fake.client.uploadFile(HELLO)).toMatchObject({ verified: false })
    expect(fake.commands()).toEqual([11, 14])
  })

  it('that cannot be read back is deleted, since nobody learns its ID', async () => {
    await using fake = await cluster({ 11: named(LINK_ID), 14: status(5) })
    expect(await rejection(fake.client.uploadFile(HELLO))).toMatchObject({
      name: 'ServerError',
      status: 5,
      fileId: LINK_ID,
    })
    expect(fake.commands()).toEqual([11, 14, 12])
  })

  it('that is aborted while it is read back is deleted', async () => {
    const reading = deferred()
    const controller = new AbortController()
    await using fake = await cluster({ 11: named(LINK_ID), 14: () => reading.resolve(), 12: OK })
    const uploading = rejection(fake.client.uploadFile(HELLO, { signal: controller.signal }))
    await reading.promise
    controller.abort()
    expect(await uploading).toMatchObject({ name: 'AbortError' })
    expect(fake.commands()).toEqual([11, 14, 12])
  })

  it('is read back again where the connection is lost', async () => {
    let calls = 0
    await using fake = await cluster(
      {
        11: named(LINK_ID),
        14: (_, socket) =>
          ++calls === 1 ? void socket.end(response(HELLO).subarray(0, 12)) : response(HELLO),
      },
      { retries: 1 },
    )
    expect(await fake.client.uploadFile(HELLO)).toMatchObject({ verified: false })
    expect(fake.commands()).toEqual([11, 14, 14])
  })

  it.each([
    ['the call', { verify: false }, {}],
    ['the client', {}, { verify: false }],
  ])('is not counted and not compared where %s says so', async (_, options, clientOptions) => {
    await using fake = await cluster({ 11: named(idOf(9, 1)) }, clientOptions)
    const file = await fake.client.uploadFile(HELLO, options)
    expect(file).toMatchObject({ size: 5, verified: false, crc32: undefined })
    expect(fake.commands()).toEqual([11])
  })

  it('is compared where only the call says so', async () => {
    await using fake = await cluster({}, { verify: false })
    expect(await fake.client.uploadFile(HELLO, { verify: true })).toMatchObject({ verified: true })
  })

  it('of a slave is not compared: its name holds what its master is', async () => {
    await using fake = await cluster({ 21: named(OLD_SLAVE) })
    const master = OLD_SLAVE.replace('_big', '')
    const file = await fake.client.uploadSlaveFile(master, Buffer.from('other'), { prefix: '_big' })
    expect(file).toMatchObject({ id: OLD_SLAVE, verified: false, crc32: crc32(Buffer.from('other')) })
    expect(fake.commands()).toEqual([21])
  })

  it('of a slave is not counted where the client says so', async () => {
    await using fake = await cluster({ 21: named(OLD_SLAVE) }, { verify: false })
    const master = OLD_SLAVE.replace('_big', '')
    const file = await fake.client.uploadSlaveFile(master, Buffer.from('other'), { prefix: '_big' })
    expect(file).toMatchObject({ id: OLD_SLAVE, size: 5, verified: false, crc32: undefined })
  })

  it.each([
    [false, undefined],
    [true, crc32(Buffer.from('other'))],
  ])('of slaves with their master is counted as the master is: verify %s', async (verify, counted) => {
    await using fake = await cluster({ 11: named(HELLO_ID), 21: named(OLD_SLAVE) }, { verify: !verify })
    const slaves = [{ prefix: '_big', source: Buffer.from('other') }]
    const file = await fake.client.uploadFile(HELLO, { verify, slaves })
    expect(file.slaves?.map((slave) => slave.crc32)).toEqual([counted])
  })
})

describe('a download', () => {
  /** What a download to each kind of sink ends with, or its error. */
  type Outcome = { content?: Buffer; verified?: boolean; sum?: number | undefined; error?: FastDfsError }
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => void (folder = await temporaryFolder()))
  afterEach(() => folder[Symbol.asyncDispose]())

  const sinks: Record<string, (client: FastDfsClient, id: string, options?: object) => Promise<Outcome>> = {
    Buffer: async (client, id, options) => ({ content: await client.downloadFile(id, options) }),
    path: async (client, id, options) => {
      const { verified, size, crc32: sum } = await client.downloadFile(id, folder.join('file'), options)
      const content = await readFile(folder.join('file'))
      expect(size).toBe(content.length)
      return { content, verified, sum }
    },
    stream: async (client, id, options) => ({
      content: Buffer.concat((await client.downloadStream(id, options).toArray()) as Buffer[]),
    }),
  }
  const outcomeOf = (sink: string, ...args: Parameters<(typeof sinks)[string]>): Promise<Outcome> =>
    (sinks[sink] as (typeof sinks)[string])(...args).catch((error: FastDfsError) => ({ error }))

  describe.each(Object.keys(sinks))('to a %s', (sink) => {
    /** Checks an outcome; its CRC32, and whether it was verified, only paths tell. */
    async function expectContent(
      outcome: Outcome,
      content: Buffer,
      verified: boolean,
      isCounted = true,
    ): Promise<void> {
      expect(outcome.error).toBeUndefined()
      expect(outcome.content?.equals(content)).toBe(true)
      if (sink === 'path') {
        expect(outcome).toMatchObject({ verified, sum: isCounted ? crc32(content) : undefined })
        expect(await folder.names()).toEqual(['file'])
      }
    }
    async function expectError(outcome: Outcome, error: object): Promise<void> {
      expect(outcome.error).toMatchObject(error)
      expect(await folder.names()).toEqual([])
    }

    it.each([
      ['of V6', HELLO, HELLO_ID],
      ['of V5.11', HELLO, OLD_HELLO],
      ['of V5.11', Buffer.alloc(3_000, 'z'), OLD_Z],
      ['of V6, of some size', large, idOf(large.length, crc32(large))],
    ])('with a name %s that agrees is read once', async (_, content, id) => {
      await using fake = await cluster({ 14: response(content) })
      await expectContent(await outcomeOf(sink, fake.client, id), content, true)
      expect(fake.commands()).toEqual([14])
    })

    it('of large content of an old storage is read twice once, and once from then on', async () => {
      const id = idOf(large.length, oldCrcOf(large))
      await using fake = await cluster({ 14: response(large) })
      for (let i = 0; i < 3; i++) await expectContent(await outcomeOf(sink, fake.client, id), large, true)
      expect(fake.commands()).toEqual([14, 14, 14, 14])
    })

    it('that was damaged on the way is read again', async () => {
      await using fake = await cluster({ 14: inTurn(damaged(large), large) })
      const id = idOf(large.length, crc32(large))
      const outcome = await outcomeOf(sink, fake.client, id)
      if (sink !== 'stream') return expectContent(outcome, large, true)
      await expectError(outcome, {
        name: 'IntegrityError',
        reason: expect.stringContaining(
          'damaged on the way or on the disk: 1000000 bytes with CRC32',
        ) as string,
        endpoint: fake.storage.address,
        fileId: id,
      })
      expect(fake.commands()).toEqual([14, 14])
    })

    it('that is different each time is an IntegrityError after two readings', async () => {
      await using fake = await cluster({ 14: inTurn(Buffer.from('hallo'), Buffer.from('hullo'), HELLO) })
      await expectError(await outcomeOf(sink, fake.client, HELLO_ID), {
        name: 'IntegrityError',
        endpoint: fake.storage.address,
        fileId: HELLO_ID,
      })
      expect(fake.commands()).toEqual([14, 14])
    })

    it('of a link, or of what is damaged on the disk, is not verified', async () => {
      await using fake = await cluster()
      await expectContent(await outcomeOf(sink, fake.client, LINK_ID), HELLO, false)
      expect(fake.commands()).toEqual([14, 14])
    })

    it.each([
      ['truncated', 'hell'],
      ['too long', 'hello!'],
    ])('of a file that is %s everywhere is an IntegrityError', async (_, stored) => {
      await using fake = await cluster({ 14: response(Buffer.from(stored)) }, { retries: 2 })
      await expectError(await outcomeOf(sink, fake.client, HELLO_ID), {
        name: 'IntegrityError',
        reason: `the storage has ${stored.length} bytes of the file, its name says 5`,
        endpoint: fake.storage.address,
        fileId: HELLO_ID,
        retriable: false,
        cause: { name: 'RetryError', errors: [{}, {}, {}] },
      })
      expect(fake.commands()).toEqual([14, 14, 14])
    })

    it.each([
      ['truncated', 'hell'],
      ['too long', 'hello!'],
    ])('of a file that is %s is read at another member', async (_, stored) => {
      await using other = await fakeServer(() => response(HELLO))
      await using fake = await twoMembers(other.port, { 14: response(Buffer.from(stored)) }, { retries: 1 })
      await expectContent(await outcomeOf(sink, fake.client, HELLO_ID), HELLO, true)
      expect(fake.commands()).toEqual([14])
      expect(other.requests).toHaveLength(1)
      // Nothing is wrong with the server.
      for (const { health } of fake.client.stats().endpoints) expect(health).toBe('closed')
    })

    it('of a file that is empty on the disk only is an IntegrityError', async () => {
      await using fake = await cluster({ 14: status(22), 22: response(info(0)) })
      const outcome = await outcomeOf(sink, fake.client, HELLO_ID)
      await expectError(outcome, { name: 'IntegrityError', endpoint: fake.storage.address })
    })

    it.each([
      ['an appender file', OLD_APPENDER],
      ['a slave', OLD_SLAVE],
      ['a file whose name says nothing', SHORT_ID],
    ])('of %s is compared with nothing', async (_, id) => {
      await using fake = await cluster({ 14: response(large) })
      await expectContent(await outcomeOf(sink, fake.client, id), large, false)
      expect(fake.commands()).toEqual([14])
    })

    it('of a range is compared with nothing', async () => {
      await using fake = await cluster({ 14: response(Buffer.from('xy')) })
      await expectContent(
        await outcomeOf(sink, fake.client, HELLO_ID, { offset: 0, length: 2 }),
        Buffer.from('xy'),
        false,
      )
      await expectContent(
        await outcomeOf(sink, fake.client, HELLO_ID, { offset: 3 }),
        Buffer.from('xy'),
        false,
      )
      expect(fake.commands()).toEqual([14, 14])
    })

    it('is neither counted nor compared where the call or the client says so', async () => {
      await using fake = await cluster({ 14: response(large) })
      const outcome = await outcomeOf(sink, fake.client, HELLO_ID, { verify: false })
      await expectContent(outcome, large, false, false)
      await using other = await cluster({ 14: response(large) }, { verify: false })
      await expectContent(await outcomeOf(sink, other.client, HELLO_ID), large, false, false)
      expect([...fake.commands(), ...other.commands()]).toEqual([14, 14])
    })

    it('goes to another member of the group to read again', async () => {
      await using other = await fakeServer(() => response(HELLO))
      await using fake = await twoMembers(other.port, { 14: response(Buffer.from('hallo')) })
      const outcome = await outcomeOf(sink, fake.client, HELLO_ID)
      if (sink === 'stream') await expectError(outcome, { name: 'IntegrityError' })
      else await expectContent(outcome, HELLO, true)
      expect(fake.commands()).toEqual([14])
      expect(other.requests).toHaveLength(1)
    })

    it('of large content of old storages is read at another member once', async () => {
      await using other = await fakeServer(() => response(large))
      await using fake = await twoMembers(other.port, { 14: response(large) })
      const id = idOf(large.length, oldCrcOf(large))
      for (let i = 0; i < 2; i++) await expectContent(await outcomeOf(sink, fake.client, id), large, true)
      expect(fake.commands()).toEqual([14, 14])
      expect(other.requests).toHaveLength(1)
    })

    it('reads again where it was read, if the other member does not have the file', async () => {
      await using other = await fakeServer(() => status(2))
      await using fake = await twoMembers(other.port)
      await expectContent(await outcomeOf(sink, fake.client, LINK_ID), HELLO, false)
      expect(fake.commands()).toEqual([14, 14])
      expect(other.requests).toHaveLength(1)
    })

    it('reads again where it was read, if the other member has a truncated file', async () => {
      await using other = await fakeServer(() => response(Buffer.from('he')))
      await using fake = await twoMembers(other.port)
      await expectContent(await outcomeOf(sink, fake.client, LINK_ID), HELLO, false)
      expect(fake.commands()).toEqual([14, 14])
      expect(other.requests).toHaveLength(1)
    })

    it('ends in time while it is read again', async () => {
      let calls = 0
      await using fake = await cluster({ 14: () => (++calls === 1 ? response(HELLO) : undefined) })
      await expectError(await outcomeOf(sink, fake.client, LINK_ID, { timeout: 100 }), {
        name: 'TimeoutError',
      })
    })
  })

  it('leaves a file that is there alone when it is damaged', async () => {
    await using fake = await cluster()
    await fake.client.downloadFile(HELLO_ID, folder.join('file'))
    await using bad = await cluster({ 14: inTurn(Buffer.from('hallo'), Buffer.from('hullo')) })
    expect(await rejection(bad.client.downloadFile(HELLO_ID, folder.join('file')))).toMatchObject({
      name: 'IntegrityError',
    })
    expect(await folder.names()).toEqual(['file'])
    expect(await readFile(folder.join('file'))).toEqual(HELLO)
  })
})

it('the old CRC32 of these tests is one that Crc32Candidates knows', () => {
  const candidates = new Crc32Candidates()
  candidates.update(large)
  expect(candidates.has(oldCrcOf(large))).toBe(true)
  expect(oldCrcOf(large)).not.toBe(crc32V511(large))
})

/** A cluster of two storages of V6.16: 102 names the first one, 105 both. */
async function twoMembers(
  otherPort: number,
  answers: Answers = {},
  options: Partial<ClientOptions> = {},
): Promise<FakeCluster> {
  const fake = await cluster(answers)
  const member = (port: number): Buffer => Buffer.concat([field('127.0.0.1', 15), int64(port)])
  const tracker = await fakeServer((request) =>
    response(
      Buffer.concat(
        request[8] === 105
          ? [field('group1', 16), member(fake.storage.port), member(otherPort)]
          : [field('group1', 16), field('127.0.0.1', 15), int64(fake.storage.port)],
      ),
    ),
  )
  const client = new FastDfsClient({ trackers: tracker.address, retries: 0, ...options })
  return {
    ...fake,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      await tracker[Symbol.asyncDispose]()
      await fake[Symbol.asyncDispose]()
    },
  }
}
