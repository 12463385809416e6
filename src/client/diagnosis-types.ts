import type { FastDfsError } from '../errors.js'
import type { StorageStatusName } from '../protocol/limits.js'

/** How bad it is: calls fail; they may fail soon or under load; good to know. */
export type Severity = 'error' | 'warning' | 'info'

/** What can be found. */
export type FindingCode =
  | 'TRACKER_UNREACHABLE'
  | 'TRACKER_ADDRESS_UNREACHABLE'
  | 'TRACKER_FAILS'
  | 'TRACKER_KNOWS_NOTHING'
  | 'TRACKERS_DISAGREE'
  | 'NO_LEADER'
  | 'SEVERAL_LEADERS'
  | 'ADDRESS_SIZES_DIFFER'
  | 'VERSIONS_DIFFER'
  | 'GROUP_NOT_WRITABLE'
  | 'GROUP_FULL'
  | 'GROUP_NEARLY_FULL'
  | 'STORAGE_UNREACHABLE'
  | 'STORAGE_ADDRESS_DOUBTFUL'
  | 'STORAGE_NOT_ACTIVE'
  | 'STORAGE_SYNC_DELAYED'
  | 'HEART_BEAT_MISSING'
  | 'CLOCK_SKEW'

/** Something that is wrong, or may be. */
export interface Finding {
  /** What it is. */
  readonly code: FindingCode
  /** How bad it is. */
  readonly severity: Severity
  /** What it is about: `host:port`, a group, or `cluster`. */
  readonly subject: string
  /** What was found, with its figures. */
  readonly message: string
  /** What to do about it. */
  readonly remedy: string
}

/** A server as seen from here. */
export interface ServerDiagnosis {
  /** Where it was asked, as `host:port`. */
  readonly endpoint: string
  /** Whether it answered. */
  readonly reachable: boolean
  /** Milliseconds until it did, connecting included. */
  readonly latency: number | undefined
  /** Its version; of a tracker only since V6.15.5. */
  readonly version: string | undefined
  /** Why it did not answer. */
  readonly error: FastDfsError | undefined
}

/** A tracker as seen from here. */
export interface TrackerDiagnosis extends ServerDiagnosis {
  /** Whether it says that it leads; absent where it does not tell. */
  readonly isLeader: boolean | undefined
  /** Bytes of the address fields in its answers (protocol.md §1.3); absent where no storage takes uploads. */
  readonly addressSize: 16 | 46 | undefined
  /** How many groups it knows. */
  readonly groups: number | undefined
}

/** A storage as seen from here. */
export interface StorageDiagnosis extends ServerDiagnosis {
  /** Its group. */
  readonly group: string
  /** Its ID; the IP address where IDs are not used. */
  readonly id: string
  /** Its address as the trackers say it; `endpoint` is what `storageAddressMap` makes of it. */
  readonly address: string
  /** Its state. */
  readonly status: StorageStatusName | `${number}`
  /** Free space in bytes. */
  readonly freeBytes: number
  /** What uploads leave free; absent before V6.13.1. */
  readonly reservedBytes: number | undefined
  /** Milliseconds by which it is behind the newest change in its group; absent where that cannot be told. */
  readonly syncDelay: number | undefined
}

/** The cluster as seen from here. */
export interface Diagnosis {
  /** When, by this machine's clock. */
  readonly at: Date
  /** Whether no finding is an error. */
  readonly healthy: boolean
  /** All trackers of the configuration. */
  readonly trackers: readonly TrackerDiagnosis[]
  /** All storages that a tracker knows, deleted ones left out. */
  readonly storages: readonly StorageDiagnosis[]
  /** What is wrong, the worst first. */
  readonly findings: readonly Finding[]
}
