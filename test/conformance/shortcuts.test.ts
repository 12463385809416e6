/** Uploads and reads that ask no tracker: `trackerCache` and `readFrom` (protocol.md §2.1, §5, §6). */
import { FastDfsClient, NotSupportedError, parseFileId, ServerError } from '../../src/index.js'
import { formatEndpoint } from '../../src/net/endpoint.js'
import { everyTarget, missingLike, noise, useTarget } from './target.js'

describe.each(everyTarget)('without asking a tracker, on $name', (target) => {
  const fixture = useTarget(target)
  const clientOf = (options: object): FastDfsClient =>
    new FastDfsClient({ trackers: fixture.trackers, ...options })

  it('uploads go to every group and storage that takes them', async () => {
    const wanted = new Set<string>()
    await using asking = clientOf({})
    for (const { group } of await asking.admin.listGroups()) {
      const { storages } = await asking.tracker.queryStoreAll({ group })
      for (const storage of storages) wanted.add(formatEndpoint(storage))
    }
    // Where others ask the same trackers in between, those may name a client one group only.
    for (let round = 0; round < 10 && wanted.size > 0; round++) {
      await using client = clientOf({ trackerCache: 1000 })
      for (let i = 0; i < 24; i++) {
        const { id, endpoint, verified } = await client.uploadFile(noise(1000 + i, i), { ext: 'bin' })
        fixture.track(id)
        wanted.delete(endpoint)
        expect(verified).toBe(true)
        expect(await client.downloadFile(id)).toEqual(noise(1000 + i, i))
      }
    }
    expect([...wanted]).toEqual([])
  })

  it('uploads to a named group go there, appender files too', async () => {
    await using client = clientOf({ trackerCache: 1000 })
    for (const { group } of await client.admin.listGroups()) {
      for (let i = 0; i < 3; i++) {
        const { id } = await client.uploadAppenderFile(noise(10), { group })
        fixture.track(id)
        await client.appendFile(id, noise(10))
        expect(await client.downloadFile(id)).toEqual(Buffer.concat([noise(10), noise(10)]))
        expect(parseFileId(id).group).toBe(group)
      }
    }
  })

  it('files are read at their source', async () => {
    const storageIds = await fixture.client.admin.storageIds().then(
      () => 'tracker' as const,
      (error: unknown) => {
        if (!(error instanceof ServerError || error instanceof NotSupportedError)) throw error
        return undefined
      },
    )
    await using client = clientOf({ readFrom: 'source', storageIds })
    const content = noise(50_000)
    const { id } = await fixture.upload(content, { metadata: { a: 'b' } })
    for (let i = 0; i < 3; i++) {
      expect(await client.downloadFile(id)).toEqual(content)
      expect(await client.downloadFile(id, { offset: 100, length: 50 })).toEqual(content.subarray(100, 150))
      expect(await client.fileInfo(id)).toMatchObject({ size: 50_000 })
      expect(await client.getMetadata(id)).toEqual({ a: 'b' })
    }
    await expect(client.downloadFile(missingLike(id))).rejects.toMatchObject({ status: 2 })
    expect(await client.fileExists(missingLike(id))).toBe(false)
  })
})
