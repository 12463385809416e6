/** Clusters whose members tell other addresses than they listen on, or have no IDs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FastDfsClient, parseFileId } from '../../src/index.js'
import type { ClusterOptions } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

const SOMEWHERE = '192.0.2.7'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fastdfs-addresses-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('members that tell an address which leads nowhere', () => {
  it('are reached through a map, by every kind of operation', async () => {
    await using cluster = await startCluster({ advertise: SOMEWHERE, groups: 2 })
    const trackers = cluster.trackers.map(({ port }) => `127.0.0.1:${port}`)
    const storageAddressMap = Object.fromEntries(
      cluster.storages.map(({ port }) => [`${SOMEWHERE}:${port}`, `127.0.0.1:${port}`]),
    )
    await using client = new FastDfsClient({ trackers, storageAddressMap })
    const { id } = await client.uploadFile(Buffer.from('hello'), { metadata: { a: '1' }, ext: 'txt' })
    expect((await client.downloadFile(id)).toString()).toBe('hello')
    expect(await client.fileInfo(id)).toMatchObject({ size: 5 })
    expect(await client.getMetadata(id)).toEqual({ a: '1' })
    await client.mergeMetadata(id, { b: '2' })
    const slave = await client.uploadSlaveFile(id, Buffer.from('small'), { prefix: '_s', ext: 'txt' })
    expect((await client.downloadFile(slave.id)).toString()).toBe('small')
    const appender = await client.uploadAppenderFile(Buffer.from('a'))
    await client.appendFile(appender.id, Buffer.from('bc'))
    await client.modifyFile(appender.id, Buffer.from('B'), { offset: 1 })
    await client.truncateFile(appender.id, 2)
    expect((await client.downloadFile(appender.id)).toString()).toBe('aB')
    for (const made of [id, slave.id, appender.id]) await client.deleteFile(made)
    expect(await client.fileExists(id)).toBe(false)
    const batch = ['one', 'two', 'three', 'four'].map((text) => Buffer.from(text))
    const stored = await client.uploadFiles(batch)
    const ids = stored.map((result) =>
      result.status === 'fulfilled' ? result.value.id : String(result.reason),
    )
    const buffers = batch.map(({ length }) => Buffer.alloc(length))
    const items = ids.map((id, i) => ({ id, path: join(folder, String(i)) }))
    expect((await client.downloadFiles(items)).map(({ status }) => status)).toEqual(
      buffers.map(() => 'fulfilled'),
    )
    for (const [i, content] of batch.entries()) {
      expect(await readFile(join(folder, String(i)))).toEqual(content)
    }
    expect((await client.deleteFiles(ids)).map(({ status }) => status)).toEqual(ids.map(() => 'fulfilled'))
  })

  it('are not reached without one, and the error says what to do', async () => {
    // A port of this machine where nothing listens: an address elsewhere would only be waited for.
    await using cluster = await startCluster({ advertise: '127.0.0.99' })
    const trackers = cluster.trackers.map(({ port }) => `127.0.0.1:${port}`)
    await using client = new FastDfsClient({ trackers, retries: 0 })
    const { port } = cluster.storage('group1')
    await expect(client.uploadFile(Buffer.from('hello'))).rejects.toMatchObject({
      name: 'ConnectError',
      endpoint: `127.0.0.99:${port}`,
      message: expect.stringContaining(
        `set storageAddressMap to { '127.0.0.99:${port}': 'host:port' }`,
      ) as string,
    })
    await expect(client.uploadFiles([Buffer.from('a'), Buffer.from('b')])).resolves.toMatchObject([
      { status: 'rejected', reason: { endpoint: `127.0.0.99:${port}` } },
      { status: 'rejected', reason: { endpoint: `127.0.0.99:${port}` } },
    ])
    expect(cluster.requests.list({ command: 'uploadFile' })).toEqual([])
  })
})

describe('storages without IDs', () => {
  it('have addresses of their own, which stand in the names of files', async () => {
    await using cluster = await startCluster({ storageIds: false, groups: 2, storages: 2 })
    expect(cluster.storages.map(({ id }) => id)).toEqual(cluster.storages.map(({ host }) => host))
    expect(new Set(cluster.storages.map(({ host }) => host)).size).toBe(4)
    expect(cluster.storage('group1', 0).port).toBe(cluster.storage('group1', 1).port)
    const client = cluster.client()
    const { id, endpoint } = await client.uploadFile(Buffer.from('hello'), { group: 'group2' })
    const { source } = parseFileId(id)
    expect(endpoint).toBe(`${source.kind === 'ip' ? source.ip : ''}:${cluster.storage('group2').port}`)
    await cluster.replicate()
    for (const index of [0, 1]) {
      expect((await cluster.storage('group2', index).read(id)).toString()).toBe('hello')
    }
    await cluster.storage('group2', 0).kill()
    await cluster.storage('group2', 0).start()
    await cluster.storage('group2', 0).whenActive()
    expect((await client.downloadFile(id)).toString()).toBe('hello')
    expect(await client.admin.parameters()).toMatchObject({ use_storage_id: '0' })
  })

  it.each<ClusterOptions>([{ host: '::1' }, { advertise: '192.0.2.1' }])(
    'are refused with %j',
    async (options) => {
      await expect(startCluster({ ...options, storageIds: false })).rejects.toThrow(
        'leave out host and advertise',
      )
    },
  )
})

describe('addresses in answers', () => {
  const sizesOf = async (options: ClusterOptions): Promise<(number | undefined)[]> => {
    await using cluster = await startCluster({ ...options, trackers: 2 })
    const client = cluster.client()
    const { id } = await client.uploadFile(Buffer.from('hello'))
    expect((await client.downloadFile(id)).toString()).toBe('hello')
    return (await client.diagnose()).trackers.map(({ addressSize }) => addressSize)
  }

  it.each<[ClusterOptions, number]>([
    [{}, 16],
    [{ addressSize: 46 }, 46],
    [{ addressSize: 46, profile: 'V6.12' }, 46],
    [{ addressSize: 16, profile: 'V6.12' }, 16],
  ])('with %j are %d bytes wide', async (options, size) => {
    expect(await sizesOf(options)).toEqual([size, size])
  })

  it('are wide where what clients are told needs it', async () => {
    await using cluster = await startCluster({ advertise: '2001:db8:1234:5678::9' })
    const { port } = cluster.trackers[0] as { port: number }
    await using client = new FastDfsClient({ trackers: [{ host: '127.0.0.1', port }] })
    expect((await client.tracker.queryStore()).host).toBe('2001:db8:1234:5678::9')
  })

  it.each<[ClusterOptions, string]>([
    [{ addressSize: 40 as 46 }, 'addressSize must be 16 or 46, not 40'],
    [{ addressSize: 46, profile: 'V6.06' }, 'addresses of 46 bytes came with V6.11: V6.06 has 16'],
  ])('are refused with %j', async (options, message) => {
    await expect(startCluster(options)).rejects.toThrow(message)
  })
})

it('gives the trackers their rules', async () => {
  await using cluster = await startCluster({ reservedStorageSpace: '20%', storageSyncFileMaxDelay: 5000 })
  expect(await cluster.client().admin.parameters()).toMatchObject({
    reserved_storage_space: '20.00%',
    storage_sync_file_max_delay: '5',
  })
  await expect(startCluster({ storeLookup: 'none' as 'group' })).rejects.toThrow('storeLookup must be one of')
})
