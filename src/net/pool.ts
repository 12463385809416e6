import { setMaxListeners } from 'node:events'
import type { Duplex } from 'node:stream'
import { createPool } from 'generic-pool'
import type { Pool } from 'generic-pool'
import type { FastDfsError } from '../errors.js'
import { ClosedError } from '../errors.js'
import { log } from '../observe/log.js'
import { connectionCommands } from '../protocol/index.js'
import { Call } from './call.js'
import { connect } from './connect.js'
import type { Connect } from './connect-by.js'
import { connectBy } from './connect-by.js'
import { Connection } from './connection.js'
import type { Endpoint } from './endpoint.js'
import { formatEndpoint } from './endpoint.js'
import type { LineOptions } from './waiting-line.js'
import { WaitingLine } from './waiting-line.js'

/** How connections are made and kept. Times in milliseconds. */
export interface PoolOptions extends LineOptions {
  readonly connectTimeout: number
  readonly idleTimeout: number
  readonly idleConnectionTtl: number
  /** Makes connections in another way than TCP, for tunnels and TLS. */
  readonly connect?: Connect | undefined
}

/**
 * What generic-pool keeps: a connection, or the error that there was instead of one. A factory that rejects would be
 * called again without a pause, and the callers that wait would never see the error.
 */
interface Slot {
  readonly connection: Connection | undefined
  readonly error: FastDfsError | undefined
  /** Counts up; an error older than a caller's wait is not the caller's. */
  readonly bornAt: number
}

/** The connections to one endpoint. */
class EndpointPool {
  readonly #name: string
  readonly #pool: Pool<Slot>
  readonly #slots = new Map<Connection, Slot>()
  readonly #closing = new AbortController()
  readonly #connectTimeout: number
  /** Nobody waits within generic-pool: as many are let in as it has connections. */
  readonly #line: WaitingLine
  #clock = 0
  /** Connections that were last used before this are not trusted, since one of them was found dead. */
  #distrusted = -Infinity

  constructor(endpoint: Endpoint, options: PoolOptions) {
    this.#name = formatEndpoint(endpoint)
    this.#connectTimeout = options.connectTimeout
    this.#line = new WaitingLine(options, this.#name)
    setMaxListeners(options.maxConnections, this.#closing.signal)
    this.#pool = createPool<Slot>(
      {
        create: async () => {
          try {
            const socket = await this.#connect(endpoint, options)
            const connection = new Connection(socket, this.#name, options.idleTimeout)
            // Not every connection is lent to the caller it was made for: some wait for the next one.
            connection.referenced = false
            const slot = { connection, error: undefined, bornAt: ++this.#clock }
            this.#slots.set(connection, slot)
            return slot
          } catch (error) {
            return { connection: undefined, error: error as FastDfsError, bornAt: ++this.#clock }
          }
        },
        destroy: async ({ connection }) => {
          if (connection === undefined) return
          this.#slots.delete(connection)
          connection.destroy()
        },
        validate: async ({ connection }) => connection === undefined || connection.usable,
      },
      {
        max: options.maxConnections,
        min: 0,
        testOnBorrow: true,
        // The last one used first, so that those in excess grow old and are closed before the server does it.
        fifo: false,
        idleTimeoutMillis: options.idleConnectionTtl,
        evictionRunIntervalMillis: Math.max(1, Math.floor(options.idleConnectionTtl / 2)),
        numTestsPerEvictionRun: options.maxConnections,
      },
    )
  }

  #connect(endpoint: Endpoint, { connect: own, connectTimeout }: PoolOptions): Promise<Duplex> {
    return own === undefined
      ? connect(endpoint, connectTimeout, this.#closing.signal)
      : connectBy(own, endpoint, connectTimeout, this.#closing.signal)
  }

  /** @param mustLive - a connection that was idle for long is tested first */
  async acquire(call: Call, mustLive: boolean): Promise<Connection> {
    await this.#line.enter(call)
    try {
      return await this.#take(call, mustLive)
    } catch (error) {
      this.#line.leave()
      throw error
    }
  }

  async release(connection: Connection): Promise<void> {
    await this.#giveBack(connection)
    this.#line.leave()
  }

  async #take(call: Call, mustLive: boolean): Promise<Connection> {
    const since = this.#clock
    for (;;) {
      if (this.#isClosed) throw closed(this.#name)
      const slot = await call.wait(this.#pool.acquire(), (late) => void this.#pool.release(late))
      if (slot.connection === undefined) {
        await this.#pool.destroy(slot)
        // An error from before this wait is another caller's; a new connection may well be possible now.
        if (slot.bornAt > since) throw slot.error as FastDfsError
        continue
      }
      slot.connection.referenced = true
      if (!this.#isClosed && (!mustLive || (await this.#isAlive(slot.connection, call))))
        return slot.connection
      await this.#giveBack(slot.connection)
      call.check()
    }
  }

  async #giveBack(connection: Connection): Promise<void> {
    const slot = this.#slots.get(connection) as Slot
    connection.referenced = false
    await (connection.usable ? this.#pool.release(slot) : this.#pool.destroy(slot))
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /** Whether the peer still answers on a connection that was idle for a while (protocol.md §1.1). */
  async #isAlive(connection: Connection, call: Call): Promise<boolean> {
    if (performance.now() - connection.lastUsed <= TRUSTED_FOR) return true
    if (connection.lastUsed < this.#distrusted) {
      connection.destroy()
      return false
    }
    // A test takes no longer than a new connection would.
    const test = new Call({
      signal: call.signal,
      timeout: Math.min(this.#connectTimeout, call.remaining),
    })
    try {
      await connection.request(connectionCommands.activeTest, {}, test)
      return true
    } catch (error) {
      log.net('%s: no longer alive: %s', this.#name, (error as Error).message)
      this.#distrusted = performance.now()
      return false
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(closed(this.#name))
    this.#line.close(closed(this.#name))
    for (const connection of this.#slots.keys()) connection.destroy(closed(this.#name))
    await this.#pool.drain()
    await this.#pool.clear()
  }
}

function closed(endpoint?: string): ClosedError {
  return new ClosedError('the client was closed', { endpoint })
}

/** Milliseconds without use after which a connection is not trusted with a request that must not be repeated. */
const TRUSTED_FOR = 1_000

/** Connections to every endpoint, made when needed and used again. */
export class ConnectionPool {
  readonly #options: PoolOptions
  readonly #pools = new Map<string, EndpointPool>()
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /**
   * Lends a connection to `use` and takes it back, whatever happens. With `mustLive` the connection was used or
   * tested within the last second: for requests that must not be repeated.
   *
   * @throws {@link ConnectError} or {@link TimeoutError} when none can be made
   * @throws {@link PoolTimeoutError} when all are in use for too long
   */
  async use<T>(
    endpoint: Endpoint,
    call: Call,
    use: (connection: Connection) => Promise<T>,
    { mustLive = false } = {},
  ): Promise<T> {
    const pool = this.#poolFor(endpoint)
    const connection = await pool.acquire(call, mustLive)
    try {
      return await use(connection)
    } finally {
      await pool.release(connection)
    }
  }

  #poolFor(endpoint: Endpoint): EndpointPool {
    if (this.#closed) throw closed()
    const key = formatEndpoint(endpoint)
    let pool = this.#pools.get(key)
    if (pool === undefined) this.#pools.set(key, (pool = new EndpointPool(endpoint, this.#options)))
    return pool
  }

  /** Ends every connection, those in use too, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()))
    this.#pools.clear()
  }
}
