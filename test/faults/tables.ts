/** What the tables of operations and faults are made of. */
import type { CommandName, Cluster, FaultEffect, Member, StorageMember } from '../../src/testing/index.js'
import type {
  CallOptions,
  ClientOptions,
  FastDfsClient,
  ResumableUploadState,
  Source,
} from '../../src/index.js'
import type { Clock } from './clock.js'

/** How often something may be, at least and at most. */
export type Range = readonly [least: number, most: number]

/** Which tracker an operation asks: any of them; each of them; the leader; each, telling of those that fail. */
export type Asks = 'any' | 'each' | 'leader' | 'report'

/** One request of an operation, as the protocol and the design have it. */
export interface Step {
  readonly at: 'tracker' | 'storage'
  readonly command: CommandName
  /** What design.md, *Retries*, says of a repetition after a lost answer. */
  readonly repeat: 'safe' | 'never'
  /** For trackers. */
  readonly asks: Asks
  /** Whether content goes with it: of a source that can be read again, or of one that is never read again. */
  readonly sends: 'no' | 'repeatable' | 'once'
  /** Whether content comes with its answer. */
  readonly gives: boolean
  /** What tells how long that must be: the file's name, the range that was asked for, or nothing. */
  readonly sized: 'name' | 'range' | 'no'
  /** Whether any storage will do: a new file can go to another one. */
  readonly anywhere: boolean
  /** Whether another storage of the group may have been told of the file already, and can be read from. */
  readonly replicated: boolean
  /** Whether a lost answer is made good by looking at what is there, though the request is never repeated. */
  readonly recovers: boolean
  /** Whether a failure makes the client delete what it has stored, for which it asks the same again. */
  readonly cleans: boolean
  /** Whether the answer is a refusal, with which the operation comes to its result. */
  readonly refused: boolean
  /** It is this step that changes what the servers hold, or one after it; or one before it, and is undone if this fails. */
  readonly changes: 'no' | 'here' | 'after' | 'before'
}

/** What an operation is about: a file that is there before, and what goes with it. */
export interface Fixture {
  readonly id: string
  readonly content: Buffer
  /** Other files that are there before. */
  readonly others: readonly string[]
  /** An upload that was interrupted. */
  readonly upload?: ResumableUploadState
}

/** The same with what is known when the call is made. */
export interface Subject extends Fixture {
  /** Where the client finds the trackers. */
  readonly trackers: readonly string[]
  /** Resolves when a member has got the next request of a client. */
  readonly asked: () => Promise<unknown>
}

/** What a check of the servers finds: the operation's effect once, or not at all. Everything else is thrown. */
export type Effect = 'done' | 'undone'

/** One call of the client. */
export interface Operation {
  readonly name: string
  /** The requests of a call that goes well, in order; each command once. */
  readonly steps: readonly Step[]
  /** Makes what it is about. Its time is not that of the operation. */
  prepare(client: FastDfsClient, cluster: Cluster): Promise<Fixture>
  /** The call itself. */
  call(client: FastDfsClient, fixture: Subject, source: () => Source, options: CallOptions): Promise<unknown>
  /** Throws when a result is not right. */
  verify(result: unknown, fixture: Fixture): void | Promise<void>
  /** Whether it goes on, on the same connection, with requests that are not made again. */
  readonly goesOn?: boolean
  /** Milliseconds that it waits without any fault. */
  readonly takes?: number
  /** Milliseconds after which it is ended, since its client is closed while it is under way. */
  readonly grace?: number
  /** Whether the cluster is no good for another case. */
  readonly spoils?: boolean
  /** What the servers hold afterwards. Throws when it is neither one nor the other. */
  effect?(cluster: Cluster, fixture: Fixture, client: FastDfsClient): Promise<Effect>
}

/** How a failed request looks to the client: where it was, as far as the client can know. */
export type Reach = 'connect' | 'send' | 'answer'

/** Who is struck: one request or connection; all of one member; all of every member of a kind. */
export type Scope = 'once' | 'one' | 'all'

/** What a fault means. */
export type Seen =
  /** The answer comes all the same. */
  | { readonly kind: 'nothing' }
  /** The answer is this status, and nothing was done. */
  | { readonly kind: 'status'; readonly status: number }
  /** It ends in an error of this class; `reaches`: at which points that may be. */
  | { readonly kind: 'lost'; readonly error: string; readonly reaches: readonly Reach[] }
  /** The caller ends it. */
  | { readonly kind: 'ended'; readonly by: 'abort' | 'timeout' | 'close' }

/** What a fault works on. */
export interface Stage {
  readonly cluster: Cluster
  readonly step: Step
  readonly scope: Scope
  /** Of the scope `one`. */
  readonly member: Member
  readonly client: FastDfsClient
  readonly abort: AbortController
  readonly clock: Clock
  /** Where the client looks for members, by their ports, that is not where they are. */
  readonly diverted: Map<number, string>
  /** Makes all connections of the client that the call needs. */
  warm(): Promise<void>
}

/** A fault at work. */
export interface Strike {
  /** How often it has happened; undefined where that cannot be counted. */
  readonly hits: number | undefined
  /** Ends it. */
  undo(): Promise<void>
}

/** One fault. */
export interface FaultRow {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly seen: (step: Step) => Seen
  /** The limits of the client that is struck. */
  readonly limits: Pick<ClientOptions, 'connectTimeout' | 'idleTimeout'>
  /** Milliseconds that pass each time it strikes: what the client waits for it, or it delays the client. */
  readonly costs: (step: Step) => number
  /** Whether the storage carries out what it was asked. */
  readonly carriedOut: 'yes' | 'no' | 'maybe'
  /** Which steps it makes sense for. */
  readonly fits: (step: Step) => boolean
  /** Whether content is held back until the fault has struck, so that it strikes within. */
  readonly holdsContent: boolean
  /** Whether the next request may still be made on the connection that it has ended. */
  readonly lingers: boolean
  /** Whether members do not notice that the client has gone as long as it lasts. */
  readonly deafens: boolean
  /** Whether hits are connections, of which a request may need several, or none. */
  readonly ofConnections: boolean
  /** Lets it happen from now on. */
  begin(stage: Stage): Promise<Strike>
}

export type { FaultEffect, StorageMember }
