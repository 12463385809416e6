/** Metadata as it stands on the wire (protocol.md §3.5): `name 0x02 value`, items parted by 0x01. No escaping. */
import { InvalidArgumentError, ProtocolError } from '../errors.js'
import { MAX_METADATA_NAME_SIZE, MAX_METADATA_VALUE_SIZE } from './limits.js'
import type { TextCodec } from './text.js'
import { textCodec } from './text.js'

/** A file's metadata: names and values are text. */
export type Metadata = Readonly<Record<string, string>>

const ITEM_SEPARATOR = 0x01
const FIELD_SEPARATOR = 0x02
const BEFORE_ITEM = Buffer.of(ITEM_SEPARATOR)
const BEFORE_VALUE = Buffer.of(FIELD_SEPARATOR)

/**
 * Metadata to bytes, in the order of the object.
 *
 * @param encoding - `utf8`, any other label of TextDecoder, or `raw`: a character for each byte, 0 to 0xff
 * @throws InvalidArgumentError when a name is empty, a name is over 64 bytes or a value over 256 (servers cut
 *   those and leave garbage behind), a text holds one of the separators 0x01 and 0x02, half a surrogate pair or a
 *   character that the encoding lacks, or there is no such encoding
 */
export function encodeMetadata(metadata: Metadata, encoding = 'utf8'): Buffer {
  const codec = textCodec(encoding)
  if (!isMetadata(metadata)) {
    throw new InvalidArgumentError('metadata must be an object of names and texts')
  }
  const parts: Uint8Array[] = []
  for (const [name, value] of Object.entries(metadata)) {
    if (parts.length > 0) parts.push(BEFORE_ITEM)
    if (name === '') throw new InvalidArgumentError('a metadata name must not be empty')
    parts.push(encodeItem(codec, 'name', name, name, MAX_METADATA_NAME_SIZE))
    parts.push(BEFORE_VALUE)
    parts.push(encodeItem(codec, 'value', name, value, MAX_METADATA_VALUE_SIZE))
  }
  return Buffer.concat(parts)
}

/** Whether a value can be metadata: a Map or Headers has no properties, and would be taken for none at all. */
export function isMetadata(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value)
}

function encodeItem(
  codec: TextCodec,
  part: 'name' | 'value',
  name: string,
  item: unknown,
  max: number,
): Buffer {
  if (typeof item !== 'string') {
    throw new InvalidArgumentError(
      `the metadata value of ${JSON.stringify(name)} must be a text, not ${typeof item}`,
    )
  }
  if (/\p{Surrogate}/u.test(item)) {
    throw new InvalidArgumentError(
      `the metadata ${part} of ${JSON.stringify(name)} holds half a surrogate pair, which is no character`,
    )
  }
  const bytes = codec.encode(item, () => `the metadata ${part} of ${JSON.stringify(name)}`)
  if (bytes.length > max) {
    throw new InvalidArgumentError(
      `the metadata ${part} ${JSON.stringify(item.slice(0, 40))} is ${bytes.length} bytes long, at most ${max} are kept`,
    )
  }
  if (holdsSeparator(bytes)) {
    throw new InvalidArgumentError(
      `the metadata ${part} of ${JSON.stringify(name)} holds a separator (byte 0x01 or 0x02), which FastDFS cannot escape`,
    )
  }
  return bytes
}

/** In less time than two searches, each of which leaves JavaScript: there are few bytes. */
function holdsSeparator(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte === ITEM_SEPARATOR || byte === FIELD_SEPARATOR) return true
  return false
}

/**
 * Bytes to metadata.
 *
 * @param encoding - as in {@link encodeMetadata}
 * @throws ProtocolError when an item has no separator, or a text is not valid in the encoding (nothing is replaced
 *   silently)
 * @throws InvalidArgumentError when there is no such encoding
 */
export function decodeMetadata(bytes: Uint8Array, encoding = 'utf8'): Record<string, string> {
  const codec = textCodec(encoding)
  const items: [name: string, value: string][] = []
  for (const item of split(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), ITEM_SEPARATOR)) {
    if (item.length === 0) continue
    const separator = item.indexOf(FIELD_SEPARATOR)
    if (separator === -1)
      throw new ProtocolError(
        `a metadata item has no separator: ${JSON.stringify(item.toString('latin1').slice(0, 60))}`,
      )
    items.push([codec.decode(item.subarray(0, separator)), codec.decode(item.subarray(separator + 1))])
  }
  return Object.fromEntries(items)
}

function split(bytes: Buffer, separator: number): Buffer[] {
  const parts: Buffer[] = []
  let start = 0
  for (let end; (end = bytes.indexOf(separator, start)) !== -1; start = end + 1)
    parts.push(bytes.subarray(start, end))
  parts.push(bytes.subarray(start))
  return parts
}
