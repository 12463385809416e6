/** Metadata as it stands on the wire (protocol.md §3.5): `name 0x02 value`, items parted by 0x01. No escaping. */
import { InvalidArgumentError, ProtocolError } from '../errors.js'
import { MAX_METADATA_NAME_SIZE, MAX_METADATA_VALUE_SIZE } from './limits.js'

/** A file's metadata: names and values are text. */
export type Metadata = Readonly<Record<string, string>>

const ITEM_SEPARATOR = 0x01
const FIELD_SEPARATOR = 0x02

/**
 * Metadata to bytes in UTF-8, in the order of the object.
 *
 * @throws InvalidArgumentError when a name is empty, a name is over 64 bytes or a value over 256 (servers cut
 *   those and leave garbage behind), or a text holds one of the separators 0x01 and 0x02 or half a surrogate pair
 */
export function encodeMetadata(metadata: Metadata): Buffer {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new InvalidArgumentError('metadata must be an object of names and texts')
  }
  const parts: Uint8Array[] = []
  for (const [name, value] of Object.entries(metadata)) {
    if (parts.length > 0) parts.push(Uint8Array.of(ITEM_SEPARATOR))
    if (name === '') throw new InvalidArgumentError('a metadata name must not be empty')
    parts.push(encodeItem('name', name, name, MAX_METADATA_NAME_SIZE))
    parts.push(Uint8Array.of(FIELD_SEPARATOR))
    parts.push(encodeItem('value', name, value, MAX_METADATA_VALUE_SIZE))
  }
  return Buffer.concat(parts)
}

function encodeItem(part: 'name' | 'value', name: string, item: unknown, max: number): Buffer {
  if (typeof item !== 'string') {
    throw new InvalidArgumentError(
      `the metadata value of ${JSON.stringify(name)} must be a text, not ${typeof item}`,
    )
  }
  if (/\p{Surrogate}/u.test(item)) {
    throw new InvalidArgumentError(
      `the metadata ${part} of ${JSON.stringify(name)} holds half a surrogate pair, which UTF-8 cannot express`,
    )
  }
  const bytes = Buffer.from(item, 'utf8')
  if (bytes.length > max) {
    throw new InvalidArgumentError(
      `the metadata ${part} ${JSON.stringify(item.slice(0, 40))} is ${bytes.length} bytes long, at most ${max} are kept`,
    )
  }
  if (bytes.includes(ITEM_SEPARATOR) || bytes.includes(FIELD_SEPARATOR)) {
    throw new InvalidArgumentError(
      `the metadata ${part} of ${JSON.stringify(name)} holds a separator (byte 0x01 or 0x02), which FastDFS cannot escape`,
    )
  }
  return bytes
}

/**
 * Bytes to metadata.
 *
 * @throws ProtocolError when an item has no separator, or a text is not UTF-8 (nothing is replaced silently)
 */
export function decodeMetadata(bytes: Uint8Array): Record<string, string> {
  const metadata: Record<string, string> = {}
  for (const item of split(bytes, ITEM_SEPARATOR)) {
    if (item.length === 0) continue
    const separator = item.indexOf(FIELD_SEPARATOR)
    if (separator === -1)
      throw new ProtocolError(`a metadata item has no separator: ${JSON.stringify(latin1(item))}`)
    const name = decodeText(item.subarray(0, separator))
    // Not an assignment: a name may be `__proto__`.
    Object.defineProperty(metadata, name, {
      value: decodeText(item.subarray(separator + 1)),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return metadata
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new ProtocolError(`metadata is not UTF-8: ${JSON.stringify(latin1(bytes))}`, { cause })
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1').slice(0, 60)
}

function split(bytes: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  let start = 0
  for (let end; (end = bytes.indexOf(separator, start)) !== -1; start = end + 1)
    parts.push(bytes.subarray(start, end))
  parts.push(bytes.subarray(start))
  return parts
}
