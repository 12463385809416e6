import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DiskStore,
  MemoryStore,
  Storage,
  type StorageOptions,
  type Store,
  Tracker,
  type TrackerOptions,
} from '../../src/server/index.js'
import { appendBody, GROUP, metadataBody, nameIn, slaveBody, truncateBody, uploadBody } from './group.js'
import { bytes, i64, RawClient, type RawResponse, str } from './raw.js'

const MB = 1024 * 1024
const started: { stop(): Promise<void> }[] = []
const folders: string[] = []

afterEach(async () => {
  for (const server of started.splice(0).reverse()) await server.stop()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

/** A storage alone; what it is asked with. */
async function start(
  options: Partial<StorageOptions>,
  trackerOptions: TrackerOptions = {},
): Promise<(command: number, body: Buffer, flags?: number) => Promise<RawResponse>> {
  const tracker = new Tracker(trackerOptions)
  started.push(tracker)
  await tracker.start()
  const storage = new Storage({
    group: 'group1',
    id: 100001,
    trackers: [{ host: '127.0.0.1', port: tracker.port }],
    store: new MemoryStore(),
    ...options,
  })
  started.push(storage)
  await storage.start()
  await storage.whenActive()
  return async (command, body, flags) => {
    const raw = await RawClient.connect(storage.port)
    try {
      return await raw.ask(command, body, flags)
    } finally {
      raw.close()
    }
  }
}

/** Has so many MB free in each of its paths. */
class SmallStore extends MemoryStore {
  readonly #free: readonly number[]

  constructor(...free: number[]) {
    super()
    this.#free = free
  }

  override space(index = 0): { total: number; free: number } {
    return { total: 1000 * MB, free: (this.#free[index] ?? 0) * MB }
  }
}

describe('room', () => {
  it('is kept as the trackers say: 28', async () => {
    const ask = await start({ store: new SmallStore(102) }, { reservedStorageSpace: 100 * MB })
    expect((await ask(11, uploadBody('x'))).status).toBe(0)
    expect((await ask(11, uploadBody('x'.repeat(2 * MB)))).status).toBe(28)
    const full = await start({ store: new SmallStore(100) }, { reservedStorageSpace: '10%' })
    expect((await full(11, uploadBody('x'))).status).toBe(28)
    expect((await full(23, uploadBody('x'))).status).toBe(28)
  })

  it('is looked at anew when the clock was set back', async () => {
    const times = [Date.now(), Date.now() - 3_600_000]
    let free = 102
    class Filling extends MemoryStore {
      override space(): { total: number; free: number } {
        return { total: 1000 * MB, free: free * MB }
      }
    }
    const clock = { now: () => times[0] as number, randomBelow: () => 0 }
    const ask = await start({ store: new Filling(), clock }, { reservedStorageSpace: 100 * MB })
    expect((await ask(11, uploadBody('x'))).status).toBe(0)
    times.shift()
    free = 100
    expect((await ask(11, uploadBody('x'))).status).toBe(28)
  })

  it('is looked for in each path in turn when the storage may choose', async () => {
    const ask = await start(
      { store: new SmallStore(50, 200, 200), storePathCount: 3 },
      { reservedStorageSpace: 300 * MB },
    )
    const any = Buffer.concat([Buffer.of(0xff), uploadBody('x').subarray(1)])
    const paths = []
    for (let i = 0; i < 4; i++) paths.push(nameIn(await ask(11, any)).slice(0, 3))
    expect(new Set(paths)).toEqual(new Set(['M01', 'M02']))
    expect((await ask(11, uploadBody('x'))).status).toBe(28)
  })

  it('is looked for elsewhere than in a path that is read-only, but for slaves of its files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fastdfs-room-'))
    folders.push(folder)
    const store = new DiskStore({ folder })
    const before = await start({ store, storePathCount: 2 })
    const master = nameIn(await before(11, uploadBody('x')))
    await started.at(-1)?.stop()
    const ask = await start({ store, storePathCount: 2, readOnlyStorePaths: [0] })
    const any = Buffer.concat([Buffer.of(0xff), uploadBody('x').subarray(1)])
    for (const body of [uploadBody('x'), any, any]) {
      expect(nameIn(await ask(11, body)).slice(0, 3)).toBe('M01')
    }
    expect(nameIn(await ask(21, slaveBody(master, '_s', 'x'))).slice(0, 3)).toBe('M00')
  })

  it('is taken where most is left when the trackers say so', async () => {
    const ask = await start(
      { store: new SmallStore(50, 300, 200), storePathCount: 3 },
      { storePath: 'load-balance' },
    )
    const any = Buffer.concat([Buffer.of(0xff), uploadBody('x').subarray(1)])
    for (let i = 0; i < 3; i++) expect(nameIn(await ask(11, any)).slice(0, 3)).toBe('M01')
  })
})

describe.each(['memory', 'disk'])('equal contents in %s', (kind) => {
  async function begin() {
    const folder = await mkdtemp(join(tmpdir(), 'fastdfs-duplicates-'))
    folders.push(folder)
    const store: Store = kind === 'memory' ? new MemoryStore() : new DiskStore({ folder })
    return { folder, store, ask: await start({ store, checkFileDuplicate: true }) }
  }
  const download = (name: string): Buffer => bytes(i64(0), i64(0), GROUP, name)

  /** What stands in the one directory that all names are in. */
  const stored = (folder: string): Promise<string[]> =>
    readdir(join(folder, 'store_path0', 'data', '00', '00'))

  it('are kept once under a name that nobody is told, until the last link is deleted', async () => {
    const { folder, store, ask } = await begin()
    const names: string[] = []
    for (let i = 0; i < 3; i++) names.push(nameIn(await ask(11, uploadBody('the same'))))
    const other = nameIn(await ask(11, uploadBody('the sane')))
    expect(new Set(names).size).toBe(3)
    const sources = await Promise.all(names.map(async (name) => (await store.stat(name))?.source))
    expect(new Set(sources).size).toBe(1)
    expect(names).not.toContain(sources[0])
    if (kind === 'disk') {
      const data = join(folder, 'store_path0', 'data')
      for (const name of names) {
        expect(await readlink(join(data, name.slice(4)))).toBe(join(data, String(sources[0]).slice(4)))
      }
      expect((await stored(folder)).length).toBe(6)
    }
    for (const name of names) {
      expect((await ask(14, download(name))).body.toString()).toBe('the same')
      expect((await ask(12, bytes(GROUP, name))).status).toBe(0)
      expect((await ask(14, download(name))).status).toBe(2)
    }
    expect(await store.stat(String(sources[0]))).toBeUndefined()
    expect((await ask(14, download(other))).body.toString()).toBe('the sane')
    await started.pop()?.stop()
    const text = (await store.own.read('storage_stat.dat'))?.toString() ?? ''
    const counts = text.split('\n').filter((line) => /_(?:upload|link|delete)_count=[1-9]/.test(line))
    expect(counts.sort()).toEqual([
      'success_create_link_count=4',
      'success_delete_count=1',
      'success_delete_link_count=3',
      'total_create_link_count=4',
      'total_delete_count=1',
      'total_delete_link_count=3',
    ])
    const lines = (await store.own.read('sync/binlog.000'))?.toString().trim().split('\n') ?? []
    const [original = '', another = ''] = [sources[0], lines[4]?.split(' ')[2]]
    expect(lines.map((line) => line.replace(/^\d+ /, ''))).toEqual([
      `C ${original}`,
      ...names.map((name) => `L ${name} ${original}`),
      `C ${another}`,
      `L ${other} ${another}`,
      ...names.map((name) => `D ${name}`),
      `D ${original}`,
    ])
  })

  it('go with the last link also after a restart, and are found by then', async () => {
    const { store, ask } = await begin()
    const first = nameIn(await ask(11, uploadBody('the same')))
    const original = (await store.stat(first))?.source ?? ''
    await started.pop()?.stop()
    const again = await start({ store, checkFileDuplicate: true })
    const second = nameIn(await again(11, uploadBody('the same')))
    expect(await store.stat(second)).toMatchObject({ source: original })
    for (const name of [second, first]) {
      expect(await store.stat(original)).toBeDefined()
      expect((await again(12, bytes(GROUP, name))).status).toBe(0)
    }
    expect(await store.stat(original)).toBeUndefined()
  })

  it('uploaded and deleted at one time are never lost', async () => {
    const { ask } = await begin()
    let last = nameIn(await ask(11, uploadBody('the same')))
    for (let i = 0; i < 20; i++) {
      const [uploaded, deleted] = await Promise.all([
        ask(11, uploadBody('the same')),
        ask(12, bytes(GROUP, last)),
      ])
      expect(deleted.status).toBe(0)
      last = nameIn(uploaded)
      expect((await ask(14, download(last))).body.toString()).toBe('the same')
    }
  })

  it('are never shared with a file that changes', async () => {
    const { ask } = await begin()
    const appender = nameIn(await ask(23, uploadBody('the same')))
    const normal = nameIn(await ask(11, uploadBody('the same')))
    const second = nameIn(await ask(23, uploadBody('the same')))
    expect((await ask(24, appendBody(second, '!'))).status).toBe(0)
    expect((await ask(24, appendBody(appender, '?'))).status).toBe(0)
    expect((await ask(14, download(normal))).body.toString()).toBe('the same')
  })
})

describe.each(['memory', 'disk'])('a link in %s', (kind) => {
  const download = (name: string): Buffer => bytes(i64(0), i64(0), GROUP, name)

  async function begin() {
    const folder = await mkdtemp(join(tmpdir(), 'fastdfs-links-'))
    folders.push(folder)
    const store: Store = kind === 'memory' ? new MemoryStore() : new DiskStore({ folder })
    return { store, ask: await start({ store }) }
  }

  const linkBody = (
    source: string,
    { master = '', prefix = '', ext = 'txt', group = 'group1', signature = 's' } = {},
  ) =>
    bytes(
      i64(master.length),
      i64(source.length),
      i64(signature.length),
      str(group, 16),
      str(prefix, 16),
      str(ext, 6),
      master,
      source,
      signature,
    )

  it('is one more name of a file, and leads nowhere once that is gone', async () => {
    const { ask } = await begin()
    const name = nameIn(await ask(11, uploadBody('linked')))
    const link = nameIn(await ask(20, linkBody(name)))
    const slave = nameIn(await ask(20, linkBody(name, { master: name, prefix: '_l' })))
    expect(slave).toBe(name.replace('.txt', '_l.txt'))
    for (const each of [link, slave]) {
      expect((await ask(14, download(each))).body.toString()).toBe('linked')
      expect((await ask(22, bytes(GROUP, each))).body.readBigInt64BE(0)).toBe(6n)
      expect((await ask(20, linkBody(each))).status).toBe(22)
    }
    expect((await ask(13, metadataBody(link, 'O', 'a\x021'))).status).toBe(0)
    expect((await ask(12, bytes(GROUP, name))).status).toBe(0)
    for (const each of [link, slave]) {
      expect((await ask(14, download(each))).status).toBe(2)
      expect((await ask(22, bytes(GROUP, each))).status).toBe(2)
      expect((await ask(15, bytes(GROUP, each))).status).toBe(2)
      expect((await ask(20, linkBody(each))).status).toBe(22)
      expect((await ask(12, bytes(GROUP, each))).status).toBe(0)
      expect((await ask(12, bytes(GROUP, each))).status).toBe(2)
    }
  })

  it('may go without its source, but takes it along if it is a slave', async () => {
    const { ask } = await begin()
    const name = nameIn(await ask(11, uploadBody('linked')))
    const link = nameIn(await ask(20, linkBody(name)))
    const slave = nameIn(await ask(20, linkBody(name, { master: name, prefix: '_l' })))
    expect((await ask(12, bytes(GROUP, link))).status).toBe(0)
    expect((await ask(14, download(name))).body.toString()).toBe('linked')
    expect((await ask(12, bytes(GROUP, slave))).status).toBe(0)
    expect((await ask(14, download(name))).status).toBe(2)
  })

  it('is never changed', async () => {
    const { ask } = await begin()
    const appender = nameIn(await ask(23, uploadBody('linked')))
    const slave = nameIn(await ask(20, linkBody(appender, { master: appender, prefix: '_l' })))
    expect((await ask(24, appendBody(slave, '!'))).status).toBe(22)
    expect((await ask(36, truncateBody(slave, 1))).status).toBe(22)
    expect((await ask(38, bytes(slave))).status).toBe(22)
    expect((await ask(14, download(slave))).body.toString()).toBe('linked')
  })

  it.each([' ', '\n1700000000 D ', '\x7f', '\xff'])(
    'is refused under a name with %j, which would end its record in the binlog',
    async (odd) => {
      const { ask } = await begin()
      const name = nameIn(await ask(11, uploadBody('linked')))
      const master = `M00/00/00/${'a'.repeat(30)}${odd}a`
      expect((await ask(20, linkBody(name, { master, prefix: '_l' }))).status).toBe(22)
    },
  )

  it('is refused under the name of the metadata of its source', async () => {
    const { ask } = await begin()
    const master = nameIn(await ask(11, uploadBody('linked'))).replace('.txt', '')
    const slave = nameIn(await ask(21, slaveBody(`${master}.txt`, '_s', 'slave', '')))
    expect(slave).toBe(`${master}_s`)
    expect(
      (await ask(20, linkBody(slave, { master: `${master}.txt`, prefix: '_s-m', ext: '' }))).status,
    ).toBe(22)
  })

  it('is refused with the statuses of a real storage', async () => {
    const { ask } = await begin()
    const name = nameIn(await ask(11, uploadBody('linked')))
    const missing = name.replace(/\w{4}\.txt$/, 'none.txt')
    expect((await ask(20, linkBody(missing))).status).toBe(2)
    expect((await ask(20, linkBody(name, { group: 'group2' }))).status).toBe(22)
    expect((await ask(20, linkBody(name, { signature: '' }))).status).toBe(22)
    expect((await ask(20, linkBody(name, { signature: 's'.repeat(64) }))).status).toBe(22)
    // Nobody asks whether the master is there.
    expect((await ask(20, linkBody(name, { master: missing, prefix: '_l' }))).status).toBe(0)
    expect((await ask(20, linkBody(name, { master: missing, prefix: '' }))).status).toBe(22)
    expect((await ask(20, linkBody(name, { master: missing, prefix: '', ext: 'jpg' }))).status).toBe(0)
  })
})

describe('an older version', () => {
  const V511 = { version: '5.11', addressSize: 16 } as const
  const V606 = { version: '6.06', addressSize: 16 } as const
  const download = (name: string, offset: number, count: number): Buffer =>
    bytes(i64(offset), i64(count), GROUP, name)

  it('counts the CRC32 of names as V5.11 does', async () => {
    const ask = await start({ dialect: V511 }, { dialect: V511 })
    const name = nameIn(await ask(11, uploadBody('hello')))
    expect(Buffer.from(name.slice(10, 37), 'base64url').subarray(16).toString('hex')).toBe('e4edb6f4')
  })

  it('neither extends by truncating nor knows renaming in V5.11', async () => {
    const ask = await start({ dialect: V511 }, { dialect: V511 })
    const name = nameIn(await ask(23, uploadBody('hello')))
    expect((await ask(36, truncateBody(name, 6))).status).toBe(22)
    expect((await ask(36, truncateBody(name, 4))).status).toBe(0)
    expect((await ask(38, bytes(name))).status).toBe(22)
  })

  it('refuses ranges beyond the end, and gives empty files, before V6.15.4', async () => {
    const ask = await start({ dialect: V606 }, { dialect: V606 })
    const name = nameIn(await ask(11, uploadBody('hello')))
    const empty = nameIn(await ask(11, uploadBody('')))
    expect((await ask(14, download(name, 1, 5))).status).toBe(22)
    expect((await ask(14, download(name, 1, 4))).body.toString()).toBe('ello')
    expect(await ask(14, download(name, 5, 0))).toMatchObject({ status: 0, body: Buffer.alloc(0) })
    expect((await ask(14, download(name, 5, 1))).status).toBe(22)
    expect((await ask(14, download(name, 6, 0))).status).toBe(22)
    expect(await ask(14, download(empty, 0, 0))).toMatchObject({ status: 0, body: Buffer.alloc(0) })
  })

  it("tells a slave's CRC32 from its name before V6.15.1, and an appender's in V5.11", async () => {
    const crcOf = ({ body }: RawResponse): number => body.readUInt32BE(20)
    const ask = await start({ dialect: V606 }, { dialect: V606 })
    const master = nameIn(await ask(11, uploadBody('hello')))
    const slave = nameIn(await ask(21, slaveBody(master, '_s', 'other')))
    expect(crcOf(await ask(22, bytes(GROUP, slave)))).toBe(0x3610a686)
    const appender = nameIn(await ask(23, uploadBody('hell')))
    await ask(24, appendBody(appender, 'o'))
    expect(crcOf(await ask(22, bytes(GROUP, appender), 1))).toBe(0x3610a686)
    const old = await start({ dialect: V511 }, { dialect: V511 })
    const first = nameIn(await old(23, uploadBody('hello')))
    await old(24, appendBody(first, '!'))
    expect(crcOf(await old(22, bytes(GROUP, first)))).toBe(0xe4edb6f4)
  })
})
