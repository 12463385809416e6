import { Crc32Candidates } from '../../src/file-id/index.js'

const content = Buffer.from(Array.from({ length: 700 * 1024 }, (_, at) => at % 251))

/** Counted by another program, after the C code of each version. */
const WRITTEN = [
  ['V5.12 and newer', 0x157ac25a],
  ['V5.11 with buffers of 256 KiB', 0xfb2b96e7],
  ['V5.11 with buffers of 64 KiB', 0xc296851d],
  ['V5 with an old libfastcommon', 0x7aeb7d2b],
] as const

describe('Crc32Candidates', () => {
  describe.each([[content.length], [262_119], [65_536], [1_000]])('in pieces of %i bytes', (size) => {
    const candidates = new Crc32Candidates()
    for (let at = 0; at < content.length; at += size) candidates.update(content.subarray(at, at + size))

    it.each(WRITTEN)('has what %s writes', (_, crc) => {
      expect(candidates.has(crc)).toBe(true)
    })

    it.each([
      ['V5.11 with one endless buffer', 0x1e27a84c],
      ['nobody', 0],
    ])('has not what %s writes', (_, crc) => {
      expect(candidates.has(crc)).toBe(false)
    })
  })

  it('has the CRC32 of nothing at first', () => {
    const candidates = new Crc32Candidates()
    expect(candidates.has(0)).toBe(true)
    expect(candidates.has(0x58c932f5)).toBe(false)
  })

  it('takes small content for one buffer', () => {
    const candidates = new Crc32Candidates()
    candidates.update(content.subarray(0, 100))
    expect([0x58c932f5, 0x8c8248e2, 0x5b1bb474].map((crc) => candidates.has(crc))).toEqual([true, true, true])
  })
})
