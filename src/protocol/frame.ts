/** Packets on a stream: a header of 10 bytes, then a body (protocol.md §1.1). Pure bytes, for both sides. */
import { InvalidArgumentError, ProtocolError } from '../errors.js'
import { HEADER_SIZE } from './limits.js'
import { readI64 } from './read.js'
import { writeI64 } from './write.js'

/** A packet's first ten bytes. */
export interface Header {
  /** Bytes of the body. */
  readonly length: number
  /** The command; 100 in every response. */
  readonly command: number
  /** 0, a status number, or the flags of the few requests that use them. */
  readonly status: number
}

/**
 * Writes a header at the start of `target`.
 *
 * @throws InvalidArgumentError when the length or a byte is no such number
 */
export function writeHeader(target: Buffer, header: Header): void {
  check('body length', header.length, Number.MAX_SAFE_INTEGER)
  check('command', header.command, 0xff)
  check('status', header.status, 0xff)
  writeI64(target, 0, header.length)
  target[8] = header.command
  target[9] = header.status
}

function check(name: string, value: unknown, max: number): void {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max) {
    throw new InvalidArgumentError(`the ${name} must be a whole number from 0 to ${max}`)
  }
}

/** A header alone: a request or response without a body. */
export function encodeHeader(header: Header): Buffer {
  const packet = Buffer.allocUnsafe(HEADER_SIZE)
  writeHeader(packet, header)
  return packet
}

/**
 * Reads the header at the start of `packet`.
 *
 * @throws ProtocolError when there are fewer than 10 bytes or the length is negative or beyond 2^53
 */
export function decodeHeader(packet: Buffer): Header {
  if (packet.length < HEADER_SIZE)
    throw new ProtocolError(`a header takes ${HEADER_SIZE} bytes, here are ${packet.length}`)
  return headerAt(packet, 0)
}

function headerAt(bytes: Buffer, offset: number, lengthBits: 32 | 64 = 64): Header {
  const length = lengthBits === 32 ? bytes.readInt32BE(offset + 4) : readI64(bytes, offset, 'body length')
  if (length < 0) throw new ProtocolError(`the body length is negative: ${length}`)
  return { length, command: bytes.readUInt8(offset + 8), status: bytes.readUInt8(offset + 9) }
}

const EMPTY = Buffer.alloc(0)

/** What a {@link FrameReader} tells, in this order for each packet: one header, any number of data, one end. */
export interface FrameHandler {
  /** The header is complete. */
  onHeader(header: Header): void
  /** Bytes of the body: a view of the chunk that was pushed, valid until the call returns. */
  onData(chunk: Buffer): void
  /** The body is complete. */
  onEnd(): void
}

/**
 * Cuts a stream into packets. Push chunks of any size; the handler is told what they hold. It holds back at most one
 * header, and what was pushed while it is paused.
 *
 * @example
 * ```ts
 * const reader = new FrameReader({ onHeader: console.log, onData() {}, onEnd() {} })
 * socket.on('data', (chunk) => reader.push(chunk))
 * ```
 */
export class FrameReader {
  readonly #handler: FrameHandler
  readonly #lengthBits: 32 | 64
  readonly #header = Buffer.allocUnsafeSlow(HEADER_SIZE)
  #headerBytes = 0
  /** Bytes of the body still to come, 0 when its end is still to be told; -1 while a header is awaited. */
  #missing = -1
  #paused = false
  #running = false
  #waiting: Buffer[] = []

  /**
   * Begins before the first header.
   *
   * @param handler - is told of headers, data and ends
   * @param lengthBits - how much of a length is read: trackers read the lower half (protocol.md §1.1)
   */
  constructor(handler: FrameHandler, lengthBits: 32 | 64 = 64) {
    this.#handler = handler
    this.#lengthBits = lengthBits
  }

  /** True between two packets, with no byte of the next one read. */
  get idle(): boolean {
    return this.#missing === -1 && this.#headerBytes === 0 && this.#waiting.length === 0
  }

  /** Bytes of the present body that are still to come; 0 between two packets, and within a header. */
  get missing(): number {
    return Math.max(0, this.#missing)
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param end - where they end in `chunk`
   * @throws ProtocolError when a header is wrong; the stream cannot be read on after that
   */
  push(chunk: Buffer, end = chunk.length): void {
    if (this.#running || this.#paused)
      this.#waiting.push(end === chunk.length ? chunk : chunk.subarray(0, end))
    else this.#run(chunk, end)
  }

  /** Tells nothing more until {@link FrameReader.resume}. May be called from within the handler. */
  pause(): void {
    this.#paused = true
  }

  /** Goes on with what was pushed in the meantime. May be called from within the handler. */
  resume(): void {
    this.#paused = false
    if (!this.#running) this.#run(EMPTY, 0)
  }

  #run(chunk: Buffer, end: number): void {
    this.#running = true
    try {
      this.#read(chunk, end)
      while (!this.#paused && this.#waiting.length > 0) {
        const next = this.#waiting.shift() as Buffer
        this.#read(next, next.length)
      }
    } finally {
      this.#running = false
    }
  }

  #read(chunk: Buffer, end: number): void {
    let offset = 0
    while (!this.#paused) {
      if (this.#missing === 0) this.#end()
      else if (offset === end) return
      else if (this.#missing === -1) offset = this.#readHeader(chunk, offset, end)
      else offset = this.#readBody(chunk, offset, end)
    }
    if (offset < end) this.#waiting.unshift(chunk.subarray(offset, end))
  }

  #readHeader(chunk: Buffer, offset: number, end: number): number {
    // Nearly always it comes in one piece.
    if (this.#headerBytes === 0 && end - offset >= HEADER_SIZE) {
      this.#begin(headerAt(chunk, offset, this.#lengthBits))
      return offset + HEADER_SIZE
    }
    const taken = Math.min(HEADER_SIZE - this.#headerBytes, end - offset)
    chunk.copy(this.#header, this.#headerBytes, offset, offset + taken)
    this.#headerBytes += taken
    if (this.#headerBytes === HEADER_SIZE) {
      this.#headerBytes = 0
      this.#begin(headerAt(this.#header, 0, this.#lengthBits))
    }
    return offset + taken
  }

  #begin(header: Header): void {
    this.#missing = header.length
    this.#handler.onHeader(header)
  }

  #readBody(chunk: Buffer, offset: number, end: number): number {
    const taken = Math.min(this.#missing, end - offset)
    this.#missing -= taken
    this.#handler.onData(taken === chunk.length ? chunk : chunk.subarray(offset, offset + taken))
    return offset + taken
  }

  #end(): void {
    this.#missing = -1
    this.#handler.onEnd()
  }
}
