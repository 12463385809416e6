import { isIPv4, isIPv6 } from 'node:net'

/** An IP address as a number. */
export interface Ip {
  /** 32 for IPv4, 128 for IPv6. */
  readonly bits: 32 | 128
  readonly value: bigint
}

/** The first 96 bits of an IPv4 address that is written as IPv6: `::ffff:10.0.0.1`. */
const MAPPED = 0xffffn

/** Reads an IPv4 or IPv6 address, without its zone (`%eth0`); undefined for everything else. */
export function parseIp(text: string): Ip | undefined {
  if (isIPv4(text)) return { bits: 32, value: ipv4(text) }
  if (!isIPv6(text)) return undefined
  const value = ipv6(text.replace(/%.*$/, ''))
  return value >> 32n === MAPPED ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value }
}

/** The first `length` bits of an address. */
export function prefixOf({ bits, value }: Ip, length: number): bigint {
  return value >> BigInt(bits - length)
}

const ipv4 = (text: string): bigint =>
  text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)

function ipv6(text: string): bigint {
  const [head = [], tail] = text.split('::').map(words)
  if (tail === undefined) return join(head)
  const zeros = new Array<bigint>(8 - head.length - tail.length).fill(0n)
  return join([...head, ...zeros, ...tail])
}

/** The 16-bit words of a part of an IPv6 address; its end may be written as IPv4. */
function words(part: string): bigint[] {
  if (part === '') return []
  return part.split(':').flatMap((word) => {
    if (!word.includes('.')) return [BigInt(`0x${word}`)]
    const value = ipv4(word)
    return [value >> 16n, value & 0xffffn]
  })
}

const join = (list: readonly bigint[]): bigint => list.reduce((value, word) => (value << 16n) | word, 0n)

/** A network as `address/bits`; undefined for everything else. */
export function parseNetwork(text: string): { readonly ip: Ip; readonly length: number } | undefined {
  const [, address = '', digits] = /^\[?([^/\]]*)\]?\/(\d+)$/.exec(text) ?? []
  const ip = parseIp(address)
  return ip && { ip, length: Number(digits) }
}

/** Whether an address is in a network. */
export function isIn(ip: Ip, network: string): boolean {
  const { ip: base, length } = parseNetwork(network) ?? {}
  return base?.bits === ip.bits && length !== undefined && prefixOf(ip, length) === prefixOf(base, length)
}
