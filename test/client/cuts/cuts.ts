/**
 * Cuts operations at every packet boundary, beside it, and at random bytes, in both directions: by an end, a reset, or a
 * stall that the caller or a time limit ends. Whatever happens, nothing half is left anywhere.
 */
import type { FastDfsError } from '../../../src/index.js'
import { isFastDfsError } from '../../../src/index.js'
import type { Cut, Direction, Packet, Passage } from '../../support/cutting-proxy.js'
import { packetsOf } from '../../support/cutting-proxy.js'
import type { Operation } from './operations.js'
import { nothing } from './operations.js'
import type { Difference, World } from './world.js'
import { LIMIT, until } from './world.js'

/** How a connection breaks, and how the client is made then. */
interface Way {
  readonly how: Cut['how']
  readonly retries: number
  /** What ends a stall. */
  readonly by?: 'signal' | 'timeout' | 'idleTimeout'
  /** The error of a call that cannot have been carried out. */
  readonly error: string
}

/** For each place one way of each kind, in turn by chance. */
const WAYS: Readonly<Record<Cut['how'], readonly Way[]>> = {
  end: [0, 1].map((retries) => ({ how: 'end', retries, error: 'ConnectError' })),
  reset: [0, 1].map((retries) => ({ how: 'reset', retries, error: 'ConnectError' })),
  stall: [
    { how: 'stall', by: 'signal', retries: 1, error: 'AbortError' },
    { how: 'stall', by: 'timeout', retries: 1, error: 'TimeoutError' },
    { how: 'stall', by: 'idleTimeout', retries: 0, error: 'TimeoutError' },
  ],
}

/** What one direction of a connection carries when nothing breaks. */
interface Stretch {
  readonly server: string
  readonly connection: number
  readonly direction: Direction
  readonly packets: readonly Packet[]
}

/** The bytes of the request that changes what the storage holds, and of its response. */
interface Change {
  readonly connection: number
  readonly request: Packet
  readonly response: Packet
}

/** The recording of one operation. */
interface Recording {
  readonly stretches: readonly Stretch[]
  readonly change: Change | undefined
}

/** Cuts an operation in one way wherever that is of interest; resolves to the number of cuts. */
export async function cutEverywhere(world: World, operation: Operation, how: Cut['how']): Promise<number> {
  const random = seeded(operation.name + how)
  const { random: chance } = Math
  // Retries pause by chance: hardly at all, here.
  const mock = jest.spyOn(Math, 'random').mockImplementation(() => chance() / 100)
  let count = 0
  try {
    const recording = await record(world, operation)
    for (const cut of cutsOf(operation, recording, how, random)) {
      await attempt(world, operation, recording, cut, WAYS[how][random(WAYS[how].length)] as Way)
      count++
    }
    return count
  } finally {
    mock.mockRestore()
  }
}

/** Whole numbers from 0 up to a limit: the same ones at every run. */
function seeded(text: string): (limit: number) => number {
  let state = [...text].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7)
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** Runs an operation with nothing in the way, and tells what its connections carry. */
async function record(world: World, operation: Operation): Promise<Recording> {
  world.proxy.reset(undefined)
  const client = world.client({ retries: 0 })
  await operation.run({ world, client, limits: {}, ifItFails: () => {} })
  await world.close(client)
  expect((operation.done ?? nothing)(world.difference())).toBe(true)
  world.restore()
  const { passages } = world.proxy
  const stretches = passages.flatMap(({ server, passed }, i) =>
    (['up', 'down'] as const).map((direction) => ({
      server,
      connection: passages.slice(0, i).filter((passage) => passage.server === server).length,
      direction,
      packets: packetsOf(passed[direction]),
    })),
  )
  return { stretches, change: changeIn(stretches, operation) }
}

function changeIn(stretches: readonly Stretch[], { changes }: Operation): Change | undefined {
  for (const { server, connection, direction, packets } of stretches) {
    if (server !== 'storage' || direction !== 'up') continue
    const index = packets.findIndex(({ command }) => command === changes?.number)
    if (index < 0) continue
    const answers = stretches.find(
      (other) => other.server === server && other.connection === connection && other.direction === 'down',
    )
    return {
      connection,
      request: packets[index] as Packet,
      response: answers?.packets[index] as Packet,
    }
  }
  return undefined
}

function* cutsOf(
  { isLarge }: Operation,
  { stretches }: Recording,
  how: Cut['how'],
  random: (limit: number) => number,
): Generator<Cut> {
  for (const { server, connection, direction, packets } of stretches) {
    const total = packets.at(-1)?.end ?? 0
    const boundaries = packets.flatMap(({ start, end }) => [start, start + 10, end])
    const beside = isLarge === true ? [] : boundaries.flatMap((place) => [place - 1, place + 1])
    const places = [...boundaries, ...beside, ...Array.from({ length: 4 }, () => random(total))]
    for (const at of [...new Set(places)].sort((a, b) => a - b)) {
      // Where nothing more comes, nothing can be held back.
      if (at < 0 || at > total || (how === 'stall' && at === total)) continue
      yield { server, connection, direction, at, how }
    }
  }
}

async function attempt(
  world: World,
  operation: Operation,
  recording: Recording,
  cut: Cut,
  way: Way,
): Promise<void> {
  const { by, retries } = way
  if (by === 'timeout' || by === 'idleTimeout') {
    // Only what the client waits with: the servers have their own.
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'Date', 'hrtime'],
    })
  }
  const controller = new AbortController()
  const client = world.client({ retries, idleTimeout: by === 'idleTimeout' ? LIMIT : undefined })
  const checks: (() => void)[] = []
  const passage = (): Passage | undefined => world.proxy.passages.find(({ isCut }) => isCut)
  try {
    let isOver = false
    let waiting: Promise<void> | undefined
    world.proxy.reset(cut, () => {
      if (by === 'signal') setImmediate(() => controller.abort(new Error('enough')))
      else if (by !== undefined) waiting = passTime(() => isOver || passage()?.gone.client === true)
    })
    const limits = {
      signal: by === 'signal' ? controller.signal : undefined,
      timeout: by === 'timeout' ? LIMIT : undefined,
    }
    const error = await operation
      .run({ world, client, limits, ifItFails: (check) => checks.push(check) })
      .then(() => undefined, expectFastDfsError)
    isOver = true
    await waiting
    jest.useRealTimers()

    // A broken connection is given up at once, and the client is none the worse. Where its caller has gone after all was
    // sent, the answer is waited for, to delete what nobody knows of.
    const broken = passage()
    const isAwaited = (by === 'signal' || by === 'timeout') && error?.phase === 'answer'
    if (broken !== undefined && (by === undefined || error !== undefined) && !isAwaited) {
      await until(() => broken.gone.client)
      expect(broken.gone.client).toBe(true)
    }
    if (error !== undefined) for (const check of checks) check()
    // That an idle connection was reset may not have been noticed yet.
    await client.ping().catch(() => client.ping())
    await world.close(client, isAwaited ? 0 : undefined)
    // Nothing is left open, here or there, nor lying around.
    await world.quiet()
    expect(world.leaked()).toEqual([])
    expect(world.local()).toEqual(
      error === undefined && operation.makes !== undefined ? [operation.makes] : [],
    )
    expectOutcome(world, operation, recording, cut, way, error)
  } catch (error) {
    throw new Error(`${JSON.stringify({ ...cut, ...way })}: ${(error as Error).message}`, { cause: error })
  } finally {
    jest.useRealTimers()
    await client.close({ grace: 0 })
    world.restore()
  }
}

/** Lets the client's time pass until it gives the connection up. */
async function passTime(isEnough: () => boolean): Promise<void> {
  while (!isEnough()) {
    jest.advanceTimersByTime(LIMIT)
    // Once is enough in general; what the client does next has time limits of its own.
    await until(isEnough, 500)
  }
}

function expectFastDfsError(error: unknown): FastDfsError {
  if (!isFastDfsError(error)) throw error
  return error
}

function expectOutcome(
  world: World,
  { changes, done = nothing, carriedOut = done, torn = nothing, once, tolerates }: Operation,
  { stretches, change }: Recording,
  cut: Cut,
  { how, retries, error: expected }: Way,
  error: FastDfsError | undefined,
): void {
  const difference = world.difference()
  const { server, connection, direction, at }: Cut = cut
  const { packets } = stretches.find(
    (stretch) =>
      stretch.server === server && stretch.connection === connection && stretch.direction === direction,
  ) as Stretch
  // What a response is cut off after may not be needed any more.
  const isMissed =
    direction === 'up'
      ? at < (packets.at(-1)?.end ?? 0)
      : at === 0 || packets.some(({ start, end }) => start < at && at < end)
  if (error === undefined) {
    // It can only have worked where nothing was missing, or by another attempt.
    if (retries === 0 && isMissed && tolerates === undefined) throw new Error('it worked all the same')
    if (!done(difference)) throw new Error(`it worked, but there is ${show(difference)}`)
    return
  }

  const mayBeLost = server === 'storage' && changes?.idempotent === false
  expect([expected, ...(mayBeLost ? ['UnknownOutcomeError'] : [])]).toContain(error.name)
  if (how !== 'stall' && retries > 0) {
    // What can be made again is.
    expect(server === 'storage' && (once === true || error.name === 'UnknownOutcomeError')).toBe(true)
  }

  const hits = change !== undefined && server === 'storage' && connection === change.connection
  const cameWhole =
    hits &&
    (direction === 'up' ? at === change.request.end : at >= change.response.start && at < change.response.end)
  if (nothing(difference) || torn(difference)) return
  if (!cameWhole || !carriedOut(difference))
    throw new Error(`${error.name}, and there is ${show(difference)}`)
}

function show({ added, removed, changed }: Difference): string {
  const sizes = (files: readonly Buffer[]): string => files.map(({ length }) => length).join(', ')
  return `added: ${sizes(added)}; removed: ${removed.length}; changed: ${sizes(changed.map(({ after }) => after))}`
}
