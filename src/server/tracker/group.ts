import { limits } from '../../protocol/index.js'
import { clockwise } from './rotation.js'
import type { Member } from './member.js'
import { clear, isReadable, isWritable, NO_SPACE } from './member.js'
import type { DiskSpace } from './reserved-space.js'
import type { TrackerSettings } from './settings.js'

const { STORAGE_STATUS } = limits
/** The port of a group whose storages have different ones. */
export const VARIOUS_PORTS = -1

/** What all storages of a group have in common, told by the first of them; see {@link Group.adapt}. */
export interface GroupSettings {
  /** {@link VARIOUS_PORTS} where they differ, 0 where nothing is known yet. */
  readonly storagePort: number
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
  #settings: GroupSettings = { storagePort: 0, storePathCount: 0, subdirCountPerPath: 0 }
  #members: readonly Member[] = []
  #readable: readonly Member[] = []
  #writable: readonly Member[] = []
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

  /** Gives a member a status. */
  setStatus(member: Member, status: number): void {
    const next = member.held ?? status
    if (member.status === next) return
    member.status = next
    this.#changed()
  }

  /** Notes the connection that a member has joined on, or that it has none any more. */
  connect(member: Member, connection: object | undefined): void {
    member.connection = connection
    this.#update()
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
    const former: Member = { ...member, status: STORAGE_STATUS.IP_CHANGED, connection: undefined }
    clear(former)
    const readdressed: Member = { ...member, id, ips: [ip], currentIp: ip }
    const others = this.#members.filter((other) => other !== member && other.id !== id)
    this.#members = sorted([...others, former, readdressed])
    this.#changed()
    return former
  }

  /** Notes the space of a member's store paths. */
  report(member: Member, disks: readonly DiskSpace[]): void {
    const before = member.space
    member.disks = disks
    member.space = disks.reduce(
      (sum, disk) => ({
        totalMb: sum.totalMb + disk.totalMb,
        freeMb: sum.freeMb + disk.freeMb,
      }),
      NO_SPACE,
    )
    if (this.#rules.storePath === 'load-balance') member.writePath = freest(disks, member.writePath)
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
    const kept = this.#members.filter(({ status }) => status !== STORAGE_STATUS.DELETED)
    const { storePathCount, subdirCountPerPath } = this.#settings
    if (storePathCount === 0 || kept.every((member) => member.storePathCount === joined.storePathCount)) {
      this.#set({ storePathCount: joined.storePathCount })
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
    if (storagePort === 0 || (storagePort === VARIOUS_PORTS && !this.#rules.idsInNames)) {
      this.#set({ storagePort: port })
      return true
    }
    if (this.#rules.idsInNames) {
      this.#set({ storagePort: VARIOUS_PORTS })
      return true
    }
    const own = this.find(id)
    if (own !== undefined) own.port = port
    const alike = this.#members.every((member) => member.port === port)
    if (alike) this.#set({ storagePort: port })
    return alike
  }

  /** The storage for the next write (protocol.md §6, Server). */
  nextWritable(): Member | undefined {
    if (this.#rules.storeServer !== 'round-robin') return this.storeServer
    const count = this.#writable.length
    if (count <= 1) return this.#writable[0]
    const index = clockwise(this.#writeIndex, count)
    this.#writeIndex = clockwise(this.#writeIndex + 1, count)
    return this.#writable[index]
  }

  /** The storage that stands in where no other can be told: the first that may be written, or that of the least priority. */
  get storeServer(): Member | undefined {
    if (this.#rules.storeServer !== 'priority') return this.#writable[0]
    return this.#writable.reduce<Member | undefined>(
      (least, member) =>
        least === undefined || member.uploadPriority < least.uploadPriority ? member : least,
      undefined,
    )
  }

  /** The next readable storage that `fits`, going on from the one that was read from last. */
  nextReadable(fits: (member: Member) => boolean): Member | undefined {
    const count = this.#readable.length
    for (let step = 0; step < count; step++) {
      const index = (this.#readIndex + step) % count
      const member = this.#readable[index] as Member
      if (!fits(member)) continue
      this.#readIndex = clockwise(index + 1, count)
      return member
    }
    return undefined
  }

  /** The store path for the next upload to a member; undefined where all are full (protocol.md §6, Path). */
  nextStorePath(member: Member): number | undefined {
    const { storePathCount } = this.#settings
    const start = clockwise(member.writePath, storePathCount)
    for (let step = 0; step < storePathCount; step++) {
      const index = (start + step) % storePathCount
      if (!this.#rules.reserved.allows(member.disks[index] ?? NO_SPACE, storePathCount)) continue
      if (step > 0) member.writePath = index
      if (this.#rules.storePath === 'round-robin') {
        member.writePath = clockwise(member.writePath + 1, storePathCount)
      }
      return index
    }
    return undefined
  }

  #set(settings: Partial<GroupSettings>): void {
    this.settings = { ...this.#settings, ...settings }
  }

  #changed(): void {
    this.#changes++
    this.#update()
  }

  #update(): void {
    this.#readable = this.#members.filter(isReadable)
    this.#writable = this.#members.filter(isWritable)
    this.#onChange()
  }
}

function sorted(members: readonly Member[]): readonly Member[] {
  return [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The path with the most space left; the one given where none has more. */
function freest(disks: readonly DiskSpace[], path: number): number {
  const free = (index: number): number => disks[index]?.freeMb ?? 0
  return disks.reduce((best, _, index) => (free(index) > free(best) ? index : best), path)
}
