/** What servers ask each other (protocol.md §4). Timestamps are Unix seconds, spaces MB. */
import { declare } from './command.js'
import { IPV4_SIZE, IPV6_SIZE, isAtLeast } from './dialect.js'
import {
  before,
  bytes,
  countOf,
  flagged,
  flagsOf,
  i32,
  i64,
  i8,
  lengthOf,
  list,
  serverAddress,
  since,
  slots,
  str,
  struct,
  text,
  trailing,
  u8,
  versionText,
} from './fields.js'
import { GROUP_NAME_SIZE, MAX_GROUPS, MAX_STORAGES, MAX_TRACKERS, STORAGE_ID_SIZE } from './limits.js'
import { briefRecord, storageStats } from './tracker.js'

const group = (): ReturnType<typeof str> => str(GROUP_NAME_SIZE)
const storageId = (): ReturnType<typeof str> => str(STORAGE_ID_SIZE)
/** Store paths of a storage (§1.2). */
const MAX_STORE_PATHS = 256

/** Which server sends the files that were there before, and up to which moment (§4.2). */
const oldSync = { sourceId: storageId(), until: i64() }
const oldSyncReply = { sync: trailing(struct(oldSync)) }

/** §4.7: `ip:port`, in a field of fixed width before V6.15. */
const leader = {
  leader: text((dialect) => {
    if (isAtLeast(dialect, '6.15')) return 0
    return isAtLeast(dialect, '6.11') ? IPV6_SIZE + 6 : IPV4_SIZE + 6
  }),
}

/** §4.4: what changed since the last reply on this connection. Only the leader tells. */
const changes = {
  flags: flagsOf({ leader: 1, trunkServer: 2, storages: 4 }),
  leader: flagged(struct(briefRecord)),
  trunkServer: flagged(struct(briefRecord)),
  storages: flagged(list(briefRecord, MAX_STORAGES)),
}

/** Storage to tracker, and tracker to tracker (§4.2, §4.7). */
export const trackerClusterCommands = declare('tracker', {
  /** §4.1; `status` is the storage's own, -1 where it does not know. */
  storageJoin: {
    number: 81,
    idempotent: true,
    request: {
      group: str(GROUP_NAME_SIZE + 1),
      storagePort: i64(),
      storageHttpPort: before('6.13.0', i64()),
      storePathCount: i64(),
      subdirCountPerPath: i64(),
      uploadPriority: i64(),
      joinTime: i64(),
      upTime: i64(),
      version: versionText(),
      domainName: before('6.13.0', str(128)),
      initFlag: u8(),
      status: i8(),
      id: since('6.11', storageId()),
      currentTrackerIp: since('6.00', serverAddress()),
      trackerCount: countOf('trackers', 8),
      trackers: slots((dialect) => {
        if (isAtLeast(dialect, '6.15')) return 0
        if (isAtLeast(dialect, '6.11')) return 100
        return isAtLeast(dialect, '6.00') ? 40 : 22
      }, MAX_TRACKERS),
    },
    response: { status: since('6.03', u8()), syncSourceId: storageId() },
  },
  /** §4.2; with counters when they have changed. */
  storageBeat: {
    number: 83,
    idempotent: true,
    request: { stats: trailing(struct(storageStats)) },
    response: changes,
  },
  /** §4.2; one item for each store path. */
  storageReportDiskUsage: {
    number: 84,
    idempotent: true,
    request: { paths: list({ totalMb: i64(), freeMb: i64() }, MAX_STORE_PATHS) },
    response: changes,
  },
  /** §4.2; how far the files of each source have arrived. */
  storageSyncReport: {
    number: 89,
    idempotent: true,
    request: { sources: list({ sourceId: storageId(), syncedUntil: i32() }, MAX_STORAGES) },
    response: changes,
  },
  /** §4.2 */
  storageReplicaChg: {
    number: 85,
    idempotent: true,
    request: { storages: list(briefRecord, MAX_STORAGES) },
    response: {},
  },
  /** §4.2 */
  storageSyncDestReq: { number: 87, idempotent: true, request: {}, response: oldSyncReply },
  /** §4.2; an empty source says that old files are done. */
  storageSyncNotify: { number: 88, idempotent: true, request: oldSync, response: {} },
  /** §4.2; kills a real tracker on a connection that has not joined: never sent by this package. */
  storageSyncDestQuery: { number: 79, idempotent: true, request: {}, response: oldSyncReply },
  /** §4.2 */
  storageSyncSrcReq: {
    number: 86,
    idempotent: true,
    request: { group: group(), destinationId: storageId() },
    response: oldSyncReply,
  },
  /** §4.2; the record's port is 0. */
  storageReportStatus: {
    number: 76,
    idempotent: true,
    request: { group: group(), storage: struct(briefRecord) },
    response: {},
  },
  /** §4.2, since V6.03 */
  storageChangeStatus: { number: 59, idempotent: true, request: { status: u8() }, response: {} },
  /** §4.2; without fields on a connection that has joined. */
  storageChangelogReq: {
    number: 77,
    idempotent: true,
    request: { storage: trailing(struct({ group: group(), id: storageId() })) },
    response: { lines: text() },
  },
  /** §4.2 */
  storageReportIpChanged: {
    number: 78,
    idempotent: true,
    request: { group: group(), oldIp: serverAddress(), newIp: serverAddress() },
    response: {},
  },
  /** §4.2 */
  storageFetchTrunkFid: { number: 72, idempotent: true, request: {}, response: { trunkFileId: i32() } },
  /** §4.2 */
  storageReportTrunkFid: { number: 73, idempotent: true, request: { trunkFileId: i32() }, response: {} },
  /** §4.2 */
  storageReportTrunkFree: { number: 74, idempotent: true, request: { trunkFreeMb: i64() }, response: {} },
  /** §4.7, since V6.15.5 */
  trackerJoinLeader: {
    number: 58,
    idempotent: true,
    request: { upTime: i64(), version: str(8), port: i64() },
    response: {},
  },
  /** §4.7; with the connection counts since V6.15.5. The reply lists trunk servers when they have changed. */
  trackerPingLeader: {
    number: 65,
    idempotent: true,
    request: {
      connections: trailing(struct({ allocated: i32(), current: i32(), max: i32() })),
    },
    response: { trunkServers: list({ group: group(), trunkServerId: storageId() }, MAX_GROUPS) },
  },
  /** §4.7; `ip:port` */
  trackerNotifyNextLeader: { number: 66, idempotent: true, request: leader, response: {} },
  /** §4.7; `ip:port` */
  trackerCommitNextLeader: { number: 67, idempotent: true, request: leader, response: {} },
  /** §4.7 */
  trackerNotifyReselectLeader: { number: 68, idempotent: true, request: {}, response: {} },
  /** §4.7 */
  trackerGetSysFilesStart: { number: 61, idempotent: true, request: {}, response: {} },
  /** §4.7; `index`: 0 groups, 1 servers, 2 sync timestamps, 3 changelog. */
  trackerGetOneSysFile: {
    number: 63,
    idempotent: true,
    request: { index: u8(), offset: i64() },
    response: { fileSize: i64(), content: bytes() },
  },
  /** §4.7 */
  trackerGetSysFilesEnd: { number: 62, idempotent: true, request: {}, response: {} },
})

/** §4.8: a whole file. With header status 17 it has no content and asks "you have it?". */
const syncFile = {
  nameLength: lengthOf('name'),
  size: i64(),
  timestamp: i32(),
  group: group(),
  name: text(),
}

/** §4.8: a piece of a file. */
const syncPiece = {
  nameLength: lengthOf('name'),
  start: i64(),
  size: i64(),
  timestamp: i32(),
  group: group(),
  name: text(),
}

/** §7: a slot in a trunk file. */
const trunkSlot = {
  storePathIndex: u8(),
  highDir: u8(),
  lowDir: u8(),
  trunkFileId: i32(),
  offset: i32(),
  size: i32(),
}

/** Storage to storage, and tracker to storage (§4.8, §7). */
export const storageClusterCommands = declare('storage', {
  /** §4.8; the first on a connection. */
  reportServerId: { number: 9, idempotent: true, request: { id: storageId() }, response: {} },
  /** §4.8 */
  syncCreateFile: { number: 16, idempotent: true, request: syncFile, response: {}, content: 'request' },
  /** §4.8 */
  syncUpdateFile: { number: 18, idempotent: true, request: syncFile, response: {}, content: 'request' },
  /** §4.8 */
  syncDeleteFile: {
    number: 17,
    idempotent: true,
    request: { timestamp: i32(), group: group(), name: text() },
    response: {},
  },
  /** §4.8 */
  syncAppendFile: { number: 25, idempotent: true, request: syncPiece, response: {}, content: 'request' },
  /** §4.8 */
  syncModifyFile: { number: 35, idempotent: true, request: syncPiece, response: {}, content: 'request' },
  /** §4.8 */
  syncTruncateFile: {
    number: 37,
    idempotent: true,
    request: {
      nameLength: lengthOf('name'),
      oldSize: i64(),
      newSize: i64(),
      timestamp: i32(),
      group: group(),
      name: text(),
    },
    response: {},
  },
  /** §4.8; never sent to a real V6.16.1 (§12). */
  syncCreateLink: {
    number: 19,
    idempotent: true,
    request: {
      linkNameLength: lengthOf('linkName'),
      sourceNameLength: lengthOf('sourceName'),
      timestamp: i32(),
      group: group(),
      linkName: text(),
      sourceName: text(),
    },
    response: {},
  },
  /** §4.8; real destinations echo the request's body: to be dropped. */
  syncRenameFile: {
    number: 40,
    idempotent: true,
    request: {
      newNameLength: lengthOf('newName'),
      oldNameLength: lengthOf('oldName'),
      timestamp: i32(),
      group: group(),
      newName: text(),
      oldName: text(),
    },
    response: { echo: trailing(bytes()) },
  },
  /**
   * §4.8; lines of the binlog. The response of real storages is no packet: its header announces 2^58 bytes, and the
   * count of the lines' bytes and the end of the connection tell where it ends.
   */
  fetchOnePathBinlog: {
    number: 26,
    idempotent: true,
    request: { group: group(), storePathIndex: u8() },
    response: {},
    content: 'response',
  },
  /** §7 */
  trunkAllocSpace: {
    number: 27,
    idempotent: false,
    request: { group: group(), size: i32(), storePathIndex: u8() },
    response: trunkSlot,
  },
  /** §7; the result is the header's status byte. */
  trunkAllocConfirm: {
    number: 28,
    idempotent: true,
    request: { group: group(), slot: struct(trunkSlot) },
    response: {},
  },
  /** §7 */
  trunkFreeSpace: {
    number: 29,
    idempotent: true,
    request: { group: group(), slot: struct(trunkSlot) },
    response: {},
  },
  /** §7 */
  trunkSyncBinlog: { number: 30, idempotent: false, request: { lines: text() }, response: {} },
  /** §7 */
  trunkGetBinlogSize: { number: 31, idempotent: true, request: {}, response: { size: i64() } },
  /** §7 */
  trunkDeleteBinlogMarks: { number: 32, idempotent: true, request: {}, response: {} },
  /** §7 */
  trunkTruncateBinlogFile: { number: 33, idempotent: true, request: {}, response: {} },
})
