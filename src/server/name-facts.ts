/** What servers read from a file's name (protocol.md §5). */
import { MAX_STORAGE_ID } from '../protocol/limits.js'

/** See {@link readName}. */
export interface NameFacts {
  /** The source's ID, where the name holds one, else its IPv4 address. */
  readonly source: string
  /** Whether `source` is an ID. */
  readonly sourceIsId: boolean
  /** When the upload ended, in Unix seconds. */
  readonly createdAt: number
  /** Of the content that was uploaded; a slave's name holds its master's. */
  readonly crc32: number
  /** Whether the file never changes and the name is its own: it is no appender and no slave. */
  readonly normal: boolean
  /** Whether the name is made of another one's. */
  readonly slave: boolean
  /** Whether it is too short to say anything: from before V1.12, as trackers before V6.13 have it. */
  readonly isOld: boolean
  /** Whether it is an appender file, or the slave of one: servers change both (§3.2). */
  readonly appender: boolean
}

/** Where the encoded part of a name begins and ends, behind `Mxx/HH/HH/`. */
const ENCODED_START = 10
/** See {@link ENCODED_START}. */
export const ENCODED_END = 37
const ENCODED_SIZE = 20
/** Longer names are slaves', but for files in trunk files, whose names are longer by 16. */
const NORMAL_NAME = 44
const OLD_NAME = 39
const TRUNK_NAME = 60
const APPENDER_FLAG = 0x04000000
const TRUNK_FLAG = 0x08000000

/**
 * Reads a name as the C daemons do: whatever its characters are, those that are not base64 skipped, and what is missing
 * taken for zero. `parseFileId` refuses names that a tracker answers for.
 *
 * @param size - bytes that the name came in, what follows a NUL included: trackers tell slaves by these
 */
export function readName(name: string, size = name.length): NameFacts {
  const bytes = Buffer.alloc(ENCODED_SIZE)
  bytes.write(name.slice(ENCODED_START, ENCODED_END).replace(/[^\w-]/g, ''), 'base64url')
  const id = bytes.readInt32LE(0)
  const sourceIsId = id > 0 && id <= MAX_STORAGE_ID
  const sizeFlags = bytes.readUInt32BE(8)
  const inTrunk = (sizeFlags & TRUNK_FLAG) !== 0
  const appender = (sizeFlags & APPENDER_FLAG) !== 0
  const slave = size > TRUNK_NAME || (size > NORMAL_NAME && !inTrunk)
  return {
    source: sourceIsId ? String(id) : `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`,
    sourceIsId,
    createdAt: bytes.readInt32BE(4),
    crc32: bytes.readUInt32BE(16),
    normal: !slave && !appender,
    slave,
    isOld: size < OLD_NAME,
    appender,
  }
}
