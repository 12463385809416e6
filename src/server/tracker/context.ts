import type {
  connectionCommands,
  Dialect,
  trackerClusterCommands,
  trackerCommands,
} from '../../protocol/index.js'
import type { HandlersOf } from '../routes.js'
import type { Cluster } from './cluster.js'
import type { Group } from './group.js'
import type { Member } from './member.js'
import type { TrackerAddress, Trackers } from './trackers.js'

/** What a tracker keeps about a connection. */
export interface TrackerContext {
  readonly cluster: Cluster
  /** The trackers, this one among them, and who leads. */
  readonly trackers: Trackers
  /** How long this tracker runs. */
  readonly running: RunningTimes
  /** The address of the peer, and that by which the peer reached us. */
  readonly peerIp: string
  readonly ownIp: string
  readonly ownPort: number
  /** Connections to this tracker, this one among them. */
  readonly load: { readonly connections: number; readonly peakConnections: number }
  /** The storage that joined on this connection. */
  joined: Joined | undefined
  /** The tracker that joined this one, its leader, on this connection. */
  follower: TrackerAddress | undefined
  /** Whether the peer, a tracker, was told of the trunk servers. */
  trunkServersTold: boolean
  /** The number of the change of leader that the peer was told of last (protocol.md §4.4). */
  toldLeaders: number
  /** Keeps what has changed; undefined where nothing has or nothing is kept. */
  readonly save: () => Promise<void> | undefined
  /** Goes on in another dialect, that of the storage that joins. */
  readonly speak: (dialect: Dialect) => void
}

/** See {@link TrackerContext}. */
export interface RunningTimes {
  /** Unix seconds of the start. */
  readonly startedAt: number
  /** Unix seconds when it was last known to run before that; 0 where nothing is known. */
  readonly lastSeenAt: number
}

/** A storage and its group. */
export interface Joined {
  readonly group: Group
  readonly member: Member
}

/** The storage that joined on a connection, in answer to commands that are refused to all others (see `REFUSALS`). */
export function joinedOn({ joined }: TrackerContext): Joined {
  return joined as Joined
}

/** Handlers of commands to a tracker. */
export type TrackerHandlers = HandlersOf<
  typeof connectionCommands & typeof trackerCommands & typeof trackerClusterCommands,
  TrackerContext
>
