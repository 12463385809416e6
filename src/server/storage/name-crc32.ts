import { crc32 } from '../../file-id/index.js'
import { BufferedCrc32V511 } from '../../file-id/crc32-candidates.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Dialect } from '../../protocol/index.js'

/** Counts the CRC32 that goes into a new file's name. */
export interface NameCrc32 {
  readonly value: number
  update(bytes: Uint8Array): void
}

class StandardCrc32 implements NameCrc32 {
  value = 0

  update(bytes: Uint8Array): void {
    this.value = crc32(bytes, this.value)
  }
}

/** As versions of a dialect count it: those before V5.12 do so wrongly, buffer by buffer (protocol.md §5). */
export function nameCrc32Of(dialect: Dialect, bufferSize: number): () => NameCrc32 {
  if (isAtLeast(dialect, '5.12')) return () => new StandardCrc32()
  return () => new BufferedCrc32V511(bufferSize)
}
