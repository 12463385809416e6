import { channels, isTraced } from '../observe/channels.js'
import { connectionCommands } from '../protocol/index.js'
import type { Borrower } from './borrower.js'
import { Call } from './call.js'
import type { Endpoint } from './endpoint.js'
import type { EndpointStats, PoolOptions } from './endpoint-pool.js'
import { closed, EndpointPool } from './endpoint-pool.js'
import { Request } from './request.js'

/** Connections to every endpoint, made when needed and used again; and how the endpoints are doing. */
export class ConnectionPool {
  readonly #options: PoolOptions
  /** By host, then port: no text is made for each request. */
  readonly #pools = new Map<string, Map<number, EndpointPool>>()
  #tending: NodeJS.Timeout | undefined
  #failureAt = -Infinity
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /**
   * Lends a connection, and takes it back when the promise of its use settles.
   *
   * @throws {@link ConnectError} or {@link TimeoutError} when none can be made
   * @throws {@link PoolTimeoutError} when all are in use for too long
   */
  use<T>(endpoint: Endpoint, borrower: Borrower<T>): Promise<T> {
    return this.useAtOnce(endpoint, borrower) ?? this.#useLater(endpoint, borrower)
  }

  /** The same with a connection that there is already; undefined where none is ready. */
  useAtOnce<T>({ host, port }: Endpoint, borrower: Borrower<T>): Promise<T> | undefined {
    if (isTraced(channels.pool)) return undefined
    return this.#pools.get(host)?.get(port)?.tryUse(borrower)
  }

  #useLater<T>(endpoint: Endpoint, borrower: Borrower<T>): Promise<T> {
    return this.#closed ? Promise.reject(closed()) : this.#poolFor(endpoint).use(borrower)
  }

  /** Whether a server worked when it was last asked, or was not asked yet. One that failed is tried again in time. */
  isHealthy(endpoint: Endpoint): boolean {
    const pool = this.#pools.get(endpoint.host)?.get(endpoint.port)
    if (pool === undefined || pool.health.failures === 0) return true
    if (pool.health.beginTrial()) void this.#probe(endpoint, pool)
    return false
  }

  /** When a server that worked was seen to fail, or to have dropped a connection, the last time, by `performance.now()`. */
  get failureAt(): number {
    return this.#failureAt
  }

  /** What there is of every endpoint. */
  get stats(): EndpointStats[] {
    return this.#all.map((pool) => pool.stats)
  }

  /** In the background, so that no call waits for a server that is still down. */
  async #probe(endpoint: Endpoint, pool: EndpointPool): Promise<void> {
    const { connectTimeout } = this.#options
    const call = new Call({ timeout: 2 * connectTimeout })
    try {
      await this.use(endpoint, new Request(connectionCommands.activeTest, {}, call))
    } catch {
      // Whatever it was is told to its health, but for a lack of connections.
      pool.health.endTrial()
    }
  }

  #poolFor(endpoint: Endpoint): EndpointPool {
    const { host, port } = endpoint
    return this.#pools.get(host)?.get(port) ?? this.#add(endpoint)
  }

  #add(endpoint: Endpoint): EndpointPool {
    const { host, port } = endpoint
    const pool = new EndpointPool(endpoint, this.#options, () => (this.#failureAt = performance.now()))
    const ofHost = this.#pools.get(host) ?? new Map<number, EndpointPool>()
    this.#pools.set(host, ofHost.set(port, pool))
    const interval = Math.max(1, Math.min(TEND_EVERY, this.#options.idleConnectionTtl / 4))
    this.#tending ??= setInterval(() => this.#tend(), interval).unref()
    return pool
  }

  #tend(): void {
    for (const [host, ofHost] of this.#pools) {
      for (const [port, pool] of ofHost) {
        if (pool.tend()) continue
        ofHost.delete(port)
        void pool.close()
      }
      if (ofHost.size === 0) this.#pools.delete(host)
    }
  }

  get #all(): EndpointPool[] {
    return [...this.#pools.values()].flatMap((ofHost) => [...ofHost.values()])
  }

  /** Ends every connection, those in use too, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#tending)
    const pools = this.#all
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.close()))
  }
}

/** Milliseconds between two looks at the connections. */
const TEND_EVERY = 1_000
