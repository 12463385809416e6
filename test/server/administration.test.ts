/** The tracker's commands for operators, and what servers tell it of each other (protocol.md §2.5, §4.2, §4.6). */
import { Tracker } from '../../src/server/index.js'
import { parseTracker } from '../../src/server/tracker/trackers.js'
import { activate, bytes, i64, joinBody, packet, RawClient, silentServer, str } from './raw.js'

const trackers: Tracker[] = []
const clients: RawClient[] = []
let raw: RawClient

async function startTracker(): Promise<Tracker> {
  const tracker = new Tracker()
  await tracker.start()
  trackers.push(tracker)
  return tracker
}

async function connect(tracker: Tracker = trackers[0] as Tracker): Promise<RawClient> {
  const client = await RawClient.connect(tracker.port)
  clients.push(client)
  return client
}

type Join = Parameters<typeof joinBody>[0]

/** A connection on which a storage has joined, still INIT. */
async function joined(join: Join = {}, tracker?: Tracker): Promise<RawClient> {
  const client = await connect(tracker)
  expect((await client.ask(81, joinBody(join))).status).toBe(0)
  return client
}

/** One that is ACTIVE. */
async function active(join: Join = {}, tracker?: Tracker): Promise<RawClient> {
  const client = await joined(join, tracker)
  await activate(client, join?.paths)
  return client
}

/** IDs and statuses of a group, as 92 lists them. */
async function states(group = 'group1'): Promise<string[]> {
  const { body } = await raw.ask(92, G(group))
  return Array.from({ length: body.length / 487 }, (_, i) => {
    const record = body.subarray(i * 487, (i + 1) * 487)
    return `${text(record, 2, 16)} ${record[0]}`
  })
}

/** Waits until the tracker has seen that a connection is closed. */
async function leave(client: RawClient, state: string): Promise<void> {
  client.close()
  while (!(await states()).includes(state));
}

const text = (from: Buffer, at: number, size: number): string =>
  from.toString('latin1', at, at + size).split('\0')[0] as string
const G = (group: string): Buffer => str(group, 16)
const i32 = (value: number): Buffer => i64(value).subarray(4)
const group1 = G('group1')
const first = bytes(group1, '100001')
const brief = (status: number, id: string, ip = '127.0.0.1', port = 0): Buffer =>
  bytes(status, i32(port), str(id, 16), str(ip, 46))

beforeEach(async () => {
  await startTracker()
  raw = await connect()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await Promise.all(trackers.splice(0).map((tracker) => tracker.stop()))
})

it.each([
  ['an ID without a body', 93, group1, 22],
  ['an ID of 16 bytes', 93, bytes(group1, '1234567890123456'), 22],
  ['an ID of 15 bytes', 93, bytes(group1, '123456789012345'), 2],
  ['a storage of an unknown group', 93, bytes(G('nope'), '100001'), 2],
  ['a storage that is alive', 93, first, 16],
  ['a group that is unknown', 108, G('nope'), 2],
  ['a group with storages', 108, group1, 16],
  ['a short group', 108, Buffer.from('group1'), 22],
  ['a trunk server for any', 94, group1, 95],
  ['a trunk server by ID', 94, first, 95],
  ['a trunk server that is unknown', 94, bytes(group1, '10.9.9.9'), 95],
  ['a trunk server of an unknown group', 94, G('nope'), 2],
  ['a trunk server of a short group', 94, Buffer.from('group1'), 22],
  ['a trunk server with an ID of 16 bytes', 94, bytes(group1, '0123456789abcdef'), 22],
  ['a leader with a body', 95, Buffer.from('x'), 22],
  ['trackers without a filter', 96, Buffer.alloc(0), 22],
  ['trackers with a group', 96, group1, 22],
  ['storages with a short filter', 97, Buffer.alloc(3), 22],
  ['storages with a group behind the filter', 97, bytes(Buffer.alloc(4), group1), 22],
  ['space with a short filter', 98, Buffer.alloc(3), 22],
  ['space with a group behind the filter', 98, bytes(Buffer.alloc(4), group1), 22],
  ['a change of the address', 78, Buffer.alloc(108), 95],
  ['a report for an unknown group', 76, bytes(G('nope'), brief(5, '100001')), 2],
  ['a short report', 76, Buffer.alloc(82), 22],
  ['a status of its own', 59, Buffer.of(5), 13],
  ['a trunk file ID', 72, Buffer.alloc(0), 13],
  ['a report of a trunk file ID', 73, i32(1), 13],
  ['a report of trunk space', 74, i64(1), 13],
  ['an old source', 79, Buffer.alloc(0), 13],
  ['storages of a group', 85, brief(5, '100001'), 13],
  ['a changelog for nobody', 77, Buffer.alloc(0), 22],
  ['a changelog of an unknown group', 77, bytes(G('nope'), str('100001', 16)), 2],
  ['a changelog for an unknown storage', 77, bytes(group1, str('100009', 16)), 2],
])('answers to %s, %d, with a status', async (_, command, body, status) => {
  await active()
  expect(await raw.status(command, body)).toBe(status)
})

describe('deleting a storage', () => {
  it('leaves it in the lists, cleared, and out of all choices', async () => {
    const other = await active({ id: '100002' })
    const client = await active()
    await client.ask(84, bytes(i64(1000), i64(500)))
    await client.ask(83, Buffer.alloc(348, 1))
    await leave(client, '100001 5')
    expect(await raw.ask(93, first)).toEqual({ command: 100, status: 0, body: Buffer.alloc(0) })
    expect(await states()).toEqual(['100001 4', '100002 7'])
    const { body } = await raw.ask(92, first)
    expect(body.subarray(0, 66)).toEqual(
      bytes(4, 6, str('100001', 16), str('127.0.0.1', 16), str('', 16), str('6.16.1', 8), i64(0x6b026f76)),
    )
    const numbers = Array.from({ length: 9 }, (_, index) => Number(body.readBigInt64BE(66 + index * 8)))
    // Up time, space in three numbers, priority, store paths, directories, path to write to, port.
    expect(numbers).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 23000])
    expect(body.subarray(138)).toEqual(Buffer.alloc(349))
    expect(await raw.status(93, first)).toBe(114)
    expect(await raw.status(108, group1)).toBe(16)

    // The other one learns of it once.
    expect((await other.ask(83)).body).toEqual(
      bytes(4, brief(4, '100001', '127.0.0.1', 23000), brief(7, '100002', '127.0.0.1', 23000)),
    )
    for (let i = 0; i < 4; i++) {
      expect((await raw.ask(107, group1)).body.length).toBe(40)
      expect((await raw.ask(105, bytes(group1, '!'.repeat(40)))).body.length).toBe(39)
    }
    await leave(other, '100002 5')
    for (const [command, rest] of [
      [101, ''],
      [106, ''],
      [104, group1],
      [102, bytes(group1, '!'.repeat(40))],
      [103, bytes(group1, '!'.repeat(40))],
    ] as const) {
      expect(await raw.status(command, bytes(rest))).toBe(2)
    }
  })

  it('lets it come back as a new one', async () => {
    await leave(await active(), '100001 5')
    await raw.ask(93, first)
    const again = await connect()
    expect((await again.ask(81, joinBody({ initFlag: 0, status: 7 }))).body).toEqual(Buffer.alloc(17))
    // What happened to it before is no news to it.
    expect((await again.ask(77)).body).toEqual(Buffer.alloc(0))
    await again.ask(83)
    expect(await states()).toEqual(['100001 0'])
    await again.ask(88, Buffer.alloc(24))
    await again.ask(83)
    expect(await states()).toEqual(['100001 7'])
    await again.ask(84, bytes(i64(1000), i64(500)))
    expect((await raw.ask(101)).status).toBe(0)
  })

  it('ends as soon as it beats, on a connection that it has still', async () => {
    const client = await joined()
    await raw.ask(93, first)
    expect(await states()).toEqual(['100001 4'])
    expect((await client.ask(77)).body.toString()).toMatch(/^\d{10} group1 100001 4 \n$/)
    await client.ask(83)
    expect(await states()).toEqual(['100001 7'])
    expect(await raw.status(93, first)).toBe(16)
  })

  it('drops the space of the store paths that it joined with, not of all that it reported', async () => {
    const other = await active({ id: '100002', paths: 2 })
    const client = await joined({ paths: 2 })
    // It is refused, but has named one path from here on.
    expect(await client.status(81, joinBody({ paths: 1 }))).toBe(22)
    await activate(client, 2)
    await leave(client, '100001 5')
    await raw.ask(93, first)
    await leave(other, '100002 5')
    const again = await joined({ paths: 2 })
    await again.ask(88, Buffer.alloc(24))
    await again.ask(83)
    expect((await raw.ask(101)).body).toEqual(bytes(group1, str('127.0.0.1', 15), i64(23000), 1))
  })

  it('ends its being a source of old files', async () => {
    await leave(await active(), '100001 5')
    const other = await joined({ id: '100002' })
    expect((await other.ask(79)).body).toEqual(Buffer.alloc(0))
    await other.ask(88, bytes(str('100001', 16), i64(77)))
    expect((await other.ask(79)).body).toEqual(bytes(str('100001', 16), i64(77)))
    await raw.ask(93, first)
    expect((await other.ask(79)).body).toEqual(Buffer.alloc(0))
    expect(await (await joined({ id: '100003' })).status(88, bytes(str('100001', 16), i64(77)))).toBe(2)
  })

  it('leaves the number of store paths to the others', async () => {
    await leave(await active(), '100001 5')
    const other = await active({ id: '100002' })
    await raw.ask(93, first)
    expect((await other.ask(81, joinBody({ id: '100002', paths: 2, initFlag: 0, status: 7 }))).status).toBe(0)
    expect((await raw.ask(90, group1)).body.readBigInt64BE(89)).toBe(2n)
  })

  it('refuses one that has another address now', async () => {
    const client = await active()
    await client.ask(59, Buffer.of(3))
    expect(await raw.status(93, first)).toBe(2)
    await client.ask(83)
    expect(await states()).toEqual(['100001 3'])
  })
})

describe('the changelog', () => {
  it('tells each storage once what became of others', async () => {
    const other = await active({ id: '100002' })
    await leave(await active(), '100001 5')
    await raw.ask(93, first)
    await leave(await joined({ id: '100003' }), '100003 0')
    await raw.ask(93, bytes(group1, '100003'))
    const lines = /^\d{10} group1 100001 4 \n\d{10} group1 100003 4 \n$/
    expect((await other.ask(77)).body.toString()).toMatch(lines)
    expect((await other.ask(77)).body).toEqual(Buffer.alloc(0))
    expect(await other.status(77, bytes(group1, str('100002', 16)))).toBe(22)
    expect((await raw.ask(77, bytes(group1, str('100002', 16)))).body).toEqual(Buffer.alloc(0))
    // Nothing to one that begins now, all to one that has its files elsewhere.
    expect((await (await joined({ id: '100004' })).ask(77)).body).toEqual(Buffer.alloc(0))
    const moved = await joined({ id: '100005', initFlag: 0, status: 5 })
    expect((await moved.ask(77)).body.toString()).toMatch(lines)
  })

  it('is told in parts of 8 KiB and whole lines', async () => {
    const reader = await active({ id: '100002' })
    for (let i = 0; i < 300; i++) {
      const client = await joined()
      expect(await raw.status(93, first)).toBe(0)
      client.close()
    }
    const parts = [await reader.ask(77), await reader.ask(77)].map(({ body }) => body.toString())
    expect(parts.map((part) => part.length)).toEqual([292 * 28, 8 * 28])
    expect(parts.join('').split('\n')).toHaveLength(301)
    expect((await reader.ask(77)).body).toEqual(Buffer.alloc(0))
  })
})

describe('a group without storages', () => {
  it('is made by a JOIN that says what cannot be, and can be deleted', async () => {
    const client = await connect()
    for (const status of [-1, 3, 4, 99]) {
      expect(await client.status(81, joinBody({ group: 'group7', initFlag: 0, status }))).toBe(14)
    }
    const record = bytes(str('group7', 17), ...[0, 0, 0, 0, 0, 23000, 0, 0, 0, 0, 0, -1].map(i64))
    expect((await raw.ask(90, G('group7'))).body).toEqual(record)
    expect(await raw.ask(92, G('group7'))).toMatchObject({ status: 0, body: Buffer.alloc(0) })
    expect((await raw.ask(98, Buffer.alloc(4))).body).toEqual(
      bytes(0, i32(1), str('group7', 17), Buffer.alloc(42)),
    )
    expect((await raw.ask(108, G('group7'))).status).toBe(0)
    expect(await raw.status(108, G('group7'))).toBe(2)
    expect((await raw.ask(91)).body).toEqual(Buffer.alloc(0))
  })

  it('takes the settings of the first that joins', async () => {
    const client = await connect()
    await client.ask(81, joinBody({ initFlag: 0, status: -1 }))
    await raw.ask(76, bytes(group1, brief(5, '100009')))
    await active({ paths: 2, subdirs: 16 })
    const { body } = await raw.ask(90, group1)
    expect([89, 97].map((offset) => Number(body.readBigInt64BE(offset)))).toEqual([2, 16])
    expect(await client.status(81, joinBody({ id: '100002', subdirs: 8, paths: 2 }))).toBe(22)
  })
})

describe('who leads', () => {
  it('is nobody before a storage has joined', async () => {
    expect(await raw.status(95)).toBe(2)
    expect(await raw.status(96, Buffer.alloc(3))).toBe(95)
    expect(await raw.status(64)).toBe(2)
    expect((await raw.ask(97, Buffer.alloc(4))).body).toEqual(bytes(1, 0, i32(0)))
    expect((await raw.ask(98, Buffer.alloc(4))).body).toEqual(bytes(0, i32(0)))
  })

  it('is the tracker itself where the list does not name it', async () => {
    await active()
    const { port } = trackers[0] as Tracker
    expect((await raw.ask(95)).body.toString()).toBe(`127.0.0.1:${port}`)
    expect((await raw.ask(64)).body[0]).toBe(1)
    expect((await raw.ask(96, bytes(2, 0, 1))).body.subarray(1, 53)).toEqual(str(`127.0.0.1:${port}`, 52))
    expect((await raw.ask(96, bytes(2, 0, 0))).body.subarray(1, 53)).toEqual(str('127.0.0.1:22122', 52))
  })

  it('is told by the address of the kind that the asker has', async () => {
    const { port } = trackers[0] as Tracker
    await joined({ trackers: [`[2001:db8::1,127.0.0.1]:${port}`] })
    expect((await raw.ask(95)).body.toString()).toBe(`127.0.0.1:${port}`)
  })

  it('has records of 90 bytes for all trackers', async () => {
    const { port } = trackers[0] as Tracker
    const own = `127.0.0.1:${port}`
    await active({ trackers: ['127.0.0.2:22122', own] })
    while ((await raw.ask(95)).status !== 0);
    const { body } = await raw.ask(96, bytes(0, 0, 0))
    expect(body.length).toBe(1 + 2 * 90)
    const upTime = Number(body.readBigInt64BE(1 + 74))
    expect(Math.abs(upTime - Date.now() / 1000)).toBeLessThan(10)
    const self = bytes(str(own, 52), 1, 1, i32(2), i32(2), i32(2), str('6.16.1', 8), i64(upTime), i64(0))
    const other = bytes(str('127.0.0.2:22122', 52), Buffer.alloc(38))
    expect(body).toEqual(bytes(2, self, other))
    for (const [filter, expected] of [
      [[1, 1, 0], bytes(1, self)],
      [[1, 0, 0], bytes(1, other)],
      [[2, 0, 1], bytes(1, self)],
      [[2, 0, 0], bytes(1, other)],
      [[3, 1, 1], bytes(1, self)],
      [[3, 0, 1], bytes(0)],
      [[4, 0, 0], bytes(2, self, other)],
    ] as const) {
      expect((await raw.ask(96, bytes(...filter))).body).toEqual(expected)
    }
  })

  it.each([
    ['10.0.0.1:80', { ips: ['10.0.0.1'], port: 80 }],
    ['10.0.0.1,10.0.0.2:80', { ips: ['10.0.0.1', '10.0.0.2'], port: 80 }],
    ['[2001:db8::1]:80', { ips: ['2001:db8::1'], port: 80 }],
    ['10.0.0.1', { ips: ['10.0.0.1'], port: 22122 }],
    ['', undefined],
    [':80', undefined],
    ['10.0.0.1,:80', undefined],
    [`${'x'.repeat(46)}:80`, undefined],
  ])('is read from a list with %j', (line, tracker) => {
    expect(parseTracker(line)).toEqual(tracker)
  })
})

describe('statistics', () => {
  it('tell of storages, 106 bytes each, by group and ID', async () => {
    const second = await active({ group: 'group2', id: '100003', port: 23003 })
    const client = await active()
    await client.ask(83, bytes(i32(64), i32(1), i32(2), Buffer.alloc(336)))
    await leave(await active({ id: '100002' }), '100002 5')
    await raw.ask(93, bytes(group1, '100002'))
    const { body } = await raw.ask(97, bytes(0, 0, 0, 0))
    expect(body.length).toBe(6 + 3 * 106)
    const beat = Number(body.readBigInt64BE(6 + 98))
    expect(Math.abs(beat - Date.now() / 1000)).toBeLessThan(10)
    const record = (id: string, port: number, status: number, counts: number[], times: number[]): Buffer =>
      bytes(
        str(id, 16),
        str(`127.0.0.1:${port}`, 52),
        0,
        status,
        ...counts.map(i32),
        str('6.16.1', 8),
        ...times.map(i64),
      )
    const one = record('100001', 23000, 7, [64, 1, 2], [0x6b026f77, beat])
    const two = record('100002', 23000, 4, [0, 0, 0], [0, 0])
    const three = record('100003', 23003, 7, [0, 0, 0], [0x6b026f77, beat])
    await second.ask(83)
    const all = bytes(1, 0, i32(3), one, two, three)
    const withoutBeats = (reply: Buffer): Buffer => {
      const copy = Buffer.from(reply)
      for (let offset = 6 + 98; offset < copy.length; offset += 106) copy.fill(0, offset, offset + 8)
      return copy
    }
    for (const [filter, expected] of [
      [[0, 0, 0, 0], all],
      [[1, 0, 0, 1], all],
      [[2, '=', 4, 0], bytes(1, 0, i32(1), two)],
      [[2, '!', 4, 0], bytes(1, 0, i32(2), one, three)],
      [[3, '=', 7, 1], bytes(1, 0, i32(2), one, three)],
      [[2, '!', 5, 0], all],
      [[2, '=', 5, 0], bytes(1, 0, i32(0))],
      [[2, 'x', 7, 0], bytes(1, 0, i32(0))],
      [[2, 0, 7, 0], bytes(1, 0, i32(0))],
    ] as const) {
      expect(withoutBeats((await raw.ask(97, bytes(...filter))).body)).toEqual(withoutBeats(expected))
    }
  })

  it('tell of space, 59 bytes a group', async () => {
    const client = await active()
    await client.ask(84, bytes(i64(1000), i64(500)))
    await joined({ group: 'group2', id: '100002' })
    const one = bytes(str('group1', 17), ...[1000, 500, 0, 500, 0].map(i64), 1, 0)
    const two = bytes(str('group2', 17), Buffer.alloc(42))
    const both = bytes(0, i32(2), one, two)
    for (const [filter, expected] of [
      [[0, 0, 0, 0], both],
      [[1, 1, 0, 0], bytes(0, i32(1), one)],
      [[1, 0, 0, 0], bytes(0, i32(1), two)],
      [[1, 2, 0, 0], bytes(0, i32(0))],
      [[2, 0, 0, 0], both],
      [[2, 0, 1, 0], both],
      [[4, 0, 0, 1], bytes(0, i32(1), one)],
      [[4, 0, 0, 0], bytes(0, i32(1), two)],
      [[7, 1, 1, 1], bytes(0, i32(1), one)],
      [[5, 1, 0, 0], bytes(0, i32(0))],
    ] as const) {
      expect((await raw.ask(98, bytes(...filter))).body).toEqual(expected)
    }
  })
})

describe('one storage', () => {
  it.each([
    ['127.0.0.1:23000', 0, 2],
    ['127.0.0.1:23000x', 0, 2],
    ['127.0.0.1::23000', 0, 2],
    [':127.0.0.1:23000', 0, 2],
    ['127.0.0.1:23000:1', 0, 2],
    ['[127.0.0.1]:23000', 0, 2],
    ['[127.0.0.1]23000', 0, 2],
    ['127.0.0.1:', 22, 2],
    ['127.0.0.1', 22, 2],
    ['[127.0.0.1]', 22, 2],
    ['garbage', 22, 2],
    ['::1', 22, 2],
    ['', 22, 22],
    [`${'1'.repeat(50)}:1`, 2, 2],
    [`${'1'.repeat(51)}:1`, 22, 22],
    ['127.0.0.1:23001', 2, 2],
    ['10.9.9.9:23000', 2, 2],
    ['127.0.0.1:-1', 2, 2],
    ['x:y', 2, 2],
    ['2001:db8::1', 2, 2],
    ['[2001:db8::1]:23000', 2, 2],
    ['[[::1]]:1', 2, 2],
  ])('is told by its address: %j', async (address, status, inUnknownGroup) => {
    await active()
    const [told, id] = [await raw.ask(71, bytes(group1, address)), await raw.ask(70, bytes(group1, address))]
    expect([told.status, id.status]).toEqual([status, status])
    expect(told.body).toEqual(status === 0 ? brief(7, '100001', '127.0.0.1', 23000) : Buffer.alloc(0))
    expect(id.body.toString()).toBe(status === 0 ? '100001' : '')
    expect(await raw.status(71, bytes(G('nope'), address))).toBe(inUnknownGroup)
    expect(await raw.status(70, bytes(G('nope'), address))).toBe(status || 2)
  })

  it.each([
    [i32(23000), 0],
    [bytes('127.0.0.1', i32(23000)), 0],
    [bytes('10.9.9.9', i32(23000)), 2],
    [bytes('127.0.0.1', i32(1)), 2],
    [bytes('1'.repeat(45), i32(23000)), 2],
    [bytes('1'.repeat(46), i32(23000)), 36],
    [Buffer.alloc(3), 22],
    [Buffer.alloc(0), 22],
  ])('has a group, told by the address %j', async (body, status) => {
    await active({ group: 'group2' })
    expect(await raw.ask(109, body)).toEqual({
      command: 100,
      status,
      body: status === 0 ? G('group2') : Buffer.alloc(0),
    })
  })
})

describe('the list of IDs', () => {
  it('is empty at first, and has no part behind its end', async () => {
    expect((await raw.ask(69, bytes(i32(0), 0))).body).toEqual(bytes(i32(0), i32(0)))
    await active()
    await raw.ask(76, bytes(group1, brief(5, '100002', '10.0.0.2')))
    await raw.ask(76, bytes(group1, brief(5, '100003', '::1', 23000)))
    const lines = '100001 group1 127.0.0.1:23000\n100002 group1 10.0.0.2\n100003 group1 [::1]:23000\n'
    expect((await raw.ask(69, bytes(i32(0), 1))).body).toEqual(bytes(i32(3), i32(3), lines))
    expect(await raw.status(69, bytes(i32(3), 0))).toBe(22)
    expect(await raw.status(69, bytes(i32(-1), 0))).toBe(22)
    expect(await raw.status(69, bytes(i32(0), 0, 0))).toBe(22)
  })

  it('comes in parts, cut where a real tracker with a buffer of 8 KiB cuts', async () => {
    const storage = await connect()
    for (let i = 0; i < 300; i++) {
      const join = joinBody({ group: `group${10 + Math.floor(i / 30)}`, id: String(100_000 + i) })
      expect((await storage.ask(81, join)).status).toBe(0)
    }
    const line = '100000 group10 127.0.0.1:23000\n'.length
    const { body } = await raw.ask(69, bytes(i32(0), 0))
    // The last line begins at 8046 at most.
    const count = Math.floor(8046 / line) + 1
    expect(body.subarray(0, 8)).toEqual(bytes(i32(300), i32(count)))
    expect(body.length).toBe(8 + count * line)
    const rest = (await raw.ask(69, bytes(i32(count), 0))).body
    expect(rest.subarray(0, 8)).toEqual(bytes(i32(300), i32(300 - count)))
    expect(rest.toString('latin1', 8, 14)).toBe(String(100_000 + count))
  })
})

describe('a status', () => {
  it.each([
    [7, 5, 7],
    [7, 6, 7],
    [7, 7, 7],
    [7, 2, 2],
    [7, 1, 1],
    [7, 0, 0],
    [7, 9, 9],
    [7, 3, 3],
    [7, 4, 4],
    [2, 7, 5],
    [2, 6, 5],
    [2, 5, 5],
    [9, 7, 5],
  ])('of %d that is to be %d by its own storage becomes %d', async (from, said, to) => {
    const client = await active()
    expect(await client.status(59, Buffer.of(from))).toBe(0)
    expect(await client.status(59, Buffer.of(said))).toBe(0)
    expect(await states()).toEqual([`100001 ${to}`])
    // Clients are sent to it until its connection ends, as by real trackers.
    expect((await raw.ask(101)).status).toBe(0)
    expect(await client.status(59)).toBe(22)
    expect(await client.status(59, Buffer.alloc(2))).toBe(22)
  })

  it.each([
    ['INIT', 0, 5, 0],
    ['INIT', 0, 4, 0],
    ['WAIT_SYNC', 1, 2, 2],
    ['WAIT_SYNC', 1, 0, 1],
    ['WAIT_SYNC', 1, 99, 1],
    ['SYNCING', 2, 5, 5],
    ['SYNCING', 2, 1, 2],
    ['SYNCING', 2, 4, 4],
    ['SYNCING', 2, 3, 3],
    ['OFFLINE', 5, 2, 5],
    ['OFFLINE', 5, 3, 3],
    ['OFFLINE', 5, 7, 7],
    ['DELETED', 4, 3, 3],
    ['DELETED', 4, 5, 5],
    ['ACTIVE', 7, 4, 7],
    ['ACTIVE', 7, 9, 7],
    ['RECOVERY', 9, 5, 9],
    ['RECOVERY', 9, 4, 9],
  ])('%s (%d) that another server says is %d becomes %d', async (_, from, said, to) => {
    const client = await active()
    if (from === 5) await leave(client, '100001 5')
    else await client.ask(59, Buffer.of(from))
    expect(await raw.status(76, bytes(group1, brief(said, '100001', '127.0.0.1', 9)))).toBe(0)
    expect(await states()).toEqual([`100001 ${to}`])
    // Its port is left alone.
    expect((await raw.ask(92, first)).body.readBigInt64BE(130)).toBe(23000n)
  })

  it('of ACTIVE by the word of another one makes no storage that is away an answer', async () => {
    await leave(await active(), '100001 5')
    await raw.ask(76, bytes(group1, brief(7, '100001')))
    expect(await states()).toEqual(['100001 7'])
    expect(await raw.status(101)).toBe(2)
    const again = await joined({ initFlag: 0, status: 7 })
    await again.ask(83)
    expect((await raw.ask(101)).status).toBe(0)
    await leave(again, '100001 5')
    expect(await raw.status(101)).toBe(2)
  })

  it.each([0, 1, 5, 9])('%d of an unknown storage makes it known', async (status) => {
    await active()
    expect(await raw.status(76, bytes(group1, brief(status, '100002', '10.0.0.2', 7)))).toBe(0)
    expect(await states()).toEqual(['100001 7', `100002 ${status}`])
    const client = await connect()
    // Where it joins it is as any other.
    expect((await client.ask(81, joinBody({ id: '100002', port: 23001 }))).status).toBe(0)
    expect((await raw.ask(92, bytes(group1, '100002'))).body.readBigInt64BE(130)).toBe(23001n)
  })

  it.each([
    ['of DELETED', brief(4, '100002'), 0],
    ['of IP_CHANGED', brief(3, '100002'), 0],
    ['of ACTIVE', brief(7, '100002'), 0],
    ['of ONLINE', brief(6, '100002'), 0],
    ['of NONE', brief(99, '100002'), 0],
    ['without an address', brief(5, '100002', ''), 22],
    ['with no ID', brief(5, 'abc'), 2],
  ])('%s of an unknown storage does not', async (_, record, status) => {
    await active()
    expect(await raw.status(76, bytes(group1, record))).toBe(status)
    expect(await states()).toEqual(['100001 7'])
  })

  it('is not taken in for more storages than a group has room for', async () => {
    await active({ id: '1' })
    for (let id = 2; id <= 32; id++) await raw.ask(76, bytes(group1, brief(5, String(id))))
    expect(await raw.status(76, bytes(group1, brief(5, '33')))).toBe(28)
  })

  it('is told by 85 to trackers that do not lead', async () => {
    const { port } = trackers[0] as Tracker
    const rival = await silentServer()
    const list = [`127.0.0.1:${port}`, rival.address]
    const leads = await active({ trackers: list.slice(0, 1) })
    await joined({ id: '100002', trackers: list })
    const said = bytes(brief(1, '100002'), brief(5, '100003'))
    expect(await leads.status(85)).toBe(22)
    expect(await leads.status(85, said.subarray(1))).toBe(22)
    expect(await leads.status(85, said)).toBe(0)
    expect(await states()).toEqual(['100001 7', '100002 0'])
    // The other tracker of the list is to lead.
    expect(await raw.status(66, Buffer.from(rival.address))).toBe(22)
    expect(await raw.status(66, Buffer.from(rival.address))).toBe(0)
    expect(await raw.status(67, Buffer.from(rival.address))).toBe(0)

    expect(await leads.status(85, said)).toBe(0)
    expect(await states()).toEqual(['100001 7', '100002 0', '100003 5'])
    expect(await leads.status(85, brief(5, 'abc'))).toBe(2)
    rival.stop()
  })
})

it('answers to a storage that there are no trunk files', async () => {
  const client = await active()
  expect((await client.ask(72)).body).toEqual(i32(0))
  expect(await client.status(73, i32(1))).toBe(22)
  expect(await client.status(74, i64(1))).toBe(22)
})

it('answers commands sent at once in order', async () => {
  await active()
  raw.send(Buffer.concat([packet(95), packet(93, first), packet(97, Buffer.alloc(4)), packet(108, group1)]))
  expect((await raw.response()).status).toBe(0)
  expect((await raw.response()).status).toBe(16)
  expect((await raw.response()).body.length).toBe(112)
  expect((await raw.response()).status).toBe(16)
})
