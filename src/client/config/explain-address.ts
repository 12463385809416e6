import { networkInterfaces } from 'node:os'
import type { Endpoint } from '../../net/endpoint.js'
import { formatEndpoint } from '../../net/endpoint.js'
import { isIn, parseIp } from './ip.js'

/** Addresses that mean something in one network, or on one machine, only. */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
]
const LOOPBACK = ['127.0.0.0/8', '::1/128']

/**
 * What to say of a storage that could not be connected to: which address the tracker gave, why it may not be reachable
 * from here, and what to do about it.
 *
 * @param given - where the tracker says the storage is
 * @param used - where the connection was tried: the same, or what a `storageAddressMap` made of it
 * @param networks - the networks this machine is in, as `address/bits`
 */
export function explainAddress(
  group: string,
  given: Endpoint,
  used: Endpoint = given,
  networks: readonly string[] = localNetworks(),
): string {
  const doubt = doubtOf(used.host, networks)
  const from = formatEndpoint(given)
  const to = formatEndpoint(used)
  return [
    `the tracker gave ${from} for a storage of ${group}`,
    from !== to && `, storageAddressMap made it ${to}`,
    doubt && `; ${doubt}`,
    `; if it has another address from here, set storageAddressMap to { '${from}': 'host:port' }`,
  ]
    .filter(Boolean)
    .join('')
}

/** Why an address may not be reachable from here; undefined where nothing speaks against it. */
export function doubtOf(host: string, networks: readonly string[] = localNetworks()): string | undefined {
  if (isLoopback(host)) return `${host} is this machine, whichever the storage is on`
  const ip = parseIp(host)
  const isInOneOf = (list: readonly string[]): boolean =>
    ip !== undefined && list.some((network) => isIn(ip, network))
  if (isInOneOf(PRIVATE) && !isInOneOf(networks)) {
    return `${host} looks unreachable: it belongs to a private network that this machine is not in`
  }
  return undefined
}

/** Whether an address is the machine's own, on every machine. */
export function isLoopback(host: string): boolean {
  const ip = parseIp(host)
  return ip === undefined ? host === 'localhost' : LOOPBACK.some((network) => isIn(ip, network))
}

function localNetworks(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list = []) => list.flatMap(({ cidr }) => cidr ?? []))
}
