/** Clusters of several storages a group: when they tell each other, what a reset leaves, what a kill leaves. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError } from '../../src/errors.js'
import type { Cluster, ClusterOptions, StorageMember } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

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
const idsOf = async (storage: StorageMember): Promise<string[]> => (await storage.files()).map(({ id }) => id)

/** Waits until a storage holds exactly these files. */
async function untilHolds(storage: StorageMember, ...ids: readonly string[]): Promise<void> {
  while ((await idsOf(storage)).join() !== [...ids].sort().join()) await turn()
}

describe('storages of a group', () => {
  it('tell each other at once', async () => {
    const cluster = await start({ storages: 3 })
    const { id } = await cluster.client().uploadFile(Buffer.from('hello'), { metadata: { a: '1' } })
    await cluster.replicate()
    for (const storage of cluster.storages) {
      expect((await storage.read(id)).toString()).toBe('hello')
    }
  })

  it('tell each other when they are told to', async () => {
    const cluster = await start({ storages: 2, replication: 'manual' })
    const { id, endpoint } = await cluster.client().uploadFile(Buffer.from('hello'))
    const other = cluster.storages.find(({ port }) => !endpoint?.endsWith(`:${port}`)) as StorageMember
    // Whatever would be on its way comes before this.
    await cluster.client().admin.listGroups()
    expect(await other.files()).toEqual([])
    await cluster.replicate()
    expect(await idsOf(other)).toEqual([id])
  })

  it('wait for nobody behind a silent partition, and for all others', async () => {
    const cluster = await start({ storages: 3, replication: 'manual' })
    const [one, two, three] = cluster.storages as [StorageMember, StorageMember, StorageMember]
    const partition = cluster.partition(one, two, { silent: true })
    const { id } = await cluster.client().uploadFile(Buffer.from('hello'), { storage: String(one.id) })
    await cluster.replicate()
    expect([await idsOf(two), await idsOf(three)]).toEqual([[], [id]])
    partition.remove()
    await cluster.replicate()
    expect(await idsOf(two)).toEqual([id])
  })

  it('wait no longer for a member that falls silent', async () => {
    const cluster = await start({ storages: 2, replication: 'manual' })
    const [one, two] = cluster.storages as [StorageMember, StorageMember]
    await cluster.client().uploadFile(Buffer.from('hello'), { storage: String(one.id) })
    cluster.fault({ on: two, command: 'syncCreateFile', times: 1 }, { hang: true })
    const asked = cluster.requests.next({ command: 'syncCreateFile', member: two.name })
    const replicated = cluster.replicate()
    await asked
    cluster.partition(one, two, { silent: true })
    await expect(replicated).resolves.toBeUndefined()
  })

  it('wait for nobody who is paused', async () => {
    const cluster = await start({ storages: 2, replication: 'manual' })
    const [one, two] = cluster.storages as [StorageMember, StorageMember]
    const { id } = await cluster.client().uploadFile(Buffer.from('hello'), { storage: String(one.id) })
    two.pause()
    await cluster.replicate()
    expect(await two.files()).toEqual([])
    two.resume()
    await cluster.replicate()
    expect(await idsOf(two)).toEqual([id])
  })

  it('tell each other after a delay', async () => {
    const cluster = await start({ storages: 2, replication: { delay: 50 } })
    const begin = performance.now()
    const { id } = await cluster.client().uploadFile(Buffer.from('hello'))
    await cluster.requests.next({ command: 'syncCreateFile' })
    expect(performance.now() - begin).toBeGreaterThan(45)
    for (const storage of cluster.storages) await untilHolds(storage, id)
  })

  it('catch up when they come back', async () => {
    const cluster = await start({ trackers: 2, storages: 2 })
    const client = cluster.client()
    const [one, two] = cluster.storages as [StorageMember, StorageMember]
    const before = await client.uploadFile(Buffer.from('before'))
    await cluster.replicate()
    const added: string[] = []
    for (const end of ['stop', 'kill'] as const) {
      await two[end]()
      added.push((await client.uploadFile(Buffer.from(end))).id)
      expect(await idsOf(one)).toEqual([before.id, ...added].sort())
      await two.start()
      await two.whenActive()
      await untilHolds(two, before.id, ...added)
    }
    await client.deleteFile(before.id)
    await untilHolds(two, ...added)
    two.pause()
    const last = await client
      .uploadFile(Buffer.from('paused'), { group: 'group1', signal: AbortSignal.timeout(20_000) })
      .catch(() => undefined)
    two.resume()
    await cluster.replicate()
    expect(await idsOf(two)).toEqual(await idsOf(one))
    if (last !== undefined) expect(await idsOf(two)).toContain(last.id)
  }, 30_000)

  it('have the files of the group when they are added, and nothing when they are removed', async () => {
    const cluster = await start({ storages: 1 })
    const { id } = await cluster.client().uploadFile(Buffer.from('old'))
    const added = await cluster.addStorage('group1')
    await untilHolds(added, id)
    await cluster.remove(added)
    const next = await cluster.client().uploadFile(Buffer.from('new'))
    await cluster.replicate()
    expect(await idsOf(cluster.storage('group1'))).toEqual([id, next.id].sort())
  })
})

describe('a reset of storages that replicate', () => {
  it('leaves nothing that was on its way, and they replicate as before', async () => {
    const cluster = await start({ storages: 2, groups: 2, seed: [{ data: 'seed', group: 'group1' }] })
    const client = cluster.client()
    const seed = cluster.seeded[0]?.id as string
    for (let round = 0; round < 5; round++) {
      const made = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          client.uploadFile(Buffer.alloc(i * 999, i), { group: 'group1' }),
        ),
      )
      await Promise.all(made.slice(0, 10).map(({ id }) => client.deleteFile(id)))
      await client.deleteFile(seed)
      await cluster.reset()
      for (const storage of cluster.storages.slice(0, 2)) expect(await idsOf(storage)).toEqual([seed])
      await cluster.replicate()
      for (const storage of cluster.storages.slice(0, 2)) expect(await idsOf(storage)).toEqual([seed])
      const { id } = await client.uploadFile(Buffer.from('after'), { group: 'group1' })
      await cluster.replicate()
      for (const storage of cluster.storages.slice(0, 2)) await untilHolds(storage, id, seed)
    }
  })

  it('drops what was held back', async () => {
    const cluster = await start({ storages: 2, replication: 'manual' })
    const client = cluster.client()
    const appender = await client.uploadAppenderFile(Buffer.from('a'), {})
    await client.appendFile(appender.id, Buffer.from('b'))
    await client.deleteFile(appender.id)
    await client.uploadFile(Buffer.from('held'))
    await cluster.reset()
    await cluster.replicate()
    for (const storage of cluster.storages) expect(await storage.files()).toEqual([])
    expect(cluster.requests.list({ command: 'syncCreateFile' })).toEqual([])
  })

  it('does not make members that were away send everything again', async () => {
    const cluster = await start({ storages: 2 })
    const client = cluster.client()
    await client.uploadFile(Buffer.from('lost'))
    await cluster.storage('group1', 1).stop()
    await client.uploadFile(Buffer.from('lost too'))
    await cluster.reset()
    const { id } = await client.uploadFile(Buffer.from('kept'))
    await cluster.replicate()
    for (const storage of cluster.storages) await untilHolds(storage, id)
    expect(await idsOf(cluster.storage('group1', 1))).toEqual([id])
  })

  it('marks who has got what by address and port where there are no IDs', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-replication-'))
    const cluster = await start({ storages: 2, store: { dir }, storageIds: false })
    await cluster.client().uploadFile(Buffer.from('one'))
    await cluster.replicate()
    const [first, { port }] = [cluster.storage('group1', 0), cluster.storage('group1', 1)]
    const sync = join(dir, 'group1-storage1', 'data', 'sync')
    await first.stop()
    const mark = (await readFile(join(sync, `127.0.0.2_${port}.mark`))).toString()
    const { size } = await stat(join(sync, 'binlog.000'))
    expect(mark).toMatch(new RegExp(`^binlog_index=0\nbinlog_offset=${size}\n`))
    expect((await readdir(sync)).filter((name) => name.endsWith('.mark'))).toHaveLength(1)
    await rm(dir, { recursive: true })
  })

  it('empties the binlog in a folder too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-replication-'))
    const cluster = await start({ storages: 2, store: { dir } })
    const client = cluster.client()
    await client.uploadFile(Buffer.from('lost'))
    await cluster.replicate()
    await cluster.reset()
    const sync = join(dir, 'group1-storage1', 'data', 'sync')
    expect((await readFile(join(sync, 'binlog.000'))).toString()).toBe('')
    expect((await readFile(join(sync, '100002.mark'))).toString()).toMatch(
      /^binlog_index=0\nbinlog_offset=0\n/,
    )
    const { id } = await client.uploadFile(Buffer.from('kept'))
    await cluster.replicate()
    for (const storage of cluster.storages) {
      await storage.kill()
      await storage.start()
      await storage.whenActive()
      expect(await idsOf(storage)).toEqual([id])
    }
    await rm(dir, { recursive: true })
  })
})

describe('a killed member', () => {
  /** All files below a folder, with content and time of their last change. */
  async function contentsOf(dir: string): Promise<Record<string, string>> {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('tmp'))
    const read = files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(dir.length), (await readFile(path)).toString('latin1')] as const
    })
    return Object.fromEntries(await Promise.all(read))
  }

  it('writes nothing more to its folder: neither counters nor marks, nor what it has just begun', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-replication-'))
    const cluster = await start({ storages: 2, store: { dir }, replication: 'manual' })
    const client = cluster.client({ retries: 0 })
    const storage = cluster.storage('group1', 0)
    const own = join(dir, storage.name)
    const made = await Promise.all(Array.from({ length: 10 }, () => client.uploadFile(Buffer.from('made'))))
    const uploads = Array.from({ length: 20 }, () =>
      client.uploadFile(Buffer.alloc(100_000)).catch(() => undefined),
    )
    await cluster.requests.next({ command: 'uploadFile', member: storage.name })
    await storage.kill()
    const left = await contentsOf(own)
    expect(Object.keys(left)).not.toContain('/data/storage_stat.dat')
    await Promise.all(uploads)
    for (let i = 0; i < 50; i++) await turn()
    expect(await contentsOf(own)).toEqual(left)
    await storage.start()
    await storage.whenActive()
    await cluster.replicate()
    const ids = await idsOf(storage)
    expect(await idsOf(cluster.storage('group1', 1))).toEqual(ids)
    expect(ids).toEqual(expect.arrayContaining(made.map(({ id }) => id)))
    await rm(dir, { recursive: true })
  })

  it('is a tracker that finds its state in its folder', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fastdfs-replication-'))
    const cluster = await start({ store: { dir } })
    const [tracker] = cluster.trackers
    await cluster.storage('group1').stop()
    const before = await contentsOf(join(dir, 'tracker1'))
    await tracker?.kill()
    expect(await contentsOf(join(dir, 'tracker1'))).toEqual(before)
    await tracker?.start()
    expect((await cluster.client().admin.listStorages('group1')).map(({ id }) => id)).toEqual(['100001'])
    await rm(dir, { recursive: true })
  })
})

it.each<[unknown, string]>([
  ['later', "replication must be 'now', 'manual' or { delay }, not \"later\""],
  [{ delay: -1 }, 'the delay of replication must be'],
  [{ delay: 1, times: 2 }, 'times'],
])('refuses the replication %j', async (replication, message) => {
  const refused = startCluster({ replication } as ClusterOptions)
  await expect(refused).rejects.toThrow(InvalidArgumentError)
  await expect(refused).rejects.toThrow(message)
})
