/** Every fault, seen by a client of raw sockets; expected bytes are those of docs/protocol.md §1.1. */
import { once } from 'node:events'
import { InvalidArgumentError } from '../../src/errors.js'
import type { Cluster, FaultEffect } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { bytes, i64, packet, RawClient, str } from '../server/raw.js'

let cluster: Cluster
const raws: RawClient[] = []
beforeAll(async () => {
  cluster = await startCluster({ trackers: 2, groups: 1, storages: 2 })
})
afterEach(async () => {
  for (const raw of raws.splice(0)) raw.close()
  while (await clientsOf(tracker())) await new Promise(setImmediate)
  await cluster.reset()
})
afterAll(() => cluster.stop())

async function connectTo(member: { host: string; port: number }): Promise<RawClient> {
  const raw = await RawClient.connect(member.port, member.host)
  raws.push(raw)
  return raw
}

const tracker = () => cluster.trackers[0] as Cluster['trackers'][number]
const storage = () => cluster.storage('group1', 0)
const connectStorage = () => connectTo(storage())
const connectTracker = () => connectTo(tracker())

/** Connections of clients that a member still has. */
async function clientsOf({ name }: { name: string }): Promise<number> {
  const stats = await cluster.stats()
  return stats.find(({ member }) => member === name)?.connections.clients ?? 0
}

const ACTIVE_TEST = 111
const UPLOAD = 11
const content = Buffer.from('0123456789')
const upload = bytes(0, i64(content.length), str('txt', 6), content)
/** An ACTIVE_TEST and its answer. */
const OK = Buffer.from('00000000000000006400', 'hex')

/** All that came until the connection ended. */
async function untilEnd(raw: RawClient, event: 'end' | 'close'): Promise<Buffer> {
  const pieces: Buffer[] = []
  raw.socket.on('data', (piece) => pieces.push(piece))
  // Not `once`, which fails when the end is a reset.
  await new Promise((resolve) => raw.socket.on(event, resolve))
  return Buffer.concat(pieces)
}

/** A connection that is reset, while it is made or as soon as it is. */
async function connectInVain(member: { host: string; port: number }): Promise<void> {
  const raw = await connectTo(member).catch((error: NodeJS.ErrnoException) => error)
  if (raw instanceof RawClient) await raw.closed()
  else expect(raw.code).toBe('ECONNRESET')
}

describe('a request', () => {
  it('is answered with a status, and not carried out', async () => {
    const fault = cluster.fault({ on: 'storage', command: 'uploadFile', times: 1 }, { status: 28 })
    const raw = await connectStorage()
    expect(await raw.ask(UPLOAD, upload)).toMatchObject({ status: 28, body: Buffer.alloc(0) })
    expect(await storage().files()).toEqual([])
    expect(await raw.ask(UPLOAD, upload)).toMatchObject({ status: 0 })
    expect(await storage().files()).toHaveLength(1)
    expect(fault.hits).toBe(1)
  })

  it('is answered with a status in its turn, between others sent with it', async () => {
    cluster.fault({ command: 'deleteFile' }, { status: 16 })
    const raw = await connectStorage()
    raw.send(bytes(packet(UPLOAD, upload), packet(12, str('group1', 17)), packet(ACTIVE_TEST)))
    expect((await raw.response()).body.length).toBeGreaterThan(16)
    expect(await raw.response()).toMatchObject({ status: 16 })
    expect(await raw.response()).toMatchObject({ status: 0, body: Buffer.alloc(0) })
  })

  it('hangs, but is carried out', async () => {
    const fault = cluster.fault({ command: 'uploadFile' }, { hang: true })
    const raw = await connectStorage()
    raw.send(packet(UPLOAD, upload))
    await cluster.requests.next('uploadFile')
    while ((await storage().files()).length === 0) await new Promise(setImmediate)
    expect(fault.hits).toBe(1)
    // What the fault has left hanging ends with it.
    fault.remove()
    await raw.closed()
  })

  it('is not read any more', async () => {
    const fault = cluster.fault({ command: 'uploadFile' }, { stopReading: true })
    const raw = await connectStorage()
    const huge = 64 * 1024 * 1024
    raw.send(packet(UPLOAD, bytes(0, i64(huge), str('txt', 6), Buffer.alloc(huge))))
    await cluster.requests.next('uploadFile').catch(() => {})
    expect(fault.hits).toBe(1)
    const before = raw.socket.writableLength
    await new Promise((resolve) => setTimeout(resolve, 30))
    // The rest waits here: the buffers of the system are full.
    expect(raw.socket.writableLength).toBe(before)
    expect(before).toBeGreaterThan(huge / 2)
    fault.remove()
    await raw.closed()
  })

  it('is delayed, on its way there or back', async () => {
    for (const dir of ['request', 'response'] as const) {
      const raw = await connectStorage()
      using fault = cluster.fault({ on: 'storage', from: 'clients' }, { delay: 40, dir })
      const start = performance.now()
      expect(await raw.ask(ACTIVE_TEST)).toMatchObject({ status: 0 })
      expect(performance.now() - start).toBeGreaterThanOrEqual(39)
      expect(fault.hits).toBe(1)
    }
  })

  it('comes in pieces of one byte', async () => {
    cluster.fault({ on: 'storage', from: 'clients' }, { chunk: 1, dir: 'request' })
    const raw = await connectStorage()
    expect(await raw.ask(UPLOAD, upload)).toMatchObject({ status: 0 })
    expect(await storage().files()).toMatchObject([{ size: content.length }])
  })

  it('is cut on its way, and not carried out', async () => {
    cluster.fault({ command: 'uploadFile' }, { cutAfter: 30, dir: 'request' })
    const raw = await connectStorage()
    raw.send(packet(UPLOAD, upload))
    await raw.closed()
    expect(await storage().files()).toEqual([])
  })
})

describe('an answer', () => {
  it('is cut behind some bytes with a reset', async () => {
    const fault = cluster.fault({ command: 'activeTest' }, { cutAfter: 4 })
    const raw = await connectStorage()
    const came = untilEnd(raw, 'close')
    const failed = once(raw.socket, 'error')
    raw.send(packet(ACTIVE_TEST))
    expect(await came).toEqual(OK.subarray(0, 4))
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    expect(fault.hits).toBe(1)
  })

  it.each([10, 11, Infinity])('is whole before the connection is cut behind %d bytes', async (cutAfter) => {
    cluster.fault({ command: 'activeTest' }, { cutAfter })
    const raw = await connectStorage()
    const came = untilEnd(raw, 'close')
    raw.send(packet(ACTIVE_TEST))
    expect(await came).toEqual(OK)
  })

  it('is cut within content that is sent in chunks', async () => {
    const raw = await connectStorage()
    const size = 300_000
    raw.send(packet(UPLOAD, bytes(0, i64(size), str('', 6), Buffer.alloc(size, 'x'))))
    const name = (await raw.response()).body.subarray(16)
    cluster.fault({ command: 'downloadFile' }, { cutAfter: 100_000 })
    const came = untilEnd(raw, 'close')
    raw.send(packet(14, bytes(i64(0), i64(0), str('group1', 16), name)))
    const got = await came
    expect(got.length).toBeLessThanOrEqual(100_000)
    expect(got.subarray(0, 10)).toEqual(bytes(i64(size), 100, 0))
  })

  it('ends with a FIN behind some bytes, and the other side stays open', async () => {
    const fault = cluster.fault({ command: 'activeTest' }, { halfCloseAfter: 3 })
    const raw = await connectStorage()
    const came = untilEnd(raw, 'end')
    raw.send(packet(ACTIVE_TEST))
    expect(await came).toEqual(OK.subarray(0, 3))
    const next = cluster.requests.next('activeTest')
    raw.send(packet(ACTIVE_TEST))
    expect((await next).command).toBe('activeTest')
    fault.remove()
    while (await clientsOf(storage())) await new Promise(setImmediate)
  })

  it('comes byte by byte', async () => {
    cluster.fault({ command: 'activeTest' }, { chunk: 1 })
    const raw = await connectStorage()
    const pieces: Buffer[] = []
    raw.socket.on('data', (piece) => pieces.push(piece))
    await raw.ask(ACTIVE_TEST)
    expect(pieces.map((piece) => piece.length)).toEqual(Array.from({ length: 10 }, () => 1))
  })

  it('comes slowly', async () => {
    cluster.fault({ command: 'activeTest' }, { bytesPerSecond: 200 })
    const raw = await connectStorage()
    const start = performance.now()
    expect(await raw.ask(ACTIVE_TEST)).toMatchObject({ status: 0 })
    expect(performance.now() - start).toBeGreaterThanOrEqual(45)
  })

  it('is garbage', async () => {
    const garbage = Buffer.from('<html>no storage here</html>')
    cluster.fault({ command: 'activeTest' }, { garbage, cutAfter: Infinity })
    const raw = await connectStorage()
    const came = untilEnd(raw, 'close')
    raw.send(packet(ACTIVE_TEST))
    expect(await came).toEqual(garbage)
  })

  it('says a wrong length', async () => {
    cluster.fault({ command: 'activeTest' }, { length: 7, cutAfter: Infinity })
    const raw = await connectStorage()
    const came = untilEnd(raw, 'close')
    raw.send(packet(ACTIVE_TEST))
    expect((await came).toString('hex')).toBe('00000000000000076400')
  })
})

describe('connections', () => {
  it('are refused, while those open go on', async () => {
    const old = await connectTracker()
    using fault = cluster.fault({ on: tracker(), times: 1 }, { refuse: true })
    await connectInVain(tracker())
    expect(await old.ask(ACTIVE_TEST)).toMatchObject({ status: 0 })
    const next = await connectTracker()
    expect(await next.ask(ACTIVE_TEST)).toMatchObject({ status: 0 })
    expect(fault.hits).toBe(1)
  })

  it('are silent, old and new, and go on when the fault is removed', async () => {
    const old = await connectTracker()
    const fault = cluster.fault({ on: 'tracker1', from: 'clients' }, { silence: true })
    const next = await connectTracker()
    const answers = [old, next].map((raw) => raw.ask(ACTIVE_TEST))
    // The other tracker answers: what this one was sent has had the time.
    const other = await connectTo(cluster.trackers[1] as Cluster['trackers'][number])
    for (let i = 0; i < 20; i++) await other.ask(ACTIVE_TEST)
    expect([old, next].map((raw) => raw.socket.bytesRead)).toEqual([0, 0])
    fault.remove()
    expect(await Promise.all(answers)).toMatchObject([{ status: 0 }, { status: 0 }])
    expect(fault.hits).toBe(2)
  })

  it('of a storage and a tracker are parted: the tracker takes it for lost until they meet again', async () => {
    await using client = cluster.client({ trackers: cluster.clientOptions().trackers.slice(0, 1) })
    const statusIs = async (status: string): Promise<void> => {
      while ((await client.admin.listStorages('group1'))[0]?.status !== status)
        await new Promise(setImmediate)
    }
    const partition = cluster.partition(tracker(), storage())
    await statusIs('OFFLINE')
    // The other tracker still knows it.
    await using other = cluster.client()
    await expect(other.uploadFile(Buffer.from('a'))).resolves.toBeDefined()
    partition.remove()
    await statusIs('ACTIVE')
  })

  it('of a storage and a tracker are silent, and what was held back arrives', async () => {
    const requests = (): number => cluster.requests.list({ member: 'tracker1', from: storage() }).length
    const partition = cluster.partition(storage(), tracker(), { silent: true })
    void storage().setFreeSpace(1_000_000_000)
    await cluster.requests.next({ command: 'storageReportDiskUsage', member: 'tracker2' })
    expect(requests()).toBe(0)
    const arrived = cluster.requests.next({ command: 'storageReportDiskUsage', member: 'tracker1' })
    partition.remove()
    await arrived
  })

  it.each([false, true])(
    'of two storages are parted, silent %s: files pass when they meet again',
    async (silent) => {
      const [one, two] = [cluster.storage('group1', 0), cluster.storage('group1', 1)]
      const partition = cluster.partition(one, two, { silent })
      const client = cluster.client()
      const { id } = await client.uploadFile(content, { storage: String(one.id) })
      const other = await client.uploadFile(content, { storage: String(two.id) })
      // Both trackers still know both.
      for (const storage of [one, two]) {
        expect(await (await connectTo(storage)).ask(ACTIVE_TEST)).toMatchObject({ status: 0 })
      }
      expect([await two.stat(id), await one.stat(other.id)]).toEqual([undefined, undefined])
      partition.remove()
      while ((await two.stat(id)) === undefined || (await one.stat(other.id)) === undefined) {
        await new Promise(setImmediate)
      }
      await client.close()
    },
  )

  it('of two trackers are parted, until they meet again', async () => {
    const [one, two] = cluster.trackers as [Cluster['trackers'][number], Cluster['trackers'][number]]
    const partition = cluster.partition(one, two)
    // One of them looks for the one that leads, in vain.
    while (cluster.unusedFaults().length === 2) await new Promise(setImmediate)
    const client = cluster.client()
    await client.uploadFile(content)
    await client.close()
    const met = cluster.requests.next({ command: 'trackerPingLeader' }, { timeout: 20_000 })
    partition.remove()
    expect([one.name, two.name]).toContain((await met).from)
  })

  it('of clients are parted from a member, those of members are not', async () => {
    const client = cluster.client()
    await client.uploadFile(Buffer.from('a'))
    const partition = cluster.partition('clients', tracker())
    await connectInVain(tracker())
    // The other tracker knows all the same.
    const { id } = await client.uploadFile(Buffer.from('b'))
    expect((await client.downloadFile(id)).toString()).toBe('b')
    // Those of the storages; trackers talk to each other now and then.
    const [stats] = await cluster.stats()
    expect(stats?.connections.clients).toBe(0)
    expect(stats?.connections.members).toBeGreaterThanOrEqual(2)
    partition.remove()
    await client.close()
  })

  it('are refused where both are the same', () => {
    expect(() => cluster.partition(storage(), storage())).toThrow('a partition is between two')
    expect(() => cluster.partition('clients', 'clients')).toThrow('a partition is between two')
  })
})

describe('a rule', () => {
  it.each<FaultEffect>([
    { status: 5 },
    { hang: true },
    { stopReading: true },
    { delay: 1 },
    { cutAfter: 1 },
    { cutAfter: 1, dir: 'request' },
    { halfCloseAfter: 1 },
    { chunk: 1 },
    { chunk: 1, dir: 'both' },
    { bytesPerSecond: 10_000 },
    { garbage: Buffer.from('garbage') },
    { length: 3 },
  ])('with %j counts its hits, and is told of where it has none', async (effect) => {
    const fault = cluster.fault({ on: 'storage', command: 'activeTest' }, effect)
    expect([fault.hits, cluster.unusedFaults()]).toEqual([0, [fault]])
    const raw = await connectStorage()
    const asked = cluster.requests.next('activeTest')
    raw.send(packet(ACTIVE_TEST))
    await asked
    expect([fault.hits, cluster.unusedFaults()]).toEqual([1, []])
  })

  it('counts its hits, skips the first ones and stops after the last', async () => {
    const fault = cluster.fault({ on: 'storage', command: 'activeTest', skip: 1, times: 2 }, { status: 11 })
    const raw = await connectStorage()
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await raw.ask(ACTIVE_TEST)).status)
    expect(statuses).toEqual([0, 11, 11, 0, 0])
    expect(fault.hits).toBe(2)
  })

  it('is that made first, of several that match, and ends with its block', async () => {
    const raw = await connectStorage()
    {
      using first = cluster.fault({ on: 'storage', from: 'clients' }, { status: 1 })
      using second = cluster.fault({ command: 'activeTest' }, { status: 2 })
      expect((await raw.ask(ACTIVE_TEST)).status).toBe(1)
      expect([first.hits, second.hits]).toEqual([1, 0])
    }
    expect((await raw.ask(ACTIVE_TEST)).status).toBe(0)
  })

  it('is about one member, by its handle or its name', async () => {
    for (const on of [storage(), storage().name]) {
      using fault = cluster.fault({ on, command: 'activeTest' }, { status: 5 })
      expect((await (await connectStorage()).ask(ACTIVE_TEST)).status).toBe(5)
      const other = await connectTo(cluster.storage('group1', 1))
      expect((await other.ask(ACTIVE_TEST)).status).toBe(0)
      expect(fault.hits).toBe(1)
    }
  })

  it('that never happened is told of, removed or not', async () => {
    const used = cluster.fault({ command: 'activeTest' }, { status: 5 })
    cluster.fault({ on: tracker(), command: 'deleteFile' }, { status: 5 }).remove()
    await (await connectStorage()).ask(ACTIVE_TEST)
    expect(cluster.unusedFaults().map(String)).toEqual([
      '{"on":"tracker1","command":"deleteFile"} → {"status":5}',
    ])
    expect(used.hits).toBe(1)
  })

  it.each([
    [{ command: 'upload' }, { status: 5 }, 'there is no command "upload"'],
    [{ on: 'group2-storage1' }, { status: 5 }, 'on must be tracker, storage, tracker1'],
    [{ from: 'nobody' }, { status: 5 }, 'from must be clients, members, tracker1'],
    [{ time: 1 }, { status: 5 }, 'did you mean times?'],
    [{ times: 0 }, { status: 5 }, 'times must be a whole number of at least 1'],
    [{}, {}, 'a fault needs one of status, refuse'],
    [{}, { status: 256 }, 'status must be 255 at most'],
    [{}, { cutafter: 1 }, 'did you mean cutAfter?'],
    [{}, { chunk: 0 }, 'chunk must be a whole number of at least 1'],
    [{}, { delay: -1 }, 'delay must be'],
    [{}, { refuse: true, delay: 1 }, 'refuse is about whole connections'],
    [{ command: 'quit' }, { silence: true }, 'silence is about whole connections'],
    [{}, { hang: true, dir: 'request' }, 'hang is not about requests'],
    [{}, { cutAfter: 1, dir: 'both' }, 'not both'],
    [{}, { garbage: 'text' }, 'garbage must be bytes'],
  ])('is refused: %j %j', (match, effect, message) => {
    expect(() => cluster.fault(match as never, effect as never)).toThrow(message)
    expect(() => cluster.fault(match as never, effect as never)).toThrow(InvalidArgumentError)
  })
})
