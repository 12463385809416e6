/** Text to bytes and back, in the encodings that TextDecoder knows: clusters hold metadata older than UTF-8's victory. */
import { InvalidArgumentError, ProtocolError } from '../errors.js'

/** One encoding, both ways; nothing is ever replaced. */
export interface TextCodec {
  /** Whether texts of printable ASCII are the same in bytes, as in all but UTF-16. */
  readonly keepsAscii: boolean
  /**
   * @param what - says whose text it is, for the error
   * @throws InvalidArgumentError when the encoding lacks a character
   */
  encode(text: string, what: string): Buffer
  /** @throws ProtocolError when the bytes are not valid in the encoding; it shows them */
  decode(bytes: Buffer): string
}

/** TextDecoder's instances; its type is not global everywhere. */
type Decoder = InstanceType<typeof TextDecoder>

const codecs = new Map<string, TextCodec>()

/**
 * The codec of an encoding.
 *
 * @param label - `raw` (a character for each byte, 0 to 0xff), or a label of TextDecoder
 * @throws InvalidArgumentError when there is no such encoding
 */
export function textCodec(label: string): TextCodec {
  const known = codecs.get(label)
  if (known !== undefined) return known
  const codec = label === 'raw' ? rawCodec : newCodec(label)
  codecs.set(label, codec)
  return codec
}

const rawCodec: TextCodec = {
  keepsAscii: true,
  encode: (text, what) => {
    const strange = /[^\0-\xff]/u.exec(text)
    if (strange !== null) throw lacking(what, strange[0], 'raw (a character for each byte)')
    return Buffer.from(text, 'latin1')
  },
  decode: (bytes) => bytes.toString('latin1'),
}

/** What windows-1252, which browsers also take for ISO 8859-1, has from 0x80 to 0x9f; it equals Unicode elsewhere. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/** By hand: the TextDecoder of Node 20 doubles bytes and knows none of the above. */
const windows1252: TextCodec = {
  keepsAscii: true,
  encode: (text, what) =>
    Buffer.from(
      Array.from(text, (character) => {
        const special = WINDOWS_1252.indexOf(character)
        if (special >= 0) return 0x80 + special
        const code = character.codePointAt(0) as number
        if (code > 0xff || (code >= 0x80 && code < 0xa0)) throw lacking(what, character, 'windows-1252')
        return code
      }),
    ),
  decode: (bytes) =>
    Array.from(bytes, (byte) => WINDOWS_1252[byte - 0x80] ?? String.fromCharCode(byte)).join(''),
}

function newCodec(label: string): TextCodec {
  const decoder = fatalDecoder(label)
  const name = decoder.encoding
  if (name === 'windows-1252') return windows1252
  return {
    keepsAscii: !name.startsWith('utf-16'),
    encode: encoderOf(decoder),
    decode: (bytes) => {
      try {
        return decoder.decode(bytes)
      } catch (cause) {
        const shown = JSON.stringify(bytes.toString('latin1').slice(0, 60))
        throw new ProtocolError(`metadata is not ${name === 'utf-8' ? 'UTF-8' : name}: ${shown}`, { cause })
      }
    },
  }
}

function fatalDecoder(label: string): Decoder {
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true })
  } catch (cause) {
    throw new InvalidArgumentError(`${JSON.stringify(label)} is not the name of a known encoding`, { cause })
  }
}

function encoderOf(decoder: Decoder): TextCodec['encode'] {
  switch (decoder.encoding) {
    case 'utf-8':
      return (text) => Buffer.from(text, 'utf8')
    case 'utf-16le':
      return (text) => Buffer.from(text, 'utf16le')
    case 'utf-16be':
      return (text) => Buffer.from(text, 'utf16le').swap16()
    default:
      return tableEncoder(decoder)
  }
}

/** The table is made when it is first needed: reading takes none. */
function tableEncoder(decoder: Decoder): TextCodec['encode'] {
  let table: ReadonlyMap<string, readonly number[]> | undefined
  return (text, what) => {
    table ??= inverseOf(decoder)
    const bytes: number[] = []
    for (const character of text) {
      const sequence = table.get(character)
      if (sequence === undefined) throw lacking(what, character, decoder.encoding)
      bytes.push(...sequence)
    }
    return Buffer.from(bytes)
  }
}

function lacking(what: string, character: string, name: string): InvalidArgumentError {
  return new InvalidArgumentError(`${what} holds ${JSON.stringify(character)}, which is not in ${name}`)
}

/**
 * What bytes a decoder makes each character from: one byte, or two of which the first is above 0x7f. Longer sequences
 * (of gb18030 and euc-jp) and those with shifts (of iso-2022-jp) are not in it.
 */
function inverseOf(decoder: Decoder): ReadonlyMap<string, readonly number[]> {
  const table = new Map<string, readonly number[]>()
  const learn = (text: string, sequence: readonly number[]): void => {
    const isOne = text.length === String.fromCodePoint(text.codePointAt(0) ?? 0).length
    if (isOne && text !== '\ufffd' && !table.has(text)) table.set(text, sequence)
  }
  for (let byte = 0; byte <= 0xff; byte++) {
    try {
      learn(decoder.decode(Uint8Array.of(byte)), [byte])
    } catch {
      // It is the first of several, or none.
    }
  }
  // An exception for each of the pairs that are none would take a hundred times as long.
  const lenient = new TextDecoder(decoder.encoding, { ignoreBOM: true })
  const pair = new Uint8Array(2)
  for (const first of firstBytes(decoder.encoding)) {
    for (let second = 0x40; second <= 0xff; second++) {
      pair.set([first, second])
      learn(lenient.decode(pair), [first, second])
    }
  }
  return table
}

/** From 0x80 to 0xff. Where two pairs make one character, the first is taken: not that of a vendor's extension. */
function firstBytes(encoding: string): number[] {
  const all = Array.from({ length: 0x80 }, (_, i) => 0x80 + i)
  const isLate = (byte: number): boolean =>
    (encoding === 'shift_jis' && (byte === 0xed || byte === 0xee)) || (encoding === 'big5' && byte < 0xa1)
  return [...all.filter((byte) => !isLate(byte)), ...all.filter(isLate)]
}
