/** The client as a whole: how it is made, what it does in batches and by bare functions, and its end. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Progress } from '../../src/index.js'
import * as api from '../../src/index.js'
import { FastDfsClient, slaveName } from '../../src/index.js'
import { large, missingLike, noise, targets, useTarget } from './target.js'

describe.each(targets)('a client of $name', (target) => {
  const fixture = useTarget(target)
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-conformance-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is made from a client.conf', async () => {
    const path = join(folder, 'client.conf')
    await writeFile(path, fixture.trackers.map((tracker) => `tracker_server = ${tracker}\n`).join(''))
    await using client = FastDfsClient.fromConfig(path)
    await expect(client.ping()).resolves.toBeUndefined()
  })

  it('is made from the environment', async () => {
    const before = process.env['FASTDFS_TRACKERS']
    process.env['FASTDFS_TRACKERS'] = fixture.trackers.join(',')
    try {
      await using client = FastDfsClient.fromEnvironment()
      await expect(client.ping()).resolves.toBeUndefined()
    } finally {
      if (before === undefined) delete process.env['FASTDFS_TRACKERS']
      else process.env['FASTDFS_TRACKERS'] = before
    }
  })

  it('asks other trackers from now on', async () => {
    await using client = new FastDfsClient({ trackers: '127.0.0.1:1', retries: 0 })
    await expect(client.ping()).rejects.toMatchObject({ name: 'ConnectError' })
    client.setTrackers(fixture.trackers)
    await client.ping()
  })

  it('finds nothing wrong with it', async () => {
    const { healthy, trackers, storages, findings } = await fixture.client.diagnose()
    expect(trackers).toHaveLength(fixture.trackers.length)
    expect(storages.length).toBeGreaterThan(0)
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(healthy).toBe(true)
  })

  it('tells what it is doing', async () => {
    await fixture.client.ping()
    const { calls, endpoints } = fixture.client.stats()
    expect(calls).toBe(0)
    expect(endpoints.length).toBeGreaterThan(0)
  })

  it('refuses calls when it is closed', async () => {
    const client = new FastDfsClient({ trackers: fixture.trackers })
    await client.ping()
    await client.close()
    await client.close()
    await expect(client.ping()).rejects.toMatchObject({ name: 'ClosedError' })
  })

  it('tells whether a file exists', async () => {
    const { id } = await fixture.upload(noise(10))
    expect(await fixture.client.fileExists(id)).toBe(true)
    expect(await fixture.client.fileExists(missingLike(id))).toBe(false)
  })

  it('carries out batches, with a result for each item', async () => {
    const contents = [0, 1, 100, 100_000].map((size) => noise(size, size))
    const uploaded = await fixture.client.uploadFiles(
      [...contents.map((source) => ({ source, ext: 'bin' })), join(folder, 'missing')],
      { concurrency: 2 },
    )
    const ids = uploaded.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []))
    for (const id of ids) fixture.track(id)
    expect(uploaded.map(({ status }) => status)).toEqual([...contents.map(() => 'fulfilled'), 'rejected'])
    expect(uploaded.at(-1)).toMatchObject({ reason: { name: 'InvalidArgumentError' } })

    const gone = missingLike(ids[2] as string)
    const items = [...ids, gone].map((id, i) => ({ id, path: join(folder, `item${i}`) }))
    const downloaded = await fixture.client.downloadFiles(items)
    expect(downloaded).toMatchObject([
      ...contents.map(({ length }) => ({ status: 'fulfilled', value: { size: length, verified: true } })),
      { status: 'rejected', reason: { name: 'FileNotFoundError', fileId: gone } },
    ])
    for (const [i, content] of contents.entries()) {
      expect((await readFile(join(folder, `item${i}`))).equals(content)).toBe(true)
    }

    expect(await fixture.client.deleteFiles([...ids, gone])).toMatchObject([
      ...ids.map(() => ({ status: 'fulfilled' })),
      { status: 'rejected', reason: { name: 'FileNotFoundError', fileId: gone } },
    ])
    for (const id of ids) expect(await fixture.client.fileExists(id)).toBe(false)
  })

  it('tells how far it is, with whatever it moves', async () => {
    const content = noise(large(2_500_000), 4)
    const size = content.length
    const seen: Progress[] = []
    const onProgress = (progress: Progress): void => void seen.push(progress)
    const expectWhole = (total: number): void => {
      expect(seen.at(-1)).toEqual({ transferred: total, total })
      const steps = seen.splice(0).map(({ transferred }) => transferred)
      expect(steps).toEqual([...steps].sort((a, b) => a - b))
    }
    const { id } = await fixture.client.uploadAppenderFile(content, { onProgress, ext: 'log' })
    fixture.track(id)
    expectWhole(size)
    await fixture.client.appendFile(id, content, { onProgress })
    expectWhole(size)
    await fixture.client.modifyFile(id, noise(100), { offset: 1, onProgress })
    expectWhole(100)
    const slave = await fixture.client.uploadSlaveFile(id, noise(50), { prefix: '_a', onProgress })
    fixture.track(slave.id)
    expectWhole(50)
    expect((await fixture.client.downloadFile(id, { onProgress })).length).toBe(2 * size)
    expectWhole(2 * size)
    await fixture.client.downloadFile(id, join(folder, 'copy'), { onProgress })
    expectWhole(2 * size)
    await fixture.client.downloadStream(id, { offset: 10, length: 1_000, onProgress }).toArray()
    expectWhole(1_000)
  })

  it('is shared by functions that need none', async () => {
    api.setDefaultClient(new FastDfsClient({ trackers: fixture.trackers }))
    try {
      const file = await api.uploadFile(noise(100), {
        filename: 'noise.bin',
        keepFilename: true,
        metadata: { a: '1' },
      })
      fixture.track(file.id)
      expect(await api.getFilename(file.id)).toBe('noise.bin')
      await api.setMetadata(file.id, { a: '1' })
      await api.mergeMetadata(file.id, { b: '2' })
      expect(await api.getMetadata(file.id)).toEqual({ a: '1', b: '2' })
      await api.setMetadata(file.id, {})
      expect(await api.getMetadata(file.id)).toEqual({})
      expect(await api.fileInfo(file.id)).toMatchObject({ size: 100 })
      expect(Buffer.concat((await api.downloadStream(file.id).toArray()) as Buffer[])).toEqual(noise(100))
      const [stored] = await api.uploadFiles([noise(5)])
      const id = stored?.status === 'fulfilled' ? stored.value.id : ''
      expect(await api.downloadFiles([{ id, path: join(folder, 'five') }])).toMatchObject([
        { status: 'fulfilled', value: { size: 5 } },
      ])
      expect(await api.deleteFiles([id])).toMatchObject([{ status: 'fulfilled' }])

      const slave = await api.uploadSlaveFile(file.id, noise(7), { prefix: '_s' })
      expect(slave.id).toBe(slaveName(file.id, '_s'))
      await api.deleteFile(file.id, { slaves: ['_s.bin'] })
      expect(await api.fileExists(slave.id)).toBe(false)

      const appender = await api.uploadAppenderFile(Buffer.from('one'), { ext: 'log' })
      fixture.track(appender.id)
      await api.appendFile(appender.id, Buffer.from(' two'))
      await api.modifyFile(appender.id, Buffer.from('ONE'))
      await api.truncateFile(appender.id, 5)
      expect((await api.downloadFile(appender.id)).toString()).toBe('ONE t')
      expect(api.getDefaultClient().stats().calls).toBe(0)
      const begun = await api.resumableUpload(noise(20), { ext: 'bin', chunkSize: 10 })
      const resumed = await api.resumeUpload(begun.toJSON(), noise(20))
      fixture.track((await resumed.done()).id)
      const version = await fixture.storageVersion(appender.group)
      if (version.startsWith('5.')) return
      fixture.track((await api.regenerateAppenderFile(appender.id)).id)
    } finally {
      await api.closeDefaultClient()
    }
  })
})
