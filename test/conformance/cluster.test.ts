/** What trackers tell of files and of the cluster. */
import { formatEndpoint, parseEndpoint } from '../../src/net/endpoint.js'
import { noise, everyTarget, useTarget } from './target.js'

describe.each(everyTarget)('the trackers of $name', (target) => {
  const fixture = useTarget(target)

  it('answer', async () => {
    await expect(fixture.client.ping()).resolves.toBeUndefined()
  })

  it('tell where to upload to', async () => {
    const one = await fixture.client.tracker.queryStore()
    expect(one.port).toBeGreaterThan(0)
    expect(one.storePathIndex).toBe(0)
    const all = await fixture.client.tracker.queryStoreAll({ group: one.group })
    expect(all.group).toBe(one.group)
    expect(all.storages).toContainEqual({ host: one.host, port: one.port })
    expect((await fixture.client.tracker.queryStore({ group: one.group })).group).toBe(one.group)
    expect((await fixture.client.tracker.queryStoreAll()).storages.length).toBeGreaterThan(0)
  })

  it('tell where a file is', async () => {
    const { id, endpoint } = await fixture.upload(noise(10))
    expect(formatEndpoint(await fixture.client.tracker.queryFetch(id))).toBe(endpoint)
    expect(formatEndpoint(await fixture.client.tracker.queryUpdate(id))).toBe(endpoint)
    expect((await fixture.client.tracker.queryFetchAll(id)).map(formatEndpoint)).toContain(endpoint)
  })

  it('know no other groups', async () => {
    const gone = { name: 'FileNotFoundError', status: 2 }
    await expect(fixture.client.tracker.queryStore({ group: 'nope' })).rejects.toMatchObject(gone)
    await expect(fixture.client.admin.listGroup('nope')).rejects.toMatchObject(gone)
    await expect(fixture.client.admin.listStorages('nope')).rejects.toMatchObject(gone)
  })

  it('list groups and storages', async () => {
    const groups = await fixture.client.admin.listGroups()
    expect(groups.length).toBeGreaterThan(0)
    for (const group of groups) {
      expect(await fixture.client.admin.listGroup(group.group)).toMatchObject({ group: group.group })
      const storages = await fixture.client.admin.listStorages(group.group)
      expect(storages).toHaveLength(group.storageCount)
      for (const storage of storages) {
        expect(storage).toMatchObject({
          status: 'ACTIVE',
          version: expect.stringMatching(/^\d+\.\d+/) as string,
        })
        expect(storage.totalBytes).toBeGreaterThan(storage.freeBytes)
        expect(storage.joinTime).toBeInstanceOf(Date)
        expect(await fixture.client.admin.listStorages(group.group, { id: storage.id })).toMatchObject([
          { id: storage.id },
        ])
      }
    }
  })

  it('count what was done', async () => {
    const { id, group } = await fixture.upload(noise(10))
    await fixture.client.downloadFile(id)
    const [storage] = await fixture.client.admin.listStorages(group)
    expect(storage?.statistics).toMatchObject({ totalUpload: expect.any(Number) as number })
  })

  it('tell of themselves', async () => {
    const statuses = await fixture.client.admin.trackerStatus()
    expect(statuses.map(({ endpoint }) => endpoint)).toEqual([...fixture.trackers])
    expect(statuses.every(({ error, runningTime }) => error === undefined && runningTime !== undefined)).toBe(
      true,
    )
    expect(statuses.some(({ isLeader }) => isLeader)).toBe(true)
  })

  it('tell who leads', async () => {
    const leader = await fixture.client.admin.leader()
    expect([...fixture.trackers].map((tracker) => parseEndpoint(tracker, 0).port)).toContain(leader.port)
  })

  it('tell the storage IDs, where they are used', async () => {
    const ids = await fixture.client.admin.storageIds()
    const parameters = await fixture.client.admin.parameters()
    expect(ids.length > 0).toBe(parameters['use_storage_id'] === '1')
    for (const { id, group, hosts } of ids) {
      expect(id).toMatch(/^\d+$/)
      expect(group).toMatch(/^\w+$/)
      expect(hosts[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
    }
  })

  it('tell their parameters', async () => {
    expect(await fixture.client.admin.parameters()).toMatchObject({ storage_sync_file_max_delay: '86400' })
  })

  it('tell the statistics of the cluster since V6.16, and are said not to know them before', async () => {
    const { group } = (await fixture.client.admin.listGroups())[0] ?? { group: '' }
    const version = await fixture.storageVersion(group)
    const asked = fixture.client.admin.clusterStatistics()
    if (!version.startsWith('6.16')) {
      await expect(asked).rejects.toMatchObject({ name: 'NotSupportedError', code: 'FDFS_NOT_SUPPORTED' })
      return
    }
    const { trackers, storages, groups } = await asked
    expect(trackers.length).toBeGreaterThan(0)
    expect(storages.map(({ status }) => status)).toContain('ACTIVE')
    expect(groups.map((item) => item.group)).toContain(group)
  })

  it('merge metadata', async () => {
    const { id } = await fixture.upload(noise(10), { metadata: { a: '1', b: '2' } })
    await fixture.client.mergeMetadata(id, { b: '3', c: '4' })
    await fixture.client.mergeMetadata(id, {})
    expect(await fixture.client.getMetadata(id)).toEqual({ a: '1', b: '3', c: '4' })
  })
})
