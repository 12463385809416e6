import { limits } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import { Watchers } from '../watchers.js'
import { Changelog } from './changelog.js'
import type { GroupSettings } from './group.js'
import { Group } from './group.js'
import type { Member } from './member.js'
import { clockwise } from './rotation.js'
import { Trackers } from './trackers.js'

const { STORAGE_STATUS } = limits

/** All that a tracker knows: groups, their storages, and whose turn it is. It outlives the tracker's stop and start. */
export class Cluster {
  #groups: readonly Group[] = []
  #writeIndex = 0
  /** The trackers, this one among them, and who leads. */
  readonly trackers = new Trackers()
  /** What became of storages. */
  readonly changelog: Changelog
  readonly clock: Clock
  readonly #watchers = new Watchers()

  constructor(clock: Clock) {
    this.clock = clock
    this.changelog = new Changelog(clock)
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
  obtain(name: string, settings: GroupSettings): Group {
    let group = this.find(name)
    if (group === undefined) {
      group = new Group(name, settings, () => this.#watchers.notify())
      this.#groups = [...this.#groups, group].sort((a, b) => (a.name < b.name ? -1 : 1))
    }
    return group
  }

  /** Forgets a group that has no storages. */
  remove(group: Group): void {
    this.#groups = this.#groups.filter((other) => other !== group)
  }

  /** Gives up a storage that is gone for good, and lets the others know. */
  deleteStorage(group: Group, member: Member): void {
    group.delete(member)
    this.changelog.add(group.name, member)
  }

  /** The group for the next upload: each that can take one in turn (protocol.md §6, round robin). */
  nextWritable(): Group | undefined {
    const count = this.#groups.length
    for (let step = 0; step < count; step++) {
      const index = (this.#writeIndex + step) % count
      const group = this.#groups[index] as Group
      if (group.active.length === 0) continue
      this.#writeIndex = clockwise(index + 1, count)
      return group
    }
    return undefined
  }

  /** Takes storages that have not been heard of for `seconds` for lost (protocol.md §4.6). */
  expire(seconds: number): void {
    const deadline = unixSeconds(this.clock) - seconds
    for (const group of this.#groups) {
      for (const member of group.members) {
        if (member.status === STORAGE_STATUS.ACTIVE && member.lastBeat < deadline)
          group.setStatus(member, STORAGE_STATUS.OFFLINE)
      }
    }
  }

  /** Resolves when the storage is ACTIVE. */
  whenActive(groupName: string, id: string): Promise<void> {
    return this.#watchers.until(
      () => this.find(groupName)?.active.some((member) => member.id === id) ?? false,
    )
  }
}
