import type { Duplex } from 'node:stream'
import type {
  connectionCommands,
  Dialect,
  storageClusterCommands,
  storageCommands,
} from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import type { HandlersOf } from '../routes.js'
import type { StorageStats } from '../storage-stats.js'
import type { Store } from '../stores/store.js'
import type { Journal } from './journal.js'
import type { NameCrc32 } from './name-crc32.js'
import type { NameLock } from './name-lock.js'
import type { Naming } from './naming.js'
import type { Replication } from './replication.js'
import type { Duplicates } from './duplicates.js'
import type { Space } from './space.js'
import type { Versions } from './versions.js'

/** What the handlers of a storage work with: the same for all connections. */
export interface StorageContext {
  readonly group: string
  readonly storePathCount: number
  /** Directories at each of the two levels of a store path. */
  readonly subdirCount: number
  readonly store: Store
  /** Milliseconds between signs of life to those who are told of nothing else. */
  readonly heartBeatInterval: number
  readonly clock: Clock
  readonly naming: Naming
  readonly stats: StorageStats
  /** Changes of a file's metadata, and its removal, one after the other. */
  readonly lock: NameLock
  /** Every change of a file goes through it. */
  readonly journal: Journal
  readonly versions: Versions
  readonly replication: Replication
  /** Files that are being changed in place, with what they had before: only so much of them is passed on. */
  readonly changing: Map<string, number>
  /** How much room there is for uploads. */
  readonly space: Space
  /** Where equal contents are kept once only: what there is. */
  readonly duplicates: Duplicates | undefined
  /** Begins to count the CRC32 for a name. */
  newNameCrc32(): NameCrc32
  /** The version and layouts that it answers with. */
  readonly dialect: Dialect
  /** The address of a storage of the group, by ID; empty for one that is not known. */
  addressOf(id: string): string
}

/** What the handlers of one connection work with. */
export interface StorageConnection extends StorageContext {
  /** The storage at the other end, once it has said who it is (protocol.md §4.8). */
  senderId: string
  /** The address of the other end. */
  readonly peerIp: string
  /** What the answers are written to: for the one that is no packet. */
  readonly stream: Duplex
}

/** Handlers of commands to a storage. */
export type StorageHandlers = HandlersOf<
  typeof connectionCommands & typeof storageCommands & typeof storageClusterCommands,
  StorageConnection
>
