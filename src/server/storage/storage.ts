import { isIP } from 'node:net'
import { ConfigError } from '../../errors.js'
import { log } from '../../observe/log.js'
import type { Dialect } from '../../protocol/index.js'
import { LATEST, limits } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import { SYSTEM_CLOCK, unixSeconds } from '../clock.js'
import { Listener } from '../listener.js'
import type { Network } from '../network.js'
import { DIRECT_NETWORK } from '../network.js'
import type { Routes } from '../routes.js'
import { routesOf } from '../routes.js'
import { Session } from '../session.js'
import type { StorageStats } from '../storage-stats.js'
import { emptyStats } from '../storage-stats.js'
import type { Store } from '../stores/store.js'
import { Turns } from '../turns.js'
import { Watchers } from '../watchers.js'
import { appenderHandlers } from './appender.js'
import type { StorageContext } from './context.js'
import { fileHandlers } from './files.js'
import { metadataHandlers } from './metadata.js'
import { NameLock } from './name-lock.js'
import { Naming } from './naming.js'
import { slaveHandlers } from './slave.js'
import type { TrackerEndpoint } from './tracker-connection.js'
import type { Brief, DiskReport, JoinRequest, LinkedStorage } from './tracker-link.js'
import { TrackerLink } from './tracker-link.js'
import { uploadHandlers } from './upload.js'

/** Options of a {@link Storage}. */
export interface StorageOptions {
  /** The group it belongs to, 1 to 16 letters and digits. */
  readonly group: string
  /** Its ID, 1 to 16 777 215: it goes into the IDs of the files that are uploaded here. */
  readonly id: number
  /** The address to listen on, and to connect to trackers from. @defaultValue '127.0.0.1' */
  readonly host?: string | undefined
  /** The port; 0 lets the system choose at the first start. @defaultValue 0 */
  readonly port?: number | undefined
  /** The trackers to join, at least one. */
  readonly trackers: readonly TrackerEndpoint[]
  /** Where the files are kept. */
  readonly store: Store
  /** Store paths, 1 to 256. @defaultValue 1 */
  readonly storePathCount?: number | undefined
  /** Directories at each of the two levels of a store path, 1 to 256. @defaultValue 256 */
  readonly subdirCount?: number | undefined
  /** The version and the width of addresses it speaks with. @defaultValue the newest version, 16 bytes */
  readonly dialect?: Dialect | undefined
  /** Where the time and the chance in names come from. @defaultValue the machine's own */
  readonly clock?: Clock | undefined
  /** What stands between it and its peers. @defaultValue nothing */
  readonly network?: Network | undefined
}

const { STORAGE_STATUS } = limits
/** Where several storages could be uploaded to, one of a lower number is preferred; all real ones have this by default. */
const UPLOAD_PRIORITY = 10
/** Listening on these, or on what a name stands for, says nothing about the address by which others reach us. */
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::']
const MB = 1024 * 1024
/** A file name has three bytes for it (§1.2). */
const MAX_ID = 0xffffff

const routes: Routes<StorageContext> = routesOf('storage', {
  activeTest: () => ({}),
  ...uploadHandlers,
  ...slaveHandlers,
  ...appenderHandlers,
  ...fileHandlers,
  ...metadataHandlers,
})
// As a real storage with `buff_size = 256KB`, the value in its sample configuration (protocol.md §1.2).
const MAX_REQUEST = 256 * 1024

/**
 * A FastDFS storage in this process.
 *
 * @example
 * ```ts
 * const storage = new Storage({
 *   group: 'group1', id: 100001, trackers: [{ host: '127.0.0.1', port: tracker.port }], store: new MemoryStore(),
 * })
 * await storage.start()
 * await storage.whenActive()
 * ```
 */
export class Storage {
  readonly #options: StorageOptions
  readonly #dialect: Dialect
  readonly #listener: Listener
  readonly #context: StorageContext
  readonly #turns = new Turns()
  #trackers: readonly TrackerEndpoint[]
  #links: readonly TrackerLink[] = []
  #members: readonly Brief[] = []
  #joinTime = 0
  #upTime = 0
  #nextStorePath = 0
  readonly #watchers = new Watchers()
  readonly #linked: LinkedStorage

  /**
   * Makes a storage that does not listen yet.
   *
   * @throws ConfigError for an option out of its range
   */
  constructor(options: StorageOptions) {
    const { group, id, host = '127.0.0.1', port = 0, store, storePathCount = 1, subdirCount = 256 } = options
    const { dialect = LATEST, clock = SYSTEM_CLOCK, network = DIRECT_NETWORK } = options
    if (!/^[0-9A-Za-z]{1,16}$/.test(group))
      throw new ConfigError(`group must be 1 to 16 letters and digits: ${group}`)
    checkRange('id', id, MAX_ID)
    checkRange('the number of trackers', options.trackers.length, limits.MAX_TRACKERS)
    checkRange('storePathCount', storePathCount, 256)
    checkRange('subdirCount', subdirCount, 256)
    this.#options = options
    this.#trackers = options.trackers
    const service = { routes, dialect, maxRequest: MAX_REQUEST, closesOnInvalid: true }
    this.#listener = new Listener(host, port, (socket) => {
      return new Session(network.take(socket).stream, service, this.#context)
    })
    this.#dialect = dialect
    this.#context = {
      group,
      storePathCount,
      subdirCount,
      store,
      clock,
      naming: new Naming(group, id, subdirCount, clock),
      stats: emptyStats(),
      lock: new NameLock(),
      nextStorePath: () => this.#nextStorePath++ % storePathCount,
      addressOf: (memberId) => this.#members.find((member) => member.id === memberId)?.ip ?? '',
    }
    this.#linked = {
      network,
      localAddress: isIP(host) === 0 || ANY_ADDRESS.includes(host) ? undefined : host,
      oldFilesSettled: false,
      joinRequest: (trackerIp) => this.#joinRequest(trackerIp),
      stats: () => this.#stats(),
      diskReport: () => this.#diskReport(),
      knowsMembers: () => this.#members.length > 0,
      onMembers: (members) => {
        this.#members = members
        this.#watchers.notify()
      },
      onLinkState: () => this.#watchers.notify(),
    }
  }

  /** The group. */
  get group(): string {
    return this.#options.group
  }

  /** The storage ID. */
  get id(): number {
    return this.#options.id
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
   * Makes the store ready, begins to listen, and begins to join the trackers; see {@link Storage.whenActive}. Does
   * nothing when it listens.
   *
   * @throws ConnectError when the address cannot be listened on
   */
  start(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#listener.listening) return
      await this.#context.store.open(this.#context.storePathCount)
      await this.#listener.start()
      this.#upTime = unixSeconds(this.#context.clock)
      this.#joinTime ||= this.#upTime
      this.#links = this.#trackers.map((endpoint) => new TrackerLink(endpoint, this.#linked))
      for (const link of this.#links) link.start()
      log.server('storage %s of %s %s:%d started', this.id, this.group, this.host, this.port)
    })
  }

  /** Ends all connections and stops listening. Files are kept for the next start. */
  stop(): Promise<void> {
    return this.#turns.take(async () => {
      await Promise.all([...this.#links.map((link) => link.stop()), this.#listener.stop()])
      this.#links = []
      log.server('storage %s of %s %s:%d stopped', this.id, this.group, this.host, this.port)
    })
  }

  /** Joins other trackers, and leaves those that are none of them any more. */
  setTrackers(endpoints: readonly TrackerEndpoint[]): Promise<void> {
    return this.#turns.take(async () => {
      this.#trackers = endpoints
      if (!this.#listener.listening) return
      const links = endpoints.map(
        (endpoint) =>
          this.#links.find((link) => link.isTo(endpoint)) ?? new TrackerLink(endpoint, this.#linked),
      )
      const left = this.#links.filter((link) => !links.includes(link))
      const added = links.filter((link) => !this.#links.includes(link))
      this.#links = links
      for (const link of added) link.start()
      await Promise.all(left.map((link) => link.stop()))
    })
  }

  /** Reports the space of its disks now; resolves when all trackers that can be reached know it. */
  async reportDisks(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.reportDisks()))
  }

  /** Forgets what it has counted. */
  resetStats(): void {
    Object.assign(this.#context.stats, emptyStats())
  }

  /**
   * Resolves when every tracker that can be reached, and at least one, counts this storage ACTIVE, and the one that
   * leads has told of its group.
   */
  whenActive(): Promise<void> {
    return this.#watchers.until(() => {
      const states = this.#links.map((link) => link.state)
      return states.includes('active') && !states.includes('pending') && this.#members.length > 0
    })
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #joinRequest(trackerIp: string): JoinRequest {
    const { group, id } = this.#options
    const { storePathCount, subdirCount } = this.#context
    return {
      group,
      storagePort: this.port,
      storePathCount,
      subdirCountPerPath: subdirCount,
      uploadPriority: UPLOAD_PRIORITY,
      joinTime: this.#joinTime,
      upTime: this.#upTime,
      version: this.#dialect.version,
      initFlag: this.#linked.oldFilesSettled ? 0 : 1,
      status: this.#linked.oldFilesSettled ? STORAGE_STATUS.ACTIVE : STORAGE_STATUS.INIT,
      id: String(id),
      currentTrackerIp: trackerIp,
      trackers: this.#trackers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
    }
  }

  #stats(): StorageStats {
    const { connections, maxConnections } = this.#listener
    return Object.assign(this.#context.stats, {
      connectionsAllocated: maxConnections,
      connectionsCurrent: connections,
      connectionsMax: maxConnections,
    })
  }

  async #diskReport(): Promise<DiskReport> {
    const { store, storePathCount } = this.#context
    const paths: DiskReport['paths'] = []
    for (let index = 0; index < storePathCount; index++) {
      const { total, free } = await store.space(index)
      paths.push({ totalMb: Math.floor(total / MB), freeMb: Math.floor(free / MB) })
    }
    return { paths }
  }
}

function checkRange(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw new ConfigError(`${name} must be a whole number from 1 to ${max}, not ${value}`)
}
