/** Properties that hold for every command in every dialect; `npm run test:fuzz` runs the same for longer. */
import fc from 'fast-check'
import { InvalidArgumentError, ProtocolError } from '../../src/errors.js'
import type { RequestPacket } from '../../src/protocol/index.js'
import {
  decodeHeader,
  decodeRequest,
  decodeRequestFields,
  decodeResponse,
  DIALECTS,
  encodeRequest,
  FrameReader,
  storageCommands,
  trackerClusterCommands,
  trackerCommands,
} from '../../src/protocol/index.js'
import { exchangesOf } from '../support/captures.js'
import { commands, mutatedSamples, protocolProperties, roundTrip, samplesOf } from './arbitraries.js'
import { place, request, response, wire } from './wire.js'

const seed = 20_261_122

describe.each(commands)('$server $command.name', ({ command }) => {
  it.each(['request', 'response'] as const)('%s: encoded in any dialect, decoded to the same', (side) => {
    for (const dialect of DIALECTS) {
      // Where there is nothing to vary, once is enough.
      const numRuns = command[side].layout(dialect).fields.length === 0 && command.content !== side ? 1 : 8
      fc.assert(roundTrip(command, side, dialect), { seed, numRuns })
    }
  })
})

describe('any bytes and any values', () => {
  it.each(protocolProperties().others)('$name', ({ property, cost }) => {
    fc.assert(property, { seed, numRuns: 1200 / cost })
  })

  it('recorded packets, broken, give nothing but a ProtocolError', () => {
    fc.assert(mutatedSamples(samplesOf(exchangesOf('captures'))), { seed, numRuns: 1500 })
  })
})

describe('a length is checked before it is believed', () => {
  /** Bytes that stay allocated or were allocated at once by `act`, in the heap and beside it. */
  function growthOf(act: () => void): number {
    const before = process.memoryUsage()
    act()
    const after = process.memoryUsage()
    return (
      Math.max(0, after.heapUsed - before.heapUsed) + Math.max(0, after.arrayBuffers - before.arrayBuffers)
    )
  }
  const refused = (act: () => unknown): void => expect(act).toThrow(ProtocolError)
  const CAP = 32 * 1024 * 1024

  const huge = [2 ** 31 - 1, 2 ** 32, 2 ** 40, 2 ** 52, Number.MAX_SAFE_INTEGER]

  it.each(huge)('%d bytes announced take none', (length) => {
    const growth = growthOf(() => {
      const header = place(10, [
        [0, 'i64', length],
        [8, 'u8', 11],
      ])
      for (let i = 0; i < 100; i++) {
        const reader = new FrameReader({ onHeader() {}, onData() {}, onEnd() {} })
        reader.push(Buffer.from(header))
        reader.push(Buffer.alloc(1000))
        expect(reader.idle).toBe(false)
        expect(decodeHeader(header).length).toBe(length)
        refused(() => decodeRequest(storageCommands.uploadFile, header))
      }
    })
    expect(growth).toBeLessThan(CAP)
  })

  it.each([...huge, -1, -(2 ** 40)])('a name of %d bytes is refused', (length) => {
    const growth = growthOf(() => {
      for (let i = 0; i < 100; i++) {
        const append = place(16 + 44, [
          [0, 'i64', length],
          [8, 'i64', 0],
        ])
        refused(() => decodeRequest(storageCommands.appendFile, request(24, append)))
        refused(() => decodeRequestFields(storageCommands.appendFile, append, 0))
        const metadata = place(33 + 44, [
          [0, 'i64', 44],
          [8, 'i64', length],
        ])
        refused(() => decodeRequest(storageCommands.setMetadata, request(13, metadata)))
        refused(() => decodeRequest(storageCommands.uploadFile, request(11, place(15, [[1, 'i64', length]]))))
      }
    })
    expect(growth).toBeLessThan(CAP)
  })

  it.each([2 ** 31 - 1, 1_000_000, 513 * 32, 33, -1, -(2 ** 31)])(
    '%d records announced are refused',
    (count) => {
      const growth = growthOf(() => {
        for (let i = 0; i < 100; i++) {
          const storages = Buffer.concat([place(6, [[2, 'i32', count]]), Buffer.alloc(106)])
          refused(() => decodeResponse(trackerCommands.storageClusterStat, response(storages)))
          const groups = Buffer.concat([place(5, [[1, 'i32', count]]), Buffer.alloc(59)])
          refused(() => decodeResponse(trackerCommands.storageVolumeStat, response(groups)))
          const join = Buffer.concat([place(145, [[137, 'i64', count]]), wire`"10.77.0.11:22122" 0a`])
          refused(() => decodeRequest(trackerClusterCommands.storageJoin, request(81, join)))
        }
      })
      expect(growth).toBeLessThan(CAP)
    },
  )

  it.each(commands)('$server $command.name: a MiB of anything are looked at in no time', ({ command }) => {
    for (const byte of [0x00, 0x01, 0x0a, 0x7f, 0xff]) {
      const body = Buffer.alloc(1024 * 1024, byte)
      const [asked, answered] = [request(command.number, body), response(body)]
      const started = performance.now()
      const growth = growthOf(() => {
        for (const act of [() => decodeRequest(command, asked), () => decodeResponse(command, answered)]) {
          try {
            act()
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError)
          }
        }
      })
      expect(performance.now() - started).toBeLessThan(1000)
      // The text or bytes themselves, at most.
      expect(growth).toBeLessThan(CAP)
    }
  })
})

describe('refused by name', () => {
  const join = {
    ...{
      group: 'group1',
      storagePort: 23000,
      storePathCount: 1,
      subdirCountPerPath: 256,
      uploadPriority: 10,
    },
    ...{ joinTime: 1, upTime: 1, version: '6.16.1', initFlag: 1, status: -1, id: '', currentTrackerIp: '' },
  }
  const encodeJoin = (trackers: string[], version = '6.16.1'): Buffer =>
    encodeRequest(
      trackerClusterCommands.storageJoin,
      { ...join, trackers },
      {
        dialect: { version, addressSize: 16 },
      },
    )

  it('a line break in a line, a slot that is too long, a tracker too many', () => {
    expect(encodeJoin(['10.77.0.11:22122'])).toHaveLength(10 + 145 + 17)
    expect(() => encodeJoin(['10.77.0.11:1\n10.77.0.12:1'])).toThrow(InvalidArgumentError)
    expect(() => encodeJoin(['10.77.0.11:1\0'])).toThrow(InvalidArgumentError)
    expect(() => encodeJoin(['255.255.255.255:221220'], '5.11')).not.toThrow()
    expect(() => encodeJoin(['255.255.255.255:2212200'], '5.11')).toThrow(
      'trackers is 23 bytes long, at most 22 fit',
    )
    expect(() => encodeJoin(new Array<string>(16).fill('a:1'))).not.toThrow()
    expect(() => encodeJoin(new Array<string>(17).fill('a:1'))).toThrow(
      '17 trackers, at most 16 are possible',
    )
  })

  it('more records than there can be, in writing and in a known dialect', () => {
    const dialect = DIALECTS[0]
    const sources = (count: number): { sourceId: string; syncedUntil: number }[] =>
      Array.from({ length: count }, (_, index) => ({ sourceId: `${index}`, syncedUntil: index }))
    const command = trackerClusterCommands.storageSyncReport
    expect(encodeRequest(command, { sources: sources(32) })).toHaveLength(10 + 32 * 20)
    expect(() => encodeRequest(command, { sources: sources(33) })).toThrow(InvalidArgumentError)
    expect(decodeRequest(command, request(89, Buffer.alloc(32 * 20)), { dialect }).sources).toHaveLength(32)
    expect(() => decodeRequest(command, request(89, Buffer.alloc(33 * 20)), { dialect })).toThrow(
      ProtocolError,
    )
    expect(() =>
      decodeResponse(trackerCommands.trackerClusterStat, response(place(1 + 17 * 90, [[0, 'u8', 17]]))),
    ).toThrow(ProtocolError)
  })

  it('a count below zero, even where nothing follows', () => {
    for (const count of [-1, -(2 ** 31)]) {
      const body = place(6, [[2, 'i32', count]])
      expect(() => decodeResponse(trackerCommands.storageClusterStat, response(body))).toThrow(ProtocolError)
    }
    const body = place(145, [[137, 'i64', -1]])
    expect(() => decodeRequest(trackerClusterCommands.storageJoin, request(81, body))).toThrow(ProtocolError)
  })

  it('a packet that is shorter or longer than its header says, or another command', () => {
    const whole = request(12, wire`"group1" 00*10 "M00/00/00/a"`)
    expect(() => decodeRequest(storageCommands.deleteFile, whole)).not.toThrow()
    for (const wrong of [
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.of(0x61)]),
      whole.subarray(0, 9),
    ]) {
      expect(() => decodeRequest(storageCommands.deleteFile, wrong)).toThrow(ProtocolError)
    }
    expect(() => decodeRequest(storageCommands.getMetadata, whole)).toThrow(
      "the header's command is 12, expected 15",
    )
    expect(() => decodeResponse(storageCommands.deleteFile, whole)).toThrow(
      "the header's command is 12, expected 100",
    )
  })

  it('a field that is missing, and content that is none', () => {
    const incomplete = { group: 'group1' } as RequestPacket<typeof storageCommands.deleteFile>
    expect(() => encodeRequest(storageCommands.deleteFile, incomplete)).toThrow(/name must be a text/)
    const upload = { storePathIndex: 0, ext: 'txt' } as RequestPacket<typeof storageCommands.uploadFile>
    expect(() => encodeRequest(storageCommands.uploadFile, upload)).toThrow(/content must be a Uint8Array/)
    expect(() =>
      encodeRequest(storageCommands.uploadFile, { ...upload, content: Buffer.alloc(0) }),
    ).not.toThrow()
  })
})

describe('a stream', () => {
  it('is read on byte by byte as at once, in linear time', () => {
    const packet = request(11, Buffer.alloc(100_000))
    let bytes = 0
    let ends = 0
    const reader = new FrameReader({
      onHeader() {},
      onData: (chunk) => (bytes += chunk.length),
      onEnd: () => ends++,
    })
    const started = performance.now()
    for (let i = 0; i < packet.length; i++) reader.push(packet.subarray(i, i + 1))
    expect(performance.now() - started).toBeLessThan(1000)
    expect([bytes, ends]).toEqual([100_000, 1])
  })

  it('tells no end while it is paused, and tells it on resume', () => {
    const told: string[] = []
    const reader = new FrameReader({
      onHeader() {
        told.push('header')
        reader.pause()
      },
      onData() {
        told.push('data')
        reader.pause()
      },
      onEnd: () => void told.push('end'),
    })
    reader.push(Buffer.concat([request(82, Buffer.alloc(0)), request(11, Buffer.alloc(3))]))
    expect(told).toEqual(['header'])
    expect(reader.idle).toBe(false)
    reader.resume()
    expect(told).toEqual(['header', 'end', 'header'])
    reader.resume()
    expect(told).toEqual(['header', 'end', 'header', 'data'])
    expect(reader.idle).toBe(false)
    reader.resume()
    expect(told).toEqual(['header', 'end', 'header', 'data', 'end'])
    expect(reader.idle).toBe(true)
  })

  it('is at an end after a header that is wrong: every further push says so', () => {
    const reader = new FrameReader({ onHeader() {}, onData() {}, onEnd() {} })
    for (let i = 0; i < 3; i++) expect(() => reader.push(wire`ffffffffffffffff 0b 00`)).toThrow(ProtocolError)
  })

  it('is idle between packets only', () => {
    const reader = new FrameReader({ onHeader() {}, onData() {}, onEnd() {} })
    const packet = request(11, Buffer.alloc(2))
    const states = Array.from(packet, (_, i) => {
      reader.push(packet.subarray(i, i + 1))
      return reader.idle
    })
    expect(states).toEqual([...new Array<boolean>(11).fill(false), true])
  })
})
