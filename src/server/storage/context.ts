import type { connectionCommands, storageClusterCommands, storageCommands } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import type { HandlersOf } from '../routes.js'
import type { StorageStats } from '../storage-stats.js'
import type { Store } from '../stores/store.js'
import type { NameLock } from './name-lock.js'
import type { Naming } from './naming.js'

/** What the handlers of a storage work with: the same for all connections. */
export interface StorageContext {
  readonly group: string
  readonly storePathCount: number
  /** Directories at each of the two levels of a store path. */
  readonly subdirCount: number
  readonly store: Store
  readonly clock: Clock
  readonly naming: Naming
  readonly stats: StorageStats
  /** Changes of a file's metadata, and its removal, one after the other. */
  readonly lock: NameLock
  /** The store path for an upload that leaves the choice to the storage: each in turn. */
  nextStorePath(): number
  /** The address of a storage of the group, by ID; empty for one that is not known. */
  addressOf(id: string): string
}

/** Handlers of commands to a storage. */
export type StorageHandlers = HandlersOf<
  typeof connectionCommands & typeof storageCommands & typeof storageClusterCommands,
  StorageContext
>
