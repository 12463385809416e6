import { ConnectError } from '../../errors.js'
import { log } from '../../observe/log.js'
import { limits } from '../../protocol/index.js'
import { startTimer, unixSeconds } from '../clock.js'
import { GONE } from '../status-sets.js'
import { Watchers } from '../watchers.js'
import type { Binlog } from './binlog.js'
import type { StorageConnection, StorageContext } from './context.js'
import { removeMark } from './mark.js'
import type { PushContext } from './pusher.js'
import { Pusher } from './pusher.js'
import type { Caller } from '../server-connection.js'
import { ServerConnection } from '../server-connection.js'
import type { Brief, Trackers } from './tracker-link.js'

const { STORAGE_STATUS } = limits

/** Seconds before a removal may be forgotten: longer than what was sent before it is on its way, and than clocks differ. */
const HEARD_AFTER = 60
/** Milliseconds before a record that could not be written is tried again. */
const RETRY_DELAY = 1_000
/** Bytes of the binlog after which a storage that is alone forgets. */
const FORGOTTEN = 256 * 1024

/** When the other storages of the group are told of what happens at one of them. */
export type ReplicationMode = 'now' | 'manual' | { readonly delay: number }

function isGone({ status }: Brief): boolean {
  return GONE.includes(status) || status === STORAGE_STATUS.NONE
}

/** Keeps the other storages of the group alike: one pusher for each, and what they push here. */
export class Replication {
  readonly #mode: ReplicationMode
  readonly #binlog: Binlog
  readonly #context: () => StorageContext
  readonly #caller: Caller
  readonly #trackers: Trackers
  readonly #isTime: () => boolean
  readonly #pushers = new Map<string, Pusher>()
  readonly #watchers = new Watchers()
  #members: readonly Brief[] = []
  /** Connections for single files. */
  readonly #open = new Set<ServerConnection>()
  /** Records before this position may be passed on. */
  #limit = 0
  #running = false
  #peers = new Set<string>()
  /** Which of the times between two resets it is. */
  #era = 0
  /** By file, in their order: where the record begins by which it was last passed on as a whole. */
  readonly #asserted = new Map<string, number>()
  /** By source: the timestamp of its newest change that has arrived here. */
  readonly #received = new Map<string, number>()
  /** By storage: the moment, in Unix seconds, up to which it has told all that it had to tell. */
  readonly #heard = new Map<string, number>()
  #forgottenAt = 0

  /** @param isTime - whether the others may be told of anything now */
  constructor(
    mode: ReplicationMode,
    binlog: Binlog,
    caller: Caller,
    trackers: Trackers,
    context: () => StorageContext,
    isTime: () => boolean,
  ) {
    this.#mode = mode
    this.#binlog = binlog
    this.#caller = caller
    this.#trackers = trackers
    this.#context = context
    this.#isTime = isTime
  }

  /** The storages of the group as trackers tell of them, this one included. */
  get members(): readonly Brief[] {
    return this.#members
  }

  /**
   * Whether this storage is the only one of its group. A tracker that was started anew may not know the others yet:
   * whoever was a peer once is one until it is told to be gone.
   */
  get isAlone(): boolean {
    return this.#members.length > 0 && this.#peers.size === 0
  }

  /**
   * Begins: what was not passed on before is, in every mode but by hand.
   *
   * @param peers - those that are known from before
   */
  start(peers: readonly string[]): void {
    this.#peers = new Set(peers)
    this.#running = true
    this.#limit = this.#mode === 'manual' ? 0 : this.#binlog.end
  }

  /** Ends; what is not passed on is at the next start. */
  async stop(): Promise<void> {
    this.#running = false
    for (const connection of this.#open) connection.destroy()
    const pushers = [...this.#pushers.values()]
    this.#pushers.clear()
    await Promise.all(pushers.map((pusher) => pusher.stop()))
    this.#watchers.notify()
  }

  /** Passes everything on; resolves when each storage of the group that can be reached has it. */
  async replicate(unheard: (id: string) => boolean = () => false): Promise<void> {
    const position = this.#binlog.end
    this.#allow(position)
    for (const pusher of this.#pushers.values()) pusher.reach()
    await this.#watchers.until(
      () =>
        !this.#running || [...this.#pushers].every(([id, pusher]) => pusher.settled(position) || unheard(id)),
    )
  }

  /** Lets {@link Replication.replicate} ask again who is unheard. */
  recheck(): void {
    this.#watchers.notify()
  }

  /** Passes nothing on until {@link Replication.reset}; resolves when nothing is on its way any more. */
  async rest(): Promise<void> {
    for (const pusher of this.#pushers.values()) pusher.rest()
    await this.#watchers.until(
      () => !this.#running || [...this.#pushers.values()].every((pusher) => pusher.atRest),
    )
  }

  /** Begins anew with an empty binlog: what is here, the others have too. */
  reset(): void {
    this.#era++
    this.#limit = 0
    this.#asserted.clear()
    for (const pusher of this.#pushers.values()) pusher.reset()
  }

  /** There are new records. */
  onGrow(): void {
    const { end } = this.#binlog
    if (this.#pushers.size === 0 && end - this.#forgottenAt > FORGOTTEN) this.#forget()
    const era = this.#era
    if (this.#mode === 'now') this.#allow(end)
    else if (this.#mode !== 'manual') {
      startTimer(this.#mode.delay, () => {
        if (era === this.#era) this.#allow(end)
      })
    }
  }

  /** A tracker tells of the group. */
  onMembers(members: readonly Brief[]): void {
    const own = this.#context().journal.id
    const before = this.#members.find(({ id }) => id === own)?.status
    this.#members = members
    if (!this.#running) return
    for (const member of members) {
      if (member.id === own || member.id === '') continue
      const pusher = this.#pushers.get(member.id)
      this.#peers.add(member.id)
      if (isGone(member)) {
        this.#peers.delete(member.id)
        this.#pushers.delete(member.id)
        this.#leave(member.id, pusher)
      } else if (pusher !== undefined) pusher.update(member)
      else this.#add(member)
    }
    const after = members.find(({ id }) => id === own)?.status
    // The others learn of it with their next beat, which comes at once then.
    if (after !== before) for (const pusher of this.#pushers.values()) pusher.announce()
  }

  /** Another storage has connected. */
  onHello(id: string): void {
    this.#pushers.get(id)?.reach()
    const status = this.#members.find((member) => member.id === id)?.status
    if (status !== STORAGE_STATUS.ACTIVE) this.#trackers.beatNow()
  }

  /** Another storage is getting back the files that it has lost. */
  onRecovery(id: string): void {
    this.#pushers.get(id)?.rewind()
  }

  /** Another storage has nothing more to tell at the moment. */
  onIdle(id: string): void {
    this.#heard.set(id, unixSeconds(this.#context().clock))
    if (this.isOldSource(id)) this.#trackers.beatNow()
  }

  /** Notes that a change has arrived. */
  received(origin: string, timestamp: number): void {
    const { stats, clock } = this.#context()
    stats.lastSyncUpdate = unixSeconds(clock)
    if (timestamp > (this.#heard.get(origin) ?? 0)) this.#heard.set(origin, timestamp)
    if (timestamp <= (this.#received.get(origin) ?? 0)) return
    this.#received.set(origin, timestamp)
    stats.lastSyncedTimestamp = timestamp
    this.#trackers.reportNow()
  }

  /** By source: how far its changes have arrived. */
  syncReport(): { sourceId: string; syncedUntil: number }[] {
    return [...this.#received].map(([sourceId, syncedUntil]) => ({ sourceId, syncedUntil }))
  }

  /** Who tells of a change on a connection: not all of a real storage's connections say so. */
  originOf({ senderId, peerIp }: StorageConnection): string {
    if (senderId !== '') return senderId
    return this.#members.find(({ ip }) => ip === peerIp)?.id ?? peerIp
  }

  /** Whether a storage is sending the files that were there before this one. */
  isOldSource(id: string): boolean {
    return this.#trackers.oldSource() === id
  }

  /** Connects to another storage of the group. */
  async connect(id: string): Promise<ServerConnection> {
    const member = this.#members.find((candidate) => candidate.id === id)
    if (member === undefined) throw new ConnectError(`no tracker has told of storage ${id}`)
    const connection = ServerConnection.open({ host: member.ip, port: member.port }, this.#caller)
    this.#open.add(connection)
    void connection.closed.then(() => this.#open.delete(connection))
    await connection.connected()
    return connection
  }

  /** Whether another storage has been told of the record at a position. */
  hasBeenTold(id: string, position: number): boolean {
    return this.#positionOf(id) > position
  }

  /** Passes on what this storage has of a file, unless that is on its way already. */
  async assertOnce(name: string, pass: () => Promise<void>): Promise<void> {
    const { journal } = this.#context()
    if (this.#asserted.get(name) === journal.lastChangeOf(name)) return
    await pass()
    this.#asserted.delete(name)
    this.#asserted.set(name, journal.lastChangeOf(name))
  }

  /** Passes on what this storage has of a file, or that it has none, as soon as that can be written. */
  passOn(name: string): void {
    const { journal, lock, store } = this.#context()
    const pass = async (): Promise<void> => {
      const operation = (await store.stat(name)) === undefined ? 'D' : 'U'
      await journal.replace(operation, name, () => {})
    }
    lock.run(name, pass).catch((error: unknown) => {
      log.server('%s: %o', name, error)
      startTimer(RETRY_DELAY, () => {
        if (this.#running) this.passOn(name)
      })
    })
  }

  /** Somebody has not heard that a file was removed, and perhaps never will from whoever removed it. */
  passOnRemoval(name: string): void {
    const { journal, lock, versions } = this.#context()
    const removed = async (): Promise<void> => {
      const version = versions.find(name)
      if (version?.deleted && version.origin !== journal.id) await journal.replace('D', name, () => {})
    }
    lock.run(name, removed).catch((error: unknown) => log.server('%s: %o', name, error))
  }

  #allow(position: number): void {
    this.#limit = Math.max(this.#limit, position)
    for (const pusher of this.#pushers.values()) pusher.wake()
  }

  #add(member: Brief): void {
    const shared: PushContext = {
      context: this.#context(),
      binlog: this.#binlog,
      caller: this.#caller,
      limit: () => this.#limit,
      isTime: this.#isTime,
      oldFilesFor: (id) => this.#trackers.oldFilesFor(id),
      reportStatus: (peer, status) => this.#trackers.reportStatus(peer, status),
      positionOf: (id) => this.#positionOf(id),
      positionOfOthers: (id) => this.#positionOfOthers(id),
      onProgress: () => this.#watchers.notify(),
      onSaved: () => this.#forget(),
    }
    const pusher = new Pusher(shared, member)
    this.#pushers.set(member.id, pusher)
    pusher.start()
  }

  /** Forgets a storage that is gone for good: whoever has its ID later begins anew. */
  #leave(id: string, pusher: Pusher | undefined): void {
    const left = async (): Promise<void> => {
      await pusher?.stop()
      await removeMark(this.#context().store.own, id)
    }
    left().catch((error: unknown) => log.server('mark of %s: %o', id, error))
  }

  /** Forgets what was kept until the other storages have heard of it. */
  #forget(): void {
    const { clock, journal, versions } = this.#context()
    const pushers = [...this.#pushers.values()]
    if (pushers.length === 0 && !this.isAlone) return
    const position = pushers.reduce((least, { heard }) => Math.min(least, heard), this.#binlog.end)
    this.#forgottenAt = position
    journal.drop(position)
    for (const [name, start] of this.#asserted) {
      if (start >= position) break
      this.#asserted.delete(name)
    }
    const now = unixSeconds(clock)
    versions.forgetRemovals((name, { origin, timestamp }) => {
      const until = timestamp + HEARD_AFTER
      if (until > now) return false
      if (origin === journal.id) return journal.lastChangeOf(name) < position
      // Whoever knows of it from its origin, as this storage does, tells of nothing older once it has told of later things.
      return pushers.every(({ peer }) => peer.id === origin || (this.#heard.get(peer.id) ?? 0) >= until)
    })
  }

  /** How far a storage has come. */
  #positionOf(id: string): number {
    return this.#pushers.get(id)?.position ?? 0
  }

  /** How far all storages but one have come. */
  #positionOfOthers(id: string): number {
    const others = [...this.#pushers.values()].filter(({ peer }) => peer.id !== id)
    return others.reduce((least, { position }) => Math.min(least, position), Infinity)
  }
}
