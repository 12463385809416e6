/** What a fault does to bytes on their way, in one direction. */
import { turn } from '../server/clock.js'

/** How bytes are delivered. */
export interface Shape {
  /** Milliseconds before the first byte. */
  readonly delay?: number | undefined
  /** Bytes in a piece. */
  readonly chunk?: number | undefined
  /** Bytes in a second, at most. */
  readonly bytesPerSecond?: number | undefined
  /** Bytes that pass; those behind them do not. */
  readonly limit: number
}

/** Lets the bytes of one packet pass as its shape says. */
export class Shaper {
  readonly #shape: Shape
  readonly #wait: (delay: number) => Promise<void>
  readonly #apart: boolean
  #passed = 0

  /**
   * @param wait - resolves after that many milliseconds, or earlier when the connection has ended
   * @param apart - whether each piece needs a turn of the event loop of its own, lest the system join them
   */
  constructor(shape: Shape, wait: (delay: number) => Promise<void>, apart: boolean) {
    this.#shape = shape
    this.#wait = wait
    this.#apart = apart
  }

  /** Whether no further byte passes. */
  get exhausted(): boolean {
    return this.#passed >= this.#shape.limit
  }

  /** Hands on what passes of `bytes`; resolves when that is done. */
  async pass(bytes: Buffer, handOn: (piece: Buffer) => Promise<void> | void): Promise<void> {
    const { delay, chunk, bytesPerSecond, limit } = this.#shape
    if (this.#passed === 0 && delay !== undefined) await this.#wait(delay)
    const allowed = bytes.subarray(0, Math.max(0, limit - this.#passed))
    this.#passed += allowed.length
    if (allowed.length === 0) return
    if (bytesPerSecond !== undefined) return this.#slowly(allowed, bytesPerSecond, handOn)
    const size = chunk ?? allowed.length
    for (let at = 0; at < allowed.length; at += size) {
      if (chunk !== undefined && this.#apart) await turn()
      await handOn(allowed.subarray(at, at + size))
    }
  }

  /** A hundredth of a second's bytes at a time, one at least. */
  async #slowly(bytes: Buffer, rate: number, handOn: (piece: Buffer) => Promise<void> | void): Promise<void> {
    const size = Math.min(this.#shape.chunk ?? Infinity, Math.max(1, Math.floor(rate / 100)))
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size)
      await this.#wait((piece.length * 1000) / rate)
      await handOn(piece)
    }
  }
}
