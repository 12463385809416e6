/** Every packet of the recorded conversations decodes by its definition and encodes to the same bytes. */
import type { Command, Dialect } from '../../src/protocol/index.js'
import {
  decodeHeader,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  findCommand,
} from '../../src/protocol/index.js'
import type { CapturedPacket, Exchange } from '../support/captures.js'
import { exchangesOf } from '../support/captures.js'

const captured = exchangesOf('captures')
const recorded = exchangesOf('recorded')

/** Requests that may stay without a response, and why. */
const UNANSWERED: Record<number, string> = {
  82: 'QUIT is never answered',
}

function commandOf({ to, request, file, line }: Exchange): Command {
  const command = findCommand(to, request.cmd)
  if (command === undefined) throw new Error(`${file}:${line}: no definition of ${to} command ${request.cmd}`)
  return command
}

function bytesOf(packet: CapturedPacket): Buffer {
  return Buffer.from(packet.hex, 'hex')
}

function expectRequestRoundTrip({ request, dialect }: Exchange, command: Command): void {
  const bytes = bytesOf(request)
  const decoded = decodeRequest(command, bytes, { dialect })
  const again = encodeRequest(command, decoded, { dialect, status: request.status })
  if (!again.equals(bytes)) {
    // Stale bytes behind a NUL are compared by value.
    expect(again).toHaveLength(bytes.length)
    expect(decodeRequest(command, again, { dialect })).toEqual(decoded)
    expectOnlyStaleBytesDiffer(bytes, again)
  }
}

function expectResponseRoundTrip(response: CapturedPacket, command: Command, dialect: Dialect): void {
  const bytes = bytesOf(response)
  const decoded = decodeResponse(command, bytes, { dialect })
  const again = encodeResponse(command, decoded, { dialect })
  if (!again.equals(bytes)) {
    expect(again).toHaveLength(bytes.length)
    expect(decodeResponse(command, again, { dialect })).toEqual(decoded)
    expectOnlyStaleBytesDiffer(bytes, again)
  }
}

/** What differs must be zero in ours, behind another zero: padding, where the captured packet has leftovers. */
function expectOnlyStaleBytesDiffer(captured: Buffer, ours: Buffer): void {
  for (let i = 0; i < captured.length; i++) {
    if (captured[i] === ours[i]) continue
    expect(ours[i]).toBe(0)
    expect(ours.subarray(0, i).lastIndexOf(0)).toBe(i - 1)
  }
}

/** The binlog that 26 answers with has no length in its header (protocol.md §4.8): it is not one packet. */
const isBinlog = ({ to, request }: Exchange): boolean => to === 'storage' && request.cmd === 26

function expectResponses(exchanges: Exchange[]): void {
  let decoded = 0
  for (const exchange of exchanges) {
    const { response, request } = exchange
    const command = commandOf(exchange)
    if (response === undefined) {
      const last = exchanges.findLast((other) => other.line === exchange.line) === exchange
      expect(last || UNANSWERED[request.cmd] !== undefined).toBe(true)
      continue
    }
    if (response.cut === true || isBinlog(exchange)) continue
    // A response with another status has no fields; a body that comes with it all the same is dropped.
    if (response.status !== 0) {
      expect(decodeHeader(bytesOf(response).subarray(0, 10))).toEqual({
        length: response.length,
        command: 100,
        status: response.status,
      })
      continue
    }
    expectResponseRoundTrip(response, command, exchange.dialect)
    decoded++
  }
  expect(decoded).toBeGreaterThan(0)
}

function expectSameByLength(exchange: Exchange): void {
  const command = commandOf(exchange)
  const options = { dialect: exchange.dialect }
  const request = bytesOf(exchange.request)
  expect(decodeRequest(command, request, options)).toMatchObject(decodeRequest(command, request))
  if (exchange.response?.status !== 0 || isBinlog(exchange)) return
  const response = bytesOf(exchange.response)
  expect(decodeResponse(command, response, options)).toMatchObject(decodeResponse(command, response))
}

function byFile(exchanges: Exchange[]): [string, Exchange[]][] {
  return [...new Set(exchanges.map(({ file }) => file))].map((file) => [
    file,
    exchanges.filter((exchange) => exchange.file === file),
  ])
}

describe.each(byFile(captured))('what real programs said to each other: %s', (_, exchanges) => {
  it('holds requests', () => {
    for (const exchange of exchanges) expectRequestRoundTrip(exchange, commandOf(exchange))
  })

  it('holds responses', () => {
    expectResponses(exchanges)
  })

  it('is read the same when the dialect is told by length alone', () => {
    for (const exchange of exchanges) expectSameByLength(exchange)
  })
})

describe.each(byFile(recorded))('what real servers answered to requests made by hand: %s', (_, exchanges) => {
  const accepted = exchanges.filter(({ response }) => response?.status === 0)
  const refused = exchanges.filter(({ response }) => response !== undefined && response.status !== 0)

  it('holds requests that were accepted', () => {
    for (const exchange of accepted) expectRequestRoundTrip(exchange, commandOf(exchange))
  })

  it('holds requests that were refused: malformed ones are refused here too, the others are read', () => {
    let read = 0
    for (const exchange of refused) {
      try {
        decodeRequest(commandOf(exchange), bytesOf(exchange.request), { dialect: exchange.dialect })
      } catch (error) {
        expect(error).toMatchObject({ name: 'ProtocolError' })
        continue
      }
      expectRequestRoundTrip(exchange, commandOf(exchange))
      read++
    }
    expect(read).toBeGreaterThan(0)
  })

  it('holds responses', () => {
    expectResponses(exchanges)
  })

  it('is read the same when the dialect is told by length alone', () => {
    for (const exchange of accepted) expectSameByLength(exchange)
  })
})

describe('what the captures hold', () => {
  const numbers = (exchanges: Exchange[]): Set<string> =>
    new Set(exchanges.map(({ to, request }) => `${to} ${request.cmd}`))

  it('is every command that real programs were seen to send', () => {
    expect([...numbers(captured)].sort()).toEqual(
      [
        ...[
          60, 69, 72, 73, 74, 75, 76, 77, 81, 82, 83, 84, 85, 86, 87, 88, 89, 91, 92, 93, 101, 102, 103, 105,
          106,
        ].map((number) => `tracker ${number}`),
        'tracker 111',
        ...[9, 11, 12, 13, 14, 15, 16, 17, 21, 22, 23, 24, 25, 30, 33, 34, 35, 36, 37, 38, 40, 111].map(
          (number) => `storage ${number}`,
        ),
      ].sort(),
    )
  })
})
