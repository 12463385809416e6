/** What operators ask and order (protocol.md §2.5). Trunk files are off. */
import { STATUS } from '../../errors.js'
import type { RequestOf, ResponseOf, trackerCommands } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import { formatAddress } from '../address.js'
import type { TrackerHandlers } from './context.js'
import type { Group } from './group.js'
import { allMembers } from './identities.js'
import type { Member } from './member.js'
import { ipFor } from './member.js'
import type { TrackerSettings } from './settings.js'

const { INIT, ONLINE, ACTIVE, RECOVERY, DELETED, IP_CHANGED } = limits.STORAGE_STATUS

type StorageStat = ResponseOf<typeof trackerCommands.storageClusterStat>['storages'][number]
type VolumeStat = ResponseOf<typeof trackerCommands.storageVolumeStat>['groups'][number]

/** In these a storage is alive and cannot be deleted. */
const ALIVE: readonly number[] = [ONLINE, ACTIVE, RECOVERY]
/** Bits of the filters' first byte. */
const BY = { STATUS: 2, DISK: 1, SPACE: 4 } as const

/** The status of deleting a storage, 0 where it can be. */
function refusal(member: Member | undefined): number {
  if (member === undefined || member.status === IP_CHANGED) return STATUS.ENOENT
  if (ALIVE.includes(member.status)) return STATUS.EBUSY
  return member.status === DELETED ? STATUS.EALREADY : STATUS.OK
}

/** The status of giving a storage the address of another one, 0 where it can be (§4.2, 78). */
function readdressRefusal(former: Member | undefined, latter: Member | undefined): number {
  if (former === undefined || former.status === DELETED) return STATUS.ENOENT
  if (ALIVE.includes(former.status)) return STATUS.EBUSY
  if (former.status === IP_CHANGED) return STATUS.EALREADY
  return latter === undefined ? STATUS.OK : STATUS.EEXIST
}

function storageStatOf(member: Member, peerIp: string): StorageStat {
  const { id, port, status, version, upTime, stats, lastBeat } = member
  return {
    id,
    host: formatAddress(ipFor(peerIp, member), port),
    isTrunkServer: false,
    status,
    connectionsAllocated: stats?.connectionsAllocated ?? 0,
    connectionsCurrent: stats?.connectionsCurrent ?? 0,
    connectionsMax: stats?.connectionsMax ?? 0,
    version,
    upTime,
    lastHeartBeat: lastBeat,
  }
}

/** An operator other than `=` and `!` fits no storage; what is asked of trunk servers is not looked at without them. */
function fitsStatus(
  { filterBy, op, status }: RequestOf<typeof trackerCommands.storageClusterStat>,
  member: Member,
): boolean {
  if ((filterBy & BY.STATUS) === 0) return true
  return op === '=' ? member.status === status : op === '!' && member.status !== status
}

function volumeStatOf(group: Group, { reserved }: TrackerSettings): VolumeStat {
  const { totalMb, freeMb } = group.space
  const reservedMb = reserved.mbOf(totalMb)
  const diskAvailable = reserved.allows(group.space)
  return {
    group: group.name,
    totalMb,
    freeMb,
    reservedMb,
    availableMb: diskAvailable ? Math.max(0, freeMb - reservedMb) : 0,
    trunkFreeMb: 0,
    diskAvailable,
    trunkAvailable: false,
  }
}

/** See the file's head. */
export const administrationHandlers: TrackerHandlers = {
  deleteStorage: ({ group: name, id }, { context }) => {
    if (id.length === 0 || id.length >= limits.STORAGE_ID_SIZE) return STATUS.EINVAL
    const group = context.cluster.find(name)
    const member = group?.find(id)
    const status = refusal(member)
    if (group === undefined || member === undefined || status !== STATUS.OK) return status
    context.cluster.deleteStorage(group, member)
    return {}
  },

  // Deleted storages are storages too: a group that ever had one stays.
  deleteGroup: (request, { context }) => {
    const group = context.cluster.find(request.group)
    if (group === undefined) return STATUS.ENOENT
    if (group.members.length > 0) return STATUS.EBUSY
    context.cluster.remove(group)
    return {}
  },

  setTrunkServer: ({ group, id = '' }, { context }) => {
    if (id.length >= limits.STORAGE_ID_SIZE) return STATUS.EINVAL
    return context.cluster.find(group) === undefined ? STATUS.ENOENT : STATUS.EOPNOTSUPP
  },

  storageClusterStat: (filter, { context }) => ({
    useStorageId: context.cluster.storageIds !== undefined,
    useTrunkFile: false,
    storages: allMembers(context.cluster)
      .filter(({ member }) => fitsStatus(filter, member))
      .map(({ member }) => storageStatOf(member, context.peerIp)),
  }),

  // Without trunk files space is disk space, and the filter by trunk space is not looked at.
  storageVolumeStat: ({ filterBy, disk, space }, { context }) => ({
    useTrunkFile: false,
    groups: context.cluster.groups
      .map((group) => volumeStatOf(group, context.cluster.settings))
      .filter(
        ({ diskAvailable }) =>
          ((filterBy & BY.DISK) === 0 || Number(diskAvailable) === disk) &&
          ((filterBy & BY.SPACE) === 0 || Number(diskAvailable) === space),
      ),
  }),

  // Of trunk files nothing is known, and no storage is the one that may report of them (§4.2).
  storageFetchTrunkFid: () => ({ trunkFileId: 0 }),
  storageReportTrunkFid: () => STATUS.EINVAL,
  storageReportTrunkFree: () => STATUS.EINVAL,

  storageReportIpChanged: ({ group: name, oldIp, newIp }, { context: { cluster, peerIp } }) => {
    const group = cluster.find(name)
    if (group === undefined) return STATUS.ENOENT
    if (newIp !== peerIp) return STATUS.EINVAL
    const member = group.find(oldIp)
    const latter = group.find(newIp)
    const status = readdressRefusal(member, latter)
    // One that was deleted begins anew, and so is in the way too.
    if (status === STATUS.EEXIST && latter?.status === DELETED) group.noteStatus(latter, INIT)
    if (member === undefined || status !== STATUS.OK) return status
    cluster.readdress(group, member, newIp)
    return {}
  },
}
