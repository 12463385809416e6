/**
 * glibc gives back what is free at the top of its heap from 128 KiB on, and takes it again page by page: after every
 * garbage collection each download of 100 KiB would cost 22 page faults, a third of its CPU. A large block that is freed
 * raises that limit, this one to its maximum of 64 MiB (mallopt(3), M_MMAP_THRESHOLD). Nothing is written to it, so it
 * takes no memory.
 */
Buffer.allocUnsafeSlow(32 * 1024 * 1024 - 64 * 1024)

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
