import { IntegrityError } from '../errors.js'
import { crc32, Crc32Candidates } from '../file-id/index.js'
import type { ContentFlow, ContentSink } from '../net/content.js'

/** Size and CRC32 of content, counted while it passes. */
export class ContentSum {
  /** Bytes so far. */
  size: number
  /** The standard CRC32 so far. */
  crc32: number
  readonly #candidates: Crc32Candidates | undefined

  /**
   * @param withOld - count what servers before V5.12 would write into a name too; it takes some 15 times as long
   * @param size - of content that was counted before
   * @param crc32 - of that content
   */
  constructor(withOld: boolean, size = 0, crc32 = 0) {
    this.size = size
    this.crc32 = crc32
    this.#candidates = withOld ? new Crc32Candidates() : undefined
  }

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    this.size += bytes.length
    this.crc32 = crc32(bytes, this.crc32)
    this.#candidates?.update(bytes)
  }

  /** Whether a CRC32 is one of those that were counted beside the standard one. */
  hasOld(value: number): boolean {
    return this.#candidates?.has(value) ?? false
  }

  /** As it stands in messages. */
  toString(): string {
    return `${this.size} bytes with CRC32 ${hex(this.crc32)}`
  }
}

/** A CRC32 as it stands in messages. */
export function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

/** Counts what it passes on. Content of another size than expected is refused before its first byte. */
export class CountingSink implements ContentSink {
  /** Of the content so far. */
  sum: ContentSum
  readonly #target: ContentSink
  readonly #size: number | undefined
  readonly #withOld: boolean

  /** @param size - what the content must have, if that is known */
  constructor(target: ContentSink, size: number | undefined, withOld: boolean) {
    this.#target = target
    this.#size = size
    this.#withOld = withOld
    this.sum = new ContentSum(withOld)
  }

  /** See {@link ContentSink}. */
  start(size: number, flow: ContentFlow): void {
    if (this.#size !== undefined && size !== this.#size) {
      const text = `the storage has ${size} bytes of the file, its name says ${this.#size}`
      // Another one may have all of it.
      throw new IntegrityError(text, { retriable: true })
    }
    if (this.sum.size > 0) this.sum = new ContentSum(this.#withOld)
    this.#target.start(size, flow)
  }

  /** See {@link ContentSink}. */
  space(missing: number): Uint8Array | undefined {
    return this.#target.space?.(missing)
  }

  /** See {@link ContentSink}. */
  write(chunk: Buffer): boolean {
    this.sum.update(chunk)
    return this.#target.write(chunk)
  }
}

/** A sink for content that is only counted. */
export const NOWHERE: ContentSink = { start: () => {}, write: () => true }
