/** How a storage becomes a member of its group (protocol.md §4.2, 81). */
import { STATUS } from '../../errors.js'
import { limits } from '../../protocol/index.js'
import type { Cluster } from './cluster.js'
import type { Joined, TrackerContext } from './context.js'
import type { JoinRequest } from './member.js'
import { assignJoin, locate, newMember } from './member.js'
import { isGroupName, isStorageId } from '../names.js'
import { GONE } from '../status-sets.js'
import type { StorageIdEntry } from './storage-ids.js'
import { idOfAddress, RW_MODE } from './storage-ids.js'

const { INIT, ACTIVE, OFFLINE, ONLINE, RECOVERY, NONE } = limits.STORAGE_STATUS

/** A storage that does not know its own status sends a negative one; none of these can be that of a new storage (§1.4). */
const IMPOSSIBLE: readonly number[] = [NONE, ...GONE]

function isWithin(value: number, most: number): boolean {
  return value >= 1 && value <= most
}

function isValid(request: JoinRequest): boolean {
  return (
    isGroupName(request.group) &&
    isWithin(request.storagePort, 0xffff) &&
    (request.storageHttpPort ?? 0) >= 0 &&
    isWithin(request.storePathCount, 256) &&
    isWithin(request.subdirCountPerPath, 256) &&
    isWithin(request.trackers.length, limits.MAX_TRACKERS)
  )
}

/**
 * Takes in a storage. Each step that has been taken stays so when a later one fails, as with real trackers: they list a
 * storage that does not fit its group.
 *
 * @param onMember - called once the storage is a member, before it is known whether it fits
 * @returns the member, or the status that says why it is none
 */
export function join(
  request: JoinRequest,
  context: TrackerContext,
  onMember: (joined: Joined) => void,
): Joined | number {
  const { cluster, peerIp } = context
  if (!isValid(request)) return STATUS.EINVAL
  context.trackers.learn(request.trackers, [context.ownIp, request.currentTrackerIp ?? ''], context.ownPort)
  // Of more than these nobody could be told (§1.2): no reply has room for them.
  const known = cluster.find(request.group)
  if (known === undefined && cluster.groups.length >= limits.MAX_GROUPS) return STATUS.ENOSPC
  const group = known ?? cluster.obtain(request.group)

  const identity = identify(request, peerIp, cluster)
  if (identity === undefined) return STATUS.ENOENT
  if (!group.adaptPort(identity.id, request.storagePort)) return STATUS.EINVAL
  if (request.storageHttpPort !== undefined) group.adaptHttpPort(identity.id, request.storageHttpPort)
  const found = group.find(identity.id)
  if (found === undefined && isImpossible(request)) return STATUS.EFAULT
  if (identity.group !== group.name) return STATUS.EINVAL
  if (found === undefined && group.members.length >= limits.MAX_STORAGES) return STATUS.ENOSPC

  const { id, ips, rwMode } = identity
  const member = found ?? newMember({ id, ips, port: request.storagePort, rwMode, status: INIT })
  const joined = { group, member }
  cluster.storageIds?.learn(id, group.name, peerIp, request.storagePort)
  // Without a list it is where it comes from; what is told apart by its address stays at that.
  if (cluster.storageIds?.learned === true) member.ips = ips
  locate(member, peerIp)
  assignJoin(member, request)
  // There it is an ID; see `identify`.
  if (cluster.storageIds?.learned === true) member.domainName = ''
  if (found === undefined) group.add(member)
  else if (GONE.includes(member.status)) group.noteStatus(member, INIT)
  onMember(joined)
  if (!group.adapt(member)) return STATUS.EINVAL
  settleStatus(joined, found === undefined ? request : undefined, cluster)
  return joined
}

/** The status after a JOIN; a new storage has the one it says, where its old files are there already. */
function settleStatus({ group, member }: Joined, first: JoinRequest | undefined, cluster: Cluster): void {
  if (first?.initFlag === 0 && first.status > 0) {
    group.noteStatus(member, first.status === ACTIVE ? ONLINE : first.status)
  }
  if (member.status === OFFLINE || member.status === RECOVERY) group.noteStatus(member, ONLINE)
  // A new one has no use for what became of others before it.
  else if (member.status === INIT) member.changelogOffset = cluster.changelog.end
}

function isImpossible({ initFlag, status }: JoinRequest): boolean {
  return initFlag === 0 && (status < 0 || IMPOSSIBLE.includes(status))
}

/** Who a storage is: by its ID, where it says one, else by its address. */
function identify(
  request: JoinRequest,
  ip: string,
  { storageIds, settings }: Cluster,
): StorageIdEntry | undefined {
  const { group, storagePort: port } = request
  if (storageIds === undefined) {
    return { id: idOfAddress(ip, settings.dialect), group, ips: [ip], port, rwMode: RW_MODE.BOTH }
  }
  if (!storageIds.learned) {
    const { id = '' } = request
    return id === '' ? storageIds.at(ip, port, group) : storageIds.find(id)
  }
  // Before V6.11 there is no field for the ID; where none is configured, ours stands in the domain name.
  const id = request.id ?? request.domainName
  if (!isStorageId(id)) return undefined
  return { group, ...storageIds.find(id), id, ips: [ip], port, rwMode: RW_MODE.BOTH }
}
