/** Uploads whose caller chooses the group, the storage and the store path (protocol.md §2.1). */
import type { UploadOptions } from '../../src/index.js'
import { FastDfsClient, InvalidArgumentError } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import type { FakeServer } from '../support/fake-server.js'
import { fakeServer, field, int64, response } from '../support/fake-server.js'
import { bytesOf, CONTENT, rejection, status, STORED } from './fakes.js'

/** Body of a group's record of V5.11 (protocol.md §2.3). */
const groupRecord = (name: string, storePaths: number): Buffer => {
  const record = Buffer.alloc(105)
  record.write(name)
  record.writeBigInt64BE(BigInt(storePaths), 81)
  return record
}

/** Body of a storage's record of V5.11 (protocol.md §2.4). */
const storageRecord = (id: string, ip: string, port: number): Buffer => {
  const record = Buffer.alloc(612)
  record.write(id, 1)
  record.write(ip, 17)
  record.write('5.11', 177)
  record.writeBigInt64BE(BigInt(port), 247)
  return record
}

interface Fake extends AsyncDisposable {
  readonly client: FastDfsClient
  readonly tracker: FakeServer
  readonly storage: FakeServer
  upload(options: UploadOptions): Promise<unknown>
  asked(): number[]
}

/** group1 is full; group2 has the storage 127.0.0.1, with ID 100002, and 10.9.9.9, of three paths. */
async function fake(): Promise<Fake> {
  const storage = await fakeServer(() => STORED)
  const { port } = storage
  const all = Buffer.concat([
    field('group2', 16),
    field('10.9.9.9', 15),
    int64(port),
    field('127.0.0.1', 15),
    int64(port),
    Buffer.from([2]),
  ])
  const tracker = await fakeServer((request) => {
    const group = request.toString('latin1', 10, 26).replace(/\0.*$/s, '')
    switch (request[8]) {
      case 90:
        return response(groupRecord(group, 3))
      case 91:
        return response(Buffer.concat([groupRecord('group1', 3), groupRecord('group2', 3)]))
      case 92: {
        const isKnown = group === 'group2' && request.toString('latin1', 26) === '100002'
        return isKnown ? response(storageRecord('100002', '127.0.0.1', port)) : status(2)
      }
      case 107:
        return group === 'group1' ? status(28) : group === 'group2' ? response(all) : status(2)
      default:
        return response(
          Buffer.concat([field('group2', 16), field('127.0.0.1', 15), int64(port), Buffer.from([1])]),
        )
    }
  })
  const client = new FastDfsClient({ trackers: tracker.address, retries: 0, verify: false })
  return {
    client,
    tracker,
    storage,
    upload: (options) => client.uploadFile(CONTENT, options),
    asked: () => tracker.requests.map((request) => request[8] as number),
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      await tracker[Symbol.asyncDispose]()
      await storage[Symbol.asyncDispose]()
    },
  }
}

describe('an upload', () => {
  it('asks for one storage where none is named, and takes the path that the tracker chose', async () => {
    await using cluster = await fake()
    await cluster.upload({})
    expect(cluster.asked()).toEqual([101])
    expect(cluster.storage.requests[0]?.[10]).toBe(1)
  })

  it('asks for all storages of the group that is named, and takes the one that is named', async () => {
    await using cluster = await fake()
    await cluster.upload({ group: 'group2', storage: cluster.storage.address })
    expect(cluster.asked()).toEqual([107])
    // The path that the tracker chose for the group.
    expect(cluster.storage.requests[0]?.[10]).toBe(2)
  })

  it('looks through the groups where none is named', async () => {
    await using cluster = await fake()
    expect(await cluster.upload({ storage: cluster.storage.address })).toMatchObject({
      endpoint: cluster.storage.address,
    })
    expect(cluster.asked()).toEqual([91, 107, 107])
  })

  it('finds a storage by its ID', async () => {
    await using cluster = await fake()
    await cluster.upload({ storage: '100002', group: 'group2' })
    expect(cluster.asked()).toEqual([92, 107])
    expect(cluster.storage.requests).toHaveLength(1)
  })

  it('finds a storage by the address that it has from here', async () => {
    await using cluster = await fake()
    const { port } = cluster.storage
    await using client = new FastDfsClient({
      trackers: cluster.tracker.address,
      storageAddressMap: { '10.9.9.9': '127.0.0.1' },
      verify: false,
      group: 'group2',
    })
    await client.uploadFile(CONTENT, { storage: `127.0.0.1:${port}` })
    expect(cluster.storage.requests).toHaveLength(1)
  })

  it('sends the store path that is named, and asks how many there are', async () => {
    await using cluster = await fake()
    await cluster.upload({ storePathIndex: 0 })
    expect(cluster.asked()).toEqual([101, 90])
    expect(cluster.storage.requests[0]?.[10]).toBe(0)
    await cluster.upload({ storePathIndex: 255 })
    expect(cluster.asked()).toEqual([101, 90, 101])
    expect(cluster.storage.requests[1]?.[10]).toBe(255)
  })

  it.each<[string, UploadOptions, string]>([
    [
      'an address of none',
      { storage: '10.0.0.1:23000', group: 'group2' },
      'no tracker names storage 10.0.0.1:23000 of group2 as one that takes uploads: those that do are group2/10.9.9.9:',
    ],
    [
      'a host, for port 23000',
      { storage: '127.0.0.1' },
      'no tracker names storage 127.0.0.1:23000 as one that takes uploads: those that do are group2/',
    ],
    [
      'an ID of none',
      { storage: '100009' },
      'no tracker names storage 100009 as one that takes uploads: those',
    ],
    [
      'a store path that there is not',
      { storePathIndex: 3 },
      'storePathIndex is 3, but the storages of group2 have 3 store paths, from 0 on',
    ],
  ])('to %s is refused', async (_, options, message) => {
    await using cluster = await fake()
    const error = await rejection(cluster.upload(options))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message).toContain(message)
    expect(cluster.storage.requests).toEqual([])
  })

  it('to a group that is full, or unknown, fails as without a storage', async () => {
    await using cluster = await fake()
    await expect(cluster.upload({ storage: '10.9.9.9', group: 'group1' })).rejects.toMatchObject({
      name: 'NoSpaceError',
    })
    await expect(cluster.upload({ storage: '100002', group: 'group9' })).rejects.toMatchObject({
      name: 'FileNotFoundError',
    })
  })

  it.each<[object, string]>([
    [{ storage: 5 }, 'storage must be host:port or a storage ID, not 5'],
    [{ storage: '' }, 'storage must be host:port or a storage ID, not ""'],
    [{ storage: 'a b' }, 'storage must be host:port or a storage ID, not "a b"'],
    [{ storage: 'a:70000' }, 'storage must be host:port or a storage ID, not "a:70000"'],
    [{ storePathIndex: -1 }, 'storePathIndex must be a whole number of at least 0, not -1'],
    [{ storePathIndex: 256 }, 'storePathIndex must be 0 to 255, not 256'],
    [{ storePathIndex: '1' }, 'storePathIndex must be a whole number of at least 0, not "1"'],
    [{ storepathIndex: 1 }, 'did you mean storePathIndex?'],
    [{ group: 'no group' }, 'a group is 1 to 16 letters and digits, not "no group"'],
  ])('with %j is refused before anything is asked', async (options, message) => {
    await using cluster = await fake()
    await expect(cluster.upload(options)).rejects.toThrow(message)
    expect(cluster.asked()).toEqual([])
  })
})

it('files of all kinds go to the storage that is named, and slaves to that of their master', async () => {
  await using cluster = await startCluster({ groups: 2, storages: 2 })
  const client = cluster.client()
  for (const storage of cluster.storages) {
    const endpoint = `${storage.host}:${storage.port}`
    const place = { storage: endpoint }
    const large = bytesOf(8 * 1024 * 1024 + 1)
    const slaves = [{ prefix: '_s', source: CONTENT }]
    const files = [
      await client.uploadFile(CONTENT, { ...place, slaves }),
      await client.uploadFile([large], { ...place, storage: String(storage.id) }),
      await client.uploadFile(new Blob([large]).stream(), { ...place, unknownLength: 'appender' }),
      await client.uploadAppenderFile(CONTENT, { ...place, group: storage.group }),
      await (await client.resumableUpload(large, { ...place, chunkSize: 5_000_000 })).done(),
      await (await client.resumableUpload(CONTENT, place)).done(),
    ]
    expect(files.map((file) => file.endpoint)).toEqual(files.map(() => endpoint))
    expect(files[0]?.slaves?.[0]).toMatchObject({ endpoint })
  }
}, 30_000)
