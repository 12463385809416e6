import { connect } from 'node:net'
import type { Socket } from 'node:net'

export const HEADER_SIZE = 10

/** Larger content is written beside its head, smaller is copied behind it. */
const COPIED_UP_TO = 16 * 1024

/** All sockets read into this one: what is in it is used up before the next read. */
const received = Buffer.allocUnsafeSlow(256 * 1024)

/** A socket that carries one request at a time, and nothing else: no timer, no retry, no class of errors. */
export class RawConnection {
  closed = false
  readonly #socket: Socket
  #resolve: (body: Buffer) => void = () => {}
  #reject: (error: Error) => void = () => {}
  readonly #header = Buffer.allocUnsafeSlow(HEADER_SIZE)
  #headerBytes = 0
  #body: Buffer | undefined
  #bodyBytes = 0

  constructor(host: string, port: number) {
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: received,
        callback: (size, buffer) => {
          this.#onRead(buffer as Buffer, size)
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#reject(error))
    this.#socket.on('close', () => {
      this.closed = true
      this.#reject(new Error('connection closed'))
    })
  }

  /** Sends `head`, then `content` behind it; gives the body of the response. */
  request(head: Buffer, content?: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      if (content === undefined) {
        this.#socket.write(head)
      } else if (content.length <= COPIED_UP_TO) {
        const packet = Buffer.allocUnsafe(head.length + content.length)
        packet.set(head)
        packet.set(content, head.length)
        this.#socket.write(packet)
      } else {
        this.#socket.cork()
        this.#socket.write(head)
        this.#socket.write(content)
        this.#socket.uncork()
      }
    })
  }

  /** The next bytes of a request that was begun with {@link request}. */
  write(piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(piece, (error) => (error ? reject(error) : resolve()))
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #onRead(buffer: Buffer, size: number): void {
    let offset = 0
    while (offset < size) {
      if (this.#headerBytes < HEADER_SIZE) {
        const taken = Math.min(HEADER_SIZE - this.#headerBytes, size - offset)
        buffer.copy(this.#header, this.#headerBytes, offset, offset + taken)
        this.#headerBytes += taken
        offset += taken
        if (this.#headerBytes < HEADER_SIZE) return
        this.#body = Buffer.allocUnsafe(bodyLength(this.#header))
        this.#bodyBytes = 0
      }
      const body = this.#body as Buffer
      const taken = Math.min(body.length - this.#bodyBytes, size - offset)
      buffer.copy(body, this.#bodyBytes, offset, offset + taken)
      this.#bodyBytes += taken
      offset += taken
      if (this.#bodyBytes === body.length) this.#end(body)
    }
  }

  #end(body: Buffer): void {
    this.#headerBytes = 0
    this.#body = undefined
    const status = this.#header[9] as number
    if (status === 0) this.#resolve(body)
    else this.#reject(new Error(`status ${status}`))
  }
}

/** The length of the body that a header announces. */
export function bodyLength(header: Buffer): number {
  return header.readUInt32BE(0) * 2 ** 32 + header.readUInt32BE(4)
}
