/** What servers say of storages, and what is told of one (protocol.md §2.5, §4.2, §4.6). */
import { STATUS } from '../../errors.js'
import { isAtLeast } from '../../protocol/dialect.js'
import { limits } from '../../protocol/index.js'
import type { TrackerHandlers } from './context.js'
import { joinedOn } from './context.js'
import type { Cluster } from './cluster.js'
import type { Group } from './group.js'
import { hasAddressSize, readPlace } from './identities.js'
import type { Brief } from './member.js'
import { briefOf, locate, newMember } from './member.js'
import { isStorageId } from '../names.js'
import { GONE } from '../status-sets.js'
import type { StorageIdEntry } from './storage-ids.js'
import { RW_MODE } from './storage-ids.js'

const { INIT, OFFLINE, ONLINE, ACTIVE, RECOVERY, NONE } = limits.STORAGE_STATUS

/** Between these a storage goes by its own beats, whatever it says. */
const AVAILABLE: readonly number[] = [OFFLINE, ONLINE, ACTIVE]
/** In these the tracker knows better than others. */
const SETTLED: readonly number[] = [INIT, ONLINE, ACTIVE, RECOVERY]
/** Of these an unknown storage comes to be known by its own JOIN, or never. */
const IGNORED: readonly number[] = [NONE, ...GONE, ONLINE, ACTIVE]

/** Takes over what another server says of a storage, where it knows more (protocol.md §4.6, merge rule). */
function merge(cluster: Cluster, group: Group, said: Brief): number {
  const { id, status } = said
  const member = group.find(id)
  if (member === undefined) return IGNORED.includes(status) ? STATUS.OK : introduce(cluster, group, said)
  if (status === NONE || status === member.status || SETTLED.includes(member.status)) return STATUS.OK
  // These win over every other. Bytes are signed here (§1.4).
  if (GONE.includes(status) || asSigned(status) > asSigned(member.status)) group.setStatus(member, status)
  return STATUS.OK
}

function asSigned(byte: number): number {
  return (byte << 24) >> 24
}

/** Takes in a storage that has not joined here yet. */
function introduce(cluster: Cluster, group: Group, { id, ip, port, status }: Brief): number {
  if (ip === '') return STATUS.EINVAL
  const entry = entryOf(cluster, group, id, ip)
  if (entry === undefined) return STATUS.ENOENT
  if (entry.group !== group.name) return STATUS.EINVAL
  if (group.members.length >= limits.MAX_STORAGES) return STATUS.ENOSPC
  cluster.storageIds?.learn(id, group.name, ip, port)
  const { ips, rwMode } = entry
  // V5 does not believe the status.
  const first = isAtLeast(cluster.settings.dialect, '6.00') ? status : INIT
  const member = newMember({ id, ips, port: 0, rwMode, status: first })
  locate(member, ip)
  group.add(member)
  return STATUS.OK
}

/** Who a storage is that another server tells of. */
function entryOf(cluster: Cluster, group: Group, id: string, ip: string): StorageIdEntry | undefined {
  const { storageIds } = cluster
  if (storageIds?.learned === false) return storageIds.find(id)
  if (storageIds?.learned === true && !isStorageId(id)) return undefined
  return storageIds?.find(id) ?? { id, group: group.name, ips: [ip], port: 0, rwMode: RW_MODE.BOTH }
}

/** See the file's head. */
export const statusHandlers: TrackerHandlers = {
  storageGetStatus: (request, { context }) => {
    const { cluster } = context
    const isPlace = !isAtLeast(cluster.settings.dialect, '6.16') || hasAddressSize(request.address)
    if (!isPlace) return STATUS.EINVAL
    const group = cluster.find(request.group)
    if (group === undefined) return STATUS.ENOENT
    const place = readPlace(request.address, context)
    if (typeof place === 'number') return place
    const member = cluster.memberAt(group, place.ip, place.port)
    return member === undefined ? STATUS.ENOENT : briefOf(member, group.portOf(member), member.ips[0] ?? '')
  },

  // By an ACTIVE one its beat is meant, which has not come yet.
  storageChangeStatus: ({ status }, { context }) => {
    const { group, member } = joinedOn(context)
    if (AVAILABLE.includes(status) && AVAILABLE.includes(member.status)) return {}
    if (status !== member.status)
      group.noteStatus(member, status === ONLINE || status === ACTIVE ? OFFLINE : status)
    return {}
  },

  storageReportStatus: ({ group: name, storage }, { context }) => {
    const group = context.cluster.find(name)
    if (group === undefined) return STATUS.ENOENT
    return merge(context.cluster, group, storage) || {}
  },

  // The leader has told it all itself.
  storageReplicaChg: ({ storages }, { context }) => {
    const { cluster } = context
    const joined = joinedOn(context)
    if (storages.length === 0) return STATUS.EINVAL
    if (context.trackers.leads) return {}
    // The last one counts, as with real trackers.
    return storages.map((storage) => merge(cluster, joined.group, storage)).at(-1) || {}
  },
}
