/** The tables of protocol.md §2.3, §2.4 and §4.1, copied offset by offset: records with a marker in every field. */
import type { Dialect } from '../../src/protocol/index.js'
import type { Placed } from './wire.js'
import { place } from './wire.js'

type Kind = Placed[1]
/** A field and its offset in each column; `-` where the layout has it not. */
type Row = readonly [name: string, kind: Kind | readonly Kind[], ...offsets: (number | '-')[]]

/** A record as documented: its size, who writes it, and where each field stands. */
export interface DocumentedRecord {
  readonly label: string
  readonly size: number
  readonly dialects: readonly Dialect[]
  readonly fields: readonly (readonly [name: string, kind: Kind, offset: number])[]
}

function column(rows: readonly Row[], index: number): DocumentedRecord['fields'] {
  return rows.flatMap(([name, kind, ...offsets]) => {
    const offset = offsets[index]
    if (offset === undefined) throw new Error(`${name} has no column ${index}`)
    const own = (typeof kind === 'string' ? kind : kind[index]) as Kind
    return offset === '-' ? [] : [[name, own, offset] as const]
  })
}

// prettier-ignore
const STAT_ROWS: readonly (readonly [name: string, offset: number])[] = [
  ['connectionsAllocated', 0], ['connectionsCurrent', 4], ['connectionsMax', 8],
  ['totalUpload', 12], ['successUpload', 20], ['totalAppend', 28], ['successAppend', 36],
  ['totalModify', 44], ['successModify', 52], ['totalTruncate', 60], ['successTruncate', 68],
  ['totalSetMetadata', 76], ['successSetMetadata', 84], ['totalDelete', 92], ['successDelete', 100],
  ['totalDownload', 108], ['successDownload', 116], ['totalGetMetadata', 124], ['successGetMetadata', 132],
  ['totalCreateLink', 140], ['successCreateLink', 148], ['totalDeleteLink', 156], ['successDeleteLink', 164],
  ['totalUploadBytes', 172], ['successUploadBytes', 180], ['totalAppendBytes', 188], ['successAppendBytes', 196],
  ['totalModifyBytes', 204], ['successModifyBytes', 212], ['totalDownloadBytes', 220],
  ['successDownloadBytes', 228], ['totalSyncInBytes', 236], ['successSyncInBytes', 244],
  ['totalSyncOutBytes', 252], ['successSyncOutBytes', 260], ['totalFileOpen', 268], ['successFileOpen', 276],
  ['totalFileRead', 284], ['successFileRead', 292], ['totalFileWrite', 300], ['successFileWrite', 308],
  ['lastSourceUpdate', 316], ['lastSyncUpdate', 324], ['lastSyncedTimestamp', 332], ['lastHeartBeat', 340],
]

/** §2.4: the 348 bytes of counters. */
export const STAT_BLOCK: DocumentedRecord = {
  label: 'stat block',
  size: 348,
  dialects: [],
  fields: STAT_ROWS.map(([name, offset]) => [name, offset < 12 ? 'i32' : 'i64', offset] as const),
}

// prettier-ignore
const STORAGE_ROWS: readonly Row[] = [
  // field                                                      612  642  644  509  517  487
  ['status', 'u8',                                                0,   0,   0,   0,   0,   0],
  ['rwMode', 'u8',                                              '-', '-', '-',   1,   1,   1],
  ['id', 'str16',                                                 1,   1,   1,   2,   2,   2],
  ['ip', ['str16', 'str46', 'str46', 'str46', 'str46', 'str16'], 17,  17,  17,  18,  18,  18],
  ['domainName', 'str128',                                       33,  63,  63, '-', '-', '-'],
  ['syncSourceId', 'str16',                                     161, 191, 191,  64,  64,  34],
  ['version', ['str6', 'str6', 'str8', 'str8', 'str8', 'str8'], 177, 207, 207,  80,  80,  50],
  ['joinTime', 'i64',                                           183, 213, 215,  88,  88,  58],
  ['upTime', 'i64',                                             191, 221, 223,  96,  96,  66],
  ['totalMb', 'i64',                                            199, 229, 231, 104, 104,  74],
  ['freeMb', 'i64',                                             207, 237, 239, 112, 112,  82],
  ['reservedMb', 'i64',                                         '-', '-', '-', '-', 120,  90],
  ['uploadPriority', 'i64',                                     215, 245, 247, 120, 128,  98],
  ['storePathCount', 'i64',                                     223, 253, 255, 128, 136, 106],
  ['subdirCountPerPath', 'i64',                                 231, 261, 263, 136, 144, 114],
  ['currentWritePath', 'i64',                                   239, 269, 271, 144, 152, 122],
  ['storagePort', 'i64',                                        247, 277, 279, 152, 160, 130],
  ['storageHttpPort', 'i64',                                    255, 285, 287, '-', '-', '-'],
  ['stats', 'u8',                                               263, 293, 295, 160, 168, 138],
  ['isTrunkServer', 'u8',                                       611, 641, 643, 508, 516, 486],
]

const wide = (version: string): Dialect => ({ version, addressSize: 46 })
const narrow = (version: string): Dialect => ({ version, addressSize: 16 })

/** 614 and 479: 644 and 509 with an IP of 16 instead of 46 bytes. */
function withNarrowIp(record: DocumentedRecord, dialects: Dialect[]): DocumentedRecord {
  const ipOffset = record.fields.find(([name]) => name === 'ip')?.[2] as number
  return {
    label: `${record.size - 30}`,
    size: record.size - 30,
    dialects,
    fields: record.fields.map(([name, kind, offset]) => [
      name,
      name === 'ip' ? 'str16' : kind,
      offset > ipOffset ? offset - 30 : offset,
    ]),
  }
}

const storage = (size: number, index: number, dialects: Dialect[]): DocumentedRecord => ({
  label: `${size}`,
  size,
  dialects,
  fields: column(STORAGE_ROWS, index),
})
const of644 = storage(644, 2, [wide('6.12.0'), wide('6.12.2')])
const of509 = storage(509, 3, [wide('6.13.0')])

/** §2.4: the records of 92, by size. */
export const STORAGE_RECORDS: readonly DocumentedRecord[] = [
  storage(612, 0, [narrow('5.11'), narrow('6.06'), narrow('6.10')]),
  storage(642, 1, [wide('6.11'), wide('6.11.0')]),
  of644,
  withNarrowIp(of509, [narrow('6.13.0')]),
  of509,
  storage(517, 4, [wide('6.13.1'), wide('6.14'), wide('6.16.1')]),
  storage(487, 5, [narrow('6.15.0'), narrow('6.16.1')]),
  withNarrowIp(of644, [narrow('6.12.0')]),
]

// prettier-ignore
const GROUP_ROWS: readonly Row[] = [
  // field                      ≤6.12 6.13.0 ≥6.13.1
  ['group', 'str17',               0,    0,    0],
  ['totalMb', 'i64',              17,   17,   17],
  ['freeMb', 'i64',               25,   25,   25],
  ['reservedMb', 'i64',          '-',  '-',   33],
  ['trunkFreeMb', 'i64',          33,   33,   41],
  ['storageCount', 'i64',         41,   41,   49],
  ['storagePort', 'i64',          49,   49,   57],
  ['storageHttpPort', 'i64',      57,  '-',  '-'],
  ['readableCount', 'i64',       '-',   57,   65],
  ['activeCount', 'i64',          65,   65,   73],
  ['currentWriteServer', 'i64',   73,   73,   81],
  ['storePathCount', 'i64',       81,   81,   89],
  ['subdirCountPerPath', 'i64',   89,   89,   97],
  ['currentTrunkFileId', 'i64',   97,   97,  105],
]

const group = (label: string, size: number, index: number, dialects: Dialect[]): DocumentedRecord => ({
  label,
  size,
  dialects,
  fields: column(GROUP_ROWS, index),
})

/** §2.3: the records of 90 and 91. */
export const GROUP_RECORDS: readonly DocumentedRecord[] = [
  group('105 up to V6.12', 105, 0, [narrow('5.11'), narrow('6.10'), wide('6.11.0'), wide('6.12.2')]),
  group('105 of V6.13.0', 105, 1, [wide('6.13.0'), narrow('6.13.0')]),
  group('113', 113, 2, [wide('6.13.1'), narrow('6.15.0'), narrow('6.16.1'), wide('6.16.1')]),
]

// prettier-ignore
const JOIN_ROWS: readonly Row[] = [
  // field                                                         V5  6.00 6.11 6.12 6.13
  ['group', 'str17',                                                0,   0,   0,   0,   0],
  ['storagePort', 'i64',                                           17,  17,  17,  17,  17],
  ['storageHttpPort', 'i64',                                       25,  25,  25,  25, '-'],
  ['storePathCount', 'i64',                                        33,  33,  33,  33,  25],
  ['subdirCountPerPath', 'i64',                                    41,  41,  41,  41,  33],
  ['uploadPriority', 'i64',                                        49,  49,  49,  49,  41],
  ['joinTime', 'i64',                                              57,  57,  57,  57,  49],
  ['upTime', 'i64',                                                65,  65,  65,  65,  57],
  ['version', ['str6', 'str6', 'str6', 'str8', 'str8'],            73,  73,  73,  73,  65],
  ['domainName', 'str128',                                         79,  79,  79,  81, '-'],
  ['initFlag', 'u8',                                              207, 207, 207, 209,  73],
  ['status', 'i8',                                                208, 208, 208, 210,  74],
  ['id', 'str16',                                                 '-', '-', 209, 211,  75],
  ['currentTrackerIp', ['str1', 'str16', 'str46', 'str46', 'str46'], '-', 209, 225, 227, 91],
  ['trackerCount', 'i64',                                         209, 225, 271, 273, 137],
]

/** §4.1: the fixed part of a JOIN body, and the width of the tracker slots behind it (0: lines of text). */
export const JOIN_BODIES: readonly (DocumentedRecord & { slot: number })[] = [
  {
    label: 'V5',
    size: 217,
    dialects: [narrow('5.05'), narrow('5.12')],
    slot: 22,
    fields: column(JOIN_ROWS, 0),
  },
  {
    label: 'V6.00–6.10',
    size: 233,
    dialects: [narrow('6.00'), narrow('6.06'), narrow('6.10')],
    slot: 40,
    fields: column(JOIN_ROWS, 1),
  },
  { label: 'V6.11.0', size: 279, dialects: [wide('6.11.0')], slot: 100, fields: column(JOIN_ROWS, 2) },
  {
    label: 'V6.12',
    size: 281,
    dialects: [wide('6.12.0'), wide('6.12.2')],
    slot: 100,
    fields: column(JOIN_ROWS, 3),
  },
  {
    label: 'V6.13–6.14',
    size: 145,
    dialects: [wide('6.13.0'), wide('6.14')],
    slot: 100,
    fields: column(JOIN_ROWS, 4),
  },
  {
    label: 'V6.15 and newer',
    size: 145,
    dialects: [narrow('6.15.0'), wide('6.16.1'), narrow('6.16.1')],
    slot: 0,
    fields: column(JOIN_ROWS, 4),
  },
]

/** What a record holds in {@link marked}: another number in every field, texts that fill theirs. */
export interface Marked {
  readonly bytes: Buffer
  readonly values: Record<string, unknown>
}

/** A record with a marker in every field; `seed` makes the markers of two records differ. */
export function marked(record: DocumentedRecord, seed = 0): Marked {
  const values: Record<string, unknown> = {}
  const placed: Placed[] = []
  let stats: readonly [offset: number, bytes: Buffer] | undefined
  for (const [index, [name, kind, offset]] of record.fields.entries()) {
    if (name === 'stats') {
      const block = marked(STAT_BLOCK, seed + 50)
      values['stats'] = block.values
      stats = [offset, block.bytes]
      continue
    }
    const value = name === 'isTrunkServer' ? 1 : markerOf(name, kind, index, seed)
    values[name] = name === 'isTrunkServer' ? true : value
    placed.push([offset, kind, value])
  }
  const bytes = place(record.size, placed)
  if (stats !== undefined) stats[1].copy(bytes, stats[0])
  return { bytes, values }
}

function markerOf(name: string, kind: Kind, index: number, seed: number): number | string {
  switch (kind) {
    case 'u8':
      return 200 - index
    case 'i8':
      return -1
    case 'i32':
      return 0x0102_0300 + index + seed
    case 'i64':
      // Both halves differ from field to field.
      return (index + 1) * 2 ** 32 + 0xfedc_0000 + index + seed
    default: {
      // Up to the last byte but one; a version has no NUL at all.
      const width = Number(kind.slice(3))
      return `${index}${name}`.repeat(16).slice(0, name === 'version' ? width : width - 1)
    }
  }
}

/** A copy of `values` without some of them. */
export function without(values: Record<string, unknown>, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)))
}
