/**
 * FastDFS clusters in this process, for tests and local work.
 *
 * @packageDocumentation
 */
export { Storage, Tracker } from '../server/index.js'
export type { ClusterOptions } from './cluster.js'
export { Cluster, startCluster } from './cluster.js'
