import { slaveName } from '../../src/index.js'
import { missingLike, noise, everyTarget, useTarget } from './target.js'

describe.each(everyTarget)('slave files on $name', (target) => {
  const fixture = useTarget(target)
  let master: string

  beforeEach(async () => {
    master = (await fixture.upload(noise(100), { ext: 'bin' })).id
  })

  it.each([
    ['_150x150', 'jpg'],
    ['_150x150', undefined],
    ['_thumbnail', ''],
    ['-m', 'jpg'],
  ])('have the ID that is known beforehand: %j, %j', async (prefix, ext) => {
    const slave = await fixture.client.uploadSlaveFile(master, noise(50), {
      prefix,
      ext,
      metadata: { a: '1' },
    })
    fixture.track(slave.id)
    expect(slave.id).toBe(slaveName(master, prefix, ext))
    expect(await fixture.client.downloadFile(slave.id)).toEqual(noise(50))
    expect(await fixture.client.getMetadata(slave.id)).toEqual({ a: '1' })
    expect(await fixture.client.fileInfo(slave.id)).toMatchObject({ size: 50 })
    expect(await fixture.client.downloadFile(slave.id, { offset: 40, length: 100 })).toEqual(
      noise(50).subarray(40),
    )
  })

  it('can be made once', async () => {
    const { id } = await fixture.client.uploadSlaveFile(master, noise(50), { prefix: '_a' })
    fixture.track(id)
    const again = fixture.client.uploadSlaveFile(master, noise(50), { prefix: '_a' })
    await expect(again).rejects.toMatchObject({ name: 'FileExistsError', status: 17, fileId: id })
  })

  it('can be slaves of appenders', async () => {
    const appender = await fixture.client.uploadAppenderFile(noise(10), { ext: 'txt' })
    fixture.track(appender.id)
    const slave = await fixture.client.uploadSlaveFile(appender.id, noise(50), { prefix: '_slave' })
    fixture.track(slave.id)
    expect(await fixture.client.downloadFile(slave.id)).toEqual(noise(50))
  })

  it('need a master', async () => {
    const slave = fixture.client.uploadSlaveFile(missingLike(master), noise(50), { prefix: '_a' })
    await expect(slave).rejects.toMatchObject({ name: 'FileNotFoundError', status: 2 })
  })

  it('are stored and deleted with their master', async () => {
    const file = await fixture.upload(noise(100), {
      ext: 'bin',
      slaves: [
        { prefix: '_150x150', ext: 'jpg', source: noise(50), metadata: { a: '1' } },
        { prefix: '_copy', source: noise(60) },
      ],
    })
    const ids = [slaveName(file.id, '_150x150', 'jpg'), slaveName(file.id, '_copy')]
    for (const id of ids) fixture.track(id)
    expect(file.slaves?.map(({ id }) => id)).toEqual(ids)
    expect(await fixture.client.downloadFile(ids[0] as string)).toEqual(noise(50))
    await fixture.client.deleteFile(file.id, { slaves: ['_150x150.jpg', '_copy.bin', '_missing.jpg'] })
    for (const id of [...ids, file.id]) expect(await fixture.client.fileExists(id)).toBe(false)
  })

  it('are not stored when a later one fails, nor is their master', async () => {
    const upload = fixture.client.uploadFile(noise(100), {
      ext: 'bin',
      slaves: [
        { prefix: '_a', source: noise(50) },
        { prefix: '_b', source: [noise(5)][Symbol.iterator](), size: 6 },
      ],
    })
    const { message } = (await upload.catch((error: unknown) => error)) as Error
    expect(message).toContain('slave 2, "_b", of group')
    expect(message).not.toContain('left behind')
    const master = / of (\S+) failed/.exec(message)?.[1] as string
    for (const id of [master, slaveName(master, '_a')])
      expect(await fixture.client.fileExists(id)).toBe(false)
  })

  it('are deleted on their own', async () => {
    const { id } = await fixture.client.uploadSlaveFile(master, noise(50), { prefix: '_a' })
    await fixture.client.deleteFile(id)
    expect(await fixture.client.fileExists(id)).toBe(false)
    expect(await fixture.client.fileExists(master)).toBe(true)
  })
})
