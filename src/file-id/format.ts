import { InvalidArgumentError } from '../errors.js'
import { EXT_SIZE } from '../protocol/limits.js'
import { encodeBase64 } from './base64.js'
import { FLAG, MAX_INT32, MAX_UINT32, RANDOM_MASK, TAIL_LENGTH } from './layout.js'
import type { TrunkSlot } from './parse.js'
import type { FileIdSource } from './source.js'
import { sourceWord } from './source.js'

// Not where they are used: each call would make them anew.
const GROUP = /^[0-9A-Za-z]{1,16}$/
const EXT = /^[-.\w]{0,6}$/
const DIGITS = /^\d*$/

/** What a file ID is made of. */
export interface FileIdParts {
  /** 1 to 16 letters and digits. */
  readonly group: string
  /** Which of the storage's paths holds the file, 0 to 255. */
  readonly storePathIndex: number
  /** The numbers of the two nested directories, 0 to 255 each. */
  readonly directories: readonly [high: number, low: number]
  /** The storage that the file is uploaded to. An address that ends in .0 will be read as a storage ID. */
  readonly source: FileIdSource
  /** From 1970 to 2106; what is less than a second is cut off. */
  readonly createdAt: Date
  /** Bytes; of a file in a trunk file less than 4 GiB. An appender file's is not written. */
  readonly size: number
  /** 0 to 0xffffffff: of the content, by which an appender file begins. */
  readonly crc32: number
  /** Makes the ID of an appender file. */
  readonly appender?: boolean | undefined
  /** Makes the ID of a file that stands in a trunk file; not of an appender file. */
  readonly trunk?: TrunkSlot | undefined
  /** 23 random bits, 0 to 0x7fffff, that tell files of one second apart. Not written for sizes from 4 GiB on. */
  readonly randomBits: number
  /** Random decimal digits: 7 without an extension, else 6 less the extension's length. */
  readonly digits: string
  /** The extension without a dot in front, 0 to 6 characters of `0-9 A-Z a-z - _ .`. */
  readonly ext: string
}

/**
 * Makes a file ID as a storage does for an upload (protocol.md §5). It chooses nothing by itself: the same parts make
 * the same ID.
 *
 * @throws {InvalidArgumentError} for a part out of its range
 * @example
 * formatFileId({
 *   group: 'group1', storePathIndex: 0, directories: [0, 0], source: { kind: 'ip', ip: '10.77.0.12' },
 *   createdAt: new Date('2026-11-22T04:23:19Z'), size: 13, crc32: 0xc4581f24,
 *   randomBits: 0x7a41c0, digits: '082', ext: 'txt',
 * }) // 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
 */
export function formatFileId(parts: FileIdParts): string {
  const { group, storePathIndex, directories, source, trunk, digits, ext } = parts
  match('group', group, GROUP)
  match('ext', ext, EXT)
  const digitCount = ext === '' ? TAIL_LENGTH : EXT_SIZE - ext.length
  if (digits.length !== digitCount || !DIGITS.test(digits)) {
    throw new InvalidArgumentError(
      `digits of a file ID must be ${digitCount} here, not ${JSON.stringify(digits)}`,
    )
  }
  const [high, low] = directories
  const path = `M${hexByte('storePathIndex', storePathIndex)}`
  const folders = `${hexByte('directories[0]', high)}/${hexByte('directories[1]', low)}`
  const encoded = encodeWords(
    sourceWord(source),
    integer('createdAt in seconds', Math.floor(parts.createdAt.getTime() / 1000), MAX_UINT32),
    ...sizeWords(parts),
    integer('crc32', parts.crc32, MAX_UINT32),
  )
  const slot = trunk === undefined ? '' : encodeSlot(trunk)
  return `${group}/${path}/${folders}/${encoded}${slot}${digits}${ext === '' ? '' : `.${ext}`}`
}

/** The two halves of the size word. */
function sizeWords({ size, appender = false, trunk, randomBits }: FileIdParts): [high: number, low: number] {
  if (appender && trunk !== undefined)
    throw new InvalidArgumentError('an appender file cannot stand in a trunk file')
  integer('size', size, trunk === undefined ? Number.MAX_SAFE_INTEGER : MAX_UINT32)
  const short = FLAG.SHORT | integer('randomBits', randomBits, RANDOM_MASK)
  if (appender) return [short | FLAG.APPENDER, 0]
  if (trunk !== undefined) return [short | FLAG.TRUNK, size]
  return size > MAX_UINT32 ? [Math.floor(size / 2 ** 32), size % 2 ** 32] : [short, size]
}

function encodeSlot({ id, offset, size }: TrunkSlot): string {
  return encodeWords(
    integer('trunk.id', id, MAX_INT32),
    integer('trunk.offset', offset, MAX_INT32),
    integer('trunk.size', size, MAX_INT32),
  )
}

function encodeWords(...words: number[]): string {
  const bytes = Buffer.allocUnsafe(words.length * 4)
  words.forEach((word, index) => bytes.writeUInt32BE(word >>> 0, index * 4))
  return encodeBase64(bytes)
}

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).toUpperCase().padStart(2, '0'))

const hexByte = (name: string, value: number): string => HEX[integer(name, value, 0xff)]!

function match(name: string, value: string, pattern: RegExp): void {
  if (!pattern.test(value)) {
    throw new InvalidArgumentError(
      `${name} of a file ID must match ${String(pattern)}, not be ${JSON.stringify(value)}`,
    )
  }
}

function integer(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  throw new InvalidArgumentError(`${name} of a file ID must be an integer from 0 to ${max}, not ${value}`)
}
