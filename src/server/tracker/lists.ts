/** What groups and storages there are (protocol.md §2.3, §2.4). */
import { STATUS } from '../../errors.js'
import type { ValuesOf } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import type { groupRecord, storageRecord } from '../../protocol/tracker.js'
import { emptyStats } from '../storage-stats.js'
import type { TrackerHandlers } from './context.js'
import { syncedUntil } from './file-query.js'
import type { Group } from './group.js'
import type { Member } from './member.js'
import { spaceOf } from './member.js'

/** Bits of a storage's read and write mode. */
const READ_WRITE = 6
/** Trunk files are off (§2.3). */
const NO_TRUNK_FILE = -1

function groupRecordOf(group: Group): ValuesOf<typeof groupRecord> {
  const active = group.active.length
  return {
    group: group.name,
    ...group.space,
    reservedMb: 0,
    trunkFreeMb: 0,
    storageCount: group.members.length,
    storagePort: group.settings.storagePort,
    readableCount: active,
    activeCount: active,
    currentWriteServer: group.writeIndex,
    storePathCount: group.settings.storePathCount,
    subdirCountPerPath: group.settings.subdirCountPerPath,
    currentTrunkFileId: NO_TRUNK_FILE,
  }
}

function storageRecordOf(group: Group, member: Member): ValuesOf<typeof storageRecord> {
  const { join } = member
  return {
    status: member.status,
    // What it is meant for, not what it is: real trackers tell it of deleted ones too.
    rwMode: READ_WRITE,
    id: member.id,
    ip: member.ip,
    syncSourceId: member.syncSourceId,
    version: join.version,
    joinTime: join.joinTime,
    upTime: join.upTime,
    ...spaceOf(member),
    reservedMb: 0,
    uploadPriority: join.uploadPriority,
    storePathCount: join.storePathCount,
    subdirCountPerPath: join.subdirCountPerPath,
    currentWritePath: member.nextStorePath,
    storagePort: join.storagePort,
    stats: {
      ...(member.stats ?? emptyStats()),
      lastSyncedTimestamp: syncedUntil(group, member),
      lastHeartBeat: member.lastBeat,
    },
    isTrunkServer: false,
  }
}

/** See the file's head. */
export const listHandlers: TrackerHandlers = {
  listOneGroup: (request, { context }) => {
    const group = context.cluster.find(request.group)
    return group === undefined ? STATUS.ENOENT : groupRecordOf(group)
  },

  listAllGroups: (_, { context }) => ({ groups: context.cluster.groups.map(groupRecordOf) }),

  listStorage: (request, { context }) => {
    if (request.id !== undefined && request.id.length >= limits.STORAGE_ID_SIZE) return STATUS.EINVAL
    const group = context.cluster.find(request.group)
    if (group === undefined) return STATUS.ENOENT
    const { id } = request
    const members = group.members.filter((member) => id === undefined || member.id === id)
    if (members.length === 0 && id !== undefined) return STATUS.ENOENT
    return { storages: members.map((member) => storageRecordOf(group, member)) }
  },
}
