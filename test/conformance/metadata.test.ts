import { noise, targets, useTarget } from './target.js'

describe.each(targets)('metadata on $name', (target) => {
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

  it('holds a hundred items', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`name${i}`, `value ${i}`]))
    const { id } = await fixture.upload(noise(10), { metadata })
    expect(await fixture.client.getMetadata(id)).toEqual(metadata)
  })
})
