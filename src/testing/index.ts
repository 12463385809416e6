/**
 * FastDFS clusters in this process, for tests and local work.
 *
 * @packageDocumentation
 */
export type { ClusterOptions, Member, StorageMember } from './cluster.js'
export { Cluster, startCluster } from './cluster.js'
export type { HttpOptions } from './storage-http.js'
export { StorageHttp } from './storage-http.js'
