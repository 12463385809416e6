/** Which storages have a file, as trackers before V6.13 tell it: they look at one storage in turn, then at the source. */
import { unixSeconds } from '../clock.js'
import type { NameFacts } from '../name-facts.js'
import type { Cluster } from './cluster.js'
import type { Group } from './group.js'
import type { Member } from './member.js'

/** The storage to download from. */
export function storageToRead(cluster: Cluster, group: Group, facts: NameFacts): Member | undefined {
  const { downloadServer, storeServer } = cluster.settings
  const source = facts.isOld ? undefined : sourceOf(cluster, group, facts)
  if (downloadServer === 'source' && source !== undefined) return source
  const candidate = group.takeReadingTurn()
  if (candidate === undefined || (isNormal(facts) && hasArrived(cluster, facts, candidate))) return candidate
  if (facts.isOld) return group.storeServer
  if (isSource(candidate, facts)) return candidate
  if (downloadServer === 'round-robin' && source !== undefined) return source
  return storeServer === 'round-robin' ? candidate : group.storeServer
}

/** All storages to download from. An ID in the name of a normal file is not looked at. */
export function storagesToRead(cluster: Cluster, group: Group, facts: NameFacts): readonly Member[] {
  const source = facts.isOld ? undefined : sourceOf(cluster, group, facts)
  const isKnownAddress = !facts.sourceIsId && !facts.isOld
  const holders = isNormal(facts)
    ? group.readable.filter(
        (member) => hasArrived(cluster, facts, member) || (isKnownAddress && isSource(member, facts)),
      )
    : [source]
  const found = holders.some((member) => member !== undefined) ? holders : [group.storeServer]
  return found.filter((member) => member !== undefined)
}

/** The storage to change a file at. */
export function storageToWrite(cluster: Cluster, group: Group, facts: NameFacts): Member | undefined {
  return (facts.isOld ? undefined : sourceOf(cluster, group, facts)) ?? group.nextWritable()
}

function sourceOf(cluster: Cluster, group: Group, { source, sourceIsId }: NameFacts): Member | undefined {
  const member = sourceIsId ? group.find(source) : cluster.memberAt(group, source, undefined)
  return member !== undefined && group.readable.includes(member) ? member : undefined
}

function isNormal({ normal, isOld }: NameFacts): boolean {
  return normal || isOld
}

function isSource({ id, currentIp }: Member, { source, sourceIsId }: NameFacts): boolean {
  return (sourceIsId ? id : currentIp) === source
}

/** Of files from before V1.12 nothing is known: they are everywhere where uploads go everywhere. */
function hasArrived({ settings, clock }: Cluster, facts: NameFacts, { lastSynced }: Member): boolean {
  const createdAt = facts.isOld ? 0 : facts.createdAt
  const age = unixSeconds(clock) - createdAt
  return (
    age > settings.syncMaxDelay ||
    lastSynced > createdAt ||
    (lastSynced + 1 >= createdAt && age > settings.syncMaxTime) ||
    (facts.isOld && settings.storeServer === 'round-robin')
  )
}
