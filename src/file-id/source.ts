import { isIPv4, isIPv6 } from 'node:net'
import { InvalidArgumentError } from '../errors.js'
import { MAX_STORAGE_ID } from '../protocol/limits.js'

/**
 * The storage that a file was uploaded to: by its ID where the cluster has `id_type_in_filename=id`, else by its
 * address.
 */
export type FileIdSource =
  | {
      readonly kind: 'ip'
      /** Dotted IPv4. Of a storage with an IPv6 address it is four bytes of that, and does not lead to it. */
      readonly ip: string
    }
  | {
      readonly kind: 'id'
      /** 1 to 16 777 215. */
      readonly id: number
    }

/** All files come from a few storages, and to make their addresses' text takes longer than to find it. */
const sources = new Map<number, FileIdSource>()
const MAX_SOURCES = 1024

/**
 * The source in the first word of a name (protocol.md §5): as a little-endian signed number it is a storage ID if that
 * is 1 to 16 777 215, else an address in network order. An address that ends in .0 looks like an ID.
 *
 * @param word - big-endian
 */
export function sourceOf(word: number): FileIdSource {
  // Signed, it is a small integer to V8, which finds those sooner.
  const key = word | 0
  let source = sources.get(key)
  if (source === undefined) {
    if (sources.size === MAX_SOURCES) sources.clear()
    source = Object.freeze(readSource(word))
    sources.set(key, source)
  }
  return source
}

function readSource(word: number): FileIdSource {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(word)
  const id = bytes.readInt32LE()
  return id > 0 && id <= MAX_STORAGE_ID ? { kind: 'id', id } : { kind: 'ip', ip: bytes.join('.') }
}

/**
 * The first word of a name, as C storages write it (protocol.md §5). Of an IPv6 address it holds the bytes 8 to 11.
 *
 * @returns big-endian
 * @throws {InvalidArgumentError} for an ID out of range, and for what is no address
 */
export function sourceWord(source: FileIdSource): number {
  const bytes = Buffer.allocUnsafe(4)
  if (source.kind === 'id') {
    const { id } = source
    if (!(Number.isInteger(id) && id >= 1 && id <= MAX_STORAGE_ID)) {
      throw new InvalidArgumentError(`a storage ID in a file ID is 1 to ${MAX_STORAGE_ID}, not ${id}`)
    }
    bytes.writeUInt32LE(id)
  } else if (isIPv4(source.ip)) {
    bytes.set(source.ip.split('.').map(Number))
  } else if (isIPv6(source.ip)) {
    const [, , , , fifth = 0, sixth = 0] = ipv6Groups(source.ip)
    bytes.writeUInt16BE(fifth)
    bytes.writeUInt16BE(sixth, 2)
  } else {
    throw new InvalidArgumentError(`the source is no IP address: ${JSON.stringify(source.ip)}`)
  }
  return bytes.readUInt32BE()
}

/** The eight 16-bit groups of an address. */
function ipv6Groups(ip: string): number[] {
  // URL knows all ways to write an address, and leaves one: hex groups, and at most one `::` for zeros.
  const { hostname } = new URL(`http://[${ip.replace(/%.*/, '')}]`)
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((groups) => (groups === '' ? [] : groups.split(':').map((group) => parseInt(group, 16))))
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}
