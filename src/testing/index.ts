/**
 * FastDFS clusters in this process, for tests and local work.
 *
 * @packageDocumentation
 */
export type { Clock, Profile, ReplicationMode } from '../server/index.js'
export { type DeterministicClock, deterministicClock } from './clock.js'
export type { MemberStats } from './cluster.js'
export { Cluster, startCluster } from './cluster.js'
export type { CommandName, RequestFields, ResponseFields } from './commands.js'
export type { HandledRequest } from './exchange.js'
export type { Fault, FaultEffect, FaultMatch } from './faults.js'
export type { NextOptions, RequestFilter, Requests } from './history.js'
export type { LeakedConnection, LeakReport } from './leaks.js'
export type {
  Member,
  MemberState,
  StorageMember,
  StorageStatus,
  StoredFileInfo,
  TrackerMember,
} from './members.js'
export type { TrackerRules } from '../server/index.js'
export type { ClusterOptions, GroupOptions, PortOptions, SeedFile } from './options.js'
export { type RunnerHook, type RunnerHooks, useCluster } from './use-cluster.js'
export type { CapturedPacket, Conversation, Recording } from './recording.js'
export type { HttpOptions } from './storage-http.js'
export { StorageHttp } from './storage-http.js'
