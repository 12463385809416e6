/**
 * CRC32 of content: the standard one, and the two that servers before V5.12 wrote into file names by mistake
 * (protocol.md §5, "V5 CRC note").
 *
 * Each takes and gives unsigned 32-bit numbers, and goes on from an earlier result given as `seed`.
 */
import zlib from 'node:zlib'

const POLYNOMIAL = 0xedb88320 // bit-reversed

const TABLE = Int32Array.from({ length: 256 }, (_, crc) => {
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
})

/** What {@link crc32} is on Node before 20.15, which has no `zlib.crc32`. */
export function crc32ByTable(bytes: Uint8Array, seed = 0): number {
  let register = ~seed
  for (let at = 0; at < bytes.length; at++) {
    register = (register >>> 8) ^ TABLE[(register ^ bytes[at]!) & 0xff]!
  }
  return ~register >>> 0
}

/**
 * The standard CRC32, as V5.12 and newer servers write it.
 *
 * @param bytes - the content, or its next part
 * @param seed - the CRC32 of what came before; 0 at the start
 * @returns 0 to 0xffffffff
 * @example crc32(Buffer.from('hello')) // 0x3610a686
 */
export const crc32: (bytes: Uint8Array, seed?: number) => number = 'crc32' in zlib ? zlib.crc32 : crc32ByTable

/**
 * The CRC32 that V5.11 and older write with libfastcommon 1.0.38 or newer: in a signed 64-bit register that starts
 * at −1. It holds for content that the storage took in one buffer, see {@link Crc32Candidates} for more.
 *
 * @param bytes - the content, or its next part
 * @param seed - the result for what came before; 0 at the start
 * @returns 0 to 0xffffffff
 * @example crc32V511(Buffer.from('hello')) // 0xe4edb6f4
 */
export function crc32V511(bytes: Uint8Array, seed = 0): number {
  return toCrc32V511(crc32(bytes, seed), bytes.length)
}

/**
 * The {@link crc32V511} of content whose standard CRC32 and size are known: the two CRCs differ by the size alone.
 *
 * @param standard - the content's standard CRC32
 * @param size - the content's size in bytes
 * @example toCrc32V511(0x3610a686, 5) // 0xe4edb6f4
 */
export function toCrc32V511(standard: number, size: number): number {
  return (standard ^ drift(size)) >>> 0
}

/**
 * How far the two registers are apart after `size` bytes, whatever the bytes.
 *
 * The high half of the 64-bit register stays all ones, and each byte's shift moves eight of them into the low half.
 * So a step is the standard step and an XOR of 0xff000000 on top. Steps are linear over GF(2): the difference d
 * takes the step of a zero byte, a multiplication by x⁸, and the same XOR. `size` such steps are done by doubling.
 */
function drift(size: number): number {
  let d = 0
  let power = 0x80000000 // x⁰: the polynomials are bit-reversed
  for (const bit of size.toString(2)) {
    d ^= multiply(d, power)
    power = multiply(power, power)
    if (bit === '1') {
      d = multiply(d, 0x00800000) ^ 0xff000000
      power = multiply(power, 0x00800000)
    }
  }
  return d
}

/** The product of two bit-reversed polynomials modulo that of CRC32. */
function multiply(a: number, b: number): number {
  let product = 0
  for (; a !== 0; a <<= 1) {
    if (a & 0x80000000) product ^= b
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1
  }
  return product
}

/**
 * The CRC32 that V5.11 and older write with libfastcommon 1.0.37 or older: in a signed 32-bit register.
 *
 * @param bytes - the content, or its next part
 * @param seed - the result for what came before; 0 at the start
 * @returns 0 to 0xffffffff
 * @example crc32Signed(Buffer.from('hello')) // 0x1bedb6f4
 */
export function crc32Signed(bytes: Uint8Array, seed = 0): number {
  let register = ~seed
  for (let at = 0; at < bytes.length; at++) {
    register = (register >> 8) ^ TABLE[(register ^ bytes[at]!) & 0xff]!
  }
  return ~register >>> 0
}
