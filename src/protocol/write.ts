/** Values to bytes, by a layout. What does not fit its field is refused, never cut. */
import { InvalidArgumentError } from '../errors.js'
import type { Layout, LayoutField } from './layout.js'

type Values = Readonly<Record<string, unknown>>

const TWO_POW_32 = 0x1_0000_0000

/**
 * Bytes that `values` take.
 *
 * @throws InvalidArgumentError when a value by which that is told is missing or of the wrong type
 */
export function measure(layout: Layout, values: Values): number {
  checkRecord('a packet', values)
  let size = layout.fixedSize
  for (const field of layout.varying) size += sizeOf(field, values)
  return size
}

function sizeOf(field: LayoutField, values: Values): number {
  const value = values[field.name]
  if (field.kind === 'flagsOf') return field.size
  if (value === undefined && field.optional) return isAlwaysThere(field) ? field.size : 0
  switch (field.kind) {
    case 'text':
      return checkText(field, value).length
    case 'textz':
      return checkText(field, value).length + 1
    case 'bytes':
      return checkBytes(field, value).length
    case 'list':
      return checkItems(field, value).length * (field.layout as Layout).fixedSize
    case 'slots': {
      const items = checkItems(field, value)
      if (field.slotSize > 0) return items.length * field.slotSize
      return items.reduce<number>((sum, item) => sum + checkText(field, item).length + 1, 0)
    }
    default:
      return field.size
  }
}

/** Whether the dialect has the field in every packet; a value left out is then written as zero. */
function isAlwaysThere(field: LayoutField): boolean {
  return !field.trailing && !field.flagged
}

/**
 * Writes `values`, which {@link measure} has accepted, into `target` from `offset` on.
 *
 * @returns the offset behind them
 * @throws InvalidArgumentError when a value does not fit its field
 */
export function writeFields(
  layout: Layout,
  values: Values,
  target: Buffer,
  offset: number,
  contentSize: number,
): number {
  let at = offset
  for (const field of layout.fields) {
    const value = values[field.name]
    switch (field.kind) {
      case 'lengthOf':
        writeI64(target, at, lengthOfField(layout, field.ref as string, values))
        at += field.size
        break
      case 'countOf':
        writeCount(field, target, at, (values[field.ref as string] as readonly unknown[]).length)
        at += field.size
        break
      case 'contentSize':
        writeI64(target, at, contentSize)
        at += field.size
        break
      case 'flagsOf':
        target[at] = field.bits.reduce(
          (flags, [name, bit]) => (values[name] === undefined ? flags : flags | bit),
          0,
        )
        at += field.size
        break
      default:
        if (value !== undefined) at = writeValue(field, value, target, at)
        else if (!field.optional) throw new InvalidArgumentError(`${field.name} is missing`)
        else if (isAlwaysThere(field)) {
          target.fill(0, at, at + field.size)
          at += field.size
        }
    }
  }
  return at
}

function lengthOfField(layout: Layout, name: string, values: Values): number {
  const field = layout.fields.find((candidate) => candidate.name === name) as LayoutField
  return sizeOf(field, values)
}

function writeValue(field: LayoutField, value: unknown, target: Buffer, offset: number): number {
  const { size } = field
  switch (field.kind) {
    case 'u8':
      return target.writeUInt8(toNumber(field, value, 0, 0xff), offset)
    case 'i8':
      return target.writeInt8(toNumber(field, value, -0x80, 0x7f), offset)
    case 'bool':
      if (typeof value !== 'boolean') throw new InvalidArgumentError(`${field.name} must be true or false`)
      return target.writeUInt8(value ? 1 : 0, offset)
    case 'i32':
      return target.writeInt32BE(toNumber(field, value, -0x8000_0000, 0x7fff_ffff), offset)
    case 'i64':
      writeI64(target, offset, toNumber(field, value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))
      return offset + size
    case 'port':
      writeI64(target, offset, toNumber(field, value, 1, 65_535))
      return offset + size
    case 'crc32': {
      const crc = toNumber(field, value, 0, 0xffff_ffff)
      target.writeInt32BE(crc > 0x7fff_ffff ? -1 : 0, offset)
      return target.writeUInt32BE(crc, offset + 4)
    }
    case 'str':
      return writeStr(field, value, target, offset, size)
    case 'text':
      return offset + target.write(value as string, offset, 'latin1')
    case 'textz': {
      const end = offset + target.write(value as string, offset, 'latin1')
      return target.writeUInt8(0, end)
    }
    case 'bytes':
      target.set(value as Uint8Array, offset)
      return offset + (value as Uint8Array).length
    case 'struct':
      checkRecord(field.name, value)
      return writeFields(field.layout as Layout, value, target, offset, 0)
    case 'list': {
      let at = offset
      for (const item of value as unknown[]) {
        checkRecord(`an item of ${field.name}`, item)
        at = writeFields(field.layout as Layout, item, target, at, 0)
      }
      return at
    }
    case 'slots': {
      let at = offset
      for (const item of value as unknown[]) at = writeSlot(field, item, target, at)
      return at
    }
    default:
      throw new TypeError(`${field.kind} is not written from a value`)
  }
}

function toNumber(field: LayoutField, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(
      `${field.name} must be a whole number from ${min} to ${max}, not ${describe(value)}`,
    )
  }
  return value
}

function writeStr(field: LayoutField, value: unknown, target: Buffer, offset: number, size: number): number {
  const text = checkText(field, value)
  if (text.length > size) {
    throw new InvalidArgumentError(
      `${field.name} is ${text.length} bytes long, at most ${size} fit: ${quote(text)}`,
    )
  }
  // For so few bytes, a call that leaves JavaScript costs more than they do.
  for (let i = 0; i < size; i++) target[offset + i] = i < text.length ? text.charCodeAt(i) : 0
  return offset + size
}

function writeSlot(field: LayoutField, item: unknown, target: Buffer, offset: number): number {
  if (field.slotSize > 0) return writeStr(field, item, target, offset, field.slotSize)
  const text = checkText(field, item)
  if (text.includes('\n')) throw new InvalidArgumentError(`${field.name} holds a line break: ${quote(text)}`)
  const end = offset + target.write(text, offset, 'latin1')
  return target.writeUInt8(0x0a, end)
}

function checkText(field: LayoutField, value: unknown): string {
  if (typeof value !== 'string') {
    throw new InvalidArgumentError(`${field.name} must be a text, not ${describe(value)}`)
  }
  // eslint-disable-next-line no-control-regex -- the point is which bytes there are
  if (/[^\x01-\xff]/.test(value)) {
    throw new InvalidArgumentError(
      `${field.name} holds a NUL or a character that is no single byte: ${quote(value)}`,
    )
  }
  return value
}

function checkBytes(field: LayoutField, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new InvalidArgumentError(`${field.name} must be a Uint8Array, not ${describe(value)}`)
  }
  return value
}

function checkItems(field: LayoutField, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new InvalidArgumentError(`${field.name} must be an array, not ${describe(value)}`)
  }
  if (value.length > field.max) {
    throw new InvalidArgumentError(`${value.length} ${field.name}, at most ${field.max} are possible`)
  }
  return value
}

function checkRecord(name: string, value: unknown): asserts value is Values {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgumentError(`${name} must be an object, not ${describe(value)}`)
  }
}

/** A wrong value for a message; objects by their type only. */
function describe(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value
}

function writeCount(field: LayoutField, target: Buffer, offset: number, count: number): void {
  if (field.size === 1) target.writeUInt8(toNumber(field, count, 0, 0xff), offset)
  else if (field.size === 4) target.writeInt32BE(count, offset)
  else writeI64(target, offset, count)
}

/** A safe integer as 64 bits, in two halves. */
export function writeI64(target: Buffer, offset: number, value: number): void {
  target.writeInt32BE(Math.floor(value / TWO_POW_32), offset)
  target.writeUInt32BE(value - Math.floor(value / TWO_POW_32) * TWO_POW_32, offset + 4)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text)
}
