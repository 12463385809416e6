/** Values to bytes, by a layout. What does not fit its field is refused, never cut. */
import { InvalidArgumentError } from '../errors.js'
import type { Layout, LayoutField } from './layout.js'

type Values = Readonly<Record<string, unknown>>

const TWO_POW_32 = 0x1_0000_0000

/** Bytes that `values` take. */
export function measure(layout: Layout, values: Values): number {
  let size = 0
  for (const field of layout.fields) size += sizeOf(field, values)
  return size
}

function sizeOf(field: LayoutField, values: Values): number {
  const value = values[field.name]
  switch (field.kind) {
    case 'lengthOf':
    case 'countOf':
    case 'contentSize':
    case 'flagsOf':
      return field.size
    case 'text':
      return value === undefined ? 0 : (value as string).length
    case 'bytes':
      return value === undefined ? 0 : (value as Uint8Array).length
    case 'list':
      return value === undefined ? 0 : (value as Values[]).length * (field.layout as Layout).fixedSize
    case 'slots':
      return (value as string[]).reduce((sum, item) => sum + (field.slotSize || item.length + 1), 0)
    default:
      return value === undefined && !isRequired(field) ? 0 : field.size
  }
}

/** Whether a field is there whatever the values are; an optional one of this version is written as zero. */
function isRequired(field: LayoutField): boolean {
  return !field.trailing && !field.flagged
}

/**
 * Writes `values` into `target` from `offset` on.
 *
 * @returns the offset behind them
 * @throws {@link InvalidArgumentError} when a value does not fit its field
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
      case 'text':
        if (value !== undefined) at += writeText(field, value, target, at)
        break
      case 'bytes':
        if (value !== undefined) {
          target.set(value as Uint8Array, at)
          at += (value as Uint8Array).length
        }
        break
      case 'list':
        for (const item of (value ?? []) as Values[])
          at = writeFields(field.layout as Layout, item, target, at, 0)
        break
      case 'slots':
        for (const item of value as string[]) at = writeSlot(field, item, target, at)
        break
      case 'struct':
        if (value !== undefined || isRequired(field)) {
          at = writeFields(field.layout as Layout, (value ?? {}) as Values, target, at, 0)
        }
        break
      default:
        if (value !== undefined || isRequired(field)) {
          writeScalar(field, value, target, at)
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

function writeScalar(field: LayoutField, value: unknown, target: Buffer, offset: number): void {
  switch (field.kind) {
    case 'u8':
      target.writeUInt8(toNumber(field, value, 0, 0xff), offset)
      break
    case 'i8':
      target.writeInt8(toNumber(field, value, -0x80, 0x7f), offset)
      break
    case 'bool':
      target[offset] = value === true ? 1 : 0
      break
    case 'i32':
      target.writeInt32BE(toNumber(field, value, -0x8000_0000, 0x7fff_ffff), offset)
      break
    case 'i64':
      writeI64(target, offset, toNumber(field, value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))
      break
    case 'crc32': {
      const crc = toNumber(field, value, 0, 0xffff_ffff)
      target.writeInt32BE(crc > 0x7fff_ffff ? -1 : 0, offset)
      target.writeUInt32BE(crc, offset + 4)
      break
    }
    case 'str':
      writeStr(field, value, target, offset, field.size)
      break
    default:
      throw new TypeError(`${field.kind} is not a scalar`)
  }
}

function toNumber(field: LayoutField, value: unknown, min: number, max: number): number {
  const number = value ?? 0
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
    throw new InvalidArgumentError(
      `${field.name} must be a whole number from ${min} to ${max}, not ${String(value)}`,
    )
  }
  return number
}

function writeStr(field: LayoutField, value: unknown, target: Buffer, offset: number, size: number): void {
  const text = checkText(field, value ?? '')
  if (text.length > size) {
    throw new InvalidArgumentError(
      `${field.name} is ${text.length} bytes long, at most ${size} fit: ${quote(text)}`,
    )
  }
  if (text.includes('\0')) throw new InvalidArgumentError(`${field.name} holds a NUL: ${quote(text)}`)
  target.write(text, offset, size, 'latin1')
  target.fill(0, offset + text.length, offset + size)
}

function writeText(field: LayoutField, value: unknown, target: Buffer, offset: number): number {
  const text = checkText(field, value)
  target.write(text, offset, text.length, 'latin1')
  return text.length
}

function writeSlot(field: LayoutField, item: string, target: Buffer, offset: number): number {
  if (field.slotSize > 0) {
    writeStr(field, item, target, offset, field.slotSize)
    return offset + field.slotSize
  }
  const end = offset + writeText(field, item, target, offset)
  target[end] = 0x0a
  return end + 1
}

function checkText(field: LayoutField, value: unknown): string {
  if (typeof value !== 'string')
    throw new InvalidArgumentError(`${field.name} must be a text, not ${typeof value}`)
  if (/[^\0-\xff]/.test(value)) {
    throw new InvalidArgumentError(`${field.name} holds a character that is no single byte: ${quote(value)}`)
  }
  return value
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
