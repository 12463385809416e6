import { limits } from '../../protocol/index.js'
import { clockwise } from './rotation.js'
import type { DiskSpace, Member } from './member.js'
import { clear, isActive, spaceOf } from './member.js'

const { STORAGE_STATUS } = limits

/** What all storages of a group have in common, told by the first of them; see {@link Group.adapt}. */
export interface GroupSettings {
  readonly storePathCount: number
  readonly subdirCountPerPath: number
  readonly storagePort: number
}

/** Storages that hold the same files. */
export class Group {
  readonly name: string
  #settings: GroupSettings
  readonly #onChange: () => void
  #members: readonly Member[] = []
  #active: readonly Member[] = []
  #changes = 0
  #writeIndex = 0
  #readIndex = 0

  /** @param onChange - called after each change of a status or connection */
  constructor(name: string, settings: GroupSettings, onChange: () => void) {
    this.name = name
    this.#settings = settings
    this.#onChange = onChange
  }

  /** What all storages have in common. */
  get settings(): GroupSettings {
    return this.#settings
  }

  /** All storages by ID. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** Those that may be read and written, by ID. */
  get active(): readonly Member[] {
    return this.#active
  }

  /** Grows with each change of the members or their status. Each storage is told of each change once (protocol.md §4.4). */
  get changes(): number {
    return this.#changes
  }

  /** The index in `active` of the next storage to be written to. */
  get writeIndex(): number {
    return this.#writeIndex
  }

  /** The space of the member that has the least left (protocol.md §6). */
  get space(): DiskSpace {
    const spaces = this.#active.filter((member) => member.disks.length > 0).map(spaceOf)
    return spaces.reduce(
      (least, space) => (space.freeMb < least.freeMb ? space : least),
      spaces[0] ?? NO_SPACE,
    )
  }

  /** The storage of that ID. */
  find(id: string): Member | undefined {
    return this.#members.find((member) => member.id === id)
  }

  /** Takes in a new storage. */
  add(member: Member): void {
    this.#members = [...this.#members, member].sort((a, b) => (a.id < b.id ? -1 : 1))
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
    this.#active = this.#members.filter(isActive)
    this.#onChange()
  }

  /** Gives up a storage. It stays in the lists, told apart by its status (protocol.md §2.5, 93). */
  delete(member: Member): void {
    for (const other of this.#members) if (other.syncSourceId === member.id) other.syncSourceId = ''
    clear(member)
    this.setStatus(member, STORAGE_STATUS.DELETED)
  }

  /**
   * Takes over what a storage joins with: all from the first one, and another number of store paths once all that
   * have not been deleted have joined with it.
   */
  adapt(join: GroupSettings): void {
    if (this.#settings.subdirCountPerPath === 0) this.#settings = join
    const counts = this.#members.map((member) => member.join.storePathCount).filter((count) => count > 0)
    if (counts.some((count) => count !== join.storePathCount)) return
    this.#settings = { ...this.#settings, storePathCount: join.storePathCount }
  }

  /** The storage for the next write: each in turn. */
  nextWritable(): Member | undefined {
    const index = clockwise(this.#writeIndex, this.#active.length)
    this.#writeIndex = clockwise(index + 1, this.#active.length)
    return this.#active[index]
  }

  /** The next active storage that `fits`, going on from the one that was read from last. */
  nextReadable(fits: (member: Member) => boolean): Member | undefined {
    const count = this.#active.length
    for (let step = 0; step < count; step++) {
      const index = (this.#readIndex + step) % count
      const member = this.#active[index] as Member
      if (!fits(member)) continue
      this.#readIndex = clockwise(index + 1, count)
      return member
    }
    return undefined
  }

  /** The store path for the next upload to a member: each in turn. */
  nextStorePath(member: Member): number {
    const index = clockwise(member.nextStorePath, this.#settings.storePathCount)
    member.nextStorePath = clockwise(index + 1, this.#settings.storePathCount)
    return index
  }

  #changed(): void {
    this.#changes++
    this.#active = this.#members.filter(isActive)
    this.#onChange()
  }
}

const NO_SPACE: DiskSpace = { totalMb: 0, freeMb: 0 }
