/** Bytes to values, by a layout. Every length is checked before it is believed. */
import { ProtocolError } from '../errors.js'
import type { Layout, LayoutField } from './layout.js'

/** What a reader knows beside the bytes. */
export interface ReadContext {
  /** The command's name, for errors. */
  readonly command?: string | undefined
  /** Bytes of content that follow the fields. */
  readonly contentSize: number
  /** Whether a text ends at a NUL, as C reads it (protocol.md §1.1), and bytes behind it are passed over. */
  readonly endsAtNul?: boolean
}

type Values = Record<string, unknown>

const TWO_POW_32 = 0x1_0000_0000

/**
 * Reads the fields of `layout` from the whole of `body`.
 *
 * @throws ProtocolError when the bytes do not fit the layout or some are left over
 */
export function readFields(layout: Layout, body: Buffer, context: ReadContext): Values {
  const cursor = { offset: 0 }
  const values = readWithin(layout, body, cursor, body.length, context)
  if (cursor.offset !== body.length) {
    throw broken(`${body.length - cursor.offset} bytes left over in a body of ${body.length}`, context)
  }
  return values
}

/**
 * How many bytes the fields before a content take, told from the first `layout.fixedSize` bytes of the body.
 *
 * @throws ProtocolError when a length in them is negative
 */
export function sizeOfFields(layout: Layout, start: Buffer): number {
  let size = layout.fixedSize
  for (const field of layout.fields) {
    if (field.kind === 'lengthOf') size += checkLength(readI64(start, field.offset, field.name), field.name)
  }
  return size
}

/** Whether a body of `length` bytes can be of this layout, as far as the length tells. */
export function fitsLength(layout: Layout, length: number): boolean {
  if (layout.fixed) return length === layout.fixedSize
  if (layout.records === undefined) return length >= layout.fixedSize
  const count = (length - layout.fixedSize) / layout.records.size
  return count >= 0 && Number.isInteger(count) && count <= layout.records.max
}

function readWithin(
  layout: Layout,
  body: Buffer,
  cursor: { offset: number },
  end: number,
  context: ReadContext,
): Values {
  const values: Values = {}
  // Lengths, counts and presence told by earlier fields about later ones; most layouts have none.
  let told: Record<string, number> | undefined
  for (const field of layout.fields) {
    if (told !== undefined && told[field.name] === ABSENT) continue
    if (field.trailing && cursor.offset === end) {
      if (field.kind === 'flagsOf') for (const [name] of field.bits) (told ??= {})[name] = ABSENT
      continue
    }
    const from = cursor.offset
    if (from + field.size > end)
      throw broken(`a body of ${body.length} bytes ends within ${field.name}`, context)
    cursor.offset += field.size
    switch (field.kind) {
      case 'lengthOf':
        ;(told ??= {})[field.ref as string] = checkLength(
          readI64(body, from, field.name, context),
          field.name,
          context,
        )
        break
      case 'countOf':
        ;(told ??= {})[field.ref as string] = checkLength(
          readCount(field, body, from, context),
          field.name,
          context,
        )
        break
      case 'contentSize': {
        const size = readI64(body, from, field.name, context)
        if (size !== context.contentSize) {
          throw broken(`${field.name} says ${size} bytes, ${context.contentSize} follow`, context)
        }
        break
      }
      case 'flagsOf': {
        const flags = body.readUInt8(from)
        let known = 0
        for (const [name, bit] of field.bits) {
          known |= bit
          if ((flags & bit) === 0) (told ??= {})[name] = ABSENT
        }
        if ((flags & ~known) !== 0) throw broken(`unknown bits in ${field.name}: ${flags}`, context)
        break
      }
      case 'text':
      case 'bytes': {
        const size = told?.[field.name] ?? end - from - field.sizeAfter
        if (size < 0 || from + size > end)
          throw broken(`${field.name} of ${size} bytes reaches past the body`, context)
        cursor.offset = from + size
        values[field.name] =
          field.kind === 'text'
            ? readText(field, body, from, cursor.offset, context)
            : body.subarray(from, cursor.offset)
        break
      }
      case 'textz':
        values[field.name] = readStr(body, from, end)
        cursor.offset = end
        break
      case 'list':
        values[field.name] = readList(field, told?.[field.name], body, cursor, end, context)
        break
      case 'slots':
        values[field.name] = readSlots(field, told?.[field.name], body, cursor, end, context)
        break
      case 'struct': {
        cursor.offset = from
        values[field.name] = readWithin(field.layout as Layout, body, cursor, from + field.size, context)
        break
      }
      default:
        if (!field.hidden) values[field.name] = readScalar(field, body, from, context)
    }
  }
  return values
}

const ABSENT = -1

function readScalar(field: LayoutField, body: Buffer, offset: number, context: ReadContext): unknown {
  switch (field.kind) {
    case 'u8':
      return body.readUInt8(offset)
    case 'i8':
      return body.readInt8(offset)
    case 'bool':
      return body.readUInt8(offset) !== 0
    case 'i32':
      return body.readInt32BE(offset)
    case 'i64':
      return readI64(body, offset, field.name, context)
    case 'port': {
      const port = readI64(body, offset, field.name, context)
      if (port < 1 || port > 65_535) throw broken(`${field.name} is ${port}`, context)
      return port
    }
    case 'crc32':
      return body.readUInt32BE(offset + 4)
    case 'str':
      return readStr(body, offset, offset + field.size)
    default:
      throw new TypeError(`${field.kind} is not a scalar`)
  }
}

/** Nobody sends a NUL in one, but to try a server; where there is one, a layout with a padded field may fit. */
function readText(field: LayoutField, body: Buffer, from: number, to: number, context: ReadContext): string {
  const text = readStr(body, from, to)
  if (text.length < to - from && context.endsAtNul !== true)
    throw broken(`${field.name} holds a NUL`, context)
  return text
}

function readStr(body: Buffer, from: number, end: number): string {
  let to = from
  while (to < end && body[to] !== 0) to++
  return body.toString('latin1', from, to)
}

function readList(
  field: LayoutField,
  told: number | undefined,
  body: Buffer,
  cursor: { offset: number },
  end: number,
  context: ReadContext,
): Values[] {
  const layout = field.layout as Layout
  const rest = end - cursor.offset - field.sizeAfter
  const count = told ?? rest / layout.fixedSize
  if (!Number.isInteger(count)) {
    throw broken(
      `${rest} bytes of ${field.name} are no whole number of records of ${layout.fixedSize}`,
      context,
    )
  }
  if (count > field.max) throw broken(`${count} ${field.name}, at most ${field.max} are possible`, context)
  if (count * layout.fixedSize > rest)
    throw broken(`a body of ${body.length} bytes ends within ${field.name}`, context)
  return Array.from({ length: count }, () =>
    readWithin(layout, body, cursor, cursor.offset + layout.fixedSize, context),
  )
}

function readSlots(
  field: LayoutField,
  told: number | undefined,
  body: Buffer,
  cursor: { offset: number },
  end: number,
  context: ReadContext,
): string[] {
  const count = told ?? 0
  if (count > field.max) throw broken(`${count} ${field.name}, at most ${field.max} are possible`, context)
  return Array.from({ length: count }, () => {
    const from = cursor.offset
    const to = field.slotSize > 0 ? from + field.slotSize : body.indexOf(0x0a, from)
    if (to < from || to > end)
      throw broken(`a body of ${body.length} bytes ends within ${field.name}`, context)
    cursor.offset = field.slotSize > 0 ? to : to + 1
    return readStr(body, from, to)
  })
}

function readCount(field: LayoutField, body: Buffer, offset: number, context: ReadContext): number {
  if (field.size === 1) return body.readUInt8(offset)
  return field.size === 4 ? body.readInt32BE(offset) : readI64(body, offset, field.name, context)
}

/** A 64-bit number in two halves: twice as fast as through a bigint, and exact up to 2^53. */
export function readI64(
  body: Buffer,
  offset: number,
  name: string,
  context?: Pick<ReadContext, 'command'>,
): number {
  const high = body.readInt32BE(offset)
  const low = body.readUInt32BE(offset + 4)
  // Nearly always; to V8 it is a small integer then, and no number on the heap.
  if (high === 0) return low
  const value = high * TWO_POW_32 + low
  if (!Number.isSafeInteger(value)) throw broken(`${name} is beyond 2^53`, context)
  return value
}

function checkLength(value: number, name: string, context?: Pick<ReadContext, 'command'>): number {
  if (value < 0) throw broken(`${name} is negative: ${value}`, context)
  return value
}

function broken(message: string, context?: Pick<ReadContext, 'command'>): ProtocolError {
  return new ProtocolError(message, { command: context?.command })
}
