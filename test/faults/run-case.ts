/** One case: an operation, one of its steps, a fault, and who is struck. */
import { getEventListeners } from 'node:events'
import process from 'node:process'
import type { FastDfsError, Source } from '../../src/index.js'
import { FastDfsClient, isFastDfsError } from '../../src/index.js'
import type { Cluster, Member } from '../../src/testing/index.js'
import { type Clock, inRealTime } from './clock.js'
import { eventually } from './eventually.js'
import type { Outcome } from './expected.js'
import { outcomesOf } from './expected.js'
import { ABORT_REASON, CALL_TIMEOUT, FAULTS } from './faults.js'
import { CONTENT, OPERATIONS } from './operations.js'
import type { FaultRow, Fixture, Operation, Range, Scope, Step, Strike } from './tables.js'

/** What is crossed. */
export interface Case {
  readonly name: string
  readonly operation: Operation
  readonly step: Step
  readonly fault: FaultRow
  readonly scope: Scope
}

/** Every operation with every fault at each of its steps. */
export const CASES: readonly Case[] = OPERATIONS.flatMap((operation) =>
  operation.steps.flatMap((step, i) =>
    FAULTS.filter((fault) => fits(fault, step, operation.steps.slice(0, i))).flatMap((fault) =>
      fault.scopes.map((scope) => ({
        name: `${operation.name} | ${step.at} ${step.command} | ${fault.name} | ${scope}`,
        operation,
        step,
        fault,
        scope,
      })),
    ),
  ),
)

/** What is wrong with connections is wrong with the first request to a place. */
function fits(fault: FaultRow, step: Step, earlier: readonly Step[]): boolean {
  return fault.fits(step) && !(fault.ofConnections && earlier.some(({ at }) => at === step.at))
}

/** Milliseconds of a call that do not end it, but have to be forgotten with it. */
const AMPLE = 20 * 60_000

/** How a call ended. */
interface Ending {
  readonly result?: unknown
  readonly error?: unknown
  /** Milliseconds that it took, on the suite's clock. */
  readonly took: number
  /** The pauses before the attempts that were made again. */
  readonly pauses: readonly number[]
  /** How often the fault had happened by then; undefined where that cannot be counted. */
  readonly hits: number | undefined
}

/** Runs a case on a cluster as it began. Throws when anything is not as it must be. */
export function runCase(cluster: Cluster, clock: Clock, one: Case): Promise<void> {
  return inRealTime(run(cluster, clock, one))
}

async function run(cluster: Cluster, clock: Clock, one: Case): Promise<void> {
  const { operation, step, fault, scope } = one
  const observer = new FastDfsClient(cluster.clientOptions())
  const diverted = new Map<number, string>()
  const pauses: number[] = []
  const client = new FastDfsClient({
    ...cluster.clientOptions(),
    ...fault.limits,
    storageAddressMap: ({ port }) => diverted.get(port),
    onRetry: ({ delay }) => pauses.push(delay),
  })
  const content = new HeldContent(cluster, step)
  let strike: Strike | undefined
  try {
    const fixture = await operation.prepare(observer, cluster)
    const abort = new AbortController()
    const member = await memberOf(cluster, step, fixture, observer)
    const warm = (): Promise<void> => warmUp(client, fixture)
    const begun = await fault.begin({ cluster, clock, step, scope, member, client, abort, diverted, warm })
    strike = begun
    const trackers = cluster.trackers.map(({ port }) => diverted.get(port) ?? `127.0.0.1:${port}`)
    client.setTrackers(trackers)
    const isTimed = fault.seen(step).kind === 'ended' && fault.name.includes('time of the call')
    content.hold(fault.holdsContent ? strike : undefined)

    const options = { signal: abort.signal, timeout: isTimed ? CALL_TIMEOUT : AMPLE }
    const beganAt = clock.now
    const call = operation.call(
      client,
      { ...fixture, trackers, asked: () => nextRequest(cluster) },
      content.source,
      options,
    )
    const end = (how: Pick<Ending, 'result' | 'error'>): Ending => ({
      ...how,
      took: clock.now - beganAt,
      pauses: [...pauses],
      hits: begun.hits,
    })
    const ending = await clock.drive(
      call.then(
        (result) => end({ result }),
        (error: unknown) => end({ error }),
      ),
    )
    content.letGo()

    const outcome = matching(outcomesOf(operation, step, fault, scope), ending, fault.costs(step))
    if (ending.error === undefined) await operation.verify(ending.result, fixture)
    else if (ending.error instanceof Error && fault.name.includes('aborted')) expectReason(ending.error)
    const listeners = getEventListeners(abort.signal, 'abort').length
    if (listeners > 0) throw new Error(`${listeners} listeners are left on the signal`)

    await clock.drive(client.close({ grace: 0 }))
    await observer.close({ grace: 0 })
    if (clock.timers > 0) throw new Error(`${clock.timers} timers are left`)
    clock.endDelays()
    await nobodyConnects()
    if (!fault.deafens) await noConnections(cluster)
    await strike.undo()
    await noConnections(cluster)
    await checkEffect(cluster, operation, fixture, outcome)
  } finally {
    content.letGo()
    clock.endDelays()
    await strike?.undo()
    await clock.drive(client.close({ grace: 0 }))
    await observer.close({ grace: 0 })
  }
}

/** The member that is struck where one is: the storage that changes of the file go to, or the first. */
async function memberOf(
  cluster: Cluster,
  step: Step,
  { id }: Fixture,
  observer: FastDfsClient,
): Promise<Member> {
  if (step.at === 'tracker') return cluster.trackers[0] as Member
  const first = cluster.storage('group1')
  if (!id.includes('/')) return first
  const { port } = await observer.tracker.queryUpdate(id)
  return cluster.storages.find((storage) => storage.port === port) ?? first
}

/** A connection to every tracker, and to the storages that may be asked. */
async function warmUp(client: FastDfsClient, { id }: Fixture): Promise<void> {
  await client.admin.trackerStatus()
  if (id.includes('/')) await client.fileInfo(id)
}

/** The outcome that a call came to. */
function matching(outcomes: readonly Outcome[], ending: Ending, costs: number): Outcome {
  const found = outcomes.find((outcome) => isOf(outcome, ending, costs))
  if (found !== undefined) return found
  const { error, result, took, pauses, hits } = ending
  const ended = error === undefined ? `success: ${JSON.stringify(result)?.slice(0, 100)}` : describe(error)
  const paused = pauses.map((pause) => Math.round(pause)).join(' + ') || 'no pause'
  throw new Error(
    `ended in ${ended}, after ${hits ?? 'unknown'} hits, in ${took} ms with ${paused}\n` +
      `    expected ${outcomes.map((outcome) => textOf(outcome, costs)).join(';\n    or ')}`,
  )
}

function isOf(outcome: Outcome, { error, took, pauses, hits }: Ending, costs: number): boolean {
  if (!isErrorOf(outcome, error)) return false
  if (hits !== undefined && !isWithin(hits, outcome.hits)) return false
  if (!isWithin(pauses.length, outcome.retries)) return false
  return (outcome.besides ?? [0]).some((besides) => {
    if (outcome.total !== undefined) return took === outcome.total + besides
    const rest = took - sum(pauses.map(Math.trunc)) - besides
    const times = costs === 0 ? 0 : Math.floor(rest / costs)
    const left = rest - times * costs
    // What is less than a millisecond of each pause passes or does not.
    return (costs === 0 || isWithin(times, outcome.inTurn)) && left >= 0 && left <= pauses.length
  })
}

function isErrorOf(outcome: Outcome, error: unknown): boolean {
  if (outcome.error === undefined || error === undefined)
    return outcome.error === undefined && error === undefined
  if (!isFastDfsError(error) || error.name !== outcome.error) return false
  return outcome.cause === undefined || (error.cause as FastDfsError | undefined)?.name === outcome.cause
}

function isWithin(count: number, [least, most]: Range): boolean {
  return count >= least && count <= most
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((left, right) => left + right, 0)
}

function textOf(
  { error, cause, hits, retries, inTurn, besides = [0], total }: Outcome,
  costs: number,
): string {
  const kind = `${error ?? 'success'}${cause === undefined ? '' : ` (${cause})`}`
  const [once, often] = [hits, retries].map(([least, most]) => `${least} to ${most}`)
  const time = total ?? `${inTurn.join(' to ')} times ${costs}`
  return `${kind}, ${once} hits, ${often} pauses, ${time} and ${besides.join(' or ')} ms`
}

function describe(error: unknown): string {
  if (!isFastDfsError(error))
    return `a foreign error: ${error instanceof Error ? error.stack : String(error)}`
  const cause = error.cause as Partial<Error> | undefined
  return `${error.name}: ${error.message}${cause?.name ? ` <- ${cause.name}: ${cause.message}` : ''}`
}

function expectReason(error: Error): void {
  if (error.cause !== ABORT_REASON)
    throw new Error('the cause of the AbortError is not the reason of the signal')
}

/** Resolves when no connection is being made. */
function nobodyConnects(): Promise<void> {
  return eventually(() => {
    if (process.getActiveResourcesInfo().some((kind) => kind.endsWith('ConnectWrap')))
      throw new Error('a connection is still being made')
  })
}

/** Resolves when no client is connected. */
function noConnections(cluster: Cluster): Promise<void> {
  return eventually(async () => {
    const open = (await cluster.stats()).filter(({ connections }) => connections.clients > 0)
    if (open.length > 0) throw new Error(`sockets are left open: ${JSON.stringify(open)}`)
  })
}

/** The storages of a group come to hold the same. */
async function checkEffect(
  cluster: Cluster,
  operation: Operation,
  fixture: Fixture,
  outcome: Outcome,
): Promise<void> {
  await using client = new FastDfsClient(cluster.clientOptions())
  await eventually(async () => {
    const effect = await operation.effect?.(cluster, fixture, client)
    if (effect === undefined || outcome.effects.includes(effect)) return
    throw new Error(`the servers have it ${effect}, expected ${outcome.effects.join(' or ')}`)
  })
}

/** Resolves when a member has got the next request of a client, or none can come any more. */
async function nextRequest(cluster: Cluster, { command }: Partial<Step> = {}): Promise<void> {
  await cluster.requests.next({ command, from: 'clients' }, { timeout: 20_000 }).catch(() => {})
}

/** The content of a request, whose second half waits where the fault is to strike within. */
class HeldContent {
  readonly #cluster: Cluster
  readonly #step: Step
  readonly #released: Promise<void>
  #release: () => void = () => {}
  #strike: Strike | undefined

  constructor(cluster: Cluster, step: Step) {
    this.#cluster = cluster
    this.#step = step
    this.#released = new Promise((resolve) => (this.#release = resolve))
  }

  /** Holds the second half of a request back that this strikes. */
  hold(strike: Strike | undefined): void {
    this.#strike = strike
  }

  /** Ends what is held. */
  letGo(): void {
    this.#release()
  }

  readonly source = (): Source => this.#halves()

  async *#halves(): AsyncGenerator<Uint8Array> {
    const strike = this.#strike
    const half = CONTENT.length / 2
    if (strike === undefined || this.#step.sends === 'no')
      return yield* [CONTENT.subarray(0, half), CONTENT.subarray(half)]
    const before = strike.hits ?? 0
    const arrived = nextRequest(this.#cluster, this.#step)
    yield CONTENT.subarray(0, half)
    await Promise.race([arrived, this.#released])
    if ((strike.hits ?? 0) > before) await this.#released
    yield CONTENT.subarray(half)
  }
}
