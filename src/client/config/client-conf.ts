import { dirname, resolve } from 'node:path'
import { ConfigError } from '../../errors.js'
import type { ConfiguredOptions } from './configured-options.js'
import { checkEncoding } from './encoding.js'
import { decodeUtf8, localFile, readConfigFile } from './file.js'
import type { ReadFile } from './file.js'
import { readIni } from './ini.js'
import { within } from './place.js'
import { readProperties } from './properties.js'
import type { ServerAddress } from './server-address.js'
import { parseServerAddress } from './server-address.js'
import type { Setting, Settings } from './settings.js'
import type { StorageId } from './storage-ids.js'
import { parseStorageIds } from './storage-ids.js'
import { parseTrackers, TRACKER_PORT, uniqueTrackers } from './trackers.js'
import { readBoolean, readInteger } from './values.js'

/** What a `client.conf` says. */
export interface ClientConf {
  /** Options of a client. */
  readonly options: ConfiguredOptions
  /** How URLs are signed; undefined where the file has no key. */
  readonly antiSteal: AntiSteal | undefined
}

/** How URLs of files are signed (protocol.md §8.4). */
export interface AntiSteal {
  /** Whether the web servers ask for a token. */
  readonly checkToken: boolean
  /** The key that they share with whoever makes URLs. */
  readonly secretKey: string
}

/**
 * Reads the configuration of another client: a `client.conf` of the C library, the Java client's `fdfs_client.conf` or,
 * where the name ends so, its `.properties` (protocol.md §8.2). Names without a meaning here are ignored, as there.
 *
 * What the file does not say is absent from the options, so that this package's own defaults hold. Times that are not
 * above 0 count as not said, as in the C library.
 *
 * @param read - gives the bytes of a file
 * @throws {@link ConfigError} that names file and line
 * @example
 * ```ts
 * const { options } = loadClientConf('/etc/fdfs/client.conf')
 * const client = new FastDfsClient({ ...options, retries: 5 })
 * ```
 */
export function loadClientConf(path: string, read: ReadFile = readConfigFile): ClientConf {
  const file = resolve(localFile(path))
  return /\.properties$/i.test(file) ? javaProperties(file, read) : clientConf(file, read)
}

/** What a setting is called where Java's two forms and C's differ. */
interface Names {
  readonly connectTimeout: string
  readonly networkTimeout: string
  readonly charset: string
  readonly checkToken: readonly string[]
  readonly secretKey: readonly string[]
  /** Begins the names of the Java client's pool. */
  readonly pool: string
}

const CONF: Names = {
  connectTimeout: 'connect_timeout',
  networkTimeout: 'network_timeout',
  charset: 'charset',
  checkToken: ['http.anti_steal.check_token', 'http.anti_steal_token'],
  secretKey: ['http.anti_steal.secret_key', 'http.secret_key'],
  pool: 'connection_pool',
}

const PROPERTIES: Names = {
  connectTimeout: 'fastdfs.connect_timeout_in_seconds',
  networkTimeout: 'fastdfs.network_timeout_in_seconds',
  charset: 'fastdfs.charset',
  checkToken: ['fastdfs.http_anti_steal_token'],
  secretKey: ['fastdfs.http_secret_key'],
  pool: 'fastdfs.connection_pool',
}

function clientConf(path: string, read: ReadFile): ClientConf {
  const settings = readIni(path, read).section()
  const named = settings.all('tracker_server')
  if (named.length === 0) throw new ConfigError(`${path} has no tracker_server`)
  const servers = named.map(trackerServer)
  const trackers = within(path, () => uniqueTrackers(servers))
  return {
    options: {
      trackers,
      ...common(settings, CONF),
      ...pooled(settings),
      ...withStorageIds(settings, path, read),
    },
    antiSteal: antiSteal(settings, CONF),
  }
}

function javaProperties(path: string, read: ReadFile): ClientConf {
  const settings = readProperties(path, read)
  const named = said(settings, 'fastdfs.tracker_servers')
  if (named === undefined) throw new ConfigError(`${path} has no fastdfs.tracker_servers`)
  // The sample's comment writes two addresses of one tracker as C does; here commas separate trackers.
  const list = named.value.replace(/(?<![^\s,])([^\s,:[\]]+)\s*,\s*([^\s,:[\]]+):(\d+)/g, '[$1,$2]:$3')
  const trackers = within(`${named.place}: ${named.name}`, () => uniqueTrackers(parseTrackers(list)))
  return {
    options: { trackers, ...common(settings, PROPERTIES) },
    antiSteal: antiSteal(settings, PROPERTIES),
  }
}

function trackerServer({ place, value }: Setting): ServerAddress {
  // The C library ends the port at its last digit, so that a remark may follow.
  const address = value.replace(/(:\d+)\s.*$/s, '$1')
  return within(`${place}: tracker_server`, () => parseServerAddress(address, TRACKER_PORT))
}

type Common = Pick<
  ConfiguredOptions,
  | 'connectTimeout'
  | 'idleTimeout'
  | 'metadataEncoding'
  | 'maxConnections'
  | 'queueTimeout'
  | 'idleConnectionTtl'
>

function common(settings: Settings, names: Names): Common {
  const connect = positive(settings, names.connectTimeout)
  const network = positive(settings, names.networkTimeout)
  const charset = said(settings, names.charset)
  return {
    ...(connect !== undefined && { connectTimeout: connect * 1000 }),
    ...(network !== undefined && { idleTimeout: network * 1000 }),
    ...(charset !== undefined && {
      metadataEncoding: within(`${charset.place}: ${charset.name}`, () =>
        checkEncoding(charset.value.trim()),
      ),
    }),
    ...javaPool(settings, names.pool),
  }
}

/** 0 connections mean "no limit" in Java; ours holds then, and further calls wait for their turn. */
function javaPool(settings: Settings, prefix: string): Common {
  const enabled = said(settings, `${prefix}.enabled`)
  if (enabled !== undefined && !readBoolean(enabled)) return {}
  const connections = positive(settings, `${prefix}.max_count_per_entry`)
  const wait = positive(settings, `${prefix}.max_wait_time_in_ms`)
  return {
    ...(connections !== undefined && { maxConnections: connections }),
    ...(wait !== undefined && { queueTimeout: wait }),
    ...ttl(positive(settings, `${prefix}.max_idle_time`)),
  }
}

/** Without `use_connection_pool` the C library connects for each request, which is no wish that we would follow. */
function pooled(settings: Settings): Common {
  const idle = isOn(settings, 'use_connection_pool')
    ? said(settings, 'connection_pool_max_idle_time')
    : undefined
  if (idle === undefined) return {}
  const seconds = readInteger(idle)
  if (seconds <= 0) throw new ConfigError(`${idle.place}: ${idle.name} must be above 0, not ${seconds}`)
  return ttl(seconds)
}

/** Servers close a connection long before the hour that is the other clients' default: a shorter time counts only. */
const LONGEST_IDLE = 20

const ttl = (seconds: number | undefined): Common =>
  seconds === undefined || seconds >= LONGEST_IDLE ? {} : { idleConnectionTtl: seconds * 1000 }

function withStorageIds(
  settings: Settings,
  path: string,
  read: ReadFile,
): { storageIds?: readonly StorageId[] | 'tracker' } {
  if (isOn(settings, 'load_fdfs_parameters_from_tracker')) return { storageIds: 'tracker' }
  if (!isOn(settings, 'use_storage_id')) return {}
  const named = said(settings, 'storage_ids_filename')
  if (named === undefined) throw new ConfigError(`${path} has use_storage_id, but no storage_ids_filename`)
  const file = resolve(dirname(path), named.value)
  const text = within(named.place, () => decodeUtf8(read(file), file))
  return { storageIds: parseStorageIds(text, file) }
}

function antiSteal(settings: Settings, names: Names): AntiSteal | undefined {
  const checkToken = names.checkToken.some((name) => isOn(settings, name))
  const [secretKey] = names.secretKey.flatMap((name) => said(settings, name)?.value.trim() ?? [])
  if (secretKey !== undefined) return { checkToken, secretKey }
  if (!checkToken) return undefined
  const asked = names.checkToken.flatMap((name) => settings.all(name)).at(-1) as Setting
  throw new ConfigError(
    `${asked.place}: ${asked.name} needs ${names.secretKey[names.checkToken.indexOf(asked.name)]}`,
  )
}

/** A setting with a value; an empty one says nothing. */
function said(settings: Settings, name: string): Setting | undefined {
  const setting = settings.get(name)
  return setting?.value.trim() === '' ? undefined : setting
}

function isOn(settings: Settings, name: string): boolean {
  const setting = said(settings, name)
  return setting !== undefined && readBoolean(setting)
}

function positive(settings: Settings, name: string): number | undefined {
  const setting = said(settings, name)
  if (setting === undefined) return undefined
  const number = readInteger(setting)
  return number > 0 ? number : undefined
}
