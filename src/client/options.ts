import { constants } from 'node:buffer'
import { ConfigError } from '../errors.js'
import { Budget } from '../net/budget.js'
import type { Connect } from '../net/connect-by.js'
import type { PoolOptions } from '../net/endpoint-pool.js'
import type { RetryOptions } from '../net/retry.js'
import type { RetryTrace } from '../observe/channels.js'
import type { Logger } from '../observe/log.js'
import { Log } from '../observe/log.js'
import type { Refuse } from './check.js'
import {
  checkBoolean,
  checkDuration,
  checkFunction,
  checkInteger,
  checkNames,
  checkWord,
  show,
} from './check.js'
import type { AddressLookup, StorageAddressMap } from './config/address-map.js'
import { compileAddressMap } from './config/address-map.js'
import { checkMetadataEncoding } from './config/encoding.js'
import { checkGroupName } from './config/group-name.js'
import type { ServerAddress } from './config/server-address.js'
import type { StorageId } from './config/storage-ids.js'
import { checkStorageIds } from './config/storage-ids.js'
import type { TrackerOption } from './config/trackers.js'
import { resolveTrackers } from './config/trackers.js'
import type { ExtPolicy } from './ext.js'
import { EXT_POLICIES } from './ext.js'

/** What a client is made with. All times are in milliseconds. */
export interface ClientOptions {
  /**
   * The trackers as `host:port`, `host` (port 22122), `[ipv6]:port` or `{ host, port }`; with two addresses as
   * `[host1,host2]:port` or `{ hosts, port }`. One text may hold several, separated by commas. At most 16.
   */
  trackers: string | readonly TrackerOption[]
  /** The group to upload to where a call names none. @defaultValue the tracker chooses */
  group?: string | undefined
  /**
   * Where storages are, for clusters whose trackers give addresses that cannot be reached from here: behind NAT, or in
   * containers. Used for every connection to a storage.
   */
  storageAddressMap?: StorageAddressMap | undefined
  /**
   * Other addresses of storages, as a `storage_ids.conf` has them: where a storage cannot be connected to at the address
   * that a tracker gave, its other ones are tried, and the one that worked comes first from then on. An entry belongs
   * to a storage when it has its group, its port and, as an address or by a host name, its address. With `tracker`, a
   * tracker is asked for them when they are needed.
   */
  storageIds?: readonly StorageId[] | 'tracker' | undefined
  /**
   * Makes connections to trackers and storages, for tunnels and TLS. Default: TCP.
   *
   * It is given where to, `storageAddressMap` included, and a signal that ends the attempt: after `connectTimeout`, or
   * when the client is closed. It gives a Duplex that is connected, a new one each time, or rejects; then another server
   * is tried.
   *
   * @example
   * ```ts
   * import { once } from 'node:events'
   * import { connect } from 'node:tls'
   *
   * const overTls = async ({ host, port }, { signal }) => {
   *   const socket = connect({ host, port, servername: host, ca })
   *   await once(socket, 'secureConnect', { signal })
   *   return socket
   * }
   * const client = new FastDfsClient({ trackers, connect: overTls })
   * ```
   */
  connect?: Connect | undefined
  /** The time to make a connection. @defaultValue 5000 */
  connectTimeout?: number | undefined
  /** The time without a byte in either direction after which a request fails. @defaultValue 30000 */
  idleTimeout?: number | undefined
  /** The time for a whole call, all attempts included; each call can set its own. @defaultValue none */
  timeout?: number | undefined
  /** How often a call that may be made again is made again. @defaultValue 2 */
  retries?: number | undefined
  /**
   * The time from a call's first attempt, or from the last one that made progress, in which it may be made again. No
   * attempt begins after it, and one that was made again and waits then, for a connection or an answer, ends with it;
   * but not one whose content has begun to move, which ends as any other does, also where all was sent and only the answer
   * is missing: when no byte has moved for `idleTimeout`. The first attempt is never ended by it, however many trackers
   * it has to try: `timeout` is what limits a call in all. Each step of a call has it for itself: the content of a file
   * and its metadata, for example. @defaultValue 60000
   */
  retryDeadline?: number | undefined
  /**
   * Is told of each attempt that failed and is made again. What it throws, or a promise that it gives is rejected with, is
   * logged, and changes nothing.
   */
  onRetry?: ((retry: RetryTrace) => unknown) | undefined
  /** Connections to one server. @defaultValue 64 */
  maxConnections?: number | undefined
  /** Connections that are kept ready to each server that is in use, however long they are unused. @defaultValue 0 */
  minConnections?: number | undefined
  /** Calls that may wait for a connection to one server. @defaultValue 10000 */
  maxQueue?: number | undefined
  /** The time a call may wait for a connection. @defaultValue 30000 */
  queueTimeout?: number | undefined
  /** The time after which an unused connection is closed; less than the servers' own 30 s. @defaultValue 20000 */
  idleConnectionTtl?: number | undefined
  /** The age at which a connection is not used again, less up to a tenth at random. @defaultValue 1800000 (30 min) */
  maxConnectionAge?: number | undefined
  /** The largest file that is downloaded to a Buffer, in bytes. @defaultValue 268435456 (256 MiB) */
  maxBufferBytes?: number | undefined
  /**
   * Whether content is compared with what the name of its file says, by size and CRC32, on uploads and on downloads of
   * whole files; each call can set its own. Where it is not, no CRC32 is counted. @defaultValue true
   */
  verify?: boolean | undefined
  /**
   * How long a tracker's answer to where uploads can go is used again, at most 1000; 0 asks for each upload. Then an
   * upload takes one request instead of two. The client sends to all groups and storages that were named in turn, and
   * leaves the store path to the storage. After a failure everything is forgotten, and the upload is made once more where
   * a tracker says, if it can be.
   *
   * A tracker's newer choice, and that a storage was taken out, are noticed only when the time is over.
   * @defaultValue 0
   */
  trackerCache?: number | undefined
  /**
   * Who says where a file is read: the `tracker`, or the file ID itself, by which it is read at its `source`, the storage
   * it was uploaded to, in one request instead of two. Where the ID does not lead there, or reading there fails, the
   * tracker is asked. An ID leads there when it holds the address of a storage that a tracker has named before, or an ID
   * that `storageIds` knows. All that is read of a file then comes from one storage of its group.
   * @defaultValue 'tracker'
   */
  readFrom?: ReadFrom | undefined
  /** What happens to an extension that was given and does not fit; each upload can set its own. @defaultValue 'error' */
  extPolicy?: ExtPolicy | undefined
  /**
   * The encoding of metadata: a label of TextDecoder, such as `gbk`, or `raw` for a character for each byte; each call
   * can set its own. @defaultValue 'utf8'
   */
  metadataEncoding?: string | undefined
  /** Takes what the client has to tell: a pino logger or the like. @defaultValue `DEBUG=fastdfs:*` */
  logger?: Logger | undefined
}

/** Who says where a file is read, see {@link ClientOptions.readFrom}. */
export type ReadFrom = 'tracker' | 'source'

const READ_FROM: readonly ReadFrom[] = ['tracker', 'source']
/** Milliseconds: what a tracker says is true for no longer. */
const MAX_TRACKER_CACHE = 1_000

/** What is used where an option is absent. */
export const DEFAULTS = Object.freeze({
  connectTimeout: 5_000,
  idleTimeout: 30_000,
  timeout: Infinity,
  retries: 2,
  retryDeadline: 60_000,
  maxConnections: 64,
  minConnections: 0,
  maxQueue: 10_000,
  queueTimeout: 30_000,
  idleConnectionTtl: 20_000,
  maxConnectionAge: 30 * 60_000,
  maxBufferBytes: 256 * 1024 * 1024,
  verify: true,
  trackerCache: 0,
  readFrom: 'tracker',
  extPolicy: 'error',
  metadataEncoding: 'utf8',
})

/** Options checked and completed. */
export interface ResolvedOptions extends PoolOptions, RetryOptions {
  readonly trackers: readonly ServerAddress[]
  readonly group: string | undefined
  /** Where to connect to for a storage. */
  readonly addressOf: AddressLookup
  /** Undefined where a tracker is asked. */
  readonly storageIds: readonly StorageId[] | undefined
  readonly timeout: number
  readonly maxBufferBytes: number
  readonly verify: boolean
  readonly trackerCache: number
  readonly readFrom: ReadFrom
  readonly extPolicy: ExtPolicy
  readonly metadataEncoding: string
}

const refuse: Refuse = (message, details) => new ConfigError(message, details)

/**
 * Checks options and fills in what is absent; `undefined` counts as absent.
 *
 * @throws {@link ConfigError} for a wrong value or a name that is no option
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`options must be an object with trackers, not ${show(options)}`)
  }
  checkNames(
    options,
    [
      'trackers',
      'group',
      'storageAddressMap',
      'storageIds',
      'connect',
      'onRetry',
      'logger',
      ...Object.keys(DEFAULTS),
    ],
    'FastDfsClient',
    refuse,
  )
  const value = (name: keyof typeof DEFAULTS): unknown =>
    options[name] === undefined ? DEFAULTS[name] : options[name]
  const duration = (name: keyof typeof DEFAULTS): number => checkDuration(value(name), name, refuse)
  const integer = (name: keyof typeof DEFAULTS, min: number): number =>
    checkInteger(value(name), name, min, refuse)
  const maxConnections = integer('maxConnections', 1)
  const minConnections = integer('minConnections', 0)
  if (minConnections > maxConnections) {
    throw new ConfigError(`minConnections is ${minConnections}, more than maxConnections, ${maxConnections}`)
  }
  return Object.freeze({
    trackers: resolveTrackers(options.trackers),
    group: options.group === undefined ? undefined : checkGroupName(options.group),
    addressOf: compileAddressMap(options.storageAddressMap ?? {}),
    storageIds: options.storageIds === 'tracker' ? undefined : checkStorageIds(options.storageIds ?? []),
    connect: options.connect === undefined ? undefined : checkFunction(options.connect, 'connect', refuse),
    connectTimeout: duration('connectTimeout'),
    idleTimeout: duration('idleTimeout'),
    timeout: value('timeout') === Infinity ? Infinity : duration('timeout'),
    retries: integer('retries', 0),
    retryDeadline: duration('retryDeadline'),
    retryBudget: new Budget(),
    onRetry: checkHook(options.onRetry),
    log: new Log(checkLogger(options.logger)),
    maxConnections,
    minConnections,
    maxQueue: integer('maxQueue', 1),
    queueTimeout: duration('queueTimeout'),
    idleConnectionTtl: duration('idleConnectionTtl'),
    maxConnectionAge: duration('maxConnectionAge'),
    // No Buffer can be larger.
    maxBufferBytes: Math.min(integer('maxBufferBytes', 0), constants.MAX_LENGTH),
    verify: checkBoolean(value('verify'), 'verify', refuse),
    trackerCache: checkTrackerCache(value('trackerCache')),
    readFrom: checkWord(value('readFrom'), 'readFrom', READ_FROM, refuse),
    extPolicy: checkWord(value('extPolicy'), 'extPolicy', EXT_POLICIES, refuse),
    metadataEncoding: checkMetadataEncoding(value('metadataEncoding'), refuse),
  })
}

function checkTrackerCache(value: unknown): number {
  if (value === 0) return 0
  const ttl = checkDuration(value, 'trackerCache', refuse)
  if (ttl > MAX_TRACKER_CACHE) {
    throw new ConfigError(
      `trackerCache is ${ttl}, more than ${MAX_TRACKER_CACHE} ms: trackers change their minds`,
    )
  }
  return ttl
}

function checkHook(hook: unknown): ClientOptions['onRetry'] {
  if (hook !== undefined && typeof hook !== 'function')
    throw new ConfigError(`onRetry must be a function, not ${show(hook)}`)
  return hook as ClientOptions['onRetry']
}

function checkLogger(logger: Partial<Logger> | null | undefined): Logger | undefined {
  if (logger === undefined) return undefined
  for (const level of ['debug', 'info', 'warn'] as const) {
    if (typeof logger?.[level] !== 'function')
      throw new ConfigError(`logger must have a method ${level}, as pino's have: ${show(logger)} has none`)
  }
  return logger as Logger
}
