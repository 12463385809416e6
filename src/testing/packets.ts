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
  /** Where those of the body begin. */
  readonly bodyAt: number
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
    if (this.#broken) return [noPacket(chunk)]
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
        header = headerAt(from(bytes, at))
        if (header === undefined) {
          this.#broken = true
          pieces.push(noPacket(from(bytes, at)))
          break
        }
        at += HEADER_SIZE
        this.#missing = header.length
      }
      const bodyAt = at - start
      const end = Math.min(at + this.#missing, bytes.length)
      this.#missing -= end - at
      at = end
      const all = start === 0 && at === bytes.length
      const piece = all ? bytes : bytes.subarray(start, at)
      pieces.push({ header, bytes: piece, bodyAt, last: this.#missing === 0 })
    }
    return pieces
  }
}

const noPacket = (bytes: Buffer): Piece => ({ header: undefined, bytes, bodyAt: bytes.length, last: false })

/** A view is no small part of what a request costs. */
const from = (bytes: Buffer, start: number): Buffer => (start === 0 ? bytes : bytes.subarray(start))

function headerAt(bytes: Buffer): Header | undefined {
  try {
    return decodeHeader(bytes)
  } catch {
    return undefined
  }
}
