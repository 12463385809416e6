import { readdir } from 'node:fs/promises'
import { Readable } from 'node:stream'
import {
  AbortError,
  InvalidArgumentError,
  LocalIoError,
  parseFileId,
  UnknownOutcomeError,
} from '../../src/index.js'
import type { Progress } from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { crc32 } from '../../src/file-id/index.js'
import type { Answers } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  deferred,
  fakeCluster,
  info,
  NAME,
  OK,
  rejection,
  status,
  temporaryFolder,
} from './fakes.js'
import { field, response } from '../support/fake-server.js'

/** A chunk, and what is more than one by a byte. */
const MIB = 1024 * 1024
const CHUNK = 8 * MIB
const AS_IT_COMES = { unknownLength: 'appender' } as const

const named = (name: string): Buffer => response(Buffer.concat([field('group1', 16), Buffer.from(name)]))
const APPENDER_NAME = APPENDER_ID.slice('group1/'.length)
const ANSWERS: Answers = { 23: named(APPENDER_NAME), 24: OK, 34: OK, 38: named(NAME) }

async function* inPieces(content: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size)
}

describe('on an embedded cluster, a source of unknown size that is sent as it comes', () => {
  let cluster: Cluster
  beforeAll(async () => (cluster = await startCluster()))
  afterAll(() => cluster.stop())
  const content = bytesOf(2 * CHUNK + 12_345)

  it('becomes a normal file of its size and CRC32, with its metadata and slaves', async () => {
    const client = cluster.client()
    const calls: Progress[] = []
    const file = await client.uploadFile(Readable.from(inPieces(content)), {
      ...AS_IT_COMES,
      ext: 'bin',
      metadata: { author: 'someone' },
      slaves: [{ prefix: '_s', ext: 'txt', source: Buffer.from('slave') }],
      onProgress: (progress) => calls.push(progress),
    })
    expect(file).toMatchObject({ size: content.length, crc32: crc32(content), verified: true })
    expect(file).not.toHaveProperty('appender')
    expect(parseFileId(file.id)).toMatchObject({ kind: 'normal', size: content.length, ext: 'bin' })
    expect((await client.downloadFile(file.id)).equals(content)).toBe(true)
    expect(await client.getMetadata(file.id)).toEqual({ author: 'someone' })
    expect((await client.downloadFile(file.slaves?.[0]?.id as string)).toString()).toBe('slave')

    expect(calls.at(-1)).toEqual({ transferred: content.length, total: content.length })
    expect(calls.slice(0, -1).every(({ total }) => total === Infinity)).toBe(true)
    const steps = calls.map(({ transferred }) => transferred)
    expect(steps).toEqual([...steps].sort((a, b) => a - b))
    expect(steps).toContain(CHUNK)
  })

  it('stays an appender file where it is uploaded as one', async () => {
    const client = cluster.client()
    const { id, verified } = await client.uploadAppenderFile(() => inPieces(content), AS_IT_COMES)
    expect(parseFileId(id).kind).toBe('appender')
    // Its name says what its first chunk was.
    expect(verified).toBe(false)
    await client.appendFile(id, Buffer.from('!'))
    expect(await client.fileInfo(id)).toMatchObject({ size: content.length + 1 })
  })

  it('can be as long as a number of whole chunks, or empty', async () => {
    const client = cluster.client()
    for (const size of [0, CHUNK, 2 * CHUNK]) {
      const file = await client.uploadFile(inPieces(content.subarray(0, size), 3_000_000), AS_IT_COMES)
      expect(file).toMatchObject({ size, verified: true })
      expect(parseFileId(file.id)).toMatchObject({ kind: 'normal', size })
    }
  })

  it('leaves nothing when it fails, is aborted, or its slaves fail', async () => {
    await using folder = await temporaryFolder()
    await using own = await startCluster({ store: { dir: folder.path } })
    const client = own.client()
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield* inPieces(content.subarray(0, CHUNK + 1))
      throw new Error('no more')
    }
    const error = await rejection<LocalIoError>(client.uploadFile(failing(), AS_IT_COMES))
    expect(error).toBeInstanceOf(LocalIoError)
    expect(error.message).toBe(`the source failed after ${CHUNK + 1} bytes: no more`)

    const controller = new AbortController()
    const stuck = async function* (): AsyncGenerator<Uint8Array> {
      yield* inPieces(content.subarray(0, CHUNK + 1))
      controller.abort()
      await new Promise(() => {})
    }
    const { signal } = controller
    await expect(client.uploadFile(stuck(), { ...AS_IT_COMES, signal })).rejects.toThrow(AbortError)

    const slaves = [{ prefix: '_s', source: './no such file' }]
    await expect(client.uploadFile(inPieces(content), { ...AS_IT_COMES, slaves })).rejects.toThrow(
      InvalidArgumentError,
    )
    const names = await readdir(folder.path, { recursive: true, withFileTypes: true })
    expect(names.filter((entry) => entry.isFile() && /^[-\w]{27}/.test(entry.name))).toEqual([])
  })
})

describe('the requests of a source of unknown size that is sent as it comes', () => {
  const content = bytesOf(CHUNK + 5)

  it('are one upload where it is not more than a chunk', async () => {
    await using cluster = await fakeCluster(ANSWERS)
    await cluster.client.uploadFile(inPieces(content.subarray(0, CHUNK)), AS_IT_COMES)
    expect(cluster.commands()).toEqual([11])
  })

  it('are an appender upload, appends, and the metadata after the renaming', async () => {
    await using cluster = await fakeCluster(ANSWERS)
    await cluster.client.uploadFile(inPieces(content), { ...AS_IT_COMES, metadata: { a: 'b' } })
    expect(cluster.commands()).toEqual([23, 24, 38, 13])
    const [, append] = cluster.storage.requests
    expect(append?.subarray(-5)).toEqual(content.subarray(-5))
  })

  it('end with an appender file where the storage is older than V6.02', async () => {
    await using cluster = await fakeCluster({ ...ANSWERS, 38: status(22) })
    const file = await cluster.client.uploadFile(inPieces(content), { ...AS_IT_COMES, metadata: { a: 'b' } })
    expect(file).toMatchObject({ id: APPENDER_ID, size: CHUNK + 5, appender: true })
    expect(cluster.commands()).toEqual([23, 24, 38, 13])
  })

  it('delete what was stored when the source fails', async () => {
    await using cluster = await fakeCluster(ANSWERS)
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield* inPieces(content)
      throw new Error('no more')
    }
    await expect(cluster.client.uploadFile(pieces(), AS_IT_COMES)).rejects.toThrow('no more')
    expect(cluster.commands().at(-1)).toBe(12)
    expect(cluster.commands()).not.toContain(38)
  })

  it('delete what was stored when the storage refuses more', async () => {
    await using cluster = await fakeCluster({ ...ANSWERS, 24: status(28) })
    await expect(cluster.client.uploadFile(inPieces(content), AS_IT_COMES)).rejects.toMatchObject({
      name: 'NoSpaceError',
      command: 'appendFile',
    })
    expect(cluster.commands()).toEqual([23, 24, 12])
  })

  it('ask for the size when the answer to an append is lost, and go on where all is there', async () => {
    await using cluster = await fakeCluster(
      { ...ANSWERS, 24: (_, socket) => void socket.destroy(), 22: response(info(CHUNK + 5)) },
      { retries: 1 },
    )
    const file = await cluster.client.uploadFile(inPieces(content), AS_IT_COMES)
    expect(file).toMatchObject({ size: CHUNK + 5, crc32: crc32(content) })
    expect(cluster.commands()).toEqual([23, 24, 22, 38])
  })

  it.each([
    ['nothing', 0],
    ['a part', 3],
  ])('write an append whose answer is lost at its place where %s of it is there', async (_, there) => {
    await using cluster = await fakeCluster(
      { ...ANSWERS, 24: (_, socket) => void socket.destroy(), 22: response(info(CHUNK + there)) },
      { retries: 1 },
    )
    await cluster.client.uploadFile(inPieces(content), AS_IT_COMES)
    const commands = cluster.commands()
    expect(commands.filter((command) => command !== 22)).toEqual([23, 24, 34, 38])
    const modify = cluster.storage.requests[commands.indexOf(34)] as Buffer
    // Length of the name, offset, size, name, content (protocol.md §3.2).
    expect(modify.readBigInt64BE(18)).toBe(BigInt(CHUNK))
    expect(modify.readBigInt64BE(26)).toBe(5n)
    expect(modify.subarray(-5)).toEqual(content.subarray(-5))
  })

  it('end where the storage has lost what it had', async () => {
    await using cluster = await fakeCluster(
      { ...ANSWERS, 24: (_, socket) => void socket.destroy(), 22: response(info(CHUNK - 1)) },
      { retries: 1 },
    )
    await expect(cluster.client.uploadFile(inPieces(content), AS_IT_COMES)).rejects.toMatchObject({
      name: 'IntegrityError',
      reason: `the storage has ${CHUNK - 1} bytes of the file, not ${CHUNK} to ${CHUNK + 5}`,
      fileId: APPENDER_ID,
    })
    expect(cluster.commands().at(-1)).toBe(12)
  })

  it('delete what has the old name when the answer to the renaming is lost', async () => {
    await using cluster = await fakeCluster({ ...ANSWERS, 38: (_, socket) => void socket.destroy() })
    await expect(cluster.client.uploadFile(inPieces(content), AS_IT_COMES)).rejects.toThrow(
      UnknownOutcomeError,
    )
    expect(cluster.commands()).toEqual([23, 24, 38, 12])
  })

  it('let the source go when the client is closed', async () => {
    const ended = deferred()
    await using cluster = await fakeCluster(ANSWERS)
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* inPieces(content)
        await cluster.client.close({ grace: 0 })
        yield Buffer.from('more')
      } finally {
        ended.resolve()
      }
    }
    await expect(cluster.client.uploadFile(pieces(), AS_IT_COMES)).rejects.toMatchObject({
      name: 'ClosedError',
    })
    await ended.promise
  })

  it.each<[unknown, string]>([
    ['stream', 'unknownLength must be spool, appender, not "stream"'],
    [null, 'unknownLength must be spool, appender, not null'],
  ])('are none where unknownLength is %p', async (unknownLength, message) => {
    await using cluster = await fakeCluster()
    const options = { unknownLength } as object
    await expect(cluster.client.uploadFile(inPieces(content), options)).rejects.toThrow(message)
    await expect(
      cluster.client.uploadFile(inPieces(content), { unknowLength: 'spool' } as object),
    ).rejects.toThrow('did you mean unknownLength?')
    expect(cluster.commands()).toEqual([])
  })

  it('refuse pieces that are none', async () => {
    await using cluster = await fakeCluster(ANSWERS)
    const pieces = ['text'] as unknown as Uint8Array[]
    await expect(
      cluster.client.uploadFile(Readable.from(pieces, { objectMode: true }), AS_IT_COMES),
    ).rejects.toThrow('a source gives pieces of type Uint8Array, not string: "text"')
    expect(cluster.commands()).toEqual([])
  })
})
