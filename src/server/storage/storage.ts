import { isIP, isIPv4 } from 'node:net'
import { ConfigError } from '../../errors.js'
import { log } from '../../observe/log.js'
import type { Dialect } from '../../protocol/index.js'
import { LATEST, limits, trackerClusterCommands, trackerCommands } from '../../protocol/index.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Timer } from '../clock.js'
import { MAX_DELAY, startTimer, stopTimer, SYSTEM_CLOCK, unixSeconds } from '../clock.js'
import { Listener } from '../listener.js'
import { isGroupName } from '../names.js'
import { DIRECT_NETWORK } from '../network.js'
import type { Routes } from '../routes.js'
import { routesOf } from '../routes.js'
import { Session } from '../session.js'
import type { StorageStats } from '../storage-stats.js'
import { emptyStats } from '../storage-stats.js'
import { GONE } from '../status-sets.js'
import { Turns } from '../turns.js'
import { Watchers } from '../watchers.js'
import { appenderHandlers } from './appender.js'
import { Binlog } from './binlog.js'
import type { StorageConnection, StorageContext, StorageHandlers } from './context.js'
import { fileListHandlers } from './file-list.js'
import { fileHandlers } from './files.js'
import type { Identity } from './identity.js'
import { readIdentity, writeIdentity } from './identity.js'
import { Duplicates } from './duplicates.js'
import { Journal } from './journal.js'
import { LeaderWatch } from './leader-watch.js'
import { linkHandlers } from './link.js'
import { markedPeers, resetMarks } from './mark.js'
import { metadataHandlers } from './metadata.js'
import { nameCrc32Of } from './name-crc32.js'
import { NameLock } from './name-lock.js'
import { Naming } from './naming.js'
import { recoverFrom } from './recovery.js'
import { redo } from './redo.js'
import { Replication } from './replication.js'
import type { Caller, ServerConnection, ServerEndpoint } from '../server-connection.js'
import { slaveHandlers } from './slave.js'
import { Space, spaceRulesOf } from './space.js'
import { readStatFile, resetStatFile, writeStatFile } from './stat-file.js'
import type { StorageOptions } from './storage-options.js'
import { syncHandlers } from './sync.js'
import { syncWindow } from './sync-window.js'
import type { Brief, JoinRequest, LinkedStorage, OldFiles, Trackers } from './tracker-link.js'
import { TrackerLink } from './tracker-link.js'
import { uploadHandlers } from './upload.js'
import { Versions } from './versions.js'

const { STORAGE_STATUS } = limits
const { storageSyncSrcReq, storageReportStatus, storageChangeStatus } = trackerClusterCommands
const { listStorage } = trackerCommands
/** Bytes at the binlog's end whose records are made sure of after a crash: far more than requests run at one time. */
const REDONE = 256 * 1024
/** What real storages have where their configuration says nothing. */
const HEART_BEAT_INTERVAL = 30_000
const STAT_REPORT_INTERVAL = 300_000
const SYNC_STAT_FILE_INTERVAL = 60_000
/** What all real storages have by default. */
const UPLOAD_PRIORITY = 10
const ROTATE_COUNT = 100
/** They read numbers as an `int`. */
const MAX_INT = 2 ** 31 - 1
/** Listening on these, or on what a name stands for, says nothing about the address by which others reach us. */
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::']
/** What real ones name where they are not told another, long after they have ceased to listen there. */
const HTTP_PORT = 80

const activeTest: StorageHandlers['activeTest'] = (_, { context }) => {
  if (context.senderId !== '') context.replication.onIdle(context.senderId)
  return {}
}

const handlers: StorageHandlers = {
  activeTest,
  ...uploadHandlers,
  ...slaveHandlers,
  ...linkHandlers,
  ...appenderHandlers,
  ...fileHandlers,
  ...metadataHandlers,
  ...syncHandlers,
  ...fileListHandlers,
}

const routes: Routes<StorageConnection> = routesOf('storage', handlers)

/** What a storage of that version knows: appenders are renamed since V6.02 (protocol.md §11). */
function routesFor(dialect: Dialect): Routes<StorageConnection> {
  if (isAtLeast(dialect, '6.02')) return routes
  return routesOf('storage', {
    ...handlers,
    regenerateAppenderFilename: undefined,
    syncRenameFile: undefined,
  })
}

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
  readonly #intervals: Readonly<
    Record<'heartBeatInterval' | 'statReportInterval' | 'syncStatFileInterval', number>
  >
  readonly #listener: Listener
  readonly #context: StorageContext
  readonly #turns = new Turns()
  #trackers: readonly ServerEndpoint[]
  #links: readonly TrackerLink[] = []
  readonly #leader = new LeaderWatch()
  readonly #binlog: Binlog
  readonly #versions: Versions
  readonly #replication: Replication
  readonly #caller: Caller
  #joinTime = 0
  #upTime = 0
  #oldFiles: OldFiles | undefined
  #noted: Identity['others'] = new Map()
  readonly #settling = new Turns()
  /** The IDs of storages of the group that could not be asked for the files that were lost here. */
  #helpers: readonly string[] = []
  /** Those of them that are being asked. */
  #recovering: Promise<void> | undefined
  #ending = new AbortController()
  #statTimer: Timer | undefined
  readonly #watchers = new Watchers()
  readonly #linked: LinkedStorage

  /**
   * Makes a storage that does not listen yet.
   *
   * @throws ConfigError for an option out of its range
   */
  constructor(options: StorageOptions) {
    const { group, id, host = '127.0.0.1', port = 0, store, storePathCount = 1, subdirCount = 256 } = options
    const { dialect = LATEST, clock = SYSTEM_CLOCK, network = DIRECT_NETWORK, networkTimeout } = options
    const { readOnlyStorePaths = [], uploadPriority = UPLOAD_PRIORITY } = options
    const { heartBeatInterval = HEART_BEAT_INTERVAL, statReportInterval = STAT_REPORT_INTERVAL } = options
    const { syncStatFileInterval = SYNC_STAT_FILE_INTERVAL } = options
    const { fileDistributePathMode = 'round-robin', fileDistributeRotateCount = ROTATE_COUNT } = options
    const { syncStartTime = '00:00', syncEndTime = '23:59' } = options
    const { allowHosts, maxConnections } = options
    if (!isGroupName(group))
      throw new ConfigError(`group must be 1 to 16 letters and digits: ${options.group}`)
    if (typeof id === 'number') checkRange('id', id, limits.MAX_STORAGE_ID)
    else if (!isIPv4(id))
      throw new ConfigError(`id must be a number or an IPv4 address, not ${JSON.stringify(id)}`)
    checkRange('the number of trackers', options.trackers.length, limits.MAX_TRACKERS)
    checkRange('storePathCount', storePathCount, 256)
    checkRange('subdirCount', subdirCount, 256)
    for (const index of readOnlyStorePaths) checkRange('readOnlyStorePaths', index, storePathCount - 1, 0)
    checkRange('uploadPriority', uploadPriority, MAX_INT, 0)
    checkRange('fileDistributeRotateCount', fileDistributeRotateCount, MAX_INT)
    if (!['round-robin', 'random'].includes(fileDistributePathMode))
      throw new ConfigError(
        `fileDistributePathMode must be round-robin or random, not ${fileDistributePathMode}`,
      )
    const distribution = {
      subdirCount,
      takesTurns: fileDistributePathMode === 'round-robin',
      rotateCount: fileDistributeRotateCount,
    }
    const intervals = { heartBeatInterval, statReportInterval, syncStatFileInterval }
    for (const [name, value] of Object.entries(intervals)) checkRange(name, value, MAX_DELAY)
    this.#options = options
    this.#intervals = intervals
    this.#trackers = options.trackers
    // Of every version, also those of V6.12, which leave it open and hardly ever answer on it again (§12).
    const service = {
      routes: routesFor(dialect),
      dialect,
      maxRequest: MAX_REQUEST,
      isTracker: false,
      closesOnInvalid: true,
    }
    this.#listener = new Listener({ host, port, networkTimeout, allowHosts, maxConnections }, (socket) => {
      const { stream, peerIp } = network.take(socket)
      return new Session(stream, service, { ...this.#context, senderId: '', peerIp, stream })
    })
    this.#dialect = dialect
    this.#caller = {
      network,
      localAddress: isIP(host) === 0 || ANY_ADDRESS.includes(host) ? undefined : host,
      dialect,
      networkTimeout,
    }
    this.#binlog = new Binlog(store.own, () => this.#replication.onGrow())
    this.#versions = new Versions(store.own)
    this.#replication = new Replication(
      options.replication ?? 'now',
      this.#binlog,
      this.#caller,
      this.#askTrackers(),
      () => this.#context,
      syncWindow(syncStartTime, syncEndTime, clock),
    )
    this.#context = {
      group,
      storePathCount,
      subdirCount,
      store,
      clock,
      naming: new Naming(group, id, distribution, clock),
      stats: emptyStats(),
      lock: new NameLock(),
      heartBeatInterval,
      journal: new Journal(
        String(id),
        this.#binlog,
        this.#versions,
        clock,
        () => this.#replication.isAlone,
        (name) => this.#replication.passOn(name),
      ),
      versions: this.#versions,
      replication: this.#replication,
      changing: new Map(),
      space: new Space(store, storePathCount, readOnlyStorePaths, clock),
      duplicates: options.checkFileDuplicate ? new Duplicates(store) : undefined,
      newNameCrc32: nameCrc32Of(dialect, MAX_REQUEST),
      dialect,
      addressOf: (memberId) => this.#replication.members.find((member) => member.id === memberId)?.ip ?? '',
    }
    this.#linked = this.#linkedStorage()
  }

  /** The group. */
  get group(): string {
    return this.#options.group
  }

  /** The storage ID, or the address that stands for it. */
  get id(): number | string {
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
   * @throws ConfigError when its folder cannot be made, read or written
   */
  start(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#listener.listening) return
      this.#ending = new AbortController()
      let peers: readonly string[]
      try {
        await this.#open()
        peers = await markedPeers(this.#options.store.own)
        await this.#listener.start()
      } catch (error) {
        await this.#close()
        throw error
      }
      this.#replication.start(peers)
      this.#links = this.#trackers.map((endpoint) => new TrackerLink(endpoint, this.#linked, String(this.id)))
      for (const link of this.#links) link.start()
      log.server('storage %s of %s %s:%d started', this.id, this.group, this.host, this.port)
    })
  }

  /** Ends all connections and stops listening. Files are kept for the next start. */
  stop(): Promise<void> {
    return this.#turns.take(async () => {
      if (!this.#listener.listening) return
      this.#ending.abort()
      const links = this.#links.map((link) => link.stop())
      await Promise.all([...links, this.#listener.stop(), this.#replication.stop(), this.#recovering])
      this.#links = []
      await this.#saveStats().catch((error: unknown) => log.server('storage_stat.dat: %o', error))
      await this.#close()
      log.server('storage %s of %s %s:%d stopped', this.id, this.group, this.host, this.port)
    })
  }

  /**
   * Passes on what the other storages of the group have not got yet, in every mode; resolves when all of them that can
   * be reached have it.
   *
   * @param unheard - whether a storage, by ID, is known not to answer, although it has not closed its connection: nobody
   * waits for it
   */
  async replicate(unheard?: (storageId: string) => boolean): Promise<void> {
    await this.#replication.replicate(unheard)
  }

  /** Lets {@link Storage.replicate} ask again who does not answer. */
  recheck(): void {
    this.#replication.recheck()
  }

  /** Joins other trackers, and leaves those that are none of them any more. */
  setTrackers(endpoints: readonly ServerEndpoint[]): Promise<void> {
    return this.#turns.take(async () => {
      this.#trackers = endpoints
      if (!this.#listener.listening) return
      const links = endpoints.map(
        (endpoint) =>
          this.#links.find((link) => link.isTo(endpoint)) ??
          new TrackerLink(endpoint, this.#linked, String(this.id)),
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

  /**
   * Passes nothing on until {@link Storage.reset}; resolves when nothing is on its way to the other storages of the
   * group any more.
   */
  async rest(): Promise<void> {
    await this.#replication.rest()
  }

  /**
   * Takes what is in the store now for all that has ever happened: forgets the binlog, what it has told the other
   * storages of the group, the versions of files, and what it has counted. They must be at rest, have the same files,
   * and be reset as well. Connections and its place in the group stay.
   */
  reset(): Promise<void> {
    return this.#turns.take(async () => {
      const { store, stats, naming, journal, duplicates, storePathCount } = this.#context
      await this.#binlog.clear()
      await this.#versions.clear()
      journal.open([])
      await resetMarks(store.own)
      await resetStatFile(store.own, naming)
      await duplicates?.open(storePathCount)
      Object.assign(stats, emptyStats())
      this.#replication.reset()
    })
  }

  /**
   * Resolves when every tracker that can be reached, and at least one, counts this storage ACTIVE, and the one that
   * leads has told of its group.
   */
  whenActive(): Promise<void> {
    return this.#watchers.until(() => {
      const states = this.#links.map((link) => link.state)
      return states.includes('active') && !states.includes('pending') && this.#replication.members.length > 0
    })
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Finds what is there, and ends what was begun when this storage was killed. */
  async #open(): Promise<void> {
    const { store, storePathCount, clock, stats, naming } = this.#context
    await store.open(storePathCount)
    const changing = await this.#versions.open()
    const tail = await this.#binlog.open(REDONE)
    this.#context.journal.open(tail)
    await redo(this.#context, changing, tail)
    await this.#context.duplicates?.open(storePathCount)
    Object.assign(stats, await readStatFile(store.own, naming))
    const identity = await readIdentity(store.own)
    this.#upTime = unixSeconds(clock)
    this.#joinTime = identity?.joinTime ?? this.#upTime
    this.#oldFiles = identity?.oldFiles
    this.#helpers = identity?.helpers ?? []
    this.#noted = identity?.others ?? new Map()
    try {
      await this.#saveIdentity()
    } catch (error) {
      // A disk that is full is no reason not to give files away, and to remove them.
      if (identity === undefined) throw error
      log.server('.data_init_flag: %o', error)
    }
    this.#saveStatsLater()
  }

  async #close(): Promise<void> {
    stopTimer(this.#statTimer)
    await this.#binlog.close()
    await this.#versions.close()
    await this.#context.duplicates?.close()
  }

  async #saveIdentity(): Promise<void> {
    const { store } = this.#context
    await writeIdentity(store.own, {
      joinTime: this.#joinTime,
      oldFiles: this.#oldFiles,
      helpers: this.#helpers,
      others: this.#noted,
      ip: typeof this.id === 'string' ? this.id : ANY_ADDRESS.includes(this.host) ? '' : this.host,
      port: this.port,
    })
  }

  #saveStatsLater(): void {
    this.#statTimer = startTimer(this.#intervals.syncStatFileInterval, () => {
      this.#saveStats().catch((error: unknown) => log.server('storage_stat.dat: %o', error))
      this.#saveStatsLater()
    })
  }

  async #saveStats(): Promise<void> {
    const { store, stats, naming } = this.#context
    await writeStatFile(store.own, stats, naming)
  }

  #linkedStorage(): LinkedStorage {
    return {
      ...this.#caller,
      ...this.#intervals,
      oldFiles: () => this.#oldFiles,
      settle: (ask) =>
        this.#settling.take(async () => {
          if (this.#oldFiles !== undefined) return
          this.#oldFiles = await ask()
          await this.#saveIdentity()
        }),
      recover: (connection) => this.#recover(connection),
      checkSource: async (connection) => {
        const { storages } = await connection.request(listStorage, { group: this.group })
        if (isGone(this.#oldFiles?.sourceId, storages)) this.#oldFiles = undefined
      },
      joinRequest: (trackerIp) => this.#joinRequest(trackerIp),
      stats: () => this.#stats(),
      diskReport: async () => ({ paths: [...(await this.#context.space.report())] }),
      onParameters: (text) => (this.#context.space.rules = spaceRulesOf(text)),
      syncReport: () => this.#replication.syncReport(),
      knowsMembers: () => this.#replication.members.length > 0,
      onLeader: (link) => void this.#leader.see(link),
      onMembers: (members) => this.#onMembers(members),
      onLinkState: () => this.#watchers.notify(),
    }
  }

  #askTrackers(): Trackers {
    return {
      beatNow: () => this.#links.forEach((link) => link.beatNow()),
      reportNow: () => this.#links.forEach((link) => link.reportNow()),
      oldSource: () => this.#oldFiles?.sourceId ?? '',
      oldFilesFor: async (destinationId) => {
        const ask = (link: TrackerLink) => link.ask(storageSyncSrcReq, { group: this.group, destinationId })
        return (await firstAnswer(this.#links.map((link) => () => ask(link)))).sync
      },
      reportStatus: async (storage, status) => {
        // Its port is 0, as from real storages (protocol.md §4.2).
        const request = { group: this.group, storage: { ...storage, status, port: 0 } }
        await Promise.allSettled(this.#links.map((link) => link.ask(storageReportStatus, request)))
      },
    }
  }

  #onMembers(members: readonly Brief[]): void {
    this.#replication.onMembers(members)
    this.#watchers.notify()
    const status = members.find(({ id }) => id === String(this.id))?.status
    // The source has said that all old files are here.
    if (this.#oldFiles?.sourceId && status !== undefined && status >= STORAGE_STATUS.OFFLINE) {
      this.#oldFiles = { sourceId: '', until: 0 }
      this.#saveIdentity().catch((error: unknown) => log.server('.data_init_flag: %o', error))
      for (const link of this.#links) link.beatNow()
    }
    if (isGone(this.#oldFiles?.sourceId, members)) for (const link of this.#links) link.rejoin()
    const back = members.filter(
      (member) =>
        this.#helpers.includes(member.id) &&
        (member.status === STORAGE_STATUS.ACTIVE || GONE.includes(member.status)),
    )
    if (back.length > 0 && !this.#ending.signal.aborted) this.#recovering ??= this.#recoverLate(back)
  }

  /** Gets the files of this storage back from the others. */
  async #recover(connection: ServerConnection): Promise<void> {
    await connection.status(storageChangeStatus, { status: STORAGE_STATUS.RECOVERY })
    const { storages } = await connection.request(listStorage, { group: this.group })
    const helpers = storages
      .filter(({ id, status }) => id !== String(this.id) && !GONE.includes(status))
      .map(({ id, ip, storagePort }) => ({ id, host: ip, port: storagePort }))
    const missing = await recoverFrom(helpers, this.#context, this.#caller, this.#ending.signal)
    this.#helpers = missing.map(({ id }) => id)
  }

  /** Asks those that were away before, but for those that will never be back. */
  async #recoverLate(back: readonly Brief[]): Promise<void> {
    const helpers = back
      .filter(({ status }) => !GONE.includes(status))
      .map(({ id, ip, port }) => ({ id, host: ip, port }))
    try {
      const missing = await recoverFrom(helpers, this.#context, this.#caller, this.#ending.signal)
      const settled = back.map(({ id }) => id).filter((id) => missing.every((helper) => helper.id !== id))
      this.#helpers = this.#helpers.filter((id) => !settled.includes(id))
      await this.#saveIdentity()
    } catch (error) {
      log.server('recovery: %s', (error as Error).message)
    }
    this.#recovering = undefined
  }

  #joinRequest(trackerIp: string): JoinRequest {
    const { group, id } = this.#options
    const { storePathCount, subdirCount } = this.#context
    const settled = this.#oldFiles !== undefined
    return {
      group,
      storagePort: this.port,
      storageHttpPort: HTTP_PORT,
      // Before V6.11 there is no field for the ID.
      domainName: String(id),
      storePathCount,
      subdirCountPerPath: subdirCount,
      uploadPriority: this.#options.uploadPriority ?? UPLOAD_PRIORITY,
      joinTime: this.#joinTime,
      upTime: this.#upTime,
      version: this.#dialect.version,
      initFlag: settled ? 0 : 1,
      status: settled ? STORAGE_STATUS.ACTIVE : STORAGE_STATUS.INIT,
      id: String(id),
      currentTrackerIp: trackerIp,
      trackers: this.#trackers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
    }
  }

  #stats(): StorageStats {
    const { connections, peakConnections } = this.#listener
    return Object.assign(this.#context.stats, {
      connectionsAllocated: peakConnections,
      connectionsCurrent: connections,
      connectionsMax: peakConnections,
    })
  }
}

function isGone(id: string | undefined, members: readonly Pick<Brief, 'id' | 'status'>[]): boolean {
  return members.some((member) => member.id === id && GONE.includes(member.status))
}

/** The first answer that is one; the last failure where there is none. */
async function firstAnswer<T>(questions: readonly (() => Promise<T>)[]): Promise<T> {
  let failure: unknown = new Error('no tracker to ask')
  for (const ask of questions) {
    try {
      return await ask()
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function checkRange(name: string, value: number, max: number, min = 1): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not ${value}`)
}
