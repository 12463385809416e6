/** What tracker.conf and storage.conf of the real daemons say, as options of the embedded ones. */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { readIni } from '../client/config/ini.js'
import { within } from '../client/config/place.js'
import { parseServerAddress } from '../client/config/server-address.js'
import type { Setting, Settings } from '../client/config/settings.js'
import { parseStorageIds } from '../client/config/storage-ids.js'
import { readBoolean, readInteger } from '../client/config/values.js'
import { ConfigError } from '../errors.js'
import type { ServerEndpoint, StorageOptions, TrackerOptions } from '../server/index.js'

const TRACKER_PORT = 22_122

/** A configuration as options. */
export interface MemberConf<T> {
  readonly options: T
  /** The names of settings that mean nothing to an embedded member. */
  readonly unknown: readonly string[]
}

/** What a tracker.conf says. */
export interface TrackerConf extends Omit<TrackerOptions, 'dialect'> {
  /** Bytes of an address: `response_ip_addr_size`. */
  readonly addressSize?: 16 | 46 | undefined
}

/** What a storage.conf says. */
export interface StorageConf {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly group?: string | undefined
  readonly storePathCount?: number | undefined
  /** Those with `store_path0_readonly = true` and the like. */
  readonly readOnlyStorePaths: readonly number[]
  readonly uploadPriority?: number | undefined
  readonly subdirCount?: number | undefined
  readonly checkFileDuplicate?: boolean | undefined
  readonly networkTimeout?: number | undefined
  readonly allowHosts?: readonly string[] | undefined
  readonly maxConnections?: number | undefined
  readonly fileDistributePathMode?: 'round-robin' | 'random' | undefined
  readonly fileDistributeRotateCount?: number | undefined
  readonly syncStartTime?: string | undefined
  readonly syncEndTime?: string | undefined
  readonly heartBeatInterval?: number | undefined
  readonly statReportInterval?: number | undefined
  readonly syncStatFileInterval?: number | undefined
  readonly trackers: readonly ServerEndpoint[]
  /** `base_path`. */
  readonly dir: string | undefined
  /** `store_path0`, `store_path1`…, where they are not below `base_path`. */
  readonly storePaths: readonly string[]
}

/**
 * Reads a tracker.conf.
 *
 * @throws ConfigError that names file and line
 */
export function readTrackerConf(path: string): MemberConf<TrackerConf> {
  const conf = new Conf(path)
  const useStorageId = conf.read('use_storage_id', readBoolean) ?? false
  const idsFile = conf.text('storage_ids_filename')
  const idType = conf.choice('id_type_in_filename', { ip: 'ip', id: 'id' } as const)
  const dir = conf.text('base_path')
  const storageIds =
    useStorageId && idsFile !== undefined ? readStorageIds(resolve(dirname(path), idsFile)) : undefined
  const options: TrackerConf = {
    ...addressIn(conf),
    addressSize: addressSizeIn(conf, storageIds),
    dir: dir && join(dir, 'data'),
    storeLookup: conf.choice('store_lookup', { 0: 'round-robin', 1: 'group', 2: 'load-balance' } as const),
    storeGroup: conf.text('store_group'),
    storeServer: conf.choice('store_server', { 0: 'round-robin', 1: 'first', 2: 'priority' } as const),
    storePath: conf.choice('store_path', { 0: 'round-robin', 2: 'load-balance' } as const),
    downloadServer: conf.choice('download_server', { 0: 'round-robin', 1: 'source' } as const),
    reservedStorageSpace: conf.read('reserved_storage_space', readSpace),
    networkTimeout: conf.read('network_timeout', readSeconds),
    allowHosts: allowHostsIn(conf),
    maxConnections: conf.read('max_connections', readInteger),
    checkActiveInterval: conf.read('check_active_interval', readSeconds),
    storageSyncFileMaxDelay: conf.read('storage_sync_file_max_delay', readSeconds),
    storageSyncFileMaxTime: conf.read('storage_sync_file_max_time', readSeconds),
    useStorageId,
    ...(useStorageId ? { idTypeInFileName: idType } : {}),
    ...(storageIds === undefined ? {} : { storageIds }),
  }
  if (conf.read('use_trunk_file', readBoolean) === true) {
    throw new ConfigError(
      `${conf.placeOf('use_trunk_file')}: an embedded tracker has no trunk files: set it to false`,
    )
  }
  return { options, unknown: conf.unknown() }
}

/**
 * Reads a storage.conf.
 *
 * @throws ConfigError that names file and line
 */
export function readStorageConf(path: string): MemberConf<StorageConf> {
  const conf = new Conf(path)
  const storePathCount = conf.read('store_path_count', readInteger)
  const storePaths = Array.from({ length: storePathCount ?? 1 }, (_, i) => conf.text(`store_path${i}`))
  const dir = conf.text('base_path')
  const options: StorageConf = {
    ...addressIn(conf),
    dir,
    group: conf.text('group_name'),
    storePathCount,
    // As the daemon does it: the first is the base path where it is not named.
    storePaths: storePaths.map(
      (storePath, i) => storePath ?? (i === 0 ? (dir ?? '') : conf.missing(`store_path${i}`)),
    ),
    readOnlyStorePaths: storePaths.flatMap((_, i) =>
      conf.read(`store_path${i}_readonly`, readBoolean) === true ? [i] : [],
    ),
    uploadPriority: conf.read('upload_priority', readInteger),
    subdirCount: conf.read('subdir_count_per_path', readInteger),
    fileDistributePathMode: conf.choice('file_distribute_path_mode', {
      0: 'round-robin',
      1: 'random',
    } as const),
    fileDistributeRotateCount: conf.read('file_distribute_rotate_count', readInteger),
    syncStartTime: conf.text('sync_start_time'),
    syncEndTime: conf.text('sync_end_time'),
    checkFileDuplicate: conf.read('check_file_duplicate', readBoolean),
    networkTimeout: conf.read('network_timeout', readSeconds),
    allowHosts: allowHostsIn(conf),
    maxConnections: conf.read('max_connections', readInteger),
    heartBeatInterval: conf.read('heart_beat_interval', readSeconds),
    statReportInterval: conf.read('stat_report_interval', readSeconds),
    syncStatFileInterval: conf.read('sync_stat_file_interval', readSeconds),
    trackers: conf.all('tracker_server').map(({ value, place }) =>
      within(place, () => {
        const { hosts, port } = parseServerAddress(value, TRACKER_PORT)
        return { host: hosts[0], port }
      }),
    ),
  }
  return { options, unknown: conf.unknown() }
}

/** The settings of a file, and which of them were asked for. */
class Conf {
  readonly #path: string
  readonly #settings: Settings
  readonly #known = new Set<string>()

  constructor(path: string) {
    this.#path = path
    this.#settings = readIni(path).section()
    if (this.read('disabled', readBoolean) === true) {
      throw new ConfigError(`${this.placeOf('disabled')}: disabled = true: this file is not to be used`)
    }
  }

  all(name: string): readonly Setting[] {
    this.#known.add(name)
    return this.#settings.all(name)
  }

  /** The value of a name as something else; undefined where it is missing or empty. */
  read<T>(name: string, as: (setting: Setting) => T): T | undefined {
    const setting = this.all(name).at(-1)
    return setting === undefined || setting.value === '' ? undefined : as(setting)
  }

  text(name: string): string | undefined {
    return this.read(name, ({ value }) => value)
  }

  /** One of a few values, each with a name here. */
  choice<T extends string>(name: string, choices: Readonly<Record<string, T>>): T | undefined {
    return this.read(name, ({ value, place }) => {
      const chosen = Object.hasOwn(choices, value) ? choices[value] : undefined
      if (chosen !== undefined) return chosen
      const all = Object.keys(choices).join(', ')
      throw new ConfigError(`${place}: ${name} must be one of ${all}, not ${JSON.stringify(value)}`)
    })
  }

  /** `file:line` of a name. */
  placeOf(name: string): string {
    return this.#settings.get(name)?.place ?? this.#path
  }

  missing(name: string): never {
    throw new ConfigError(`${this.#path}: ${name} is missing`)
  }

  /** What was not asked for. */
  unknown(): string[] {
    return this.#settings.names.filter((name) => !this.#known.has(name))
  }
}

/** An empty `bind_addr` is all addresses; of several the first counts. */
function addressIn(conf: Conf): Pick<StorageOptions, 'host' | 'port'> {
  return { host: conf.text('bind_addr')?.split(',')[0]?.trim(), port: conf.read('port', readInteger) }
}

/** Those of all lines; undefined where there is none. */
function allowHostsIn(conf: Conf): readonly string[] | undefined {
  const hosts = conf.all('allow_hosts').map(({ value }) => value)
  return hosts.length === 0 ? undefined : hosts.filter((host) => host !== '')
}

/** Undefined where nothing is said; `auto` is narrow until a storage has an IPv6 address (protocol.md §1.3). */
function addressSizeIn(conf: Conf, storageIds: TrackerOptions['storageIds']): 16 | 46 | undefined {
  const size = conf.text('response_ip_addr_size')
  if (size === undefined) return undefined
  if (size.toLowerCase() !== 'auto') return 46
  return storageIds?.some(({ hosts }) => hosts.some((host) => host.includes(':'))) === true ? 46 : 16
}

/** As milliseconds. */
function readSeconds(setting: Setting): number {
  const seconds = readInteger(setting)
  if (seconds < 1)
    throw new ConfigError(`${setting.place}: ${setting.name} must be 1 second at least, not ${seconds}`)
  return seconds * 1000
}

const UNITS: Readonly<Record<string, number>> = { '': 0, k: 10, m: 20, g: 30, t: 40 }

/** `20%`, or a number with K, M, G or T. */
function readSpace({ name, value, place }: Setting): number | `${number}%` {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*(%|[kmgt]?b?)$/i.exec(value) ?? []
  if (digits === undefined) {
    throw new ConfigError(
      `${place}: ${name} must be a share such as 20%, or a size such as 4GB, not ${JSON.stringify(value)}`,
    )
  }
  if (unit === '%') return `${Number(digits)}%`
  return Math.floor(Number(digits) * 2 ** (UNITS[unit.toLowerCase().replace('b', '')] ?? 0))
}

function readStorageIds(path: string): NonNullable<TrackerOptions['storageIds']> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  return parseStorageIds(text, path)
}
