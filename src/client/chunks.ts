import { isFastDfsError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Pieces } from './pieces.js'
import { checkPiece, sourceFailed } from './pieces.js'

/** A part of content that comes bit by bit. */
export interface Chunk {
  /** Of the size that was asked for, but in the last one. Holds until the chunk after the next is read. */
  readonly bytes: Uint8Array
  /** Nothing comes behind it. */
  readonly isLast: boolean
}

/** The first block; it grows as long as the first chunk does. */
const FIRST_BLOCK = 64 * 1024

/** Cuts pieces of any size into chunks of one size: in two buffers, one of which may be sent while the other fills. */
export class Chunks {
  readonly #iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>
  readonly #size: number
  readonly #call: Call
  #buffers: readonly [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  /** What is left of the last piece. */
  #rest: Uint8Array = new Uint8Array(0)
  #given = 0
  #turn: 0 | 1 = 0

  /**
   * @param size - bytes of a chunk
   * @param call - ends it wherever it is
   */
  constructor(pieces: Pieces, size: number, call: Call) {
    this.#iterator =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
    this.#size = size
    this.#call = call
  }

  /**
   * The next chunk. One is the last only when it is certain that no more comes.
   *
   * @throws {@link LocalIoError} when the pieces fail
   * @throws {@link InvalidArgumentError} when what comes is no piece
   */
  next(): Promise<Chunk> {
    return this.#call.wait(this.#fill())
  }

  /** Lets the pieces go, without waiting: they may be stuck. */
  close(): void {
    void (async () => this.#iterator.return?.())().catch(() => {})
  }

  async #fill(): Promise<Chunk> {
    let buffer = this.#buffers[this.#turn]
    let filled = 0
    for (;;) {
      if (this.#rest.length === 0) {
        const piece = await this.#read()
        if (piece === undefined) return { bytes: buffer.subarray(0, filled), isLast: true }
        this.#rest = piece
        continue
      }
      if (filled === this.#size) break
      if (filled === buffer.length) buffer = grown(buffer, this.#size)
      const part = this.#rest.subarray(0, buffer.length - filled)
      buffer.set(part, filled)
      filled += part.length
      this.#rest = this.#rest.subarray(part.length)
    }
    this.#buffers = this.#turn === 0 ? [buffer, this.#buffers[1]] : [this.#buffers[0], buffer]
    this.#turn = this.#turn === 0 ? 1 : 0
    return { bytes: buffer, isLast: false }
  }

  /** The next piece; undefined at the end. */
  async #read(): Promise<Uint8Array | undefined> {
    // Pieces that are there at once let no timer and no signal in between.
    this.#call.check()
    try {
      const next = await this.#iterator.next()
      if (next.done === true) return undefined
      this.#given += checkPiece(next.value).length
      return next.value
    } catch (cause) {
      throw isFastDfsError(cause) ? cause : sourceFailed(String(this.#given), cause)
    }
  }
}

/** A larger buffer with the same bytes in front. */
function grown(buffer: Buffer, most: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(most, Math.max(FIRST_BLOCK, 2 * buffer.length)))
  buffer.copy(larger)
  return larger
}
