/**
 * What could harm a cluster if it went wrong: on a real one only with FASTDFS_TEST_DESTRUCTIVE=1.
 */
import { startCluster } from '../../src/testing/index.js'
import { targets, useTarget } from './target.js'

const [embedded, ...real] = targets
const isAllowed = process.env['FASTDFS_TEST_DESTRUCTIVE'] === '1'
const allowed = [embedded as (typeof targets)[number], ...(isAllowed ? real : [])]

if (real.length > 0 && !isAllowed) {
  process.stderr.write('conformance: destructive cases not run, since FASTDFS_TEST_DESTRUCTIVE is not 1\n')
}

describe.each(allowed)('administration of $name', (target) => {
  const fixture = useTarget(target)

  it('refuses to delete a storage that is alive', async () => {
    const [group] = await fixture.client.admin.listGroups()
    const [storage] = await fixture.client.admin.listStorages(group?.group ?? '')
    const deleting = fixture.client.admin.deleteStorage(group?.group ?? '', storage?.id ?? '')
    await expect(deleting).rejects.toMatchObject({ name: 'ServerError', status: 16 })
    expect(await fixture.client.admin.listStorages(group?.group ?? '')).toContainEqual(
      expect.objectContaining({ id: storage?.id, status: 'ACTIVE' }),
    )
  })

  it('refuses to delete a group that has storages', async () => {
    const [group] = await fixture.client.admin.listGroups()
    await expect(fixture.client.admin.deleteGroup(group?.group ?? '')).rejects.toMatchObject({ status: 16 })
  })

  it('knows no other storages and groups', async () => {
    const [group] = await fixture.client.admin.listGroups()
    const gone = { name: 'FileNotFoundError', status: 2 }
    await expect(fixture.client.admin.deleteStorage(group?.group ?? '', '10.9.9.9')).rejects.toMatchObject({
      ...gone,
      command: 'deleteStorage',
    })
    await expect(fixture.client.admin.deleteGroup('nope')).rejects.toMatchObject(gone)
    await expect(fixture.client.admin.setTrunkServer('nope')).rejects.toMatchObject(gone)
  })

  it('sets no trunk server while trunk files are off', async () => {
    const parameters = await fixture.client.admin.parameters()
    if (parameters['use_trunk_file'] === '1') return
    const [group] = await fixture.client.admin.listGroups()
    const setting = fixture.client.admin.setTrunkServer(group?.group ?? '')
    await expect(setting).rejects.toMatchObject({ name: 'NotSupportedError', status: 95 })
  })
})

describe('administration of a cluster that lost a storage', () => {
  it('deletes the storage at every tracker', async () => {
    await using cluster = await startCluster({ trackers: 2, storages: 2 })
    const { admin } = cluster.client()
    const storage = cluster.storage('group1', 1)
    await storage.stop()
    await admin.deleteStorage('group1', String(storage.id))
    const statuses = (await admin.listStorages('group1')).map(({ id, status }) => [id, status])
    expect(statuses).toEqual([
      [String(cluster.storage('group1', 0).id), 'ACTIVE'],
      [String(storage.id), 'DELETED'],
    ])
    await expect(admin.deleteStorage('group1', String(storage.id))).rejects.toMatchObject({ status: 114 })
  })
})
