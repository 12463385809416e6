/** What a storage knows again after it was ended, or killed at a bad moment. */
import { type Draft, MemoryStore, Storage, type Store, Tracker } from '../../../src/server/index.js'
import { MortalStore } from '../../../src/testing/mortal-store.js'
import { GROUP, nameIn, uploadBody } from '../group.js'
import { bytes, i64, RawClient, str } from '../raw.js'

const started: { stop(): Promise<void> }[] = []
let tracker: Tracker

/** One that knows of nobody. */
async function startTracker(): Promise<void> {
  tracker = new Tracker()
  await tracker.start()
  started.push(tracker)
}

beforeEach(startTracker)

afterEach(async () => {
  for (const server of started.splice(0).reverse()) await server.stop()
})

async function start(store: Store, { id = 100001, now = Date.now } = {}): Promise<Storage> {
  const storage = new Storage({
    group: 'group1',
    id,
    trackers: [{ host: '127.0.0.1', port: tracker.port }],
    store,
    clock: { now, randomBelow: (limit) => Math.floor(Math.random() * limit) },
  })
  started.push(storage)
  await storage.start()
  await storage.whenActive()
  return storage
}

const i32 = (value: number): Buffer => i64(value).subarray(4)

describe('after the clock was set back', () => {
  const NOW = 1_700_000_000

  /** The timestamps of two uploads, with a restart between them. */
  async function timestamps(before: number, after: number): Promise<number[]> {
    const store = new MemoryStore()
    for (const time of [before, after]) {
      const storage = await start(store, { now: () => time * 1000 })
      const client = await RawClient.connect(storage.port)
      expect((await client.ask(11, uploadBody('x'))).status).toBe(0)
      client.close()
      await storage.stop()
    }
    const lines = String(await store.own.read('sync/binlog.000'))
      .trim()
      .split('\n')
    return lines.map((line) => Number(line.split(' ')[0]))
  }

  it('the binlog goes on at the time of its last record', async () => {
    expect(await timestamps(NOW, NOW - 60)).toEqual([NOW, NOW])
  })

  it('by more than clocks differ it goes on with the clock', async () => {
    expect(await timestamps(NOW, NOW - 61)).toEqual([NOW, NOW - 61])
  })
})

it('does not take replaced content for that of the version before, where it was killed between the two', async () => {
  const kept: Store = new MemoryStore()
  const first = await start(new MemoryStore())
  let client = await RawClient.connect(first.port)
  const name = nameIn(await client.ask(23, uploadBody('one')))
  client.close()
  await first.stop()
  await startTracker()

  let killed = false
  class Killed extends MortalStore {
    override async create(storePathIndex: number): Promise<Draft> {
      const draft = await super.create(storePathIndex)
      return {
        write: (chunk) => draft.write(chunk),
        publish: async (...args) => {
          await draft.publish(...args)
          if (killed) this.die()
        },
        discard: () => draft.discard(),
      }
    }
  }
  const tell = async (storage: Storage, command: number, body: Buffer): Promise<number> => {
    client = await RawClient.connect(storage.port)
    await client.ask(9, str('100001', 16))
    const { status } = await client.ask(command, body)
    client.close()
    return status
  }
  const whole = (content: string): Buffer =>
    bytes(i64(name.length), i64(content.length), i32(1_700_000_000), GROUP, name, content)
  const piece = (at: number, content: string): Buffer =>
    bytes(i64(name.length), i64(at), i64(content.length), i32(2_000_000_000), GROUP, name, content)

  const dying = await start(new Killed(kept), { id: 100002 })
  expect(await tell(dying, 16, whole('one'))).toBe(0)
  killed = true
  expect(await tell(dying, 18, whole('other'))).not.toBe(0)
  started.splice(started.indexOf(dying), 1)
  await dying.stop().catch(() => {})

  const again = await start(kept, { id: 100002 })
  expect((await kept.stat(name))?.size).toBe(5)
  // Its source is asked for all of it.
  expect(await tell(again, 25, piece(5, ' more'))).toBe(2)
})

describe('where a real storage has had the folder', () => {
  const metadata = (name: string, text: string): Buffer =>
    bytes(i64(name.length), i64(text.length), 'O', GROUP, name, text)

  it('does not remove again what that has made anew', async () => {
    const store = new MemoryStore()
    const first = await start(store)
    let client = await RawClient.connect(first.port)
    const name = nameIn(await client.ask(11, uploadBody('one')))
    expect((await client.ask(13, metadata(name, 'a\x021'))).status).toBe(0)
    expect((await client.ask(13, metadata(name, ''))).status).toBe(0)
    client.close()
    await first.stop()

    const draft = store.create()
    await draft.write(Buffer.from('b\x022'))
    await draft.publish(`${name}-m`)
    const binlog = await store.own.log('sync/binlog.000')
    await binlog.append(Buffer.from(`2000000000 C ${name}-m\n`))
    await binlog.close()

    const again = await start(store)
    client = await RawClient.connect(again.port)
    const { status, body } = await client.ask(15, bytes(GROUP, name))
    client.close()
    expect({ status, metadata: body.toString() }).toEqual({ status: 0, metadata: 'b\x022' })
  })

  it('keeps what that has noted of its store paths', async () => {
    const store = new MemoryStore()
    const first = await start(store)
    await first.stop()
    const flag = String(await store.own.read('.data_init_flag'))
    const noted = flag.replace(
      'current_trunk_file_id=0',
      'current_trunk_file_id=3\nstore_path_mark0=MTAuNzcuMC4x',
    )
    await store.own.write('.data_init_flag', Buffer.from(noted))

    const again = await start(store)
    await again.stop()
    const items = String(await store.own.read('.data_init_flag')).split('\n')
    expect(items).toContain('store_path_mark0=MTAuNzcuMC4x')
    expect(items).toContain('current_trunk_file_id=3')
    expect(items.filter((item) => item.startsWith('current_trunk_file_id'))).toHaveLength(1)
  })
})

it('keeps a removal for a peer that the trackers do not know any more', async () => {
  const [store, other]: [Store, Store] = [new MemoryStore(), new MemoryStore()]
  const storages = [await start(store), await start(other, { id: 100002 })]
  let client = await RawClient.connect(storages[0]?.port as number)
  const name = nameIn(await client.ask(11, uploadBody('removed')))
  client.close()
  while ((await other.stat(name)) === undefined) await new Promise(setImmediate)
  for (const storage of storages) await storage.stop()

  await startTracker()
  const alone = await start(store)
  client = await RawClient.connect(alone.port)
  expect((await client.ask(12, bytes(GROUP, name))).status).toBe(0)
  client.close()
  expect(String(await store.own.read('sync/versions.log'))).toContain(` - ${name}\n`)
  await start(other, { id: 100002 })
  while ((await other.stat(name)) !== undefined) await new Promise(setImmediate)
  expect(await store.stat(name)).toBeUndefined()
})
