import { isIPv4 } from 'node:net'
import type { FastDfsError } from '../errors.js'
import { FileNotFoundError, isFastDfsError, PoolTimeoutError, ProtocolError, RetryError } from '../errors.js'
import { Budget } from '../net/budget.js'
import type { Call } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import type { ConnectionPool } from '../net/pool.js'
import { Request } from '../net/request.js'
import type { RetryOptions } from '../net/retry.js'
import { backoff } from '../net/retry.js'
import type { Command, Dialect, RequestOf, ResponseOf } from '../protocol/index.js'
import { trackerCommands } from '../protocol/index.js'
import type { AddressLookup } from './config/address-map.js'
import type { ServerAddress } from './config/server-address.js'
import { endpointsOf } from './config/server-address.js'
import type { NamedFile } from './named-file.js'

/** Where a storage is, as the tracker says. */
export interface StorageEndpoint extends Endpoint {
  /** The group it belongs to. */
  readonly group: string
}

/** A storage to upload to. */
export interface StoreTarget extends StorageEndpoint {
  /** The store path that the tracker chose; sent back with the upload (protocol.md §2.1). */
  readonly storePathIndex: number
}

/** A tracker, with what is asked of its address again and again. */
interface Tracker {
  readonly address: ServerAddress
  /** The one by which it was last reached comes first. */
  readonly endpoints: Endpoint[]
}

/** How trackers are asked, and where storages are connected to that they name. */
export interface TrackersOptions extends RetryOptions {
  readonly addressOf: AddressLookup
}

/** Milliseconds after a failure in which a tracker may not know yet what has become of it (protocol.md §12). */
const FAILOVER_TIME = 10_000
/** Milliseconds between two rounds of questions in that time, at most. */
const FAILOVER_PAUSE = 1_000

/** Asks trackers: in turn, and the next one when one fails. */
export class Trackers {
  readonly #pool: ConnectionPool
  readonly #options: TrackersOptions
  readonly #idOf: (storage: StorageEndpoint) => string | undefined
  /** How often a tracker's word is checked with the others. */
  readonly #doubts = new Budget()
  #trackers: readonly Tracker[]
  #next: number

  /** @param idOf - the storage ID of a storage, where that is known without asking */
  constructor(
    trackers: readonly ServerAddress[],
    pool: ConnectionPool,
    options: TrackersOptions,
    idOf: (storage: StorageEndpoint) => string | undefined,
  ) {
    this.#trackers = trackers.map(trackerOf)
    this.#pool = pool
    this.#options = options
    this.#idOf = idOf
    // Many clients that start together must not all begin with the same one.
    this.#next = Math.floor(Math.random() * trackers.length)
  }

  /** Where to upload to (protocol.md §2.1). */
  queryStore(group: string | undefined, call: Call): Promise<StoreTarget> {
    const { queryStoreWithoutGroupOne, queryStoreWithGroupOne } = trackerCommands
    return group === undefined
      ? this.#askFor(new Request(queryStoreWithoutGroupOne, {}, call), storeTargetOf)
      : this.#askFor(new Request(queryStoreWithGroupOne, { group }, call), storeTargetOf)
  }

  /** Where to read a file (protocol.md §2.2). The answer does not prove that the file exists. */
  queryFetch({ group, name }: { group: string; name: string }, call: Call): Promise<StorageEndpoint> {
    return this.#askFor(new Request(trackerCommands.queryFetchOne, { group, name }, call), endpointOf)
  }

  /** Everywhere that a file can be read (protocol.md §2.2). */
  async queryFetchAll(
    { group, name }: { group: string; name: string },
    call: Call,
  ): Promise<StorageEndpoint[]> {
    const { ip, port, others } = await this.ask(trackerCommands.queryFetchAll, { group, name }, call)
    // Before V6.16 all members of a group have one port.
    const all = [{ ip, port }, ...others.map((other) => ({ ip: other.ip, port: other.port ?? port }))]
    return all.map((storage) => endpointOf({ group, ...storage }))
  }

  /**
   * Where to change a file (protocol.md §2.2): at its source, as long as one of the trackers takes that for ready; where
   * a file's ID holds a storage ID, the source is known by `storageIds`, as far as that is read already. A
   * tracker that was restarted may not, for a while or for good, and real storages have no order for changes that are
   * made at two members (§12).
   */
  async queryUpdate(file: NamedFile, call: Call): Promise<StorageEndpoint> {
    const { group, name } = file
    const named = await this.#askFor(
      new Request(trackerCommands.queryUpdate, { group, name }, call),
      endpointOf,
    )
    const isSettled = this.#trackers.length === 1 || this.#mayBeSource(named, file)
    return isSettled ? named : await this.#sourceOf(named, file, call)
  }

  /** The source of a file, if another tracker names it, and `named` if none does. */
  async #sourceOf(named: StorageEndpoint, file: NamedFile, call: Call): Promise<StorageEndpoint> {
    const isAlone = this.#trackers.filter((one) => this.#isHealthy(one)).length < 2
    if (isAlone || !this.#doubts.take()) return named
    const all = await this.queryUpdateOfEach(file, call)
    const source = all.find((one) => this.#mayBeSource(one, file))
    // A tracker that has not noticed yet that the source is down does not know better.
    const isUsable =
      source !== undefined && this.#pool.isHealthy(this.#options.addressOf(source.group, source))
    return isUsable ? source : named
  }

  /** Whether the ID of a file says that a storage is its source, or that cannot be told from it. */
  #mayBeSource(storage: StorageEndpoint, { source }: NamedFile): boolean {
    if (source === undefined) return true
    if (source.kind === 'ip') return source.ip === storage.host || !isIPv4(storage.host)
    const id = this.#idOf(storage)
    return id === undefined || id === String(source.id)
  }

  /** What each tracker that answers well says of where to change a file. */
  async queryUpdateOfEach(
    { group, name }: { group: string; name: string },
    call: Call,
  ): Promise<StorageEndpoint[]> {
    const question = new Request(trackerCommands.queryUpdate, { group, name }, call)
    const ask = (tracker: Tracker): Promise<StorageEndpoint> =>
      this.#askOne(tracker, question).then(endpointOf)
    const answers = await Promise.allSettled(this.#trackers.filter((one) => this.#isHealthy(one)).map(ask))
    call.check()
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  }

  /** All trackers, in the order of the configuration. */
  get all(): readonly ServerAddress[] {
    return this.#trackers.map(({ address }) => address)
  }

  /** How many there are. */
  get count(): number {
    return this.#trackers.length
  }

  /** Asks these from now on. */
  replace(trackers: readonly ServerAddress[]): void {
    this.#trackers = trackers.map(trackerOf)
  }

  /** Asks one tracker: at its other address too, when no connection can be made to the first. */
  askAt<C extends Command>(
    address: ServerAddress,
    command: C,
    fields: RequestOf<C>,
    call: Call,
    dialect?: Dialect,
  ): Promise<ResponseOf<C>> {
    const tracker = this.#trackers.find((one) => one.address === address) ?? trackerOf(address)
    return this.#askOne(tracker, new Request(command, fields, call, { dialect }))
  }

  /**
   * Asks a tracker, every one at most once. "No such thing" is believed when all of them say so; but not while another
   * server is failing: then they are asked again until they can have noticed.
   */
  ask<C extends Command>(
    command: C,
    fields: RequestOf<C>,
    call: Call,
    dialect?: Dialect,
  ): Promise<ResponseOf<C>> {
    return this.#askFor(new Request(command, fields, call, { dialect }), itself)
  }

  /** @param read - makes of the answer what is asked for */
  #askFor<C extends Command, R>(question: Request<C>, read: (response: ResponseOf<C>) => R): Promise<R> {
    const trackers = this.#trackers
    const first = this.#nextOf(trackers)
    if (!this.#isHealthy(first)) return this.#askOn(question, trackers, first, []).then(read)
    // Nothing is put in order as long as the first one answers.
    return this.#askOne(first, question).then(read, (error: unknown) =>
      this.#askOn(question, trackers, first, [unlessFinal(error, question.call)]).then(read),
    )
  }

  #nextOf(trackers: readonly Tracker[]): Tracker {
    return trackers[this.#next++ % trackers.length] as Tracker
  }

  /** @param errors - of the first one, if it was asked already */
  async #askOn<C extends Command>(
    question: Request<C>,
    trackers: readonly Tracker[],
    first: Tracker,
    errors: FastDfsError[],
  ): Promise<ResponseOf<C>> {
    const beganAt = performance.now()
    for (let round = 1; ; round++) {
      try {
        return await (round === 1 ? this.#askAny(question, trackers, first, errors) : this.#askAny(question))
      } catch (error) {
        if (!(error instanceof FileNotFoundError) || !this.#mayBeFailover(beganAt)) throw error
        const { log } = this.#options
        log.debug('retry', `${error.message}: asking again, since a server has just failed`)
        await question.call.sleep(backoff(round, FAILOVER_PAUSE))
      }
    }
  }

  #mayBeFailover(beganAt: number): boolean {
    const { retries, retryDeadline } = this.#options
    const now = performance.now()
    return retries > 0 && now - this.#pool.failureAt < FAILOVER_TIME && now - beganAt < retryDeadline
  }

  async #askAny<C extends Command>(
    question: Request<C>,
    trackers = this.#trackers,
    first = this.#nextOf(trackers),
    errors: FastDfsError[] = [],
  ): Promise<ResponseOf<C>> {
    const inTurn = this.#inTurn(trackers, first)
    for (const tracker of errors.length === 0 ? inTurn : inTurn.filter((one) => one !== first)) {
      try {
        return await this.#askOne(tracker, question)
      } catch (error) {
        errors.push(unlessFinal(error, question.call))
      }
    }
    // An answer says more than a tracker that could not be asked.
    const answer = errors.find((error) => error instanceof FileNotFoundError)
    const [only, ...others] = errors
    if (answer !== undefined || (only !== undefined && others.length === 0))
      throw (answer ?? only) as FastDfsError
    throw new RetryError(
      `none of ${trackers.length} trackers could be asked, the last one: ${errors.at(-1)?.message}`,
      { errors, command: question.command.name, retriable: errors.some(({ retriable }) => retriable) },
    )
  }

  #askOne<C extends Command>({ endpoints }: Tracker, question: Request<C>): Promise<ResponseOf<C>> {
    const [only] = endpoints as [Endpoint]
    return endpoints.length === 1 ? this.#pool.use(only, question) : this.#askInTurn(endpoints, question)
  }

  /** Asks at the first address at which a connection can be made; puts that one first. */
  async #askInTurn<C extends Command>(endpoints: Endpoint[], question: Request<C>): Promise<ResponseOf<C>> {
    let failure: unknown
    for (const endpoint of [...endpoints]) {
      try {
        const response = await this.#pool.use(endpoint, question)
        if (endpoint !== endpoints[0]) endpoints.reverse()
        return response
      } catch (error) {
        if (!isFastDfsError(error) || !error.retriable || error.phase !== 'connect') throw error
        failure ??= error
        question.call.check()
      }
    }
    throw failure
  }

  /** All trackers, beginning with `first`; those that failed lately come last. */
  #inTurn(trackers: readonly Tracker[], first: Tracker): readonly Tracker[] {
    const start = trackers.indexOf(first)
    const order = [...trackers.slice(start), ...trackers.slice(0, start)]
    const healthy = order.filter((tracker) => this.#isHealthy(tracker))
    return [...healthy, ...order.filter((tracker) => !healthy.includes(tracker))]
  }

  #isHealthy({ endpoints: [endpoint] }: Tracker): boolean {
    return this.#pool.isHealthy(endpoint as Endpoint)
  }
}

/** The error, when another tracker is to be asked after it; throws it when it says all. */
function unlessFinal(error: unknown, call: Call): FastDfsError {
  if (!isFastDfsError(error)) throw error
  const isOthers = error.retriable || error instanceof FileNotFoundError || error instanceof PoolTimeoutError
  if (!isOthers) throw error
  call.check()
  return error
}

function itself<T>(value: T): T {
  return value
}

function trackerOf(address: ServerAddress): Tracker {
  return { address, endpoints: [...endpointsOf(address)] }
}

/** Where a storage is, in a tracker's answer. */
interface StorageReply {
  readonly group: string
  readonly ip: string
  readonly port: number
}

function endpointOf({ group, ip, port }: StorageReply): StorageEndpoint {
  return { group, host: hostOf(ip), port }
}

function storeTargetOf(reply: StorageReply & { storePathIndex: number }): StoreTarget {
  return {
    group: reply.group,
    host: hostOf(reply.ip),
    port: reply.port,
    storePathIndex: reply.storePathIndex,
  }
}

/** The address of a storage in a tracker's answer. */
export function hostOf(ip: string): string {
  // Node takes an empty host for this machine.
  if (ip === '') throw new ProtocolError('the tracker named a storage without an address')
  return ip
}
