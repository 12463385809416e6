import { networkInterfaces } from 'node:os'

/** Addresses that stand for all of a machine's, with the one by which it reaches itself. */
const ANY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Where members reach each other when they listen on `host`. */
export function reachableWithin(host: string): string {
  return ANY[host] ?? host
}

/**
 * What others are told when members listen on `host`: the first address of this machine that is no loopback, an IPv4
 * one where there is one, since only those fit every client's fields (protocol.md §1.3).
 */
export function reachableFromOutside(host: string): string {
  if (ANY[host] === undefined) return host
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outer = addresses.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  const best = outer.find(({ family }) => family === 'IPv4') ?? outer[0]
  return best?.address ?? reachableWithin(host)
}
