import { constants } from 'node:buffer'
import { ConfigError } from '../errors.js'
import type { Endpoint } from '../net/endpoint.js'
import { parseEndpoint } from '../net/endpoint.js'
import type { PoolOptions } from '../net/pool.js'
import type { RetryOptions } from '../net/retry.js'
import { limits } from '../protocol/index.js'
import { checkBoolean, checkDuration, checkInteger, checkNames, show } from './check.js'

/** What a client is made with. All times are in milliseconds. */
export interface ClientOptions {
  /**
   * The trackers as `host:port`, `host` (port 22122), `[ipv6]:port` or `{ host, port }`; one text may hold several,
   * separated by commas. At most 16.
   */
  trackers: string | readonly (string | Endpoint)[]
  /** The time to make a connection. @defaultValue 5000 */
  connectTimeout?: number | undefined
  /** The time without a byte in either direction after which a request fails. @defaultValue 30000 */
  idleTimeout?: number | undefined
  /** The time for a whole call, all attempts included; each call can set its own. @defaultValue none */
  timeout?: number | undefined
  /** How often a call that may be made again is made again. @defaultValue 2 */
  retries?: number | undefined
  /** The time after a call's start in which it may be made again. @defaultValue 60000 */
  retryDeadline?: number | undefined
  /** Connections to one server. @defaultValue 64 */
  maxConnections?: number | undefined
  /** Calls that may wait for a connection to one server. @defaultValue 10000 */
  maxQueue?: number | undefined
  /** The time a call may wait for a connection. @defaultValue 30000 */
  queueTimeout?: number | undefined
  /** The time after which an unused connection is closed; less than the servers' own 30 s. @defaultValue 20000 */
  idleConnectionTtl?: number | undefined
  /** The largest file that is downloaded to a Buffer, in bytes. @defaultValue 268435456 (256 MiB) */
  maxBufferBytes?: number | undefined
  /**
   * Whether content is compared with what the name of its file says, by size and CRC32, on uploads and on downloads of
   * whole files; each call can set its own. @defaultValue true
   */
  verify?: boolean | undefined
}

/** What is used where an option is absent. */
export const DEFAULTS = Object.freeze({
  connectTimeout: 5_000,
  idleTimeout: 30_000,
  timeout: Infinity,
  retries: 2,
  retryDeadline: 60_000,
  maxConnections: 64,
  maxQueue: 10_000,
  queueTimeout: 30_000,
  idleConnectionTtl: 20_000,
  maxBufferBytes: 256 * 1024 * 1024,
  verify: true,
})

/** The port of a tracker where none is named. */
const TRACKER_PORT = 22_122

/** Options checked and completed. */
export interface ResolvedOptions extends PoolOptions, RetryOptions {
  readonly trackers: readonly Endpoint[]
  readonly timeout: number
  readonly maxBufferBytes: number
  readonly verify: boolean
}

const refuse = (message: string): ConfigError => new ConfigError(message)

/**
 * Checks options and fills in what is absent; `undefined` counts as absent.
 *
 * @throws {@link ConfigError} for a wrong value or a name that is no option
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`options must be an object with trackers, not ${show(options)}`)
  }
  checkNames(options, ['trackers', ...Object.keys(DEFAULTS)], 'FastDfsClient', refuse)
  const value = (name: keyof typeof DEFAULTS): unknown =>
    options[name] === undefined ? DEFAULTS[name] : options[name]
  const duration = (name: keyof typeof DEFAULTS): number => checkDuration(value(name), name, refuse)
  const integer = (name: keyof typeof DEFAULTS, min: number): number =>
    checkInteger(value(name), name, min, refuse)
  return Object.freeze({
    trackers: resolveTrackers(options.trackers),
    connectTimeout: duration('connectTimeout'),
    idleTimeout: duration('idleTimeout'),
    timeout: value('timeout') === Infinity ? Infinity : duration('timeout'),
    retries: integer('retries', 0),
    retryDeadline: duration('retryDeadline'),
    maxConnections: integer('maxConnections', 1),
    maxQueue: integer('maxQueue', 1),
    queueTimeout: duration('queueTimeout'),
    idleConnectionTtl: duration('idleConnectionTtl'),
    // No Buffer can be larger.
    maxBufferBytes: Math.min(integer('maxBufferBytes', 0), constants.MAX_LENGTH),
    verify: checkBoolean(value('verify'), 'verify', refuse),
  })
}

function resolveTrackers(given: unknown): readonly Endpoint[] {
  const items: unknown[] = typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given : []
  const trackers = items.map(resolveTracker)
  if (trackers.length === 0) {
    throw new ConfigError(`trackers must name at least one tracker as host:port, not ${show(given)}`)
  }
  if (trackers.length > limits.MAX_TRACKERS) {
    throw new ConfigError(
      `${trackers.length} trackers are named, at most ${limits.MAX_TRACKERS} are possible`,
    )
  }
  return Object.freeze(trackers)
}

function resolveTracker(item: unknown): Endpoint {
  if (typeof item === 'string') return parseEndpoint(item, TRACKER_PORT)
  const { host, port } = (item ?? {}) as Partial<Endpoint>
  if (typeof host !== 'string' || host === '' || typeof port !== 'number') {
    throw new ConfigError(`a tracker is a text host:port or { host, port }, not ${show(item)}`)
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new ConfigError(`the port of tracker ${show(host)} must be 1 to 65535, not ${show(port)}`)
  }
  return { host, port }
}
