/** Whether a chunk was read to where it belongs. */
export function isIn(chunk: Buffer, target: Uint8Array, offset: number): boolean {
  return chunk.buffer === target.buffer && chunk.byteOffset === target.byteOffset + offset
}

const SIZE = 256 * 1024
/** Less than this is not worth a read. */
const LEAST = 16 * 1024

/** Room for content that whoever gets it may keep. */
export class KeptSpace {
  #bytes: Buffer = Buffer.alloc(0)
  #used = 0

  /** Room for the next of `missing` bytes. */
  next(missing: number): Buffer {
    if (this.#bytes.length - this.#used < LEAST) {
      this.#bytes = Buffer.allocUnsafeSlow(Math.min(SIZE, missing))
      this.#used = 0
    }
    return this.#bytes.subarray(this.#used)
  }

  /** A chunk that may be kept: itself where it was read into this room, else a copy. */
  keep(chunk: Buffer): Buffer {
    if (!isIn(chunk, this.#bytes, this.#used)) return Buffer.from(chunk)
    this.#used += chunk.length
    return chunk
  }
}
