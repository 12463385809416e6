/**
 * Base64 as in file names (protocol.md §5): the URL-safe alphabet, `-` for 62 and `_` for 63. Its pad character,
 * `.`, is never written.
 */
import { InvalidArgumentError } from '../errors.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const NONE = 255

const VALUES = new Uint8Array(128).fill(NONE)
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value

/**
 * Whether a UTF-16 code unit is a character of the base64 alphabet, which is also what the prefix and the extension
 * of a file name are made of, together with the dot.
 *
 * @param code - from `charCodeAt`
 */
export function isBase64Code(code: number): boolean {
  return (VALUES[code] ?? NONE) !== NONE
}

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
 * Decodes text without padding (protocol.md §5). Unlike the C decoder, which skips what it does not know, it takes
 * only what {@link encodeBase64} writes.
 *
 * @throws {InvalidArgumentError} for a character outside the alphabet, an impossible length, or bits set behind the
 *   last byte
 * @example decodeBase64('AAAB') // <Buffer 00 00 01>
 */
export function decodeBase64(text: string): Buffer {
  const bytes = Buffer.alloc(Math.floor((text.length * 6) / 8))
  const reason = decodeBase64Into(bytes, text, 0, text.length)
  if (reason !== undefined) throw new InvalidArgumentError(`Not base64: ${reason}: ${JSON.stringify(text)}`)
  return bytes
}

/**
 * Decodes a part of a text into bytes that the caller owns, without allocating.
 *
 * @param target - at least `length * 6 / 8` bytes
 * @param start - where in `text` the part begins
 * @param length - its characters
 * @returns what is wrong with the text, or undefined
 */
export function decodeBase64Into(
  target: Uint8Array,
  text: string,
  start: number,
  length: number,
): string | undefined {
  let pending = 0
  let bits = 0
  let written = 0
  for (let at = start; at < start + length; at++) {
    const value = VALUES[text.charCodeAt(at)] ?? NONE
    if (value === NONE) return `${JSON.stringify(text[at])} is not a base64 character`
    pending = (pending << 6) | value
    bits += 6
    if (bits >= 8) {
      bits -= 8
      target[written++] = pending >> bits
      pending &= (1 << bits) - 1
    }
  }
  if (bits >= 6) return `${length} characters are no whole number of bytes`
  return pending === 0 ? undefined : 'the last base64 character has bits set behind the last byte'
}
