/** Stands between a client and its servers, passes on what both say, and breaks a connection at a chosen byte. */
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** From the client to the server, or back. */
export type Direction = 'up' | 'down'

/** Where and how one connection breaks. */
export interface Cut {
  /** The name of the server that it leads to. */
  readonly server: string
  /** Which of the connections to that server, from 0. */
  readonly connection: number
  readonly direction: Direction
  /** How many bytes pass in that direction before. */
  readonly at: number
  /**
   * `end`: both sides are told that nothing more comes; `reset`: both see the connection reset; `stall`: nothing more
   * passes in either direction, from the next byte of this one on.
   */
  readonly how: 'end' | 'reset' | 'stall'
}

/** One connection of a client. */
export class Passage {
  /** The name of the server that it leads to. */
  readonly server: string
  /** What passed in each direction. */
  readonly passed: Record<Direction, Buffer[]> = { up: [], down: [] }
  /** Whether the cut was made here. */
  isCut = false
  /** Whether the client's side, and the server's, are gone. */
  readonly gone = { client: false, server: false }
  readonly #client: Socket
  readonly #server: Socket
  readonly #cut: Cut | undefined
  readonly #onCut: () => void
  readonly #count: Record<Direction, number> = { up: 0, down: 0 }
  #onGone = (): void => {}

  constructor(client: Socket, port: number, server: string, cut: Cut | undefined, onCut: () => void) {
    this.server = server
    this.#client = client
    this.#server = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#cut = cut
    this.#onCut = onCut
    this.#pipe('up', client, this.#server)
    this.#pipe('down', this.#server, client)
    for (const [side, socket, other] of [
      ['client', client, this.#server],
      ['server', this.#server, client],
    ] as const) {
      socket.on('error', () => {})
      socket.on('close', () => {
        this.gone[side] = true
        other.destroy()
        this.#onGone()
      })
    }
    if (cut?.direction === 'up' && cut.at === 0 && cut.how !== 'stall') this.#break()
  }

  /** Resolves when the client has given it up, or was cut off. */
  async closed(): Promise<void> {
    while (!this.gone.client || !this.gone.server) {
      await new Promise<void>((resolve) => (this.#onGone = resolve))
    }
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #pipe(direction: Direction, from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (this.isCut) return
      const limit = this.#cut?.direction === direction ? this.#cut.at : Infinity
      const room = limit - this.#count[direction]
      const passing = chunk.subarray(0, Math.min(chunk.length, room))
      this.#count[direction] += passing.length
      this.passed[direction].push(passing)
      const isOver = this.#cut?.how === 'stall' ? chunk.length > room : chunk.length >= room
      if (!isOver) return void to.write(passing)
      this.isCut = true
      to.write(passing, () => this.#break())
    })
    from.on('end', () => to.end())
  }

  #break(): void {
    this.isCut = true
    for (const socket of [this.#client, this.#server]) {
      if (this.#cut?.how === 'end') socket.end()
      else if (this.#cut?.how === 'reset') socket.resetAndDestroy()
    }
    this.#onCut()
  }
}

/** See the file's head. */
export class CuttingProxy implements AsyncDisposable {
  /** What is to be broken; connections made from now on obey it. */
  cut: Cut | undefined
  /** Told when the cut is made. */
  onCut: () => void = () => {}
  /** The connections since {@link CuttingProxy.reset}, in the order they were made. */
  passages: Passage[] = []
  readonly #servers = new Map<string, Server>()

  /** @param ports - of each server, by its name */
  static async to(ports: Readonly<Record<string, number>>): Promise<CuttingProxy> {
    const proxy = new CuttingProxy()
    for (const [name, port] of Object.entries(ports)) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        proxy.#take(socket, name, port),
      )
      proxy.#servers.set(name, server.listen(0, '127.0.0.1'))
      await once(server, 'listening')
    }
    return proxy
  }

  /** The port by which a server is reached. */
  portOf(server: string): number {
    return (this.#servers.get(server)?.address() as AddressInfo).port
  }

  /** Forgets the connections there were; the next ones obey another cut. */
  reset(cut: Cut | undefined, onCut: () => void = () => {}): void {
    this.passages = []
    this.cut = cut
    this.onCut = onCut
  }

  #take(socket: Socket, name: string, port: number): void {
    const nth = this.passages.filter(({ server }) => server === name).length
    const isMeant = this.cut?.server === name && this.cut.connection === nth
    this.passages.push(new Passage(socket, port, name, isMeant ? this.cut : undefined, () => this.onCut()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const passage of this.passages) passage.destroy()
    for (const server of this.#servers.values()) {
      server.close()
      await once(server, 'close')
    }
  }
}

/** A packet within the bytes of one direction. */
export interface Packet {
  readonly start: number
  readonly end: number
  /** Of the request; 100 in responses. */
  readonly command: number
}

/** Finds the packets in what passed, by the lengths in their headers. */
export function packetsOf(chunks: readonly Buffer[]): Packet[] {
  const bytes = Buffer.concat(chunks)
  const packets: Packet[] = []
  for (let start = 0; start + 10 <= bytes.length;) {
    const end = start + 10 + Number(bytes.readBigInt64BE(start))
    packets.push({ start, end, command: bytes[start + 8] as number })
    start = end
  }
  return packets
}
