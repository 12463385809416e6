/**
 * Every command that no capture holds, and every layout, as bytes written by hand from protocol.md: they are encoded
 * to exactly these bytes and decoded to exactly these values.
 */
import type { Command, Dialect, RequestPacket, ResponsePacket } from '../../src/protocol/index.js'
import {
  commandsOf,
  connectionCommands,
  decodeHeader,
  decodeRequest,
  decodeResponse,
  encodeHeader,
  encodeRequest,
  encodeRequestHead,
  encodeResponse,
  encodeStatus,
  limits,
  storageClusterCommands,
  storageCommands,
  trackerClusterCommands,
  trackerCommands,
} from '../../src/protocol/index.js'
import { exchangesOf } from '../support/captures.js'
import { GROUP_RECORDS, JOIN_BODIES, marked, STAT_BLOCK, STORAGE_RECORDS, without } from './tables.js'
import { packet, place, request, response, wire } from './wire.js'

/** Commands that some case below is about; the record of 90 is tested field by field. */
const covered = new Set(['tracker 90'])

interface Literal {
  command: Command
  title: string
  dialect: Dialect | undefined
  status: number
  request: readonly [bytes: Buffer, values: object]
  response: readonly [bytes: Buffer, values: object] | undefined
}

/** What one case says; the response may be left out where another case of the command has it. */
interface Case<C> {
  title?: string
  dialect?: Dialect
  status?: number
  request: readonly [bytes: Buffer, values: RequestPacket<C>]
  response?: readonly [bytes: Buffer, values: ResponsePacket<C>]
}

function literals<C extends Command>(command: C, ...cases: Case<C>[]): Literal[] {
  for (const server of command.server === 'any' ? ['tracker', 'storage'] : [command.server])
    covered.add(`${server} ${command.number}`)
  return cases.map(({ title, dialect, status = 0, request, response }) => ({
    command,
    title: `${command.number} ${command.name}${title === undefined ? '' : `: ${title}`}`,
    dialect,
    status,
    request,
    response,
  }))
}

const tracker = { ...trackerCommands, ...trackerClusterCommands }
const storage = { ...storageCommands, ...storageClusterCommands }
const content = (text: string): Buffer => Buffer.from(text, 'latin1')

const V5_11: Dialect = { version: '5.11', addressSize: 16 }
const V6_06: Dialect = { version: '6.06', addressSize: 16 }
const V6_12: Dialect = { version: '6.12.2', addressSize: 46 }
const V6_16: Dialect = { version: '6.16.1', addressSize: 16 }
const V6_16_WIDE: Dialect = { version: '6.16.1', addressSize: 46 }

const OK = packet`0000000000000000 64 00`
const group = 'group1'
const timestamp = 0x6b026e37

const slot = {
  storePathIndex: 2,
  highDir: 0x1f,
  lowDir: 0xff,
  trunkFileId: 0x01020304,
  offset: 0x00a0b0c0,
  size: 0x00000100,
}

const cases: Literal[] = [
  // Both daemons, §1.1
  ...literals(connectionCommands.activeTest, {
    request: [packet`0000000000000000 6f 00`, {}],
    response: [OK, {}],
  }),
  ...literals(connectionCommands.quit, { request: [packet`0000000000000000 52 00`, {}] }),

  // Storage to storage, §4.8
  ...literals(storage.syncUpdateFile, {
    request: [
      packet`
        000000000000003a 12 00
        000000000000000d              # length of the name
        0000000000000009              # size
        6b026e37                      # timestamp
        "group1" 00*10                # group
        "M00/00/00/a-m"               # name
        "width" 02 "100"              # content
      `,
      { group, name: 'M00/00/00/a-m', size: 9, timestamp, content: content('width\x02100') },
    ],
    response: [OK, {}],
  }),
  ...literals(storage.syncCreateFile, {
    title: 'status 17, "you have it": the size of the file, and no content',
    status: 17,
    request: [
      packet`
        000000000000002f 10 11
        000000000000000b              # length of the name
        0000000000100000              # size
        6b026e37                      # timestamp
        "group1" 00*10                # group
        "M00/00/00/a"                 # name
      `,
      { group, name: 'M00/00/00/a', size: 0x100000, timestamp, content: content('') },
    ],
  }),
  ...literals(storage.syncCreateLink, {
    request: [
      packet`
        000000000000003b 13 00
        000000000000000b              # length of the link
        000000000000000c              # length of the source
        6b026e37                      # timestamp
        "group1" 00*10                # group
        "M00/00/00/b"                 # link
        "M00/00/00/aa"                # source
      `,
      { group, linkName: 'M00/00/00/b', sourceName: 'M00/00/00/aa', timestamp },
    ],
    response: [OK, {}],
  }),
  ...literals(storage.fetchOnePathBinlog, {
    request: [
      packet`
        0000000000000011 1a 00
        "group1" 00*10                # group
        01                            # store path index
      `,
      { group, storePathIndex: 1 },
    ],
    // The response is no packet: its header announces 2^58 bytes (§4.8).
  }),

  // Trunk files, §7
  ...literals(storage.trunkAllocSpace, {
    request: [
      packet`
        0000000000000015 1b 00
        "group1" 00*10                # group
        00000118                      # size
        02                            # store path index
      `,
      { group, size: 0x118, storePathIndex: 2 },
    ],
    response: [
      packet`
        000000000000000f 64 00
        02 1f ff                      # store path, high and low directory
        01020304                      # trunk file id
        00a0b0c0                      # offset
        00000100                      # size
      `,
      slot,
    ],
  }),
  ...literals(
    storage.trunkAllocConfirm,
    {
      request: [
        packet`
          000000000000001f 1c 00
          "group1" 00*10              # group
          02 1f ff                    # store path, high and low directory
          01020304 00a0b0c0 00000100  # trunk file id, offset, size
        `,
        { group, slot },
      ],
      response: [OK, {}],
    },
    {
      title: 'the result is the header status',
      status: 28,
      request: [
        packet`
          000000000000001f 1c 1c
          "group1" 00*10
          02 1f ff 01020304 00a0b0c0 00000100
        `,
        { group, slot },
      ],
    },
  ),
  ...literals(storage.trunkFreeSpace, {
    request: [
      packet`
        000000000000001f 1d 00
        "group1" 00*10                # group
        02 1f ff                      # store path, high and low directory
        01020304 00a0b0c0 00000100    # trunk file id, offset, size
      `,
      { group, slot },
    ],
    response: [OK, {}],
  }),
  ...literals(storage.trunkGetBinlogSize, {
    request: [packet`0000000000000000 1f 00`, {}],
    response: [packet`0000000000000008 64 00  0000000100000002`, { size: 0x1_0000_0002 }],
  }),
  ...literals(storage.trunkDeleteBinlogMarks, {
    request: [packet`0000000000000000 20 00`, {}],
    response: [OK, {}],
  }),

  // Clients to storages, §3
  ...literals(
    storage.createLink,
    {
      title: 'without a master',
      request: [
        packet`
          000000000000004c 14 00
          0000000000000000            # length of the master
          000000000000000b            # length of the source
          0000000000000003            # length of the signature
          "group1" 00*10              # group
          00*16                       # prefix
          "jpg" 00*3                  # ext
          "M00/00/00/a"               # source
          ff0001                      # signature
        `,
        {
          group,
          prefix: '',
          ext: 'jpg',
          masterName: '',
          sourceName: 'M00/00/00/a',
          signature: Buffer.from([0xff, 0, 1]),
        },
      ],
      response: [
        packet`
          000000000000001b 64 00
          "group1" 00*10              # group
          "M00/00/00/b"               # name
        `,
        { group, name: 'M00/00/00/b' },
      ],
    },
    {
      title: 'with a master',
      request: [
        packet`
          0000000000000057 14 00
          000000000000000c            # length of the master
          000000000000000b            # length of the source
          0000000000000002            # length of the signature
          "group1" 00*10              # group
          "_150x150" 00*8             # prefix
          "tar.gz"                    # ext
          "M00/00/00/ma"              # master
          "M00/00/00/a"               # source
          abcd                        # signature
        `,
        {
          group,
          prefix: '_150x150',
          ext: 'tar.gz',
          masterName: 'M00/00/00/ma',
          sourceName: 'M00/00/00/a',
          signature: Buffer.from([0xab, 0xcd]),
        },
      ],
    },
  ),
  ...[0, limits.FILE_INFO_FLAGS.NO_CRC, limits.FILE_INFO_FLAGS.SILENT, 3].flatMap((flags) =>
    literals(storage.queryFileInfo, {
      title: `flags ${flags}`,
      status: flags,
      request: [
        Buffer.concat([
          wire`000000000000001b 16`, // body length, command
          Buffer.from([flags]),
          wire`"group1" 00*10 "M00/00/00/a"`,
        ]),
        { group, name: 'M00/00/00/a' },
      ],
    }),
  ),
  ...literals(
    storage.queryFileInfo,
    {
      title: '40 bytes, CRC without its top bit',
      request: [packet`000000000000001b 16 00 "group1" 00*10 "M00/00/00/a"`, { group, name: 'M00/00/00/a' }],
      response: [
        packet`
          0000000000000028 64 00
          0000000200000001            # size
          000000006b026e37            # modified at
          0000000074581f24            # CRC32
          "10.77.0.12" 00*6           # source IP
        `,
        { size: 0x2_0000_0001, modifiedAt: timestamp, crc32: 0x74581f24, sourceIp: '10.77.0.12' },
      ],
    },
    {
      title: '70 bytes, CRC sign-extended',
      dialect: V6_16_WIDE,
      request: [packet`000000000000001b 16 00 "group1" 00*10 "M00/00/00/a"`, { group, name: 'M00/00/00/a' }],
      response: [
        packet`
          0000000000000046 64 00
          000000000000000d            # size
          000000006b026e37            # modified at
          ffffffffc4581f24            # CRC32
          "2001:db8:0:0:1::12" 00*28  # source IP
        `,
        { size: 13, modifiedAt: timestamp, crc32: 0xc4581f24, sourceIp: '2001:db8:0:0:1::12' },
      ],
    },
  ),

  // Clients to trackers, §2
  ...literals(
    tracker.queryStoreWithGroupOne,
    {
      title: '40 bytes',
      request: [packet`0000000000000010 68 00 "group1" 00*10`, { group }],
      response: [
        packet`
          0000000000000028 64 00
          "group1" 00*10              # group
          "255.255.255.255"           # IP, 15 bytes, no NUL
          00000000000059d8            # port
          ff                          # store path index
        `,
        { group, ip: '255.255.255.255', port: 23000, storePathIndex: 255 },
      ],
    },
    {
      title: '70 bytes',
      dialect: V6_12,
      request: [packet`0000000000000010 68 00 "0123456789abcdef"`, { group: '0123456789abcdef' }],
      response: [
        packet`
          0000000000000046 64 00
          "0123456789abcdef"          # group, 16 bytes, no NUL
          "10.77.0.12" 00*35          # IP
          00000000000059d8            # port
          01                          # store path index
        `,
        { group: '0123456789abcdef', ip: '10.77.0.12', port: 23000, storePathIndex: 1 },
      ],
    },
  ),
  ...literals(tracker.queryStoreWithoutGroupOne, {
    title: '70 bytes',
    dialect: V6_16_WIDE,
    request: [packet`0000000000000000 65 00`, {}],
    response: [
      packet`0000000000000046 64 00 "group1" 00*10 "::1" 00*42 00000000000059d8 00`,
      { group, ip: '::1', port: 23000, storePathIndex: 0 },
    ],
  }),
  ...[tracker.queryFetchOne, tracker.queryUpdate].flatMap((command) => [
    ...literals(command, {
      title: '39 bytes',
      request: [
        request(command.number, wire`"group1" 00*10 "M00/00/00/0123456789ab"`),
        { group, name: 'M00/00/00/0123456789ab' },
      ],
      response: [
        packet`0000000000000027 64 00 "group1" 00*10 "10.77.0.12" 00*5 00000000000059d8`,
        { group, ip: '10.77.0.12', port: 23000 },
      ],
    }),
    ...literals(command, {
      title: '69 bytes',
      dialect: V6_16_WIDE,
      request: [
        request(command.number, wire`"group1" 00*10 "M00/00/00/0123456789ab"`),
        { group, name: 'M00/00/00/0123456789ab' },
      ],
      response: [
        packet`0000000000000045 64 00 "group1" 00*10 "10.77.0.12" 00*35 00000000000059d8`,
        { group, ip: '10.77.0.12', port: 23000 },
      ],
    }),
  ]),
  ...literals(
    tracker.queryStoreWithGroupAll,
    {
      request: [packet`0000000000000010 6b 00 "group1" 00*10`, { group }],
      response: [
        packet`
          000000000000003f 64 00
          "group1" 00*10                     # group
          "10.77.0.12" 00*5 00000000000059d8 # IP, port
          "10.77.0.13" 00*5 00000000000059d9 # IP, port
          03                                 # store path index
        `,
        {
          group,
          storages: [
            { ip: '10.77.0.12', port: 23000 },
            { ip: '10.77.0.13', port: 23001 },
          ],
          storePathIndex: 3,
        },
      ],
    },
    {
      title: 'wide',
      dialect: V6_12,
      request: [packet`0000000000000010 6b 00 "group1" 00*10`, { group }],
      response: [
        packet`0000000000000046 64 00 "group1" 00*10 "10.77.0.12" 00*35 00000000000059d8 03`,
        { group, storages: [{ ip: '10.77.0.12', port: 23000 }], storePathIndex: 3 },
      ],
    },
  ),
  ...literals(tracker.deleteGroup, {
    request: [packet`0000000000000010 6c 00 "group1" 00*10`, { group }],
    response: [OK, {}],
  }),
  ...literals(
    tracker.listStorage,
    {
      title: 'all of a group, none there',
      request: [packet`0000000000000010 5c 00 "group1" 00*10`, { group }],
      response: [OK, { storages: [] }],
    },
    {
      title: 'one',
      request: [
        packet`000000000000001f 5c 00 "group1" 00*10 "123456789012345"`,
        { group, id: '123456789012345' },
      ],
    },
  ),
  ...literals(
    tracker.setTrunkServer,
    {
      title: 'the one that the tracker chooses',
      request: [packet`0000000000000010 5e 00 "group1" 00*10`, { group }],
      response: [packet`0000000000000007 64 00 "100001" 00`, { id: '100001' }],
    },
    {
      title: 'one by ID',
      request: [packet`0000000000000016 5e 00 "group1" 00*10 "100002"`, { group, id: '100002' }],
      response: [packet`0000000000000007 64 00 "100002" 00`, { id: '100002' }],
    },
  ),
  ...literals(tracker.trackerGetStatus, {
    request: [packet`0000000000000000 40 00`, {}],
    response: [
      packet`
        0000000000000011 64 00
        01                            # is leader
        0000000000000384              # running seconds
        000000000000012c              # restart interval
      `,
      { isLeader: true, runningTime: 900, restartInterval: 300 },
    ],
  }),
  ...literals(tracker.getLeader, {
    request: [packet`0000000000000000 5f 00`, {}],
    response: [packet`0000000000000010 64 00 "10.77.0.11:22122"`, { leader: '10.77.0.11:22122' }],
  }),
  ...literals(
    tracker.trackerClusterStat,
    {
      request: [
        packet`0000000000000003 60 00  02 00 01 # by leader, active no, leader yes`,
        { filterBy: 2, isActive: false, isLeader: true },
      ],
      response: [
        packet`
          00000000000000b5 64 00
          02                            # count
          "10.77.0.11:22122" 00*36      # host
          01 00                         # is leader, is active
          00000100 00000002 00000010    # connections: allocated, current, max
          "6.16.1" 00 00                # version
          000000006b026e37              # up time
          000000006b026e38              # last heart beat
          "[2001:db8:1111:2222:3333:4444:5555:6666]:22122" 00*6
          00 01
          00000101 00000003 00000011
          "12345678"                    # version without a NUL
          000000006b026e39
          0000000000000000
        `,
        {
          trackers: [
            {
              host: '10.77.0.11:22122',
              isLeader: true,
              isActive: false,
              connectionsAllocated: 256,
              connectionsCurrent: 2,
              connectionsMax: 16,
              version: '6.16.1',
              upTime: timestamp,
              lastHeartBeat: timestamp + 1,
            },
            {
              host: '[2001:db8:1111:2222:3333:4444:5555:6666]:22122',
              isLeader: false,
              isActive: true,
              connectionsAllocated: 257,
              connectionsCurrent: 3,
              connectionsMax: 17,
              version: '12345678',
              upTime: timestamp + 2,
              lastHeartBeat: 0,
            },
          ],
        },
      ],
    },
    {
      title: 'none',
      request: [packet`0000000000000003 60 00 01 01 00`, { filterBy: 1, isActive: true, isLeader: false }],
      response: [packet`0000000000000001 64 00 00`, { trackers: [] }],
    },
  ),
  ...literals(tracker.storageClusterStat, {
    request: [
      packet`0000000000000004 61 00  02 "!" 07 00 # by status, not equal, ACTIVE, no trunk server`,
      { filterBy: 2, op: '!', status: 7, isTrunkServer: false },
    ],
    response: [
      packet`
        0000000000000070 64 00
        01 00                         # use storage id, use trunk
        00000001                      # count
        "100001" 00*10                # id
        "10.77.0.12:23000" 00*36      # host
        01 07                         # is trunk server, status
        00000100 00000002 00000010    # connections: allocated, current, max
        "6.16.1" 00 00                # version
        000000006b026e37              # up time
        000000006b026e38              # last heart beat
      `,
      {
        useStorageId: true,
        useTrunkFile: false,
        storages: [
          {
            id: '100001',
            host: '10.77.0.12:23000',
            isTrunkServer: true,
            status: 7,
            connectionsAllocated: 256,
            connectionsCurrent: 2,
            connectionsMax: 16,
            version: '6.16.1',
            upTime: timestamp,
            lastHeartBeat: timestamp + 1,
          },
        ],
      },
    ],
  }),
  ...literals(tracker.storageVolumeStat, {
    request: [
      packet`0000000000000004 62 00  04 00 00 01 # by space; disk, trunk, space`,
      { filterBy: 4, disk: 0, trunk: 0, space: 1 },
    ],
    response: [
      packet`
        0000000000000040 64 00
        01                            # use trunk
        00000001                      # count
        "0123456789abcdef" 00         # group
        0000000100000001              # total MB
        0000000000000002              # free MB
        0000000000000003              # reserved MB
        0000000000000004              # available MB
        0000000000000005              # trunk free MB
        01 00                         # disk available, trunk available
      `,
      {
        useTrunkFile: true,
        groups: [
          {
            group: '0123456789abcdef',
            totalMb: 0x1_0000_0001,
            freeMb: 2,
            reservedMb: 3,
            availableMb: 4,
            trunkFreeMb: 5,
            diskAvailable: true,
            trunkAvailable: false,
          },
        ],
      },
    ],
  }),
  ...literals(
    tracker.storageGetStatus,
    {
      title: '67 bytes',
      request: [
        packet`000000000000001f 47 00 "group1" 00*10 "127.0.0.1:23000"`,
        { group, address: '127.0.0.1:23000' },
      ],
      response: [
        packet`
          0000000000000043 64 00
          07                          # status
          000059d8                    # port
          "3SHkbAAAAAA." 00*4         # id
          "2001:db8::12" 00*34        # IP
        `,
        { status: 7, port: 23000, id: '3SHkbAAAAAA.', ip: '2001:db8::12' },
      ],
    },
    {
      title: '37 bytes',
      dialect: V6_06,
      request: [packet`0000000000000010 47 00 "group1" 00*10`, { group }],
      response: [
        packet`
          0000000000000025 64 00
          05                          # status
          000059d8                    # port
          "255.255.255.255" 00        # id
          "255.255.255.255" 00        # IP
        `,
        { status: 5, port: 23000, id: '255.255.255.255', ip: '255.255.255.255' },
      ],
    },
  ),
  ...literals(
    tracker.storageGetServerId,
    {
      request: [
        packet`000000000000001f 46 00 "group1" 00*10 "127.0.0.1:23000"`,
        { group, address: '127.0.0.1:23000' },
      ],
      response: [packet`0000000000000006 64 00 "100001"`, { id: '100001' }],
    },
    {
      title: 'of the caller',
      request: [packet`0000000000000010 46 00 "group1" 00*10`, { group }],
      response: [packet`000000000000000a 64 00 "10.77.0.12"`, { id: '10.77.0.12' }],
    },
  ),
  ...literals(
    tracker.storageGetGroupName,
    {
      request: [
        packet`
          000000000000000e 6d 00
          "10.77.0.12"                # IP
          000059d8                    # port
        `,
        { ip: '10.77.0.12', port: 23000 },
      ],
      response: [packet`0000000000000010 64 00 "group1" 00*10`, { group }],
    },
    {
      title: 'of the caller',
      request: [packet`0000000000000004 6d 00 000059d8`, { ip: '', port: 23000 }],
    },
  ),
  ...literals(
    tracker.storageGetMyIp,
    {
      title: '21 bytes',
      request: [
        packet`
          0000000000000015 3c 00
          "0123456789abcdef" 00       # group
          000059d8                    # port
        `,
        { group: '0123456789abcdef', port: 23000 },
      ],
      response: [packet`0000000000000015 64 00 "10.77.0.12,10.78.0.12"`, { ip: '10.77.0.12,10.78.0.12' }],
    },
    {
      title: '16 bytes',
      dialect: { version: '6.15.5', addressSize: 16 },
      request: [packet`0000000000000010 3c 00 "0123456789abcdef"`, { group: '0123456789abcdef' }],
    },
  ),
  ...literals(
    tracker.fetchStorageIds,
    {
      title: '5 bytes',
      request: [
        packet`0000000000000005 45 00  00000102 01 # start index, allow empty`,
        { startIndex: 258, allowEmpty: true },
      ],
      response: [
        packet`
          000000000000003e 64 00
          00000002                    # total
          00000001                    # count
          "100001 group1 10.77.0.12,[2001:db8::12]:23000 rw=read" 0a
        `,
        { total: 2, count: 1, lines: '100001 group1 10.77.0.12,[2001:db8::12]:23000 rw=read\n' },
      ],
    },
    {
      title: '4 bytes',
      dialect: V6_06,
      request: [packet`0000000000000004 45 00  00000000 # start index`, { startIndex: 0 }],
    },
    {
      title: 'IDs off, empty allowed',
      dialect: V6_12,
      request: [packet`0000000000000005 45 00  00000000 00`, { startIndex: 0, allowEmpty: false }],
      response: [packet`0000000000000008 64 00 00*8`, { total: 0, count: 0, lines: '' }],
    },
  ),

  // Storage to tracker, §4.2
  ...literals(tracker.storageChangeStatus, {
    request: [packet`0000000000000001 3b 00 09`, { status: limits.STORAGE_STATUS.RECOVERY }],
    response: [OK, {}],
  }),
  ...literals(
    tracker.storageReportIpChanged,
    {
      title: '46 bytes each',
      request: [
        packet`
          000000000000006c 4e 00
          "group1" 00*10              # group
          "10.77.0.12" 00*36          # old IP
          "2001:db8::12" 00*34        # new IP
        `,
        { group, oldIp: '10.77.0.12', newIp: '2001:db8::12' },
      ],
      response: [OK, {}],
    },
    {
      title: '16 bytes each',
      dialect: V6_06,
      request: [
        packet`0000000000000030 4e 00 "group1" 00*10 "10.77.0.12" 00*6 "10.77.0.13" 00*6`,
        { group, oldIp: '10.77.0.12', newIp: '10.77.0.13' },
      ],
    },
  ),
  ...literals(
    tracker.storageSyncDestQuery,
    {
      title: 'no old files',
      request: [packet`0000000000000000 4f 00`, {}],
      response: [OK, {}],
    },
    {
      title: 'a source',
      request: [packet`0000000000000000 4f 00`, {}],
      response: [
        packet`
          0000000000000018 64 00
          "100001" 00*10              # source
          000000006b026e37            # until
        `,
        { sync: { sourceId: '100001', until: timestamp } },
      ],
    },
  ),
  ...literals(
    tracker.storageJoin,
    {
      title: 'a response of 17 bytes',
      request: joinOf('6.16.1', 0),
      response: [
        packet`
          0000000000000011 64 00
          07                          # status
          "100001" 00*10              # source
        `,
        { status: 7, syncSourceId: '100001' },
      ],
    },
    {
      title: 'a response of 16 bytes',
      dialect: V5_11,
      request: joinOf('5.11', 22),
      response: [packet`0000000000000010 64 00 "10.77.0.12" 00*6`, { syncSourceId: '10.77.0.12' }],
    },
  ),

  // Tracker to tracker, §4.7
  ...literals(tracker.trackerJoinLeader, {
    request: [
      packet`
        0000000000000018 3a 00
        0000000000000064              # up time
        "6.16.1" 00 00                # version
        000000000000566a              # port
      `,
      { upTime: 100, version: '6.16.1', port: 22122 },
    ],
    response: [OK, {}],
  }),
  ...literals(
    tracker.trackerPingLeader,
    {
      title: 'since V6.15.5',
      request: [
        packet`
          000000000000000c 41 00
          00000100 00000002 00000010  # connections: allocated, current, max
        `,
        { connections: { allocated: 256, current: 2, max: 16 } },
      ],
      response: [
        packet`
          0000000000000040 64 00
          "group1" 00*10 "100001" 00*10 # group, trunk server
          "group2" 00*10 00*16
        `,
        {
          trunkServers: [
            { group, trunkServerId: '100001' },
            { group: 'group2', trunkServerId: '' },
          ],
        },
      ],
    },
    {
      title: 'before',
      request: [packet`0000000000000000 41 00`, {}],
      response: [OK, { trunkServers: [] }],
    },
  ),
  ...[tracker.trackerNotifyNextLeader, tracker.trackerCommitNextLeader].flatMap((command) => [
    ...literals(command, {
      title: 'since V6.15',
      request: [request(command.number, wire`"10.77.0.11:22122"`), { leader: '10.77.0.11:22122' }],
      response: [OK, {}],
    }),
    ...literals(command, {
      title: '52 bytes',
      dialect: V6_12,
      request: [request(command.number, wire`"10.77.0.11:22122" 00*36`), { leader: '10.77.0.11:22122' }],
    }),
    ...literals(command, {
      title: '22 bytes',
      dialect: V6_06,
      request: [request(command.number, wire`"10.77.0.11:22122" 00*6`), { leader: '10.77.0.11:22122' }],
    }),
  ]),
  ...literals(tracker.trackerNotifyReselectLeader, {
    request: [packet`0000000000000000 44 00`, {}],
    response: [OK, {}],
  }),
  ...literals(tracker.trackerGetSysFilesStart, {
    request: [packet`0000000000000000 3d 00`, {}],
    response: [OK, {}],
  }),
  ...literals(tracker.trackerGetSysFilesEnd, {
    request: [packet`0000000000000000 3e 00`, {}],
    response: [OK, {}],
  }),
  ...literals(tracker.trackerGetOneSysFile, {
    request: [
      packet`
        0000000000000009 3f 00
        03                            # index
        0000000000010000              # offset
      `,
      { index: 3, offset: 65536 },
    ],
    response: [
      packet`
        000000000000000c 64 00
        0000000000010004              # file size
        00ff0a80                      # content
      `,
      { fileSize: 65540, content: Buffer.from([0, 0xff, 0x0a, 0x80]) },
    ],
  }),
]

/** A JOIN of `version` for the cases about its response; the layouts of the request are tested below. */
function joinOf(
  version: string,
  slot: number,
): [Buffer, RequestPacket<typeof trackerClusterCommands.storageJoin>] {
  const body = JOIN_BODIES.find((other) => other.slot === slot)
  if (body === undefined) throw new Error(version)
  const { bytes, values } = marked(body)
  bytes.writeBigInt64BE(0n, body.size - 8)
  const fields = without(values, 'trackerCount')
  return [request(81, bytes), { ...fields, trackers: [] } as never]
}

describe('packets written by hand', () => {
  it.each(cases)('request $title', ({ command, dialect, status, request: [bytes, values] }) => {
    const options = { dialect, status }
    expect(encodeRequest(command, values as RequestPacket<Command>, options)).toStrictEqual(bytes)
    expect(decodeRequest(command, bytes, { dialect: dialect ?? V6_16 })).toStrictEqual(values)
    expect(decodeRequest(command, bytes)).toStrictEqual(values)
    expect(decodeHeader(bytes).status).toBe(status)
  })

  const responses = cases.flatMap(({ response, ...rest }) =>
    response === undefined ? [] : [{ ...rest, response }],
  )
  it.each(responses)('response $title', ({ command, dialect, response: [bytes, values] }) => {
    expect(encodeResponse(command, values as ResponsePacket<Command>, { dialect })).toStrictEqual(bytes)
    expect(decodeResponse(command, bytes, { dialect: dialect ?? V6_16 })).toStrictEqual(values)
    expect(decodeResponse(command, bytes)).toStrictEqual(values)
  })

  it('are those of every command that no capture holds', () => {
    const captured = new Set(exchangesOf('captures').map(({ to, request }) => `${to} ${request.cmd}`))
    const missing = (['tracker', 'storage'] as const)
      .flatMap((server) => commandsOf(server).map(({ number }) => `${server} ${number}`))
      .filter((key) => !captured.has(key) && !covered.has(key))
    expect(missing).toEqual([])
  })
})

/** Every dialect of a documented record, by name. */
const byDialect = <R extends { label: string; dialects: readonly Dialect[] }>(
  records: readonly R[],
): { title: string; record: R; dialect: Dialect }[] =>
  records.flatMap((record) =>
    record.dialects.map((dialect) => ({
      title: `${record.label} of V${dialect.version}, addresses of ${dialect.addressSize}`,
      record,
      dialect,
    })),
  )

describe('records, field by field at the documented offsets', () => {
  it.each(byDialect(GROUP_RECORDS))('90: $title', ({ record, dialect }) => {
    const { bytes, values } = marked(record)
    const query = packet`0000000000000010 5a 00 "group1" 00*10`
    expect(bytes).toHaveLength(record.size)
    expect(encodeRequest(trackerCommands.listOneGroup, { group }, { dialect })).toStrictEqual(query)
    expect(decodeRequest(trackerCommands.listOneGroup, query)).toStrictEqual({ group })
    expect(encodeResponse(trackerCommands.listOneGroup, values as never, { dialect })).toStrictEqual(
      response(bytes),
    )
    expect(decodeResponse(trackerCommands.listOneGroup, response(bytes), { dialect })).toStrictEqual(values)
  })

  it.each(byDialect(GROUP_RECORDS))('91: $title', ({ record, dialect }) => {
    const records = [marked(record), marked(record, 7), marked(record, 900)]
    const bytes = response(Buffer.concat(records.map(({ bytes }) => bytes)))
    const values = { groups: records.map(({ values }) => values) }
    expect(encodeResponse(trackerCommands.listAllGroups, values as never, { dialect })).toStrictEqual(bytes)
    expect(decodeResponse(trackerCommands.listAllGroups, bytes, { dialect })).toStrictEqual(values)
  })

  it.each(byDialect(STORAGE_RECORDS))('92: $title', ({ record, dialect }) => {
    const records = [marked(record), marked(record, 300)]
    const bytes = response(Buffer.concat(records.map(({ bytes }) => bytes)))
    const values = { storages: records.map(({ values }) => values) }
    expect(bytes).toHaveLength(10 + 2 * record.size)
    expect(encodeResponse(trackerCommands.listStorage, values as never, { dialect })).toStrictEqual(bytes)
    expect(decodeResponse(trackerCommands.listStorage, bytes, { dialect })).toStrictEqual(values)
    expect(decodeResponse(trackerCommands.listStorage, bytes)).toStrictEqual(values)
  })

  it('83: the counters', () => {
    const { bytes, values } = marked(STAT_BLOCK)
    const beat = request(83, bytes)
    expect(encodeRequest(trackerClusterCommands.storageBeat, { stats: values } as never)).toStrictEqual(beat)
    expect(decodeRequest(trackerClusterCommands.storageBeat, beat)).toStrictEqual({ stats: values })
    expect(encodeRequest(trackerClusterCommands.storageBeat, {})).toStrictEqual(
      packet`0000000000000000 53 00`,
    )
  })

  describe.each(byDialect(JOIN_BODIES))('81: $title', ({ record, dialect }) => {
    const trackers = ['10.77.0.11:22122', '10.77.0.1:1']
    const { bytes: fixed, values: all } = marked(record)
    const fields = without(all, 'trackerCount')
    fixed.writeBigInt64BE(2n, record.size - 8)

    it.each([0, 1, 2])('%i trackers', (count) => {
      const own = trackers.slice(0, count)
      const tail = own.map((text) =>
        record.slot === 0 ? Buffer.from(`${text}\n`) : place(record.slot, [[0, `str${record.slot}`, text]]),
      )
      const body = Buffer.concat([fixed, ...tail])
      body.writeBigInt64BE(BigInt(count), record.size - 8)
      const bytes = request(81, body)
      const values = { ...fields, trackers: own }
      expect(encodeRequest(trackerClusterCommands.storageJoin, values as never, { dialect })).toStrictEqual(
        bytes,
      )
      expect(decodeRequest(trackerClusterCommands.storageJoin, bytes, { dialect })).toStrictEqual(values)
    })

    it('the longest tracker of a slot', () => {
      const text = 'x'.repeat(record.slot === 0 ? 99 : record.slot)
      const body = Buffer.concat([fixed, Buffer.from(text + (record.slot === 0 ? '\n' : ''))])
      body.writeBigInt64BE(1n, record.size - 8)
      const values = { ...fields, trackers: [text] }
      const bytes = request(81, body)
      expect(encodeRequest(trackerClusterCommands.storageJoin, values as never, { dialect })).toStrictEqual(
        bytes,
      )
      expect(decodeRequest(trackerClusterCommands.storageJoin, bytes, { dialect })).toStrictEqual(values)
    })
  })

  it('81: IPv6 trackers and two addresses stand in lines', () => {
    const lines = ['10.77.0.11,10.78.0.11:22122', '[2001:db8::11]:22122']
    const record = JOIN_BODIES.find(({ slot }) => slot === 0)
    const { bytes: fixed, values } = marked(record as (typeof JOIN_BODIES)[number])
    fixed.writeBigInt64BE(2n, 137)
    const body = Buffer.concat([fixed, wire`"10.77.0.11,10.78.0.11:22122" 0a "[2001:db8::11]:22122" 0a`])
    const fields = without(values, 'trackerCount')
    expect(
      decodeRequest(trackerClusterCommands.storageJoin, request(81, body), { dialect: V6_16 }),
    ).toStrictEqual({
      ...fields,
      trackers: lines,
    })
  })
})

describe('addresses in queries, both widths', () => {
  const servers = (count: number): { ip: string; port: number }[] =>
    Array.from({ length: count }, (_, index) => ({ ip: `10.77.200.${100 + index}`, port: 23000 + index }))
  const pairs = (width: number, count: number): Buffer =>
    Buffer.concat(
      servers(count).map(({ ip, port }) =>
        place(width + 8, [
          [0, `str${width}`, ip],
          [width, 'i64', port],
        ]),
      ),
    )
  const widths = [
    { width: 15, dialect: V6_16 },
    { width: 45, dialect: V6_16_WIDE },
    { width: 15, dialect: V5_11 },
    { width: 45, dialect: V6_12 },
  ]
  const grid = widths.flatMap((width) => [1, 2, 10, 23, 32].map((count) => ({ ...width, count })))

  const forms = grid.map((row) => ({ ...row, hasPorts: row.dialect.version === '6.16.1' }))
  it.each(forms)('105: $count of $width bytes, V$dialect.version', ({ width, dialect, count, hasPorts }) => {
    const [first, ...rest] = servers(count) as [{ ip: string; port: number }]
    const others = hasPorts ? rest : rest.map(({ ip }) => ({ ip }))
    const tail = hasPorts
      ? pairs(width, count).subarray(width + 8)
      : Buffer.concat(rest.map(({ ip }) => place(width, [[0, `str${width}`, ip]])))
    const bytes = response(Buffer.concat([wire`"group1" 00*10`, pairs(width, 1), tail]))
    const values = { group, ...first, others }
    expect(bytes).toHaveLength(10 + 24 + width + (count - 1) * (hasPorts ? width + 8 : width))
    expect(encodeResponse(trackerCommands.queryFetchAll, values, { dialect })).toStrictEqual(bytes)
    expect(decodeResponse(trackerCommands.queryFetchAll, bytes, { dialect })).toStrictEqual(values)
    expect(decodeResponse(trackerCommands.queryFetchAll, bytes)).toStrictEqual(values)
  })

  it.each(grid)('106 and 107: $count of $width bytes', ({ width, dialect, count }) => {
    const bytes = response(Buffer.concat([wire`"group1" 00*10`, pairs(width, count), wire`fe`]))
    const values = { group, storages: servers(count), storePathIndex: 254 }
    expect(bytes).toHaveLength(10 + 17 + count * (width + 8))
    for (const command of [
      trackerCommands.queryStoreWithoutGroupAll,
      trackerCommands.queryStoreWithGroupAll,
    ]) {
      expect(encodeResponse(command, values, { dialect })).toStrictEqual(bytes)
      expect(decodeResponse(command, bytes, { dialect })).toStrictEqual(values)
      expect(decodeResponse(command, bytes)).toStrictEqual(values)
    }
  })
})

describe('the change reply of 83, 84 and 89', () => {
  const narrowBrief = [
    wire`00 0000566a "10.77.0.11" 00*6 "10.77.0.11" 00*6`,
    wire`07 000059d8 "10.77.0.12" 00*6 "10.77.0.12" 00*6`,
    wire`05 000059d9 "10.77.0.13" 00*6 "10.77.0.13" 00*6`,
  ]
  const wideBrief = [
    wire`00 0000566a "10.77.0.11" 00*6 "10.77.0.11" 00*36`,
    wire`07 000059d8 "10.77.0.12" 00*6 "10.77.0.12" 00*36`,
    wire`05 000059d9 "10.77.0.13" 00*6 "10.77.0.13" 00*36`,
  ]
  const [leader, first, second] = [
    { status: 0, port: 22122, id: '10.77.0.11', ip: '10.77.0.11' },
    { status: 7, port: 23000, id: '10.77.0.12', ip: '10.77.0.12' },
    { status: 5, port: 23001, id: '10.77.0.13', ip: '10.77.0.13' },
  ]
  const commands = [
    trackerClusterCommands.storageBeat,
    trackerClusterCommands.storageReportDiskUsage,
    trackerClusterCommands.storageSyncReport,
  ]
  const grid = [
    { size: 37, dialect: V6_06, records: narrowBrief },
    { size: 67, dialect: V6_16, records: wideBrief },
    { size: 67, dialect: V6_12, records: wideBrief },
  ].flatMap((row) => [0, 1, 2, 3, 4, 5, 6, 7].map((flags) => ({ ...row, flags })))

  it.each(grid)(
    'flags $flags, records of $size bytes, V$dialect.version',
    ({ size, dialect, records, flags }) => {
      const picked = [
        flags & 1 ? [records[0]] : [],
        flags & 2 ? [records[1]] : [],
        flags & 4 ? [records[1], records[2]] : [],
      ].flat() as Buffer[]
      const bytes = response(Buffer.concat([Buffer.of(flags), ...picked]))
      const values = {
        ...(flags & 1 ? { leader } : {}),
        ...(flags & 2 ? { trunkServer: first } : {}),
        ...(flags & 4 ? { storages: [first, second] } : {}),
      }
      expect(bytes).toHaveLength(11 + picked.length * size)
      for (const command of commands) {
        expect(encodeResponse(command, values as never, { dialect })).toStrictEqual(bytes)
        expect(decodeResponse(command, bytes, { dialect })).toStrictEqual(values)
        expect(decodeResponse(command, bytes)).toStrictEqual(values)
      }
    },
  )

  it.each([V6_06, V6_16])('an empty body says nothing (V$version)', (dialect) => {
    for (const command of commands) {
      expect(decodeResponse(command, OK, { dialect })).toStrictEqual({})
      expect(decodeResponse(command, OK)).toStrictEqual({})
    }
  })

  it('no trunk server and no leader are records of zeros', () => {
    const none = { status: 0, port: 0, id: '', ip: '' }
    const bytes = response(Buffer.concat([wire`03`, Buffer.alloc(67 * 2)]))
    expect(decodeResponse(trackerClusterCommands.storageBeat, bytes)).toStrictEqual({
      leader: none,
      trunkServer: none,
    })
  })

  it('flags that nobody knows are reported', () => {
    const bytes = packet`0000000000000001 64 00 08`
    expect(() => decodeResponse(trackerClusterCommands.storageBeat, bytes)).toThrow(
      'unknown bits in flags: 8',
    )
  })

  it('brief records of 85 and 76', () => {
    const replica = request(85, Buffer.concat([wideBrief[1] as Buffer, wideBrief[2] as Buffer]))
    const report = request(76, Buffer.concat([wire`"group1" 00*10`, narrowBrief[2] as Buffer]))
    expect(
      encodeRequest(trackerClusterCommands.storageReplicaChg, { storages: [first, second] }),
    ).toStrictEqual(replica)
    expect(decodeRequest(trackerClusterCommands.storageReplicaChg, replica)).toStrictEqual({
      storages: [first, second],
    })
    expect(
      encodeRequest(
        trackerClusterCommands.storageReportStatus,
        { group, storage: second },
        {
          dialect: V6_06,
        },
      ),
    ).toStrictEqual(report)
    expect(decodeRequest(trackerClusterCommands.storageReportStatus, report)).toStrictEqual({
      group,
      storage: second,
    })
  })
})

describe('text', () => {
  it('of a fixed width ends at its NUL, whatever stands behind', () => {
    const bytes = packet`
      0000000000000040 64 00
      00
      00000001
      "group1" 00 "stale0123" 00    # group
      00*40
      00 01
    `
    expect(decodeResponse(trackerCommands.storageVolumeStat, bytes)).toMatchObject({
      groups: [{ group: 'group1' }],
    })

    const source = packet`0000000000000018 64 00 "10.77.0.12" 00 ff*5 000000006b026e37`
    expect(decodeResponse(trackerClusterCommands.storageSyncDestQuery, source)).toStrictEqual({
      sync: { sourceId: '10.77.0.12', until: timestamp },
    })

    const storage = packet`
      0000000000000070 64 00
      00 00 00000001
      "100001" 00 "garbage.." "host:1" 00 aa*45
      00 00 00000000 00000000 00000000
      "6.16" 00 "1.2"
      0000000000000000 0000000000000000
    `
    expect(decodeResponse(trackerCommands.storageClusterStat, storage)).toMatchObject({
      storages: [{ id: '100001', host: 'host:1', version: '6.16' }],
    })

    const tracker = packet`
      000000000000005b 64 00
      01
      "host:1" 00 aa*45
      00 00 00000000 00000000 00000000
      00 "6.16.1a"
      0000000000000000 0000000000000000
    `
    expect(decodeResponse(trackerCommands.trackerClusterStat, tracker)).toMatchObject({
      trackers: [{ host: 'host:1', version: '' }],
    })
  })

  it('may fill its width without a NUL', () => {
    const { bytes } = marked(
      STORAGE_RECORDS.find(({ size }) => size === 487) as (typeof STORAGE_RECORDS)[number],
    )
    bytes.write('6.16.1.2', 50, 'latin1')
    const [record] = decodeResponse(trackerCommands.listStorage, response(bytes)).storages
    expect(record?.version).toBe('6.16.1.2')
    expect(record?.joinTime).not.toBe(0)
  })

  it('behind a NUL in the reply of 94 is not the ID', () => {
    expect(
      decodeResponse(trackerCommands.setTrunkServer, packet`000000000000000a 64 00 "100001" 00 "abc"`),
    ).toEqual({
      id: '100001',
    })
    expect(decodeResponse(trackerCommands.setTrunkServer, packet`0000000000000006 64 00 "100001"`)).toEqual({
      id: '100001',
    })
  })

  it('is bytes: all of latin1 comes back as it was', () => {
    const name = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1)).toString('latin1')
    const bytes = encodeRequest(storageCommands.deleteFile, { group, name })
    expect(bytes.subarray(26)).toStrictEqual(
      Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1)),
    )
    expect(decodeRequest(storageCommands.deleteFile, bytes)).toEqual({ group, name })
  })
})

describe('headers', () => {
  it('CRC32 is told from its low half, however it was extended', () => {
    const body = (high: string): Buffer =>
      Buffer.from(`${'00'.repeat(16)}${high}c4581f24${'00'.repeat(16)}`, 'hex')
    for (const high of ['ffffffff', '00000000', '12345678']) {
      expect(decodeResponse(storageCommands.queryFileInfo, response(body(high))).crc32).toBe(0xc4581f24)
    }
  })

  it.each([0, 2, 22, 127, 128, 255])('a response of status %i', (status) => {
    const bytes = Buffer.concat([wire`0000000000000000 64`, Buffer.of(status)])
    expect(encodeStatus(status)).toStrictEqual(bytes)
    expect(encodeHeader({ length: 0, command: 100, status })).toStrictEqual(bytes)
    expect(encodeResponse(storageCommands.deleteFile, {}, { status })).toStrictEqual(bytes)
    expect(decodeHeader(bytes)).toStrictEqual({ length: 0, command: 100, status })
  })

  it('hold the length of content that follows on its own', () => {
    expect(encodeRequestHead(storageCommands.uploadFile, { storePathIndex: 0xff, ext: 'txt' }, 0x2_0000_0001))
      .toStrictEqual(wire`
      0000000200000010 0b 00
      ff                            # store path index
      0000000200000001              # size
      "txt" 00*3                    # ext
    `)
  })

  it.each([
    ['beyond 2^53', '0020000000000000'],
    ['the greatest', '7fffffffffffffff'],
    ['-1', 'ffffffffffffffff'],
    ['the least', '8000000000000000'],
  ])('with a length of %s are refused', (_, length) => {
    expect(() => decodeHeader(Buffer.from(`${length}6400`, 'hex'))).toThrow(/body length/)
  })

  it('are read up to 2^53 - 1', () => {
    expect(decodeHeader(wire`001fffffffffffff 0b 00`).length).toBe(Number.MAX_SAFE_INTEGER)
  })
})
