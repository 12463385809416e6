import fc from 'fast-check'
import { parseFileId, slaveName } from '../../src/file-id/index.js'
import { thrown } from './thrown.js'

const id = (name: string): string => `group1/M00/00/00/${name}`

const TXT = id('Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt')
const BARE = id('Ck0ADGsCbjeARsgmAAAADE95MY45439098')
const TAR_GZ = id('Ck0ADGsCbjeAZRv3AAAAB5CH01E.tar.gz')
const LOG = id('Ck0ADGsCbjeEKfNTAAAAAP1dNqU746.log')
/** 111 characters without its extension. */
const LONG = 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082'.padEnd(101, '_')
const TRUNK = id('oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403.txt')
const TRUNK_TAR_GZ = id('oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA.tar.gz')

describe('slaveName', () => {
  it.each([
    [TXT, '_150x150', 'jpg', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150.jpg'],
    [TXT, '_150x150', undefined, 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150.txt'],
    [TXT, '_150x150', '', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150'],
    [TXT, '_', undefined, 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_.txt'],
    [TXT, '-m', undefined, 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082-m.txt'],
    [TXT, '_s', '.jpg', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_s.jpg'],
    [BARE, '_s', undefined, 'Ck0ADGsCbjeARsgmAAAADE95MY45439098_s'],
    [BARE, '_s', 'jpg', 'Ck0ADGsCbjeARsgmAAAADE95MY45439098_s.jpg'],
    [TAR_GZ, '_big', 'zip', 'Ck0ADGsCbjeAZRv3AAAAB5CH01E_big.zip'],
    [TAR_GZ, '_', undefined, 'Ck0ADGsCbjeAZRv3AAAAB5CH01E_.tar.gz'],
    [LOG, '_s', undefined, 'Ck0ADGsCbjeEKfNTAAAAAP1dNqU746_s.log'],
    [TRUNK, '_s', undefined, 'oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403_s.txt'],
    [TRUNK_TAR_GZ, '_abcd', 'jpg', 'oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA_abcd.jpg'],
    // Slaves of slaves, and an extension that is cut at its first dot, as servers do.
    [
      id('Ck0ADGsCbjeAekHAAAAADcRYHyQ082_big.txt'),
      '_s',
      undefined,
      'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_big_s.txt',
    ],
    [id('Ck0ADGsCbjeAekHAAAAADcRYHyQ082_v1.2.jpeg'), '_s', 'c', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_v1_s.c'],
    [id('Ck0ADGsCbjeAekHAAAAADcRYHyQ123..gz'), '_abc', undefined, 'Ck0ADGsCbjeAekHAAAAADcRYHyQ123_abc.gz'],
  ])('%s %s %s', (master, prefix, ext, name) => {
    expect(slaveName(master, prefix, ext)).toBe(id(name))
  })

  it('takes a URL, and a name of before V1.12', () => {
    expect(slaveName(`http://host/${TXT}?ts=1`, '_s')).toBe(id('Ck0ADGsCbjeAekHAAAAADcRYHyQ082_s.txt'))
    expect(slaveName('g/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt', '_12345')).toBe(
      'g/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082_12345.txt',
    )
  })

  const alphabet = 'characters of 0-9 A-Z a-z - _ . and not'
  it.each([
    ['no prefix', TXT, '', 'jpg', `a slave's prefix is 1 to 16 ${alphabet} ""`],
    [
      'a long prefix',
      TXT,
      '_0123456789abcdef',
      'jpg',
      `a slave's prefix is 1 to 16 ${alphabet} "_0123456789abcdef"`,
    ],
    ['a slash in the prefix', TXT, '_/..', 'jpg', `a slave's prefix is 1 to 16 ${alphabet} "_/.."`],
    ['a newline in the prefix', TXT, '_s\n', 'jpg', `a slave's prefix is 1 to 16 ${alphabet} "_s\\n"`],
    ['a long extension', TXT, '_s', 'torrent', `a slave's extension is 0 to 6 ${alphabet} "torrent"`],
    ['a letter beyond ASCII', TXT, '_s', 'é', `a slave's extension is 0 to 6 ${alphabet} "é"`],
  ])('refuses %s', (_, master, prefix, ext, message) => {
    expect(thrown(() => slaveName(master, prefix, ext))).toMatchObject({
      code: 'FDFS_INVALID_ARGUMENT',
      message,
    })
  })

  const size = (size: number, least: number): string =>
    `it has ${size} characters behind its group, not ${least} to 127`
  const metadata = 'a name that ends in -m is for metadata'
  it.each([
    ['of 43', TAR_GZ, '_s', 'jpg', 'Ck0ADGsCbjeAZRv3AAAAB5CH01E_s.jpg', size(43, 45)],
    ['of 44', TXT, '_abc', '', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_abc', size(44, 45)],
    [
      'of 60 in a trunk',
      TRUNK_TAR_GZ,
      '_ab',
      'jpg',
      'oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA_ab.jpg',
      size(60, 61),
    ],
    ['of 128', id(`${LONG}.jpg`), '0123456789abcd', 'gz', `${LONG}0123456789abcd.gz`, size(128, 45)],
    ['of metadata', BARE, '-m', '', 'Ck0ADGsCbjeARsgmAAAADE95MY45439098-m', metadata],
    ["of another slave's metadata", BARE, '_s-m', '', 'Ck0ADGsCbjeARsgmAAAADE95MY45439098_s-m', metadata],
    ["of another slave's metadata", TXT, '_s', 'jpg-m', 'Ck0ADGsCbjeAekHAAAAADcRYHyQ082_s.jpg-m', metadata],
  ])('refuses a name %s', (_, master, prefix, ext, name, reason) => {
    expect(thrown(() => slaveName(master, prefix, ext))).toMatchObject({
      code: 'FDFS_INVALID_ARGUMENT',
      message: `a slave cannot be named ${id(name)}: ${reason}`,
    })
  })

  it('makes names up to 127 characters', () => {
    expect(slaveName(id(`${LONG}.jpg`), '0123456789abc', 'gz')).toBe(id(`${LONG}0123456789abc.gz`))
  })

  it("makes what parseFileId takes for a slave with its master's numbers", () => {
    const master = fc.constantFrom(TXT, BARE, TAR_GZ, LOG, TRUNK, TRUNK_TAR_GZ)
    const prefix = fc.stringMatching(/^_[-.\w]{6,14}_$/)
    fc.assert(
      fc.property(master, prefix, fc.stringMatching(/^([0-9a-z]{1,6})?$/), (master, prefix, ext) => {
        const { source, createdAt, crc32, appender } = parseFileId(master)
        const slave = slaveName(master, prefix, ext)
        expect(parseFileId(slave)).toMatchObject({
          kind: 'slave',
          size: undefined,
          source,
          createdAt,
          crc32,
          appender,
        })
        expect(slave.endsWith(ext === '' ? prefix : `${prefix}.${ext}`)).toBe(true)
      }),
    )
  })
})
