import type { Dialect } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import type { Network } from '../network.js'
import type { ServerEndpoint } from '../server-connection.js'
import type { Store } from '../stores/store.js'
import type { ReplicationMode } from './replication.js'

/** Options of a `Storage`. */
export interface StorageOptions {
  /** The group it belongs to, 1 to 16 letters and digits. */
  readonly group: string
  /**
   * Its ID, 1 to 16 777 215, or where the trackers give no IDs the IPv4 address by which they see it. It goes into the
   * IDs of the files that are uploaded here.
   */
  readonly id: number | string
  /** The address to listen on, and to connect to trackers from. @defaultValue '127.0.0.1' */
  readonly host?: string | undefined
  /** The port; 0 lets the system choose at the first start. @defaultValue 0 */
  readonly port?: number | undefined
  /** The trackers to join, at least one. */
  readonly trackers: readonly ServerEndpoint[]
  /** Where the files are kept. */
  readonly store: Store
  /** Store paths, 1 to 256. @defaultValue 1 */
  readonly storePathCount?: number | undefined
  /** The store paths, from 0 on, that new files do not go to, but for slaves of files there. @defaultValue none */
  readonly readOnlyStorePaths?: readonly number[] | undefined
  /**
   * Where trackers go by priority, uploads go to the storage of the group with the lowest, 0 to 2 147 483 647.
   *
   * @defaultValue 10
   */
  readonly uploadPriority?: number | undefined
  /** Directories at each of the two levels of a store path, 1 to 256. @defaultValue 256 */
  readonly subdirCount?: number | undefined
  /**
   * How new files are spread over these: so many to each in turn, or at random: `file_distribute_path_mode`.
   *
   * @defaultValue 'round-robin'
   */
  readonly fileDistributePathMode?: 'round-robin' | 'random' | undefined
  /**
   * Files that go to a directory in its turn, 1 to 2 147 483 647: `file_distribute_rotate_count`. @defaultValue 100
   */
  readonly fileDistributeRotateCount?: number | undefined
  /** The version and the width of addresses it speaks with. @defaultValue the newest version, 16 bytes */
  readonly dialect?: Dialect | undefined
  /** Where the time and the chance in names come from. @defaultValue the machine's own */
  readonly clock?: Clock | undefined
  /**
   * When the other storages of the group get what happens here: at once, after a delay in milliseconds, or when
   * {@link Storage.replicate} is called. @defaultValue 'now'
   */
  readonly replication?: ReplicationMode | undefined
  /**
   * The time of the day, by the machine's clock, between which and {@link StorageOptions.syncEndTime} the other storages
   * of the group are told anything, `HH:MM`; it may be the later one of the two: `sync_start_time`. @defaultValue '00:00'
   */
  readonly syncStartTime?: string | undefined
  /** The last minute of these, `HH:MM`: `sync_end_time`. @defaultValue '23:59' */
  readonly syncEndTime?: string | undefined
  /**
   * Whether equal contents are kept once only: further uploads of one get names with a CRC32 that means nothing, and the
   * last name that is deleted takes the content along. @defaultValue false
   */
  readonly checkFileDuplicate?: boolean | undefined
  /**
   * Milliseconds between its beats at a tracker, and between signs of life to a storage that it has nothing to tell, 1 to
   * 2 147 483 647: `heart_beat_interval`. What happens is told at once. @defaultValue 30_000
   */
  readonly heartBeatInterval?: number | undefined
  /**
   * Milliseconds between its reports of the space of its disks, 1 to 2 147 483 647: `stat_report_interval`.
   *
   * @defaultValue 300_000
   */
  readonly statReportInterval?: number | undefined
  /**
   * Milliseconds between two writes of its counters to its store, 1 to 2 147 483 647: `sync_stat_file_interval`. They
   * are also written when it stops. @defaultValue 60_000
   */
  readonly syncStatFileInterval?: number | undefined
  /**
   * Milliseconds after which a peer is given up that sends nothing where a request is due, no further part of one, or
   * reads no answers or owes one: `network_timeout`. Who has sent a whole request may be silent for ever.
   *
   * @defaultValue 60_000
   */
  readonly networkTimeout?: number | undefined
  /**
   * Who may connect: addresses, names, `10.0.0.0/24`, `10.0.1.[1-15,20]`, `host[01-08].example.com`; all others are
   * ended at once: `allow_hosts`. Names are looked up at each start. @defaultValue everybody
   */
  readonly allowHosts?: readonly string[] | undefined
  /** Connections at one time, of which one more is ended at once: `max_connections`. @defaultValue any number */
  readonly maxConnections?: number | undefined
  /** What stands between it and its peers. @defaultValue nothing */
  readonly network?: Network | undefined
}
