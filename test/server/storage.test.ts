import { mkdtemp, readdir, readFile, rm, stat, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DiskStore, MemoryStore, Storage, type Store, Tracker } from '../../src/server/index.js'
import { bytes, i64, packet, RawClient, type RawResponse, str } from './raw.js'

const group1 = str('group1', 16)
const MISSING = 'M00/00/00/oYYBAGsCbjeAasklACAAAPnxcu8529.bin'

const stores = {
  memory: () => new MemoryStore(),
  disk: (folder: string) => new DiskStore({ folder }),
}

describe.each(Object.entries(stores))('a storage in %s', (kind, make) => {
  let folder: string
  let store: Store
  let tracker: Tracker
  let storage: Storage
  const clients: RawClient[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-storage-'))
    store = make(folder)
    tracker = new Tracker()
    await tracker.start()
    storage = new Storage({
      group: 'group1',
      id: 100001,
      trackers: [{ host: '127.0.0.1', port: tracker.port }],
      store,
      storePathCount: 2,
      subdirCount: 2,
    })
    await storage.start()
    await storage.whenActive()
  })

  afterEach(async () => {
    for (const raw of clients.splice(0)) raw.close()
    await storage.stop()
    await tracker.stop()
    await rm(folder, { recursive: true })
  })

  async function client(): Promise<RawClient> {
    const raw = await RawClient.connect(storage.port)
    clients.push(raw)
    return raw
  }

  const uploadBody = (content: Buffer, { ext = 'txt', path = 0, size = content.length } = {}): Buffer =>
    bytes(path, i64(size), str(ext, 6), content)

  async function upload(content: Buffer | string, options = {}): Promise<string> {
    const { status, body } = await (await client()).ask(11, uploadBody(Buffer.from(content), options))
    expect(status).toBe(0)
    expect(body.subarray(0, 16)).toEqual(group1)
    return body.subarray(16).toString('latin1')
  }

  const download = async (name: string, offset = 0, count = 0): Promise<RawResponse> =>
    (await client()).ask(14, bytes(i64(offset), i64(count), group1, name))

  /** Files in the store paths. */
  async function filesOnDisk(): Promise<string[]> {
    const all = await readdir(folder, { recursive: true, withFileTypes: true })
    return all
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.startsWith(join(folder, 'data')))
  }

  describe('upload', () => {
    it('gives a name by the book', async () => {
      const before = Math.floor(Date.now() / 1000)
      const name = await upload('hello')
      expect(name).toMatch(/^M00\/00\/00\/[\w-]{27}\d{3}\.txt$/)
      const encoded = Buffer.from(name.slice(10, 37), 'base64url')
      expect(encoded.length).toBe(20)
      expect(encoded.subarray(0, 4).toString('hex')).toBe('a1860100')
      expect(encoded.readUInt32BE(4)).toBeGreaterThanOrEqual(before)
      expect(encoded.readUInt32BE(4)).toBeLessThanOrEqual(before + 5)
      expect(encoded.readUInt32BE(8) & 0xff800000).toBe(0x80000000 | 0)
      expect(encoded.readUInt32BE(12)).toBe(5)
      expect(encoded.readUInt32BE(16).toString(16)).toBe('3610a686')
      expect((await download(name)).body.toString()).toBe('hello')
    })

    it.each([
      ['', /^M00\/00\/00\/[\w-]{27}\d{7}$/],
      ['c', /\d{5}\.c$/],
      ['tar.gz', /^M00\/00\/00\/[\w-]{27}\.tar\.gz$/],
    ])('tails a name with ext %p', async (ext, pattern) => {
      expect(await upload('x', { ext })).toMatch(pattern)
    })

    it('takes an empty file', async () => {
      const name = await upload('')
      expect(Buffer.from(name.slice(10, 37), 'base64url').subarray(12).toString('hex')).toBe(
        '0000000000000000',
      )
    })

    it('keeps to the store path, and chooses each in turn for 0xff', async () => {
      expect(await upload('x', { path: 1 })).toMatch(/^M01\//)
      const chosen: string[] = []
      for (let i = 0; i < 4; i++) chosen.push((await upload('x', { path: 0xff })).slice(0, 3))
      expect(chosen).toEqual(['M00', 'M01', 'M00', 'M01'])
    })

    it('fills a directory with 100 files, the low level first', async () => {
      const raw = await client()
      const directories: Record<string, number> = {}
      for (let i = 0; i < 450; i++) {
        const { body } = await raw.ask(11, uploadBody(Buffer.from('x')))
        const directory = body.subarray(20, 25).toString()
        directories[directory] = (directories[directory] ?? 0) + 1
      }
      expect(Object.entries(directories)).toEqual([
        ['00/00', 150],
        ['00/01', 100],
        ['01/00', 100],
        ['01/01', 100],
      ])
    })

    it.each([1, 65_000, 65_536, 300_000, 3_000_000])('keeps %d bytes', async (size) => {
      const content = Buffer.alloc(size, 'The quick brown fox. ')
      const name = await upload(content)
      expect(Buffer.from(name.slice(10, 37), 'base64url').readUInt32BE(16)).toBe(crc32(content))
      const { status, body } = await download(name)
      expect(status).toBe(0)
      expect(body.equals(content)).toBe(true)
    })

    it('takes a request in single bytes', async () => {
      const raw = await client()
      for (const byte of packet(11, uploadBody(Buffer.from('hello')))) {
        await new Promise<void>((resolve) => raw.socket.write(Buffer.of(byte), () => resolve()))
      }
      const { body } = await raw.response()
      expect((await download(body.subarray(16).toString())).body.toString()).toBe('hello')
    })

    it.each([
      ['a path index that is not there', uploadBody(Buffer.from('x'), { path: 2 })],
      ['an extension with a slash', uploadBody(Buffer.from('x'), { ext: '../x' })],
      ['a size over the body', uploadBody(Buffer.from('x'), { size: 2 })],
      ['a size under the body', uploadBody(Buffer.from('xyz'), { size: 2 })],
      ['a negative size', uploadBody(Buffer.from('xyz'), { size: -1 })],
      ['a body that ends in the fields', Buffer.alloc(14)],
    ])('refuses %s and closes', async (_, body) => {
      const raw = await client()
      expect(await raw.status(11, body)).toBe(22)
      await expect(raw.closed()).resolves.toBeUndefined()
    })

    it.each([
      ['a path index', uploadBody(Buffer.alloc(500_000), { path: 2 })],
      ['a size', uploadBody(Buffer.alloc(500_000), { size: 1 })],
    ])('refuses %s of a large file, reads the rest, never as requests, and closes', async (_, body) => {
      const raw = await client()
      // The rest of the content would be an answered request if it were read as one.
      raw.send(Buffer.concat([packet(11, body), packet(111)]))
      expect(await raw.response()).toMatchObject({ status: 22, body: Buffer.alloc(0) })
      await expect(raw.closed()).resolves.toBeUndefined()
    })

    it.each([10, 200_000])('leaves nothing of a file whose sender goes away after %d bytes', async (sent) => {
      const raw = await client()
      const request = packet(11, uploadBody(Buffer.alloc(400_000, 'x')))
      raw.socket.end(request.subarray(0, 25 + sent))
      await expect(raw.closed()).resolves.toBeUndefined()
      const other = await client()
      other.send(request.subarray(0, 25 + sent))
      await new Promise<void>((resolve) => other.socket.write('', () => resolve()))
      other.socket.resetAndDestroy()
      await storage.stop()
      expect(await filesOnDisk()).toEqual([])
    })

    it('leaves nothing of a file that is being sent when it is stopped', async () => {
      const raw = await client()
      raw.send(packet(11, uploadBody(Buffer.alloc(400_000, 'x'))).subarray(0, 200_000))
      await (await client()).status(111)
      await storage.stop()
      await expect(raw.closed()).resolves.toBeUndefined()
      expect(await filesOnDisk()).toEqual([])
    })
  })

  describe('download', () => {
    it.each([
      [0, 0, 'hello world'],
      [6, 0, 'world'],
      [0, 5, 'hello'],
      [4, 3, 'o w'],
      [6, 1000, 'world'],
      [10, 1, 'd'],
    ])('from %d, %d bytes', async (offset, count, expected) => {
      const { status, body } = await download(await upload('hello world'), offset, count)
      expect(status).toBe(0)
      expect(body.toString()).toBe(expected)
    })

    it.each([
      [11, 0],
      [11, 1],
      [12, 0],
      [-1, 0],
      [0, -1],
    ])('refuses from %d, %d bytes and closes', async (offset, count) => {
      const name = await upload('hello world')
      const raw = await client()
      expect(await raw.status(14, bytes(i64(offset), i64(count), group1, name))).toBe(22)
      await expect(raw.closed()).resolves.toBeUndefined()
    })

    it('refuses an empty file, as servers since V6.15.4', async () => {
      expect((await download(await upload(''))).status).toBe(22)
    })

    it.each([
      [262_143, 2],
      [100_000, 700_000],
      [999_999, 1],
      [524_288, 0],
    ])('of a large file from %d, %d bytes', async (offset, count) => {
      const content = Buffer.alloc(1_000_000)
      for (let i = 0; i < content.length; i += 4) content.writeUInt32BE(i, i)
      const { body } = await download(await upload(content), offset, count)
      expect(body.equals(content.subarray(offset, count === 0 ? undefined : offset + count))).toBe(true)
    })

    it('waits for a slow reader, and ends with one that goes', async () => {
      const content = Buffer.alloc(20_000_000, 'abc')
      const name = await upload(content)
      const raw = await client()
      const gone = await client()
      for (const each of [raw, gone]) {
        each.socket.pause()
        each.send(packet(14, bytes(i64(0), i64(0), group1, name)))
      }
      gone.socket.destroy()
      raw.send(packet(111))
      raw.socket.resume()
      expect((await raw.response()).body.equals(content)).toBe(true)
      expect((await raw.response()).body.length).toBe(0)
    })
  })

  describe('file info', () => {
    it('tells size, time, CRC32 and source', async () => {
      const before = Math.floor(Date.now() / 1000)
      const name = await upload('a')
      const { status, body } = await (await client()).ask(22, bytes(group1, name))
      expect(status).toBe(0)
      expect(body.length).toBe(40)
      expect(body.readBigInt64BE(0)).toBe(1n)
      expect(Math.abs(Number(body.readBigInt64BE(8)) - before)).toBeLessThan(5)
      // Sign-extended (§3.6).
      expect(body.subarray(16, 24).toString('hex')).toBe('ffffffffe8b7be43')
      expect(body.subarray(24)).toEqual(str('127.0.0.1', 16))
      expect((await (await client()).ask(22, bytes(group1, name), 3)).body).toEqual(body)
    })

    it('refuses names too short to be decoded once it has found the file', async () => {
      expect(await (await client()).status(22, bytes(group1, 'M00/00/00/short'))).toBe(2)
    })
  })

  describe('removal', () => {
    it('takes the metadata along', async () => {
      const name = await upload('x')
      const raw = await client()
      await raw.status(13, setBody(name, 'O', 'a\x02b'))
      expect(await raw.status(12, bytes(group1, name))).toBe(0)
      expect(await raw.status(12, bytes(group1, name))).toBe(2)
      expect(await raw.status(15, bytes(group1, name))).toBe(2)
      expect(await raw.status(14, bytes(i64(0), i64(0), group1, name))).toBe(2)
      expect(await filesOnDisk()).toEqual([])
      expect(await raw.status(111)).toBe(0)
    })
  })

  const setBody = (name: string, flag: string, metadata: string): Buffer =>
    bytes(i64(name.length), i64(metadata.length), flag, group1, name, metadata)

  describe('a request with several faults is answered as by a real storage:', () => {
    const statusOf = async (command: number, body: Buffer): Promise<number> =>
      (await client()).status(command, body)

    it('a negative offset or size 22, also where there is no file', async () => {
      expect(await statusOf(34, bytes(i64(44), i64(-1), i64(1), MISSING, 'x'))).toBe(22)
      expect(await statusOf(36, bytes(i64(44), i64(-1), MISSING))).toBe(22)
      expect(await statusOf(36, bytes(i64(44), i64(0), MISSING))).toBe(2)
    })

    it('a slave with the name of metadata 2, where there is no master', async () => {
      const body = (master: string): Buffer =>
        bytes(i64(master.length), i64(1), str('-m', 16), str('', 6), master, 'x')
      expect(await statusOf(21, body(MISSING))).toBe(2)
      expect(await statusOf(21, body(await upload('x')))).toBe(22)
    })
  })

  it('changes files only under their whole names', async () => {
    const { body } = await (await client()).ask(23, uploadBody(Buffer.from('x')))
    const appender = body.toString('latin1', 16)
    const slave = bytes(i64(44), i64(1), str('_150x150', 16), str('txt', 6), appender, 'y')
    const name = (await (await client()).ask(21, slave)).body.toString('latin1', 16)
    const append = (to: string): Buffer => bytes(i64(to.length), i64(1), to, 'z')
    expect(await (await client()).status(24, append(name))).toBe(0)
    expect(await (await client()).status(24, append(name.slice(4)))).toBe(22)
  })

  it('keeps the last seven characters of an appender that is renamed, also of a slave', async () => {
    const { body } = await (await client()).ask(23, uploadBody(Buffer.from('x'), { ext: '' }))
    const appender = body.toString('latin1', 16)
    const slave = bytes(i64(44), i64(1), str('_150x150', 16), str('', 6), appender, 'y')
    const name = (await (await client()).ask(21, slave)).body.toString('latin1', 16)
    const renamed = (await (await client()).ask(38, Buffer.from(name))).body.toString('latin1', 16)
    expect(renamed).toMatch(/^M00\/0\d\/0\d\/[\w-]{27}150x150$/)
  })

  it('links under the name of a slave, whether there is its master or not', async () => {
    const source = await upload('linked')
    const link = bytes(i64(44), i64(44), i64(1), group1, str('', 16), str('jpg', 6), MISSING, source, 's')
    const { status, body } = await (await client()).ask(20, link)
    expect(status).toBe(0)
    expect(body.toString('latin1', 16)).toBe('M00/00/00/oYYBAGsCbjeAasklACAAAPnxcu8529.jpg')
    expect((await download(body.toString('latin1', 16))).body.toString()).toBe('linked')
  })

  it.each([
    ['is too short to be a master', MISSING.slice(0, 37), '_l', 22],
    ['stands in another store path', `M01${MISSING.slice(3)}`, '_l', 22],
    ['stands in a directory that is not there', MISSING.replace('/00/00/', '/FF/00/'), '_l', 2],
    ['would have the same name', MISSING, '', 22],
    ['has its metadata there', MISSING, '-m', 22],
  ])('makes no link for a master that %s', async (_, master, prefix, status) => {
    const source = await upload('linked')
    const ext = prefix === '' ? /[^.]*$/.exec(master)?.[0] : prefix === '-m' ? '' : 'jpg'
    const link = bytes(
      ...[i64(master.length), i64(44), i64(1), group1, str(prefix, 16), str(ext ?? '', 6)],
      ...[master, source, 's'],
    )
    expect(await (await client()).status(20, link)).toBe(status)
  })

  it('takes a slave whose name comes out as its master’s for one that is there', async () => {
    const { body } = await (await client()).ask(11, uploadBody(Buffer.from('x'), { ext: '.' }))
    const master = body.toString('latin1', 16)
    expect(master).toMatch(/\.\.$/)
    const slave = bytes(i64(master.length), i64(1), str('..', 16), str('', 6), master, 'y')
    expect(await (await client()).status(21, slave)).toBe(17)
  })

  describe('metadata', () => {
    const get = async (name: string): Promise<string | number> => {
      const { status, body } = await (await client()).ask(15, bytes(group1, name))
      return status === 0 ? body.toString('latin1') : status
    }
    const set = async (name: string, flag: string, metadata: string): Promise<number> =>
      (await client()).status(13, setBody(name, flag, metadata))

    it('is sorted by name, overwritten and merged', async () => {
      const name = await upload('x')
      expect(await get(name)).toBe(2)
      expect(await set(name, 'O', 'width\x021024\x01a\x02\xe9\x01B\x02x')).toBe(0)
      expect(await get(name)).toBe('B\x02x\x01a\x02\xe9\x01width\x021024')
      expect(await set(name, 'M', 'b\x02new\x01a\x02other')).toBe(0)
      expect(await get(name)).toBe('B\x02x\x01a\x02other\x01b\x02new\x01width\x021024')
      expect(await set(name, 'M', '')).toBe(0)
      expect(await get(name)).toBe('B\x02x\x01a\x02other\x01b\x02new\x01width\x021024')
      expect(await set(name, 'O', 'only\x02this')).toBe(0)
      expect(await get(name)).toBe('only\x02this')
      expect(await set(name, 'O', '')).toBe(0)
      expect(await get(name)).toBe(2)
      expect(await set(name, 'O', '')).toBe(0)
      expect(await set(name, 'M', 'first\x02one')).toBe(0)
      expect(await get(name)).toBe('first\x02one')
      // As a real storage: only what was there before is replaced.
      expect(await set(name, 'M', 'x\x02y\x01x\x02z')).toBe(0)
      expect(await get(name)).toBe('first\x02one\x01x\x02y\x01x\x02z')
    })

    it('keeps equal names, each replaced once, and a value with separators', async () => {
      const name = await upload('x')
      expect(await set(name, 'O', 'a\x022\x01a\x021\x01b\x02c\x02d')).toBe(0)
      expect(await get(name)).toBe('a\x022\x01a\x021\x01b\x02c\x02d')
      expect(await set(name, 'M', 'a\x023')).toBe(0)
      expect(await get(name)).toBe('a\x023\x01a\x021\x01b\x02c\x02d')
    })

    it('cuts names of more than 64 and values of more than 256 bytes', async () => {
      const name = await upload('x')
      await set(name, 'O', `${'n'.repeat(70)}\x02${'v'.repeat(300)}`)
      expect(await get(name)).toBe(`${'n'.repeat(64)}\x02${'v'.repeat(256)}`)
    })

    it('loses none of many changes at once', async () => {
      const name = await upload('x')
      await Promise.all(Array.from({ length: 20 }, (_, index) => set(name, 'M', `k${index + 10}\x02v`)))
      expect(String(await get(name)).split('\x01').length).toBe(20)
    })

    it('is refused for what is not there, and with other flags', async () => {
      const name = await upload('x')
      expect(await set(MISSING, 'O', 'a\x02b')).toBe(2)
      expect(await set(MISSING, 'M', '')).toBe(2)
      expect(await set(name, 'X', 'a\x02b')).toBe(22)
      expect(await (await client()).status(13, bytes(i64(1000), i64(1), 'O', group1, name))).toBe(22)
      expect(await set(name, 'O', `a\x02${'b'.repeat(256 * 1024)}`)).toBe(22)
    })
  })

  describe('a bad name', () => {
    const own = 'oYYBAGsCbjeAasklACAAAPnxcu8529.bin'
    const invalid = {
      'that is short': 'M00/00/00/',
      'of a store path that is not there': `M02/00/00/${own}`,
      'of a store path that is no number': `MXX/00/00/${own}`,
      'without a slash behind the store path': `M000/0/00/${own}`,
      'with small letters in directories': `M00/0a/00/${own}`,
      'with another slash': `M00/00/00/x/${own}`,
      'that leads out': 'M00/00/00/../../../../etc/passwd',
      'that leads up': 'M00/00/00/..',
      'that leads out of the directories': `M00/../00/${own}`,
      'that is absolute': '/etc/passwd/00/00',
      'of 128 bytes': `M00/00/00/${'x'.repeat(118)}`,
      'of 500 bytes': `M00/00/00/${'x'.repeat(490)}`,
    }
    const requests = (name: string): [number, Buffer][] => [
      [12, bytes(group1, name)],
      [14, bytes(i64(0), i64(0), group1, name)],
      [15, bytes(group1, name)],
      [22, bytes(group1, name)],
      [13, setBody(name, 'O', 'a\x02b')],
    ]

    it.each(Object.entries(invalid))('%s is answered 22, and the connection closed', async (_, name) => {
      for (const [command, body] of requests(name)) {
        const raw = await client()
        expect([command, await raw.status(command, body)]).toEqual([command, 22])
        await expect(raw.closed()).resolves.toBeUndefined()
      }
    })

    it('of another group is answered 22, and the connection closed', async () => {
      for (const [command, body] of requests(MISSING)) {
        const raw = await client()
        body.write('group2', body.indexOf('group1'))
        expect([command, await raw.status(command, body)]).toEqual([command, 22])
        await expect(raw.closed()).resolves.toBeUndefined()
      }
    })

    it('of a file that is not there is answered 2, and the connection kept', async () => {
      const raw = await client()
      for (const name of [
        MISSING,
        MISSING.slice(4),
        `M01${MISSING.slice(3)}`,
        'M00/FF/FF/x',
        `M00/00/00/${'x'.repeat(117)}`,
      ]) {
        for (const [command, body] of requests(name)) {
          expect([command, await raw.status(command, body)]).toEqual([command, 2])
        }
      }
    })

    it('without a store path means the first', async () => {
      const name = await upload('old')
      expect((await download(name.slice(4))).body.toString()).toBe('old')
      expect(await (await client()).status(12, bytes(group1, name.slice(4)))).toBe(0)
      expect((await download(name)).status).toBe(2)
    })
  })

  describe('a connection', () => {
    it.each([
      ['an unknown command', packet(200, Buffer.from('abc'))],
      ['a command that only trackers know', packet(101)],
      ['ACTIVE_TEST with a body', packet(111, Buffer.from('x'))],
      ['a body over the limit', packet(12, Buffer.alloc(256 * 1024))],
      ['an upload without a body', packet(11)],
    ])('is closed after 22 to %s', async (_, data) => {
      const raw = await client()
      raw.send(Buffer.concat([data, packet(111)]))
      expect(await raw.response()).toMatchObject({ status: 22, body: Buffer.alloc(0) })
      await expect(raw.closed()).resolves.toBeUndefined()
    })

    it('is closed without an answer when a length is negative', async () => {
      const raw = await client()
      raw.send(Buffer.from('ffffffffffffffff0b00', 'hex'))
      await expect(raw.closed()).resolves.toBeUndefined()
    })

    it('is closed by QUIT after what was asked before', async () => {
      const name = await upload('hello')
      const raw = await client()
      raw.send(Buffer.concat([packet(14, bytes(i64(0), i64(0), group1, name)), packet(111), packet(82)]))
      expect((await raw.response()).body.toString()).toBe('hello')
      expect((await raw.response()).status).toBe(0)
      await expect(raw.closed()).resolves.toBeUndefined()
    })
  })

  it('reports what it does, and not what it refuses, as real storages do', async () => {
    const name = await upload('hello')
    const raw = await client()
    await raw.ask(14, bytes(i64(0), i64(2), group1, name))
    await raw.status(14, bytes(i64(0), i64(0), group1, MISSING))
    await raw.status(13, setBody(name, 'O', 'a\x02b'))
    await raw.ask(15, bytes(group1, name))
    await raw.status(12, bytes(group1, name))
    await raw.status(12, bytes(group1, name))
    await raw.ask(15, bytes(group1, name))
    await raw.ask(11, uploadBody(Buffer.from('x'), { path: 2 }))
    // A storage that joins again beats at once, with all its counters.
    await storage.stop()
    await storage.start()
    await storage.whenActive()
    const list = await RawClient.connect(tracker.port)
    clients.push(list)
    const { body } = await list.ask(92, group1)
    const counter = (offset: number): number => Number(body.readBigInt64BE(138 + offset))
    expect([12, 20].map(counter)).toEqual([1, 1])
    expect([76, 84].map(counter)).toEqual([1, 1])
    expect([92, 100].map(counter)).toEqual([1, 1])
    expect([108, 116].map(counter)).toEqual([1, 1])
    expect([124, 132].map(counter)).toEqual([1, 1])
    expect([172, 180].map(counter)).toEqual([5, 5])
    expect([220, 228].map(counter)).toEqual([2, 2])
    // By the upload, the download and of the metadata; the latter two read.
    expect([268, 276].map(counter)).toEqual([3, 3])
    expect([284, 292].map(counter)).toEqual([2, 2])
    expect([300, 308].map(counter)).toEqual([1, 1])
    expect(counter(316)).toBeGreaterThan(1_700_000_000)
    expect(Number(body.readBigInt64BE(74))).toBeGreaterThan(0)
  })

  it('keeps its files over a stop and a start', async () => {
    const name = await upload('hello')
    const { port } = storage
    await storage.stop()
    await expect(RawClient.connect(port)).rejects.toThrow('ECONNREFUSED')
    await storage.start()
    expect(storage.port).toBe(port)
    await tracker.whenActive('group1', '100001')
    expect((await download(name)).body.toString()).toBe('hello')
    expect(await upload('again')).toMatch(/^M00/)
  })

  it('comes back when its tracker was away', async () => {
    await tracker.stop()
    await tracker.start()
    await tracker.whenActive('group1', '100001')
    const raw = await RawClient.connect(tracker.port)
    clients.push(raw)
    expect((await raw.ask(101)).status).toBe(0)
  })

  if (kind === 'disk') {
    it('lays files out as a real storage', async () => {
      const name = await upload('hello', { path: 1 })
      await (await client()).status(13, setBody(name, 'O', 'a\x02b'))
      const path = join(folder, 'store_path1/data/00/00', name.slice(10))
      expect((await readFile(path)).toString()).toBe('hello')
      expect((await readFile(`${path}-m`)).toString()).toBe('a\x02b')
      expect((await filesOnDisk()).sort()).toEqual([path, `${path}-m`])
      expect((await readdir(join(folder, 'store_path0/data'))).length).toBe(0)
    })

    it('serves its files from another process, and clears what was left unfinished', async () => {
      const name = await upload('hello')
      await storage.stop()
      const left = join(folder, 'store_path0/.fastdfs-tmp/7')
      await writeFile(left, 'half')
      await mkdir(join(folder, 'store_path0/data/00/00/aFolderThatIsNoFile'))
      storage = new Storage({
        group: 'group1',
        id: 100001,
        trackers: [{ host: '127.0.0.1', port: tracker.port }],
        store: new DiskStore({ folder }),
      })
      await storage.start()
      await expect(stat(left)).rejects.toThrow('ENOENT')
      expect((await download(name)).body.toString()).toBe('hello')
      expect((await download('M00/00/00/aFolderThatIsNoFile')).status).toBe(2)
    })

    it('answers 5 when its folder is gone', async () => {
      await rm(folder, { recursive: true })
      const raw = await client()
      expect(await raw.status(11, uploadBody(Buffer.from('x')))).toBe(5)
      expect(await raw.status(111)).toBe(0)
      raw.send(packet(11, uploadBody(Buffer.alloc(1_000_000))))
      expect((await raw.response()).status).toBe(5)
      expect(await raw.status(111)).toBe(0)
      await mkdir(folder)
    })
  }
})
