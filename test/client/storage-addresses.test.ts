/** Storages of several addresses, as a `storage_ids.conf` has them (protocol.md §8.2). */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { ClientOptions, Connect, Endpoint, StorageId } from '../../src/index.js'
import { ConfigError, ConnectError, FastDfsClient } from '../../src/index.js'
import type { FakeServer } from '../support/fake-server.js'
import { fakeServer, fakeTracker, field, int64, response } from '../support/fake-server.js'
import { ID, INFO, rejection, temporaryFolder } from './fakes.js'

/** A storage that listens on `listens`, of which the tracker says `told`. */
async function storageAt(
  listens: string,
  told: string,
  ids: (port: number) => readonly StorageId[],
  options: Partial<ClientOptions> = {},
): Promise<{ client: FastDfsClient; storage: FakeServer } & AsyncDisposable> {
  const storage = await fakeServer(() => INFO, listens)
  // Not at an address that is to refuse the storage's port: it could get just that one.
  const tracker = await fakeTracker(storage.port, told, listens)
  const client = new FastDfsClient({
    trackers: tracker.address,
    retries: 0,
    storageIds: ids(storage.port),
    ...options,
  })
  return {
    client,
    storage,
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      await tracker[Symbol.asyncDispose]()
      await storage[Symbol.asyncDispose]()
    },
  }
}

/** Makes connections to one host, and to no other. */
const onlyTo =
  (reachable: string): Connect =>
  async ({ host, port }) => {
    if (host !== reachable) throw new Error(`${host} cannot be reached`)
    const socket = connect(port, host)
    await once(socket, 'connect')
    return socket
  }

const entry = (hosts: readonly [string, ...string[]], port: number, group = 'group1'): StorageId => ({
  id: '100001',
  group,
  hosts,
  port,
})

it('a storage is reached at its second address where the first one fails', async () => {
  await using fake = await storageAt('127.0.0.3', '127.0.0.2', (port) => [
    entry(['127.0.0.9'], port + 1),
    entry(['127.0.0.2', '127.0.0.3'], port),
  ])
  expect(await fake.client.fileInfo(ID)).toMatchObject({ size: 13 })
  expect(await fake.client.fileInfo(ID)).toMatchObject({ size: 13 })
  expect(fake.storage.requests).toHaveLength(2)
})

it('the address that worked comes first from then on', async () => {
  const tried: Endpoint[] = []
  await using fake = await storageAt(
    '127.0.0.3',
    '127.0.0.2',
    (port) => [entry(['127.0.0.2', '127.0.0.3'], port)],
    {
      maxConnections: 1,
      idleConnectionTtl: 1,
      connect: ({ host, port }) => {
        tried.push({ host, port })
        const socket = connect(port, host)
        return new Promise((resolve, reject) =>
          socket.once('connect', () => resolve(socket)).once('error', reject),
        )
      },
    },
  )
  await fake.client.fileInfo(ID)
  for (const socket of fake.storage.connections) socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 20))
  await fake.client.fileInfo(ID)
  const atStorage = tried.filter(({ port }) => port === fake.storage.port).map(({ host }) => host)
  expect(atStorage).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.3'])
})

it('a host name is an address too, and names a storage by what it resolves to', async () => {
  await using named = await storageAt('127.0.0.1', '127.0.0.2', (port) => [
    entry(['127.0.0.2', 'localhost'], port),
  ])
  expect(await named.client.fileInfo(ID)).toMatchObject({ size: 13 })
  await using resolved = await storageAt(
    '127.0.0.3',
    '127.0.0.1',
    (port) => [entry(['does-not-exist.invalid'], port), entry(['localhost', '127.0.0.3'], port)],
    // Many tests listen at 127.0.0.1: one of them may have the storage's port.
    { connect: onlyTo('127.0.0.3') },
  )
  expect(await resolved.client.fileInfo(ID)).toMatchObject({ size: 13 })
})

it('each address is what storageAddressMap makes of it, and a function is told the ID', async () => {
  const asked: unknown[] = []
  await using fake = await storageAt(
    '127.0.0.3',
    '127.0.0.2',
    (port) => [entry(['127.0.0.2', '10.99.99.99'], port)],
    {
      storageAddressMap: (storage) => {
        asked.push(storage)
        return storage.host === '10.99.99.99' ? '127.0.0.3' : undefined
      },
    },
  )
  await fake.client.fileInfo(ID)
  const { port } = fake.storage
  expect(asked).toContainEqual({ group: 'group1', host: '127.0.0.2', port, id: '100001' })
  expect(asked).toContainEqual({ group: 'group1', host: '10.99.99.99', port, id: '100001' })
})

it.each<[string, (port: number) => StorageId[]]>([
  ['another group', (port) => [entry(['127.0.0.2', '127.0.0.3'], port, 'group2')]],
  ['another port', (port) => [entry(['127.0.0.2', '127.0.0.3'], port + 1)]],
  ['another storage', (port) => [entry(['127.0.0.4', '127.0.0.3'], port)]],
])('the addresses of %s are not tried', async (_, ids) => {
  await using fake = await storageAt('127.0.0.3', '127.0.0.2', ids)
  const error = await rejection(fake.client.fileInfo(ID))
  expect(error).toBeInstanceOf(ConnectError)
  expect(error.message).toContain('the tracker gave 127.0.0.2:')
  expect(fake.storage.requests).toHaveLength(0)
})

it('the error tells of the first address where all fail', async () => {
  await using fake = await storageAt('127.0.0.3', '127.0.0.2', (port) => [
    entry(['127.0.0.2', '127.0.0.4'], port),
  ])
  expect((await rejection(fake.client.fileInfo(ID))).message).toContain('cannot connect: ECONNREFUSED')
})

it('they come from the storage_ids.conf of a client.conf', async () => {
  await using folder = await temporaryFolder()
  await using storage = await fakeServer(() => INFO, '127.0.0.3')
  await using tracker = await fakeTracker(storage.port, '127.0.0.2')
  await writeFile(folder.join('storage_ids.conf'), `100001 group1 127.0.0.2,127.0.0.3:${storage.port}\n`)
  await writeFile(
    folder.join('client.conf'),
    `tracker_server = ${tracker.address}\nuse_storage_id = true\nstorage_ids_filename = storage_ids.conf\n`,
  )
  await using client = FastDfsClient.fromConfig(folder.join('client.conf'))
  expect(await client.fileInfo(ID)).toMatchObject({ size: 13 })
})

describe('where a tracker is asked for them', () => {
  async function asking(lines: string): Promise<{ error: Error | undefined; asked: number[] }> {
    await using storage = await fakeServer(() => INFO, '127.0.0.3')
    const told = [field('group1', 16), field('127.0.0.2', 15), int64(storage.port)]
    const count = Buffer.from([0, 0, 0, 1])
    const text = Buffer.from(lines.replace('PORT', String(storage.port)))
    await using tracker = await fakeServer((request) =>
      request[8] === 69 ? response(Buffer.concat([count, count, text])) : response(Buffer.concat(told)),
    )
    await using client = new FastDfsClient({ trackers: tracker.address, retries: 0, storageIds: 'tracker' })
    const error = await client.fileInfo(ID).then(
      () => undefined,
      (cause: Error) => cause,
    )
    await client.fileInfo(ID).catch(() => {})
    return { error, asked: tracker.requests.map((request) => request[8] as number) }
  }

  it('they are asked for once, when a storage cannot be connected to', async () => {
    expect(await asking('100001 group1 127.0.0.2,127.0.0.3:PORT rw=both\n')).toEqual({
      error: undefined,
      asked: [102, 69, 102],
    })
  })

  it('what the tracker says that is no address changes nothing', async () => {
    const { error } = await asking('???\n')
    expect(error).toBeInstanceOf(ConnectError)
  })
})

it.each<[unknown, string]>([
  [{}, "storageIds must be an array or 'tracker', not {}"],
  [
    ['100001 group1 10.0.0.1'],
    'storageIds[0]: expected { id, group, hosts, port }, not "100001 group1 10.0.0.1"',
  ],
  [[null], 'storageIds[0]: expected { id, group, hosts, port }, not null'],
  [[{ id: '1', group: 'g', hosts: [], port: 1 }], 'storageIds[0]: expected { id, group, hosts, port }'],
  [
    [{ id: '1', group: 'g', hosts: ['a b'], port: 1 }],
    'storageIds[0]: its address is wrong: "a b" is not a host',
  ],
  [
    [{ id: '1', group: 'g', hosts: ['a'], port: 0 }],
    'storageIds[0]: its address is wrong: its port is not 1 to 65535',
  ],
  [
    [{ id: 1, group: 'g', hosts: ['a'], port: 1 }],
    'storageIds[0]: a storage ID is a number from 1 to 16777215, not 1',
  ],
  [
    [{ id: '1', hosts: ['a'], port: 1 }],
    "storageIds[0]: a group's name is 1 to 16 letters and digits, not undefined",
  ],
  [
    [{ id: '1', group: 'g', hosts: ['a'], port: 1, mode: 'x' }],
    'storageIds[0]: mode must be both, read, write, none',
  ],
])('storageIds %j are refused', async (storageIds, message) => {
  const make = (): FastDfsClient =>
    new FastDfsClient({ trackers: '10.0.0.1', storageIds: storageIds as StorageId[] })
  expect(make).toThrow(ConfigError)
  expect(make).toThrow(message)
})
