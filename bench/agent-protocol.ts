/** What the benchmark says to the process of a contender, and what that answers. */
import type { ClientOptions } from '../src/index.js'
import type { Slice } from './slice.js'
import type { Count } from './tally.js'

/** What an agent is started with, as JSON. */
export interface AgentConfig {
  readonly contender: string
  readonly trackers: readonly string[]
  /** Where clients from npm are installed. */
  readonly peersFolder: string
  /** Options of our client beside the trackers. */
  readonly options: Partial<ClientOptions>
}

export const SMALL = ['upload', 'download', 'metadata', 'info', 'query', 'delete'] as const
export type Small = (typeof SMALL)[number]
export const LARGE = ['upload', 'download to path', 'download discarded'] as const
export type Large = (typeof LARGE)[number]

/** Calls at a time that fill the cluster and delete again. */
export const IN_PARALLEL = 16

export type AgentRequest =
  /** Makes sure that it does what it is said to do. */
  | { do: 'check' }
  | { do: 'slice'; what: Small; size: number; concurrency: number; duration: number }
  /** Uploads until there are `count` files. */
  | { do: 'fill'; size: number; count: number }
  /** Uploads a file that stays until the end; gives its ID. */
  | { do: 'keep'; path: string }
  | { do: 'large'; what: Large; id: string; path: string; size: number }
  /** How many file IDs it parses in a second. */
  | { do: 'parse'; id: string; duration: number }
  | { do: 'deleteAll' }

export interface AgentAnswer {
  readonly slice?: Slice
  readonly id?: string
  readonly rate?: number
  /** All operations so far. Of those that failed, some were left out, others made again. */
  readonly count?: Count
  /** The most memory so far, in MiB. */
  readonly rss: number
}
