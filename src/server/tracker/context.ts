import type { connectionCommands, trackerClusterCommands, trackerCommands } from '../../protocol/index.js'
import type { HandlersOf } from '../routes.js'
import type { Cluster } from './cluster.js'
import type { Group } from './group.js'
import type { Member } from './member.js'

/** What a tracker keeps about a connection. */
export interface TrackerContext {
  readonly cluster: Cluster
  /** Unix seconds. */
  readonly startedAt: number
  /** The address of the peer, and that by which the peer reached us. */
  readonly peerIp: string
  readonly ownIp: string
  readonly ownPort: number
  /** Connections to this tracker, this one among them. */
  readonly load: { readonly connections: number; readonly maxConnections: number }
  /** The storage that joined on this connection. */
  joined: Joined | undefined
  /** Whether the peer was told who leads (protocol.md §4.4). */
  leaderTold: boolean
}

/** A storage and its group. */
export interface Joined {
  readonly group: Group
  readonly member: Member
}

/** Handlers of commands to a tracker. */
export type TrackerHandlers = HandlersOf<
  typeof connectionCommands & typeof trackerCommands & typeof trackerClusterCommands,
  TrackerContext
>
