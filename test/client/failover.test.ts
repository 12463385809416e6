/** Another storage after a failure, the source where a replica knows no file, and trackers during a failover. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Socket } from 'node:net'
import type { ClientOptions, FastDfsError, FileIdSource, RetryError } from '../../src/index.js'
import { FastDfsClient, formatFileId } from '../../src/index.js'
import type { Answer, FakeServer } from '../support/fake-server.js'
import { fakeServer, field, int64, response } from '../support/fake-server.js'
import type { Answers } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  CONTENT,
  deadAddress,
  deferred,
  ID,
  info,
  INFO,
  OK,
  rawServer,
  rejection,
  serving,
  SHORT_ID,
  status,
  STORED,
  temporaryFolder,
  wholeRequest,
} from './fakes.js'

beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0))
afterAll(() => jest.restoreAllMocks())

const portOf = (address: string): number => Number(address.split(':')[1])
const commands = (server: FakeServer): number[] => server.requests.map((request) => request[8] as number)

/** By the number of the command. */
const answering = (answers: Answers): Answer => {
  return (request, socket) => {
    const answer = answers[request[8] as number] ?? status(22)
    return typeof answer === 'function' ? answer(request, socket) : answer
  }
}

/** A tracker of one group: the ports of what it names for 101 and 104, 102, 103, and all of 105 to 107. */
interface Named {
  store: number
  fetch: number
  update: number
  all: number[]
}
const trackerOf = (named: Named): Promise<FakeServer> => {
  const ip = field('127.0.0.1', 15)
  const one = (port: number): Buffer => Buffer.concat([ip, int64(port)])
  const group = field('group1', 16)
  const path = Buffer.from([3])
  return fakeServer(
    answering({
      101: () => response(Buffer.concat([group, one(named.store), path])),
      104: () => response(Buffer.concat([group, one(named.store), path])),
      102: () => response(Buffer.concat([group, one(named.fetch)])),
      103: () => response(Buffer.concat([group, one(named.update)])),
      105: () => response(Buffer.concat([group, ...named.all.map(one)])),
      106: () => response(Buffer.concat([group, ...named.all.map(one), path])),
      107: () => response(Buffer.concat([group, ...named.all.map(one), path])),
      111: OK,
    }),
  )
}

interface Two extends AsyncDisposable {
  first: FakeServer
  second: FakeServer
  tracker: FakeServer
  named: Named
  client: FastDfsClient
}

/** Two storages of one group; the tracker names the first for everything, unless it is told otherwise. */
async function two(
  first: Answer | Answers,
  second: Answer | Answers,
  options: Partial<ClientOptions> = {},
  change: (named: Named, ports: [number, number]) => void = () => {},
): Promise<Two> {
  const server = (answer: Answer | Answers): Promise<FakeServer> =>
    fakeServer(typeof answer === 'function' ? answer : answering({ 111: OK, ...answer }))
  const servers = [await server(first), await server(second)] as const
  const [one, other] = servers
  const named = { store: one.port, fetch: one.port, update: one.port, all: [one.port, other.port] }
  change(named, [one.port, other.port])
  const tracker = await trackerOf(named)
  const client = new FastDfsClient({ trackers: tracker.address, retries: 1, verify: false, ...options })
  return {
    first: one,
    second: other,
    tracker,
    named,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      for (const server of [tracker, one, other]) await server[Symbol.asyncDispose]()
    },
  }
}

const closes = (_: Buffer, socket: Socket): void => void socket.end()

describe('a read whose storage fails', () => {
  it.each<[string, (client: FastDfsClient) => Promise<unknown>, Answers, number]>([
    ['downloadFile', (client) => client.downloadFile(ID), { 14: response(CONTENT) }, 14],
    ['fileInfo', (client) => client.fileInfo(ID), { 22: INFO }, 22],
    ['getMetadata', (client) => client.getMetadata(ID), { 15: response(Buffer.from('a\x02b')) }, 15],
  ])('%s is made at another one', async (_, call, answers, command) => {
    await using servers = await two(closes, answers)
    await call(servers.client)
    expect(commands(servers.first)).toEqual([command])
    expect(commands(servers.second)).toEqual([command])
    // And passed over from now on: it is open.
    await call(servers.client)
    expect(commands(servers.first)).toEqual([command])
    expect(commands(servers.second)).toEqual([command, command])
    expect(servers.client.stats().endpoints).toContainEqual(
      expect.objectContaining({ endpoint: servers.first.address, health: 'open', failures: 1 }),
    )
  })

  it('goes back to it where there is no other', async () => {
    await using servers = await two(closes, closes, {}, (named, [first]) => (named.all = [first]))
    const error = await rejection<RetryError>(servers.client.fileInfo(ID))
    expect(error.errors.map(({ endpoint }) => endpoint)).toEqual([
      servers.first.address,
      servers.first.address,
    ])
  })

  it('goes on at another one from the byte reached, and the sum is that of the whole', async () => {
    const content = bytesOf(300_000)
    await using servers = await two(
      { 14: serving(content, 100_000) },
      { 14: serving(content), 22: response(info(300_000)) },
    )
    // The name says nothing, so the second is asked how many it has; counted while it came, from both.
    const bytes = Buffer.alloc(content.length)
    const { size, crc32, endpoint } = await servers.client.downloadFile(SHORT_ID, bytes, { verify: true })
    expect(bytes.equals(content)).toBe(true)
    expect(size).toBe(300_000)
    const { crc32: expected } = await import('../../src/file-id/index.js')
    expect(crc32).toBe(expected(content))
    expect(endpoint).toBe(servers.second.address)
    expect(servers.second.requests[1]?.readBigInt64BE(10)).toBe(100_000n)
    expect(servers.second.requests[1]?.readBigInt64BE(18)).toBe(200_000n)
  })

  it('of what can be changed begins again, where the sink can', async () => {
    await using servers = await two(
      { 14: serving(Buffer.from('old content'), 4), 22: INFO },
      { 14: serving(Buffer.from('new content')) },
    )
    expect((await servers.client.downloadFile(APPENDER_ID)).toString()).toBe('new content')
  })

  it('leaves nothing at a path of an attempt that had come further', async () => {
    const content = bytesOf(1_200_000)
    await using servers = await two(
      { 14: serving(Buffer.alloc(3_000_000, 7), 2_500_000), 22: info(3_000_000) },
      { 14: serving(content) },
    )
    await using folder = await temporaryFolder()
    const { size } = await servers.client.downloadFile(APPENDER_ID, folder.join('x'))
    expect(size).toBe(1_200_000)
    expect((await readFile(folder.join('x'))).equals(content)).toBe(true)
  })
})

describe('"no such file" of a replica', () => {
  const elsewhere = (named: Named, [, second]: [number, number]): void => void (named.update = second)

  it.each<[string, (client: FastDfsClient) => Promise<unknown>, Answers, number, unknown]>([
    ['downloadFile', (client) => client.downloadFile(ID), { 14: response(CONTENT) }, 14, CONTENT],
    ['fileExists', (client) => client.fileExists(ID), { 22: INFO }, 22, true],
  ])('is not believed by %s before the source was asked once', async (_, call, answers, command, result) => {
    await using servers = await two({ [command]: status(2) }, answers, {}, elsewhere)
    expect(await call(servers.client)).toEqual(result)
    expect(commands(servers.first)).toEqual([command])
    expect(commands(servers.second)).toEqual([command])
  })

  it('is believed when the source says so too', async () => {
    await using servers = await two({ 22: status(2) }, { 22: status(2) }, {}, elsewhere)
    expect(await servers.client.fileExists(ID)).toBe(false)
    expect([commands(servers.first), commands(servers.second)]).toEqual([[22], [22]])
  })

  it('is believed at once when the replica is the source', async () => {
    await using servers = await two({ 22: status(2) }, { 22: INFO })
    await expect(servers.client.fileInfo(ID)).rejects.toMatchObject({ name: 'FileNotFoundError' })
    expect([commands(servers.first), commands(servers.second)]).toEqual([[22], []])
  })

  it('is not believed of a source that only one tracker takes for it', async () => {
    // As after a kill: to one tracker the real source is not ready, for good.
    await using replica = await fakeServer(answering({ 22: status(2) }))
    await using source = await fakeServer(answering({ 22: INFO }))
    const named = { store: 1, fetch: replica.port, all: [replica.port] }
    await using mistaken = await trackerOf({ ...named, update: replica.port })
    await using right = await trackerOf({ ...named, update: source.port })
    await using client = new FastDfsClient({ trackers: [mistaken.address, right.address] })
    for (let i = 0; i < 4; i++) await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    expect(commands(source)).toEqual([22, 22, 22, 22])
  })

  it('is not believed by getMetadata of one tracker alone: neither that there is none, nor that there is no file', async () => {
    const missing = { 15: status(2), 22: status(2) }
    await using replica = await fakeServer(answering(missing))
    await using source = await fakeServer(answering({ 15: response(Buffer.from('a\x02b')), 22: INFO }))
    const named = { store: 1, fetch: replica.port, all: [replica.port] }
    await using mistaken = await trackerOf({ ...named, update: replica.port })
    await using right = await trackerOf({ ...named, update: source.port })
    await using client = new FastDfsClient({ trackers: [mistaken.address, right.address] })
    for (let i = 0; i < 4; i++) expect(await client.getMetadata(ID)).toEqual({ a: 'b' })
  })

  it.each<[string, Answers, unknown]>([
    ['there is none', { 15: status(2), 22: INFO }, {}],
    [
      'there is no file',
      { 15: status(2), 22: status(2) },
      expect.objectContaining({ name: 'FileNotFoundError' }),
    ],
  ])('is believed by getMetadata where all say that %s', async (_, answers, result) => {
    await using servers = await two(answers, answers, {}, elsewhere)
    expect(await servers.client.getMetadata(ID).catch((error: unknown) => error)).toEqual(result)
  })

  it('is not an answer while the source cannot be asked', async () => {
    await using servers = await two({ 22: status(2) }, closes, {}, elsewhere)
    const error = await rejection<RetryError>(servers.client.fileExists(ID))
    expect(error).toMatchObject({
      name: 'RetryError',
      errors: [
        { name: 'ConnectError', endpoint: servers.second.address },
        { name: 'ConnectError', endpoint: servers.second.address },
      ],
    })
    expect(commands(servers.second)).toEqual([22, 22])
  })

  it('is believed when too many were doubted: sources are not drowned in questions', async () => {
    await using servers = await two({ 22: status(2) }, { 22: status(2) }, {}, elsewhere)
    for (let i = 0; i < 150; i++) expect(await servers.client.fileExists(ID)).toBe(false)
    expect(commands(servers.first)).toHaveLength(150)
    // 100 at hand, and some that came with the time.
    expect(commands(servers.second).length).toBeGreaterThanOrEqual(100)
    expect(commands(servers.second).length).toBeLessThan(140)
  })
})

it('a source that failed when a replica knew no file is asked again: no replica is believed instead', async () => {
  await using servers = await two({ 22: status(2) }, { 22: status(16) }, {}, (named, [, second]) => {
    named.update = second
  })
  const { first, second } = servers
  const error = await rejection<RetryError>(servers.client.fileInfo(ID))
  expect(error.errors).toMatchObject([
    { endpoint: second.address, status: 16 },
    { endpoint: second.address, status: 16 },
  ])
  expect([commands(first), commands(second)]).toEqual([
    [22, 22],
    [22, 22],
  ])
})

describe('a change', () => {
  const idFrom = (source: FileIdSource): string =>
    formatFileId({
      group: 'group1',
      storePathIndex: 0,
      directories: [0, 0],
      source,
      createdAt: new Date(1_700_000_000_000),
      size: 0,
      crc32: 0,
      randomBits: 0,
      digits: '082',
      ext: 'log',
      appender: true,
    })
  const sourceId = idFrom({ kind: 'ip', ip: '127.0.0.1' })
  /** A tracker to which the source, at 127.0.0.1, is not ready: it names another member. */
  const mistakenTracker = (port: number): Promise<FakeServer> =>
    fakeServer(
      answering({
        103: response(Buffer.concat([field('group1', 16), field('127.0.0.2', 15), int64(port)])),
      }),
    )

  it('is made at the source where only one tracker takes that for ready', async () => {
    await using source = await fakeServer(answering({ 24: OK, 12: OK, 111: OK }))
    await using mistaken = await mistakenTracker(source.port)
    await using right = await trackerOf({ store: 1, fetch: 1, update: source.port, all: [] })
    await using client = new FastDfsClient({ trackers: [mistaken.address, right.address], retries: 0 })
    for (let i = 0; i < 4; i++) await client.appendFile(sourceId, CONTENT)
    await client.deleteFile(sourceId)
    expect(commands(source)).toEqual([24, 24, 24, 24, 12])
  })

  it('is made at the source whose storage ID the name holds, where storageIds knows the member that was named', async () => {
    await using source = await fakeServer(answering({ 24: OK, 12: OK, 111: OK }))
    await using mistaken = await mistakenTracker(source.port)
    await using right = await trackerOf({ store: 1, fetch: 1, update: source.port, all: [] })
    const known = { group: 'group1', port: source.port }
    await using client = new FastDfsClient({
      trackers: [mistaken.address, right.address],
      storageIds: [
        { ...known, id: '100001', hosts: ['127.0.0.1'] },
        { ...known, id: '100002', hosts: ['127.0.0.2'] },
      ],
      retries: 0,
    })
    const id = idFrom({ kind: 'id', id: 100_001 })
    for (let i = 0; i < 4; i++) await client.appendFile(id, CONTENT)
    expect(commands(source)).toEqual([24, 24, 24, 24])
    // Each of the two was asked first twice, and only the mistaken one's word was checked.
    expect(commands(right)).toHaveLength(4)
    expect(commands(mistaken)).toHaveLength(4)
  })

  it('is made where the trackers say when the source cannot be reached', async () => {
    const dead = portOf(await deadAddress())
    await using other = await fakeServer(answering({ 24: OK }))
    // Both are at 127.0.0.1 for the client.
    const storageAddressMap = { '127.0.0.2': '127.0.0.1' }
    await using noticing = await mistakenTracker(other.port)
    await using late = await trackerOf({ store: 1, fetch: 1, update: dead, all: [] })
    await using client = new FastDfsClient({
      trackers: [noticing.address, late.address],
      storageAddressMap,
      retries: 2,
    })
    await client.appendFile(sourceId, CONTENT)
    expect(commands(other)).toEqual([24])
  })
})

describe('that no tracker names a storage does not mean that a file does not exist', () => {
  const saying = (groups: Buffer): Answer => answering({ 102: status(2), 103: status(2), 90: groups })

  it('where the group exists: fileExists rejects', async () => {
    const group = Buffer.alloc(105)
    group.write('group1')
    await using tracker = await fakeServer(saying(response(group)))
    await using client = new FastDfsClient({ trackers: tracker.address })
    await expect(client.fileExists(ID)).rejects.toMatchObject({
      name: 'FileNotFoundError',
      command: 'queryFetchOne',
      fileId: ID,
    })
    expect(commands(tracker)).toEqual([102, 90])
  })

  it('but that there is no such group does', async () => {
    await using tracker = await fakeServer(saying(status(2)))
    await using client = new FastDfsClient({ trackers: tracker.address })
    expect(await client.fileExists(ID)).toBe(false)
  })
})

describe('an upload whose storage fails', () => {
  it('is made at another one, which chooses its own store path', async () => {
    const taken = deferred<Buffer>()
    const dead = portOf(await deadAddress())
    await using servers = await two(
      closes,
      { 11: (request) => (taken.resolve(request), STORED) },
      {},
      (named, [, second]) => {
        named.store = dead
        named.all = [dead, second]
      },
    )
    await expect(servers.client.uploadFile(CONTENT)).resolves.toMatchObject({
      id: ID,
      endpoint: servers.second.address,
    })
    // 255: the path that the tracker chose was the first one's (protocol.md §2.1).
    expect((await taken.promise)[10]).toBe(0xff)
    expect(commands(servers.tracker)).toEqual([101, 101, 106])
    await servers.client.uploadFile(CONTENT)
    expect(commands(servers.tracker)).toEqual([101, 101, 106, 101, 106])
  })

  it('is made there too when its content was not wholly sent', async () => {
    await using half = await rawServer((socket) => void socket.once('data', () => socket.resetAndDestroy()))
    await using whole = await rawServer(
      (socket) => void wholeRequest(socket).then(() => socket.write(STORED)),
    )
    await using tracker = await trackerOf({
      store: half.port,
      fetch: half.port,
      update: half.port,
      all: [half.port, whole.port],
    })
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 1, verify: false })
    await expect(client.uploadFile(bytesOf(24 * 1024 * 1024))).resolves.toMatchObject({
      id: ID,
      endpoint: whole.address,
    })
    expect([half.sockets.length, whole.sockets.length]).toEqual([1, 1])
    await client.close({ grace: 0 })
  })

  it('goes to the one that the tracker names where no other can be found', async () => {
    await using servers = await two({ 11: STORED }, closes, { retries: 2 }, (named) => (named.all = []))
    const [socketError] = await Promise.all([rejection<FastDfsError>(brokenOnce(servers))])
    expect(socketError).toMatchObject({ name: 'UnknownOutcomeError' })
    await expect(servers.client.uploadFile(CONTENT)).resolves.toMatchObject({
      endpoint: servers.first.address,
    })
  })
})

/** Makes the client believe that the first storage fails. */
async function brokenOnce({ client, named, second }: Two): Promise<unknown> {
  const { store } = named
  named.store = second.port
  try {
    return await client.uploadFile(CONTENT)
  } finally {
    named.store = store
  }
}

describe('an outcome that nobody knows says what may exist', () => {
  it.each<[string, (client: FastDfsClient) => Promise<unknown>, RegExp, string | undefined]>([
    [
      'uploadFile',
      (client) => client.uploadFile(CONTENT),
      /; a file of 13 bytes may be in group1, under an ID that nobody knows$/,
      undefined,
    ],
    [
      'uploadSlaveFile',
      (client) => client.uploadSlaveFile(ID, CONTENT, { prefix: '_s', ext: 'jpg' }),
      /; the slave group1\/M00\/.*_s\.jpg may be stored$/,
      ID.replace('.txt', '_s.jpg'),
    ],
    [
      'appendFile',
      (client) => client.appendFile(APPENDER_ID, CONTENT),
      /; 13 bytes may have been added to the file$/,
      APPENDER_ID,
    ],
    [
      'regenerateAppenderFile',
      (client) => client.regenerateAppenderFile(APPENDER_ID),
      /; the file may have a new ID, which nobody knows/,
      APPENDER_ID,
    ],
  ])('%s', async (_, call, reason, fileId) => {
    await using servers = await two(
      (request, socket) => (request[8] === 15 ? status(2) : request[8] === 22 ? INFO : void socket.end()),
      closes,
    )
    const error = await rejection<FastDfsError>(call(servers.client))
    expect(error).toMatchObject({ name: 'UnknownOutcomeError', phase: 'answer', fileId, retriable: false })
    expect(error.reason).toMatch(reason)
    expect(commands(servers.second)).toEqual([])
  })
})

it('an upload that is aborted while only its answer is missing says that it may have been carried out', async () => {
  const asked = deferred()
  await using servers = await two({ 11: () => asked.resolve() }, closes)
  const controller = new AbortController()
  const uploading = rejection(servers.client.uploadFile(CONTENT, { signal: controller.signal }))
  await asked.promise
  controller.abort()
  expect(await uploading).toMatchObject({
    name: 'AbortError',
    phase: 'answer',
    reason: 'the call was aborted; the request may have been carried out',
  })
})

describe('trackers', () => {
  it('that say 2 while a server has just failed are asked again until they know', async () => {
    let asked = 0
    await using storage = await fakeServer(() => STORED)
    const target = response(
      Buffer.concat([field('group1', 16), field('127.0.0.1', 15), int64(storage.port), Buffer.from([0])]),
    )
    await using tracker = await fakeServer(() => (++asked < 4 ? status(2) : target))
    await using client = new FastDfsClient({
      trackers: [await deadAddress(), tracker.address],
      verify: false,
    })
    await expect(client.uploadFile(CONTENT)).resolves.toMatchObject({ id: ID })
    expect(asked).toBe(4)
  })

  it('that say 2 after they were restarted are asked again until they know', async () => {
    let asked = 0
    await using storage = await fakeServer(() => INFO)
    const target = response(Buffer.concat([field('group1', 16), field('127.0.0.1', 15), int64(storage.port)]))
    await using tracker = await fakeServer((request) =>
      request[8] === 111 ? OK : ++asked < 4 ? status(2) : target,
    )
    await using client = new FastDfsClient({ trackers: tracker.address })
    await client.ping()
    const [idle] = tracker.connections as [Socket]
    const dropped = new Promise((resolve) => idle.once('close', resolve))
    idle.end()
    await dropped
    await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    expect(asked).toBe(4)
  })

  it('that say 2 after a storage was restarted are asked again, before its connection is missed', async () => {
    let asked = 0
    await using storage = await fakeServer(() => STORED)
    const target = response(
      Buffer.concat([field('group1', 16), field('127.0.0.1', 15), int64(storage.port), Buffer.from([0])]),
    )
    // It knows the storage, then not for a while, then again.
    await using tracker = await fakeServer(() => ([1, 2].includes(asked++) ? status(2) : target))
    await using client = new FastDfsClient({ trackers: tracker.address, verify: false })
    const upload = (): Promise<unknown> => client.uploadFile(CONTENT)
    await upload()
    const [idle] = storage.connections as [Socket]
    const dropped = new Promise((resolve) => idle.once('close', resolve))
    idle.end()
    await dropped
    await expect(upload()).resolves.toMatchObject({ size: CONTENT.length })
    expect(asked).toBe(4)
  })

  it('are believed ten seconds after the failure, and at once without retries', async () => {
    let ahead = 0
    const real = performance.now.bind(performance)
    const now = jest.spyOn(performance, 'now').mockImplementation(() => real() + ahead)
    await using tracker = await fakeServer(() => {
      ahead += 3_000
      return status(2)
    })
    const trackers = [await deadAddress(), tracker.address]
    await using client = new FastDfsClient({ trackers, retryDeadline: 60_000 })
    await expect(client.fileInfo(ID)).rejects.toMatchObject({ name: 'FileNotFoundError' })
    expect(tracker.requests).toHaveLength(4)
    await using hasty = new FastDfsClient({ trackers, retries: 0 })
    await expect(hasty.fileInfo(ID)).rejects.toMatchObject({ name: 'FileNotFoundError' })
    expect(tracker.requests).toHaveLength(5)
    now.mockRestore()
  })

  it('one of which has no connection left are passed over', async () => {
    const busy = deferred()
    let lent = 0
    await using storage = await fakeServer(() => INFO)
    await using slow = await fakeServer(() => void (++lent === 1 && busy.resolve()))
    await using good = await trackerOf({
      store: storage.port,
      fetch: storage.port,
      update: storage.port,
      all: [storage.port],
    })
    await using client = new FastDfsClient({
      trackers: [slow.address, good.address],
      maxConnections: 1,
      maxQueue: 1,
      queueTimeout: 50,
    })
    const hanging = client.fileInfo(ID).catch((error: unknown) => error)
    await busy.promise
    // The second asks the good one, the third finds the slow one's only connection in use.
    for (let i = 0; i < 3; i++) await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    expect(slow.requests).toHaveLength(1)
    // Being busy is no failure.
    expect(client.stats().endpoints.find(({ endpoint }) => endpoint === slow.address)?.health).toBe('closed')
    await client.close({ grace: 0 })
    await hanging
  })

  it('one that failed is tried in the background, and comes back', async () => {
    const real = performance.now.bind(performance)
    let ahead = 0
    const now = jest.spyOn(performance, 'now').mockImplementation(() => real() + ahead)
    await using storage = await fakeServer(() => INFO)
    const named = { store: storage.port, fetch: storage.port, update: storage.port, all: [storage.port] }
    await using good = await trackerOf(named)
    let broken = true
    const probed = deferred()
    await using flaky = await fakeServer((request, socket) => {
      if (broken) return void socket.destroy()
      if (request[8] === 111) {
        setImmediate(() => probed.resolve())
        return OK
      }
      return response(Buffer.concat([field('group1', 16), field('127.0.0.1', 15), int64(storage.port)]))
    })
    await using client = new FastDfsClient({ trackers: [flaky.address, good.address], retries: 0 })
    const health = (): string | undefined =>
      client.stats().endpoints.find(({ endpoint }) => endpoint === flaky.address)?.health
    await client.fileInfo(ID)
    expect(health()).toBe('open')
    await client.fileInfo(ID)
    await client.fileInfo(ID)
    expect(commands(flaky)).toEqual([102])
    broken = false
    ahead = 1100
    for (let i = 0; i < 2; i++) await client.fileInfo(ID)
    await probed.promise
    while (health() !== 'closed') await sleep(1)
    expect(commands(flaky)).toEqual([102, 111])
    for (let i = 0; i < 2; i++) await client.fileInfo(ID)
    expect(commands(flaky)).toEqual([102, 111, 102])
    now.mockRestore()
  })
})

describe('the retry budget', () => {
  it('lets a client of servers that all fail make about a hundred attempts more than its calls', async () => {
    await using servers = await two(closes, closes, { retries: 2 })
    let more = 0
    await using client = new FastDfsClient({
      trackers: servers.tracker.address,
      retries: 2,
      onRetry: () => more++,
    })
    for (let i = 0; i < 120; i++) await rejection(client.fileInfo(ID))
    expect(more).toBeGreaterThanOrEqual(100)
    expect(more).toBeLessThan(200)
    expect(client.stats().retriesLeft).toBeLessThan(10)
  })
})

describe('onRetry', () => {
  it('is told of each attempt that is made again', async () => {
    const retries: unknown[] = []
    await using servers = await two(closes, { 22: INFO }, { onRetry: (retry) => retries.push(retry) })
    await servers.client.fileInfo(ID)
    expect(retries).toEqual([
      {
        attempt: 1,
        delay: 0,
        error: expect.objectContaining({
          name: 'ConnectError',
          command: 'queryFileInfo',
          phase: 'answer',
          endpoint: servers.first.address,
        }) as unknown,
      },
    ])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['gives a promise that is rejected', () => Promise.reject(new Error('boom'))],
  ])('changes nothing when it %s', async (_, onRetry) => {
    const told: string[] = []
    await using servers = await two(
      closes,
      { 22: INFO },
      {
        onRetry,
        logger: { debug: () => {}, info: () => {}, warn: (_, message) => told.push(message) },
      },
    )
    await expect(servers.client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    expect(told).toEqual(['onRetry failed: boom'])
  })
})

describe('questions to trackers', () => {
  it.each<[string, (client: FastDfsClient) => Promise<unknown>, number, Buffer]>([
    ['ping', (client) => client.ping(), 111, OK],
    ['tracker.queryFetch', (client) => client.tracker.queryFetch(ID), 102, target()],
    ['admin.listGroups', (client) => client.admin.listGroups(), 91, OK],
    ['admin.deleteGroup', (client) => client.admin.deleteGroup('group1'), 108, OK],
  ])('%s: are asked again after a lost answer', async (_, call, command, answer) => {
    let calls = 0
    await using tracker = await fakeServer((request, socket) => {
      if (request[8] !== command) return status(22)
      return ++calls === 1 ? void socket.end() : answer
    })
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 1 })
    await call(client)
    expect(commands(tracker)).toEqual([command, command])
  })

  it('admin.deleteGroup has deleted a group when the answer was lost, and the next says 2', async () => {
    const answers: (Buffer | undefined)[] = [undefined, status(2)]
    await using tracker = await fakeServer((_, socket) => answers.shift() ?? void socket.end())
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 1 })
    await expect(client.admin.deleteGroup('group1')).resolves.toBeUndefined()
    expect(commands(tracker)).toEqual([108, 108])
  })

  it('admin.deleteGroup of a group that is in use is asked once', async () => {
    await using tracker = await fakeServer(() => status(16))
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 2 })
    await expect(client.admin.deleteGroup('group1')).rejects.toMatchObject({ status: 16, retriable: false })
    expect(commands(tracker)).toEqual([108])
  })
})

function target(): Buffer {
  return response(Buffer.concat([field('group1', 16), field('127.0.0.1', 15), int64(23000)]))
}

describe('a download that breaks off again and again', () => {
  const MIB = 1024 * 1024
  const content = bytesOf(3 * MIB + 5)
  const id = formatFileId({
    group: 'group1',
    storePathIndex: 0,
    directories: [0, 0],
    source: { kind: 'id', id: 100_001 },
    createdAt: new Date(1_700_000_000_000),
    size: content.length,
    crc32: 0,
    randomBits: 0,
    digits: '08',
    ext: 'data',
    appender: false,
  })

  it('goes on as long as each attempt brings a good piece of it', async () => {
    const storage = await fakeServer(answering({ 14: serving(content, MIB, MIB, MIB) }))
    const tracker = await trackerOf({
      store: storage.port,
      fetch: storage.port,
      update: storage.port,
      all: [],
    })
    const client = new FastDfsClient({ trackers: `127.0.0.1:${tracker.port}`, retries: 1, verify: false })
    expect((await client.downloadFile(id)).equals(content)).toBe(true)
    expect(commands(storage)).toEqual([14, 14, 14, 14])
    await client.close()
    await storage[Symbol.asyncDispose]()
    await tracker[Symbol.asyncDispose]()
  })
})
