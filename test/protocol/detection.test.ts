/** Reading from a server of unknown version: the layout is told by the length alone. */
import type { Command, Dialect } from '../../src/protocol/index.js'
import {
  decodeRequest,
  decodeResponse,
  storageCommands,
  trackerClusterCommands,
  trackerCommands,
} from '../../src/protocol/index.js'
import { ProtocolError } from '../../src/errors.js'
import type { DocumentedRecord } from './tables.js'
import { GROUP_RECORDS, JOIN_BODIES, marked, STORAGE_RECORDS, without } from './tables.js'
import { place, request, response } from './wire.js'

const COUNTS = Array.from({ length: 32 }, (_, index) => index + 1)
const GROUP = Buffer.from('group1'.padEnd(16, '\0'))

const zeros = (size: number): Buffer => response(Buffer.alloc(size))

describe('92, by the size of its records', () => {
  const sizes = STORAGE_RECORDS.map(({ size }) => size)

  it('are those of protocol.md', () => {
    expect([...sizes].sort()).toEqual([479, 487, 509, 517, 612, 614, 642, 644])
  })

  // So that the test below is no accident of the implementation.
  it('no length has two readings', () => {
    const lengths = sizes.flatMap((size) => COUNTS.map((count) => size * count))
    expect(new Set(lengths).size).toBe(sizes.length * 32)
  })

  it.each(STORAGE_RECORDS)('$size: 1 to 32 records', (record) => {
    const records = COUNTS.map((count) => marked(record, count))
    for (const count of COUNTS) {
      const own = records.slice(0, count)
      const bytes = response(Buffer.concat(own.map(({ bytes }) => bytes)))
      expect(decodeResponse(trackerCommands.listStorage, bytes)).toStrictEqual({
        storages: own.map(({ values }) => values),
      })
    }
  })

  it('an empty reply is an empty group', () => {
    expect(decodeResponse(trackerCommands.listStorage, zeros(0))).toStrictEqual({ storages: [] })
  })

  it('an unknown length is named', () => {
    const known = sizes.flatMap((size) => COUNTS.map((count) => size * count))
    for (const length of unknownBeside(known)) {
      const failure = failureOf(() => decodeResponse(trackerCommands.listStorage, zeros(length)))
      expect(failure).toBeInstanceOf(ProtocolError)
      expect(failure.message).toContain(`${length} bytes`)
      expect(failure.command).toBe('listStorage')
    }
  })

  it.each(sizes)('33 records of %i bytes are not believed', (size) => {
    expect(() => decodeResponse(trackerCommands.listStorage, zeros(size * 33))).toThrow(`${size * 33} bytes`)
  })
})

describe('90 and 91, by the size of their records', () => {
  const [old, of6130, current] = GROUP_RECORDS as [DocumentedRecord, DocumentedRecord, DocumentedRecord]
  const undecidable = (values: Record<string, unknown>): Record<string, unknown> =>
    without(values, 'storageHttpPort', 'readableCount')

  it.each([old, of6130])('$label: what stands at 57 is hidden, the rest is read', (record) => {
    const { bytes, values } = marked(record)
    const read = decodeResponse(trackerCommands.listOneGroup, response(bytes))
    expect(read).toStrictEqual(undecidable(values))
    expect(read).not.toHaveProperty('storageHttpPort')
    expect(read).not.toHaveProperty('readableCount')
    expect(read.activeCount).toBe(values['activeCount'])
  })

  it('113: all of it is read', () => {
    const { bytes, values } = marked(current)
    expect(decodeResponse(trackerCommands.listOneGroup, response(bytes))).toStrictEqual(values)
  })

  it.each([old, of6130, current])('$label: 1 to 104 groups', (record) => {
    const records = Array.from({ length: 104 }, (_, index) => marked(record, index))
    for (let count = 1; count <= 104; count++) {
      const own = records.slice(0, count)
      const bytes = response(Buffer.concat(own.map(({ bytes }) => bytes)))
      const { groups } = decodeResponse(trackerCommands.listAllGroups, bytes)
      expect(groups).toStrictEqual(
        own.map(({ values }) => (record === current ? values : undecidable(values))),
      )
    }
  })

  it('the length of 113 old records is read as 105 new ones', () => {
    expect(decodeResponse(trackerCommands.listAllGroups, zeros(105 * 113)).groups).toHaveLength(105)
  })

  it('512 groups at most', () => {
    expect(decodeResponse(trackerCommands.listAllGroups, zeros(113 * 512)).groups).toHaveLength(512)
    expect(() => decodeResponse(trackerCommands.listAllGroups, zeros(113 * 513))).toThrow(ProtocolError)
  })

  it.each([0, 1, 104, 106, 112, 114, 210, 226])('one group is never %i bytes', (length) => {
    const failure = failureOf(() => decodeResponse(trackerCommands.listOneGroup, zeros(length)))
    expect(failure).toBeInstanceOf(ProtocolError)
    expect(failure.message).toContain(`${length} bytes`)
  })
})

/** `count` addresses with their ports, `width` bytes each address; the ports only where they are asked for. */
function members(count: number): { ip: string; port: number }[] {
  return Array.from({ length: count }, (_, index) => ({ ip: `10.1.2.${index}`, port: 23000 + index }))
}

function addresses(list: readonly { ip: string; port?: number }[], width: number): Buffer {
  return Buffer.concat(
    list.map(({ ip, port }) =>
      place(port === undefined ? width : width + 8, [
        [0, 'str15', ip],
        ...(port === undefined ? [] : ([[width, 'i64', port]] as const)),
      ]),
    ),
  )
}

describe('106 and 107, by the width of their addresses', () => {
  const commands = [trackerCommands.queryStoreWithoutGroupAll, trackerCommands.queryStoreWithGroupAll]

  it.each(COUNTS)('%i storages', (count) => {
    const storages = members(count)
    for (const width of [15, 45]) {
      const bytes = response(Buffer.concat([GROUP, addresses(storages, width), Buffer.of(7)]))
      expect(bytes).toHaveLength(10 + 17 + count * (width + 8))
      for (const command of commands) {
        expect(decodeResponse(command, bytes)).toStrictEqual({ group: 'group1', storages, storePathIndex: 7 })
      }
    }
  })

  it('no storage at all', () => {
    for (const command of commands) expect(decodeResponse(command, zeros(17)).storages).toEqual([])
  })

  it('1219 bytes of addresses are 23 wide ones: 53 narrow ones are too many', () => {
    const bytes = response(Buffer.concat([GROUP, addresses(members(53), 15), Buffer.of(0)]))
    expect(() => decodeResponse(trackerCommands.queryStoreWithGroupAll, bytes)).toThrow(ProtocolError)
  })
})

describe('105, by length and by what can be a port', () => {
  const forms = [15, 45].flatMap((width) => [true, false].map((hasPorts) => ({ width, hasPorts })))

  it.each(forms)('addresses of $width bytes, each with a port: $hasPorts', ({ width, hasPorts }) => {
    for (const count of COUNTS) {
      const [first, ...rest] = members(count) as [{ ip: string; port: number }]
      const others = rest.map(({ ip, port }) => (hasPorts ? { ip, port } : { ip }))
      const bytes = response(Buffer.concat([GROUP, addresses([first, ...others], width)]))
      expect(bytes).toHaveLength(10 + 24 + width + (count - 1) * (hasPorts ? width + 8 : width))
      expect(decodeResponse(trackerCommands.queryFetchAll, bytes)).toStrictEqual({
        group: 'group1',
        ...first,
        others,
      })
    }
  })

  it.each(['1.1.1.1', '10.0.0.1', '255.255.255.255'])('69 bytes may be three members or one (%s)', (ip) => {
    const three = Buffer.concat([GROUP, addresses([{ ip, port: 1 }, { ip }, { ip }], 15)])
    const one = Buffer.concat([GROUP, addresses([{ ip, port: 65_535 }], 45)])
    expect([three.length, one.length]).toEqual([69, 69])
    expect(decodeResponse(trackerCommands.queryFetchAll, response(three))).toStrictEqual({
      group: 'group1',
      ip,
      port: 1,
      others: [{ ip }, { ip }],
    })
    expect(decodeResponse(trackerCommands.queryFetchAll, response(one))).toStrictEqual({
      group: 'group1',
      ip,
      port: 65_535,
      others: [],
    })
  })

  it.each([0, -1, 65_536, 2 ** 40])('a port of %d is no port', (port) => {
    const body = Buffer.concat([GROUP, addresses([{ ip: '10.0.0.1', port }], 15)])
    expect(() => decodeResponse(trackerCommands.queryFetchAll, response(body))).toThrow(ProtocolError)
    expect(() => decodeResponse(trackerCommands.queryFetchOne, response(body))).toThrow(ProtocolError)
  })
})

describe('66 and 67, padded up to V6.14', () => {
  it.each([0, 22, 52])('in a field of %i bytes', (size) => {
    const leader = '10.77.0.11:22122'
    const body = size === 0 ? Buffer.from(leader) : place(size, [[0, 'str22', leader]])
    for (const command of [
      trackerClusterCommands.trackerNotifyNextLeader,
      trackerClusterCommands.trackerCommitNextLeader,
    ]) {
      expect(decodeRequest(command, request(command.number, body))).toStrictEqual({ leader })
    }
  })
})

describe('any other length', () => {
  /** The lengths that protocol.md names. */
  const fixed: [Command, 'request' | 'response', number[]][] = [
    [trackerCommands.queryStoreWithoutGroupOne, 'response', [40, 70]],
    [trackerCommands.queryStoreWithGroupOne, 'response', [40, 70]],
    [trackerCommands.queryFetchOne, 'response', [39, 69]],
    [trackerCommands.queryUpdate, 'response', [39, 69]],
    [
      trackerCommands.queryFetchAll,
      'response',
      COUNTS.flatMap((n) => [16 + 23 * n, 24 + 15 * n, 16 + 53 * n, 24 + 45 * n]),
    ],
    [
      trackerCommands.queryStoreWithGroupAll,
      'response',
      [...COUNTS, 0].flatMap((n) => [17 + 23 * n, 17 + 53 * n]),
    ],
    [trackerCommands.listOneGroup, 'response', [105, 113]],
    [trackerCommands.trackerGetStatus, 'response', [17]],
    [trackerCommands.storageGetStatus, 'response', [37, 67]],
    [trackerCommands.storageGetGroupName, 'response', [16]],
    [trackerCommands.storageGetMyIp, 'request', [16, 21]],
    [trackerCommands.fetchStorageIds, 'request', [4, 5]],
    [trackerClusterCommands.storageJoin, 'response', [16, 17]],
    [trackerClusterCommands.storageReportIpChanged, 'request', [48, 108]],
    [trackerClusterCommands.storageReportStatus, 'request', [53, 83]],
    [trackerClusterCommands.storageBeat, 'request', [0, 348]],
    [trackerClusterCommands.storageBeat, 'response', [0, 1]],
    [trackerClusterCommands.storageReplicaChg, 'request', [...COUNTS, 0].flatMap((n) => [37 * n, 67 * n])],
    [trackerClusterCommands.storageSyncReport, 'request', [...COUNTS, 0].map((n) => 20 * n)],
    [trackerClusterCommands.storageReportDiskUsage, 'request', Array.from({ length: 257 }, (_, n) => 16 * n)],
    [trackerClusterCommands.storageSyncDestReq, 'response', [0, 24]],
    [storageCommands.queryFileInfo, 'response', [40, 70]],
    [storageCommands.deleteFile, 'response', [0]],
  ]

  it.each(fixed.map(([command, side, lengths]) => ({ command, side, lengths, name: command.name })))(
    '$name, $side',
    ({ command, side, lengths }) => {
      const decode = (length: number): unknown =>
        side === 'request'
          ? decodeRequest(command, request(command.number, Buffer.alloc(length)))
          : decodeResponse(command, zeros(length))
      // Those with ports are read above; zero is none.
      const hasPort = side === 'response' && command.server === 'tracker' && command.name.startsWith('query')
      if (!hasPort) for (const length of lengths) expect(() => decode(length)).not.toThrow()
      for (const length of unknownBeside(lengths)) {
        const failure = failureOf(() => decode(length))
        expect(failure).toBeInstanceOf(ProtocolError)
        expect(failure.message).toMatch(new RegExp(`\\b${length}\\b`))
        expect(failure.command).toBe(command.name)
      }
    },
  )
})

describe('a JOIN from a storage of any version', () => {
  const grid = JOIN_BODIES.flatMap((record) =>
    [1, 2, 16].map((count) => ({ record, count, label: record.label })),
  )

  it.each(grid)('$label, $count trackers', ({ record, count }) => {
    const trackers = Array.from({ length: count }, (_, index) => `10.77.0.${index}:22122`)
    const { bytes: fixed, values } = marked(record)
    fixed.writeBigInt64BE(BigInt(count), record.size - 8)
    const tail = trackers.map((text) =>
      record.slot === 0 ? Buffer.from(`${text}\n`) : place(record.slot, [[0, 'str100', text]]),
    )
    const fields = without(values, 'trackerCount')
    const bytes = request(81, Buffer.concat([fixed, ...tail]))
    expect(decodeRequest(trackerClusterCommands.storageJoin, bytes)).toStrictEqual({ ...fields, trackers })
  })
})

describe('a server whose version is known', () => {
  it('is not read in any other layout', () => {
    const dialect: Dialect = { version: '6.16.1', addressSize: 16 }
    expect(() => decodeResponse(trackerCommands.listOneGroup, zeros(105), { dialect })).toThrow(ProtocolError)
    expect(() => decodeResponse(trackerCommands.listStorage, zeros(517), { dialect })).toThrow(ProtocolError)
    expect(() => decodeResponse(trackerCommands.queryFetchOne, zeros(69), { dialect })).toThrow(ProtocolError)
  })
})

/** Lengths that are none of `known`: the small ones, the neighbours of the known ones, and some in between. */
function unknownBeside(known: readonly number[]): number[] {
  const lengths = [
    ...Array.from({ length: 120 }, (_, length) => length),
    ...known.slice(0, 60).flatMap((length) => [length - 1, length + 1]),
    ...Array.from({ length: 60 }, (_, index) => 131 + 31 * index),
  ]
  return [...new Set(lengths)].filter((length) => length > 0 && !known.includes(length))
}

function failureOf(act: () => unknown): ProtocolError {
  try {
    act()
  } catch (error) {
    return error as ProtocolError
  }
  throw new Error('nothing was thrown')
}
