import { limits } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import { Watchers } from '../watchers.js'
import { Changelog } from './changelog.js'
import { Group } from './group.js'
import type { Member } from './member.js'
import { clockwise } from './rotation.js'
import type { TrackerSettings } from './settings.js'
import type { StorageIds } from './storage-ids.js'
import { idOfAddress } from './storage-ids.js'

const { STORAGE_STATUS } = limits

/** All that a tracker knows of groups and storages, and whose turn it is. It outlives the tracker's stop and start. */
export class Cluster {
  readonly settings: TrackerSettings
  /** What became of storages. */
  readonly changelog: Changelog
  #groups: readonly Group[] = []
  #writeIndex = 0
  #revision = 0
  readonly #watchers = new Watchers()

  constructor(settings: TrackerSettings) {
    this.settings = settings
    this.changelog = new Changelog(settings.clock)
  }

  /** See {@link TrackerSettings}. */
  get clock(): Clock {
    return this.settings.clock
  }

  /** See {@link TrackerSettings}. */
  get storageIds(): StorageIds | undefined {
    return this.settings.storageIds
  }

  /** Grows with each change that must survive a restart. */
  get revision(): number {
    return this.#revision
  }

  /** All groups by name. */
  get groups(): readonly Group[] {
    return this.#groups
  }

  /** The group of that name. */
  find(name: string): Group | undefined {
    return this.#groups.find((group) => group.name === name)
  }

  /** The group of that name, made if it is new. */
  obtain(name: string): Group {
    let group = this.find(name)
    if (group === undefined) {
      group = new Group(name, this.settings, () => this.touch())
      this.#groups = [...this.#groups, group].sort((a, b) => (a.name < b.name ? -1 : 1))
      this.touch()
    }
    return group
  }

  /** Forgets a group that has no storages. */
  remove(group: Group): void {
    this.#groups = this.#groups.filter((other) => other !== group)
    this.touch()
  }

  /** Forgets everything. */
  clear(): void {
    this.#groups = []
    this.#writeIndex = 0
    this.changelog.text = ''
    this.touch()
  }

  /** Something has changed that must survive a restart, or that somebody may be waiting for. */
  touch(): void {
    this.#revision++
    this.#watchers.notify()
  }

  /** The storage of a group at an address. Without IDs the port is not looked at: the address is the ID. */
  memberAt(group: Group, ip: string, port: number | undefined): Member | undefined {
    const id =
      this.storageIds === undefined
        ? idOfAddress(ip, this.settings.dialect)
        : this.storageIds.at(ip, port, group.name)?.id
    return id === undefined ? undefined : group.find(id)
  }

  /** Gives up a storage that is gone for good, and lets the others know. */
  deleteStorage(group: Group, member: Member): void {
    group.delete(member)
    this.changelog.add(group.name, member)
    this.touch()
  }

  /** Gives a storage without ID another address, and lets the others know. */
  readdress(group: Group, member: Member, ip: string): void {
    const id = idOfAddress(ip, this.settings.dialect)
    this.changelog.add(group.name, group.readdress(member, id, ip), id)
    this.touch()
  }

  /** The groups in the order in which an upload that names none tries them (protocol.md §6, Group). */
  uploadGroups(): readonly Group[] {
    if (this.settings.storeLookup === 'group') {
      return this.#groups.filter(({ name }) => name === this.settings.storeGroup)
    }
    const start = clockwise(this.#writeIndex, this.#groups.length)
    return [...this.#groups.slice(start), ...this.#groups.slice(0, start)]
  }

  /** An upload goes to that group: the next one is another's turn. */
  uploadTaken(group: Group): void {
    const count = this.#groups.length
    const index = this.#groups.indexOf(group)
    // Past the end it begins anew, however far past.
    if (index !== clockwise(this.#writeIndex, count)) this.#writeIndex = index
    if (this.settings.storeLookup === 'round-robin') this.#writeIndex = clockwise(this.#writeIndex + 1, count)
  }

  /** A storage has reported its space: uploads by free space go to the group that has the most now. */
  rank(): void {
    if (this.settings.storeLookup !== 'load-balance') return
    const [first, ...others] = this.#groups.filter(({ writable }) => writable.length > 0)
    if (first === undefined) return
    const freest = others.reduce(
      (most, group) => (group.space.freeMb > most.space.freeMb ? group : most),
      first,
    )
    this.#writeIndex = this.#groups.indexOf(freest)
  }

  /** Takes storages that have not been heard of for too long for lost (protocol.md §4.6). */
  expire(): void {
    const deadline = unixSeconds(this.clock) - this.settings.checkActiveInterval
    for (const group of this.#groups) {
      for (const member of group.members) {
        if (member.status === STORAGE_STATUS.ACTIVE && member.lastBeat < deadline)
          group.deactivate(member, STORAGE_STATUS.OFFLINE)
      }
    }
  }

  /** Resolves when the storage is ACTIVE. */
  whenActive(groupName: string, id: string): Promise<void> {
    return this.#watchers.until(() => {
      const member = this.find(groupName)?.find(id)
      return member?.status === STORAGE_STATUS.ACTIVE && member.connection !== undefined
    })
  }
}
