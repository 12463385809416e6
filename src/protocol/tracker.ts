/** What clients ask a tracker (protocol.md §2). */
import { isAtLeast } from './dialect.js'
import { declare } from './command.js'
import {
  before,
  bool,
  countOf,
  i32,
  i64,
  list,
  port,
  recordAddress,
  replyAddress,
  serverAddress,
  since,
  str,
  struct,
  terminatedText,
  text,
  trailing,
  u8,
  versionText,
} from './fields.js'
import { GROUP_NAME_SIZE, MAX_GROUPS, MAX_STORAGES, MAX_TRACKERS, STORAGE_ID_SIZE } from './limits.js'

const group = (): ReturnType<typeof str> => str(GROUP_NAME_SIZE)
/** In records a group name has room for a NUL. */
const groupInRecord = (): ReturnType<typeof str> => str(GROUP_NAME_SIZE + 1)
const storageId = (): ReturnType<typeof str> => str(STORAGE_ID_SIZE)

/** §2.1: one storage to upload to. */
const storeTarget = { group: group(), ip: replyAddress(), port: port(), storePathIndex: u8() }
/** §2.1: all storages of a group; one path index at the end. */
const storeTargets = {
  group: group(),
  storages: list({ ip: replyAddress(), port: port() }, MAX_STORAGES),
  storePathIndex: u8(),
}
/** §2.2: where a file is. */
const fileQuery = { group: group(), name: text() }
const fileTarget = { group: group(), ip: replyAddress(), port: port() }
/** The other members have a port of their own since V6.16; before, the first one's is theirs too. */
const fileTargets = {
  ...fileTarget,
  others: list({ ip: replyAddress(), port: since('6.16', port()) }, MAX_STORAGES - 1),
}

/** §2.3: a group. Spaces are in MB. `activeCount` is the number of writable storages since V6.13. */
export const groupRecord = {
  group: groupInRecord(),
  totalMb: i64(),
  freeMb: i64(),
  reservedMb: since('6.13.1', i64()),
  trunkFreeMb: i64(),
  storageCount: i64(),
  storagePort: i64(),
  storageHttpPort: before('6.13.0', i64()),
  readableCount: since('6.13.0', i64()),
  activeCount: i64(),
  currentWriteServer: i64(),
  storePathCount: i64(),
  subdirCountPerPath: i64(),
  currentTrunkFileId: i64(),
}

/** §2.4: a storage's counters, 348 bytes in every version; also the body of a beat. Times are Unix seconds. */
export const storageStats = {
  connectionsAllocated: i32(),
  connectionsCurrent: i32(),
  connectionsMax: i32(),
  totalUpload: i64(),
  successUpload: i64(),
  totalAppend: i64(),
  successAppend: i64(),
  totalModify: i64(),
  successModify: i64(),
  totalTruncate: i64(),
  successTruncate: i64(),
  totalSetMetadata: i64(),
  successSetMetadata: i64(),
  totalDelete: i64(),
  successDelete: i64(),
  totalDownload: i64(),
  successDownload: i64(),
  totalGetMetadata: i64(),
  successGetMetadata: i64(),
  totalCreateLink: i64(),
  successCreateLink: i64(),
  totalDeleteLink: i64(),
  successDeleteLink: i64(),
  totalUploadBytes: i64(),
  successUploadBytes: i64(),
  totalAppendBytes: i64(),
  successAppendBytes: i64(),
  totalModifyBytes: i64(),
  successModifyBytes: i64(),
  totalDownloadBytes: i64(),
  successDownloadBytes: i64(),
  totalSyncInBytes: i64(),
  successSyncInBytes: i64(),
  totalSyncOutBytes: i64(),
  successSyncOutBytes: i64(),
  totalFileOpen: i64(),
  successFileOpen: i64(),
  totalFileRead: i64(),
  successFileRead: i64(),
  totalFileWrite: i64(),
  successFileWrite: i64(),
  lastSourceUpdate: i64(),
  lastSyncUpdate: i64(),
  lastSyncedTimestamp: i64(),
  lastHeartBeat: i64(),
}

/** §2.4: a storage. Spaces are in MB, times Unix seconds. */
export const storageRecord = {
  status: u8(),
  rwMode: since('6.13.0', u8()),
  id: storageId(),
  ip: recordAddress(),
  domainName: before('6.13.0', str(128)),
  syncSourceId: storageId(),
  version: versionText(),
  joinTime: i64(),
  upTime: i64(),
  totalMb: i64(),
  freeMb: i64(),
  reservedMb: since('6.13.1', i64()),
  uploadPriority: i64(),
  storePathCount: i64(),
  subdirCountPerPath: i64(),
  currentWritePath: i64(),
  storagePort: i64(),
  storageHttpPort: before('6.13.0', i64()),
  stats: struct(storageStats),
  isTrunkServer: bool(),
}

/** §4.1: a storage's status, as servers tell each other. */
export const briefRecord = { status: u8(), port: i32(), id: storageId(), ip: serverAddress() }

/** §2.5: a tracker, in the reply of `trackerClusterStat`. */
const trackerStatRecord = {
  host: str(52),
  isLeader: bool(),
  isActive: bool(),
  connectionsAllocated: i32(),
  connectionsCurrent: i32(),
  connectionsMax: i32(),
  version: str(8),
  upTime: i64(),
  lastHeartBeat: i64(),
}

/** §2.5: a storage, in the reply of `storageClusterStat`. */
const storageStatRecord = {
  id: storageId(),
  host: str(52),
  isTrunkServer: bool(),
  status: u8(),
  connectionsAllocated: i32(),
  connectionsCurrent: i32(),
  connectionsMax: i32(),
  version: str(8),
  upTime: i64(),
  lastHeartBeat: i64(),
}

/** §2.5: a group's space in MB, in the reply of `storageVolumeStat`. */
const volumeRecord = {
  group: groupInRecord(),
  totalMb: i64(),
  freeMb: i64(),
  reservedMb: i64(),
  availableMb: i64(),
  trunkFreeMb: i64(),
  diskAvailable: bool(),
  trunkAvailable: bool(),
}

/** What status 2 says of queries. */
const noStore = { notFound: 'no group with a storage that can take a file' }
const noStoreInGroup = { notFound: 'no such group, or no storage of it can take a file' }
const noSource = { notFound: 'no such group, or no storage of it can serve the file' }

/** Storages of all groups together. */
const ALL_STORAGES = MAX_GROUPS * MAX_STORAGES

/** The tracker's commands for clients; names are the C source's. */
export const trackerCommands = declare('tracker', {
  /** §2.1 */
  queryStoreWithoutGroupOne: {
    number: 101,
    ...noStore,
    idempotent: true,
    request: {},
    response: storeTarget,
  },
  /** §2.1 */
  queryStoreWithGroupOne: {
    number: 104,
    ...noStoreInGroup,
    idempotent: true,
    request: { group: group() },
    response: storeTarget,
  },
  /** §2.1 */
  queryStoreWithoutGroupAll: {
    number: 106,
    ...noStore,
    idempotent: true,
    request: {},
    response: storeTargets,
  },
  /** §2.1 */
  queryStoreWithGroupAll: {
    number: 107,
    ...noStoreInGroup,
    idempotent: true,
    request: { group: group() },
    response: storeTargets,
  },
  /** §2.2 */
  queryFetchOne: { number: 102, ...noSource, idempotent: true, request: fileQuery, response: fileTarget },
  /** §2.2 */
  queryUpdate: { number: 103, ...noSource, idempotent: true, request: fileQuery, response: fileTarget },
  /** §2.2 */
  queryFetchAll: { number: 105, ...noSource, idempotent: true, request: fileQuery, response: fileTargets },
  /** §2.3 */
  listOneGroup: { number: 90, idempotent: true, request: { group: group() }, response: groupRecord },
  /** §2.3 */
  listAllGroups: {
    number: 91,
    idempotent: true,
    request: {},
    response: { groups: list(groupRecord, MAX_GROUPS) },
  },
  /** §2.4; without an ID all storages of the group. */
  listStorage: {
    number: 92,
    idempotent: true,
    request: { group: group(), id: trailing(text()) },
    response: { storages: list(storageRecord, MAX_STORAGES) },
  },
  /** §2.5 */
  deleteStorage: { number: 93, idempotent: true, request: { group: group(), id: text() }, response: {} },
  /** §2.5 */
  deleteGroup: { number: 108, idempotent: true, request: { group: group() }, response: {} },
  /** §2.5; without an ID the tracker chooses. */
  setTrunkServer: {
    number: 94,
    idempotent: false,
    request: { group: group(), id: trailing(text()) },
    response: { id: terminatedText() },
  },
  /** §2.5; both times in seconds. */
  trackerGetStatus: {
    number: 64,
    idempotent: true,
    request: {},
    response: { isLeader: bool(), runningTime: i64(), restartInterval: i64() },
  },
  /** §2.5, since V6.15.5; `ip:port` or `[ip6]:port`. */
  getLeader: { number: 95, idempotent: true, request: {}, response: { leader: text() } },
  /** §2.5, since V6.15.5; `filterBy`: 1 active, 2 leader. */
  trackerClusterStat: {
    number: 96,
    idempotent: true,
    request: { filterBy: u8(), isActive: bool(), isLeader: bool() },
    response: { count: countOf('trackers', 1), trackers: list(trackerStatRecord, MAX_TRACKERS) },
  },
  /** §2.5, since V6.16; `filterBy`: 1 trunk, 2 status; `op` is the character `=` or `!`. */
  storageClusterStat: {
    number: 97,
    idempotent: true,
    request: { filterBy: u8(), op: str(1), status: u8(), isTrunkServer: bool() },
    response: {
      useStorageId: bool(),
      useTrunkFile: bool(),
      count: countOf('storages', 4),
      storages: list(storageStatRecord, ALL_STORAGES),
    },
  },
  /** §2.5, since V6.16; `filterBy`: 1 disk, 2 trunk, 4 space. */
  storageVolumeStat: {
    number: 98,
    idempotent: true,
    request: { filterBy: u8(), disk: u8(), trunk: u8(), space: u8() },
    response: { useTrunkFile: bool(), count: countOf('groups', 4), groups: list(volumeRecord, MAX_GROUPS) },
  },
  /** §2.5; the address as `ip:port` since V6.16, as `ip` before. */
  storageGetStatus: {
    number: 71,
    idempotent: true,
    request: { group: group(), address: trailing(text()) },
    response: briefRecord,
  },
  /** §2.5; the address as `ip:port` since V6.16, as `ip` before. */
  storageGetServerId: {
    number: 70,
    idempotent: true,
    request: { group: group(), address: trailing(text()) },
    response: { id: text() },
  },
  /** §2.5, since V5.05. */
  storageGetGroupName: {
    number: 109,
    idempotent: true,
    request: { ip: text(), port: i32() },
    response: { group: group() },
  },
  /** §2.5, since V6.00; the reply is `ip` or `ip1,ip2`. */
  storageGetMyIp: {
    number: 60,
    idempotent: true,
    request: {
      group: str((dialect) => (isAtLeast(dialect, '6.16') ? GROUP_NAME_SIZE + 1 : GROUP_NAME_SIZE)),
      port: since('6.16', i32()),
    },
    response: { ip: text() },
  },
  /** §2.5; `lines` as in storage_ids.conf, to be asked from `startIndex` on until all `total` are there. */
  fetchStorageIds: {
    number: 69,
    idempotent: true,
    request: { startIndex: i32(), allowEmpty: since('6.11', bool()) },
    response: { total: i32(), count: i32(), lines: text() },
  },
  /** §4.3; lines `key=value`. */
  parameterReq: { number: 75, idempotent: true, request: {}, response: { parameters: text() } },
})
