import type { EndpointStats } from '../net/endpoint-pool.js'

/** What a client is doing. */
export interface ClientStats {
  /** Calls that are running. */
  readonly calls: number
  /** How many attempts may be made again now: a client has 100, and gets 10 more a second and 1 for 10 calls that end well. */
  readonly retriesLeft: number
  /** Every server that was used within the last minutes. */
  readonly endpoints: readonly EndpointStats[]
}
