/**
 * The embedded tracker and storage: real servers in this process, on real sockets.
 *
 * @packageDocumentation
 */
export { type Clock, SYSTEM_CLOCK } from './clock.js'
export { DIRECT_NETWORK, type Network, type TakenConnection } from './network.js'
export { dialectOf, type Profile, PROFILES } from './profile.js'
export { Storage } from './storage/storage.js'
export type { StorageOptions } from './storage/storage-options.js'
export type { ReplicationMode } from './storage/replication.js'
export type { ServerEndpoint } from './server-connection.js'
export { DiskStore, type DiskStoreOptions } from './stores/disk-store.js'
export { MemoryStore, type MemoryStoreOptions } from './stores/memory-store.js'
export type { Draft, Edit, FileStat, Log, OwnFiles, Store, StoredFile, StoreSpace } from './stores/store.js'
export type { StorageIdOptions, TrackerOptions, TrackerRules } from './tracker/settings.js'
export { Tracker } from './tracker/tracker.js'
