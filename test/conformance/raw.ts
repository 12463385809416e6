import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { parseEndpoint } from '../../src/net/endpoint.js'
import { connectionCommands, encodeHeader, encodeRequest } from '../../src/protocol/index.js'

/** A response. */
export interface Answer {
  packet: Buffer
  status: number
}

/** A connection to one server, without any of the client's care. */
export class RawConnection implements AsyncDisposable {
  readonly #socket: Socket
  #received = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])))
  }

  /** Sends, and waits for one response. */
  async ask(packet: Buffer): Promise<Answer> {
    this.#socket.write(packet)
    const answer = await this.#next()
    if (answer === undefined) throw new Error('the server closed the connection without an answer')
    return { packet: answer, status: answer.readUInt8(9) }
  }

  /** Whether the server has closed the connection, by whether it answers an ACTIVE_TEST. */
  async isClosed(): Promise<boolean> {
    this.#socket.write(encodeRequest(connectionCommands.activeTest, {}))
    return (await this.#next()) === undefined
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      const size = this.#received.length < 10 ? Infinity : 10 + Number(this.#received.readBigInt64BE(0))
      if (this.#received.length >= size) {
        const packet = this.#received.subarray(0, size)
        this.#received = this.#received.subarray(size)
        return packet
      }
      if (this.#socket.destroyed || this.#socket.readableEnded) return undefined
      const waiting = new AbortController()
      const wait = (event: string): Promise<unknown> => once(this.#socket, event, { signal: waiting.signal })
      await Promise.race([wait('data'), wait('close'), wait('end')]).catch(() => {})
      waiting.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy()
  }
}

/** Connects to a server. */
export async function open(address: string): Promise<RawConnection> {
  const socket = connect({ ...parseEndpoint(address, 0), noDelay: true })
  await once(socket, 'connect')
  return new RawConnection(socket)
}

/** A request of `command` with a body of zeros. */
export function request(command: number, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([encodeHeader({ length: body.length, command, status: 0 }), body])
}
