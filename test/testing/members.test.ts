/** What the handles of members do, seen by clients. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError } from '../../src/errors.js'
import type { Cluster, ClusterOptions } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { packet, RawClient } from '../server/raw.js'

const started: Cluster[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((cluster) => cluster.stop()))
})

async function start(options?: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(options)
  started.push(cluster)
  return cluster
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const ACTIVE_TEST = 111

/** Asks a tracker until a storage has that status. */
async function untilStatus(cluster: Cluster, id: number | string, status: string): Promise<void> {
  await using client = cluster.client()
  for (;;) {
    const storages = await client.admin.listStorages('group1')
    if (storages.find((storage) => storage.id === String(id))?.status === status) return
    await turn()
  }
}

describe('a storage', () => {
  it('keeps its files over a stop, loses them by a kill, and has the same port', async () => {
    const cluster = await start()
    const client = cluster.client()
    const storage = cluster.storage('group1')
    const { port } = storage
    const { id } = await client.uploadFile(Buffer.from('kept'))
    await storage.stop()
    expect(storage.state).toBe('stopped')
    await storage.start()
    await storage.whenActive()
    expect((await client.downloadFile(id)).toString()).toBe('kept')
    await storage.kill()
    await storage.start()
    await storage.whenActive()
    expect(await client.fileExists(id)).toBe(false)
    expect(storage.port).toBe(port)
  })

  it('finds its files on disk after a kill', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-members-'))
    const cluster = await start({ store: { dir } })
    const client = cluster.client()
    const { id } = await client.uploadFile(Buffer.from('kept'), { metadata: { a: '1' } })
    await cluster.storage('group1').kill()
    await cluster.storage('group1').start()
    await cluster.storage('group1').whenActive()
    expect((await client.downloadFile(id)).toString()).toBe('kept')
    expect(await cluster.storage('group1').files()).toMatchObject([{ id, size: 4 }])
    await rm(dir, { recursive: true })
  })

  it('is started as soon as it is dead, whoever has not waited for that', async () => {
    const cluster = await start()
    const storage = cluster.storage('group1')
    await Promise.all([storage.kill(), storage.kill(), storage.start()])
    await storage.whenActive()
    expect(storage.state).toBe('running')
    const started = [storage.stop(), storage.start(), storage.stop()]
    await Promise.all(started)
    expect(storage.state).toBe('stopped')
  })

  it('says goodbye when it is stopped, and nothing when it is killed', async () => {
    const cluster = await start()
    const goodbyes = (): number => cluster.requests.list({ command: 'quit', from: 'members' }).length
    await cluster.storage('group1').kill()
    for (let i = 0; i < 20; i++) await turn()
    expect(goodbyes()).toBe(0)
    await cluster.storage('group1').start()
    await cluster.storage('group1').whenActive()
    await cluster.storage('group1').stop()
    while (goodbyes() === 0) await turn()
  })

  it('is silent while it is paused, and answers what has waited', async () => {
    const cluster = await start({ storages: 2 })
    const storage = cluster.storage('group1', 0)
    const old = await RawClient.connect(storage.port)
    await old.ask(ACTIVE_TEST)
    storage.pause()
    expect(storage.state).toBe('paused')
    expect(() => storage.pause()).toThrow('is paused')
    const young = await RawClient.connect(storage.port)
    const answers = [old, young].map((raw) => raw.ask(ACTIVE_TEST))
    const other = await RawClient.connect(cluster.storage('group1', 1).port)
    for (let i = 0; i < 20; i++) await other.ask(ACTIVE_TEST)
    expect(young.socket.bytesRead).toBe(0)
    storage.resume()
    expect(await Promise.all(answers)).toMatchObject([{ status: 0 }, { status: 0 }])
    for (const raw of [old, young, other]) raw.close()
  })

  it('is held to a status, beats or not, until it is let go', async () => {
    const cluster = await start({ trackers: 2, storages: 2 })
    const storage = cluster.storage('group1', 0)
    storage.setStatus('OFFLINE')
    await storage.setFreeSpace(1_000_000_000)
    await untilStatus(cluster, storage.id, 'OFFLINE')
    const client = cluster.client()
    for (let i = 0; i < 4; i++) await client.uploadFile(Buffer.from('a'))
    const uploads = (): number =>
      cluster.requests.list({ command: 'uploadFile', member: storage.name }).length
    expect(uploads()).toBe(0)
    storage.setStatus(undefined)
    await untilStatus(cluster, storage.id, 'ACTIVE')
    for (let i = 0; i < 4; i++) await client.uploadFile(Buffer.from('a'))
    expect(uploads()).toBeGreaterThan(0)
    expect(() => storage.setStatus('AWAY' as never)).toThrow(InvalidArgumentError)
  })

  it('reports its free space at once, and refuses what does not fit', async () => {
    const MB = 1024 * 1024
    const cluster = await start({
      trackers: 2,
      groups: { group1: { storePaths: 2, totalBytes: 100 * MB, freeBytes: 50 * MB } },
    })
    // A single tracker chooses the store paths in turn.
    const client = cluster.client({ trackers: cluster.clientOptions().trackers.slice(0, 1) })
    const space = async (): Promise<number | undefined> =>
      (await client.admin.listStorages('group1'))[0]?.freeBytes
    expect(await space()).toBe(2 * 50 * MB)
    expect((await client.admin.listStorages('group1'))[0]?.totalBytes).toBe(2 * 100 * MB)
    await cluster.storage('group1').setFreeSpace(2 * MB)
    expect(await space()).toBe(2 * 2 * MB)
    const { id } = await client.uploadAppenderFile(Buffer.alloc(1.5 * MB))
    const refused = { name: 'NoSpaceError', status: 28 }
    // The next store path takes the next file: both are full after this.
    await client.uploadFile(Buffer.alloc(1.5 * MB))
    await expect(client.uploadFile(Buffer.alloc(MB))).rejects.toMatchObject(refused)
    await expect(client.appendFile(id, Buffer.alloc(MB))).rejects.toMatchObject({ status: 28 })
    await client.deleteFile(id)
    await client.deleteFile((await cluster.storage('group1').files())[0]?.id ?? '')
    await client.uploadFile(Buffer.alloc(MB))
  })

  it('shows its files, spoils and loses them', async () => {
    const cluster = await start()
    const client = cluster.client()
    const storage = cluster.storage('group1')
    const { id } = await client.uploadFile(Buffer.from('abc'), { metadata: { a: '1' } })
    expect(await storage.files()).toEqual([{ id, size: 3, modifiedAt: expect.any(Date) as Date }])
    expect(await storage.stat(id)).toMatchObject({ id, size: 3 })
    await storage.corrupt(id, 1)
    expect(await storage.read(id)).toEqual(Buffer.of(0x61, 0x62 ^ 0xff, 0x63))
    expect(await client.downloadFile(id, Buffer.alloc(3))).toMatchObject({ verified: false })
    await expect(storage.corrupt(id, 3)).rejects.toThrow('the file has 3 bytes, none at 3')
    await storage.delete(id)
    expect(await storage.stat(id)).toBeUndefined()
    expect(await client.fileExists(id)).toBe(false)
    for (const gone of [storage.read(id), storage.corrupt(id), storage.delete(id)]) {
      await expect(gone).rejects.toMatchObject({ name: 'FileNotFoundError', fileId: id })
    }
    await expect(storage.read(id.replace('group1', 'group2'))).rejects.toThrow('holds files of group1')
  })
})

describe('a tracker', () => {
  it('comes back after a kill, and the storages join it again', async () => {
    const cluster = await start({ trackers: 2 })
    const tracker = cluster.trackers[0] as Cluster['trackers'][number]
    const client = cluster.client()
    await client.uploadFile(Buffer.from('a'))
    await tracker.kill()
    await client.uploadFile(Buffer.from('b'))
    await tracker.start()
    await cluster.requests.next({ command: 'storageJoin', member: tracker })
    await cluster.requests.next({ command: 'storageBeat', member: tracker })
    await client.uploadFile(Buffer.from('c'))
    expect(await cluster.storage('group1').files()).toHaveLength(3)
  })

  it('is passed over while it is paused', async () => {
    const cluster = await start({ trackers: 2 })
    cluster.trackers[0]?.pause()
    const client = cluster.client({ idleTimeout: 400 })
    for (let i = 0; i < 3; i++) await client.uploadFile(Buffer.from('a'))
    expect(await cluster.storage('group1').files()).toHaveLength(3)
    cluster.trackers[0]?.resume()
  })
})

describe('a cluster', () => {
  it('takes in trackers, storages and groups', async () => {
    const cluster = await start()
    await cluster.addTracker()
    await cluster.addStorage('group1')
    await cluster.addGroup('images', { storages: 2 })
    expect(cluster.storages.map(({ name, id }) => [name, id])).toEqual([
      ['group1-storage1', 100001],
      ['group1-storage2', 100002],
      ['images-storage1', 100003],
      ['images-storage2', 100004],
    ])
    for (const tracker of cluster.clientOptions().trackers) {
      await using client = cluster.client({ trackers: [tracker] })
      const groups = await client.admin.listGroups()
      expect(groups.map(({ group, activeCount }) => [group, activeCount])).toEqual([
        ['group1', 2],
        ['images', 2],
      ])
    }
    await expect(cluster.addGroup('images')).rejects.toThrow('there is a group "images" already')
    await expect(cluster.addStorage('audio')).rejects.toThrow('there is no group "audio"')
  })

  it('lets trackers and storages go', async () => {
    const cluster = await start({ trackers: 2, groups: 2, storages: 2 })
    const [first] = cluster.trackers
    await cluster.remove(first as Cluster['trackers'][number])
    await cluster.remove(cluster.storage('group1', 1))
    const { admin } = cluster.client()
    const storages = await admin.listStorages('group1')
    expect(storages.map(({ id, status }) => [id, status])).toEqual([
      ['100001', 'ACTIVE'],
      ['100002', 'DELETED'],
    ])
    await expect(cluster.remove(first as Cluster['trackers'][number])).rejects.toThrow('no member')
  })

  it('answers as it did before after a request that was cut off by a kill', async () => {
    const cluster = await start()
    const raw = await RawClient.connect(cluster.storage('group1').port)
    raw.send(packet(ACTIVE_TEST).subarray(0, 5))
    await turn()
    await cluster.storage('group1').kill()
    await raw.closed()
    expect(await cluster.stats()).toMatchObject([
      { member: 'tracker1', connections: { members: 0 } },
      { member: 'group1-storage1', connections: { clients: 0 } },
    ])
  })
})
