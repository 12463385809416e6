import type { Header } from '../protocol/index.js'
import { decodeHeader, limits } from '../protocol/index.js'

const { HEADER_SIZE } = limits
const NOTHING: Buffer = Buffer.alloc(0)

/** Bytes of one packet: its header (as the first ten bytes), and then its body in pieces. Or bytes of none. */
export interface Piece {
  /** Set where the packet begins. */
  readonly header: Header | undefined
  /** The bytes, the header's among them. */
  readonly bytes: Buffer
  /** Those of the body. */
  readonly body: Buffer
  /** Whether the packet ends here. */
  readonly last: boolean
}

/**
 * Cuts a stream where packets begin, and loses no byte of it. An incomplete header is held back. Behind a header that is
 * none there are no packets any more.
 */
export class Packets {
  #held = NOTHING
  #missing = 0
  #broken = false

  /** The pieces that a chunk completes. */
  cut(chunk: Buffer): Piece[] {
    if (this.#broken) return [{ header: undefined, bytes: chunk, body: NOTHING, last: false }]
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = NOTHING
    const pieces: Piece[] = []
    for (let at = 0; at < bytes.length;) {
      const start = at
      let header: Header | undefined
      if (this.#missing === 0) {
        if (bytes.length - at < HEADER_SIZE) {
          this.#held = bytes.subarray(at)
          break
        }
        header = headerAt(bytes.subarray(at))
        if (header === undefined) {
          this.#broken = true
          pieces.push({ header, bytes: bytes.subarray(at), body: NOTHING, last: false })
          break
        }
        at += HEADER_SIZE
        this.#missing = header.length
      }
      const end = Math.min(at + this.#missing, bytes.length)
      const body = bytes.subarray(at, end)
      at = end
      this.#missing -= body.length
      const all = start === 0 && at === bytes.length
      pieces.push({ header, bytes: all ? bytes : bytes.subarray(start, at), body, last: this.#missing === 0 })
    }
    return pieces
  }
}

function headerAt(bytes: Buffer): Header | undefined {
  try {
    return decodeHeader(bytes)
  } catch {
    return undefined
  }
}
