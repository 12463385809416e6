import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskStore, MemoryStore, type Store, type StoredFile } from '../../src/server/index.js'

const NAME = 'M01/00/0A/a.txt'

describe.each(['memory', 'disk'])('the %s store', (kind) => {
  let folder: string
  let store: Store

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-store-'))
    store = kind === 'memory' ? new MemoryStore() : new DiskStore({ folder })
    await store.open(2)
  })

  afterEach(() => rm(folder, { recursive: true }))

  async function put(name: string, ...chunks: Buffer[]): Promise<void> {
    const draft = await store.create(1)
    for (const chunk of chunks) await draft.write(chunk)
    await draft.publish(name)
  }

  async function get(name: string, offset: number, length: number): Promise<Buffer> {
    const content = await ((await store.read(name)) as StoredFile).content(offset, length)
    if (content instanceof Uint8Array) return content
    const chunks: Buffer[] = []
    for await (const chunk of content) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  }

  it('shows a file when it is published, and not before', async () => {
    const draft = await store.create(1)
    await draft.write(Buffer.from('hello'))
    expect(await store.stat(NAME)).toBeUndefined()
    await draft.publish(NAME)
    expect(await store.stat(NAME)).toMatchObject({ size: 5 })
    expect((await get(NAME, 0, 5)).toString()).toBe('hello')
    await put(NAME, Buffer.from('other'))
    expect((await get(NAME, 0, 5)).toString()).toBe('other')
    expect(await store.remove(NAME)).toBe(true)
    expect(await store.remove(NAME)).toBe(false)
    expect(await store.read(NAME)).toBeUndefined()
  })

  it('keeps nothing of what is discarded', async () => {
    const draft = await store.create(1)
    await draft.write(Buffer.alloc(1_000_000))
    await draft.discard()
    expect(
      (await readdir(folder, { recursive: true })).filter(
        (name) => /\d$/.test(name) && name.includes('tmp/'),
      ),
    ).toEqual([])
  })

  it('gives any range of a file that came in pieces', async () => {
    const pieces = [1, 70_000, 3, 600_000, 65_536, 1_000_000].map((size, index) =>
      Buffer.alloc(size, index + 1),
    )
    await put(NAME, ...pieces)
    const whole = Buffer.concat(pieces)
    expect(await store.stat(NAME)).toMatchObject({ size: whole.length })
    for (const [from, to] of [
      [0, whole.length],
      [0, 1],
      [1, 70_001],
      [70_000, 70_005],
      [70_001, 70_004],
      [500_000, 1_500_000],
      [whole.length - 1, whole.length],
    ] as const) {
      expect((await get(NAME, from, to - from)).equals(whole.subarray(from, to))).toBe(true)
    }
  })

  it('links to what is there or not, in place of what had the name', async () => {
    const link = 'M01/00/0B/link.txt'
    await store.link(NAME, link, 1_700_000_000)
    expect(await store.stat(link)).toEqual({ size: 0, modifiedAt: 1_700_000_000, source: NAME })
    expect(await store.read(link)).toBeUndefined()
    expect(await store.edit(link)).toBeUndefined()
    await put(NAME, Buffer.from('hello'))
    expect((await get(link, 0, 5)).toString()).toBe('hello')
    const names: string[] = []
    for await (const name of store.list(1)) names.push(name)
    expect(names.sort()).toEqual([NAME, link])
    await put(link, Buffer.from('other'))
    expect((await store.stat(link))?.source).toBeUndefined()
    expect((await get(NAME, 0, 5)).toString()).toBe('hello')
    await store.link(NAME, link)
    expect(await store.remove(link)).toBe(true)
    expect(await store.remove(link)).toBe(false)
    expect(await store.stat(NAME)).toMatchObject({ size: 5 })
  })

  it('keeps an empty file', async () => {
    await put(NAME)
    expect(await store.stat(NAME)).toMatchObject({ size: 0 })
    expect((await get(NAME, 0, 0)).length).toBe(0)
  })

  it('tells of its space', async () => {
    const { total, free } = await store.space(0)
    expect(free).toBeGreaterThan(0)
    expect(total).toBeGreaterThan(free)
  })
})

it('keeps no more memory than a small file needs', async () => {
  const store = new MemoryStore()
  const draft = store.create()
  const slab = Buffer.alloc(64 * 1024)
  await draft.write(slab.subarray(100, 200))
  await draft.publish(NAME)
  expect((store.read(NAME)?.content(0, 100) as Buffer).buffer.byteLength).toBe(100)
})

it('a store in a folder makes all directories where a real storage may come to have it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-store-'))
  const store = new DiskStore({ folder, subdirCount: 3 })
  const names = async (): Promise<string[]> =>
    (await readdir(join(folder, 'store_path0/data'), { recursive: true }))
      .filter((name) => name.includes('/'))
      .sort()
  const all = ['00/00', '00/01', '00/02', '01/00', '01/01', '01/02', '02/00', '02/01', '02/02']
  await store.open(1)
  expect(await names()).toEqual(all)
  await rm(join(folder, 'store_path0/data/01'), { recursive: true })
  await rm(join(folder, 'store_path0/data/02/00'), { recursive: true })
  await store.open(1)
  expect(await names()).toEqual(all)
  await rm(folder, { recursive: true })
})
