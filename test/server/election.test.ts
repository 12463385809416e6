/** Who leads several trackers (protocol.md §4.7). */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { Tracker } from '../../src/server/index.js'
import { activate, bytes, i64, joinBody, RawClient, silentServer, str } from './raw.js'

const trackers: Tracker[] = []
const clients: RawClient[] = []
const servers: Server[] = []

async function startTrackers(count: number): Promise<string[]> {
  for (let i = 0; i < count; i++) {
    const tracker = new Tracker()
    await tracker.start()
    trackers.push(tracker)
  }
  return trackers.map(nameOf)
}

const nameOf = ({ port }: Tracker): string => `127.0.0.1:${port}`

async function connect(tracker: Tracker): Promise<RawClient> {
  const client = await RawClient.connect(tracker.port)
  clients.push(client)
  return client
}

async function joined(tracker: Tracker, list: string[]): Promise<RawClient> {
  const client = await connect(tracker)
  expect((await client.ask(81, joinBody({ trackers: list }))).status).toBe(0)
  return client
}

/** The leader, once all that are given name the same. */
async function leaderOf(...asked: Tracker[]): Promise<Tracker> {
  const askers = await Promise.all(asked.map(connect))
  for (;;) {
    const names = await Promise.all(askers.map(async (client) => (await client.ask(95)).body.toString()))
    const leader = trackers.find((tracker) => nameOf(tracker) === names[0])
    if (leader !== undefined && names.every((name) => name === names[0])) return leader
  }
}

const i32 = (value: number): Buffer => i64(value).subarray(4)

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await Promise.all(trackers.splice(0).map((tracker) => tracker.stop()))
  for (const server of servers.splice(0)) server.close()
})

it('is agreed by all trackers that storages name; it alone tells storages of changes', async () => {
  const list = await startTrackers(3)
  const storages = await Promise.all(trackers.map((tracker) => joined(tracker, list)))
  const leader = await leaderOf(...trackers)
  for (const [index, tracker] of trackers.entries()) {
    const storage = storages[index] as RawClient
    const client = await connect(tracker)
    const leads = tracker === leader
    expect((await client.ask(64)).body[0]).toBe(leads ? 1 : 0)
    expect((await client.ask(96, Buffer.alloc(3))).status).toBe(leads ? 0 : 95)
    await storage.ask(88, Buffer.alloc(24))
    const told = bytes(0, i32(tracker.port), str('127.0.0.1', 16), str('127.0.0.1', 46))
    const member = bytes(7, i32(23000), str('100001', 16), str('127.0.0.1', 46))
    expect((await storage.ask(83)).body).toEqual(leads ? bytes(5, told, member) : bytes(0))
    expect((await storage.ask(83)).body).toEqual(bytes(0))
  }
})

it('knows the others by what they tell it', async () => {
  const list = await startTrackers(2)
  await Promise.all(trackers.map((tracker) => joined(tracker, list)))
  const leader = await leaderOf(...trackers)
  const client = await connect(leader)
  let body: Buffer
  do body = (await client.ask(96, bytes(1, 1, 0))).body
  while (body[0] !== 2)
  const follower = trackers.findIndex((tracker) => tracker !== leader)
  const other = [body.subarray(1, 91), body.subarray(91, 181)].find((each) => each[52] === 0) as Buffer
  expect(other.subarray(0, 54)).toEqual(bytes(str(list[follower] as string, 52), 0, 1))
  expect(other.readInt32BE(58)).toBeGreaterThan(0)
  expect(other.subarray(66, 74)).toEqual(str('6.16.1', 8))
  for (const offset of [74, 82]) {
    expect(Math.abs(Number(other.readBigInt64BE(offset)) - Date.now() / 1000)).toBeLessThan(10)
  }
})

it('is replaced when it goes, and follows when it is back', async () => {
  const list = await startTrackers(2)
  await Promise.all(trackers.map((tracker) => joined(tracker, list)))
  const former = await leaderOf(...trackers)
  const other = trackers.find((tracker) => tracker !== former) as Tracker
  await former.stop()
  while ((await leaderOf(other)) !== other);
  await former.start()
  const back = await joined(former, list)
  expect(nameOf(await leaderOf(former))).toBe(nameOf(other))
  expect((await back.ask(83)).body).toEqual(bytes(0))
})

it('is this one where none of the others can be reached', async () => {
  const [own] = await startTrackers(1)
  const tracker = trackers[0] as Tracker
  await joined(tracker, ['localhost:1', `localhost:${tracker.port}`])
  const client = await connect(tracker)
  while ((await client.ask(95)).status !== 0);
  expect((await client.ask(95)).body.toString()).toBe((own as string).replace('127.0.0.1', 'localhost'))
})

it('is given up at once where it says that it does not lead', async () => {
  await startTrackers(1)
  const commands: number[] = []
  let enough!: () => void
  const asked = new Promise<void>((resolve) => (enough = resolve))
  const former = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', ([, , , , , , , , command = 0]) => {
      if (command === 82) return void socket.end()
      commands.push(command)
      if (commands.length === 3) enough()
      // Leads when it is asked first, and then no more: a storage has asked it to elect anew.
      const standing = bytes(commands.length === 1 ? 1 : 0, i64(300), i64(0))
      socket.write(command === 64 ? bytes(i64(17), 100, 0, standing) : bytes(i64(0), 100, 95))
    })
  })
  servers.push(former)
  former.listen(0, '127.0.0.1')
  await once(former, 'listening')
  const { port } = former.address() as AddressInfo
  const tracker = trackers[0] as Tracker
  await joined(tracker, [nameOf(tracker), `127.0.0.1:${port}`])
  await asked
  expect(commands.slice(0, 3)).toEqual([64, 58, 64])
})

describe('a lone tracker', () => {
  let client: RawClient
  let own: string
  const other = '127.0.0.1:1'

  beforeEach(async () => {
    ;[own = ''] = await startTrackers(1)
    const tracker = trackers[0] as Tracker
    client = await connect(tracker)
    await activate(await joined(tracker, [own]))
  })

  it('leads at once', async () => {
    expect((await client.ask(95)).body.toString()).toBe(own)
    expect((await client.ask(64)).body).toEqual(bytes(1, i64(0), i64(0)))
  })

  it.each([
    ['66 that names no address', 66, 'nobody', 22],
    ['66 of 53 bytes', 66, `${'1'.repeat(51)}:1`, 22],
    ['66 that names an unknown tracker', 66, other, 2],
    ['67 that names an unknown tracker', 67, other, 2],
    ['58 of another length', 58, '', 22],
    [
      '58 of a tracker that no storage names',
      58,
      bytes(i64(1), str('6.16.1', 8), i64(1)).toString('latin1'),
      2,
    ],
    ['65 before 58', 65, '\0'.repeat(12), 22],
    ['65 of another length', 65, '\0'.repeat(11), 22],
    ['68 with a body', 68, 'x', 22],
    ['61', 61, '', 2],
    ['61 with a body', 61, 'x', 22],
    ['62', 62, '', 0],
    ['63 of an index that is none', 63, `\x04${'\0'.repeat(8)}`, 22],
    ['63 behind the end', 63, `\x03${'\0'.repeat(7)}\x01`, 22],
    ['63 before the start', 63, `\0${'\xff'.repeat(8)}`, 22],
    ['63 of another length', 63, '\0', 22],
  ])('answers %s with a status', async (_, command, body, status) => {
    expect(await client.status(command, Buffer.from(body, 'latin1'))).toBe(status)
  })

  it('gives out its files', async () => {
    const changelog = await client.ask(63, bytes(3, i64(0)))
    expect(changelog.body).toEqual(i64(0))
    const groups = (await client.ask(63, bytes(0, i64(0)))).body
    expect(Number(groups.readBigInt64BE(0))).toBe(groups.length - 8)
    expect(groups.toString('latin1', 8)).toMatch(
      /^\[Global\]\n\tgroup_count=1\n\n# group: group1\n\[Group001\]\n/,
    )
    const rest = (await client.ask(63, bytes(0, i64(9)))).body
    expect(rest.subarray(8)).toEqual(groups.subarray(17))
  })

  it('takes 67 only after 66, and leads again after 68', async () => {
    expect(await client.status(67, Buffer.from(own))).toBe(22)
    expect(await client.status(66, Buffer.from(own))).toBe(0)
    expect(await client.status(67, Buffer.from(own))).toBe(0)
    expect(await client.status(67, Buffer.from(own))).toBe(22)
    expect(await client.status(68)).toBe(0)
    while ((await client.ask(95)).status !== 0);
    expect((await client.ask(64)).body[0]).toBe(1)
  })

  it('gives up leading where another one is to', async () => {
    const rival = await silentServer()
    const other = rival.address
    await joined(trackers[0] as Tracker, [own, other])
    client.send(Buffer.concat([66, 66, 67].map((command) => bytes(i64(other.length), command, 0, other))))
    expect((await client.response()).status).toBe(22)
    expect((await client.response()).status).toBe(0)
    expect((await client.response()).status).toBe(0)
    for (const command of [65, 68]) {
      expect(await client.status(command, Buffer.alloc(command === 65 ? 12 : 0))).toBe(95)
    }
    expect(await client.status(58, Buffer.alloc(24))).toBe(95)
    rival.stop()
  })
})
