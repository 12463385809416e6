/** What operators ask and order (protocol.md §2.5). Trunk files are off. */
import { isIPv6 } from 'node:net'
import { STATUS } from '../../errors.js'
import type { RequestOf, ResponseOf, trackerCommands } from '../../protocol/index.js'
import { LATEST, limits } from '../../protocol/index.js'
import { formatAddress } from '../address.js'
import type { TrackerContext, TrackerHandlers } from './context.js'
import type { Group } from './group.js'
import { allMembers } from './identities.js'
import type { Member } from './member.js'
import type { TrackerAddress } from './trackers.js'

const { ONLINE, ACTIVE, RECOVERY, DELETED, IP_CHANGED } = limits.STORAGE_STATUS

type TrackerStat = ResponseOf<typeof trackerCommands.trackerClusterStat>['trackers'][number]
type StorageStat = ResponseOf<typeof trackerCommands.storageClusterStat>['storages'][number]
type VolumeStat = ResponseOf<typeof trackerCommands.storageVolumeStat>['groups'][number]

/** In these a storage is alive and cannot be deleted. */
const ALIVE: readonly number[] = [ONLINE, ACTIVE, RECOVERY]
/** Bits of the filters' first byte. */
const BY = { ACTIVE: 1, LEADER: 2, STATUS: 2, DISK: 1, SPACE: 4 } as const

/** The status of deleting a storage, 0 where it can be. */
function refusal(member: Member | undefined): number {
  if (member === undefined || member.status === IP_CHANGED) return STATUS.ENOENT
  if (ALIVE.includes(member.status)) return STATUS.EBUSY
  return member.status === DELETED ? STATUS.EALREADY : STATUS.OK
}

function trackerStatOf(tracker: TrackerAddress, { cluster, load, startedAt }: TrackerContext): TrackerStat {
  const host = formatAddress(tracker.ips[0], tracker.port)
  // Trackers do not talk to each other: of the others no more is known than that storages name them.
  if (tracker !== cluster.trackers.leader) return { ...UNKNOWN_TRACKER, host }
  return {
    host,
    isLeader: true,
    isActive: true,
    connectionsAllocated: load.maxConnections,
    connectionsCurrent: load.connections,
    connectionsMax: load.maxConnections,
    version: LATEST.version,
    upTime: startedAt,
    // As real ones: nobody sends beats to the leader.
    lastHeartBeat: 0,
  }
}

const UNKNOWN_TRACKER: Omit<TrackerStat, 'host'> = {
  isLeader: false,
  isActive: false,
  connectionsAllocated: 0,
  connectionsCurrent: 0,
  connectionsMax: 0,
  version: '',
  upTime: 0,
  lastHeartBeat: 0,
}

function storageStatOf({ id, ip, status, join, stats, lastBeat }: Member): StorageStat {
  return {
    id,
    host: formatAddress(ip, join.storagePort),
    isTrunkServer: false,
    status,
    connectionsAllocated: stats?.connectionsAllocated ?? 0,
    connectionsCurrent: stats?.connectionsCurrent ?? 0,
    connectionsMax: stats?.connectionsMax ?? 0,
    version: join.version,
    upTime: join.upTime,
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

/** Nothing is reserved: where there is any space, all of it is available. */
function volumeStatOf(group: Group): VolumeStat {
  const { totalMb, freeMb } = group.space
  return {
    group: group.name,
    totalMb,
    freeMb,
    reservedMb: 0,
    availableMb: freeMb,
    trunkFreeMb: 0,
    diskAvailable: freeMb > 0,
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

  getLeader: (_, { context }) => {
    const { leader } = context.cluster.trackers
    if (leader === undefined) return STATUS.ENOENT
    // One with two addresses is told by that of the asker's kind.
    const ip = leader.ips.find((candidate) => isIPv6(candidate) === isIPv6(context.peerIp))
    return { leader: formatAddress(ip ?? leader.ips[0], leader.port) }
  },

  trackerClusterStat: ({ filterBy, isActive, isLeader }, { context }) => {
    const { trackers } = context.cluster
    if (!trackers.leads) return STATUS.EOPNOTSUPP
    const stats = trackers.all.map((tracker) => trackerStatOf(tracker, context))
    return {
      trackers: stats.filter(
        (stat) =>
          ((filterBy & BY.ACTIVE) === 0 || stat.isActive === isActive) &&
          ((filterBy & BY.LEADER) === 0 || stat.isLeader === isLeader),
      ),
    }
  },

  storageClusterStat: (filter, { context }) => ({
    useStorageId: true,
    useTrunkFile: false,
    storages: allMembers(context.cluster)
      .filter(({ member }) => fitsStatus(filter, member))
      .map(({ member }) => storageStatOf(member)),
  }),

  // Without trunk files space is disk space, and the filter by trunk space is not looked at.
  storageVolumeStat: ({ filterBy, disk, space }, { context }) => ({
    useTrunkFile: false,
    groups: context.cluster.groups
      .map(volumeStatOf)
      .filter(
        ({ diskAvailable }) =>
          ((filterBy & BY.DISK) === 0 || Number(diskAvailable) === disk) &&
          ((filterBy & BY.SPACE) === 0 || Number(diskAvailable) === space),
      ),
  }),

  // Of trunk files nothing is known, and no storage is the one that may report of them (§4.2).
  storageFetchTrunkFid: (_, { context }) =>
    context.joined === undefined ? STATUS.EACCES : { trunkFileId: 0 },
  storageReportTrunkFid: (_, { context }) => (context.joined === undefined ? STATUS.EACCES : STATUS.EINVAL),
  storageReportTrunkFree: (_, { context }) => (context.joined === undefined ? STATUS.EACCES : STATUS.EINVAL),

  // A storage with an ID may change its address as it likes (§4.2).
  storageReportIpChanged: () => STATUS.EOPNOTSUPP,
}
