/** Addresses as servers write them in text. */

/** `ip:port`, or `[ip]:port` for IPv6. */
export function formatAddress(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** Reads `ip:port` or `[ip]:port` as leniently as real trackers: blank parts are skipped, what is no number is 0. */
export function parseAddress(text: string): { readonly ip: string; readonly port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[[[\]]*([^[\]]+)[[\]]:*|(?!\[):*([^:]+):+)([^:]+)/.exec(text) ?? []
  const ip = bracketed ?? plain
  return ip === undefined || port === undefined ? undefined : { ip, port: Number.parseInt(port, 10) || 0 }
}
