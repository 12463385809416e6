import { log } from '../../observe/log.js'
import type { RequestOf, ResponseOf } from '../../protocol/index.js'
import { trackerClusterCommands } from '../../protocol/index.js'
import { startTimer, stopTimer } from '../clock.js'
import type { Network } from '../network.js'
import type { StorageStats } from '../storage-stats.js'
import type { TrackerEndpoint } from './tracker-connection.js'
import { TrackerConnection } from './tracker-connection.js'

const { storageJoin, storageSyncDestReq, storageSyncNotify, storageBeat, storageReportDiskUsage } =
  trackerClusterCommands

/** Milliseconds between beats, and before a lost tracker is tried again (protocol.md §4.5). */
const BEAT_INTERVAL = 30_000
const RETRY_DELAY = 1_000
/** Milliseconds between beats while no tracker has told of the group: none leads yet. */
const ASK_INTERVAL = 50
/** Disk space is reported with every tenth beat: each 300 s. */
const BEATS_PER_DISK_REPORT = 10

/** What a storage joins with. */
export type JoinRequest = RequestOf<typeof storageJoin>
/** What it reports of its disks. */
export type DiskReport = RequestOf<typeof storageReportDiskUsage>
type Changes = ResponseOf<typeof storageBeat>
/** A storage of the group, as a tracker tells of it. */
export type Brief = NonNullable<Changes['storages']>[number]

/** What a storage is to its links. */
export interface LinkedStorage {
  /** How it connects. */
  readonly network: Network
  /** The address to connect from; undefined where any will do. */
  readonly localAddress: string | undefined
  /** What it joins with, on a connection to the tracker of that address. */
  joinRequest(trackerIp: string): JoinRequest
  /** Whether the question for old files has been answered, by whichever tracker. */
  oldFilesSettled: boolean
  /** Its counters now. */
  stats(): StorageStats
  /** The space of each store path. */
  diskReport(): Promise<DiskReport>
  /** Whether it knows the storages of its group. */
  knowsMembers(): boolean
  /** The storages of its group have changed. */
  onMembers(members: readonly Brief[]): void
  /** The state of a link has changed. */
  onLinkState(): void
}

/** Nothing is known of the tracker yet; it counts the storage ACTIVE; it cannot be reached. */
export type LinkState = 'pending' | 'active' | 'down'

/** A storage's tie to one tracker: joins it, beats, and begins anew when the tracker was away (protocol.md §4.5). */
export class TrackerLink {
  readonly #endpoint: TrackerEndpoint
  readonly #storage: LinkedStorage
  #state: LinkState = 'pending'
  #connection: TrackerConnection | undefined
  #stopped = false
  #wake: (() => void) | undefined
  /** The counters as the tracker knows them. */
  #reported = ''
  #running: Promise<void> = Promise.resolve()
  #reportsDisks = false
  #reporting: (() => void)[] = []

  /** Does not connect yet. */
  constructor(endpoint: TrackerEndpoint, storage: LinkedStorage) {
    this.#endpoint = endpoint
    this.#storage = storage
  }

  /** How things stand with this tracker. */
  get state(): LinkState {
    return this.#state
  }

  /** Whether it is that tracker. */
  isTo({ host, port }: TrackerEndpoint): boolean {
    return this.#endpoint.host === host && this.#endpoint.port === port
  }

  /** Reports the space of the disks with the next beat, and beats now; resolves when that is done, or the link is down. */
  reportDisks(): Promise<void> {
    if (this.#state !== 'active') return Promise.resolve()
    this.#reportsDisks = true
    this.#wake?.()
    return new Promise((resolve) => this.#reporting.push(resolve))
  }

  /** Connects, and stays connected until stopped. */
  start(): void {
    this.#running = this.#run()
  }

  /** Ends; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#connection?.close()
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#converse()
      } catch (error) {
        log.server('tracker %s:%d: %s', this.#endpoint.host, this.#endpoint.port, (error as Error).message)
      }
      this.#setState('down')
      for (const done of this.#reporting.splice(0)) done()
      if (!this.#stopped) await this.#wait(RETRY_DELAY)
    }
  }

  /** One connection, from the first byte to the last. */
  async #converse(): Promise<void> {
    const connection = TrackerConnection.open(this.#endpoint, this.#storage)
    this.#connection = connection
    void connection.closed.then(() => this.#wake?.())
    try {
      await connection.connected()
      this.#setState('pending')
      await this.#join(connection)
      for (let beats = 0; !this.#stopped; beats++) {
        // First the space: a tracker sends no upload to a storage that may have none.
        if (beats % BEATS_PER_DISK_REPORT === 0 || this.#reportsDisks) {
          const reporting = this.#reporting.splice(0)
          this.#reportsDisks = false
          this.#learn(await connection.request(storageReportDiskUsage, await this.#storage.diskReport()))
          for (const done of reporting) done()
        }
        await this.#beat(connection)
        if (!this.#reportsDisks) await this.#wait(this.#storage.knowsMembers() ? BEAT_INTERVAL : ASK_INTERVAL)
      }
    } finally {
      connection.close()
      await connection.closed
      this.#connection = undefined
    }
  }

  async #join(connection: TrackerConnection): Promise<void> {
    const storage = this.#storage
    await connection.request(storageJoin, storage.joinRequest(connection.remoteAddress))
    if (!storage.oldFilesSettled) {
      await connection.request(storageSyncDestReq, {})
      storage.oldFilesSettled = true
    }
    // Whatever source the tracker has named: there are no old files to wait for.
    await connection.request(storageSyncNotify, { sourceId: '', until: 0 })
    this.#reported = ''
  }

  /** With the counters when they have changed. A tracker that takes a beat counts its sender ACTIVE. */
  async #beat(connection: TrackerConnection): Promise<void> {
    const stats = this.#storage.stats()
    const text = JSON.stringify(stats)
    const changes = await connection.request(storageBeat, text === this.#reported ? {} : { stats })
    this.#reported = text
    this.#setState('active')
    this.#learn(changes)
  }

  #learn({ storages }: Changes): void {
    if (storages !== undefined) this.#storage.onMembers(storages)
  }

  #setState(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    this.#storage.onLinkState()
  }

  /** Until the time has passed, the connection has ended, or the link is stopped. */
  #wait(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        stopTimer(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = startTimer(delay, done)
      this.#wake = done
    })
  }
}
