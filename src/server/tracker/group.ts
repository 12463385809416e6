import { isAtLeast } from '../../protocol/dialect.js'
import { limits } from '../../protocol/index.js'
import { clockwise } from './rotation.js'
import type { Member } from './member.js'
import { clear, isReadable, isWritable, newMember, NO_SPACE } from './member.js'
import type { DiskSpace } from './reserved-space.js'
import type { TrackerSettings } from './settings.js'
import { RW_MODE } from './storage-ids.js'

const { STORAGE_STATUS } = limits
/** The port of a group whose storages have different ones. */
export const VARIOUS_PORTS = -1

/** What all storages of a group have in common, told by the first of them; see {@link Group.adapt}. */
export interface GroupSettings {
  /** {@link VARIOUS_PORTS} where they differ, 0 where nothing is known yet. */
  readonly storagePort: number
  /** Up to V6.12; 0 where nothing is known yet. */
  readonly storageHttpPort: number
  readonly storePathCount: number
  readonly subdirCountPerPath: number
}

/** What a joining storage must have in common with its group. */
type Layout = Pick<Member, 'port' | 'storePathCount' | 'subdirCountPerPath'>

/** Storages that hold the same files. */
export class Group {
  readonly name: string
  readonly #rules: TrackerSettings
  readonly #onChange: () => void
  #settings: GroupSettings = { storagePort: 0, storageHttpPort: 0, storePathCount: 0, subdirCountPerPath: 0 }
  #members: readonly Member[] = []
  #readable: readonly Member[] = []
  #writable: readonly Member[] = []
  #storeServer: Member | undefined
  #space = NO_SPACE
  #changes = 0
  #writeIndex = 0
  #readIndex = 0

  /** @param onChange - called after each change that others must learn of or that must survive a restart */
  constructor(name: string, rules: TrackerSettings, onChange: () => void) {
    this.name = name
    this.#rules = rules
    this.#onChange = onChange
  }

  /** What all storages have in common. */
  get settings(): GroupSettings {
    return this.#settings
  }

  /** Takes over settings that were kept. */
  set settings(settings: GroupSettings) {
    this.#settings = settings
    this.#onChange()
  }

  /** All storages by ID. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** Those that may be read, by ID. */
  get readable(): readonly Member[] {
    return this.#readable
  }

  /** Those that may be written, by ID. */
  get writable(): readonly Member[] {
    return this.#writable
  }

  /** Grows with each change of the members or their status. Each storage is told of each change once (protocol.md §4.4). */
  get changes(): number {
    return this.#changes
  }

  /** The index in `writable` of the next storage to be written to. */
  get writeIndex(): number {
    return this.#writeIndex
  }

  /** The space of the member that has the least left, as of the last report (protocol.md §6). */
  get space(): DiskSpace {
    return this.#space
  }

  /** The storage of that ID. */
  find(id: string): Member | undefined {
    return this.#members.find((member) => member.id === id)
  }

  /** Takes in a new storage. */
  add(member: Member): void {
    this.#members = sorted([...this.#members, member])
    this.#changed()
  }

  /** Gives a member a status, and lets the others know. */
  setStatus(member: Member, status: number): void {
    if (this.#assign(member, status) || member.held === undefined) this.#changed()
  }

  /** Gives a member a status that the others learn of with the next change: real trackers tell no sooner. */
  noteStatus(member: Member, status: number): void {
    if (this.#assign(member, status)) this.#onChange()
  }

  /** Holds a member to a status, whatever happens to it; undefined lets go of it. */
  hold(member: Member, status: number | undefined): void {
    member.held = status
    this.setStatus(member, member.connection === undefined ? STORAGE_STATUS.OFFLINE : STORAGE_STATUS.ACTIVE)
    this.#list(member)
  }

  /** A member is alive: it is ACTIVE, and clients are sent to it. */
  activate(member: Member): void {
    const isNew = !member.listed && member.rwMode !== RW_MODE.NONE
    const isOther = this.#assign(member, STORAGE_STATUS.ACTIVE)
    member.listed = true
    if (isNew) this.#list(member)
    // Before V6.13 that one is ACTIVE again is told with the next change.
    if (isNew || (isOther && this.#hasLists)) this.#changed()
  }

  /** A member is gone: clients are sent to it no more. When it is back it is told all. */
  deactivate(member: Member, status: number): void {
    const wasListed = member.listed && member.rwMode !== RW_MODE.NONE
    this.noteStatus(member, status)
    member.listed = false
    if (wasListed || this.#hasLists) member.toldChanges = 0
    this.#list(member)
    if (wasListed) this.#changed()
  }

  /** Notes the connection that a member has joined on, or that it has none any more. */
  connect(member: Member, connection: object | undefined): void {
    member.connection = connection
    this.#onChange()
  }

  /** Gives a member a source of old files, or takes it away where there is none. */
  setSyncSource(member: Member, sourceId: string, until: number): void {
    member.syncSourceId = sourceId
    member.syncUntil = until
    this.#onChange()
  }

  /** Gives up a storage. It stays in the lists, told apart by its status (protocol.md §2.5, 93). */
  delete(member: Member): void {
    for (const other of this.#members) {
      if (other.syncSourceId === member.id) this.setSyncSource(other, '', other.syncUntil)
    }
    clear(member)
    this.setStatus(member, STORAGE_STATUS.DELETED)
  }

  /**
   * Gives a storage that is told apart by its address another one; what stays of the old one is a record that says so
   * (protocol.md §4.2, 78).
   *
   * @returns that record
   */
  readdress(member: Member, id: string, ip: string): Member {
    const former = newMember({ ...member, port: 0, status: STORAGE_STATUS.IP_CHANGED })
    for (const { syncedFrom } of this.#members) {
      const time = syncedFrom.get(member.id)
      if (time === undefined) continue
      syncedFrom.delete(member.id)
      syncedFrom.set(id, time)
    }
    Object.assign(member, { id, ips: [ip], currentIp: ip } satisfies Partial<Member>)
    this.#members = sorted([...this.#members, former])
    this.#list(member)
    this.#changed()
    return former
  }

  /** Notes the space of a member's store paths. */
  report(member: Member, disks: readonly DiskSpace[]): void {
    const before = member.space
    if (this.#rules.storePath === 'load-balance') member.writePath = freest(member, disks)
    member.disks = disks
    member.space = disks.reduce(
      (sum, disk) => ({
        totalMb: sum.totalMb + disk.totalMb,
        freeMb: sum.freeMb + disk.freeMb,
      }),
      NO_SPACE,
    )

    if (this.#space.freeMb === 0 || member.space.freeMb < this.#space.freeMb) this.#space = member.space
    else if (member.space.freeMb > before.freeMb && this.#writable.length > 0) {
      this.#space = this.#writable.reduce(
        (least, { space }) => (space.freeMb < least.freeMb ? space : least),
        this.#writable[0]?.space ?? NO_SPACE,
      )
    }
    this.#onChange()
  }

  /**
   * Adapts to a storage that joins, as far as its group can: everything to the first one, the rest once all storages
   * are alike.
   *
   * @returns whether the storage fits now
   */
  adapt(joined: Layout): boolean {
    // V5 looks at deleted ones too.
    const kept = isAtLeast(this.#rules.dialect, '6.00')
      ? this.#members.filter(({ status }) => status !== STORAGE_STATUS.DELETED)
      : this.#members
    const { storePathCount, subdirCountPerPath } = this.#settings
    if (storePathCount === 0 || kept.every((member) => member.storePathCount === joined.storePathCount)) {
      this.#set({ storePathCount: joined.storePathCount })
      // What was known of paths that are gone is forgotten: they may come back as others.
      for (const member of this.#members) member.disks = member.disks.slice(0, joined.storePathCount)
    } else if (joined.storePathCount < storePathCount) return false
    if (
      subdirCountPerPath === 0 ||
      this.#members.every((member) => member.subdirCountPerPath === joined.subdirCountPerPath)
    ) {
      this.#set({ subdirCountPerPath: joined.subdirCountPerPath })
    }
    return this.#settings.subdirCountPerPath === joined.subdirCountPerPath
  }

  /**
   * Adapts to the port of a storage that joins. Storages whose files are found by their addresses have all the same.
   *
   * @returns whether the port fits now
   */
  adaptPort(id: string, port: number): boolean {
    const { storagePort } = this.#settings
    if (storagePort === port) return true
    if (storagePort === 0 || (storagePort === VARIOUS_PORTS && !this.#mayDiffer)) {
      this.#set({ storagePort: port })
      return true
    }
    if (this.#mayDiffer) {
      this.#set({ storagePort: VARIOUS_PORTS })
      return true
    }
    const own = this.find(id)
    if (own !== undefined) own.port = port
    const alike = this.#members.every((member) => member.port === port)
    if (alike) this.#set({ storagePort: port })
    return alike
  }

  /** Takes over the port of a storage's HTTP server once all have the same. */
  adaptHttpPort(id: string, port: number): void {
    const own = this.find(id)
    if (own !== undefined) own.httpPort = port
    const isFirst = this.#settings.storageHttpPort === 0
    if (isFirst || this.#members.every((member) => member.httpPort === port))
      this.#set({ storageHttpPort: port })
  }

  /** The port by which a member is told of: before V6.16 a group has one (protocol.md §11). */
  portOf({ port }: Member): number {
    const { storagePort } = this.#settings
    return isAtLeast(this.#rules.dialect, '6.16') || storagePort <= 0 ? port : storagePort
  }

  /** The storage for the next write (protocol.md §6, Server). */
  nextWritable(): Member | undefined {
    if (this.#rules.storeServer !== 'round-robin') return this.storeServer
    const count = this.#writable.length
    // Since V6.13 it stays whose turn it is.
    if (count === 0 || (count === 1 && this.#hasLists)) return this.#writable[0]
    const index = clockwise(this.#writeIndex, count)
    this.#writeIndex = clockwise(this.#writeIndex + 1, count)
    return this.#writable[index]
  }

  /**
   * The storage that stands in where no other can be told: the first that may be written, or that of the least priority.
   * It is chosen when one comes or goes, not when a priority changes.
   */
  get storeServer(): Member | undefined {
    return this.#storeServer
  }

  /** The next readable storage that `fits`, going on from the one that was read from last. */
  nextReadable(fits: (member: Member) => boolean): Member | undefined {
    const count = this.#readable.length
    for (let step = 0; step < count; step++) {
      const member = this.#readable[(this.#readIndex + step) % count] as Member
      if (!fits(member)) continue
      // Past the end it begins anew, however far past.
      this.#readIndex = clockwise(this.#readIndex + step + 1, count)
      return member
    }
    return undefined
  }

  /** The readable storage whose turn it is. Where there is none, it stays as it is whose turn will be next. */
  takeReadingTurn(): Member | undefined {
    if (this.#readable.length === 0) return undefined
    const member = this.#readable[clockwise(this.#readIndex, this.#readable.length)]
    this.#readIndex = clockwise(this.#readIndex + 1, this.#readable.length)
    return member
  }

  /** The store path for the next upload to a member; undefined where all are full (protocol.md §6, Path). */
  nextStorePath(member: Member): number | undefined {
    const { storePathCount } = this.#settings
    const own = clockwise(member.writePath, storePathCount)
    // Before V6.10 the first one with room stands in for one that is full, not the next one.
    const start = isAtLeast(this.#rules.dialect, '6.10') ? own + 1 : 0
    for (let step = 0; step <= storePathCount; step++) {
      const index = step === 0 ? own : (start + step - 1) % storePathCount
      if (!this.#rules.reserved.allows(member.disks[index] ?? NO_SPACE, storePathCount)) continue
      if (index !== own) member.writePath = index
      if (this.#rules.storePath === 'round-robin') {
        member.writePath = clockwise(member.writePath + 1, storePathCount)
      }
      return index
    }
    return undefined
  }

  /** Whether the storages of a group may have different ports: since V6.16 with a list, else where storages say their IDs. */
  get #mayDiffer(): boolean {
    const { idsInNames, storageIds, dialect } = this.#rules
    return idsInNames && (storageIds?.learned === true || isAtLeast(dialect, '6.16'))
  }

  /** Whether those to read and those to write are two lists: then more is told. */
  get #hasLists(): boolean {
    return isAtLeast(this.#rules.dialect, '6.13')
  }

  #set(settings: Partial<GroupSettings>): void {
    this.settings = { ...this.#settings, ...settings }
  }

  /** Puts a status in; false where nothing changes. */
  #assign(member: Member, status: number): boolean {
    const next = member.held ?? status
    if (member.status === next) return false
    member.status = next
    return true
  }

  #changed(): void {
    this.#changes++
    this.#onChange()
  }

  /** Lists those that clients are sent to. A store server is chosen where one comes or goes that may be it. */
  #list({ rwMode }: Member): void {
    this.#readable = this.#members.filter(isReadable)
    this.#writable = this.#members.filter(isWritable)
    if ((rwMode & RW_MODE.WRITE) === 0) return
    this.#storeServer =
      this.#rules.storeServer === 'priority'
        ? this.#writable.toSorted((a, b) => a.uploadPriority - b.uploadPriority)[0]
        : this.#writable[0]
  }
}

function sorted(members: readonly Member[]): readonly Member[] {
  return [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The path with the most space left, the one in use where none has more: read in turn, as real trackers do. */
function freest({ disks: former, writePath }: Member, disks: readonly DiskSpace[]): number {
  return disks.reduce((best, { freeMb }, index) => {
    const known = best <= index ? disks : former
    return freeMb > (known[best]?.freeMb ?? 0) ? index : best
  }, writePath)
}
