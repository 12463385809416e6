import type { Socket } from 'node:net'
import { log } from '../../observe/log.js'
import type { Dialect } from '../../protocol/index.js'
import { LATEST, limits } from '../../protocol/index.js'
import type { Clock, Timer } from '../clock.js'
import { startTimer, stopTimer, SYSTEM_CLOCK, unixSeconds } from '../clock.js'
import { Listener, plainAddress } from '../listener.js'
import type { Network } from '../network.js'
import { DIRECT_NETWORK } from '../network.js'
import type { Routes } from '../routes.js'
import { routesOf } from '../routes.js'
import type { Service } from '../session.js'
import { Session } from '../session.js'
import { Turns } from '../turns.js'
import { administrationHandlers } from './administration.js'
import { Cluster } from './cluster.js'
import type { TrackerContext } from './context.js'
import { identityHandlers } from './identities.js'
import { informationHandlers } from './information.js'
import { listHandlers } from './lists.js'
import { leave, membershipHandlers } from './membership.js'
import { queryHandlers } from './queries.js'
import { statusHandlers } from './statuses.js'

/** Options of a {@link Tracker}. */
export interface TrackerOptions {
  /** The address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string | undefined
  /** The port; 0 lets the system choose at the first start. @defaultValue 0 */
  readonly port?: number | undefined
  /** The version and the width of addresses it speaks with. @defaultValue the newest version, 16 bytes */
  readonly dialect?: Dialect | undefined
  /** Where the time comes from. @defaultValue the machine's own */
  readonly clock?: Clock | undefined
  /** What stands between it and its peers. @defaultValue nothing */
  readonly network?: Network | undefined
}

/** A storage that is silent for this long is OFFLINE, found out as often (protocol.md §4.6), in seconds. */
const CHECK_ACTIVE_INTERVAL = 100

const routes: Routes<TrackerContext> = routesOf('tracker', {
  ...informationHandlers,
  ...queryHandlers,
  ...listHandlers,
  ...membershipHandlers,
  ...identityHandlers,
  ...statusHandlers,
  ...administrationHandlers,
})
const MAX_REQUEST = 64 * 1024

/**
 * A FastDFS tracker in this process. It knows no storage by configuration: they join it, each with its ID.
 *
 * @example
 * ```ts
 * const tracker = new Tracker()
 * await tracker.start()
 * tracker.port // chosen by the system
 * await tracker.stop()
 * ```
 */
export class Tracker {
  readonly #listener: Listener
  readonly #turns = new Turns()
  readonly #cluster: Cluster
  readonly #service: Service<TrackerContext>
  readonly #network: Network
  #startedAt = 0
  #expiry: Timer | undefined

  /** Makes a tracker that does not listen yet. */
  constructor(options: TrackerOptions = {}) {
    const { host = '127.0.0.1', port = 0, dialect = LATEST, clock = SYSTEM_CLOCK } = options
    this.#network = options.network ?? DIRECT_NETWORK
    this.#cluster = new Cluster(clock)
    this.#service = { routes, dialect, maxRequest: MAX_REQUEST, closesOnInvalid: false }
    this.#listener = new Listener(host, port, (socket) => this.#serve(socket))
  }

  /** The address that was asked for. */
  get host(): string {
    return this.#listener.host
  }

  /** The port; it stays the same over stops and starts. 0 before the first start if the system is to choose. */
  get port(): number {
    return this.#listener.port
  }

  /**
   * Begins to listen. Does nothing when it does.
   *
   * @throws ConnectError when the address cannot be listened on
   */
  start(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#listener.listening) return
      await this.#listener.start()
      this.#startedAt = unixSeconds(this.#cluster.clock)
      this.#expireLater()
      log.server('tracker %s:%d started', this.host, this.port)
    })
  }

  /** Ends all connections and stops listening. What it knows of groups and storages is kept for the next start. */
  stop(): Promise<void> {
    return this.#turns.take(async () => {
      stopTimer(this.#expiry)
      await this.#listener.stop()
      log.server('tracker %s:%d stopped', this.host, this.port)
    })
  }

  /**
   * Holds a storage to a status, whatever it reports; undefined lets go of it: then it is ACTIVE while it is connected,
   * else OFFLINE. Does nothing for a storage that this tracker does not know.
   */
  holdStatus(groupName: string, storageId: string, status: number | undefined): void {
    const group = this.#cluster.find(groupName)
    const member = group?.find(storageId)
    if (group === undefined || member === undefined) return
    const { ACTIVE, OFFLINE } = limits.STORAGE_STATUS
    member.held = status
    group.setStatus(member, member.connection === undefined ? OFFLINE : ACTIVE)
  }

  /** Resolves when this tracker counts a storage ACTIVE. */
  async whenActive(group: string, storageId: string): Promise<void> {
    await this.#cluster.whenActive(group, storageId)
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #serve(socket: Socket): Session<TrackerContext> {
    const { stream, peerIp } = this.#network.take(socket)
    const context: TrackerContext = {
      cluster: this.#cluster,
      startedAt: this.#startedAt,
      peerIp,
      ownIp: plainAddress(socket.localAddress),
      ownPort: this.port,
      load: this.#listener,
      joined: undefined,
      leaderTold: false,
    }
    socket.once('close', () => leave(context))
    return new Session(stream, this.#service, context)
  }

  #expireLater(): void {
    stopTimer(this.#expiry)
    this.#expiry = startTimer(CHECK_ACTIVE_INTERVAL * 1000, () => {
      this.#cluster.expire(CHECK_ACTIVE_INTERVAL)
      this.#expireLater()
    })
  }
}
