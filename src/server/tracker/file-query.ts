/** Which storages have a file, told by its name alone: a tracker does not know what files there are (protocol.md §6). */
import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import type { NameFacts } from '../name-facts.js'
import { readName } from '../name-facts.js'
import type { Group } from './group.js'
import type { Member } from './member.js'

/** After this many seconds a file is taken to be everywhere. */
const SYNC_MAX_DELAY = 86_400
/** After this many seconds it is taken to be where the second before it has arrived. */
const SYNC_MAX_TIME = 300

/** The storage to download from. */
export function storageToRead(group: Group, name: string, clock: Clock): Member | undefined {
  const facts = readName(name)
  const found = facts.normal ? group.nextReadable(holderTest(group, facts, clock)) : sourceOf(group, facts)
  return found ?? group.active[0]
}

/** All storages to download from. */
export function storagesToRead(group: Group, name: string, clock: Clock): readonly Member[] {
  const facts = readName(name)
  const source = facts.normal ? undefined : sourceOf(group, facts)
  const found = facts.normal ? group.active.filter(holderTest(group, facts, clock)) : source ? [source] : []
  return found.length > 0 ? found : group.active.slice(0, 1)
}

/** The storage to change a file at. */
export function storageToWrite(group: Group, name: string): Member | undefined {
  return sourceOf(group, readName(name)) ?? group.nextWritable()
}

function sourceOf(group: Group, facts: NameFacts): Member | undefined {
  return group.active.find((member) => isSource(member, facts))
}

function isSource(member: Member, { source }: NameFacts): boolean {
  return member.id === source || member.ip === source
}

/** Whether a storage has a file that never changes: it is the source, or what came later has arrived. */
function holderTest(group: Group, facts: NameFacts, clock: Clock): (member: Member) => boolean {
  const { createdAt } = facts
  const age = unixSeconds(clock) - createdAt
  return (member) => {
    if (isSource(member, facts) || age > SYNC_MAX_DELAY) return true
    const synced = syncedUntil(group, member)
    return synced > createdAt || (synced + 1 >= createdAt && age > SYNC_MAX_TIME)
  }
}

/** Up to which second the files of all active sources have arrived at a storage; 0 where nothing is known. */
export function syncedUntil(group: Group, member: Member): number {
  const times = group.active.map((source) => member.syncedFrom.get(source.id) ?? 0).filter((time) => time > 0)
  return times.length === 0 ? 0 : Math.min(...times)
}
