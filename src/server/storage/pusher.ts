import { STATUS } from '../../errors.js'
import { log } from '../../observe/log.js'
import { connectionCommands, limits, storageClusterCommands } from '../../protocol/index.js'
import type { Timer } from '../clock.js'
import { now, startTimer, stopTimer } from '../clock.js'
import { WAITING } from '../status-sets.js'
import type { Binlog, Entry } from './binlog.js'
import type { StorageContext } from './context.js'
import type { Mark } from './mark.js'
import { newMark, readMark, writeMark } from './mark.js'
import type { Caller } from '../server-connection.js'
import { ServerConnection } from '../server-connection.js'
import { sayHello } from './hello.js'
import { OldFilesSender } from './old-files.js'
import { Sender } from './sender.js'
import type { Brief, OldFiles } from './tracker-link.js'

const { STORAGE_STATUS } = limits
const { syncUpdateFile } = storageClusterCommands

/** Milliseconds: before a peer that was lost is tried again, and what it refused is sent again. */
const RETRY_DELAY = 1_000
/** Between two writes of the mark, while there is more to pass on. */
const MARK_INTERVAL = 200
/** Seconds that the clocks of servers may differ. */
const MAX_SKEW = 60
/** A record whose sending has ended the connection so often in turn is put aside. */
const MAX_LOSSES = 3

const READY: readonly number[] = [STORAGE_STATUS.ONLINE, STORAGE_STATUS.ACTIVE]

/** Whether a storage has just become a member, and has nothing from before. */
function startsAnew({ status }: Brief): boolean {
  return status === STORAGE_STATUS.INIT || status === STORAGE_STATUS.WAIT_SYNC
}

/** What the pushers of a storage have in common. */
export interface PushContext {
  readonly context: StorageContext
  readonly binlog: Binlog
  readonly caller: Caller
  /** Up to where records may be passed on now. */
  limit(): number
  /** Whether it is a time of the day at which anything may be. */
  isTime(): boolean
  /**
   * Asks the trackers who sends a peer the files that were there before it.
   *
   * @returns the storage and the moment up to which it does; undefined where nobody needs to
   */
  oldFilesFor(peerId: string): Promise<OldFiles | undefined>
  /** Tells the trackers of a peer's status. */
  reportStatus(peer: Brief, status: number): Promise<void>
  /** How far a peer has come. */
  positionOf(peerId: string): number
  /** How far all others than a peer have come. */
  positionOfOthers(peerId: string): number
  /** Something of what {@link Pusher.settled} is about has changed. */
  onProgress(): void
  /** The mark has been written. */
  onSaved(): void
}

/** Passes on what happens here to one other storage of the group (protocol.md §4.8). */
export class Pusher {
  readonly #shared: PushContext
  #peer: Brief
  #mark: Mark = newMark()
  /** Whether the mark says where to begin. */
  #begun = false
  #connection: ServerConnection | undefined
  #connected = false
  /** Records that the peer has refused, the first of each file, to be sent again: they do not hold up others. */
  readonly #refused = new Map<string, Entry>()
  readonly #sender: Sender
  readonly #oldFiles: OldFilesSender
  #losses = { start: -1, count: 0 }
  #trying = true
  /** Whether somebody has asked to try again since the last attempt began. */
  #asked = false
  /** Whether the peer has answered in it. */
  #met = false
  #announcing = false
  #stopped = false
  #resting = false
  #waiting = false
  #wakes: (() => void)[] = []
  #savedAt = 0
  #saving: Promise<void> = Promise.resolve()
  #running: Promise<void> = Promise.resolve()

  constructor(shared: PushContext, peer: Brief) {
    this.#shared = shared
    this.#peer = peer
    this.#sender = new Sender(shared.context, shared.binlog)
    this.#oldFiles = new OldFilesSender(shared.context, this.#sender)
  }

  /** The storage that it pushes to. */
  get peer(): Brief {
    return this.#peer
  }

  /** Everything before this position need not be sent again. */
  get position(): number {
    let position = this.#mark.position
    for (const { start } of this.#refused.values()) position = Math.min(position, start)
    return position
  }

  /** Everything before this position need never be read again for the peer. */
  get heard(): number {
    return this.#begun ? this.position : 0
  }

  /** Whether the peer has everything up to `position`, or cannot be reached. */
  settled(position: number): boolean {
    if (!this.#connected) return !this.#trying
    return this.#begun && this.position >= position
  }

  /** Whether nothing is on its way to the peer. */
  get atRest(): boolean {
    return !this.#connected || this.#waiting
  }

  /** Begins. */
  start(): void {
    this.#running = this.#run()
  }

  /** Ends; the mark is written. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#connection?.destroy()
    this.wake()
    await this.#running
    if (this.#begun) await this.#save()
  }

  /** A tracker has told of the peer. */
  update(peer: Brief): void {
    const before = this.#peer
    this.#peer = peer
    if (peer.status !== before.status && this.#begun) {
      if (startsAnew(peer) && !startsAnew(before)) {
        this.#begun = false
        this.#connection?.destroy()
      } else if (peer.status === STORAGE_STATUS.RECOVERY) this.rewind()
    }
    if (peer.ip !== before.ip || peer.port !== before.port) this.#connection?.destroy()
    if (peer.status !== before.status || peer.ip !== before.ip || peer.port !== before.port) this.reach()
  }

  /** The peer has lost its files: what others lack may have been lost with them. */
  rewind(): void {
    this.#mark.position = Math.min(this.#mark.position, this.#shared.positionOfOthers(this.#peer.id))
    this.#sender.clear()
  }

  /** The peer may be there again. */
  reach(): void {
    this.#trying = true
    this.#asked = true
    this.wake()
  }

  /** Tells the peer that something has become of this storage. */
  announce(): void {
    this.#announcing = true
    this.wake()
  }

  /** Passes nothing on until {@link Pusher.reset}; see {@link Pusher.atRest}. */
  rest(): void {
    this.#resting = true
  }

  /** Begins anew with an empty binlog. */
  reset(): void {
    this.#mark.position = 0
    this.#refused.clear()
    this.#sender.clear()
    this.#losses = { start: -1, count: 0 }
    this.#resting = false
    this.wake()
  }

  /** There is more to pass on. */
  wake(): void {
    for (const wake of this.#wakes.splice(0)) wake()
  }

  async #run(): Promise<void> {
    await this.#goOn().catch((error: unknown) => log.server('mark of %s: %o', this.#peer.id, error))
    while (!this.#stopped) {
      this.#asked = false
      this.#met = false
      try {
        if (this.#isWanted()) await this.#converse()
      } catch (error) {
        log.server('storage %s: %s', this.#peer.id, (error as Error).message)
      }
      // A connection that was lost says nothing of whether another one can be made.
      this.#trying = this.#asked || this.#met
      this.#connected = false
      this.#shared.onProgress()
      await this.#pause()
    }
  }

  /** Before the next attempt: what is new here brings the peer back no sooner. */
  async #pause(): Promise<void> {
    const end = now() + RETRY_DELAY
    for (let left = RETRY_DELAY; left > 0; left = end - now()) {
      if (this.#stopped || this.#asked) return
      await this.#wait(left)
    }
  }

  /** Goes on where the mark says, but with one that has come anew since it was written. */
  async #goOn(): Promise<void> {
    const { binlog, context } = this.#shared
    if (startsAnew(this.#peer)) return
    const mark = await readMark(context.store.own, this.#peer)
    if (mark === undefined || mark.position > binlog.end || mark.position < binlog.start) return
    this.#mark = mark
    this.#begun = true
  }

  /** Whether the peer is in a state to be connected to, at this time. */
  #isWanted(): boolean {
    const { status } = this.#peer
    const isThere = status !== STORAGE_STATUS.RECOVERY && status !== STORAGE_STATUS.NONE
    return isThere && this.#shared.isTime()
  }

  async #converse(): Promise<void> {
    const { caller, context } = this.#shared
    const connection = ServerConnection.open({ host: this.#peer.ip, port: this.#peer.port }, caller)
    this.#connection = connection
    void connection.closed.then(() => this.wake())
    try {
      await connection.connected()
      this.#connected = true
      this.#sender.toEmbedded = await sayHello(connection, context.journal.id)
      this.#met = true
      await this.#push(connection)
    } finally {
      connection.destroy()
      await connection.closed
      this.#connection = undefined
    }
  }

  async #push(connection: ServerConnection): Promise<void> {
    let lastSign = now()
    while (!this.#stopped && !connection.ended && this.#shared.isTime()) {
      if (this.#resting) {
        await this.#wait(this.#idleInterval)
        continue
      }
      if (this.#announcing) {
        this.#announcing = false
        await sayHello(connection, this.#shared.context.journal.id)
      }
      if (!this.#begun && !(await this.#begin())) {
        await this.#wait(RETRY_DELAY)
        continue
      }
      const { needsOldFiles, oldFilesDone } = this.#mark
      if (needsOldFiles && !oldFilesDone) await this.#sendOldFiles(connection)
      else if (!READY.includes(this.#peer.status)) {
        const isWaiting = WAITING.includes(this.#peer.status)
        if (isWaiting) await this.#help()
        if (this.#begun) await this.#wait(isWaiting ? RETRY_DELAY : this.#idleInterval)
        continue
      }
      const moved = await this.#pushSome(connection)
      if (moved) {
        lastSign = now()
        continue
      }
      this.#shared.onProgress()
      await this.#save()
      if (this.#refused.size > 0) await this.#retry(connection)
      if (now() - lastSign >= this.#idleInterval) {
        await connection.request(connectionCommands.activeTest, {})
        lastSign = now()
      }
      if (
        this.#mark.position >= this.#shared.limit() &&
        !this.#announcing &&
        !this.#stopped &&
        !connection.ended
      ) {
        await this.#wait(this.#refused.size > 0 ? RETRY_DELAY : this.#idleInterval)
      }
    }
  }

  /** Finds out where to begin; false where nobody can tell yet. */
  async #begin(): Promise<boolean> {
    const { context, binlog } = this.#shared
    if (this.#peer.status === STORAGE_STATUS.INIT) return false
    let oldFiles: OldFiles | undefined
    try {
      oldFiles = await this.#shared.oldFilesFor(this.#peer.id)
    } catch (error) {
      log.server('storage %s: %s', this.#peer.id, (error as Error).message)
      return false
    }
    const mark = newMark()
    if (oldFiles?.sourceId === context.journal.id) {
      mark.needsOldFiles = true
      // What changes while they are sent follows them.
      mark.position = binlog.end
    } else if (oldFiles !== undefined) {
      // What came to the source since it began to send its files may not be among them, and it passes on its own only.
      const sinceThen = await binlog.before(oldFiles.until - MAX_SKEW)
      mark.position = Math.min(sinceThen, this.#shared.positionOf(oldFiles.sourceId))
    }
    // What is not kept any more is among the files.
    if (mark.position < binlog.start) {
      mark.needsOldFiles = true
      mark.position = binlog.end
    }
    mark.until = oldFiles?.until ?? 0
    this.#mark = mark
    this.#refused.clear()
    this.#sender.clear()
    await this.#save()
    this.#begun = true
    return true
  }

  /** The peer waits for old files: those that it has got from here, without its trackers knowing, or all from now on. */
  async #help(): Promise<void> {
    if (this.#mark.oldFilesDone) await this.#shared.reportStatus(this.#peer, STORAGE_STATUS.OFFLINE)
    else {
      const oldFiles = await this.#shared.oldFilesFor(this.#peer.id).catch(() => undefined)
      if (oldFiles?.sourceId === this.#shared.context.journal.id) this.#begun = false
    }
  }

  async #sendOldFiles(connection: ServerConnection): Promise<void> {
    await this.#shared.reportStatus(this.#peer, STORAGE_STATUS.SYNCING)
    for await (const { name, timestamp } of this.#oldFiles.send(connection)) {
      const { position } = this.#mark
      const [start, end] = [position, position]
      this.#refuse({ timestamp, operation: 'U', source: true, name, extra: [], start, end })
    }
    if (connection.ended) return
    this.#mark.oldFilesDone = true
    await this.#save()
    await this.#shared.reportStatus(this.#peer, STORAGE_STATUS.OFFLINE)
    // The peer learns by this that nothing more comes: its next beat makes it ACTIVE.
    await connection.request(connectionCommands.activeTest, {})
  }

  /** Passes on some records; false where there are none. */
  async #pushSome(connection: ServerConnection): Promise<boolean> {
    const limit = this.#shared.limit()
    if (this.#mark.position >= limit) return false
    const { entries, next } = await this.#shared.binlog.read(this.#mark.position)
    if (next === this.#mark.position) return false
    for (const entry of entries) {
      if (this.#stopped || this.#resting || entry.end > limit || !this.#begun) return true
      if (!this.#shared.isTime()) return true
      this.#mark.scanned++
      if (entry.source) await this.#pushEntry(connection, entry)
      if (this.#begun) this.#mark.position = entry.end
      if (now() - this.#savedAt >= MARK_INTERVAL) await this.#save()
    }
    if (next <= limit && this.#begun) this.#mark.position = next
    return true
  }

  async #pushEntry(connection: ServerConnection, entry: Entry): Promise<void> {
    if (this.#losses.start !== entry.start) this.#losses = { start: entry.start, count: 0 }
    let accepted = false
    if (this.#losses.count < MAX_LOSSES) {
      this.#losses.count++
      accepted = await this.#sender.send(connection, entry)
      this.#losses.count = 0
    }
    this.#mark.sent++
    if (!accepted && !this.#refused.has(entry.name)) this.#refuse(entry)
  }

  /** Leaves it for later. */
  #refuse(entry: Entry): void {
    log.server('storage %s refuses %s %s', this.#peer.id, entry.operation, entry.name)
    this.#refused.set(entry.name, entry)
  }

  /** Sends what was refused as it is now. */
  async #retry(connection: ServerConnection): Promise<void> {
    const { versions, journal } = this.#shared.context
    for (const [name, entry] of [...this.#refused]) {
      const version = versions.find(name)
      const timestamp = version?.origin === journal.id ? version.timestamp : entry.timestamp
      const status =
        (await this.#sender.sendWhole(connection, syncUpdateFile, name, timestamp)) ??
        (await this.#sender.sendDelete(connection, name, timestamp))
      if (status === STATUS.OK || status === STATUS.ENOENT || status === STATUS.EEXIST)
        this.#refused.delete(name)
    }
  }

  /** Where that fails, what was passed on is passed on again after a restart. */
  async #save(): Promise<void> {
    this.#savedAt = now()
    this.#sender.forget(this.#mark.position)
    const write = async (): Promise<void> => {
      try {
        await writeMark(this.#shared.context.store.own, this.#peer, this.#mark, this.position)
        this.#shared.onSaved()
      } catch (error) {
        log.server('mark of %s: %o', this.#peer.id, error)
      }
    }
    this.#saving = this.#saving.then(write)
    await this.#saving
  }

  /** Milliseconds between signs of life to a peer that is told of nothing else (protocol.md §4.8). */
  get #idleInterval(): number {
    return this.#shared.context.heartBeatInterval
  }

  /** Until somebody wakes it, or the time has passed. */
  #wait(delay: number): Promise<void> {
    this.#waiting = true
    this.#shared.onProgress()
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting = false
        stopTimer(timer)
        resolve()
      }
      const timer: Timer = startTimer(delay, done)
      this.#wakes.push(done)
    })
  }
}
