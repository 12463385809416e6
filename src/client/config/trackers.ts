import { ConfigError } from '../../errors.js'
import type { Endpoint } from '../../net/endpoint.js'
import { limits } from '../../protocol/index.js'
import { show } from '../check.js'
import type { ServerAddress } from './server-address.js'
import { faultOf, formatServerAddress, freeze, parseServerAddress } from './server-address.js'

/** The port of a tracker where none is named. */
export const TRACKER_PORT = 22_122

/** How a tracker may be named: a text, or an object with one host or two. */
export type TrackerOption = string | Endpoint | ServerAddress

/**
 * Reads trackers separated by commas. Since the commas separate trackers, the two addresses of one tracker stand in
 * brackets here: `10.0.0.1:22122,[10.0.0.2,203.0.113.2]:22122`.
 *
 * @throws {@link ConfigError} when one of them is not an address
 */
export function parseTrackers(text: string): readonly ServerAddress[] {
  return text.split(/,(?![^[]*\])/).map((part) => parseServerAddress(part, TRACKER_PORT))
}

/**
 * Checks the trackers of a client's options. One named twice counts once.
 *
 * @throws {@link ConfigError} when there are none, too many, or one is not an address
 */
export function resolveTrackers(given: unknown): readonly ServerAddress[] {
  const items: unknown[] = typeof given === 'string' ? [given] : Array.isArray(given) ? given : []
  const trackers = uniqueTrackers(items.flatMap(resolveTracker))
  if (trackers.length === 0) {
    throw new ConfigError(`trackers must name at least one tracker as host:port, not ${show(given)}`)
  }
  return trackers
}

/**
 * Leaves out what is there already.
 *
 * @throws {@link ConfigError} when more remain than servers and other clients can hold
 */
export function uniqueTrackers(trackers: readonly ServerAddress[]): readonly ServerAddress[] {
  const byName = new Map(trackers.map((tracker) => [formatServerAddress(tracker).toLowerCase(), tracker]))
  if (byName.size > limits.MAX_TRACKERS) {
    throw new ConfigError(`${byName.size} trackers are named, at most ${limits.MAX_TRACKERS} are possible`)
  }
  return Object.freeze([...byName.values()])
}

function resolveTracker(item: unknown): readonly ServerAddress[] {
  if (typeof item === 'string') return parseTrackers(item)
  const { host, hosts = [host], port } = (item ?? {}) as Record<string, unknown>
  if (!Array.isArray(hosts) || !hosts.every((one) => typeof one === 'string') || typeof port !== 'number') {
    throw new ConfigError(
      `a tracker is a text host:port, { host, port } or { hosts: [host, host], port }, not ${show(item)}`,
    )
  }
  const address = { hosts: hosts as [string], port }
  const fault = hosts.length === 0 ? 'it has no host' : faultOf(address)
  if (fault !== undefined) throw new ConfigError(`tracker ${show(formatServerAddress(address))}: ${fault}`)
  return [freeze(address)]
}
