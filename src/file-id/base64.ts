/**
 * Base64 as in file names (protocol.md §5): the URL-safe alphabet, `-` for 62 and `_` for 63. Its pad character,
 * `.`, is never written.
 */
import { InvalidArgumentError } from '../errors.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const VALUES = new Uint8Array(128)
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
 * The value of a base64 character, 0 to 63.
 *
 * @param text - at `index` it has a character of the alphabet
 */
export function base64Value(text: string, index: number): number {
  return VALUES[text.charCodeAt(index)]!
}

/**
 * One of the big-endian 32-bit numbers that base64 text holds, without decoding it into bytes first.
 *
 * @param text - from `start` on it has characters of the alphabet only
 * @param start - where the base64 begins
 * @param index - which number: 0 is the first
 * @returns 0 to 0xffffffff
 */
export function base64Word(text: string, start: number, index: number): number {
  const first = start + (((index * 16) / 3) | 0)
  // The number begins this many bits, 0, 2 or 4, into its first character, and ends in the fifth after that.
  const skip = (index % 3) * 2
  return (
    ((base64Value(text, first) << (26 + skip)) |
      (base64Value(text, first + 1) << (20 + skip)) |
      (base64Value(text, first + 2) << (14 + skip)) |
      (base64Value(text, first + 3) << (8 + skip)) |
      (base64Value(text, first + 4) << (2 + skip)) |
      (base64Value(text, first + 5) >> (4 - skip))) >>>
    0
  )
}

/** As many of the numbers of {@link base64Word} as `words` has room for: V8 makes one loop of that. */
export function base64Words(text: string, start: number, words: Uint32Array): void {
  for (let index = 0; index < words.length; index++) words[index] = base64Word(text, start, index)
}
