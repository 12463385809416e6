/** One case: an operation, one of its steps, a fault, and who is struck. */
import { getEventListeners } from 'node:events'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { FastDfsError, Source } from '../../src/index.js'
import { FastDfsClient, isFastDfsError } from '../../src/index.js'
import type { Cluster, Member } from '../../src/testing/index.js'
import type { Outcome } from './expected.js'
import { outcomesOf } from './expected.js'
import { ABORT_REASON, CALL_TIMEOUT, FAULTS, IDLE_TIMEOUT } from './faults.js'
import { CONTENT, OPERATIONS } from './operations.js'
import type { FaultRow, Fixture, Operation, Scope, Step, Strike } from './tables.js'

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

/** Milliseconds that a case may take, however busy the machine is. */
const LIMIT = 20_000

/** Milliseconds that the storages of a group have to agree. */
const CONVERGENCE = 5_000

/** A port that nobody listens on. */
const NOBODY = '127.0.0.1:1'

/** How a call ended. */
interface Ending {
  readonly result?: unknown
  readonly error?: unknown
}

/** Runs a case on a cluster as it began. Throws when anything is not as it must be. */
export async function runCase(cluster: Cluster, { operation, step, fault, scope }: Case): Promise<void> {
  const observer = new FastDfsClient(cluster.clientOptions())
  const unreachable = new Set<number>()
  const client = new FastDfsClient({
    ...cluster.clientOptions(),
    idleTimeout: IDLE_TIMEOUT,
    storageAddressMap: ({ port }) => (unreachable.has(port) ? NOBODY : undefined),
  })
  const content = new HeldContent(cluster, step)
  let strike: Strike | undefined
  try {
    const fixture = await operation.prepare(observer, cluster)
    const abort = new AbortController()
    const member = await memberOf(cluster, step, fixture, observer)
    const warm = (): Promise<void> => warmUp(client, fixture)
    const stage = { cluster, step, scope, member, client, abort, unreachable, warm }
    strike = await fault.begin(stage)
    const isTimed = fault.seen(step).kind === 'ended' && fault.name.includes('time of the call')
    content.hold(fault.holdsContent ? strike : undefined)

    const beganAt = performance.now()
    const ending = await endingOf(
      operation.call(client, fixture, content.source, {
        signal: abort.signal,
        ...(isTimed && { timeout: CALL_TIMEOUT }),
      }),
    )
    const took = performance.now() - beganAt
    const { hits } = strike
    content.letGo()

    const outcomes = outcomesOf(step, fault, scope)
    const outcome = matching(outcomes, ending, hits)
    if (ending.error === undefined) await operation.verify(ending.result, fixture)
    else if (ending.error instanceof Error && fault.name.includes('aborted')) expectReason(ending.error)
    if (took > LIMIT) throw new Error(`it took ${Math.round(took)} ms`)
    const listeners = getEventListeners(abort.signal, 'abort').length
    if (listeners > 0) throw new Error(`${listeners} listeners are left on the signal`)

    await client.close({ grace: 0 })
    await strike.undo()
    await observer.close({ grace: 0 })
    await silent(cluster)
    await checkEffect(cluster, operation, fixture, outcome)
  } finally {
    content.letGo()
    await strike?.undo()
    await client.close({ grace: 0 })
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

async function endingOf(call: Promise<unknown>): Promise<Ending> {
  try {
    return { result: await call }
  } catch (error) {
    return { error }
  }
}

/** The outcome that a call came to. */
function matching(
  outcomes: readonly Outcome[],
  { error, result }: Ending,
  hits: number | undefined,
): Outcome {
  const found = outcomes.find(
    (outcome) =>
      isOf(outcome, error) && (hits === undefined || (hits >= outcome.hits[0] && hits <= outcome.hits[1])),
  )
  if (found !== undefined) return found
  const ended = error === undefined ? `success: ${JSON.stringify(result)?.slice(0, 100)}` : describe(error)
  const expected = outcomes
    .map(
      (one) =>
        `${one.error ?? 'success'}${one.cause ? ` (${one.cause})` : ''}, ${one.hits.join(' to ')} hits`,
    )
    .join('; or ')
  throw new Error(`ended in ${ended}, after ${hits} hits\n    expected ${expected}`)
}

function isOf(outcome: Outcome, error: unknown): boolean {
  if (outcome.error === undefined || error === undefined)
    return outcome.error === undefined && error === undefined
  if (!isFastDfsError(error) || error.name !== outcome.error) return false
  return outcome.cause === undefined || (error.cause as FastDfsError | undefined)?.name === outcome.cause
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

/** Resolves when no client is connected and nothing is being done for one. */
async function silent(cluster: Cluster): Promise<void> {
  const until = performance.now() + 5_000
  for (;;) {
    const busy = (await cluster.stats()).filter(
      ({ connections, running }) => connections.clients > 0 || running > 0,
    )
    const ofClients = busy.filter(({ connections }) => connections.clients > 0)
    if (ofClients.length === 0) return
    if (performance.now() > until) {
      throw new Error(`sockets are left open: ${JSON.stringify(ofClients)}`)
    }
    await nextTurn()
  }
}

async function checkEffect(
  cluster: Cluster,
  operation: Operation,
  fixture: Fixture,
  outcome: Outcome,
): Promise<void> {
  await using client = new FastDfsClient(cluster.clientOptions())
  const check = async (): Promise<void> => {
    const effect = await operation.effect?.(cluster, fixture, client)
    if (effect === undefined || outcome.effects.includes(effect)) return
    throw new Error(`the servers have it ${effect}, expected ${outcome.effects.join(' or ')}`)
  }
  // The storages of a group come to hold the same.
  const until = performance.now() + CONVERGENCE
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(20)
    }
  }
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
    const arrived = this.#cluster.requests
      .next({ command: this.#step.command, from: 'clients' }, { timeout: LIMIT })
      .catch(() => {})
    yield CONTENT.subarray(0, half)
    await Promise.race([arrived, this.#released])
    if ((strike.hits ?? 0) > before) await this.#released
    yield CONTENT.subarray(half)
  }
}
