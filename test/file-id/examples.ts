/** The worked examples of protocol.md §5, and what they say. */
import type { FileId, FileIdParts } from '../../src/file-id/index.js'

interface Example {
  file: FileId
  /** What the ID cannot tell apart or does not name: `formatFileId` needs it besides. Slaves have none. */
  random?: Pick<FileIdParts, 'randomBits' | 'digits'>
}

const ip = { kind: 'ip', ip: '10.77.0.12' } as const
const id = { kind: 'id', id: 100001 } as const
const LATER = new Date('2026-11-22T04:23:19Z')
const EARLIER = new Date('2026-11-22T04:23:18Z')

const shared = { group: 'group1', storePathIndex: 0, createdAt: LATER, appender: false, trunk: undefined }

export const EXAMPLES: readonly Example[] = [
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt',
      name: 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt',
      source: ip,
      size: 13,
      crc32: 0xc4581f24,
      kind: 'normal',
      suffix: '082',
      ext: 'txt',
    },
    random: { randomBits: 0x7a41c0, digits: '082' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/Ck0ADGsCbjeARsgmAAAADE95MY45439098',
      name: 'M00/00/00/Ck0ADGsCbjeARsgmAAAADE95MY45439098',
      source: ip,
      size: 12,
      crc32: 0x4f79318e,
      kind: 'normal',
      suffix: '5439098',
      ext: '',
    },
    random: { randomBits: 0x46c826, digits: '5439098' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/Ck0ADGsCbjeAZRv3AAAAB5CH01E.tar.gz',
      name: 'M00/00/00/Ck0ADGsCbjeAZRv3AAAAB5CH01E.tar.gz',
      source: ip,
      size: 7,
      crc32: 0x9087d351,
      kind: 'normal',
      suffix: '',
      ext: 'tar.gz',
    },
    random: { randomBits: 0x651bf7, digits: '' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/Ck0ADGsCbjeEKfNTAAAAAP1dNqU746.log',
      name: 'M00/00/00/Ck0ADGsCbjeEKfNTAAAAAP1dNqU746.log',
      source: ip,
      size: undefined,
      crc32: 0xfd5d36a5,
      kind: 'appender',
      appender: true,
      suffix: '746',
      ext: 'log',
    },
    random: { randomBits: 0x29f353, digits: '746' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150.jpg',
      name: 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150.jpg',
      source: ip,
      size: undefined,
      crc32: 0xc4581f24,
      kind: 'slave',
      suffix: '082_150x150',
      ext: 'jpg',
    },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/Ck0ADGsCbjeATh5vAAAAAAAAAAA412.txt',
      name: 'M00/00/00/Ck0ADGsCbjeATh5vAAAAAAAAAAA412.txt',
      source: ip,
      size: 0,
      crc32: 0,
      kind: 'normal',
      suffix: '412',
      ext: 'txt',
    },
    random: { randomBits: 0x4e1e6f, digits: '412' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403.txt',
      name: 'M00/00/00/oYYBAGsCbjaIJBJfAAAAEsS80t4AAAAAQAAAAAAAAEA403.txt',
      source: id,
      createdAt: EARLIER,
      size: 18,
      crc32: 0xc4bcd2de,
      kind: 'normal',
      trunk: { id: 1, offset: 0, size: 256 },
      suffix: '403',
      ext: 'txt',
    },
    random: { randomBits: 0x24125f, digits: '403' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/oYYBAGsCbjaId7CqAAATiBMae74AAAAAQAAAQAAABOg8662580',
      name: 'M00/00/00/oYYBAGsCbjaId7CqAAATiBMae74AAAAAQAAAQAAABOg8662580',
      source: id,
      createdAt: EARLIER,
      size: 5000,
      crc32: 0x131a7bbe,
      kind: 'normal',
      trunk: { id: 1, offset: 256, size: 5024 },
      suffix: '8662580',
      ext: '',
    },
    random: { randomBits: 0x77b0aa, digits: '8662580' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/oYYBAGsCbjeAasklACAAAPnxcu8529.bin',
      name: 'M00/00/00/oYYBAGsCbjeAasklACAAAPnxcu8529.bin',
      source: id,
      size: 2_097_152,
      crc32: 0xf9f172ef,
      kind: 'normal',
      suffix: '529',
      ext: 'bin',
    },
    random: { randomBits: 0x6ac925, digits: '529' },
  },
  {
    file: {
      ...shared,
      id: 'group1/M00/00/00/oYYBAGsCbjeEMWr8AAAAAMlucM8078.txt',
      name: 'M00/00/00/oYYBAGsCbjeEMWr8AAAAAMlucM8078.txt',
      source: id,
      size: undefined,
      crc32: 0xc96e70cf,
      kind: 'appender',
      appender: true,
      suffix: '078',
      ext: 'txt',
    },
    random: { randomBits: 0x316afc, digits: '078' },
  },
]
