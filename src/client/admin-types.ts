import type { StorageStatusName } from '../protocol/limits.js'
import { STORAGE_STATUS } from '../protocol/limits.js'
import type { groupRecord, storageRecord, storageStats } from '../protocol/tracker.js'
import type { ValuesOf } from '../protocol/index.js'

/** A group of storages. Sizes are in bytes, with the servers' precision of one MiB. */
export interface GroupInfo {
  /** Its name. */
  readonly group: string
  /** The space of its smallest member. */
  readonly totalBytes: number
  /** The free space of the member that has the least. */
  readonly freeBytes: number
  /** The space that uploads leave free; absent before V6.13.1. */
  readonly reservedBytes: number | undefined
  /** Free space in trunk files. */
  readonly trunkFreeBytes: number
  /** All members, whatever their state. */
  readonly storageCount: number
  /** The port of its members, as the first of them has told. Their HTTP port is in {@link StorageInfo}. */
  readonly storagePort: number
  /** Members that can be read from; absent before V6.13, and on V6.13.0, which cannot be told from older ones. */
  readonly readableCount: number | undefined
  /** Members that are active; since V6.13 those that can be written to. */
  readonly activeCount: number
  /** The member that the next upload goes to. */
  readonly currentWriteServer: number
  /** Store paths of each member. */
  readonly storePathCount: number
  /** Directories at each of the two levels of a store path. */
  readonly subdirCountPerPath: number
  /** The newest trunk file; -1 or 0 where there is none. */
  readonly currentTrunkFileId: number
}

/** What a storage has done, and its connections. The last four are times. */
export type StorageStatistics = Readonly<
  Omit<ValuesOf<typeof storageStats>, keyof StatisticsTimes> & StatisticsTimes
>

/** The times in a storage's statistics; absent where there is none yet. */
export interface StatisticsTimes {
  /** When a client last changed a file here. */
  readonly lastSourceUpdate: Date | undefined
  /** When another storage last changed a file here. */
  readonly lastSyncUpdate: Date | undefined
  /** Up to when the changes of other storages have arrived, by their clocks. */
  readonly lastSyncedTimestamp: Date | undefined
  /** When the tracker last heard of it. */
  readonly lastHeartBeat: Date | undefined
}

/** A storage. Sizes are in bytes, with the servers' precision of one MiB. */
export interface StorageInfo {
  /** Its ID; the IP address where IDs are not used. */
  readonly id: string
  /** Its state; a number that is not known here as text. */
  readonly status: StorageStatusName | `${number}`
  /** Whether it may be read from and written to; absent before V6.13. */
  readonly access: { readonly read: boolean; readonly write: boolean } | undefined
  /** Its address. */
  readonly ip: string
  /** Its domain name; absent since V6.13. */
  readonly domainName: string | undefined
  /** The storage that sent it the files that were there before it; '' where there was none. */
  readonly syncSourceId: string
  /** The server's version. */
  readonly version: string
  /** When it first joined. */
  readonly joinTime: Date | undefined
  /** When it was started. */
  readonly upTime: Date | undefined
  /** The space of its disks. */
  readonly totalBytes: number
  /** What is free of it. */
  readonly freeBytes: number
  /** The space that uploads leave free; absent before V6.13.1. */
  readonly reservedBytes: number | undefined
  /** Of lower numbers are preferred for uploads where the tracker goes by it. */
  readonly uploadPriority: number
  /** Its store paths. */
  readonly storePathCount: number
  /** Directories at each of the two levels of a store path. */
  readonly subdirCountPerPath: number
  /** The store path that the next upload goes to. */
  readonly currentWritePath: number
  /** Its port. */
  readonly port: number
  /** The port of its HTTP server; absent since V6.13. */
  readonly httpPort: number | undefined
  /** Whether it allots the space in its group's trunk files. */
  readonly isTrunkServer: boolean
  /** What it has done. */
  readonly statistics: StorageStatistics
}

const MIB = 1024 * 1024
const STATUS_NAMES = new Map<number, StorageStatusName>(
  Object.entries(STORAGE_STATUS).map(([name, number]) => [number, name as StorageStatusName]),
)
/** Bits of a storage's read-write mode (protocol.md §2.4). */
const READ = 4
const WRITE = 2

/** MiB as the servers count to bytes. */
export function bytesOf(mib: number): number
export function bytesOf(mib: number | undefined): number | undefined
export function bytesOf(mib: number | undefined): number | undefined {
  return mib === undefined ? undefined : mib * MIB
}

/** Unix seconds to a Date; 0 stands for "never". */
export function dateOf(seconds: number): Date | undefined {
  return seconds === 0 ? undefined : new Date(seconds * 1000)
}

/** The name of a storage's state. */
export function statusName(status: number): StorageStatusName | `${number}` {
  return STATUS_NAMES.get(status) ?? `${status}`
}

/** A group from a tracker's record of it. */
export function groupInfoOf(record: ValuesOf<typeof groupRecord>): GroupInfo {
  const { totalMb, freeMb, reservedMb, trunkFreeMb, readableCount, ...rest } = record
  return {
    ...rest,
    totalBytes: bytesOf(totalMb),
    freeBytes: bytesOf(freeMb),
    reservedBytes: bytesOf(reservedMb),
    trunkFreeBytes: bytesOf(trunkFreeMb),
    readableCount,
  }
}

/** A storage from a tracker's record of it. */
export function storageInfoOf(record: ValuesOf<typeof storageRecord>): StorageInfo {
  const { rwMode, stats } = record
  return {
    id: record.id,
    status: statusName(record.status),
    access: rwMode === undefined ? undefined : { read: (rwMode & READ) !== 0, write: (rwMode & WRITE) !== 0 },
    ip: record.ip,
    domainName: record.domainName,
    syncSourceId: record.syncSourceId,
    version: record.version,
    joinTime: dateOf(record.joinTime),
    upTime: dateOf(record.upTime),
    totalBytes: bytesOf(record.totalMb),
    freeBytes: bytesOf(record.freeMb),
    reservedBytes: bytesOf(record.reservedMb),
    uploadPriority: record.uploadPriority,
    storePathCount: record.storePathCount,
    subdirCountPerPath: record.subdirCountPerPath,
    currentWritePath: record.currentWritePath,
    port: record.storagePort,
    httpPort: record.storageHttpPort,
    isTrunkServer: record.isTrunkServer,
    statistics: {
      ...stats,
      lastSourceUpdate: dateOf(stats.lastSourceUpdate),
      lastSyncUpdate: dateOf(stats.lastSyncUpdate),
      lastSyncedTimestamp: dateOf(stats.lastSyncedTimestamp),
      lastHeartBeat: dateOf(stats.lastHeartBeat),
    },
  }
}
