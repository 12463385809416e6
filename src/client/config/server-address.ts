import { isIPv6 } from 'node:net'
import { ConfigError } from '../../errors.js'
import type { Endpoint } from '../../net/endpoint.js'
import { formatEndpoint } from '../../net/endpoint.js'
import { show } from '../check.js'

/**
 * A server under one address or two: an inner and an outer one, or an IPv4 and an IPv6 one (protocol.md §8.2). Both
 * have the same port.
 */
export interface ServerAddress {
  /** Host names, IPv4 or IPv6 addresses (without brackets), in the order in which they are tried. */
  readonly hosts: readonly [string, ...string[]]
  /** 1 to 65535. */
  readonly port: number
}

/** Addresses of one server. */
const MAX_HOSTS = 2

/**
 * Reads `host:port`, `host1,host2:port`, `[ipv6]:port` or `[ipv6,host2]:port`.
 *
 * @param defaultPort - used where the text names none
 * @throws {@link ConfigError} when the text is none of these, or the port is not 1 to 65535
 */
export function parseServerAddress(text: string, defaultPort: number): ServerAddress {
  const [, bracketed, plain, port] = /^(?:\[([^[\]]*)\]|([^[\]:]*))(?::(\d{1,5}))?$/.exec(text.trim()) ?? []
  const list = bracketed ?? plain
  if (list === undefined) throw refuse(text, text.includes('[') ? '' : ': IPv6 addresses stand in brackets')
  const [first = '', ...others] = list.split(',').map((host) => host.trim())
  const address = {
    hosts: [first, ...others],
    port: port === undefined ? defaultPort : Number(port),
  } as const
  const fault = faultOf(address)
  if (fault !== undefined) throw refuse(text, `: ${fault}`)
  return freeze(address)
}

const refuse = (text: string, why: string): ConfigError =>
  new ConfigError(`${show(text)} is not an address host:port or [ipv6]:port${why}`)

/** Why `address` is none; undefined when it is one. */
export function faultOf({ hosts, port }: ServerAddress): string | undefined {
  // Names and IPv4 addresses first: Node's own test takes milliseconds the first time.
  const wrong = hosts.find((host) => !/^[^\s:[\]/@,]+$/.test(host) && !isIPv6(host))
  if (wrong === '') return 'it has no host'
  if (wrong !== undefined) return `${show(wrong)} is not a host`
  if (hosts.length > MAX_HOSTS) return `it has ${hosts.length} hosts, at most ${MAX_HOSTS} are possible`
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'its port is not 1 to 65535'
  return undefined
}

/** A copy that nobody can change. */
export function freeze({ hosts, port }: ServerAddress): ServerAddress {
  const [first, ...others] = hosts
  return Object.freeze({ hosts: Object.freeze([first, ...others] as const), port })
}

/** `host:port`, or `[host1,host2]:port` where there are several or it is IPv6; can be read again. */
export function formatServerAddress({ hosts, port }: ServerAddress): string {
  return hosts.length === 1 ? formatEndpoint({ host: hosts[0], port }) : `[${hosts.join(',')}]:${port}`
}

/** Where to connect to, in the order in which it is tried. */
export function endpointsOf({ hosts, port }: ServerAddress): readonly Endpoint[] {
  return hosts.map((host) => ({ host, port }))
}
