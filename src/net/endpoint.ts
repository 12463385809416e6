import { isIPv6 } from 'node:net'
import { ConfigError } from '../errors.js'

/** Where a server listens. */
export interface Endpoint {
  /** A host name, an IPv4 or an IPv6 address (without brackets). */
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
}

/** `host:port`, or `[host]:port` for IPv6. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.
 *
 * @param defaultPort - used where the text names none
 * @throws {@link ConfigError} when the text is none of these, or the port is not 1 to 65535
 */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/@,]+))(?::(\d{1,5}))?$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  const isOther = match?.[1] !== undefined && !isIPv6(match[1])
  if (host === undefined || isOther || port < 1 || port > 65_535) {
    throw new ConfigError(`${JSON.stringify(text)} is not an address: expected host:port or [ipv6]:port`)
  }
  return { host, port }
}
