import type { FastDfsError } from '../errors.js'
import { FileNotFoundError, isFastDfsError, ProtocolError, RetryError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import type { ConnectionPool } from '../net/pool.js'
import type { Command, Dialect, RequestOf, ResponseOf } from '../protocol/index.js'
import { trackerCommands } from '../protocol/index.js'
import type { ServerAddress } from './config/server-address.js'
import { endpointsOf, formatServerAddress } from './config/server-address.js'

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

/** How long a tracker that could not be reached is asked last, in milliseconds. */
const AVOIDED_FOR = 10_000

/** Asks trackers: in turn, and the next one when one fails. */
export class Trackers {
  readonly #pool: ConnectionPool
  #trackers: readonly ServerAddress[]
  /** By address, since trackers can be replaced. */
  readonly #failedAt = new Map<string, number>()
  /** The host by which a tracker of two addresses was last reached. */
  readonly #lastHost = new Map<string, string>()
  #next: number

  constructor(trackers: readonly ServerAddress[], pool: ConnectionPool) {
    this.#trackers = trackers
    this.#pool = pool
    // Many clients that start together must not all begin with the same one.
    this.#next = Math.floor(Math.random() * trackers.length)
  }

  /** Where to upload to (protocol.md §2.1). */
  async queryStore(group: string | undefined, call: Call): Promise<StoreTarget> {
    const reply =
      group === undefined
        ? await this.ask(trackerCommands.queryStoreWithoutGroupOne, {}, call)
        : await this.ask(trackerCommands.queryStoreWithGroupOne, { group }, call)
    return { ...endpointOf(reply), storePathIndex: reply.storePathIndex }
  }

  /** Where to read a file (protocol.md §2.2). The answer does not prove that the file exists. */
  async queryFetch(file: { group: string; name: string }, call: Call): Promise<StorageEndpoint> {
    return endpointOf(
      await this.ask(trackerCommands.queryFetchOne, { group: file.group, name: file.name }, call),
    )
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

  /** Where to change a file (protocol.md §2.2). */
  async queryUpdate(file: { group: string; name: string }, call: Call): Promise<StorageEndpoint> {
    return endpointOf(
      await this.ask(trackerCommands.queryUpdate, { group: file.group, name: file.name }, call),
    )
  }

  /** All trackers, in the order of the configuration. */
  get all(): readonly ServerAddress[] {
    return this.#trackers
  }

  /** Asks these from now on. */
  replace(trackers: readonly ServerAddress[]): void {
    this.#trackers = trackers
    this.#failedAt.clear()
    this.#lastHost.clear()
  }

  /** Asks one tracker: at its other address too, when no connection can be made to the first. */
  async askAt<C extends Command>(
    tracker: ServerAddress,
    command: C,
    fields: RequestOf<C>,
    call: Call,
    dialect?: Dialect,
  ): Promise<ResponseOf<C>> {
    let failure: unknown
    for (const endpoint of this.#endpointsOf(tracker)) {
      try {
        const response = await this.#pool.use(endpoint, call, (connection) =>
          connection.request(command, fields, call, { dialect }),
        )
        if (tracker.hosts.length > 1) this.#lastHost.set(formatServerAddress(tracker), endpoint.host)
        return response
      } catch (error) {
        // A request that was made has its command in the error.
        if (!isFastDfsError(error) || !error.retriable || error.command !== undefined) throw error
        failure ??= error
        call.check()
      }
    }
    throw failure
  }

  /** The address that worked last comes first. */
  #endpointsOf(tracker: ServerAddress): readonly Endpoint[] {
    const endpoints = endpointsOf(tracker)
    if (endpoints.length === 1) return endpoints
    const last = this.#lastHost.get(formatServerAddress(tracker))
    return [
      ...endpoints.filter(({ host }) => host === last),
      ...endpoints.filter(({ host }) => host !== last),
    ]
  }

  /** Asks a tracker: every one at most once; "no such thing" is believed when all of them say so. */
  async ask<C extends Command>(
    command: C,
    fields: RequestOf<C>,
    call: Call,
    dialect?: Dialect,
  ): Promise<ResponseOf<C>> {
    const errors: FastDfsError[] = []
    for (const tracker of this.#inTurn()) {
      try {
        const response = await this.askAt(tracker, command, fields, call, dialect)
        if (this.#failedAt.size > 0) this.#failedAt.delete(formatServerAddress(tracker))
        return response
      } catch (error) {
        if (!isFastDfsError(error)) throw error
        errors.push(error)
        if (error.retriable) this.#failedAt.set(formatServerAddress(tracker), performance.now())
        else if (!(error instanceof FileNotFoundError)) throw error
        call.check()
      }
    }
    // An answer says more than a tracker that could not be asked.
    const answer = errors.find((error) => error instanceof FileNotFoundError)
    const [only, ...others] = errors
    if (answer !== undefined || (only !== undefined && others.length === 0))
      throw (answer ?? only) as FastDfsError
    throw new RetryError(
      `none of ${errors.length} trackers could be asked, the last one: ${errors.at(-1)?.message}`,
      {
        errors,
        command: command.name,
        retriable: true,
      },
    )
  }

  /** All trackers, beginning with the next one in turn; those that failed a moment ago come last. */
  #inTurn(): readonly ServerAddress[] {
    const start = this.#next++ % this.#trackers.length
    const order = [...this.#trackers.slice(start), ...this.#trackers.slice(0, start)]
    if (this.#failedAt.size === 0) return order
    const since = performance.now() - AVOIDED_FOR
    const isAvoided = (tracker: ServerAddress): boolean =>
      (this.#failedAt.get(formatServerAddress(tracker)) ?? -Infinity) > since
    return [...order.filter((tracker) => !isAvoided(tracker)), ...order.filter(isAvoided)]
  }
}

function endpointOf({ group, ip, port }: { group: string; ip: string; port: number }): StorageEndpoint {
  // Node takes an empty host for this machine.
  if (ip === '') throw new ProtocolError('the tracker named a storage without an address')
  return { group, host: ip, port }
}
