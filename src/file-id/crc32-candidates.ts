import { crc32, crc32Signed, crc32V511 } from './crc32.js'

/** `buff_size` of a V5 storage: in its sample configuration, and where none is configured. */
const BUFFER_SIZES = [256 * 1024, 64 * 1024]
/** Bytes of an upload request in front of the content: header, store path index, size, extension (§1.1, §3.1). */
const UPLOAD_HEAD_SIZE = 25

/**
 * Every CRC32 that a server of any version would write into the name of an uploaded file (protocol.md §5).
 *
 * Counting them takes some 15 times as long as the standard CRC32 alone: do it for content whose standard CRC32 is not
 * what the name says.
 *
 * @example
 * const candidates = new Crc32Candidates()
 * for await (const chunk of stream) candidates.update(chunk)
 * if (!candidates.has(file.crc32)) throw new Error('not the content that was uploaded')
 */
export class Crc32Candidates {
  #standard = 0
  #signed = 0
  readonly #v511 = BUFFER_SIZES.map((size) => new BufferedCrc32V511(size))

  /** Takes the next bytes of the content. */
  update(bytes: Uint8Array): void {
    this.#standard = crc32(bytes, this.#standard)
    this.#signed = crc32Signed(bytes, this.#signed)
    for (const crc of this.#v511) crc.update(bytes)
  }

  /** Whether some server would write this CRC32 for the content so far. */
  has(value: number): boolean {
    return value === this.#standard || value === this.#signed || this.#v511.some((crc) => crc.value === value)
  }
}

/**
 * {@link crc32V511} of content that does not fit into one buffer of the storage: V5.11 keeps the register in 32 bits
 * from one buffer to the next, and sign-extends it again (its `storage_dio.c`, `dio_write_file`). Where bit 31 is
 * clear, the next buffer gets standard steps.
 */
export class BufferedCrc32V511 {
  /** The CRC32 of the content so far. */
  value = 0
  #step = crc32V511
  #room: number
  readonly #size: number

  /** @param size - the storage's `buff_size` in bytes */
  constructor(size: number) {
    this.#size = size
    this.#room = size - UPLOAD_HEAD_SIZE
  }

  /** Takes the next bytes of the content. */
  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#room)
      this.value = this.#step(part, this.value)
      at += part.length
      this.#room -= part.length
      if (this.#room === 0) {
        this.#room = this.#size
        this.#step = ~this.value < 0 ? crc32V511 : crc32
      }
    }
  }
}
