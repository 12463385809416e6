/** Which storages have a file, told by its name alone: a tracker does not know what files there are (protocol.md §6). */
import { unixSeconds } from '../clock.js'
import type { NameFacts } from '../name-facts.js'
import type { Cluster } from './cluster.js'
import type { Group } from './group.js'
import type { Member } from './member.js'
import { isReadable, isWritable } from './member.js'

/** The storage to download from. */
export function storageToRead(cluster: Cluster, group: Group, facts: NameFacts): Member | undefined {
  const source =
    !facts.normal || cluster.settings.downloadServer === 'source'
      ? readableSource(cluster, group, facts)
      : undefined
  if (source !== undefined) return source
  const holder = facts.normal ? group.nextReadable(holderTest(cluster, facts)) : undefined
  return holder ?? standIn(group)
}

/** All storages to download from. */
export function storagesToRead(cluster: Cluster, group: Group, facts: NameFacts): readonly Member[] {
  const holders = facts.normal
    ? group.readable.filter(holderTest(cluster, facts))
    : present(readableSource(cluster, group, facts))
  return holders.length > 0 ? holders : present(standIn(group))
}

function present(member: Member | undefined): readonly Member[] {
  return member === undefined ? [] : [member]
}

/** The storage to change a file at. */
export function storageToWrite(cluster: Cluster, group: Group, facts: NameFacts): Member | undefined {
  const source = sourceOf(cluster, group, facts)
  return source !== undefined && isWritable(source) ? source : group.nextWritable()
}

/** The storage that stands in for one that cannot be told. It is chosen for uploads, and may not be for reading. */
function standIn({ readable, storeServer }: Group): Member | undefined {
  if (readable.length === 0 || storeServer === undefined) return undefined
  return isReadable(storeServer) ? storeServer : undefined
}

function readableSource(cluster: Cluster, group: Group, facts: NameFacts): Member | undefined {
  const source = sourceOf(cluster, group, facts)
  return source !== undefined && isReadable(source) ? source : undefined
}

/** An address in a name is that of a storage at its group's port. */
function sourceOf(cluster: Cluster, group: Group, { source, sourceIsId }: NameFacts): Member | undefined {
  return sourceIsId ? group.find(source) : cluster.memberAt(group, source, group.settings.storagePort)
}

/** Whether a storage has a file that never changes: it is the source, or what came later has arrived. */
function holderTest({ settings, clock }: Cluster, facts: NameFacts): (member: Member) => boolean {
  const { createdAt, source, sourceIsId } = facts
  const age = unixSeconds(clock) - createdAt
  return ({ id, currentIp, lastSynced }) => {
    if ((sourceIsId ? id : currentIp) === source || age > settings.syncMaxDelay) return true
    return lastSynced > createdAt || (lastSynced + 1 >= createdAt && age > settings.syncMaxTime)
  }
}
