/** Clusters whose members tell other addresses than they listen on, or have no IDs. */
import { FastDfsClient, parseFileId } from '../../src/index.js'
import type { ClusterOptions } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

const SOMEWHERE = '192.0.2.7'

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

it('gives the trackers their rules', async () => {
  await using cluster = await startCluster({ reservedStorageSpace: '20%', storageSyncFileMaxDelay: 5000 })
  expect(await cluster.client().admin.parameters()).toMatchObject({
    reserved_storage_space: '20.00%',
    storage_sync_file_max_delay: '5',
  })
  await expect(startCluster({ storeLookup: 'none' as 'group' })).rejects.toThrow('storeLookup must be one of')
})
