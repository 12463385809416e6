import { PROFILES, Tracker } from '../../src/server/index.js'
import { activate, bytes, i64, joinBody, packet, RawClient, type RawResponse, str } from './raw.js'

let tracker: Tracker
const clients: RawClient[] = []

async function client(): Promise<RawClient> {
  const raw = await RawClient.connect(tracker.port)
  clients.push(raw)
  return raw
}

/** A connection on which a storage has joined and become ACTIVE. */
async function storage(join: Parameters<typeof joinBody>[0] = {}): Promise<RawClient> {
  const raw = await client()
  expect((await raw.ask(81, joinBody(join))).status).toBe(0)
  await activate(raw, join?.paths)
  return raw
}

const group1 = str('group1', 16)
const address = (port: number): Buffer => bytes(str('127.0.0.1', 15), i64(port))
/** Source 100001, 2026-11-22, normal; and an appender of 100001 (protocol.md §5, example 9 and 10). */
const NORMAL = 'M00/00/00/oYYBAGsCbjeAasklACAAAPnxcu8529.bin'
const APPENDER = 'M00/00/00/oYYBAGsCbjeEMWr8AAAAAMlucM8078.txt'

beforeEach(async () => {
  tracker = new Tracker()
  await tracker.start()
})

afterEach(async () => {
  for (const raw of clients.splice(0)) raw.close()
  await tracker.stop()
})

describe('connection', () => {
  it('answers ACTIVE_TEST, with a body 22, and stays open', async () => {
    const raw = await client()
    expect(await raw.ask(111)).toEqual({ command: 100, status: 0, body: Buffer.alloc(0) })
    expect(await raw.status(111, Buffer.from('x'))).toBe(22)
    expect(await raw.status(111)).toBe(0)
  })

  it('closes on QUIT without an answer', async () => {
    const raw = await client()
    raw.send(Buffer.from('00000000000000005200', 'hex'))
    await expect(raw.closed()).resolves.toBeUndefined()
  })

  it('answers requests sent at once in order', async () => {
    await storage()
    const raw = await client()
    raw.send(
      Buffer.concat([
        packet(111),
        packet(101),
        packet(200, Buffer.from('abc')),
        packet(91),
        packet(111),
        packet(82),
      ]),
    )
    expect((await raw.response()).body.length).toBe(0)
    expect((await raw.response()).body.length).toBe(40)
    expect((await raw.response()).status).toBe(22)
    expect((await raw.response()).body.length).toBe(113)
    expect((await raw.response()).status).toBe(0)
    await expect(raw.closed()).resolves.toBeUndefined()
  })

  it('takes requests byte by byte', async () => {
    await storage()
    const raw = await client()
    for (const byte of packet(104, group1)) {
      await new Promise<void>((resolve) => raw.socket.write(Buffer.of(byte), () => resolve()))
    }
    expect((await raw.response()).body.subarray(0, 6).toString()).toBe('group1')
  })

  it.each([
    ['an unknown command', packet(200, Buffer.alloc(300))],
    ['a number that only storages know', packet(11, Buffer.alloc(20))],
    ['a body over the limit', packet(102, Buffer.alloc(100_000))],
    ['a next leader that is no address', packet(66, Buffer.from('127.0.0.1'))],
  ])('answers 22 to %s and stays open', async (_, data) => {
    const raw = await client()
    raw.send(data)
    expect((await raw.response()).status).toBe(22)
    expect(await raw.status(111)).toBe(0)
  })

  it.each([
    ['negative', 'ffffffffffffffff6500'],
    ['beyond 2^53', '7fffffffffffffff6500'],
    ['over 256 KiB', '00000000000400006500'],
  ])('closes without an answer when a length is %s', async (_, hex) => {
    const raw = await client()
    raw.send(Buffer.from(hex, 'hex'))
    await expect(raw.closed()).resolves.toBeUndefined()
  })

  it.each(['00000001000000006f00', 'c0000000000000006f00'])('reads 32 bits of the length %s', async (hex) => {
    const raw = await client()
    raw.send(Buffer.from(hex, 'hex'))
    expect((await raw.response()).status).toBe(0)
    expect(await raw.status(111)).toBe(0)
  })

  it('answers a peer that has ended its side', async () => {
    const raw = await client()
    raw.socket.end(packet(111))
    expect((await raw.response()).status).toBe(0)
    await expect(raw.closed()).resolves.toBeUndefined()
  })
})

describe('without storages', () => {
  it.each([
    [101, Buffer.alloc(0), 2],
    [106, Buffer.alloc(0), 2],
    [104, group1, 2],
    [107, group1, 2],
    [64, Buffer.alloc(0), 2],
    [90, group1, 2],
    [92, group1, 2],
    [102, bytes(group1, NORMAL), 2],
    [101, Buffer.from('x'), 22],
    [104, Buffer.from('group1'), 22],
    [104, Buffer.alloc(17), 22],
    [83, Buffer.alloc(0), 13],
    [84, Buffer.alloc(16), 13],
    [87, Buffer.alloc(0), 13],
    [88, Buffer.alloc(24), 13],
    [89, Buffer.alloc(0), 13],
  ])('%d is answered with status', async (command, body, status) => {
    expect(await (await client()).status(command, body)).toBe(status)
  })

  it('lists no groups', async () => {
    expect(await (await client()).ask(91)).toEqual({ command: 100, status: 0, body: Buffer.alloc(0) })
  })
})

describe('join', () => {
  it('walks INIT, ONLINE, ACTIVE, and OFFLINE when the connection closes', async () => {
    const raw = await client()
    const watcher = await client()
    const status = async (): Promise<number> => (await watcher.ask(92, group1)).body.readUInt8(0)
    expect(await raw.ask(81, joinBody())).toEqual({ command: 100, status: 0, body: Buffer.alloc(17) })
    expect(await status()).toBe(0)
    // A beat does not end waiting for old files; 87 does.
    expect((await raw.ask(83)).body.readUInt8(11 - 10)).toBe(0)
    expect(await status()).toBe(0)
    expect(await raw.ask(87)).toMatchObject({ status: 0, body: Buffer.alloc(0) })
    expect(await status()).toBe(6)
    expect(await watcher.status(101)).toBe(2)
    await raw.ask(83)
    expect(await status()).toBe(7)
    // Nobody knows of any space yet.
    expect(await watcher.status(101)).toBe(28)
    await raw.ask(84, bytes(i64(1000), i64(500)))
    expect((await watcher.ask(101)).status).toBe(0)
    raw.close()
    await watchStatus(watcher, 5)
    expect(await watcher.status(101)).toBe(2)

    const again = await client()
    expect(await again.ask(81, joinBody({ initFlag: 0, status: 7 }))).toMatchObject({
      body: bytes(6, Buffer.alloc(16)),
    })
    await again.ask(83)
    expect(await status()).toBe(7)
  })

  it('takes a storage with files at the status it says, ACTIVE and OFFLINE as ONLINE', async () => {
    const raw = await client()
    expect((await raw.ask(81, joinBody({ initFlag: 0, status: 7 }))).body[0]).toBe(6)
    expect((await raw.ask(81, joinBody({ id: '100002', initFlag: 0, status: 5 }))).body[0]).toBe(6)
    expect(await raw.status(81, joinBody({ id: '100003', initFlag: 0, status: -1 }))).toBe(14)
  })

  it('leads a storage from INIT by 88 with an empty source, and to WAIT_SYNC by one that is known', async () => {
    await storage()
    const raw = await client()
    await raw.ask(81, joinBody({ id: '100002' }))
    expect(await raw.status(88, bytes(str('100009', 16), i64(0)))).toBe(2)
    expect(await raw.status(88, bytes(str('100001', 16), i64(1)))).toBe(0)
    const listed = async (): Promise<Buffer> => (await raw.ask(92, bytes(group1, '100002'))).body
    expect((await listed()).readUInt8(0)).toBe(1)
    expect((await listed()).subarray(34, 40).toString()).toBe('100001')
    expect(await raw.status(88, bytes(str('', 16), i64(0)))).toBe(0)
    expect((await listed()).readUInt8(0)).toBe(6)
  })

  it.each([
    ['a short body', joinBody().subarray(0, 100), 22],
    ['a group with other characters', joinBody({ group: 'group_1' }), 22],
    ['no group', joinBody({ group: '' }), 22],
    ['no store path', joinBody({ paths: 0 }), 22],
    ['too many directories', joinBody({ subdirs: 257 }), 22],
    ['no ID', joinBody({ id: '' }), 2],
    ['an ID that is no number', joinBody({ id: '10.0.0.1' }), 2],
    ['an ID that fits no file name', joinBody({ id: '16777216' }), 2],
    ['other directories than its group', joinBody({ id: '100002', subdirs: 16 }), 22],
    ['fewer paths than its group', joinBody({ id: '100002', paths: 1 }), 22],
  ])('refuses %s', async (_, body, status) => {
    await storage({ paths: 2 })
    expect(await (await client()).status(81, body)).toBe(status)
  })

  it('takes no more storages and groups than its replies have room for', async () => {
    const raw = await client()
    for (let id = 1; id <= 32; id++) {
      expect((await raw.ask(81, joinBody({ id: String(id) }))).status).toBe(0)
    }
    expect(await raw.status(81, joinBody({ id: '33' }))).toBe(28)
    expect((await raw.ask(81, joinBody({ id: '32' }))).status).toBe(0)
    for (let i = 2; i <= 512; i++) {
      expect((await raw.ask(81, joinBody({ group: `group${i}`, id: String(100 + i) }))).status).toBe(0)
    }
    expect(await raw.status(81, joinBody({ group: 'group513', id: '100' }))).toBe(28)
    expect((await raw.ask(92, group1)).body.length).toBe(32 * 487)
    expect((await raw.ask(91)).body.length).toBe(512 * 113)
  })

  it('adapts the store paths of a group once all of its storages have', async () => {
    const paths = async (): Promise<bigint> => (await raw.ask(90, group1)).body.readBigInt64BE(89)
    const raw = await storage()
    const other = await storage({ id: '100002' })
    await other.ask(81, joinBody({ id: '100002', paths: 2 }))
    expect(await paths()).toBe(1n)
    await raw.ask(81, joinBody({ paths: 2 }))
    expect(await paths()).toBe(2n)
    expect((await raw.ask(84, Buffer.alloc(32))).status).toBe(0)
    expect(await raw.status(81, joinBody({ paths: 1 }))).toBe(22)
    // A lone one may also take back the path whose turn it is.
    const alone = str('alone', 16)
    await storage({ group: 'alone', id: '7', paths: 2 })
    expect((await raw.ask(104, alone)).body[39]).toBe(0)
    await storage({ group: 'alone', id: '7', paths: 1 })
    expect((await raw.ask(104, alone)).body[39]).toBe(0)
  })

  it('forgets the space of store paths that were given up', async () => {
    const raw = await storage({ paths: 3 })
    expect(await pathsOf(raw, 4)).toEqual([0, 1, 2, 0])
    await raw.ask(81, joinBody({ paths: 1 }))
    expect(await pathsOf(raw, 2)).toEqual([0, 0])
    await raw.ask(81, joinBody({ paths: 3 }))
    expect(await pathsOf(raw, 4)).toEqual([0, 0, 0, 0])
  })

  it('takes a storage for gone whose connection another one joins on', async () => {
    const raw = await storage()
    await raw.ask(81, joinBody({ id: '100002' }))
    expect((await raw.ask(92, bytes(group1, '100001'))).body.readUInt8(0)).toBe(5)
    await activate(raw)
    await raw.ask(81, joinBody({ id: '100002' }))
    expect((await raw.ask(92, bytes(group1, '100002'))).body.readUInt8(0)).toBe(7)
  })

  it('does not take a storage for gone whose former connection closes late', async () => {
    const former = await storage()
    const latter = await storage({ initFlag: 0, status: 7 })
    former.close()
    await latter.ask(83)
    const watcher = await client()
    expect((await watcher.ask(92, group1)).body.readUInt8(0)).toBe(7)
    await watcher.ask(101)
    expect((await watcher.ask(92, group1)).body.readUInt8(0)).toBe(7)
  })
})

async function watchStatus(watcher: RawClient, expected: number): Promise<void> {
  while ((await watcher.ask(92, group1)).body.readUInt8(0) !== expected);
}

/** The store paths of uploads to group1, one after the other. */
async function pathsOf(raw: RawClient, count: number): Promise<(number | undefined)[]> {
  const paths: (number | undefined)[] = []
  while (paths.length < count) paths.push((await raw.ask(104, group1)).body.at(-1))
  return paths
}

describe('replies to beats', () => {
  it('tell of the leader once a connection, and of each change once a storage', async () => {
    const first = await client()
    await first.ask(81, joinBody())
    await first.ask(87)
    const brief = (status: number, port: number, id: string, ip = '127.0.0.1'): Buffer =>
      bytes(status, Buffer.from([0, 0, port >> 8, port & 255]), str(id, 16), str(ip, 46))
    const leader = brief(0, tracker.port, '127.0.0.1')
    expect((await first.ask(83)).body).toEqual(bytes(5, leader, brief(7, 23000, '100001')))
    expect((await first.ask(83)).body).toEqual(bytes(0))
    expect((await first.ask(84, bytes(i64(1000), i64(500)))).body).toEqual(bytes(0))

    const second = await client()
    await second.ask(81, joinBody({ id: '100002', port: 23001 }))
    expect(await first.status(89)).toBe(22)
    expect((await first.ask(83)).body).toEqual(bytes(4, brief(7, 23000, '100001'), brief(0, 23001, '100002')))
    await second.ask(88, Buffer.alloc(24))
    expect((await second.ask(83)).body).toEqual(
      bytes(5, leader, brief(7, 23000, '100001'), brief(7, 23001, '100002')),
    )
    expect((await first.ask(83)).body[0]).toBe(4)
    expect((await first.ask(83)).body[0]).toBe(0)
  })

  it('refuse a disk report of another length than the paths', async () => {
    const raw = await storage()
    expect(await raw.status(84, Buffer.alloc(32))).toBe(22)
    expect(await raw.status(84, Buffer.alloc(15))).toBe(22)
    expect(await raw.status(83, Buffer.alloc(347))).toBe(22)
    expect(await raw.status(89, Buffer.alloc(19))).toBe(22)
  })

  it('come with nothing about old files', async () => {
    const raw = await storage()
    expect(await raw.status(86, bytes(group1, str('100001', 16)))).toBe(0)
    expect(await raw.status(86, bytes(group1, str('100002', 16)))).toBe(2)
    await raw.ask(81, joinBody({ id: '100002' }))
    expect(await raw.status(86, bytes(group1, str('100002', 16)))).toBe(2)
    expect(await raw.status(85)).toBe(22)
    expect(await (await client()).status(85)).toBe(13)
  })

  it('come with an empty changelog', async () => {
    const raw = await storage()
    expect(await raw.ask(77)).toMatchObject({ status: 0, body: Buffer.alloc(0) })
    expect(await (await client()).status(77)).toBe(22)
    expect(await (await client()).status(77, bytes(group1, str('100009', 16)))).toBe(2)
    expect(await (await client()).status(77, bytes(group1, str('100001', 16)))).toBe(0)
  })
})

describe('where to upload', () => {
  it('takes groups, storages and store paths in turn', async () => {
    await storage({ port: 23001, paths: 2 })
    await storage({ port: 23002, paths: 2, id: '100002' })
    await storage({ group: 'group2', port: 23003, id: '100003' })
    const raw = await client()
    const answers: string[] = []
    for (let i = 0; i < 10; i++) {
      const { body } = await raw.ask(101)
      expect(body.length).toBe(40)
      answers.push(`${body.subarray(0, 6).toString()} ${body.readBigInt64BE(31)} ${body[39]}`)
    }
    expect(answers).toEqual([
      'group1 23001 0',
      'group2 23003 0',
      'group1 23002 0',
      'group2 23003 0',
      'group1 23001 1',
      'group2 23003 0',
      'group1 23002 1',
      'group2 23003 0',
      'group1 23001 0',
      'group2 23003 0',
    ])
  })

  it('answers a named group, byte by byte as a real tracker', async () => {
    await storage({ port: 23000 })
    expect((await (await client()).ask(104, group1)).body.toString('hex')).toBe(
      '67726f757031000000000000000000003132372e302e302e31000000000000' + '00000000000059d8' + '00',
    )
    expect(await (await client()).status(104, str('group2', 16))).toBe(2)
  })

  it('answers with all storages, one path index at the end, that of the first', async () => {
    await storage({ port: 23001, paths: 2 })
    await storage({ port: 23002, paths: 2, id: '100002' })
    const raw = await client()
    const all = bytes(group1, address(23001), address(23002))
    expect((await raw.ask(106)).body).toEqual(bytes(all, 0))
    expect((await raw.ask(107, group1)).body).toEqual(bytes(all, 1))
    expect((await raw.ask(101)).body).toEqual(bytes(group1, address(23001), 0))
    expect((await raw.ask(101)).body).toEqual(bytes(group1, address(23002), 0))
  })

  it('goes on to the next store path with space behind one that is full', async () => {
    const raw = await storage({ paths: 3 })
    await raw.ask(84, bytes(...[500, 0, 500].map((free) => bytes(i64(1000), i64(free)))))
    expect(await pathsOf(raw, 6)).toEqual([0, 2, 0, 2, 0, 2])
  })
})

describe('where to download and change', () => {
  it.each([
    [21, 22],
    [22, 0],
    [127, 0],
    [128, 22],
  ])('looks at the length of a name: %d', async (length, status) => {
    await storage()
    for (const command of [102, 103, 105]) {
      expect((await (await client()).ask(command, bytes(group1, '!'.repeat(length)))).status).toBe(status)
    }
  })

  it('answers for a name that is none', async () => {
    await storage()
    const raw = await client()
    const answer = bytes(group1, address(23000))
    expect((await raw.ask(102, bytes(group1, '!'.repeat(40)))).body).toEqual(answer)
    expect((await raw.ask(103, bytes(group1, '!'.repeat(40)))).body).toEqual(answer)
    expect(await raw.status(102, bytes(str('group9', 16), NORMAL))).toBe(2)
  })

  /** A name of 100001 made `age` seconds ago, packed by hand (§5). */
  function named(age: number): string {
    const encoded = bytes(
      Buffer.from('a1860100', 'hex'),
      i64(Math.floor(Date.now() / 1000) - age).subarray(4),
      Buffer.from('806ac92500200000f9f172ef', 'hex'),
    )
    return `M00/00/00/${encoded.toString('base64url')}529.bin`
  }

  it('names the source alone for a new file, its slaves and appenders; both when the other has it', async () => {
    await storage({ port: 23001 })
    const other = await storage({ port: 23002, id: '100002' })
    const raw = await client()
    const both = bytes(group1, address(23001), address(23002))
    const source = bytes(group1, address(23001))
    const all = async (name: string): Promise<Buffer> => (await raw.ask(105, bytes(group1, name))).body
    const recent = named(10)
    expect(await all(recent)).toEqual(source)
    expect((await raw.ask(102, bytes(group1, recent))).body).toEqual(source)
    expect((await raw.ask(102, bytes(group1, recent))).body).toEqual(source)
    expect(await all(named(90_000))).toEqual(both)
    expect(await all(named(90_000).replace('.bin', '_150x150.bin'))).toEqual(source)
    expect(await all(APPENDER)).toEqual(source)

    const report = (time: number): Buffer => bytes(str('100001', 16), i64(time).subarray(4))
    const now = Math.floor(Date.now() / 1000)
    await other.ask(89, report(now - 10 - 1))
    expect(await all(recent)).toEqual(source)
    await other.ask(89, report(now))
    expect(await all(recent)).toEqual(both)
    // The turn begins anew where it went past the end.
    for (const port of [23001, 23002, 23001]) {
      expect((await raw.ask(102, bytes(group1, recent))).body).toEqual(bytes(group1, address(port)))
    }
  })

  it('takes the source for changes, and another one when that is away', async () => {
    const source = await storage({ port: 23001 })
    await storage({ port: 23002, id: '100002' })
    const raw = await client()
    for (let i = 0; i < 3; i++) {
      expect((await raw.ask(103, bytes(group1, NORMAL))).body).toEqual(bytes(group1, address(23001)))
    }
    source.close()
    await watchStatus(raw, 5)
    expect((await raw.ask(103, bytes(group1, NORMAL))).body).toEqual(bytes(group1, address(23002)))
    expect((await raw.ask(102, bytes(group1, APPENDER))).body).toEqual(bytes(group1, address(23002)))
    expect((await raw.ask(105, bytes(group1, APPENDER))).body).toEqual(bytes(group1, address(23002)))
  })
})

describe('lists', () => {
  it('tell of groups', async () => {
    const one = await storage({ port: 23001, paths: 2 })
    const two = await storage({ port: 23002, paths: 2, id: '100002' })
    await storage({ group: 'alpha', id: '7' })
    await one.ask(84, bytes(i64(1000), i64(500), i64(1000), i64(400)))
    await two.ask(84, bytes(i64(1000), i64(600), i64(1000), i64(200)))
    const raw = await client()
    // Its storages have different ports.
    const record = bytes(str('group1', 17), ...[2000, 800, 0, 0, 2, -1, 2, 2, 0, 2, 256, -1].map(i64))
    expect((await raw.ask(90, group1)).body).toEqual(record)
    const all = await raw.ask(91)
    expect(all.body.length).toBe(226)
    expect(all.body.subarray(0, 5).toString()).toBe('alpha')
    expect(all.body.subarray(113)).toEqual(record)
  })

  it('tell of storages, with the counters of their beats', async () => {
    const one = await storage({ port: 23001 })
    await storage({ port: 23002, id: '100002' })
    const stats = Buffer.alloc(348)
    stats.writeBigInt64BE(42n, 12)
    await one.ask(83, stats)
    await one.ask(84, bytes(i64(1000), i64(500)))
    const raw = await client()
    const { body } = await raw.ask(92, bytes(group1, '100001'))
    expect(body.length).toBe(487)
    expect(body.subarray(0, 50)).toEqual(bytes(7, 6, str('100001', 16), str('127.0.0.1', 16), str('', 16)))
    expect(body.subarray(50, 58)).toEqual(str('6.16.1', 8))
    const numbers = Array.from({ length: 10 }, (_, index) => Number(body.readBigInt64BE(58 + index * 8)))
    expect(numbers).toEqual([0x6b026f76, 0x6b026f77, 1000, 500, 0, 10, 1, 256, 0, 23001])
    expect(body.readBigInt64BE(138 + 12)).toBe(42n)
    expect(Math.abs(Number(body.readBigInt64BE(138 + 340)) - Date.now() / 1000)).toBeLessThan(5)
    expect(body[486]).toBe(0)

    const all = (await raw.ask(92, group1)).body
    expect(all.length).toBe(2 * 487)
    expect(all.subarray(487 + 2, 487 + 8).toString()).toBe('100002')
    expect(await raw.status(92, bytes(group1, '100009'))).toBe(2)
    expect(await raw.status(92, bytes(group1, '1'.repeat(16)))).toBe(22)
    expect(await raw.status(92, str('group9', 16))).toBe(2)
  })
})

describe('information', () => {
  it('tells of itself', async () => {
    await storage()
    const raw = await client()
    expect((await raw.ask(64)).body).toEqual(bytes(1, i64(0), i64(0)))
    expect(
      (await raw.ask(60, bytes(str('group1', 17), Buffer.from([0, 0, 0x59, 0xd8])))).body.toString(),
    ).toBe('127.0.0.1')
    const { body } = await raw.ask(75)
    expect(body.toString().split('\n')).toEqual(
      expect.arrayContaining(['use_storage_id=1', 'id_type_in_filename=id', 'response_ip_addr_size=16']),
    )
    expect(body.length).toBeLessThan(1023)
  })

  it('tells of IDs', async () => {
    await storage()
    await storage({ port: 23001, id: '100002' })
    const raw = await client()
    expect((await raw.ask(70, bytes(group1, '127.0.0.1:23001'))).body.toString()).toBe('100002')
    expect(await raw.status(70, bytes(group1, '127.0.0.1:9'))).toBe(2)
    expect(await raw.status(70, bytes(group1, '127.0.0.1:'))).toBe(22)
    expect(await raw.status(70, group1)).toBe(22)
    const i32 = (value: number): Buffer => i64(value).subarray(4)
    expect((await raw.ask(69, bytes(i32(0), 0))).body).toEqual(
      bytes(i32(2), i32(2), '100001 group1 127.0.0.1:23000\n100002 group1 127.0.0.1:23001\n'),
    )
    expect((await raw.ask(69, bytes(i32(1), 0))).body).toEqual(
      bytes(i32(2), i32(1), '100002 group1 127.0.0.1:23001\n'),
    )
    expect(await raw.status(69, bytes(i32(3), 0))).toBe(22)
    expect(await raw.status(69, i32(0))).toBe(22)
  })
})

describe('stop and start', () => {
  it('ends all connections, keeps the port and what it knows', async () => {
    const raw = await storage()
    const { port } = tracker
    await tracker.stop()
    await expect(raw.closed()).resolves.toBeUndefined()
    await tracker.stop()
    await tracker.start()
    expect(tracker.port).toBe(port)
    const watcher = await client()
    expect((await watcher.ask(92, group1)).body.readUInt8(0)).toBe(5)
  })

  it('fails to start on a port that is taken, and can be started later', async () => {
    const rival = new Tracker({ port: tracker.port })
    await expect(rival.start()).rejects.toMatchObject({ code: 'FDFS_CONNECT' })
    await tracker.stop()
    await rival.start()
    await rival[Symbol.asyncDispose]()
  })
})

describe('what a storage is told', () => {
  const source = bytes(str('100001', 16), i64(0))

  it('is told once, and again after it was OFFLINE', async () => {
    const raw = await storage()
    // The leader was told with the first beat.
    expect((await raw.ask(83)).body).toEqual(Buffer.of(0))
    raw.close()
    const asking = await client()
    await watchStatus(asking, 5)
    const back = await client()
    await back.ask(81, joinBody())
    expect((await back.ask(83)).body[0]).toBe(5)
  })

  it('is not told again to one that waits for old files', async () => {
    await storage({ port: 23001 })
    const waiting = await client()
    await waiting.ask(81, joinBody({ id: '100002', port: 23002 }))
    expect((await waiting.ask(87)).body.length).toBe(24)
    expect((await waiting.ask(83)).body[0]).toBe(5)
    waiting.close()
    const back = await client()
    await back.ask(81, joinBody({ id: '100002', port: 23002 }))
    expect((await back.ask(83)).body[0]).toBe(1)
  })

  it('says nothing of a status by 59', async () => {
    const raw = await storage()
    await raw.ask(83)
    expect(await raw.status(59, Buffer.of(9))).toBe(0)
    const other = await storage({ port: 23001, id: '100002' })
    await raw.ask(83)
    expect(await raw.status(59, Buffer.of(2))).toBe(0)
    expect((await raw.ask(83)).body).toEqual(Buffer.of(0))
    other.close()
  })

  it('keeps a source of old files that is gone, though it answers 2', async () => {
    const gone = await client()
    await gone.ask(81, joinBody({ port: 23001 }))
    const asking = await client()
    expect(await asking.status(93, bytes(group1, '100001'))).toBe(0)
    const raw = await client()
    await raw.ask(81, joinBody({ id: '100002', port: 23002 }))
    expect(await raw.status(88, source)).toBe(2)
    const { body } = await asking.ask(92, bytes(group1, '100002'))
    expect(body.toString('latin1', 34, 40)).toBe('100001')
  })
})

describe('as V5.11', () => {
  /** Where there is an ID, it stands in the domain name. */
  const joinOld = ({ id = '', paths = 1, port = 23000 } = {}): Buffer =>
    bytes(
      str('group1', 17),
      ...[port, 8888, paths, 256, 10, 0x6b026f76, 0x6b026f77].map((value) => i64(value)),
      str('5.11', 6),
      str(id, 128),
      1,
      0,
      i64(1),
      str('127.0.0.1:22122', 22),
    )

  it('looks at one storage in turn, and tells HTTP ports', async () => {
    await tracker.stop()
    tracker = new Tracker({ dialect: PROFILES['V5.11'], useStorageId: false })
    await tracker.start()
    const raw = await client()
    expect((await raw.ask(81, joinOld())).status).toBe(0)
    await activate(raw)
    const list = (await raw.ask(92, group1)).body
    expect(list.length).toBe(612)
    expect(list.readBigInt64BE(255)).toBe(8888n)
    expect((await raw.ask(90, group1)).body.readBigInt64BE(57)).toBe(8888n)
    // Too short to say where it is from.
    const short = 'M00/00/00/oYYBAGsCbjeAasklACAAAPn'
    expect((await raw.ask(102, bytes(group1, short))).body).toEqual(bytes(group1, address(23000)))
  })

  it('puts the first store path with space in the place of one that is full', async () => {
    await tracker.stop()
    tracker = new Tracker({ dialect: PROFILES['V5.11'] })
    await tracker.start()
    const raw = await client()
    expect((await raw.ask(81, joinOld({ id: '1', paths: 3 }))).status).toBe(0)
    await activate(raw, 3)
    await raw.ask(84, bytes(...[500, 0, 500].map((free) => bytes(i64(1000), i64(free)))))
    expect(await pathsOf(raw, 6)).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('keeps the turn of storages to read from while there is none', async () => {
    await tracker.stop()
    tracker = new Tracker({ dialect: PROFILES['V5.11'] })
    await tracker.start()
    const watcher = await client()
    /** A file of 1970: all storages have it. */
    const download = (): Promise<RawResponse> =>
      watcher.ask(102, bytes(group1, `M00/00/00/${'A'.repeat(27)}123.txt`))
    const ports = [23001, 23002]
    const joined: RawClient[] = []
    const joinAll = async (): Promise<void> => {
      for (const port of ports) {
        const raw = await client()
        expect((await raw.ask(81, joinOld({ id: String(port), port }))).status).toBe(0)
        await activate(raw)
        joined.push(raw)
      }
    }
    await joinAll()
    expect((await download()).body).toEqual(bytes(group1, address(23001)))
    for (const raw of joined.splice(0)) raw.close()
    for (const port of ports) {
      while ((await watcher.ask(92, bytes(group1, String(port)))).body.readUInt8(0) !== 5);
    }
    expect((await download()).status).toBe(2)
    await joinAll()
    expect((await download()).body).toEqual(bytes(group1, address(23002)))
  })

  it('ends a connection with a request over 8 KiB', async () => {
    await tracker.stop()
    tracker = new Tracker({ dialect: PROFILES['V5.11'] })
    await tracker.start()
    const raw = await client()
    raw.send(packet(102, Buffer.alloc(8192)))
    await expect(raw.closed()).resolves.toBeUndefined()
  })
})
