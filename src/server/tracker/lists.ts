/** What groups and storages there are (protocol.md §2.3, §2.4). */
import { STATUS } from '../../errors.js'
import type { ValuesOf } from '../../protocol/index.js'
import { isAtLeast } from '../../protocol/dialect.js'
import { limits } from '../../protocol/index.js'
import type { groupRecord, storageRecord } from '../../protocol/tracker.js'
import { emptyStats } from '../storage-stats.js'
import type { Cluster } from './cluster.js'
import type { TrackerContext, TrackerHandlers } from './context.js'
import type { Group } from './group.js'
import type { Member } from './member.js'
import { ipFor } from './member.js'

/** What lists tell of the trunk file in use where trunk files are off (§2.3). */
function noTrunkFile({ settings }: Cluster): number {
  return isAtLeast(settings.dialect, '6.16') ? -1 : 0
}

function groupRecordOf(group: Group, cluster: Cluster): ValuesOf<typeof groupRecord> {
  return {
    group: group.name,
    ...group.space,
    reservedMb: cluster.settings.reserved.mbOf(group.space.totalMb),
    trunkFreeMb: 0,
    storageCount: group.members.length,
    storagePort: group.settings.storagePort,
    storageHttpPort: group.settings.storageHttpPort,
    readableCount: group.readable.length,
    activeCount: group.writable.length,
    currentWriteServer: group.writeIndex,
    storePathCount: group.settings.storePathCount,
    subdirCountPerPath: group.settings.subdirCountPerPath,
    currentTrunkFileId: noTrunkFile(cluster),
  }
}

function storageRecordOf(
  member: Member,
  { cluster, peerIp }: TrackerContext,
): ValuesOf<typeof storageRecord> {
  return {
    status: member.status,
    // What it is meant for, not what it is: real trackers tell it of deleted ones too.
    rwMode: member.rwMode,
    id: member.id,
    ip: ipFor(peerIp, member),
    domainName: member.domainName,
    syncSourceId: member.syncSourceId,
    version: member.version,
    joinTime: member.joinTime,
    upTime: member.upTime,
    ...member.space,
    reservedMb: cluster.settings.reserved.mbOf(member.space.totalMb),
    uploadPriority: member.uploadPriority,
    storePathCount: member.storePathCount,
    subdirCountPerPath: member.subdirCountPerPath,
    currentWritePath: member.writePath,
    storagePort: member.port,
    storageHttpPort: member.httpPort,
    stats: {
      ...(member.stats ?? emptyStats()),
      lastSyncedTimestamp: member.lastSynced,
      lastHeartBeat: member.lastBeat,
    },
    isTrunkServer: false,
  }
}

/** See the file's head. */
export const listHandlers: TrackerHandlers = {
  listOneGroup: (request, { context }) => {
    const group = context.cluster.find(request.group)
    return group === undefined ? STATUS.ENOENT : groupRecordOf(group, context.cluster)
  },

  listAllGroups: (_, { context: { cluster } }) => ({
    groups: cluster.groups.map((group) => groupRecordOf(group, cluster)),
  }),

  listStorage: (request, { context }) => {
    if (request.id !== undefined && request.id.length >= limits.STORAGE_ID_SIZE) return STATUS.EINVAL
    const group = context.cluster.find(request.group)
    if (group === undefined) return STATUS.ENOENT
    const { id } = request
    const members = group.members.filter((member) => id === undefined || member.id === id)
    if (members.length === 0 && id !== undefined) return STATUS.ENOENT
    return { storages: members.map((member) => storageRecordOf(member, context)) }
  },
}
