import { base64Value, base64Words } from './base64.js'
import {
  ENCODED_LENGTH,
  FLAG,
  MAX_INT32,
  OLD_PATH_LENGTH,
  PATH_LENGTH,
  PLAIN_LENGTH,
  TAIL_LENGTH,
  TRUNK_LENGTH,
  WORD,
} from './layout.js'
import type { FileIdSource } from './source.js'
import { sourceOf } from './source.js'
import { fileIdIn, invalidFileId, isPlaced } from './split.js'

/** What a file was made as: by an upload, as an appender file, or as the slave of another file. */
export type FileKind = 'normal' | 'appender' | 'slave'

/** Where a small file stands in a trunk file, the container of many (protocol.md §7). */
export interface TrunkSlot {
  /** The trunk file's number. */
  readonly id: number
  /** Bytes from the trunk file's start. */
  readonly offset: number
  /** Bytes allocated: those of the file, 24 for a header, and padding. */
  readonly size: number
}

/** What a file ID says of its file. */
export interface FileId {
  /** The ID itself, `group1/M00/00/00/…`. */
  readonly id: string
  /** The group, 1 to 16 letters and digits. */
  readonly group: string
  /** The logic filename: the ID without the group. */
  readonly name: string
  /** Which of the storage's paths holds the file, 0 to 255. */
  readonly storePathIndex: number
  /** The storage that the file was uploaded to. */
  readonly source: FileIdSource
  /** When its upload ended, in whole seconds; of a slave, when its master's did. */
  readonly createdAt: Date
  /** In bytes. Undefined for an appender file, whose size changes, and for a slave, whose name holds its master's. */
  readonly size: number | undefined
  /**
   * 0 to 0xffffffff. Of a normal file: the CRC32 of its content, the standard one from V5.12 on. Of an appender file:
   * that of its first upload. Of a slave: its master's. Of a link that a storage made of a duplicate: random.
   */
  readonly crc32: number
  /** What the file was made as. */
  readonly kind: FileKind
  /** Whether the file can be appended to, modified and truncated: an appender file, or the slave of one. */
  readonly appender: boolean
  /** Where the file stands in a trunk file; undefined for a file of its own, such as every slave. */
  readonly trunk: TrunkSlot | undefined
  /** Random digits; of a slave, its master's and the prefix. They stand in front of the extension's dot. */
  readonly suffix: string
  /** The extension without its dot, 0 to 6 characters. */
  readonly ext: string
}

/** Of the ID that is being parsed; one for all, so that none is left behind. */
const words = new Uint32Array(5)
/** The same of its trunk slot: number, offset and size. */
const slotWords = new Uint32Array(3)

/**
 * Reads all that a file ID says, and checks it against what servers make (protocol.md §5).
 *
 * @param text - a file ID, also with a leading slash, or the http(s) URL of one
 * @returns an object of its own; its `source` and `trunk` are frozen, and others may have the same `source`
 * @throws {InvalidFileIdError} that says what is wrong
 * @example
 * const file = parseFileId('group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt')
 * file.source // { kind: 'ip', ip: '10.77.0.12' }
 * file.size // 13
 */
export function parseFileId(text: string): FileId {
  // The name of what stands there alone, as nearly always, is checked as it is read.
  const id = isPlaced(text) ? text : fileIdIn(text)
  const slash = id.indexOf('/')
  // All is read from `id`: V8 takes longer to reach the characters of a slice.
  const path = slash + 1
  const hasStorePath = id[path] === 'M'
  const start = path + (hasStorePath ? PATH_LENGTH : OLD_PATH_LENGTH)
  const length = id.length - start
  if (length < PLAIN_LENGTH) throw tooShort(text, id.length - path, start - path + PLAIN_LENGTH)

  checkEncoded(text, base64Words(id, start, words), ENCODED_LENGTH)
  // 20 bytes fill 26 characters and 4 bits.
  if ((base64Value(id, start + ENCODED_LENGTH - 1) & 3) !== 0) {
    throw refusal(text, `its base64 character ${ENCODED_LENGTH} is not one that ends 20 bytes`)
  }
  const high = words[WORD.SIZE_HIGH]!
  const appender = (high & FLAG.APPENDER) !== 0
  const inTrunk = (high & FLAG.TRUNK) !== 0
  const masterLength = inTrunk ? TRUNK_LENGTH : PLAIN_LENGTH
  if (length < masterLength) throw tooShort(text, id.length - path, start - path + masterLength)
  if (appender && inTrunk) throw refusal(text, 'it is marked as an appender and as in a trunk file')
  if (inTrunk) {
    const isBase64 = base64Words(id, start + ENCODED_LENGTH, slotWords)
    checkEncoded(text, isBase64, masterLength - TAIL_LENGTH)
  }

  const kind = length > masterLength ? 'slave' : appender ? 'appender' : 'normal'
  const dot = id.indexOf('.', id.length - TAIL_LENGTH)
  const suffixEnd = dot < 0 ? id.length : dot
  if (kind === 'slave') fileIdIn(text)
  else checkTail(text, id, suffixEnd)
  return {
    id,
    group: id.slice(0, slash),
    name: id.slice(path),
    storePathIndex: hasStorePath ? hexDigit(id, path + 1) * 16 + hexDigit(id, path + 2) : 0,
    source: sourceOf(words[WORD.SOURCE]!),
    createdAt: new Date(words[WORD.CREATED_AT]! * 1000),
    size: kind === 'normal' ? sizeOf(text, high, words[WORD.SIZE_LOW]!) : undefined,
    crc32: words[WORD.CRC32]!,
    kind,
    appender,
    trunk: kind === 'normal' && inTrunk ? slotOf(text) : undefined,
    suffix: id.slice(start + masterLength - TAIL_LENGTH, suffixEnd),
    ext: id.slice(suffixEnd + 1),
  }
}

/** An error that says why, unless the text is none by its characters or length: that comes first. */
function refusal(text: string, reason: string): Error {
  fileIdIn(text)
  return invalidFileId(text, reason)
}

function tooShort(text: string, length: number, least: number): Error {
  return refusal(text, `it has ${length} characters behind its group, not ${least} or more`)
}

/** Of the characters that a name may have, one is not base64: the dot. */
function checkEncoded(text: string, isBase64: boolean, length: number): void {
  if (!isBase64) throw refusal(text, `a dot is among the ${length} base64 characters of its name`)
}

/** The name of all but a slave ends in digits, or in digits, a dot and an extension. */
function checkTail(text: string, id: string, suffixEnd: number): void {
  let at = id.length - TAIL_LENGTH
  while (at < suffixEnd && isDigit(id.charCodeAt(at))) at++
  if (at < suffixEnd || suffixEnd === id.length - 1) {
    const tail = JSON.stringify(id.slice(-TAIL_LENGTH))
    throw refusal(text, `it ends in ${tail}, not in ${TAIL_LENGTH} digits or in digits and an extension`)
  }
  let values = 0
  for (at++; at < id.length; at++) values |= base64Value(id, at)
  // What else may stand there is a dot.
  if (values < 0) fileIdIn(text)
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

/** The value of an upper-case hex digit. */
function hexDigit(text: string, index: number): number {
  const code = text.charCodeAt(index)
  return isDigit(code) ? code - 48 : code - 55
}

/** The size of a normal file, without flags and random bits. */
function sizeOf(text: string, high: number, low: number): number {
  if ((high & (FLAG.SHORT | FLAG.TRUNK)) !== 0) return low
  const size = high * 2 ** 32 + low
  if (!Number.isSafeInteger(size)) throw invalidFileId(text, `the size in it is ${size} bytes`)
  return size
}

function slotOf(text: string): TrunkSlot {
  const id = slotWords[0]!
  const offset = slotWords[1]!
  const size = slotWords[2]!
  if (Math.max(id, offset, size) > MAX_INT32) {
    throw invalidFileId(text, 'a number of its trunk slot is negative')
  }
  return Object.freeze({ id, offset, size })
}
