import type { FastDfsError } from '../errors.js'
import type { StorageStatusName } from '../protocol/limits.js'

/** What a tracker says of itself. */
export interface TrackerStatus {
  /** The tracker as `host:port`. */
  readonly endpoint: string
  /** Whether it leads. */
  readonly isLeader: boolean
  /** Seconds since its start, as it rounds them; absent where it could not be asked. */
  readonly runningTime: number | undefined
  /** Seconds between its last end and its start, as it rounds them. */
  readonly restartInterval: number | undefined
  /** Why it could not be asked. */
  readonly error: FastDfsError | undefined
}

/** What a server is and has. */
export interface ServerStatistics {
  /** `ip:port`. */
  readonly host: string
  /** The server's version. */
  readonly version: string
  /** When it was started. */
  readonly upTime: Date | undefined
  /** When the leader last heard of it. */
  readonly lastHeartBeat: Date | undefined
  /** Kept ready for connections. */
  readonly connectionsAllocated: number
  /** Open now. */
  readonly connectionsCurrent: number
  /** The most there have been. */
  readonly connectionsMax: number
}

/** The whole cluster as its leader sees it. */
export interface ClusterStatistics {
  /** All trackers. */
  readonly trackers: readonly (ServerStatistics & {
    readonly isLeader: boolean
    readonly isActive: boolean
  })[]
  /** All storages. */
  readonly storages: readonly (ServerStatistics & {
    readonly id: string
    readonly isTrunkServer: boolean
    readonly status: StorageStatusName | `${number}`
  })[]
  /** The space of all groups, in bytes. */
  readonly groups: readonly {
    readonly group: string
    readonly totalBytes: number
    readonly freeBytes: number
    readonly reservedBytes: number
    readonly availableBytes: number
    readonly trunkFreeBytes: number
    readonly diskAvailable: boolean
    readonly trunkAvailable: boolean
  }[]
}

/** A storage's entry in storage_ids.conf. */
export interface StorageIdEntry {
  /** Its ID. */
  readonly id: string
  /** Its group. */
  readonly group: string
  /** Its addresses, one or two. */
  readonly hosts: readonly string[]
  /** Its port; absent where the entry names none. */
  readonly port: number | undefined
  /** `read`, `write`, `both` or `none`; absent where the entry does not say. */
  readonly access: string | undefined
}
