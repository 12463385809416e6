import { Readable } from 'node:stream'
import { parseFileId } from '../../src/index.js'
import { crc32 } from '../../src/file-id/index.js'
import { missingLike, large, noise, targets, useTarget } from './target.js'

describe.each(targets)('appender files on $name', (target) => {
  const fixture = useTarget(target)
  let id: string

  it('take streams without a size', async () => {
    const stream = (text: string): Readable => Readable.from([Buffer.from(text)])
    const file = await fixture.client.uploadAppenderFile(stream('one'))
    fixture.track(file.id)
    await fixture.client.appendFile(file.id, stream(' two'))
    await fixture.client.modifyFile(file.id, stream('ONE'), { offset: 0 })
    expect((await fixture.client.downloadFile(file.id)).toString()).toBe('ONE two')
  })

  const content = async (): Promise<string> => (await fixture.client.downloadFile(id)).toString()

  beforeEach(async () => {
    ;({ id } = await fixture.client.uploadAppenderFile(Buffer.from('0123456789'), { ext: 'log' }))
    fixture.track(id)
  })

  it('are told by their ID, which does not tell their size', () => {
    expect(parseFileId(id)).toMatchObject({ kind: 'appender', appender: true, size: undefined, ext: 'log' })
  })

  it('take the options of uploads', async () => {
    const file = await fixture.client.uploadAppenderFile(noise(10), { metadata: { a: '1' }, ext: '.txt' })
    fixture.track(file.id)
    expect(file).toMatchObject({ size: 10, crc32: crc32(noise(10)) })
    expect(file.id).toMatch(/\.txt$/)
    expect(await fixture.client.getMetadata(file.id)).toEqual({ a: '1' })
  })

  it('are appended to', async () => {
    await fixture.client.appendFile(id, Buffer.from('abc'))
    await fixture.client.appendFile(id, Readable.from([Buffer.from('d'), Buffer.from('ef')]), { size: 3 })
    await fixture.client.appendFile(id, Buffer.alloc(0))
    expect(await content()).toBe('0123456789abcdef')
  })

  it('are appended to in the order of the calls', async () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz']
    await Promise.all(letters.map((letter) => fixture.client.appendFile(id, Buffer.from(letter))))
    expect(await content()).toBe('0123456789abcdefghijklmnopqrstuvwxyz')
  })

  it('are modified', async () => {
    await fixture.client.modifyFile(id, Buffer.from('XY'), { offset: 4 })
    await fixture.client.modifyFile(id, Buffer.from('Z'))
    await fixture.client.modifyFile(id, Buffer.from('end'), { offset: 10 })
    await fixture.client.modifyFile(id, Buffer.alloc(0), { offset: 3 })
    expect(await content()).toBe('Z123XY6789end')
  })

  it('are truncated, to the same size too, and to more', async () => {
    await fixture.client.truncateFile(id, 10)
    await fixture.client.truncateFile(id, 4)
    expect(await content()).toBe('0123')
    await fixture.client.truncateFile(id, 6)
    expect(await content()).toBe('0123\0\0')
    await fixture.client.truncateFile(id, 0)
    expect(await content()).toBe('')
  })

  it('are left as they were by a source that is short', async () => {
    const append = fixture.client.appendFile(id, Readable.from([noise(1000)]), { size: 1001 })
    await expect(append).rejects.toMatchObject({ name: 'InvalidArgumentError' })
    await fixture.client.appendFile(id, Buffer.from('!'))
    expect(await content()).toBe('0123456789!')
  })

  it('take megabytes', async () => {
    await fixture.client.appendFile(id, noise(large(3_000_000)))
    const bytes = await fixture.client.downloadFile(id)
    expect(bytes.subarray(10).equals(noise(large(3_000_000)))).toBe(true)
    expect(await fixture.client.fileInfo(id)).toMatchObject({ size: large(3_000_000) + 10 })
  })

  it('become normal files with their metadata, but on V5', async () => {
    await fixture.client.setMetadata(id, { author: 'someone' })
    const version = await fixture.storageVersion(parseFileId(id).group)
    if (version.startsWith('5.')) {
      await expect(fixture.client.regenerateAppenderFile(id)).rejects.toMatchObject({ status: 22 })
      return
    }
    const file = await fixture.client.regenerateAppenderFile(id)
    fixture.track(file.id)
    expect(parseFileId(file.id)).toMatchObject({ kind: 'normal', size: 10, crc32: 0xa684c7c6, ext: 'log' })
    expect(await fixture.client.getMetadata(file.id)).toEqual({ author: 'someone' })
    expect((await fixture.client.downloadFile(file.id)).toString()).toBe('0123456789')
    expect(await fixture.client.fileExists(id)).toBe(false)
  })

  it('are not normal files', async () => {
    const normal = await fixture.upload(noise(5))
    const refused = { name: 'ServerError', status: 22 }
    await expect(fixture.client.appendFile(normal.id, noise(5))).rejects.toMatchObject(refused)
    await expect(fixture.client.modifyFile(normal.id, noise(5))).rejects.toMatchObject(refused)
    await expect(fixture.client.truncateFile(normal.id, 1)).rejects.toMatchObject(refused)
    await expect(fixture.client.regenerateAppenderFile(normal.id)).rejects.toMatchObject(refused)
    expect(await fixture.client.downloadFile(normal.id)).toEqual(noise(5))
  })

  it('are missing when they are', async () => {
    const gone = { name: 'FileNotFoundError' }
    const missing = missingLike(id)
    await expect(fixture.client.appendFile(missing, noise(5))).rejects.toMatchObject(gone)
    await expect(fixture.client.modifyFile(missing, noise(5))).rejects.toMatchObject(gone)
    await expect(fixture.client.truncateFile(missing, 1)).rejects.toMatchObject(gone)
    await expect(fixture.client.regenerateAppenderFile(missing)).rejects.toMatchObject({
      status: expect.any(Number) as number,
    })
  })
})
