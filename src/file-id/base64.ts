/**
 * Base64 as in file names (protocol.md §5): the URL-safe alphabet, `-` for 62 and `_` for 63. Its pad character,
 * `.`, is never written.
 */
import { InvalidArgumentError } from '../errors.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** By ASCII code; −1 where it is none of the alphabet's. */
const VALUES = new Int8Array(128).fill(-1)
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value

/**
 * Encodes bytes without padding (protocol.md §5).
 *
 * @param bytes - 20 bytes give 27 characters, 12 bytes give 16
 * @example encodeBase64(Uint8Array.of(0, 0, 1)) // 'AAAB'
 */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/**
 * Decodes text without padding (protocol.md §5). The C decoder skips what it does not know; this one takes only what
 * {@link encodeBase64} writes.
 *
 * @param text - 27 characters give 20 bytes, 16 characters give 12
 * @throws {InvalidArgumentError} for anything else than {@link encodeBase64} writes
 * @example decodeBase64('AAAB') // <Buffer 00 00 01>
 */
export function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) {
    throw new InvalidArgumentError(`${JSON.stringify(text)} is not base64 as in file names`)
  }
  return bytes
}

/**
 * The value of a base64 character, 0 to 63; −1 for any other character.
 *
 * @param index - of a character of `text`
 */
export function base64Value(text: string, index: number): number {
  return VALUES[text.charCodeAt(index)] ?? -1
}

/**
 * One of the big-endian 32-bit numbers that base64 text holds, without decoding it into bytes first.
 *
 * @param start - where the base64 begins
 * @param index - which number: 0 is the first
 * @returns 0 to 0xffffffff; −1 where a character is not base64
 */
export function base64Word(text: string, start: number, index: number): number {
  const first = start + (((index * 16) / 3) | 0)
  // The number begins this many bits, 0, 2 or 4, into its first character, and ends in the fifth after that.
  const skip = (index % 3) * 2
  const a = base64Value(text, first)
  const b = base64Value(text, first + 1)
  const c = base64Value(text, first + 2)
  const d = base64Value(text, first + 3)
  const e = base64Value(text, first + 4)
  const f = base64Value(text, first + 5)
  if ((a | b | c | d | e | f) < 0) return -1
  return (
    ((a << (26 + skip)) |
      (b << (20 + skip)) |
      (c << (14 + skip)) |
      (d << (8 + skip)) |
      (e << (2 + skip)) |
      (f >> (4 - skip))) >>>
    0
  )
}

/**
 * As many of the numbers of {@link base64Word} as `words` has room for: V8 makes one loop of that.
 *
 * @returns false where a character is not base64
 */
export function base64Words(text: string, start: number, words: Uint32Array): boolean {
  for (let index = 0; index < words.length; index++) {
    const word = base64Word(text, start, index)
    if (word < 0) return false
    words[index] = word
  }
  return true
}
