/** Metadata as it stands on the wire (protocol.md §3.5): `name 0x02 value`, items parted by 0x01. No escaping. */
import { InvalidArgumentError, ProtocolError } from '../errors.js'
import { MAX_METADATA_NAME_SIZE, MAX_METADATA_VALUE_SIZE } from './limits.js'
import type { TextCodec } from './text.js'
import { textCodec } from './text.js'

/** A file's metadata: names and values are text. */
export type Metadata = Readonly<Record<string, string>>

// While it is put together or taken apart it is a text with a character for each byte: strings cost less than Buffers.
const ITEM_SEPARATOR = '\x01'
const FIELD_SEPARATOR = '\x02'

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
  let packed = ''
  for (const name of Object.keys(metadata)) {
    if (name === '') throw new InvalidArgumentError('a metadata name must not be empty')
    if (packed !== '') packed += ITEM_SEPARATOR
    packed += packText(codec, 'name', name, name, MAX_METADATA_NAME_SIZE)
    packed += FIELD_SEPARATOR
    packed += packText(codec, 'value', name, metadata[name], MAX_METADATA_VALUE_SIZE)
  }
  return Buffer.from(packed, 'latin1')
}

/** Whether a value can be metadata: a Map or Headers has no properties, and would be taken for none at all. */
export function isMetadata(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value)
}

function packText(
  codec: TextCodec,
  part: 'name' | 'value',
  name: string,
  text: unknown,
  max: number,
): string {
  if (typeof text !== 'string') {
    throw new InvalidArgumentError(
      `the metadata value of ${JSON.stringify(name)} must be a text, not ${typeof text}`,
    )
  }
  const packed = isPlain(codec, text)
    ? text
    : encodeText(codec, `the metadata ${part} of ${JSON.stringify(name)}`, text)
  if (packed.length > max) {
    throw new InvalidArgumentError(
      `the metadata ${part} ${JSON.stringify(text.slice(0, 40))} is ${packed.length} bytes long, at most ${max} are kept`,
    )
  }
  return packed
}

/** @param what - says whose text it is, for errors */
function encodeText(codec: TextCodec, what: string, text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw new InvalidArgumentError(`${what} holds half a surrogate pair, which is no character`)
  }
  const packed = codec.encode(text, what).toString('latin1')
  if (packed.includes(ITEM_SEPARATOR) || packed.includes(FIELD_SEPARATOR)) {
    throw new InvalidArgumentError(
      `${what} holds a separator (byte 0x01 or 0x02), which FastDFS cannot escape`,
    )
  }
  return packed
}

/** Whether a text is the same in bytes, and none of them a separator: most are. */
function isPlain({ keepsAscii }: TextCodec, text: string): boolean {
  if (!keepsAscii) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
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
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const items: [name: string, value: string][] = []
  for (const item of packed.split(ITEM_SEPARATOR)) {
    if (item === '') continue
    const separator = item.indexOf(FIELD_SEPARATOR)
    if (separator === -1) {
      throw new ProtocolError(`a metadata item has no separator: ${JSON.stringify(item.slice(0, 60))}`)
    }
    items.push([unpackText(codec, item.slice(0, separator)), unpackText(codec, item.slice(separator + 1))])
  }
  return Object.fromEntries(items)
}

function unpackText(codec: TextCodec, packed: string): string {
  return isPlain(codec, packed) ? packed : codec.decode(Buffer.from(packed, 'latin1'))
}
