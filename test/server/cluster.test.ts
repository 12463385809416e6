import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { ConfigError } from '../../src/errors.js'
import { type Draft, MemoryStore, Storage, type StorageOptions, Tracker } from '../../src/server/index.js'
import { HANDLES, watchHandles } from '../support/handles.js'
import { bytes, i64, packet, RawClient, str } from './raw.js'

const started: { stop(): Promise<void> }[] = []

afterEach(async () => {
  jest.useRealTimers()
  for (const server of started.splice(0).reverse()) await server.stop()
})

async function tracker(): Promise<Tracker> {
  const server = new Tracker()
  await server.start()
  started.push(server)
  return server
}

async function storage(
  trackers: readonly Tracker[],
  options: Partial<StorageOptions> = {},
): Promise<Storage> {
  const server = new Storage({
    group: 'group1',
    id: 100001,
    trackers: trackers.map(({ host, port }) => ({ host, port })),
    store: new MemoryStore(),
    ...options,
  })
  started.push(server)
  await server.start()
  return server
}

/** The IDs and states of a group, as a tracker lists them. */
async function states({ port }: Tracker, group = 'group1'): Promise<string[]> {
  const raw = await RawClient.connect(port)
  const { body } = await raw.ask(92, str(group, 16))
  raw.close()
  return Array.from({ length: body.length / 487 }, (_, index) => {
    const record = body.subarray(index * 487)
    return `${record.subarray(2, 8).toString()} ${record[0]}`
  })
}

it('is ready when every tracker counts each storage ACTIVE', async () => {
  const trackers = [await tracker(), await tracker()]
  const storages = [
    await storage(trackers),
    await storage(trackers, { id: 100002 }),
    await storage(trackers, { id: 100003, group: 'group2' }),
  ]
  await Promise.all(storages.map((each) => each.whenActive()))
  for (const each of trackers) {
    expect(await states(each)).toEqual(['100001 7', '100002 7'])
    expect(await states(each, 'group2')).toEqual(['100003 7'])
  }
  await storages[1]?.stop()
  for (const each of trackers) expect(await states(each)).toEqual(['100001 7', '100002 5'])
})

it('does not wait for a tracker that is away, and joins it once it is there', async () => {
  const [here, away] = [await tracker(), await tracker()]
  await away.stop()
  const server = await storage([here, away])
  await server.whenActive()
  expect(await states(here)).toEqual(['100001 7'])
  await away.start()
  await away.whenActive('group1', '100001')
  expect(await states(away)).toEqual(['100001 7'])
})

it('waits for one tracker at least', async () => {
  const away = await tracker()
  await away.stop()
  const server = await storage([away])
  const active = server.whenActive()
  await away.start()
  await expect(active).resolves.toBeUndefined()
})

it('joins a tracker that has forgotten everything', async () => {
  const first = await tracker()
  const server = await storage([first])
  await server.whenActive()
  await first.stop()
  const second = new Tracker({ port: first.port })
  await second.start()
  started.push(second)
  await second.whenActive('group1', '100001')
  expect(await states(second)).toEqual(['100001 7'])
})

it('goes on while a test fakes the time', async () => {
  jest.useFakeTimers()
  const leader = await tracker()
  const server = await storage([leader])
  await server.whenActive()
  await leader.stop()
  await leader.start()
  await leader.whenActive('group1', '100001')
  expect(await states(leader)).toEqual(['100001 7'])
})

it('stops at once while a tracker accepts and says nothing', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const server = await storage([], { trackers: [{ host: '127.0.0.1', port }] })
  await once(silent, 'connection')
  await expect(server.stop()).resolves.toBeUndefined()
  silent.close()
})

it.each(['tracker', 'storage'])(
  'stops a %s that is still starting, and starts one that is stopping',
  async (kind) => {
    const leader = await tracker()
    await leader.stop()
    const server = kind === 'tracker' ? leader : await storage([leader])
    await server.stop()
    const { port } = server
    const both = [server.start(), server.stop()]
    await Promise.all(both)
    await expect(RawClient.connect(port)).rejects.toThrow('ECONNREFUSED')
    await Promise.all([server.start(), server.stop(), server.start()])
    ;(await RawClient.connect(port)).close()
  },
)

it('joins once when it is started twice', async () => {
  const open = new Set<Socket>()
  const silent = createServer((socket) => {
    open.add(socket.resume())
    socket.on('close', () => open.delete(socket))
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const server = new Storage({
    group: 'group1',
    id: 100001,
    trackers: [{ host: '127.0.0.1', port }],
    store: new MemoryStore(),
  })
  const connected = once(silent, 'connection')
  await Promise.all([server.start(), server.start()])
  await connected
  await server.stop()
  await setTimeout(50)
  expect(open.size).toBe(0)
  silent.close()
})

it('listens on a name', async () => {
  const server = await storage([await tracker()], { host: 'localhost' })
  await expect(server.whenActive()).resolves.toBeUndefined()
})

it('stops when all is done that was begun for clients that have gone', async () => {
  let discarded = false
  let discarding = (): void => {}
  const begun = new Promise<void>((resolve) => (discarding = resolve))
  class SlowStore extends MemoryStore {
    override create(): Draft {
      const draft = super.create()
      draft.discard = async () => {
        discarding()
        await setTimeout(100)
        discarded = true
      }
      return draft
    }
  }
  const server = await storage([await tracker()], { store: new SlowStore() })
  const raw = await RawClient.connect(server.port)
  raw.send(packet(11, bytes(0, i64(400_000), str('txt', 6), Buffer.alloc(400_000))).subarray(0, 200_000))
  await new Promise<void>((resolve) => raw.socket.write('', () => resolve()))
  raw.socket.resetAndDestroy()
  await begun
  // By then the connection is gone as well.
  await setTimeout(20)
  await server.stop()
  expect(discarded).toBe(true)
})

it('tells of a source by its address, of one it does not know by none', async () => {
  const leader = await tracker()
  const first = await storage([leader], { host: '127.0.0.2' })
  await first.whenActive()
  const raw = await RawClient.connect(first.port, '127.0.0.2')
  const body = bytes(0, i64(1), str('txt', 6), 'x')
  const name = (await raw.ask(11, body)).body.subarray(16)
  expect((await raw.ask(22, bytes(str('group1', 16), name))).body.subarray(24)).toEqual(str('127.0.0.2', 16))
  raw.close()
})

it('leaves nothing behind', async () => {
  using handles = watchHandles(...HANDLES)
  const leader = await tracker()
  const server = await storage([leader])
  await server.whenActive()
  const raw = await RawClient.connect(server.port)
  await server.stop()
  await leader.stop()
  await raw.closed()
  raw.close()
  expect(await handles.left()).toEqual([])
})

it.each([
  ['group', { group: 'group_1' }],
  ['id', { id: 0 }],
  ['id', { id: 2 ** 24 }],
  ['trackers', { trackers: [] }],
  ['storePathCount', { storePathCount: 257 }],
  ['subdirCount', { subdirCount: 0 }],
])('refuses a wrong %s', (name, options) => {
  const trackers = [{ host: '127.0.0.1', port: 1 }]
  const make = (): Storage =>
    new Storage({ group: 'g', id: 1, trackers, store: new MemoryStore(), ...options })
  expect(make).toThrow(name)
  expect(make).toThrow(ConfigError)
})
