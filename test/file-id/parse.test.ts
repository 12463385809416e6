import fc from 'fast-check'
import { InvalidFileIdError } from '../../src/errors.js'
import { parseFileId } from '../../src/file-id/index.js'
import { EXAMPLES } from './examples.js'
import { thrown } from './thrown.js'

const id = (name: string): string => `group1/M00/00/00/${name}`

describe('parseFileId', () => {
  it.each(EXAMPLES)('reads all of $file.id', ({ file }) => {
    expect(parseFileId(file.id)).toStrictEqual(file)
  })

  it('freezes what several file IDs share', () => {
    const file = parseFileId(id('oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403.txt'))
    expect([file.source, file.trunk].map(Object.isFrozen)).toEqual([true, true])
  })

  it.each([
    ['a slash', '/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'],
    ['a URL', 'http://host:8888/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'],
    ['a URL with a token', 'https://[::1]/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt?token=/a&ts=1'],
    ['a URL with a fragment', 'HTTP://host/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt#top'],
  ])('reads an ID behind %s', (_, text) => {
    expect(parseFileId(text)).toStrictEqual(EXAMPLES[0]!.file)
  })

  it.each([
    ['just under 4 GiB', 'Ck0ADGsCbjeAAAAA_____wAAAAA123.mp4', 4_294_967_295],
    ['4 GiB', 'Ck0ADGsCbjcAAAABAAAAABEiM0Q123.mp4', 4_294_967_296],
    ['5 GiB', 'Ck0ADGsCbjcAAAABQAAAABEiM0Q123.mp4', 5_368_709_120],
    ['2^53 - 1 bytes', 'Ck0ADGsCbjcAH________wAAAAA123.mp4', 9_007_199_254_740_991],
    ['a small size without random bits', 'Ck0ADGsCbjcAAAAAAAAATQAAAAA123.mp4', 77],
    ['a trunk file without random bits', 'Ck0ADGsCbjcIAAAAAAAATQAAAAUAAAAAQAAAAIAAAAD123.mp4', 77],
    ['an appender without random bits', 'Ck0ADGsCbjcEAAAAAAAAAAAAAAU123.mp4', undefined],
    ['all random bits set', 'Ck0ADGsCbjeAf___AAAAAQAAAAA123.mp4', 1],
  ])('reads the size: %s', (_, name, size) => {
    expect(parseFileId(id(name)).size).toBe(size)
  })

  it.each([
    ['the smallest ID', 'AQAAAGsCbjeAAAAAAAAAAQAAAAU123.mp4', { kind: 'id', id: 1 }],
    ['the largest ID', '____AGsCbjeAAAAAAAAAAQAAAAU123.mp4', { kind: 'id', id: 16_777_215 }],
    ['one more', 'AAAAAWsCbjeAAAAAAAAAAQAAAAU123.mp4', { kind: 'ip', ip: '0.0.0.1' }],
    ['no address', 'AAAAAGsCbjeAAAAAAAAAAQAAAAU123.mp4', { kind: 'ip', ip: '0.0.0.0' }],
    ['the last address', '_____2sCbjeAAAAAAAAAAQAAAAU123.mp4', { kind: 'ip', ip: '255.255.255.255' }],
    ['an address that looks like an ID', 'CgECAGsCbjeAAAAAAAAAAQAAAAU123.mp4', { kind: 'id', id: 131_338 }],
  ])('reads the source: %s', (_, name, source) => {
    expect(parseFileId(id(name)).source).toEqual(source)
  })

  it('knows more sources than it keeps', () => {
    const ips = Array.from({ length: 1500 }, (_, at) => {
      const bytes =
        Buffer.from([10, at >> 8, at & 0xff, 7]).toString('hex') + '6b026e37807a41c00000000dc4581f24'
      const file = parseFileId(id(`${Buffer.from(bytes, 'hex').toString('base64url')}082.txt`))
      return file.source.kind === 'ip' && file.source.ip
    })
    expect([ips[0], ips[1499]]).toEqual(['10.0.0.7', '10.5.219.7'])
    expect(new Set(ips).size).toBe(1500)
  })

  it.each([
    ['1970', 'Ck0ADAAAAACAAAAAAAAAAQAAAAU123.mp4', '1970-01-01T00:00:00.000Z'],
    ['2106', 'Ck0ADP____-AAAAAAAAAAQAAAAU123.mp4', '2106-02-07T06:28:15.000Z'],
  ])('reads a time of %s', (_, name, time) => {
    expect(parseFileId(id(name)).createdAt.toISOString()).toBe(time)
  })

  it('reads the largest numbers', () => {
    expect(parseFileId(id('Ck0ADGsCbjeAAAAAAAAAAf____8123.mp4')).crc32).toBe(4_294_967_295)
    expect(parseFileId(id('Ck0ADGsCbjeIAAAAAAAATQAAAAUf____3____9_____123.mp4')).trunk).toEqual({
      id: 2_147_483_647,
      offset: 2_147_483_647,
      size: 2_147_483_647,
    })
  })

  it.each([
    ['M00', 0],
    ['M0A', 10],
    ['M9F', 159],
    ['MFF', 255],
  ])('reads store path %s', (path, index) => {
    expect(parseFileId(`g/${path}/FF/FF/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt`).storePathIndex).toBe(index)
  })

  it.each([
    ['Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt', 'normal'],
    ['Ck0ADGsCbjeAekHAAAAADcRYHyQ082_s.txt', 'slave'],
    ['oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403.txt', 'normal'],
    ['oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403_s.txt', 'slave'],
  ])('takes an ID without store path, as before V1.12: %s', (name, kind) => {
    const file = parseFileId(`group1/0A/1B/${name}`)
    expect(file).toMatchObject({ id: `group1/0A/1B/${name}`, name: `0A/1B/${name}`, storePathIndex: 0, kind })
    expect(file).toMatchObject({ suffix: expect.stringMatching(/^\d{3}(_s)?$/) as string, ext: 'txt' })
  })

  it.each([
    ['of a file without extension', 'Ck0ADGsCbjeARsgmAAAADE95MY45439098_s', '5439098_s', '', false],
    ['with another extension', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_s.webp', '082_s', 'webp', false],
    ['without extension', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150', '082_150x150', '', false],
    ['of a file without digits', 'Ck0ADGsCbjeAZRv3AAAAB5CH01E_small.tar.gz', '_small', 'tar.gz', false],
    ['with a dot in the prefix', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_v1.2.jpeg', '082_v1', '2.jpeg', false],
    ['of an appender', 'Ck0ADGsCbjeEKfNTAAAAAP1dNqU746_s.log', '746_s', 'log', true],
    ['of a file in a trunk', 'oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403_s.txt', '403_s', 'txt', false],
    [
      'as long as a file in a trunk',
      'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_0123456789abcdef.jpg',
      '082_0123456789abcdef',
      'jpg',
      false,
    ],
  ])('reads a slave %s', (_, name, suffix, ext, appender) => {
    const slave = { kind: 'slave', suffix, ext, appender, size: undefined, trunk: undefined }
    expect(parseFileId(id(name))).toMatchObject(slave)
  })

  it.each([
    ['Ck0ADGsCbjeAekHAAAAADcRYHyQ123..gz', '123', '.gz'],
    ['Ck0ADGsCbjeAekHAAAAADcRYHyQ123.a.b', '123', 'a.b'],
    ['Ck0ADGsCbjeAekHAAAAADcRYHyQ1234.7z', '1234', '7z'],
    ['Ck0ADGsCbjeAekHAAAAADcRYHyQ12345.c', '12345', 'c'],
  ])('reads an odd extension: %s', (name, suffix, ext) => {
    expect(parseFileId(id(name))).toMatchObject({ kind: 'normal', suffix, ext })
  })

  it.each([
    [
      'a dot in front',
      'Ck0A.GsCbjeAekHAAAAADcRYHyQ082.txt',
      'a dot is among the 27 base64 characters of its name',
    ],
    [
      'a dot among the digits of a slot',
      'oYYBAGsCbjaIJBJfAAAAEsS80t4AAA.AQAAAAAAAAEA403.txt',
      'a dot is among the 43 base64 characters of its name',
    ],
    [
      'bits behind the 20 bytes',
      'Ck0ADGsCbjeAekHAAAAADcRYHyR082.txt',
      'its base64 character 27 is not one that ends 20 bytes',
    ],
    [
      'a tail of letters',
      'Ck0ADGsCbjeAekHAAAAADcRYHyQabc.txt',
      'it ends in "abc.txt", not in 7 digits or in digits and an extension',
    ],
    [
      'a tail of letters only',
      'Ck0ADGsCbjeAekHAAAAADcRYHyQabcdefg',
      'it ends in "abcdefg", not in 7 digits or in digits and an extension',
    ],
    [
      'a tail that ends in its dot',
      'Ck0ADGsCbjeAekHAAAAADcRYHyQ123456.',
      'it ends in "123456.", not in 7 digits or in digits and an extension',
    ],
    [
      'too short a name',
      'Ck0ADGsCbjeAekHAAAAADcRYHyQ08.txt',
      'it has 43 characters behind its group, not 44 or more',
    ],
    [
      'a trunk file without slot',
      'Ck0ADGsCbjeIAAAAAAAATQAAAAU123.mp4',
      'it has 44 characters behind its group, not 60 or more',
    ],
    [
      'a trunk file with half a slot',
      'Ck0ADGsCbjeIAAAAAAAATQAAAAUAAAAAQAAAAI123.mp4',
      'it has 55 characters behind its group, not 60 or more',
    ],
    [
      'a negative slot',
      'Ck0ADGsCbjeIAAAAAAAATQAAAAUAAAAAYAAAAAAAAAD123.mp4',
      'a number of its trunk slot is negative',
    ],
    [
      'both flags',
      'Ck0ADGsCbjeMAAAAAAAATQAAAAUAAAAAQAAAAIAAAAD123.mp4',
      'it is marked as an appender and as in a trunk file',
    ],
    ['2^53 bytes', 'Ck0ADGsCbjcAIAAAAAAAAAAAAAA123.mp4', 'the size in it is 9007199254740992 bytes'],
  ])('refuses %s', (_, name, reason) => {
    expect(thrown(() => parseFileId(id(name)))).toMatchObject({
      code: 'FDFS_INVALID_FILE_ID',
      message: `${JSON.stringify(id(name))} is not a file ID: ${reason}`,
    })
  })

  it.each([
    ['a source', 'Ck0ADéGsCbjeAekHAAAAADcRYHyQ82.txt', 'é'],
    ['a CRC32', 'Ck0ADGsCbjeAekHAAAAADcRY=yQ082.txt', '='],
    ['a slot', 'oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAA+AAAAEA403.txt', '+'],
    ['digits', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ0€2.txt', '€'],
    ['an extension', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082.t~t', '~'],
    ['an extension with a dot', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082..😀', '😀'],
    ['a slave', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_s .txt', ' '],
  ])('says which character of %s is none of a name', (_, name, character) => {
    expect(() => parseFileId(id(name))).toThrow(
      `is not a file ID: "${character}" in its name is none of 0-9 A-Z a-z - _ .`,
    )
  })

  it('refuses a name that is too long', () => {
    expect(() => parseFileId(id(`Ck0ADGsCbjeAekHAAAAADcRYHyQ082${'_'.repeat(88)}`))).toThrow(
      'it has 128 characters behind its group, not 37 to 127',
    )
  })

  it('refuses too short a name of before V1.12', () => {
    expect(() => parseFileId('g/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ08.txt')).toThrow(
      'it has 39 characters behind its group, not 40 or more',
    )
  })

  it('throws nothing but InvalidFileIdError', () => {
    const part = fc.constantFrom(
      '/',
      '.',
      'group1',
      'M00',
      '00',
      'http://h/',
      '\0',
      'Ck0ADGsCbjeAekHAAAAADcRYHyQ',
      '082.txt',
    )
    const nearly = fc.array(fc.oneof(part, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 14 })
    const name = fc.stringMatching(/^[-.\w]{27,120}$/)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          nearly.map((parts) => parts.join('')),
          name.map(id),
        ),
        (text) => {
          try {
            const file = parseFileId(text)
            expect(text.includes(file.id)).toBe(true)
            expect(file.id).toBe(`${file.group}/${file.name}`)
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidFileIdError)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
