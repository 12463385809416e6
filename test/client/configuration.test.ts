/** Where the options come from, and where connections go by them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  closeDefaultClient,
  downloadFile,
  FastDfsClient,
  getDefaultClient,
  setDefaultClient,
  uploadFile,
} from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import type { FakeServer } from '../support/fake-server.js'
import { fakeServer, field, header, int64, response } from '../support/fake-server.js'
import { deferred } from './fakes.js'

let cluster: Cluster
let folder: string

beforeAll(async () => {
  cluster = await startCluster({ groups: 2 })
  folder = await mkdtemp(join(tmpdir(), 'fastdfs-configuration-'))
})

afterAll(async () => {
  await cluster.stop()
  await rm(folder, { recursive: true })
})

async function expectWorks(client: FastDfsClient, group?: string): Promise<void> {
  await using used = client
  const file = await used.uploadFile(Buffer.from('hello'))
  expect((await used.downloadFile(file.id)).toString()).toBe('hello')
  if (group !== undefined) expect(file.group).toBe(group)
}

/** Runs with these environment variables; those that are undefined are not set. */
async function withEnvironment(
  variables: Record<string, string | undefined>,
  run: () => void | Promise<void>,
): Promise<void> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const [name, value] of Object.entries(variables)) set(name, value)
  try {
    await run()
  } finally {
    for (const [name, value] of before) set(name, value)
  }
}

/** A tracker that says that its only storage is at 10.99.0.1:23000, where nobody is. */
function misplacedTracker(): Promise<FakeServer> {
  return fakeServer((request) => {
    const isStore = request[8] === 101 || request[8] === 104
    const address = [field('group1', 16), field('10.99.0.1', 15), int64(23_000)]
    return response(Buffer.concat([...address, ...(isStore ? [Buffer.from([0])] : [])]))
  })
}

describe('a client is made from', () => {
  it('a list of trackers', async () => {
    await expectWorks(new FastDfsClient(cluster.env().FASTDFS_TRACKERS))
  })

  it('a connection string', async () => {
    const client = new FastDfsClient(`fdfs://${cluster.env().FASTDFS_TRACKERS}/group2?retries=0`)
    await expectWorks(client, 'group2')
  })

  it('a client.conf', async () => {
    const path = join(folder, 'client.conf')
    await writeFile(path, cluster.clientConf())
    await expectWorks(FastDfsClient.fromConfig(path))
    await expectWorks(FastDfsClient.fromConfig(path, { group: 'group2' }), 'group2')
  })

  it('the properties of a Java client', async () => {
    const path = join(folder, 'fastdfs.properties')
    await writeFile(path, `fastdfs.tracker_servers = ${cluster.env().FASTDFS_TRACKERS}\n`)
    await expectWorks(FastDfsClient.fromConfig(path))
  })

  it('the environment', async () => {
    await withEnvironment({ ...cluster.env(), FASTDFS_GROUP: 'group2' }, async () => {
      await expectWorks(FastDfsClient.fromEnvironment(), 'group2')
    })
  })
})

describe('the default group', () => {
  it('is what uploads and queries go to where they name none', async () => {
    await using client = cluster.client({ group: 'group2' })
    expect((await client.uploadFile(Buffer.from('a'))).group).toBe('group2')
    expect((await client.uploadFile(Buffer.from('a'), { group: 'group1' })).group).toBe('group1')
    expect((await client.tracker.queryStore()).group).toBe('group2')
    expect((await client.tracker.queryStoreAll()).group).toBe('group2')
  })
})

describe('the default client', () => {
  afterEach(closeDefaultClient)

  it('is made at first use, and used by the bare functions', async () => {
    await withEnvironment(cluster.env(), async () => {
      const { id } = await uploadFile(Buffer.from('hello'), { ext: 'txt' })
      expect((await downloadFile(id)).toString()).toBe('hello')
      expect(getDefaultClient()).toBe(getDefaultClient())
    })
  })

  it('can be given', async () => {
    const client = cluster.client({ group: 'group2' })
    setDefaultClient(client)
    expect((await uploadFile(Buffer.from('a'))).group).toBe('group2')
    await closeDefaultClient()
    await expect(client.ping()).rejects.toMatchObject({ name: 'ClosedError' })
  })

  it('says what to set when nothing is', async () => {
    await withEnvironment({ FASTDFS_TRACKERS: undefined, FASTDFS_CONFIG: undefined }, () => {
      expect(() => getDefaultClient()).toThrow(/set FASTDFS_TRACKERS/)
    })
    await withEnvironment({ FASTDFS_TRACKERS: undefined, FASTDFS_CONFIG: undefined }, async () => {
      await expect(uploadFile(Buffer.from('a'))).rejects.toMatchObject({ name: 'ConfigError' })
    })
  })
})

describe('storageAddressMap', () => {
  const target = (): string => `127.0.0.1:${cluster.storage('group1', 0).port}`

  it.each([
    ['an address', () => ({ '10.99.0.1:23000': target() })],
    ['an address of a group', () => ({ 'group1/10.99.0.1:23000': target() })],
    ['a host', () => ({ '10.99.0.1': target() })],
    ['a network', () => ({ '10.0.0.0/8': target() })],
    ['a function', () => () => target()],
  ])('leads to storages that the tracker gives the wrong address of: %s', async (_, map) => {
    await using tracker = await misplacedTracker()
    const client = new FastDfsClient({ trackers: tracker.address, storageAddressMap: map() })
    await expectWorks(client)
  })

  it('is proposed by the error of a storage that cannot be reached', async () => {
    await using tracker = await misplacedTracker()
    // Nothing listens where the map leads.
    const gone = await fakeServer(() => undefined)
    await gone[Symbol.asyncDispose]()
    const storageAddressMap = { '10.99.0.1': gone.address }
    await using client = new FastDfsClient({ trackers: tracker.address, storageAddressMap, retries: 0 })
    await expect(client.uploadFile(Buffer.from('a'))).rejects.toMatchObject({
      name: 'ConnectError',
      retriable: true,
      endpoint: gone.address,
      message: expect.stringMatching(
        /cannot connect: ECONNREFUSED: the tracker gave 10\.99\.0\.1:23000 for a storage of group1, storageAddressMap made it 127\.0\.0\.1:\d+.*set storageAddressMap/,
      ) as string,
    })
  })
})

describe('a tracker of two addresses', () => {
  it('is asked at the other one when the first cannot be reached, and there from then on', async () => {
    // 127.0.0.2 is this machine too, but no tracker listens there.
    const port = cluster.trackers[0]?.port
    await using client = new FastDfsClient({ trackers: `[127.0.0.2,127.0.0.1]:${port}`, retries: 0 })
    await client.ping()
    await client.ping()
    expect((await client.admin.listGroups()).map(({ group }) => group)).toEqual(['group1', 'group2'])
  })
})

describe('setTrackers', () => {
  it('changes who is asked', async () => {
    await using other = await startCluster()
    await using client = cluster.client()
    expect(await client.admin.listGroups()).toHaveLength(2)
    client.setTrackers(other.clientOptions().trackers)
    expect(await client.admin.listGroups()).toHaveLength(1)
    expect(() => client.setTrackers([])).toThrow(/at least one tracker/)
  })

  it('leaves what is under way to those that were there when it began', async () => {
    const asked = deferred<Socket>()
    await using first = await fakeServer((_, socket) => asked.resolve(socket))
    await using second = await fakeServer(() => header(0))
    await using stranger = await fakeServer(() => header(0))
    const trackers = [first.address, second.address]
    // Whichever comes first by chance: the other one is asked until it is the first's turn.
    await using client = new FastDfsClient({ trackers, retries: 0 })
    const pings = [client.ping(), client.ping()]
    const socket = await asked.promise
    client.setTrackers(stranger.address)
    socket.destroy()
    await Promise.all(pings)
    expect(second.requests).toHaveLength(2)
    expect(stranger.requests).toHaveLength(0)
  })
})
