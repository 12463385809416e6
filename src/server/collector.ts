const EMPTY: Buffer = Buffer.alloc(0)

/** Gathers a known number of bytes from chunks. What one chunk holds as a whole is a view of it, not a copy. */
export class Collector {
  #size = 0
  #filled = 0
  #bytes = EMPTY
  /** Whether `#bytes` is a buffer of our own, to fill, and no view of a chunk. */
  #own = false

  /** The bytes gathered so far; all of them once {@link Collector.complete}. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** Whether nothing is missing. */
  get complete(): boolean {
    return this.#filled === this.#size
  }

  /** Begins anew with nothing. */
  start(size: number): void {
    this.#size = size
    this.#filled = 0
    this.#bytes = EMPTY
    this.#own = false
  }

  /** Keeps what is there and asks for more, up to `size` in all. */
  extend(size: number): void {
    const bytes = Buffer.allocUnsafe(size)
    this.#bytes.copy(bytes, 0, 0, this.#filled)
    this.#bytes = bytes
    this.#own = true
    this.#size = size
  }

  /** Takes what is missing from a chunk; returns how many bytes that was. */
  take(chunk: Buffer): number {
    const taken = Math.min(this.#size - this.#filled, chunk.length)
    if (!this.#own && taken === this.#size) this.#bytes = chunk.subarray(0, taken)
    else {
      if (!this.#own) this.extend(this.#size)
      chunk.copy(this.#bytes, this.#filled, 0, taken)
    }
    this.#filled += taken
    return taken
  }
}
