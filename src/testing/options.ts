import { isIP } from 'node:net'
import { checkInteger, checkNames, checkSignal, checkWord, show } from '../client/check.js'
import type { UploadOptions } from '../client/index.js'
import { InvalidArgumentError } from '../errors.js'
import { limits } from '../protocol/index.js'
import type { Clock, Profile, ReplicationMode, TrackerRules } from '../server/index.js'
import { PROFILES } from '../server/index.js'
import type { Disk } from './harness-store.js'
import type { HttpOptions } from './storage-http.js'

/** What a group is made of. */
export interface GroupOptions {
  /** How many storages, 1 to 32. @defaultValue the option `storages` of the cluster */
  readonly storages?: number | undefined
  /** How many store paths each storage has, 1 to 256. @defaultValue 1 */
  readonly storePaths?: number | undefined
  /** Bytes of each store path; more than fits is refused with 28. @defaultValue those of the machine */
  readonly totalBytes?: number | undefined
  /** Bytes free in each store path before anything is stored. @defaultValue `totalBytes` */
  readonly freeBytes?: number | undefined
}

/** A file that is there from the start. */
export interface SeedFile {
  /** Its content; text is UTF-8. */
  readonly data: Uint8Array | string
  /** The group it goes to. @defaultValue the trackers' choice */
  readonly group?: string | undefined
  /** See the client's `uploadFile`. */
  readonly ext?: string | undefined
  /** See the client's `uploadFile`. */
  readonly metadata?: UploadOptions['metadata']
}

/** They are checked when the trackers are made: ConfigError. */
const TRACKER_RULES = [
  'storeLookup',
  'storeGroup',
  'storeServer',
  'storePath',
  'downloadServer',
  'reservedStorageSpace',
  'checkActiveInterval',
  'storageSyncFileMaxDelay',
  'storageSyncFileMaxTime',
] as const satisfies readonly (keyof TrackerRules)[]

/** What a cluster is made of, and the rules of its trackers. */
export interface ClusterOptions extends TrackerRules {
  /** How many trackers, 1 to 16. @defaultValue 1 */
  trackers?: number | undefined
  /** How many groups, 1 to 512, named group1, group2, …; or each by name. @defaultValue 1 */
  groups?: number | Readonly<Record<string, GroupOptions>> | undefined
  /** How many storages in each group that does not say it, 1 to 32. @defaultValue 1 */
  storages?: number | undefined
  /**
   * Whether storages have IDs; else addresses tell them apart, as in real clusters without `use_storage_id`. Then each
   * storage has its own, from 127.0.0.1 on, all of a group have one port, and `host` and `advertise` stay unset. Not
   * all systems have more loopback addresses than one. @defaultValue true
   */
  storageIds?: boolean | undefined
  /** The address that every member listens on; `0.0.0.0` and `::` are all addresses. @defaultValue '127.0.0.1' */
  host?: string | undefined
  /**
   * The address that clients are told, where it is not the one listened on: in a container, behind NAT. Ports stay the
   * same. @defaultValue `host`; where that is all addresses, the first of this machine that others can reach
   */
  advertise?: string | undefined
  /** Ports: the first one, which the others follow, or all of them; 0 lets the system choose. @defaultValue 0 */
  ports?: PortOptions | undefined
  /** The version that the members answer as. @defaultValue 'V6.16' */
  profile?: Profile | undefined
  /**
   * Bytes of an address in answers: 16, or 46, which since V6.11 hold any IPv6 address (protocol.md §1.3).
   * @defaultValue 46 as V6.12, and where the address that clients are told needs them; else 16
   */
  addressSize?: 16 | 46 | undefined
  /** Where files and the state of trackers are kept: in memory, or below a folder that outlives the cluster. @defaultValue 'memory' */
  store?: 'memory' | { readonly dir: string } | undefined
  /**
   * When the storages of a group tell each other of changes: at once, after a delay in milliseconds, or when
   * `cluster.replicate()` is called. @defaultValue 'now'
   */
  replication?: ReplicationMode | undefined
  /** Whether every storage serves its files over HTTP too, and how. @defaultValue false */
  http?: boolean | HttpOptions | undefined
  /** Files to begin with; they are there again after each reset. @defaultValue none */
  seed?: readonly SeedFile[] | undefined
  /** Where time and chance come from; see {@link deterministicClock}. @defaultValue the machine's own */
  clock?: Clock | undefined
  /** Ends the start. */
  signal?: AbortSignal | undefined
}

/** See {@link ClusterOptions.ports}. */
export interface PortOptions {
  /** Of the trackers. */
  readonly trackers?: number | readonly number[] | undefined
  /** Of the storages, group by group; with `storageIds: false` of the groups. */
  readonly storages?: number | readonly number[] | undefined
}

/** A group as it is made. */
export interface GroupPlan {
  readonly storages: number
  readonly storePaths: number
  readonly disk: Disk | undefined
}

const OPTION_NAMES = [
  'trackers',
  'groups',
  'storages',
  'storageIds',
  'host',
  'advertise',
  'ports',
  'profile',
  'addressSize',
  'store',
  'replication',
  'http',
  'seed',
  'clock',
  'signal',
  ...TRACKER_RULES,
] as const satisfies readonly (keyof ClusterOptions)[]

/** Checks all options that are not the matter of a single member. */
export function checkOptions(options: ClusterOptions): void {
  checkNames(options, OPTION_NAMES, 'startCluster')
  checkCount(options.trackers ?? 1, 'trackers', limits.MAX_TRACKERS)
  checkCount(options.storages ?? 1, 'storages', limits.MAX_STORAGES)
  checkSignal(options.signal)
  if (options.advertise !== undefined && isIP(options.advertise) === 0) {
    throw new InvalidArgumentError(`advertise must be an IP address, not ${show(options.advertise)}`)
  }
  if (options.storageIds === false && (options.host ?? options.advertise) !== undefined) {
    throw new InvalidArgumentError(
      'storageIds: false gives each storage an address of its own, from 127.0.0.1 on: leave out host and advertise',
    )
  }
  if (options.profile !== undefined) checkWord(options.profile, 'profile', Object.keys(PROFILES))
  if (options.addressSize !== undefined && ![16, 46].includes(options.addressSize)) {
    throw new InvalidArgumentError(`addressSize must be 16 or 46, not ${show(options.addressSize)}`)
  }
  const { store } = options
  if (
    store !== undefined &&
    store !== 'memory' &&
    typeof (store as { dir?: unknown } | null)?.dir !== 'string'
  ) {
    throw new InvalidArgumentError(`store must be 'memory' or { dir }, not ${show(store)}`)
  }
  checkReplication(options.replication ?? 'now')
  checkNames(options.ports ?? {}, ['trackers', 'storages'], 'ports')
  for (const port of Object.values(options.ports ?? {}).flat()) {
    if (port !== undefined && checkInteger(port, 'a port', 0) > 65_535) {
      throw new InvalidArgumentError(`a port must be 65535 at most, not ${port}`)
    }
  }
  for (const file of options.seed ?? []) checkNames(file, ['data', 'group', 'ext', 'metadata'], 'a seed file')
}

/** The groups to make, by name. */
export function planGroups({ groups = 1, storages = 1 }: ClusterOptions): Map<string, GroupPlan> {
  if (typeof groups !== 'object') {
    checkCount(groups, 'groups', limits.MAX_GROUPS)
    const names = Array.from({ length: groups }, (_, i) => `group${i + 1}`)
    return new Map(names.map((name) => [name, planGroup(name, { storages })]))
  }
  checkCount(Object.keys(groups).length, 'groups', limits.MAX_GROUPS)
  return new Map(
    Object.entries(groups).map(([name, group]) => [name, planGroup(name, { storages, ...group })]),
  )
}

/** One group to make. */
export function planGroup(name: string, group: GroupOptions): GroupPlan {
  if (!/^[0-9A-Za-z]{1,16}$/.test(name)) {
    throw new InvalidArgumentError(`a group is 1 to 16 letters and digits, not ${show(name)}`)
  }
  checkNames(group, ['storages', 'storePaths', 'totalBytes', 'freeBytes'], name)
  const { storages = 1, storePaths = 1, totalBytes, freeBytes } = group
  checkCount(storages, 'storages', limits.MAX_STORAGES)
  checkCount(storePaths, 'storePaths', 256)
  if (totalBytes !== undefined) checkInteger(totalBytes, 'totalBytes', 1)
  if (freeBytes !== undefined) checkInteger(freeBytes, 'freeBytes', 0)
  const total = totalBytes ?? freeBytes
  const free = freeBytes ?? totalBytes
  if (total === undefined || free === undefined) return { storages, storePaths, disk: undefined }
  if (free > total) throw new InvalidArgumentError(`freeBytes (${free}) is more than totalBytes (${total})`)
  return { storages, storePaths, disk: { total, free } }
}

/** What the trackers go by. */
export function trackerRules(options: ClusterOptions): TrackerRules {
  return Object.fromEntries(TRACKER_RULES.map((name) => [name, options[name]]))
}

/** The port of one of several members. */
export function portOf(ports: number | readonly number[] | undefined, index: number): number {
  if (ports === undefined) return 0
  if (typeof ports !== 'number') return ports[index] ?? 0
  return ports === 0 ? 0 : ports + index
}

function checkReplication(mode: ReplicationMode): void {
  if (mode === 'now' || mode === 'manual') return
  if (typeof (mode as { delay?: unknown } | null)?.delay !== 'number') {
    throw new InvalidArgumentError(`replication must be 'now', 'manual' or { delay }, not ${show(mode)}`)
  }
  checkNames(mode, ['delay'], 'replication')
  checkInteger(mode.delay, 'the delay of replication', 0)
}

/** What a cluster of more members sends, no client and no server takes. */
function checkCount(value: number, name: string, most: number): void {
  if (checkInteger(value, name, 1) > most) {
    throw new InvalidArgumentError(`${name} must be ${most} at most, not ${value}`)
  }
}
