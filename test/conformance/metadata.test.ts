import { FILENAME_KEY } from '../../src/index.js'
import { noise, everyTarget, useTarget } from './target.js'

describe.each(everyTarget)('metadata on $name', (target) => {
  const fixture = useTarget(target)

  it('is {} where there is none', async () => {
    const { id } = await fixture.upload(noise(10))
    expect(await fixture.client.getMetadata(id)).toEqual({})
  })

  it('is replaced as a whole, and removed by {}', async () => {
    const { id } = await fixture.upload(noise(10))
    await fixture.client.setMetadata(id, { width: '1024', height: '768' })
    expect(await fixture.client.getMetadata(id)).toEqual({ width: '1024', height: '768' })
    await fixture.client.setMetadata(id, { author: 'someone' })
    expect(await fixture.client.getMetadata(id)).toEqual({ author: 'someone' })
    await fixture.client.setMetadata(id, {})
    expect(await fixture.client.getMetadata(id)).toEqual({})
  })

  it('comes back sorted by name', async () => {
    const { id } = await fixture.upload(noise(10), { metadata: { b: '2', a: '1', Z: '3' } })
    expect(Object.keys(await fixture.client.getMetadata(id))).toEqual(['Z', 'a', 'b'])
  })

  it('holds names of 64 and values of 256 bytes, and empty values', async () => {
    const metadata = { ['n'.repeat(64)]: 'v'.repeat(256), ['ü'.repeat(32)]: '語'.repeat(85), empty: '' }
    const { id } = await fixture.upload(noise(10), { metadata })
    expect(await fixture.client.getMetadata(id)).toEqual(metadata)
  })

  it('in GBK comes back as it was, and as bytes', async () => {
    const items = { 作者: '王小明', width: '1024' }
    const options = { metadataEncoding: 'gbk' }
    const { id } = await fixture.upload(noise(10), { metadata: items, ...options })
    expect(await fixture.client.getMetadata(id, options)).toEqual(items)
    await fixture.client.mergeMetadata(id, { 标题: '报告' }, options)
    expect(await fixture.client.getMetadata(id, options)).toEqual({ ...items, 标题: '报告' })
    await expect(fixture.client.getMetadata(id)).rejects.toMatchObject({ name: 'ProtocolError' })
    expect((await fixture.client.getMetadata(id, { metadataEncoding: 'raw' }))['×÷Õß']).toBe('ÍõÐ¡Ã÷')
    await fixture.client.setMetadata(id, { 作者: '李' }, options)
    expect(await fixture.client.getMetadata(id, options)).toEqual({ 作者: '李' })
  })

  it('keeps the name of the file where that is wished', async () => {
    const source = new File([noise(10)], '年度报告.final.pdf')
    const { id } = await fixture.upload(source, { keepFilename: true, metadata: { width: '7' } })
    expect(id).toMatch(/\.pdf$/)
    expect(await fixture.client.getMetadata(id)).toEqual({
      [FILENAME_KEY]: '年度报告.final.pdf',
      width: '7',
    })
    expect(await fixture.client.getFilename(id)).toBe('年度报告.final.pdf')
  })

  it('holds a hundred items', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`name${i}`, `value ${i}`]))
    const { id } = await fixture.upload(noise(10), { metadata })
    expect(await fixture.client.getMetadata(id)).toEqual(metadata)
  })
})
