/**
 * One random sequence of requests, good and bad, is sent to the embedded tracker and to a real one; their answers must
 * be the same. The storages are played here, so the real tracker must have none of its own, and is left with those:
 *
 *     FASTDFS_TEST_DESTRUCTIVE=1 FASTDFS_TRACKERS=10.77.0.1:22122 FASTDFS_SOURCES=10.77.0.101,10.77.0.102 \
 *       npm run test:differential -- tracker
 *
 * FASTDFS_SOURCES: addresses of this machine, one for each storage of a group. FASTDFS_SEED and FASTDFS_STEPS choose
 * the sequence.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { decodeResponse, findCommand } from '../../src/protocol/index.js'
import { Tracker, type TrackerOptions } from '../../src/server/index.js'
import { bytes, i64, joinBody, RawClient, str } from '../server/raw.js'
import { randomOf } from './random.js'
import { type Endpoint, realTracker, seed, steps } from './settings.js'

export const needs: readonly string[] = ['FASTDFS_SOURCES']

const sources = process.env['FASTDFS_SOURCES']?.split(',') ?? []

/** What differs without being a difference: times, and who the tracker is. */
const VOLATILE: readonly string[] = ['lastHeartBeat', 'until', 'runningTime', 'restartInterval', 'leader']

function normalized(command: number, status: number, body: Buffer): unknown {
  const definition = findCommand('tracker', command)
  if (status !== 0 || definition === undefined) return { status, length: body.length }
  const decoded = decodeResponse(definition, bytes(i64(body.length), 100, 0, body))
  const text = JSON.stringify(decoded, (key, value: unknown) => (VOLATILE.includes(key) ? '*' : value))
  // A line of the changelog begins with the time.
  return { status, body: JSON.parse(command === 77 ? text.replace(/\b\d{10}\b/g, '*') : text) as object }
}

/** All that were opened, to be closed in the end. */
const pairs: Pair[] = []

/** A connection to each of the two, that sends the same to both. */
class Pair {
  readonly #clients: readonly [RawClient, RawClient]

  private constructor(clients: readonly [RawClient, RawClient]) {
    this.#clients = clients
  }

  static async open(endpoints: readonly Endpoint[], source: string): Promise<Pair> {
    const [embedded, real] = await Promise.all(
      endpoints.map(async ({ host, port }) => {
        const socket: Socket = connect({ host, port, noDelay: true, localAddress: source })
        await once(socket, 'connect')
        return RawClient.over(socket)
      }),
    )
    const pair = new Pair([embedded as RawClient, real as RawClient])
    pairs.push(pair)
    return pair
  }

  /** Both answers: the embedded one's first. */
  async ask(command: number, body: readonly [Buffer, Buffer] | Buffer): Promise<[unknown, unknown]> {
    const [first, second] = Buffer.isBuffer(body) ? [body, body] : body
    const [embedded, real] = this.#clients
    const answers = await Promise.all([embedded.ask(command, first), real.ask(command, second)])
    const [a, b] = answers.map((answer) => normalized(command, answer.status, answer.body))
    return [a, b]
  }

  /** The status that both give. */
  async statuses(command: number, body: Buffer): Promise<[number, number]> {
    const [embedded, real] = this.#clients
    const [a, b] = await Promise.all([embedded.ask(command, body), real.ask(command, body)])
    return [a.status, b.status]
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }
}

/** A storage that is played here. */
interface Played {
  readonly group: string
  readonly source: string
  readonly id: string
  readonly port: number
  pair: Pair | undefined
  joined: boolean
}

const GROUPS = ['group1', 'group2', 'alpha']
const PATHS = 2
const i32 = (value: number): Buffer => i64(value).subarray(4)
const G = (group: string): Buffer => str(group, 16)

/** The first difference between what the two answer, and what led to it. */
export async function compare(): Promise<readonly string[]> {
  const real = realTracker()
  await using tracker = new Tracker({ host: '0.0.0.0', ...(await optionsOf(real)) })
  await tracker.start()
  try {
    await play([{ host: sources[0] as string, port: tracker.port }, real])
  } catch (error) {
    if (error instanceof Error) return [error.message]
    throw error
  } finally {
    for (const pair of pairs) pair.close()
  }
  return []
}

/** The settings of a real tracker. */
async function optionsOf({ host, port }: Endpoint): Promise<TrackerOptions> {
  const client = await RawClient.connect(port, host)
  const text = (await client.ask(75)).body.toString()
  assert.equal((await client.ask(91)).body.length, 0, 'the real tracker has groups already')
  client.close()
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? ''
  assert.equal(value('use_storage_id'), '0', 'the real tracker uses storage IDs')
  return {
    useStorageId: false,
    reservedStorageSpace: value('reserved_storage_space') as `${number}%`,
    storePath: value('store_path') === '0' ? 'round-robin' : 'load-balance',
  }
}

async function play(endpoints: readonly Endpoint[]): Promise<void> {
  const random = randomOf(seed)
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  const storages: Played[] = GROUPS.flatMap((group) =>
    sources.map((source) => ({ group, source, id: source, port: 23000, pair: undefined, joined: false })),
  )
  const client = await Pair.open(endpoints, sources[0] as string)
  const history: string[] = []

  /** IDs and statuses of a group as both tell them. */
  const states = async (group: string): Promise<Map<string, number>> => {
    const [a] = await expectAlike(client, 92, G(group))
    return new Map(recordsOf(a).map(({ id, status }) => [id, status]))
  }
  const expectAlike = async (
    pair: Pair,
    command: number,
    body: readonly [Buffer, Buffer] | Buffer,
  ): Promise<[unknown, unknown]> => {
    const answers = await pair.ask(command, body)
    const sent = Buffer.isBuffer(body) ? body : body[0]
    history.push(
      `${command} ${sent.toString('hex').slice(0, 120)} → ${JSON.stringify(answers[0]).slice(0, 300)}`,
    )
    try {
      assert.deepEqual(answers[0], answers[1])
    } catch (error) {
      ;(error as Error).message += `\nafter\n${history.slice(-12).join('\n')}`
      throw error
    }
    return answers
  }
  /** Changes: flags differ, since real trackers do not repeat what a storage has been told on a former connection. */
  const report = async (pair: Pair, command: number, body: Buffer): Promise<void> => {
    const [a, b] = await pair.statuses(command, body)
    history.push(`${command} ${body.toString('hex')} → ${a}`)
    if (a !== b) throw new Error(`${command}: ${a} and ${b} after\n${history.slice(-12).join('\n')}`)
  }

  const leave = async (storage: Played): Promise<void> => {
    storage.pair?.close()
    storage.pair = undefined
    storage.joined = false
    // Both see the end of a connection a moment later.
    for (;;) {
      const [a, b] = await client.ask(92, G(storage.group))
      const isHere = [a, b]
        .flatMap(recordsOf)
        .some(({ id, status }) => id === storage.id && status > 5 && status < 8)
      if (!isHere) return
    }
  }
  const join = async (storage: Played): Promise<void> => {
    storage.pair ??= await Pair.open(endpoints, storage.source)
    const odd = random(12)
    const options = {
      group: odd === 0 ? 'no_group' : storage.group,
      id: '',
      port: odd === 1 ? 23001 : storage.port,
      paths: odd === 2 ? 1 : odd === 3 ? 0 : PATHS,
      subdirs: odd === 4 ? 16 : 256,
      initFlag: odd > 8 ? 0 : 1,
      status: pick([0, 1, 2, 5, 6, 7, 9, -1, 3, 4, 99]),
    }
    const bodies = endpoints.map(({ host, port }) => joinBody({ ...options, trackers: [`${host}:${port}`] }))
    const [a] = await expectAlike(storage.pair, 81, bodies as [Buffer, Buffer])
    storage.joined ||= (a as { status: number }).status === 0
    // A connection whose JOIN was refused may have joined in part: it starts anew.
    if ((a as { status: number }).status !== 0) await leave(storage)
  }

  const name = (): string => {
    const source = pick([...sources, '10.1.2.3'])
    const now = Math.floor(Date.now() / 1000)
    const created = now - pick([1, 200, 400, 4000, 100_000])
    const kind = pick([0x80, 0x80, 0x84])
    const encoded = bytes(
      Buffer.from(source.split('.').map(Number)),
      i32(created),
      Buffer.from([kind, 0x6a, 0xc9, 0x25, 0, 0, 0, 9, 1, 2, 3, 4]),
    ).toString('base64url')
    return `M00/00/00/${encoded}${pick(['123.txt', '_150x150123.txt', '123.txt'])}`
  }
  const group = (): Buffer => G(pick([...GROUPS, ...GROUPS, 'nope']))
  const id = (): string => pick([...sources, ...sources, '10.9.9.9'])

  const asked: (() => Promise<unknown>)[] = [
    ...[101, 106].map((command) => () => expectAlike(client, command, Buffer.alloc(0))),
    ...[104, 107, 90].map((command) => () => expectAlike(client, command, group())),
    ...[102, 103, 105, 102].map((command) => () => expectAlike(client, command, bytes(group(), name()))),
    () => expectAlike(client, 91, Buffer.alloc(0)),
    () => expectAlike(client, 92, bytes(group(), id())),
    () => expectAlike(client, 93, bytes(group(), id())),
    () => expectAlike(client, 94, bytes(group(), pick(['', id()]))),
    () => expectAlike(client, 97, Buffer.of(pick([0, 1, 2, 3]), pick([0x3d, 0x21, 0]), random(8), random(2))),
    () => expectAlike(client, 98, Buffer.of(pick([0, 1, 2, 4, 7]), random(2), random(2), random(2))),
    () => expectAlike(client, 71, bytes(group(), pick([`${id()}:23000`, `${id()}:1`, id(), '', ':']))),
    () => expectAlike(client, 70, bytes(group(), pick([`${id()}:23000`, '[::1]:1', id(), '', ':']))),
    () => expectAlike(client, 109, pick([i32(23000), bytes(id(), i32(23000)), Buffer.alloc(2)])),
    () => expectAlike(client, 60, pick([bytes(str('group1', 17), i32(1)), G('group1'), Buffer.alloc(0)])),
    () => expectAlike(client, 69, pick([bytes(i32(0), 0), bytes(i32(0), 1), i32(0)])),
    () => expectAlike(client, 86, bytes(group(), str(id(), 16))),
    () => expectAlike(client, 77, pick([bytes(group(), str(id(), 16)), Buffer.alloc(3)])),
    () => expectAlike(client, 64, pick([Buffer.alloc(0), Buffer.alloc(1)])),
    () => expectAlike(client, 61 + pick([1, 1]), Buffer.alloc(pick([0, 1]))),
    () => expectAlike(client, 66, Buffer.from(pick(['', 'x', '10.9.9.9:1', '1'.repeat(60)]))),
    () => expectAlike(client, 67, Buffer.from(pick(['', 'x', '10.9.9.9:1', '1'.repeat(60)]))),
    () => expectAlike(client, 58, Buffer.alloc(pick([24, 23]))),
    () => expectAlike(client, 65, Buffer.alloc(pick([12, 0]))),
    () => expectAlike(client, 111, Buffer.alloc(pick([0, 1]))),
    // Any number that means nothing, and a body that fits nothing.
    () => expectAlike(client, pick([0, 1, 11, 57, 80, 99, 110, 112, 255]), Buffer.alloc(random(40))),
    () =>
      expectAlike(
        client,
        pick([101, 104, 107, 90, 91, 93, 108, 94, 95, 96, 97, 98, 75, 76, 86, 78, 81]),
        // No NUL: real trackers read texts up to the first one, here it is refused.
        Buffer.alloc(pick([1, 2, 5, 15, 17, 18, 31]), 'a'),
      ),
    // Whoever has not joined.
    () => expectAlike(client, pick([83, 84, 89, 85, 87, 59, 72, 73, 74]), Buffer.alloc(random(30))),
  ]

  // Both lead themselves from here on.
  const warmup = endpoints.map(({ host, port }) =>
    joinBody({ group: 'warmup', id: '', trackers: [`${host}:${port}`] }),
  )
  await (await Pair.open(endpoints, sources[0] as string)).ask(81, warmup as [Buffer, Buffer])
  for (let leads = false; !leads;) {
    const answers = await client.ask(64, Buffer.alloc(0))
    leads = answers.every((answer) => JSON.stringify(answer).includes('"isLeader":true'))
  }

  for (let step = 0; step < steps; step++) {
    if (random(3) > 0) {
      await pick(asked)()
      continue
    }
    const storage = pick(storages)
    const status = (await states(storage.group)).get(storage.id)
    const { pair } = storage
    if (!storage.joined || pair === undefined) {
      if (random(4) > 0) await join(storage)
      else if (random(3) === 0) await expectAlike(client, 76, brief(group(), random(10), id()))
      continue
    }
    switch (random(12)) {
      case 0:
        await leave(storage)
        break
      case 1:
        await join(storage)
        break
      case 2:
      case 3:
        await report(pair, 83, pick([Buffer.alloc(0), Buffer.alloc(348), Buffer.alloc(347)]))
        break
      case 4:
      case 5: {
        const free = (): Buffer => bytes(i64(1000), i64(pick([0, 5, 10, 11, 500, 900])))
        await report(pair, 84, pick([bytes(free(), free()), bytes(free(), free()), free(), Buffer.alloc(3)]))
        break
      }
      case 6:
        await report(pair, 89, pick([Buffer.alloc(0), syncReport(), bytes(syncReport(), syncReport())]))
        break
      case 7:
        if (status === 0) await expectAlike(pair, 87, Buffer.alloc(0))
        else await expectAlike(pair, 79, Buffer.alloc(0))
        break
      case 8:
        await expectAlike(
          pair,
          88,
          pick([Buffer.alloc(24), Buffer.alloc(24), bytes(str(id(), 16), i64(9)), G('')]),
        )
        break
      case 9:
        // One that is ACTIVE stays among those that a real tracker gives out, whatever it says then.
        if (status !== 7) await expectAlike(pair, 59, Buffer.of(pick([0, 1, 2, 5, 6, 7, 9])))
        break
      case 10:
        await expectAlike(pair, pick([77, 85, 72, 73, 74, 60]), Buffer.alloc(pick([0, 0, 4, 8])))
        break
      default:
        await expectAlike(pair, 85, brief(Buffer.alloc(0), random(10), id()))
    }
    await states(storage.group)
  }
  function syncReport(): Buffer {
    const now = Math.floor(Date.now() / 1000)
    return bytes(str(id(), 16), i32(now - pick([0, 3, 150, 350, 5000, now])))
  }
  function brief(before: Buffer, status: number, ip: string): Buffer {
    return bytes(before, status, i32(0), str(ip, 16), str(ip, 46))
  }
}

function recordsOf(answer: unknown): readonly { id: string; status: number }[] {
  const { body } = answer as { body?: { storages: { id: string; status: number }[] } }
  return body?.storages ?? []
}
