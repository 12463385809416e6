import type { FastDfsError } from '../../errors.js'
import { STATUS } from '../../errors.js'
import { log } from '../../observe/log.js'
import type { Command, RequestOf, ResponseOf } from '../../protocol/index.js'
import { limits, trackerClusterCommands, trackerCommands } from '../../protocol/index.js'
import { now, startTimer, stopTimer } from '../clock.js'
import type { StorageStats } from '../storage-stats.js'
import type { Caller, ServerEndpoint } from '../server-connection.js'
import { ServerConnection } from '../server-connection.js'

const {
  storageJoin,
  storageSyncDestReq,
  storageSyncNotify,
  storageBeat,
  storageReportDiskUsage,
  storageSyncReport,
} = trackerClusterCommands
const { STORAGE_STATUS } = limits

/** Milliseconds before a lost tracker is tried again (protocol.md §4.5). */
const RETRY_DELAY = 1_000
/** Milliseconds between beats while no tracker has told of the group, since none leads yet: twice as many each time. */
const FIRST_ASK = 5
const LAST_ASK = 50
/** While another storage sends old files: a real one says nothing when it is done. */
const WAIT_INTERVAL = 1_000

/** What a storage joins with. */
export type JoinRequest = RequestOf<typeof storageJoin>
/** What it reports of its disks. */
export type DiskReport = RequestOf<typeof storageReportDiskUsage>
type Changes = ResponseOf<typeof storageBeat>
/** A storage of the group, as a tracker tells of it. */
export type Brief = NonNullable<Changes['storages']>[number]
/** Who sends the files that were there before a storage, and up to which moment; an empty source where nobody does. */
export interface OldFiles {
  readonly sourceId: string
  readonly until: number
}

/** What a storage asks of its trackers while it replicates. */
export interface Trackers {
  /** Beats at all trackers at once: what they know of the group comes back. */
  beatNow(): void
  /** Tells all trackers at once how far the other storages' changes have arrived. */
  reportNow(): void
  /** Who sends this storage the files that were there before it; empty where nobody does. */
  oldSource(): string
  /** Who sends a storage of the group the files that were there before it; undefined where nobody needs to. */
  oldFilesFor(storageId: string): Promise<OldFiles | undefined>
  /** Tells all trackers of another storage's status. */
  reportStatus(storage: Brief, status: number): Promise<void>
}

/** What a storage is to its links. */
export interface LinkedStorage extends Caller {
  /** Milliseconds between beats. */
  readonly heartBeatInterval: number
  /** Milliseconds between reports of the space of its disks. */
  readonly statReportInterval: number
  /** What it joins with, on a connection to the tracker of that address. */
  joinRequest(trackerIp: string): JoinRequest
  /** Who sends it old files; undefined while no tracker has said. */
  oldFiles(): OldFiles | undefined
  /** Finds out who sends old files, unless that is known; only one tracker is asked. */
  settle(ask: () => Promise<OldFiles>): Promise<void>
  /** A tracker knows this storage, which knows of no files: gets them back from the others. */
  recover(connection: ServerConnection): Promise<void>
  /** A tracker knows no source of old files of that ID: where it is gone for good, another one is asked for. */
  checkSource(connection: ServerConnection): Promise<void>
  /** Its counters now. */
  stats(): StorageStats
  /** The space of each store path. */
  diskReport(): Promise<DiskReport>
  /** A tracker has told its parameters. */
  onParameters(text: string): void
  /** How far the changes of others have arrived. */
  syncReport(): { sourceId: string; syncedUntil: number }[]
  /** Whether it knows the storages of its group. */
  knowsMembers(): boolean
  /** The tracker of that link says that it leads. */
  onLeader(link: TrackerLink): void
  /** The storages of its group have changed. */
  onMembers(members: readonly Brief[]): void
  /** The state of a link has changed. */
  onLinkState(): void
}

/** Nothing is known of the tracker yet; it counts the storage ACTIVE; it cannot be reached. */
export type LinkState = 'pending' | 'active' | 'down'

/** A question to the tracker from elsewhere, waiting for its turn. */
interface Question {
  run(connection: ServerConnection): Promise<void>
  fail(error: Error): void
}

/** A storage's tie to one tracker: joins it, beats, and begins anew when the tracker was away (protocol.md §4.5). */
export class TrackerLink {
  readonly #endpoint: ServerEndpoint
  readonly #storage: LinkedStorage
  readonly #id: string
  #state: LinkState = 'pending'
  #connection: ServerConnection | undefined
  #joined = false
  #ask = FIRST_ASK
  #stopped = false
  #wake: (() => void) | undefined
  #beatDue = true
  #reportDue = false
  #questions: Question[] = []
  /** The counters as the tracker knows them. */
  #reported = ''
  /** The storage's own status, where the tracker tells. */
  #status: number | undefined
  #running: Promise<void> = Promise.resolve()
  #reportsDisks = false
  #reporting: (() => void)[] = []

  /** Does not connect yet. */
  constructor(endpoint: ServerEndpoint, storage: LinkedStorage, id: string) {
    this.#endpoint = endpoint
    this.#storage = storage
    this.#id = id
  }

  /** How things stand with this tracker. */
  get state(): LinkState {
    return this.#state
  }

  /** Whether it is that tracker. */
  isTo({ host, port }: ServerEndpoint): boolean {
    return this.#endpoint.host === host && this.#endpoint.port === port
  }

  /** Reports the space of the disks now; resolves when that is done, or the link is down. */
  reportDisks(): Promise<void> {
    // Before the first beat after joining it reports them in any case.
    if (this.#state === 'down') return Promise.resolve()
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

  /** Begins anew. */
  rejoin(): void {
    this.#connection?.close()
  }

  /** Beats as soon as nothing else is being asked. */
  beatNow(): void {
    this.#beatDue = true
    this.#wake?.()
  }

  /** Reports as soon as nothing else is being asked. */
  reportNow(): void {
    this.#reportDue = true
    this.#wake?.()
  }

  /**
   * Asks the tracker when it is this question's turn.
   *
   * @throws ServerError for a status other than 0
   * @throws Error while the tracker is away
   */
  ask<C extends Command>(command: C, values: RequestOf<C>): Promise<ResponseOf<C>> {
    return new Promise((resolve, reject) => {
      const run = (connection: ServerConnection): Promise<void> =>
        connection.request(command, values).then(resolve, reject)
      if (!this.#joined) return reject(new Error('the tracker is away'))
      this.#questions.push({ run, fail: reject })
      this.#wake?.()
    })
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#converse()
      } catch (error) {
        log.server('tracker %s:%d: %s', this.#endpoint.host, this.#endpoint.port, (error as Error).message)
      }
      this.#joined = false
      for (const question of this.#questions.splice(0)) question.fail(new Error('the tracker is away'))
      this.#setState('down')
      for (const done of this.#reporting.splice(0)) done()
      if (!this.#stopped) await this.#wait(RETRY_DELAY)
    }
  }

  /** One connection, from the first byte to the last. */
  async #converse(): Promise<void> {
    const connection = ServerConnection.open(this.#endpoint, this.#storage)
    this.#connection = connection
    void connection.closed.then(() => this.#wake?.())
    try {
      await connection.connected()
      this.#setState('pending')
      await this.#join(connection)
      this.#joined = true
      this.#ask = FIRST_ASK
      let nextBeat = 0
      let nextReport = 0
      while (!this.#stopped) {
        // The space before the first beat: a tracker sends no upload to a storage that may have none.
        if (this.#reportsDisks || now() >= nextReport) {
          await this.#reportDiskUsage(connection)
          nextReport = now() + this.#storage.statReportInterval
        }
        if (this.#beatDue || now() >= nextBeat) {
          this.#beatDue = false
          await this.#beat(connection)
          nextBeat = now() + this.#beatInterval()
        }
        if (this.#reportDue) {
          this.#reportDue = false
          this.#learn(await connection.request(storageSyncReport, { sources: this.#storage.syncReport() }))
        }
        for (const question of this.#questions.splice(0)) await question.run(connection)
        if (connection.ended) return
        const idle = !this.#beatDue && !this.#reportDue && !this.#reportsDisks
        if (idle && this.#questions.length === 0) {
          await this.#wait(Math.max(0, Math.min(nextBeat, nextReport) - now()))
        }
      }
    } finally {
      connection.close()
      await connection.closed
      this.#connection = undefined
    }
  }

  async #join(connection: ServerConnection): Promise<void> {
    const storage = this.#storage
    const { status } = await connection.request(storageJoin, storage.joinRequest(connection.remoteAddress))
    storage.onParameters((await connection.request(trackerCommands.parameterReq, {})).parameters)
    this.#status = undefined
    this.#reported = ''
    await storage.settle(async () => {
      // Before V6.03 a tracker does not say what it knows.
      if (status !== undefined && KNOWN.includes(status)) {
        await storage.recover(connection)
        return NO_OLD_FILES
      }
      return this.#askForOldFiles(connection)
    })
    try {
      await connection.request(storageSyncNotify, storage.oldFiles() ?? NO_OLD_FILES)
    } catch (error) {
      if ((error as FastDfsError).status === STATUS.ENOENT) await storage.checkSource(connection)
      throw error
    }
    this.#beatDue = true
    this.#reportDue = storage.syncReport().length > 0
  }

  /** With the counters when they have changed. A tracker that takes a beat counts its sender ACTIVE. */
  async #beat(connection: ServerConnection): Promise<void> {
    const stats = this.#storage.stats()
    const text = JSON.stringify(stats)
    const changes = await connection.request(storageBeat, text === this.#reported ? {} : { stats })
    this.#reported = text
    this.#learn(changes)
    // A tracker that does not lead tells of nobody: the beat was taken, that is all there is to know.
    const told = this.#status === undefined || this.#status === STORAGE_STATUS.ACTIVE
    if (told && !this.#storage.oldFiles()?.sourceId) this.#setState('active')
  }

  /** Status 2: there are storages that could send them, none of them ready yet. */
  async #askForOldFiles(connection: ServerConnection): Promise<OldFiles> {
    for (;;) {
      try {
        return (await connection.request(storageSyncDestReq, {})).sync ?? NO_OLD_FILES
      } catch (error) {
        if (this.#stopped || (error as FastDfsError).status !== STATUS.ENOENT) throw error
      }
      await this.#wait(this.#nextAsk())
    }
  }

  async #reportDiskUsage(connection: ServerConnection): Promise<void> {
    const reporting = this.#reporting.splice(0)
    this.#reportsDisks = false
    try {
      this.#learn(await connection.request(storageReportDiskUsage, await this.#storage.diskReport()))
    } finally {
      for (const done of reporting) done()
    }
  }

  #nextAsk(): number {
    const ask = this.#ask
    this.#ask = Math.min(2 * ask, LAST_ASK)
    return ask
  }

  #beatInterval(): number {
    if (!this.#storage.knowsMembers()) return this.#nextAsk()
    const { heartBeatInterval } = this.#storage
    return this.#storage.oldFiles()?.sourceId ? Math.min(WAIT_INTERVAL, heartBeatInterval) : heartBeatInterval
  }

  #learn({ leader, storages }: Changes): void {
    // Only the leader tells who leads (protocol.md §4.4): that is the tracker of this link.
    if (leader !== undefined) this.#storage.onLeader(this)
    if (storages === undefined) return
    this.#status = storages.find(({ id }) => id === this.#id)?.status ?? this.#status
    this.#storage.onMembers(storages)
  }

  #setState(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    this.#storage.onLinkState()
  }

  /** Until the time has passed, the connection has ended, or something is to be done. */
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

const NO_OLD_FILES: OldFiles = { sourceId: '', until: 0 }
/** In these a storage has had files. */
const KNOWN: readonly number[] = [
  STORAGE_STATUS.OFFLINE,
  STORAGE_STATUS.ONLINE,
  STORAGE_STATUS.ACTIVE,
  STORAGE_STATUS.RECOVERY,
]
