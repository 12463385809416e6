import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { ConfigError, ConnectError } from '../errors.js'
import { log } from '../observe/log.js'
import { AllowedHosts } from './allowed-hosts.js'
import { MAX_DELAY } from './clock.js'

/** Milliseconds that real servers wait for a silent peer by default since V6.9; before, half as long. */
export const NETWORK_TIMEOUT = 60_000

/** What serves a connection. */
export interface Served {
  /** Whether only the peer can go on: it has not sent a whole request yet, or a part of one, or does not read answers. */
  readonly awaitsPeer: boolean
  /** Resolves when what it began is done, after the connection has ended. */
  settled(): Promise<void>
}

/** Where a server listens, and how long it waits for its peers. */
export interface ListenerOptions {
  /** The address. */
  readonly host: string
  /** The port; 0 lets the system choose. */
  readonly port: number
  /** In milliseconds. @defaultValue 60_000 */
  readonly networkTimeout?: number | undefined
  /** Who may connect. @defaultValue everybody */
  readonly allowHosts?: readonly string[] | undefined
  /** Connections at one time. @defaultValue any number */
  readonly maxConnections?: number | undefined
}

/** A TCP server that can be stopped, with all its connections, and started again on the same port. */
export class Listener {
  readonly host: string
  readonly #serve: (socket: Socket) => Served
  readonly #networkTimeout: number
  readonly #allowed: AllowedHosts
  readonly #limit: number
  /** Each with a promise of its end. */
  readonly #connections = new Map<Socket, Promise<unknown>>()
  #server: Server | undefined
  #port: number
  #peakConnections = 0

  /**
   * Makes one that does not listen yet.
   *
   * @param networkTimeout - milliseconds after which a peer that owes something and is silent is given up, as in the
   * configurations of real servers (protocol.md §1.1)
   * @param allowHosts - see {@link AllowedHosts}
   * @param maxConnections - one more is ended at once, as by real servers
   * @param serve - gets each new connection
   * @throws ConfigError for a timeout, a host or a number that is none
   */
  constructor(
    { host, port, networkTimeout = NETWORK_TIMEOUT, allowHosts = ['*'], maxConnections }: ListenerOptions,
    serve: (socket: Socket) => Served,
  ) {
    if (!Number.isInteger(networkTimeout) || networkTimeout < 1 || networkTimeout > MAX_DELAY) {
      throw new ConfigError(
        `networkTimeout must be a whole number from 1 to ${MAX_DELAY}, not ${String(networkTimeout)}`,
      )
    }
    if (maxConnections !== undefined && (!Number.isInteger(maxConnections) || maxConnections < 1)) {
      throw new ConfigError(`maxConnections must be a whole number from 1 on, not ${String(maxConnections)}`)
    }
    this.host = host
    this.#port = port
    this.#networkTimeout = networkTimeout
    this.#allowed = new AllowedHosts(allowHosts)
    this.#limit = maxConnections ?? Infinity
    this.#serve = serve
  }

  /** The port asked for; where that was 0, the one given by the system once started. */
  get port(): number {
    return this.#port
  }

  /** Whether connections are taken. */
  get listening(): boolean {
    return this.#server !== undefined
  }

  /** Connections open now. */
  get connections(): number {
    return this.#connections.size
  }

  /** The most connections that were open at one time. */
  get peakConnections(): number {
    return this.#peakConnections
  }

  /** Begins to listen. Does nothing when it does. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const options = {
      noDelay: true,
      // A peer that sends nothing more may still wait for an answer.
      allowHalfOpen: true,
      // One whose machine is gone never ends its connections.
      keepAlive: true,
      keepAliveInitialDelay: 2 * this.#networkTimeout + 1000,
    }
    const server = createServer(options, (socket) => this.#accept(socket))
    this.#server = server
    try {
      await this.#allowed.resolve()
      await listen(server, this.host, this.#port)
    } catch (cause) {
      this.#server = undefined
      const endpoint = `${this.host}:${this.#port}`
      throw new ConnectError(`cannot listen: ${(cause as Error).message}`, { cause, endpoint })
    }
    // One connection that cannot be accepted is no reason to end the process.
    server.on('error', (error) => log.server('connection: %s', error.message))
    this.#port = (server.address() as AddressInfo).port
  }

  /** Ends all connections and stops listening; resolves when nothing is left. Does nothing when stopped. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#connections.keys()) socket.destroy()
    await Promise.all([closed, ...this.#connections.values()])
  }

  #accept(socket: Socket): void {
    if (!this.#allowed.allows(plainAddress(socket.remoteAddress)) || this.#connections.size >= this.#limit) {
      log.server('connection from %s: refused', socket.remoteAddress)
      socket.destroy()
      return
    }
    const served = this.#serve(socket)
    socket.setTimeout(this.#networkTimeout)
    socket.on('timeout', () => {
      // Who is served may be silent for ever; what it does not see now, as an answer that is being made, comes later.
      if (!served.awaitsPeer) return void socket.setTimeout(this.#networkTimeout)
      log.server('connection: the peer is silent for %d ms', this.#networkTimeout)
      socket.destroy()
    })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    // What a handler has begun outlives the socket.
    const ended = closed.then(() => served.settled()).then(() => this.#connections.delete(socket))
    this.#connections.set(socket, ended)
    this.#peakConnections = Math.max(this.#peakConnections, this.#connections.size)
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** An address as FastDFS writes it: an IPv4 address of a socket that takes both kinds comes as `::ffff:1.2.3.4`. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
