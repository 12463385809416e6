import { slaveName } from '../../src/index.js'
import { missingLike, noise, targets, useTarget } from './target.js'

describe.each(targets)('slave files on $name', (target) => {
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
    await expect(again).rejects.toMatchObject({ name: 'FileExistsError', status: 17, fileId: master })
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

  it('are deleted on their own', async () => {
    const { id } = await fixture.client.uploadSlaveFile(master, noise(50), { prefix: '_a' })
    await fixture.client.deleteFile(id)
    expect(await fixture.client.fileExists(id)).toBe(false)
    expect(await fixture.client.fileExists(master)).toBe(true)
  })
})
