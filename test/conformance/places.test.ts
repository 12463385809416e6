/** Uploads whose caller chooses the storage and the store path (protocol.md §2.1, §3.1). */
import { InvalidArgumentError, parseFileId } from '../../src/index.js'
import { formatEndpoint } from '../../src/net/endpoint.js'
import { noise, targets, useTarget } from './target.js'

describe.each(targets)('uploads to a place of the caller on $name', (target) => {
  const fixture = useTarget(target)

  it('go to the storage that is named, by its address or ID', async () => {
    for (const { group } of await fixture.client.admin.listGroups()) {
      const [first] = await fixture.client.admin.listStorages(group)
      const { storages } = await fixture.client.tracker.queryStoreAll({ group })
      for (const endpoint of storages.map(formatEndpoint)) {
        const file = await fixture.upload(noise(5), { storage: endpoint })
        expect(file).toMatchObject({ group, endpoint })
        expect(await fixture.upload(noise(5), { storage: endpoint, group })).toMatchObject({ endpoint })
      }
      const byId = await fixture.upload(noise(5), { storage: first?.id as string })
      expect(byId).toMatchObject({ group })
      const appender = await fixture.client.uploadAppenderFile(noise(5), {
        storage: formatEndpoint(storages[0]!),
      })
      fixture.track(appender.id)
      expect(appender).toMatchObject({ group, endpoint: formatEndpoint(storages[0]!) })
    }
  })

  it('go to the store path that is named', async () => {
    const file = await fixture.upload(noise(5), { storePathIndex: 0 })
    expect(parseFileId(file.id).storePathIndex).toBe(0)
    expect(await fixture.upload(noise(5), { storePathIndex: 255 })).toMatchObject({ verified: true })
  })

  it('are refused where there is no such place', async () => {
    const content = noise(2_000_000)
    const upload = (options: object) => fixture.client.uploadFile(content, options)
    await expect(upload({ storePathIndex: 200 })).rejects.toThrow(
      /^storePathIndex is 200, but the storages of group\w+ have \d+ store paths, from 0 on$/,
    )
    await expect(upload({ storage: '127.0.0.1:9' })).rejects.toThrow(InvalidArgumentError)
    await expect(upload({ storage: '9999999' })).rejects.toThrow(
      'no tracker names storage 9999999 as one that takes uploads',
    )
    await expect(upload({ storage: '127.0.0.1:9', group: 'nosuchgroup' })).rejects.toMatchObject({
      status: 2,
    })
  }, 30_000)
})
