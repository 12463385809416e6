import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { ConnectError } from '../errors.js'
import { log } from '../observe/log.js'

/** What serves a connection. */
export interface Served {
  /** Resolves when what it began is done, after the connection has ended. */
  settled(): Promise<void>
}

/** A TCP server that can be stopped, with all its connections, and started again on the same port. */
export class Listener {
  readonly host: string
  readonly #serve: (socket: Socket) => Served
  /** Each with a promise of its end. */
  readonly #connections = new Map<Socket, Promise<unknown>>()
  #server: Server | undefined
  #port: number
  #maxConnections = 0

  /** @param serve - gets each new connection */
  constructor(host: string, port: number, serve: (socket: Socket) => Served) {
    this.host = host
    this.#port = port
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
  get maxConnections(): number {
    return this.#maxConnections
  }

  /** Begins to listen. Does nothing when it does. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    // A peer that sends nothing more may still wait for an answer.
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket))
    this.#server = server
    try {
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
    const served = this.#serve(socket)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    // What a handler has begun outlives the socket.
    const ended = closed.then(() => served.settled()).then(() => this.#connections.delete(socket))
    this.#connections.set(socket, ended)
    this.#maxConnections = Math.max(this.#maxConnections, this.#connections.size)
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
