/** How a storage that is new to its group gets the files from before, whatever becomes of those who send them. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { MemoryStore, Storage } from '../../../src/server/index.js'
import { appendBody, GROUP, nameIn, TestGroup, uploadBody } from '../group.js'
import { bytes, i64, joinBody, packet, RawClient, str } from '../raw.js'

const ID = '100003'
/** Statuses of a storage (protocol.md §4.6). */
const [WAIT_SYNC, SYNCING, OFFLINE, ACTIVE] = [1, 2, 5, 7]

/** A change that a storage was told of. */
interface Told {
  readonly from: string
  readonly command: number
  readonly timestamp: number
  readonly name: string
}

/** A storage of the group, by hand: it takes whatever it is sent. */
class Joiner {
  readonly told: Told[] = []
  readonly #server: Server
  readonly #sockets: Socket[] = []
  #tracker: RawClient | undefined
  #wake = (): void => {}

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.push(socket)
      void this.#serve(socket)
    })
  }

  async join(trackerPort: number): Promise<RawClient> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#tracker = await RawClient.connect(trackerPort)
    const { port } = this.#server.address() as AddressInfo
    expect((await this.#tracker.ask(81, joinBody({ id: ID, port }))).status).toBe(0)
    return this.#tracker
  }

  /** Lets another storage know that it is there: that one asks its trackers at once. */
  async greet(port: number): Promise<void> {
    const client = await RawClient.connect(port)
    this.#sockets.push(client.socket)
    expect((await client.ask(9, str(ID, 16))).status).toBe(0)
  }

  /** Resolves with the first change told that `fits`. */
  async until(fits: (told: Told) => boolean): Promise<Told> {
    for (;;) {
      const found = this.told.find(fits)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  stop(): void {
    this.#tracker?.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  async #serve(socket: Socket): Promise<void> {
    const requests = RawClient.over(socket)
    let from = ''
    for (;;) {
      const request = await requests.response().catch(() => undefined)
      if (request === undefined) return
      const { command, body } = request
      if (command === 9) from = body.toString('latin1', 0, 6)
      const fields = { 16: 16, 18: 16, 25: 24, 35: 24, 17: 0 }[command]
      if (fields !== undefined) {
        const size = fields === 0 ? body.length - 20 : Number(body.readBigInt64BE(0))
        const name = body.toString('latin1', fields + 20, fields + 20 + size)
        this.told.push({ from, command, timestamp: body.readInt32BE(fields), name })
        this.#wake()
      }
      // It has none of the files that it is asked for.
      socket.write(packet(100, Buffer.alloc(0), command === 22 ? 2 : 0))
    }
  }
}

let group: TestGroup
let joiner: Joiner

beforeEach(() => {
  group = new TestGroup()
  joiner = new Joiner()
})

afterEach(async () => {
  joiner.stop()
  await group.stop()
})

const trackerPort = (): number => group.trackers[0]?.port as number
const portOf = (index: number): number => group.storages[index]?.port as number

async function deleteStorage(id: string): Promise<void> {
  const tracker = await RawClient.connect(trackerPort())
  expect((await tracker.ask(93, bytes(GROUP, id))).status).toBe(0)
  tracker.close()
}

/** Resolves when the tracker counts a storage in one of these statuses. */
async function untilStatus(id: string, ...statuses: number[]): Promise<void> {
  const tracker = await RawClient.connect(trackerPort())
  while (!statuses.includes((await tracker.ask(92, bytes(GROUP, id))).body[0] as number))
    await new Promise(setImmediate)
  tracker.close()
}

function add(id: number): Storage {
  const store = new MemoryStore()
  const trackers = [{ host: '127.0.0.1', port: trackerPort() }]
  const storage = new Storage({ group: 'group1', id, trackers, store })
  group.stores.push(store)
  group.storages.push(storage)
  return storage
}

/** Joins with the first storage as its source, and takes all that it sends. */
async function takeOldFiles(): Promise<void> {
  const tracker = await joiner.join(trackerPort())
  const { body } = await tracker.ask(87)
  expect(body.toString('latin1', 0, 6)).toBe('100001')
  await joiner.greet(portOf(0))
  await untilStatus(ID, OFFLINE)
  expect((await tracker.ask(83)).status).toBe(0)
  await untilStatus(ID, ACTIVE)
}

it('another one than its source tells it of what came to that one after the files from before were sent', async () => {
  await group.start(1, 2)
  await takeOldFiles()
  const late = nameIn(await group.ask(1, 11, uploadBody('late')))
  // Now the source has it, and passes on its own only. The other one has not heard of the new one yet.
  await group.storages[1]?.replicate()
  expect(await group.stores[0]?.stat(late)).toBeDefined()
  await joiner.greet(portOf(1))
  expect((await joiner.until(({ name }) => name === late)).from).toBe('100002')
})

it('another one than its source does not pass for the author of what others have changed', async () => {
  await group.start(1, 2)
  const appender = nameIn(await group.ask(0, 23, uploadBody('one')))
  const removed = nameIn(await group.ask(0, 11, uploadBody('removed')))
  await group.settle()
  await group.ask(0, 24, appendBody(appender, 'two'))
  await group.ask(0, 12, bytes(GROUP, removed))
  await group.settle()
  const [version] =
    /^(\d+) 100001 \+ /m.exec(String(await group.stores[1]?.own.read('sync/versions.log'))) ?? []
  // So much that a storage in memory does not keep the records of it.
  const client = await RawClient.connect(portOf(1))
  for (let i = 0; i < 5_000; i++) nameIn(await client.ask(11, uploadBody('x')))
  client.close()
  await group.settle()
  await takeOldFiles()
  await joiner.greet(portOf(1))
  const fromOther = (wanted: string) => joiner.until(({ from, name }) => from === '100002' && name === wanted)
  expect(await fromOther(appender)).toMatchObject({
    command: 18,
    timestamp: Number.parseInt(String(version)) - 1,
  })
  // Whoever sends it may have done so before the removal.
  expect(await fromOther(removed)).toMatchObject({ command: 17 })
}, 30_000)

it.each(['running', 'stopped'])(
  'gets another source when its own is deleted while it is %s',
  async (state) => {
    await group.start(1, 2)
    const name = nameIn(await group.ask(0, 11, uploadBody('old')))
    await group.settle()
    const storage = add(100_003)
    await storage.start()
    await untilStatus(ID, WAIT_SYNC, SYNCING, OFFLINE, ACTIVE)
    if (state === 'stopped') await storage.stop()
    await group.storages[0]?.stop()
    await deleteStorage('100001')
    await storage.start()
    await storage.whenActive()
    await group.storages[1]?.replicate()
    expect(await group.stores[2]?.stat(name)).toBeDefined()
  },
)

it('gets all files when it comes back after it was deleted, also from one who was away then', async () => {
  await group.start(1, 2)
  const name = nameIn(await group.ask(0, 11, uploadBody('old')))
  await group.settle()
  for (const storage of group.storages) await storage.stop()
  await deleteStorage('100002')
  await group.storages[0]?.start()
  await group.storages[0]?.whenActive()
  group.storages.pop()
  group.stores.pop()
  const storage = add(100_002)
  await storage.start()
  await storage.whenActive()
  expect(await group.stores[1]?.stat(name)).toBeDefined()
})

it('has all files although its source was ended before it could tell the trackers so', async () => {
  await group.start(1, 1)
  await group.storages[0]?.stop()
  const tracker = await joiner.join(trackerPort())
  expect((await tracker.ask(88, bytes(str('100001', 16), i64(1_700_000_000)))).status).toBe(0)
  const brief = bytes(SYNCING, Buffer.alloc(4), str(ID, 16), str('127.0.0.1', 46))
  expect((await tracker.ask(76, bytes(GROUP, brief))).status).toBe(0)
  const mark = ['binlog_index=0', 'binlog_offset=0', 'need_sync_old=1', 'sync_old_done=1']
  mark.push('until_timestamp=1700000000', 'scan_row_count=0', 'sync_row_count=0', '')
  await group.stores[0]?.own.write(`sync/${ID}.mark`, Buffer.from(mark.join('\n')))
  await group.storages[0]?.start()
  await untilStatus(ID, OFFLINE)
})
