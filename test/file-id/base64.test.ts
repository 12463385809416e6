import fc from 'fast-check'
import { base64Word } from '../../src/file-id/base64.js'
import { decodeBase64, encodeBase64 } from '../../src/file-id/index.js'
import { thrown } from './thrown.js'

const CASES = [
  ['', ''],
  ['00', 'AA'],
  ['000001', 'AAAB'],
  ['fbefbe', '----'],
  ['ffffff', '____'],
  ['0a4d000c6b026e37807a41c00000000dc4581f24', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ'],
  ['000000010000000000000100', 'AAAAAQAAAAAAAAEA'],
] as const

describe('base64', () => {
  it.each(CASES)('%s is %s', (hex, text) => {
    expect(encodeBase64(Buffer.from(hex, 'hex'))).toBe(text)
    expect(decodeBase64(text).toString('hex')).toBe(hex)
  })

  it('encodes a part of a larger buffer', () => {
    expect(encodeBase64(new Uint8Array([9, 0, 0, 1, 9]).subarray(1, 4))).toBe('AAAB')
  })

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decodeBase64(encodeBase64(bytes))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it.each([
    ['a pad', 'AAA.'],
    ['a standard pad', 'AA=='],
    ['the standard alphabet', 'AAA+'],
    ['a blank', 'AA A'],
    ['a character beyond ASCII', 'AAAé'],
    ['a length that is none', 'AAAAA'],
    ['bits behind the last byte', 'AB'],
  ])('refuses %s', (_, text) => {
    expect(thrown(() => decodeBase64(text))).toMatchObject({
      code: 'FDFS_INVALID_ARGUMENT',
      message: `${JSON.stringify(text)} is not base64 as in file names`,
    })
  })

  it.each([
    [0, 0x0a4d000c],
    [1, 0x6b026e37],
    [2, 0x807a41c0],
    [3, 0x0000000d],
    [4, 0xc4581f24],
  ])('reads word %i of a name', (index, word) => {
    expect(base64Word('M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt', 10, index)).toBe(word)
  })
})
