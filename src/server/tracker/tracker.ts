import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import { STATUS } from '../../errors.js'
import { log } from '../../observe/log.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Dialect } from '../../protocol/index.js'
import type { Timer } from '../clock.js'
import { startTimer, stopTimer, unixSeconds } from '../clock.js'
import { Listener, plainAddress } from '../listener.js'
import type { Network } from '../network.js'
import { DIRECT_NETWORK } from '../network.js'
import type { Route, Routes } from '../routes.js'
import { routesOf } from '../routes.js'
import { Session } from '../session.js'
import { Turns } from '../turns.js'
import { administrationHandlers } from './administration.js'
import { Cluster } from './cluster.js'
import type { RunningTimes, TrackerContext } from './context.js'
import { Election } from './election.js'
import { identityHandlers } from './identities.js'
import { informationHandlers } from './information.js'
import { leadershipHandlers, standingOf } from './leadership.js'
import { listHandlers } from './lists.js'
import { leave, membershipHandlers } from './membership.js'
import { queryHandlers } from './queries.js'
import type { TrackerOptions, TrackerSettings } from './settings.js'
import { settingsOf } from './settings.js'
import { StateFolder } from './state-folder.js'
import { statusHandlers } from './statuses.js'
import { Trackers } from './trackers.js'

const handlers = {
  ...informationHandlers,
  ...queryHandlers,
  ...listHandlers,
  ...membershipHandlers,
  ...identityHandlers,
  ...statusHandlers,
  ...administrationHandlers,
  ...leadershipHandlers,
}

/** The versions that have brought commands (protocol.md §11); the others are as old as the oldest that is known here. */
const SINCE: Readonly<Partial<Record<keyof typeof handlers, string>>> = {
  storageGetMyIp: '6.00',
  storageChangeStatus: '6.03',
  getLeader: '6.15.5',
  trackerClusterStat: '6.15.5',
  trackerJoinLeader: '6.15.5',
  storageClusterStat: '6.16',
  storageVolumeStat: '6.16',
}

/** Whoever has not joined is refused, whatever the length of its request (protocol.md §4.2). */
const joinedOnly = ({ joined }: TrackerContext): number | undefined =>
  joined === undefined ? STATUS.EACCES : undefined
const withIdsOnly = ({ cluster }: TrackerContext): number | undefined =>
  cluster.storageIds === undefined ? STATUS.EOPNOTSUPP : undefined

/** What is answered before a request is looked at. */
const REFUSALS: Readonly<Record<string, (context: TrackerContext) => number | undefined>> = {
  storageBeat: joinedOnly,
  storageSyncReport: joinedOnly,
  storageReportDiskUsage: joinedOnly,
  storageChangeStatus: joinedOnly,
  storageReplicaChg: joinedOnly,
  storageSyncDestReq: joinedOnly,
  storageSyncNotify: joinedOnly,
  storageSyncDestQuery: joinedOnly,
  storageFetchTrunkFid: joinedOnly,
  storageReportTrunkFid: joinedOnly,
  storageReportTrunkFree: joinedOnly,
  storageGetGroupName: withIdsOnly,
  // A storage with an ID may change its address as it likes.
  storageReportIpChanged: ({ cluster }) => (cluster.storageIds === undefined ? undefined : STATUS.EOPNOTSUPP),
  // Before V6.11 nobody can ask for an empty list.
  fetchStorageIds: (context) =>
    isAtLeast(context.cluster.settings.dialect, '6.11') ? undefined : withIdsOnly(context),
}

/** Bytes of a request, its header included, that a tracker reads. */
const MAX_REQUEST = 256 * 1024
const OLD_MAX_REQUEST = 8 * 1024
/** Seconds between notes that the tracker is running; see `.tracker_status`. */
const STATUS_INTERVAL = 300
/** Addresses that are none to connect from. */
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::']

function routesFor(dialect: Dialect): Routes<TrackerContext> {
  const known = Object.entries(handlers as Readonly<Record<string, Route<TrackerContext>['handle']>>)
    .filter(([name]) => isAtLeast(dialect, SINCE[name as keyof typeof handlers] ?? '5'))
    .map(([name, handle]) => [name, savedFirst(handle)])
  return routesOf('tracker', Object.fromEntries(known) as Parameters<typeof routesOf<TrackerContext>>[1], {
    refuse: REFUSALS,
    anyVersion: ['storageJoin'],
  })
}

/** What a request has changed is kept before the request is answered: whoever has the answer can count on it. */
function savedFirst(handle: Route<TrackerContext>['handle']): Route<TrackerContext>['handle'] {
  return (request, exchange) => {
    const reply = handle(request, exchange)
    const saved = exchange.context.save()
    return saved === undefined ? reply : saved.then(() => reply)
  }
}

/**
 * A FastDFS tracker in this process.
 *
 * @example
 * ```ts
 * const tracker = new Tracker({ storeLookup: 'load-balance', reservedStorageSpace: '10%' })
 * await tracker.start()
 * tracker.port // chosen by the system
 * await tracker.stop()
 * ```
 */
export class Tracker {
  readonly #settings: TrackerSettings
  readonly #network: Network
  readonly #listener: Listener
  readonly #turns = new Turns()
  readonly #cluster: Cluster
  readonly #state: StateFolder | undefined
  readonly #routes: Routes<TrackerContext>
  readonly #timers: Repeated[] = []
  #trackers = new Trackers()
  #election: Election | undefined
  #running: RunningTimes = { startedAt: 0, lastSeenAt: 0 }

  /**
   * Makes a tracker that does not listen yet.
   *
   * @throws ConfigError for an option out of its range
   */
  constructor(options: TrackerOptions = {}) {
    const { host = '127.0.0.1', port = 0, networkTimeout, dir, network = DIRECT_NETWORK } = options
    const { allowHosts, maxConnections } = options
    this.#network = network
    this.#settings = settingsOf(options)
    this.#cluster = new Cluster(this.#settings)
    this.#state = dir === undefined ? undefined : new StateFolder(dir, this.#cluster)
    this.#routes = routesFor(this.#settings.dialect)
    this.#listener = new Listener({ host, port, networkTimeout, allowHosts, maxConnections }, (socket) =>
      this.#serve(socket),
    )
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
   * Begins to listen. Does nothing when it does. Takes over the state in its folder, if it has one.
   *
   * @throws ConnectError when the address cannot be listened on
   * @throws ConfigError when its folder cannot be made, read or written
   */
  start(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#listener.listening) return
      const lastSeenAt = (await this.#state?.load()) ?? this.#running.lastSeenAt
      // Who leads is not kept: a tracker learns of the others from the first storage that joins.
      this.#trackers = new Trackers(() => this.#election?.wake())
      await this.#listener.start()
      this.#running = { startedAt: this.#now(), lastSeenAt }
      this.#election = new Election(this.#elector())
      this.#election.start()
      this.#repeat(this.#settings.checkActiveInterval, () => this.#cluster.expire())
      this.#repeat(STATUS_INTERVAL, () => void this.#keep())
      log.server('tracker %s:%d started', this.host, this.port)
    })
  }

  /**
   * Ends all connections and stops listening. What it knows of groups and storages is kept for the next start, in its
   * folder or in this object.
   */
  stop(): Promise<void> {
    return this.#turns.take(async () => {
      for (const timer of this.#timers.splice(0)) timer.stop()
      await this.#election?.stop()
      this.#election = undefined
      const { listening } = this.#listener
      await this.#listener.stop()
      if (listening) {
        await this.#keep()
        this.#running = { ...this.#running, lastSeenAt: this.#now() }
      }
      log.server('tracker %s:%d stopped', this.host, this.port)
    })
  }

  /** Ends it for good, as `kill -9` would: from now on nothing is written to its folder. */
  kill(): Promise<void> {
    this.#state?.abandon()
    return this.stop()
  }

  /**
   * Holds a storage to a status, whatever it reports; undefined lets go of it: then it is ACTIVE while it is connected,
   * else OFFLINE. Does nothing for a storage that this tracker does not know.
   */
  holdStatus(groupName: string, storageId: string, status: number | undefined): void {
    const group = this.#cluster.find(groupName)
    const member = group?.find(storageId)
    if (group === undefined || member === undefined) return
    group.hold(member, status)
  }

  /** Resolves when this tracker counts a storage ACTIVE. */
  async whenActive(group: string, storageId: string): Promise<void> {
    await this.#cluster.whenActive(group, storageId)
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #now(): number {
    return unixSeconds(this.#settings.clock)
  }

  #serve(socket: Socket): Session<TrackerContext> {
    const { stream, peerIp } = this.#network.take(socket)
    // Each connection has a dialect of its own: a storage of another version joins in that one's.
    const service = {
      routes: this.#routes,
      dialect: this.#settings.dialect,
      maxRequest: isAtLeast(this.#settings.dialect, '6.9') ? MAX_REQUEST : OLD_MAX_REQUEST,
      isTracker: true,
      closesOnInvalid: !isAtLeast(this.#settings.dialect, '6.9'),
    }
    const context: TrackerContext = {
      cluster: this.#cluster,
      trackers: this.#trackers,
      running: this.#running,
      peerIp,
      ownIp: plainAddress(socket.localAddress),
      ownPort: this.port,
      load: this.#listener,
      joined: undefined,
      follower: undefined,
      trunkServersTold: false,
      toldLeaders: 0,
      save: () => this.#state?.save(),
      speak: (dialect) => (service.dialect = dialect),
    }
    socket.once('close', () => leave(context))
    return new Session(stream, service, context)
  }

  #elector(): ConstructorParameters<typeof Election>[0] {
    const { host } = this
    return {
      trackers: this.#trackers,
      network: this.#network,
      dialect: this.#settings.dialect,
      localAddress: isIP(host) === 0 || ANY_ADDRESS.includes(host) ? undefined : host,
      standing: () => standingOf(this.#cluster, this.#trackers, this.#running),
      report: () => ({
        version: this.#settings.dialect.version,
        upTime: this.#running.startedAt,
        allocated: this.#listener.peakConnections,
        current: this.#listener.connections,
        max: this.#listener.peakConnections,
      }),
    }
  }

  /** Keeps what changes without a request, and that it is running. */
  async #keep(): Promise<void> {
    try {
      await this.#state?.saveAll()
      await this.#state?.noteRunning(this.#running.startedAt, this.#now())
    } catch (error) {
      log.server('tracker %s:%d: %s', this.host, this.port, (error as Error).message)
    }
  }

  #repeat(seconds: number, task: () => void): void {
    this.#timers.push(new Repeated(seconds * 1000, task))
  }
}

/** Runs a task again and again. */
class Repeated {
  readonly #delay: number
  readonly #task: () => void
  #timer: Timer | undefined

  /** Begins after the first `delay` milliseconds. */
  constructor(delay: number, task: () => void) {
    this.#delay = delay
    this.#task = task
    this.#begin()
  }

  /** Ends. */
  stop(): void {
    stopTimer(this.#timer)
  }

  #begin(): void {
    this.#timer = startTimer(this.#delay, () => {
      this.#task()
      this.#begin()
    })
  }
}
