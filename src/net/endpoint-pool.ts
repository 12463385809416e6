import { setMaxListeners } from 'node:events'
import { createPool } from 'generic-pool'
import type { Pool } from 'generic-pool'
import type { FastDfsError } from '../errors.js'
import { ClosedError, IntegrityError, isFastDfsError, UnknownOutcomeError } from '../errors.js'
import { channels, isTraced } from '../observe/channels.js'
import type { Log } from '../observe/log.js'
import { connectionCommands } from '../protocol/index.js'
import type { Borrower } from './borrower.js'
import type { Watcher } from './call.js'
import { Call } from './call.js'
import { connect } from './connect.js'
import type { Connect } from './connect-by.js'
import { connectBy } from './connect-by.js'
import { Connection } from './connection.js'
import type { Endpoint } from './endpoint.js'
import { formatEndpoint } from './endpoint.js'
import type { HealthState } from './health.js'
import { Health } from './health.js'
import { Request } from './request.js'
import type { LineOptions } from './waiting-line.js'
import { WaitingLine } from './waiting-line.js'

/** How connections are made and kept. Times in milliseconds. */
export interface PoolOptions extends LineOptions {
  readonly connectTimeout: number
  readonly idleTimeout: number
  readonly minConnections: number
  readonly idleConnectionTtl: number
  readonly maxConnectionAge: number
  readonly log: Log
  /** Makes connections in another way than TCP, for tunnels and TLS. */
  readonly connect?: Connect | undefined
}

/** What there is of one server. */
export interface EndpointStats {
  /** The server as `host:port`. */
  readonly endpoint: string
  /** `closed`: works; `open`: failed lately, used only where no other server can; `half-open`: is being tried. */
  readonly health: HealthState
  /** Failures since it last worked. */
  readonly failures: number
  /** Connections that are open. */
  readonly connections: number
  /** Those that calls are using. */
  readonly inUse: number
  /** Those that are ready for the next call. */
  readonly idle: number
  /** Calls that wait for one to be made. */
  readonly connecting: number
  /** Calls that wait until it is their turn. */
  readonly waiting: number
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
  /** From when on it is not used again, by `performance.now()`. */
  readonly retiresAt: number
  /** Whether it was said that it is held for too long. */
  warned: boolean
}

/** A slot with a connection. It is given back by one of the two, which also tell how the server is doing. */
interface LiveSlot extends Slot {
  readonly connection: Connection
  /** The use of the connection gave `result`. */
  readonly onResult: <T>(result: T) => T
  /** Its use failed: throws `error` again. */
  readonly onError: (error: unknown) => never
}

/** The connections to one endpoint, and how it is doing. */
export class EndpointPool {
  /** Whether it works. */
  readonly health = new Health()
  readonly #name: string
  readonly #options: PoolOptions
  readonly #pool: Pool<Slot>
  readonly #live = new Set<LiveSlot>()
  /**
   * Used a moment ago, the last one last: the next call takes it without generic-pool, which is slow for what it does.
   * From there a connection that stays unused goes back to generic-pool, which closes it in time.
   */
  readonly #warm: LiveSlot[] = []
  readonly #closing = new AbortController()
  /** Nobody waits within generic-pool: as many are let in as it has connections. */
  readonly #line: WaitingLine<LiveSlot>
  /** Callers that wait for a connection to be made, in order: what each is given it by. */
  readonly #connecting = new Set<(slot: Slot) => void>()
  /** Connections that generic-pool was asked for: as many as callers wait, and more when some have given up. */
  #asked = 0
  /** The only attempt to connect while the server fails; resolves to its error. */
  #trial: Promise<FastDfsError | undefined> | undefined
  /** Callers that wait for how that ends. */
  #onTrial = 0
  #clock = 0
  /** Connections that were last used before this are not trusted, since one of them was found dead. */
  #distrusted = -Infinity
  #wasUsed = true
  #usedAt = performance.now()
  readonly #onFailure: () => void

  /** @param onFailure - told when the server fails that worked until then, or has dropped a connection */
  constructor(endpoint: Endpoint, options: PoolOptions, onFailure: () => void) {
    const { maxConnections, minConnections, idleConnectionTtl } = options
    this.#name = formatEndpoint(endpoint)
    this.#options = options
    this.#onFailure = onFailure
    this.#line = new WaitingLine(options, this.#name)
    setMaxListeners(maxConnections, this.#closing.signal)
    this.#pool = createPool<Slot>(
      {
        create: () => this.#create(endpoint),
        destroy: async (slot) => this.#drop(slot),
        validate: async (slot) => slot.connection === undefined || this.#isFresh(slot),
      },
      {
        max: maxConnections,
        min: minConnections,
        testOnBorrow: true,
        // The last one used first, so that those in excess grow old and are closed before the server does it.
        fifo: false,
        // Those below the minimum stay, until the server closes them.
        softIdleTimeoutMillis: idleConnectionTtl,
        idleTimeoutMillis: minConnections === 0 ? idleConnectionTtl : 2 ** 31 - 1,
        evictionRunIntervalMillis: Math.max(1, Math.floor(idleConnectionTtl / 4)),
        numTestsPerEvictionRun: maxConnections,
      },
    )
  }

  /** Lends a connection that was used a moment ago, or is trusted at least with what may be repeated, if there is one. */
  tryUse<T>(borrower: Borrower<T>): Promise<T> | undefined {
    if (this.#warm.length === 0 || this.#isClosed) return undefined
    const slot = this.#popWarm()
    if (slot === undefined) return undefined
    if ((borrower.mustLive && !isTrusted(slot.connection)) || !this.#line.tryEnter()) {
      this.#warm.push(slot)
      return undefined
    }
    this.#wasUsed = true
    slot.connection.referenced = true
    return lend(slot, borrower)
  }

  /**
   * Lends a connection as soon as there is one. What waits is this function alone, since thousands may. It goes on in its
   * caller's async context, where a connection may have to be made then, and not in that of who has left.
   */
  async use<T>(borrower: Borrower<T>): Promise<T> {
    const { call, mustLive } = borrower
    this.#wasUsed = true
    if (isTraced(channels.pool)) return await lend(await this.#acquireTraced(call, mustLive), borrower)
    const handed = await this.#line.enter(call)
    const isReady = handed !== undefined && !this.#isClosed && (!mustLive || isTrusted(handed.connection))
    return await lend(isReady ? handed : await this.#take(call, mustLive, handed), borrower)
  }

  #acquireTraced(call: Call, mustLive: boolean): Promise<LiveSlot> {
    const acquire = async (): Promise<LiveSlot> => this.#take(call, mustLive, await this.#line.enter(call))
    return channels.pool.tracePromise(acquire, { endpoint: this.#name, waiting: this.#line.waiting })
  }

  /** Gives a connection back: to the next caller, or to those that are kept. */
  #release(slot: LiveSlot): void {
    if (!this.#isFresh(slot)) void this.#pool.destroy(slot)
    else if (this.#line.waiting > 0) return void this.#line.leave(slot)
    // Who waits for a connection to be made can have this one.
    else if (this.#connecting.size > 0) this.#giveBack(slot)
    else {
      slot.connection.referenced = false
      this.#warm.push(slot)
    }
    this.#line.leave()
  }

  /** For somebody whose turn it is: what that caller was handed, or another one. */
  async #take(call: Call, mustLive: boolean, handed: LiveSlot | undefined): Promise<LiveSlot> {
    const since = this.#clock
    try {
      for (let slot = handed ?? this.#popWarm(); ; slot = this.#popWarm()) {
        if (this.#isClosed) {
          if (slot !== undefined) this.#giveBack(slot)
          throw closed(this.#name)
        }
        slot ??= await this.#borrow(call, since)
        if (slot === undefined) continue
        slot.connection.referenced = true
        if (!this.#isClosed && (!mustLive || (await this.#isAlive(slot.connection, call)))) return slot
        this.#giveBack(slot)
        call.check()
      }
    } catch (error) {
      this.#line.leave()
      throw error
    }
  }

  /** From generic-pool: one that was idle for longer, or a new one. Undefined: look again. */
  async #borrow(call: Call, since: number): Promise<LiveSlot | undefined> {
    // A server that fails is tried by one caller for all.
    if (this.health.state !== 'closed' && this.#pool.available === 0) {
      if (this.#trial !== undefined) return this.#awaitTrial(call, this.#trial)
      let end: (error?: FastDfsError) => void = () => {}
      this.#trial = new Promise((resolve) => (end = resolve))
      try {
        const slot = await this.#borrowOne(call, since)
        end()
        return slot
      } catch (error) {
        // A caller that gave up has learnt nothing about the server.
        end(call.isOver ? undefined : (error as FastDfsError))
        throw error
      } finally {
        this.#trial = undefined
      }
    }
    return this.#borrowOne(call, since)
  }

  async #awaitTrial(call: Call, trial: Promise<FastDfsError | undefined>): Promise<undefined> {
    this.#onTrial++
    try {
      const error = await call.wait(trial)
      if (error !== undefined) throw error
    } finally {
      this.#onTrial--
    }
  }

  async #borrowOne(call: Call, since: number): Promise<LiveSlot | undefined> {
    let take: (slot: Slot) => void = () => {}
    const coming = new Promise<Slot>((resolve) => (take = resolve))
    this.#connecting.add(take)
    if (this.#asked < this.#connecting.size) void this.#ask()
    let slot: Slot
    try {
      slot = await call.wait(coming, (late) => this.#keep(late))
    } finally {
      this.#connecting.delete(take)
    }
    if (slot.connection !== undefined) return slot as LiveSlot
    await this.#pool.destroy(slot)
    // An error from before this wait is another caller's; a new connection may well be possible now.
    if (slot.bornAt <= since) return undefined
    const error = slot.error as FastDfsError
    // Who waits for a turn would only wait for the same, if there is no connection that could come free.
    if (this.#live.size === 0) this.#line.dismiss(error)
    throw error
  }

  /**
   * Asks generic-pool for a connection, for whoever waits first when it comes. generic-pool would go on for callers that
   * have given up, one attempt to connect after the other, before it came to those who still wait.
   */
  async #ask(): Promise<void> {
    this.#asked++
    const slot = await this.#pool.acquire()
    this.#asked--
    const [take] = this.#connecting
    if (take === undefined) return this.#keep(slot)
    this.#connecting.delete(take)
    take(slot)
  }

  #keep(slot: Slot): void {
    if (slot.connection === undefined) void this.#pool.destroy(slot)
    else this.#giveBack(slot as LiveSlot)
  }

  #giveBack(slot: LiveSlot): void {
    slot.connection.referenced = false
    void (this.#isFresh(slot) ? this.#pool.release(slot) : this.#pool.destroy(slot))
  }

  #popWarm(): LiveSlot | undefined {
    for (;;) {
      const slot = this.#warm.pop()
      if (slot === undefined || this.#isFresh(slot)) return slot
      void this.#pool.destroy(slot)
    }
  }

  /** Whether a connection may be used again. */
  #isFresh({ connection, retiresAt }: Slot): boolean {
    return connection?.usable === true && connection.lastUsed < retiresAt
  }

  async #create(endpoint: Endpoint): Promise<Slot> {
    const { connect: own, connectTimeout, idleTimeout, maxConnectionAge, log } = this.#options
    const { signal } = this.#closing
    try {
      const socket =
        own === undefined
          ? await connect(endpoint, connectTimeout, signal, log)
          : await connectBy(own, endpoint, connectTimeout, signal, log)
      const connection = new Connection(socket, this.#name, idleTimeout, log)
      // Its server may have been restarted: what others know of it may be wrong for a while.
      connection.onDropped = this.#onFailure
      // Not every connection is lent to the caller it was made for: some wait for the next one.
      connection.referenced = false
      // Those that were made together do not end together.
      const retiresAt = performance.now() + maxConnectionAge * (1 - 0.1 * Math.random())
      const slot: LiveSlot = {
        connection,
        error: undefined,
        bornAt: ++this.#clock,
        retiresAt,
        warned: false,
        onResult: (result) => {
          this.#release(slot)
          this.#succeeded()
          return result
        },
        onError: (error) => {
          this.#release(slot)
          if (!connection.wasGivenUp) this.#judge(error)
          throw error
        },
      }
      this.#live.add(slot)
      return slot
    } catch (error) {
      const reason = error as FastDfsError
      if (!this.#isClosed) this.#failed(reason)
      return { connection: undefined, error: reason, bornAt: ++this.#clock, retiresAt: 0, warned: false }
    }
  }

  #drop(slot: Slot): void {
    if (slot.connection === undefined) return
    this.#live.delete(slot as LiveSlot)
    slot.connection.destroy()
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /** Whether the peer still answers on a connection that was idle for a while (protocol.md §1.1). */
  async #isAlive(connection: Connection, call: Call): Promise<boolean> {
    if (isTrusted(connection)) return true
    if (connection.lastUsed < this.#distrusted) {
      connection.destroy()
      return false
    }
    if (call.isOver) return false
    // A test takes no longer than a new connection would.
    const test = new Call({ timeout: this.#options.connectTimeout })
    const watcher: Watcher = { onCallOver: (error) => test.cancel(error) }
    call.watch(watcher)
    try {
      await connection.request(new Request(connectionCommands.activeTest, {}, test))
      return true
    } catch (error) {
      // A caller that gave up has learnt nothing about the others.
      if (!call.isOver) this.#distrust(error as Error)
      return false
    } finally {
      call.unwatch(watcher)
    }
  }

  #distrust({ message }: Error): void {
    this.#distrusted = performance.now()
    this.#options.log.debug('pool', `${this.#name}: no longer alive: ${message}`, { endpoint: this.#name })
  }

  #judge(error: unknown): void {
    if (!isFastDfsError(error)) return
    // What is retriable for the content's sake says nothing about the server.
    const isFailure =
      (error.retriable && !(error instanceof IntegrityError)) || error instanceof UnknownOutcomeError
    if (isFailure) this.#failed(error)
    // Any answer is a sign of life.
    else if (error.status !== undefined) this.#succeeded()
  }

  /** The server answered. */
  #succeeded(): void {
    if (this.health.failures === 0) return
    this.health.succeeded()
    this.#options.log.info('pool', `${this.#name}: works again`, { endpoint: this.#name })
  }

  /** The server could not be reached, or did not answer as it should. */
  #failed(error: FastDfsError): void {
    const isNews = this.health.failures === 0
    this.health.failed()
    if (!isNews) return
    this.#onFailure()
    const details = { endpoint: this.#name, code: error.code }
    this.#options.log.info('pool', `${this.#name}: avoided for a while: ${error.reason}`, details)
  }

  /** See {@link EndpointStats}. */
  get stats(): EndpointStats {
    const connecting = this.#connecting.size + this.#onTrial
    const inUse = Math.max(0, this.#line.inside - connecting)
    return {
      endpoint: this.#name,
      health: this.health.state,
      failures: this.health.failures,
      connections: this.#live.size,
      inUse,
      idle: Math.max(0, this.#live.size - inUse),
      connecting,
      waiting: this.#line.waiting,
    }
  }

  /**
   * Looks after its connections, now and then: what stays unused goes back to generic-pool, what is held for too long
   * is told of. False when nobody has used it for long.
   */
  tend(): boolean {
    const now = performance.now()
    const isCold = ({ connection }: LiveSlot): boolean =>
      !connection.usable ||
      now - connection.lastUsed > Math.min(COLD_AFTER, this.#options.idleConnectionTtl / 2)
    // The oldest come first.
    while (this.#warm[0] !== undefined && isCold(this.#warm[0]))
      this.#giveBack(this.#warm.shift() as LiveSlot)
    for (const slot of this.#live) this.#warnOf(slot, now)
    if (this.#wasUsed || this.#line.inside > 0) this.#usedAt = now
    else if (this.#options.minConnections > 0) void this.#renew()
    this.#wasUsed = false
    return now - this.#usedAt < FORGOTTEN_AFTER
  }

  /** generic-pool finds out that connections were closed, and makes others up to the minimum, when it lends them. */
  async #renew(): Promise<void> {
    const isLost = [...this.#live].some(({ connection }) => !connection.usable)
    if (!isLost) return
    const idle = Array.from({ length: this.#pool.available }, () => this.#pool.acquire())
    for (const slot of await Promise.all(idle)) this.#keep(slot)
  }

  #warnOf(slot: LiveSlot, now: number): void {
    const { command, lastMoved } = slot.connection
    const isHeld = command !== undefined && now - lastMoved > HELD_AFTER
    if (isHeld && !slot.warned) {
      this.#options.log.warn(
        'pool',
        `${this.#name}: ${command} holds a connection, and no byte has moved for ${Math.round((now - lastMoved) / 1000)} s: ` +
          'read a stream to its end or destroy it',
        { endpoint: this.#name, command },
      )
    }
    slot.warned = isHeld
  }

  /** Ends every connection, those in use too, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closing.abort(closed(this.#name))
    this.#line.dismiss(closed(this.#name))
    // From here on generic-pool makes none in the place of those that end.
    const drained = this.#pool.drain()
    for (const { connection } of this.#live) connection.destroy(closed(this.#name))
    for (const slot of this.#warm.splice(0)) void this.#pool.destroy(slot)
    await drained
    await this.#pool.clear()
  }
}

function lend<T>({ connection, onResult, onError }: LiveSlot, borrower: Borrower<T>): Promise<T> {
  borrower.call.hasBegun = true
  return borrower.use(connection).then(onResult, onError)
}

/** Whether a connection was used a moment ago: even what must not be repeated needs no test of it. */
function isTrusted({ lastUsed }: Connection): boolean {
  return performance.now() - lastUsed <= TRUSTED_FOR
}

/** The error of what a closed client does not do any more. */
export function closed(endpoint?: string): ClosedError {
  return new ClosedError('the client was closed', { endpoint })
}

/** Milliseconds without use after which a connection is not trusted with a request that must not be repeated. */
const TRUSTED_FOR = 1_000
/** Milliseconds without use after which a connection goes back to generic-pool, at most. */
const COLD_AFTER = 1_000
/** Milliseconds after which a request whose bytes do not move is worth a warning. */
const HELD_AFTER = 60_000
/** Milliseconds after which nothing is kept of an endpoint that nobody uses. */
const FORGOTTEN_AFTER = 5 * 60_000
