/** Expected bytes, written down without the code under test. */

/**
 * Bytes in a readable notation: hex digits, `"text"` in ASCII, `00*12` for a byte repeated; `#` starts a comment.
 * The first eight bytes are checked to be the length of what follows the header, so that a slip of the pen shows.
 */
export function packet(strings: TemplateStringsArray): Buffer {
  const bytes = parse(strings.raw.join(''))
  if (bytes.readBigInt64BE(0) !== BigInt(bytes.length - 10)) {
    throw new Error(`the literal says ${bytes.readBigInt64BE(0)} bytes of body and has ${bytes.length - 10}`)
  }
  return bytes
}

/** The same notation without a header. */
export function wire(strings: TemplateStringsArray): Buffer {
  return parse(strings.raw.join(''))
}

function parse(source: string): Buffer {
  const text = source.replace(/#.*$/gm, '')
  const parts: Buffer[] = []
  const rest = text.replace(/"([^"]*)"|([0-9a-f]{2})\*(\d+)|([0-9a-f]+)/g, (_, quoted, byte, count, hex) => {
    if (quoted !== undefined) parts.push(Buffer.from(quoted as string, 'latin1'))
    else if (byte !== undefined) parts.push(Buffer.alloc(Number(count), Number.parseInt(byte as string, 16)))
    else if ((hex as string).length % 2 === 0) parts.push(Buffer.from(hex as string, 'hex'))
    else throw new Error(`an odd number of digits: ${hex}`)
    return ''
  })
  if (rest.trim() !== '') throw new Error(`no notation: ${rest.trim()}`)
  return Buffer.concat(parts)
}

/** A number or text at an offset that protocol.md names. */
export type Placed = readonly [
  offset: number,
  kind: 'u8' | 'i8' | 'i32' | 'i64' | `str${number}`,
  value: unknown,
]

/** `size` zero bytes with values written at their offsets. */
export function place(size: number, fields: readonly Placed[]): Buffer {
  const target = Buffer.alloc(size)
  for (const [offset, kind, value] of fields) {
    if (kind === 'u8') target.writeUInt8(Number(value), offset)
    else if (kind === 'i8') target.writeInt8(Number(value), offset)
    else if (kind === 'i32') target.writeInt32BE(Number(value), offset)
    else if (kind === 'i64') target.writeBigInt64BE(BigInt(value as number), offset)
    else {
      const text = Buffer.from(value as string, 'latin1')
      if (text.length > Number(kind.slice(3))) throw new Error(`${kind}: too long: ${String(value)}`)
      text.copy(target, offset)
    }
  }
  return target
}

/** A response with status 0 around a body. */
export function response(body: Buffer): Buffer {
  return Buffer.concat([place(10, [[0, 'i64', body.length], [8, 'u8', 100]]), body]) // prettier-ignore
}

/** A request around a body. */
export function request(command: number, body: Buffer, status = 0): Buffer {
  const header = place(10, [
    [0, 'i64', body.length],
    [8, 'u8', command],
    [9, 'u8', status],
  ])
  return Buffer.concat([header, body])
}
