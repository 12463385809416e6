import fc from 'fast-check'
import type { FileIdParts } from '../../src/file-id/index.js'
import { formatFileId, parseFileId } from '../../src/file-id/index.js'
import { EXAMPLES } from './examples.js'
import { thrown } from './thrown.js'

const parts: FileIdParts = {
  group: 'group1',
  storePathIndex: 0,
  directories: [0, 0],
  source: { kind: 'ip', ip: '10.77.0.12' },
  createdAt: new Date('2026-11-22T04:23:19Z'),
  size: 1,
  crc32: 5,
  randomBits: 0,
  digits: '123',
  ext: 'mp4',
}

const id = (name: string): string => `group1/M00/00/00/${name}`

describe('formatFileId', () => {
  it.each(EXAMPLES.filter(({ random }) => random))('makes $file.id', ({ file, random }) => {
    const size = file.size ?? 8
    expect(formatFileId({ ...parts, ...file, size, ...random! })).toBe(file.id)
  })

  it.each<[string, Partial<FileIdParts>, string]>([
    [
      'paths in upper case',
      { storePathIndex: 171, directories: [10, 255] },
      'group1/MAB/0A/FF/Ck0ADGsCbjeAAAAAAAAAAQAAAAU123.mp4',
    ],
    [
      'half a second',
      { createdAt: new Date('2026-11-22T04:23:19.999Z') },
      id('Ck0ADGsCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    ['1970', { createdAt: new Date(0) }, id('Ck0ADAAAAACAAAAAAAAAAQAAAAU123.mp4')],
    ['2106', { createdAt: new Date('2106-02-07T06:28:15Z') }, id('Ck0ADP____-AAAAAAAAAAQAAAAU123.mp4')],
    ['just under 4 GiB', { size: 4_294_967_295, crc32: 0 }, id('Ck0ADGsCbjeAAAAA_____wAAAAA123.mp4')],
    [
      '4 GiB',
      { size: 4_294_967_296, crc32: 0x11223344, randomBits: 9 },
      id('Ck0ADGsCbjcAAAABAAAAABEiM0Q123.mp4'),
    ],
    ['5 GiB', { size: 5_368_709_120, crc32: 0x11223344 }, id('Ck0ADGsCbjcAAAABQAAAABEiM0Q123.mp4')],
    ['2^53 - 1 bytes', { size: 9_007_199_254_740_991, crc32: 0 }, id('Ck0ADGsCbjcAH________wAAAAA123.mp4')],
    ['all random bits', { randomBits: 0x7fffff, crc32: 0 }, id('Ck0ADGsCbjeAf___AAAAAQAAAAA123.mp4')],
    ['the largest CRC32', { crc32: 0xffffffff }, id('Ck0ADGsCbjeAAAAAAAAAAf____8123.mp4')],
    ['the smallest ID', { source: { kind: 'id', id: 1 } }, id('AQAAAGsCbjeAAAAAAAAAAQAAAAU123.mp4')],
    ['the largest ID', { source: { kind: 'id', id: 16_777_215 } }, id('____AGsCbjeAAAAAAAAAAQAAAAU123.mp4')],
    [
      'an address like an ID',
      { source: { kind: 'ip', ip: '10.1.2.0' } },
      id('CgECAGsCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    [
      'the last address',
      { source: { kind: 'ip', ip: '255.255.255.255' } },
      id('_____2sCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    [
      'IPv6',
      { source: { kind: 'ip', ip: '2001:db8::aabb:ccdd:0:1' } },
      id('qrvM3WsCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    [
      'IPv6 in full',
      { source: { kind: 'ip', ip: '2001:0DB8:0:0:AABB:CCDD:0:1' } },
      id('qrvM3WsCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    ['a short IPv6', { source: { kind: 'ip', ip: '::1' } }, id('AAAAAGsCbjeAAAAAAAAAAQAAAAU123.mp4')],
    [
      'an IPv6 with a zone',
      { source: { kind: 'ip', ip: 'fe80::aabb:ccdd:0:1%eth0' } },
      id('qrvM3WsCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    [
      'an IPv4 in an IPv6',
      { source: { kind: 'ip', ip: '::ffff:1.2.3.4' } },
      id('AAD__2sCbjeAAAAAAAAAAQAAAAU123.mp4'),
    ],
    ['no extension', { ext: '', digits: '7654321' }, id('Ck0ADGsCbjeAAAAAAAAAAQAAAAU7654321')],
    ['an extension of 6', { ext: 'tar.gz', digits: '' }, id('Ck0ADGsCbjeAAAAAAAAAAQAAAAU.tar.gz')],
  ])('writes %s', (_, change, text) => {
    expect(formatFileId({ ...parts, ...change })).toBe(text)
  })

  const arbitrary = fc
    .record({
      group: fc.stringMatching(/^[0-9A-Za-z]{1,16}$/),
      storePathIndex: fc.nat(255),
      directories: fc.tuple(fc.nat(255), fc.nat(255)),
      source: fc.oneof(
        fc.record({ kind: fc.constant('id' as const), id: fc.integer({ min: 1, max: 0xffffff }) }),
        fc.record({
          kind: fc.constant('ip' as const),
          ip: fc.ipV4().filter((ip) => !ip.endsWith('.0')),
        }),
      ),
      createdAt: fc.nat(0xffffffff).map((seconds) => new Date(seconds * 1000)),
      size: fc.oneof(fc.maxSafeNat(), fc.nat(0xffffffff)),
      crc32: fc.nat(0xffffffff),
      randomBits: fc.nat(0x7fffff),
      ext: fc.stringMatching(/^[-.\w]{0,6}$/),
      of: fc.constantFrom('normal', 'appender', 'trunk'),
      trunk: fc.record({ id: fc.nat(), offset: fc.nat(), size: fc.nat() }),
    })
    .chain(({ of, trunk, size, ...rest }) =>
      fc.stringMatching(new RegExp(`^\\d{${rest.ext === '' ? 7 : 6 - rest.ext.length}}$`)).map((digits) => ({
        ...rest,
        digits,
        appender: of === 'appender',
        trunk: of === 'trunk' ? trunk : undefined,
        size: of === 'trunk' ? size % 2 ** 32 : size,
      })),
    )

  it('makes what parseFileId reads', () => {
    fc.assert(
      fc.property(arbitrary, ({ directories, randomBits, digits, ...read }) => {
        const text = formatFileId({ ...read, directories, randomBits, digits })
        const { id, name, kind, suffix, ...file } = parseFileId(text)
        expect(file).toEqual({ ...read, size: read.appender ? undefined : read.size })
        expect([id, `${read.group}/${name}`, suffix]).toEqual([text, text, digits])
        expect(kind).toBe(read.appender ? 'appender' : 'normal')
        expect(name.length).toBe(read.trunk ? 60 : 44)
      }),
    )
  })

  const range = (part: string, max: number, value: number): string =>
    `${part} of a file ID must be an integer from 0 to ${max}, not ${value}`

  it.each<[string, Partial<FileIdParts>, string]>([
    ['an empty group', { group: '' }, 'group of a file ID must match /^[0-9A-Za-z]{1,16}$/, not be ""'],
    [
      'a path as group',
      { group: '../a' },
      'group of a file ID must match /^[0-9A-Za-z]{1,16}$/, not be "../a"',
    ],
    [
      'a long extension',
      { ext: 'torrent' },
      'ext of a file ID must match /^[-.\\w]{0,6}$/, not be "torrent"',
    ],
    ['a path as extension', { ext: '/etc' }, 'ext of a file ID must match /^[-.\\w]{0,6}$/, not be "/etc"'],
    ['letters for digits', { digits: '12a' }, 'digits of a file ID must be 3 here, not "12a"'],
    ['too few digits', { digits: '12' }, 'digits of a file ID must be 3 here, not "12"'],
    ['too few digits for no extension', { ext: '' }, 'digits of a file ID must be 7 here, not "123"'],
    ['a store path beyond', { storePathIndex: 256 }, range('storePathIndex', 255, 256)],
    ['half a directory', { directories: [0.5, 0] }, range('directories[0]', 255, 0.5)],
    ['a directory before the first', { directories: [0, -1] }, range('directories[1]', 255, -1)],
    ['1969', { createdAt: new Date(-1) }, range('createdAt in seconds', 4_294_967_295, -1)],
    ['no time', { createdAt: new Date(NaN) }, range('createdAt in seconds', 4_294_967_295, NaN)],
    ['a negative size', { size: -1 }, range('size', 9_007_199_254_740_991, -1)],
    ['an unsafe size', { size: 2 ** 53 }, range('size', 9_007_199_254_740_991, 2 ** 53)],
    ['a signed CRC32', { crc32: -1 }, range('crc32', 4_294_967_295, -1)],
    ['24 random bits', { randomBits: 0x800000 }, range('randomBits', 8_388_607, 0x800000)],
    [
      'a large slot',
      { trunk: { id: 1, offset: 0, size: 2 ** 31 } },
      range('trunk.size', 2_147_483_647, 2 ** 31),
    ],
    [
      '4 GiB in a trunk file',
      { size: 2 ** 32, trunk: { id: 1, offset: 0, size: 1 } },
      range('size', 4_294_967_295, 2 ** 32),
    ],
    [
      'an appender in a trunk file',
      { appender: true, trunk: { id: 1, offset: 0, size: 1 } },
      'an appender file cannot stand in a trunk file',
    ],
    ['no ID', { source: { kind: 'id', id: 0 } }, 'a storage ID in a file ID is 1 to 16777215, not 0'],
    [
      'a large ID',
      { source: { kind: 'id', id: 2 ** 24 } },
      'a storage ID in a file ID is 1 to 16777215, not 16777216',
    ],
    ['a host name', { source: { kind: 'ip', ip: 'localhost' } }, 'the source is no IP address: "localhost"'],
  ])('refuses %s', (_, change, message) => {
    expect(thrown(() => formatFileId({ ...parts, ...change }))).toMatchObject({
      code: 'FDFS_INVALID_ARGUMENT',
      message,
    })
  })
})
