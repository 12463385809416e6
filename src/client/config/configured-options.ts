import type { StorageAddressMap } from './address-map.js'
import type { ServerAddress } from './server-address.js'
import type { StorageId } from './storage-ids.js'

/** What a `client.conf`, a connection string or the environment can say of a client's options. Times in milliseconds. */
export interface ConfiguredOptions {
  readonly trackers: readonly ServerAddress[]
  readonly group?: string
  readonly connectTimeout?: number
  readonly idleTimeout?: number
  readonly timeout?: number
  readonly retries?: number
  readonly retryDeadline?: number
  readonly maxConnections?: number
  readonly minConnections?: number
  readonly maxQueue?: number
  readonly queueTimeout?: number
  readonly idleConnectionTtl?: number
  readonly maxConnectionAge?: number
  readonly maxBufferBytes?: number
  readonly verify?: boolean
  readonly trackerCache?: number
  readonly readFrom?: 'tracker' | 'source'
  readonly extPolicy?: 'error' | 'cut' | 'drop'
  readonly metadataEncoding?: string
  readonly storageAddressMap?: StorageAddressMap
  /** The storages of a `storage_ids.conf`, or that a tracker is asked for them; some have a second address. */
  readonly storageIds?: readonly StorageId[] | 'tracker'
}
