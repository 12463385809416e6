/** What the property tests and the fuzz runner share: values for any layout, broken packets, and the properties. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { InvalidArgumentError, ProtocolError } from '../../src/errors.js'
import type {
  Command,
  Dialect,
  FrameHandler,
  RequestPacket,
  ResponsePacket,
} from '../../src/protocol/index.js'
import {
  commandsOf,
  decodeHeader,
  decodeMetadata,
  decodeRequest,
  decodeRequestFields,
  decodeResponse,
  decodeResponseFields,
  DIALECTS,
  encodeHeader,
  encodeMetadata,
  encodeRequest,
  encodeRequestHead,
  encodeResponse,
  encodeResponseHead,
  encodeStatus,
  findCommand,
  FrameReader,
} from '../../src/protocol/index.js'
import type { Layout, LayoutField } from '../../src/protocol/layout.js'
import type { Exchange } from '../support/captures.js'

/** The fields of a packet, whatever the command. */
export type Values = Record<string, unknown>

/** Which packet of a command. */
export type Side = 'request' | 'response'

/** A property with its name; `cost` says how many of the cheapest runs one of its runs is worth. */
export interface Property {
  readonly name: string
  readonly cost: number
  readonly property: fc.IProperty<unknown>
}

const SIDES: readonly Side[] = ['request', 'response']

/** Every command once for each daemon that takes it. */
export const commands: readonly { readonly server: string; readonly command: Command }[] = (
  ['tracker', 'storage'] as const
).flatMap((server) => commandsOf(server).map((command) => ({ server, command })))

// ---------------------------------------------------------------------------------------------------------------------
// Values

/** Text of `min` to `max` bytes, any but NUL. */
function latin1(min: number, max: number): fc.Arbitrary<string> {
  return fc
    .uint8Array({ min: 1, minLength: min, maxLength: max })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
}

function buffer(min: number, max: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => Buffer.from(bytes))
}

const known = new WeakMap<Layout, fc.Arbitrary<Values>>()

/** Anything that a layout can hold. */
export function valuesOf(layout: Layout): fc.Arbitrary<Values> {
  let arbitrary = known.get(layout)
  if (arbitrary === undefined) {
    const fields = layout.fields.filter((field) => !isDerived(field))
    arbitrary = fc.record(Object.fromEntries(fields.map((field) => [field.name, valueOf(field)])), {
      requiredKeys: fields.filter((field) => !field.trailing && !field.flagged).map(({ name }) => name),
      noNullPrototype: true,
    })
    known.set(layout, arbitrary)
  }
  return arbitrary
}

function isDerived({ kind }: LayoutField): boolean {
  return kind === 'lengthOf' || kind === 'countOf' || kind === 'contentSize' || kind === 'flagsOf'
}

function valueOf(field: LayoutField): fc.Arbitrary<unknown> {
  // A text or bytes that may be absent is absent when it is empty.
  const min = field.trailing ? 1 : 0
  switch (field.kind) {
    case 'u8':
      return fc.nat(0xff)
    case 'i8':
      return fc.integer({ min: -0x80, max: 0x7f })
    case 'bool':
      return fc.boolean()
    case 'i32':
      return fc.integer()
    case 'i64':
      return fc.maxSafeInteger()
    case 'port':
      return fc.integer({ min: 1, max: 65_535 })
    case 'crc32':
      return fc.nat(0xffff_ffff)
    case 'str':
      return latin1(0, field.size)
    case 'text':
    case 'textz':
      return latin1(min, 150)
    case 'bytes':
      return buffer(min, 150)
    case 'struct':
      return valuesOf(layoutOf(field))
    case 'list': {
      const few = layoutOf(field).fixedSize > 100 ? 3 : 40
      return fc.array(valuesOf(layoutOf(field)), { maxLength: Math.min(field.max, few) })
    }
    case 'slots': {
      const text =
        field.slotSize > 0
          ? latin1(0, field.slotSize)
          : latin1(0, 99).map((line) => line.replaceAll('\n', 'n'))
      return fc.array(text, { maxLength: field.max })
    }
    default:
      throw new Error(`no values are known for the kind ${field.kind}`)
  }
}

function layoutOf(field: LayoutField): Layout {
  if (field.layout === undefined) throw new Error(`${field.name} has no layout`)
  return field.layout
}

/** A packet's values, with content where it carries some. */
export function packetOf(command: Command, side: Side, dialect: Dialect): fc.Arbitrary<Values> {
  const values = valuesOf(command[side].layout(dialect))
  if (command.content !== side) return values
  return fc.tuple(values, buffer(0, 300)).map(([fields, content]) => ({ ...fields, content }))
}

// ---------------------------------------------------------------------------------------------------------------------
// Both sides by one name

function encode(command: Command, side: Side, packet: Values, dialect?: Dialect): Buffer {
  return side === 'request'
    ? encodeRequest(command, packet as RequestPacket<Command>, { dialect })
    : encodeResponse(command, packet as ResponsePacket<Command>, { dialect })
}

function encodeHead(command: Command, side: Side, packet: Values, size: number, dialect?: Dialect): Buffer {
  return side === 'request'
    ? encodeRequestHead(command, packet, size, { dialect })
    : encodeResponseHead(command, packet, size, { dialect })
}

function decode(command: Command, side: Side, packet: Uint8Array, dialect?: Dialect): Values {
  return side === 'request'
    ? decodeRequest(command, packet, { dialect })
    : decodeResponse(command, packet, { dialect })
}

function assertSame(found: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${what}: ${fc.stringify(found)} is not ${fc.stringify(expected)}`)
  }
}

/** Runs `act`; an error of another class is the property's failure. */
function only<T>(allowed: typeof ProtocolError | typeof InvalidArgumentError, act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (error instanceof allowed) return undefined
    throw error
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Round trips

/** What is encoded in a dialect is decoded to the same in it, and is read without knowing it. */
export function roundTrip(command: Command, side: Side, dialect: Dialect): fc.IProperty<unknown> {
  return fc.property(packetOf(command, side, dialect), (packet) => {
    const bytes = encode(command, side, packet, dialect)
    const header = decodeHeader(bytes)
    assertSame(header.length, bytes.length - 10, 'the length in the header')
    assertSame(header.command, side === 'request' ? command.number : 100, 'the command in the header')
    assertSame(decode(command, side, bytes, dialect), packet, 'decoded')
    const content = command.content === side ? (packet['content'] as Buffer) : Buffer.alloc(0)
    const head = encodeHead(command, side, packet, content.length, dialect)
    assertSame(Buffer.concat([head, content]), bytes, 'the head alone')

    const byLength = decode(command, side, bytes)
    if (!command[side].layout(dialect).fixed) return
    for (const [name, value] of Object.entries(byLength)) assertSame(value, packet[name], `${name} by length`)
  })
}

const roundTrips = (): Property[] =>
  commands.flatMap(({ server, command }) =>
    SIDES.flatMap((side) =>
      DIALECTS.map((dialect) => ({
        name: `round trip: ${server} ${command.name} ${side} V${dialect.version}/${dialect.addressSize}`,
        cost: 1,
        property: roundTrip(command, side, dialect),
      })),
    ),
  )

// ---------------------------------------------------------------------------------------------------------------------
// Broken packets

/** One way to break a packet. */
type Mutation = (bytes: Buffer) => Buffer

const EXTREMES = [
  0n, 1n, 7n, -1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n,
  2n ** 63n - 1n, -(2n ** 63n), -(2n ** 62n),
] // prettier-ignore

const at = (bytes: Buffer, place: number): number => Math.floor(place * (bytes.length + 1))
const place = (): fc.Arbitrary<number> => fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** Bit flips, bytes set, cut off, cut out, doubled and put in, and numbers set to extremes. */
const mutation = (): fc.Arbitrary<Mutation> =>
  fc.oneof(
    fc.tuple(place(), fc.nat(7)).map(([p, bit]) => (bytes: Buffer) => {
      const copy = Buffer.from(bytes)
      const i = Math.min(at(copy, p), copy.length - 1)
      if (i >= 0) copy[i] = (copy[i] as number) ^ (1 << bit)
      return copy
    }),
    fc
      .tuple(place(), fc.constantFrom(0, 1, 2, 0x0a, 0x7f, 0x80, 0xff))
      .map(([p, value]) => (bytes: Buffer) => {
        const copy = Buffer.from(bytes)
        const i = at(copy, p)
        if (i < copy.length) copy[i] = value
        return copy
      }),
    place().map((p) => (bytes: Buffer) => bytes.subarray(0, at(bytes, p))),
    fc.tuple(place(), fc.integer({ min: 1, max: 120 })).map(([p, size]) => (bytes: Buffer) => {
      const i = at(bytes, p)
      return Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + size)])
    }),
    fc.tuple(place(), fc.integer({ min: 1, max: 700 })).map(([p, size]) => (bytes: Buffer) => {
      const i = at(bytes, p)
      return Buffer.concat([bytes.subarray(0, i + size), bytes.subarray(i)])
    }),
    fc.tuple(place(), buffer(1, 60)).map(([p, extra]) => (bytes: Buffer) => {
      const i = at(bytes, p)
      return Buffer.concat([bytes.subarray(0, i), extra, bytes.subarray(i)])
    }),
    fc
      .tuple(place(), fc.constantFrom(...EXTREMES), fc.boolean())
      .map(([p, value, half]) => (bytes: Buffer) => {
        const copy = Buffer.from(bytes)
        const i = at(copy, p)
        if (half && i + 4 <= copy.length) copy.writeInt32BE(Number(BigInt.asIntN(32, value)), i)
        else if (!half && i + 8 <= copy.length) copy.writeBigInt64BE(value, i)
        return copy
      }),
  )

/** Whether the header is made to tell the true length again: otherwise hardly anything gets further than there. */
const mutations = (): fc.Arbitrary<Mutation> =>
  fc
    .tuple(fc.array(mutation(), { minLength: 1, maxLength: 4 }), fc.nat(9))
    .map(([list, chance]) => (bytes) => {
      const broken = list.reduce<Buffer>((current, mutate) => mutate(current), bytes)
      if (chance === 0 || broken.length < 10) return broken
      const repaired = Buffer.from(broken)
      repaired.writeBigInt64BE(BigInt(repaired.length - 10), 0)
      repaired[8] = bytes[8] ?? 0
      return repaired
    })

/** A packet with the dialect in which it was written, and the command that it is of. */
export interface Sample {
  readonly command: Command
  readonly side: Side
  readonly dialect: Dialect
  readonly bytes: Buffer
}

const anyCommand = (): fc.Arbitrary<Command> => fc.constantFrom(...commands).map(({ command }) => command)
const anySide = (): fc.Arbitrary<Side> => fc.constantFrom(...SIDES)
const anyDialect = (): fc.Arbitrary<Dialect> => fc.constantFrom(...DIALECTS)

const sample = (): fc.Arbitrary<Sample> =>
  fc.tuple(anyCommand(), anySide(), anyDialect()).chain(([command, side, dialect]) =>
    packetOf(command, side, dialect).map((packet) => ({
      command,
      side,
      dialect,
      bytes: encode(command, side, packet, dialect),
    })),
  )

/**
 * Decodes bytes that may be anything, in every way there is; nothing but a ProtocolError may come of it. What can be
 * read can be written, and is read the same again.
 */
export function decodeAnything(command: Command, side: Side, bytes: Buffer, dialect: Dialect): void {
  only(ProtocolError, () => decode(command, side, bytes))
  only(ProtocolError, () => decodeRequestFields(command, bytes, 7))
  only(ProtocolError, () => decodeResponseFields(command, bytes))
  only(ProtocolError, () => decodeHeader(bytes))
  const packet = only(ProtocolError, () => decode(command, side, bytes, dialect))
  if (packet === undefined) return
  const again = encode(command, side, packet, dialect)
  assertSame(decode(command, side, again, dialect), packet, 'decoded again')
}

/** A body of random bytes behind a header that fits it, or all of it random. */
const randomPacket = (): fc.Arbitrary<Sample> =>
  fc
    .record({
      command: anyCommand(),
      side: anySide(),
      dialect: anyDialect(),
      body: fc.oneof(buffer(0, 60), buffer(0, 1500)),
      size: fc.nat(20),
      hasHeader: fc.nat(4),
    })
    .map(({ command, side, dialect, body, size, hasHeader }) => {
      if (hasHeader === 0) return { command, side, dialect, bytes: body }
      // Often of a length that fits the layout, filled up with what is there.
      const { fixedSize, records } = command[side].layout(dialect)
      const fitting = fixedSize + (records?.size ?? 1) * (size % 4)
      const own = size % 2 === 0 ? body : Buffer.alloc(fitting, body.length === 0 ? 0 : body)
      const number = side === 'request' ? command.number : 100
      const header = encodeHeader({ length: own.length, command: number, status: 0 })
      return { command, side, dialect, bytes: Buffer.concat([header, own]) }
    })

/** The packets of recorded conversations that are whole and are no refusals. */
export function samplesOf(exchanges: readonly Exchange[]): Sample[] {
  return exchanges.flatMap(({ to, dialect, request, response }) => {
    const command = findCommand(to, request.cmd)
    if (command === undefined) return []
    const samples: Sample[] = []
    for (const packet of [request, response]) {
      if (packet === undefined || packet.cut === true || (packet === response && packet.status !== 0))
        continue
      samples.push({ command, side: packet.dir, dialect, bytes: Buffer.from(packet.hex, 'hex') })
    }
    return samples
  })
}

/** Packets as they were recorded, broken. */
export function mutatedSamples(samples: readonly Sample[]): fc.IProperty<unknown> {
  return fc.property(fc.constantFrom(...samples), mutations(), ({ command, side, dialect, bytes }, mutate) =>
    decodeAnything(command, side, mutate(bytes), dialect),
  )
}

const brokenPackets = (): Property[] => [
  {
    name: 'random bytes give nothing but a ProtocolError',
    cost: 1,
    property: fc.property(randomPacket(), ({ command, side, bytes, dialect }) =>
      decodeAnything(command, side, bytes, dialect),
    ),
  },
  {
    name: 'broken packets give nothing but a ProtocolError',
    cost: 2,
    property: fc.property(sample(), mutations(), ({ command, side, dialect, bytes }, mutate) =>
      decodeAnything(command, side, mutate(bytes), dialect),
    ),
  },
]

// ---------------------------------------------------------------------------------------------------------------------
// Streams

/** What a reader told, with the data of a packet joined. */
type Told = { header: { length: number; command: number; status: number } } | { data: Buffer } | { end: true }

/** Writes down what a reader tells, and pauses it whenever `pauses` says so; nothing may be told while it is paused. */
class Listener implements FrameHandler {
  readonly told: Told[] = []
  readonly reader = new FrameReader(this)
  readonly #pauses: boolean[]
  #paused = false

  constructor(pauses: readonly boolean[]) {
    this.#pauses = [...pauses]
  }

  onHeader(header: { length: number; command: number; status: number }): void {
    this.#tell({ header: { ...header } })
  }

  onData(chunk: Buffer): void {
    const last = this.told.at(-1)
    if (chunk.length === 0) throw new Error('told of no data')
    // A view that is valid until this returns: copied.
    if (last !== undefined && 'data' in last) {
      this.told.pop()
      this.#tell({ data: Buffer.concat([last.data, chunk]) })
    } else this.#tell({ data: Buffer.from(chunk) })
  }

  onEnd(): void {
    this.#tell({ end: true })
  }

  get paused(): boolean {
    return this.#paused
  }

  resume(): void {
    this.#paused = false
    this.reader.resume()
  }

  pause(): void {
    this.#paused = true
    this.reader.pause()
  }

  #tell(what: Told): void {
    if (this.#paused) throw new Error(`told of ${fc.stringify(what)} while paused`)
    this.told.push(what)
    if (this.#pauses.shift() === true) this.pause()
  }
}

const frame = (): fc.Arbitrary<{ command: number; status: number; body: Buffer }> =>
  fc.record({
    command: fc.nat(255),
    status: fc.nat(255),
    body: fc.oneof(fc.constant(Buffer.alloc(0)), buffer(0, 40)),
  })

/** Cuts `stream` at `cuts`. */
function split(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const offsets = [0, ...cuts.map((cut) => Math.floor(cut * (stream.length + 1))), stream.length]
  offsets.sort((a, b) => a - b)
  return offsets.slice(1).map((end, index) => Buffer.from(stream.subarray(offsets[index], end)))
}

const streams = (): Property[] => [
  {
    name: 'a stream gives the same packets however it is cut and paused',
    cost: 1,
    property: fc.property(
      fc.array(frame(), { maxLength: 6 }),
      fc.array(place(), { maxLength: 30 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      (frames, cuts, pauses, pausesBetween) => {
        const stream = Buffer.concat(
          frames.flatMap(({ command, status, body }) => [
            encodeHeader({ length: body.length, command, status }),
            body,
          ]),
        )
        const expected = frames.flatMap(({ command, status, body }): Told[] => [
          { header: { length: body.length, command, status } },
          ...(body.length > 0 ? [{ data: body }] : []),
          { end: true },
        ])
        const listener = new Listener(pauses)
        for (const [index, chunk] of split(stream, cuts).entries()) {
          listener.reader.push(chunk)
          if (pausesBetween[index] === true) {
            if (listener.paused) listener.resume()
            else listener.pause()
          }
        }
        for (let i = 0; i < 100 && listener.paused; i++) listener.resume()
        assertSame(listener.told, expected, 'told')
        assertSame(listener.reader.idle, true, 'idle')
      },
    ),
  },
  {
    name: 'a stream of random bytes gives nothing but a ProtocolError',
    cost: 1,
    property: fc.property(
      fc.oneof(
        buffer(0, 300),
        sample().map(({ bytes }) => bytes),
      ),
      mutations(),
      fc.array(place(), { maxLength: 10 }),
      (bytes, mutate, cuts) => {
        const listener = new Listener([])
        for (const chunk of split(mutate(bytes), cuts)) only(ProtocolError, () => listener.reader.push(chunk))
      },
    ),
  },
]

// ---------------------------------------------------------------------------------------------------------------------
// Values that do not fit

/** Values that no field of this kind takes. */
function wrongFor(field: LayoutField): fc.Arbitrary<unknown> {
  const noNumber = [null, NaN, Infinity, -Infinity, 0.5, '1', 1n, true, {}, [], Symbol('no'), () => 1]
  const noText = [
    null,
    1,
    {},
    [],
    Buffer.from('x'),
    new String('x'),
    'a\0b',
    '\0',
    'ł',
    '😀',
    '\u0100',
    1n,
    Symbol('no'),
  ]
  const noObject = [null, 1, 'x', true, 1n, Symbol('no')]
  const numbers = (min: number, max: number): fc.Arbitrary<unknown> =>
    fc.constantFrom<unknown>(...noNumber, min - 1, max + 1, -1e300, 1e300)
  switch (field.kind) {
    case 'u8':
      return numbers(0, 0xff)
    case 'i8':
      return numbers(-0x80, 0x7f)
    case 'i32':
      return numbers(-0x8000_0000, 0x7fff_ffff)
    case 'i64':
      return numbers(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    case 'port':
      return numbers(1, 65_535)
    case 'crc32':
      return numbers(0, 0xffff_ffff)
    case 'bool':
      return fc.constantFrom<unknown>(null, 0, 1, 'true', {}, NaN)
    case 'str':
      return fc.constantFrom<unknown>(...noText, 'x'.repeat(field.size + 1), 'x'.repeat(10_000))
    case 'text':
    case 'textz':
      return fc.constantFrom<unknown>(...noText)
    case 'bytes':
      return fc.constantFrom<unknown>(null, 'text', 1, [1, 2], {}, { length: 3 }, new ArrayBuffer(3), 'ł')
    case 'struct':
      return fc.constantFrom<unknown>(...noObject)
    case 'list':
      return fc.constantFrom<unknown>(
        ...noObject,
        {},
        { length: 1 },
        [null],
        [1],
        [undefined],
        new Array(field.max + 1).fill({}),
      )
    case 'slots':
      return fc.constantFrom<unknown>(
        ...noObject,
        {},
        [null],
        [1],
        ['a\0b'],
        ['ł'],
        [undefined],
        new Array(field.max + 1).fill('x'),
        [field.slotSize > 0 ? 'x'.repeat(field.slotSize + 1) : 'a\nb'],
      )
    default:
      throw new Error(`no wrong values are known for the kind ${field.kind}`)
  }
}

/** The values with one of them, at whatever depth, replaced by a wrong one or, where it must be there, left out. */
function withOneWrong(layout: Layout, values: Values): fc.Arbitrary<Values> {
  const candidates = layout.fields.filter((field) => !isDerived(field))
  return fc.constantFrom(...candidates).chain((field) => {
    const wrong = field.optional
      ? wrongFor(field)
      : fc.oneof({ arbitrary: wrongFor(field), weight: 6 }, fc.constant(undefined))
    const replaced = wrong.map((value) => ({ ...values, [field.name]: value }))
    const own = values[field.name]
    if (field.kind === 'struct' && own !== undefined) {
      const inner = withOneWrong(layoutOf(field), own as Values)
      return fc.oneof(replaced, inner.map((value) => ({ ...values, [field.name]: value }))) // prettier-ignore
    }
    if (field.kind === 'list' && Array.isArray(own) && own.length > 0) {
      const items = own as Values[]
      const inner = fc
        .nat(items.length - 1)
        .chain((index) =>
          withOneWrong(layoutOf(field), items[index] as Values).map((item) => items.with(index, item)),
        )
      return fc.oneof(replaced, inner.map((value) => ({ ...values, [field.name]: value }))) // prettier-ignore
    }
    return replaced
  })
}

const hasFields = ({ command, side, dialect }: { command: Command; side: Side; dialect: Dialect }): boolean =>
  command[side].layout(dialect).fields.some((field) => !isDerived(field))

const target = (): fc.Arbitrary<{ command: Command; side: Side; dialect: Dialect }> =>
  fc.record({ command: anyCommand(), side: anySide(), dialect: anyDialect() }, { noNullPrototype: true })

const wrongValues = (): Property[] => [
  {
    name: 'a value that does not fit its field is an InvalidArgumentError',
    cost: 2,
    property: fc.property(
      target()
        .filter(hasFields)
        .chain(({ command, side, dialect }) =>
          packetOf(command, side, dialect)
            .chain((packet) => withOneWrong(command[side].layout(dialect), packet))
            .map((packet) => ({ command, side, dialect, packet })),
        ),
      ({ command, side, dialect, packet }) => {
        const bytes = only(InvalidArgumentError, () => encode(command, side, packet, dialect))
        if (bytes !== undefined) throw new Error(`encoded to ${bytes.toString('hex')}`)
      },
    ),
  },
  {
    name: 'values of any type give nothing but an InvalidArgumentError',
    cost: 2,
    property: fc.property(
      target(),
      fc.anything(),
      fc.array(fc.anything()),
      ({ command, side, dialect }, any, many) => {
        const names = command[side].layout(dialect).fields.map(({ name }) => name)
        const packet = Object.fromEntries([
          ...names.map((name, index) => [name, many[index]]),
          ['content', any],
        ]) as Values
        only(InvalidArgumentError, () => encode(command, side, packet, dialect))
        only(InvalidArgumentError, () => encode(command, side, any as Values, dialect))
        only(InvalidArgumentError, () => encodeHead(command, side, packet, any as number, dialect))
        only(InvalidArgumentError, () => encodeStatus(any as number))
        only(InvalidArgumentError, () => encodeHeader({ length: any as number, command: 1, status: 0 }))
        only(InvalidArgumentError, () => encodeMetadata(any as Record<string, string>))
      },
    ),
  },
  {
    name: 'a status, length or content that does not fit is an InvalidArgumentError',
    cost: 1,
    property: fc.property(
      anyCommand(),
      fc.constantFrom<unknown>(-1, 0.5, NaN, Infinity, 2 ** 53, '1', null, 1n, {}),
      (command, wrong) => {
        for (const act of [
          () => encodeStatus(wrong as number),
          () => encodeHeader({ length: 0, command: 1, status: wrong as number }),
          () => encodeHeader({ length: wrong as number, command: 1, status: 0 }),
          () => encodeRequestHead(command, {}, wrong as number),
          () => encodeRequest(command, { content: wrong }, { status: wrong as number }),
        ]) {
          if (only(InvalidArgumentError, act) !== undefined)
            throw new Error(`${act.toString()} took ${String(wrong)}`)
        }
      },
    ),
  },
]

// ---------------------------------------------------------------------------------------------------------------------
// Metadata

/** Text in Unicode without separators, of at most `max` bytes in UTF-8. */
const item = (min: number, max: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'binary', minLength: min, maxLength: max })
    .map((text) => text.replace(/[\x01\x02]/g, '_')) // eslint-disable-line no-control-regex
    .filter((text) => Buffer.byteLength(text) <= max)

const metadata = (): fc.Arbitrary<Record<string, string>> =>
  fc
    .array(
      fc.tuple(
        fc.oneof(item(1, 64), fc.constantFrom('__proto__', 'constructor', '1', '\u2028')),
        item(0, 256),
      ),
      {
        maxLength: 12,
      },
    )
    .map((entries) => Object.fromEntries(entries))

const metadataProperties = (): Property[] => [
  {
    name: 'metadata comes back as it was',
    cost: 2,
    property: fc.property(metadata(), (items) => {
      const bytes = encodeMetadata(items)
      assertSame(decodeMetadata(bytes), items, 'decoded')
      assertSame(Object.getPrototypeOf(decodeMetadata(bytes)), Object.prototype, 'prototype')
    }),
  },
  {
    name: 'metadata that servers would damage is refused',
    cost: 2,
    property: fc.property(
      metadata(),
      fc.oneof(
        fc
          .tuple(item(0, 20), fc.constantFrom('\x01', '\x02', '\ud800', '\udc00'), item(0, 20))
          .chain(([a, bad, b]) =>
            fc.constantFrom([`x${a}${bad}${b}`, 'value'] as const, ['name', a + bad + b] as const),
          ),
        fc.integer({ min: 65, max: 300 }).map((size) => ['x'.repeat(size), ''] as const),
        fc.integer({ min: 257, max: 600 }).map((size) => ['name', 'x'.repeat(size)] as const),
        fc.integer({ min: 33, max: 64 }).map((size) => ['ł'.repeat(size), ''] as const),
        fc.constant(['', 'value'] as const),
        fc
          .constantFrom(undefined, null, 1, {}, Buffer.from('x'), 1n, Symbol('no'))
          .map((value) => ['name', value] as const),
      ),
      (items, [name, value]) => {
        const bad = { ...items, [name]: value } as Record<string, string>
        const bytes = only(InvalidArgumentError, () => encodeMetadata(bad))
        if (bytes !== undefined) throw new Error(`encoded to ${bytes.toString('hex')}`)
      },
    ),
  },
  {
    name: 'metadata of random bytes gives nothing but a ProtocolError, and nothing is replaced',
    cost: 1,
    property: fc.property(
      fc.oneof(
        buffer(0, 100),
        fc.array(fc.constantFrom(1, 2, 0x61, 0x62, 0xc3, 0xa9, 0xff)).map((list) => Buffer.from(list)),
      ),
      (bytes) => {
        const items = only(ProtocolError, () => decodeMetadata(bytes))
        if (items === undefined) return
        // All that was read is in the bytes, letter by letter.
        for (const [name, value] of Object.entries(items)) {
          if (!bytes.includes(Buffer.from(`${name}\x02${value}`)))
            throw new Error(`${name} is not in the bytes`)
        }
      },
    ),
  },
  {
    name: 'metadata that is not UTF-8 is reported',
    cost: 1,
    property: fc.property(
      metadata(),
      fc.constantFrom('ff', 'c3', 'c328', 'eda080', 'f8a1a1a1a1', 'c080', 'e282', 'f4908080'),
      fc.boolean(),
      (items, bad, inName) => {
        const good = encodeMetadata(items)
        const broken = Buffer.from(inName ? `61${bad}0262` : `6102${bad}`, 'hex')
        const bytes = Buffer.concat(good.length === 0 ? [broken] : [good, Buffer.of(1), broken])
        if (only(ProtocolError, () => decodeMetadata(bytes)) !== undefined) throw new Error('was read')
      },
    ),
  },
]

/** Every property, made anew: those of {@link roundTrips} are one for each command, side and dialect. */
export function protocolProperties(): { readonly roundTrips: Property[]; readonly others: Property[] } {
  return {
    roundTrips: roundTrips(),
    others: [...brokenPackets(), ...streams(), ...wrongValues(), ...metadataProperties()],
  }
}
