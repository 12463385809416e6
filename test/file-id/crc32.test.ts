import fc from 'fast-check'
import { crc32ByTable } from '../../src/file-id/crc32.js'
import { crc32, crc32Signed, crc32V511, toCrc32V511 } from '../../src/file-id/index.js'

const hello = Buffer.from('hello')

/** V5.11's loop as its C code has it, with a signed register of so many bits. */
function inRegister(bits: 32 | 64, bytes: Uint8Array): number {
  let register = -1n
  for (const byte of bytes) {
    let entry = (register ^ BigInt(byte)) & 0xffn
    for (let bit = 0; bit < 8; bit++) entry = entry & 1n ? (entry >> 1n) ^ 0xedb88320n : entry >> 1n
    register = BigInt.asIntN(bits, (register >> 8n) ^ entry)
  }
  return Number(BigInt.asUintN(32, ~register))
}

describe.each([
  ['crc32', crc32, 0x3610a686],
  ['crc32ByTable', crc32ByTable, 0x3610a686],
  ['crc32V511', crc32V511, 0xe4edb6f4],
  ['crc32Signed', crc32Signed, 0x1bedb6f4],
])('%s', (_, crc, ofHello) => {
  it('knows the answers', () => {
    expect(crc(hello)).toBe(ofHello)
    expect(crc(Buffer.alloc(0))).toBe(0)
  })

  it('goes on from a part', () => {
    expect(crc(hello.subarray(2), crc(hello.subarray(0, 2)))).toBe(ofHello)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
        expect(crc(bytes.subarray(at), crc(bytes.subarray(0, at)))).toBe(crc(bytes))
      }),
    )
  })
})

it('crc32 and its fallback agree', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(0xffffffff), (bytes, seed) => {
      expect(crc32ByTable(bytes, seed)).toBe(crc32(bytes, seed))
    }),
  )
  expect(crc32ByTable(Buffer.from('123456789'))).toBe(0xcbf43926)
})

it('the old CRCs are those of registers of 64 and 32 signed bits', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(crc32V511(bytes)).toBe(inRegister(64, bytes))
      expect(crc32Signed(bytes)).toBe(inRegister(32, bytes))
    }),
  )
})

it.each([
  [0x3610a686, 5, 0xe4edb6f4],
  [0x00000000, 0, 0x00000000],
  // Content of 3000 bytes in the captures: the CRC32 in names of V6.06 and of V5.11.
  [0x898e6b29, 3000, 0xa949e1fd],
])('of content with CRC32 %i and %i bytes V5.11 writes %i', (standard, size, old) => {
  expect(toCrc32V511(standard, size)).toBe(old)
})
