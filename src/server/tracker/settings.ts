import { isIP } from 'node:net'
import { ConfigError } from '../../errors.js'
import type { Dialect } from '../../protocol/index.js'
import { LATEST } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import { MAX_DELAY, SYSTEM_CLOCK } from '../clock.js'
import type { Network } from '../network.js'
import { isGroupName, isStorageId } from '../names.js'
import type { ReservedSpace } from './reserved-space.js'
import { reservedSpaceOf } from './reserved-space.js'
import { StorageIds } from './storage-ids.js'

/** What a tracker goes by when it chooses storages, as in a tracker.conf. */
export interface TrackerRules {
  /**
   * The group of an upload that names none: each in turn, the one named by `storeGroup`, or the one with the most
   * free space (protocol.md §6). @defaultValue 'round-robin'
   */
  readonly storeLookup?: 'round-robin' | 'group' | 'load-balance' | undefined
  /** The group for uploads where `storeLookup` is 'group'. @defaultValue none */
  readonly storeGroup?: string | undefined
  /**
   * The storage of an upload: each in turn, the first by ID, or the one with the smallest upload priority.
   * @defaultValue 'round-robin'
   */
  readonly storeServer?: 'round-robin' | 'first' | 'priority' | undefined
  /** The store path of an upload: each in turn, or the one with the most free space. @defaultValue 'round-robin' */
  readonly storePath?: 'round-robin' | 'load-balance' | undefined
  /** The storage of a download: each that has the file in turn, or its source. @defaultValue 'round-robin' */
  readonly downloadServer?: 'round-robin' | 'source' | undefined
  /**
   * The space that uploads leave free on a storage: bytes, or a share as `'20%'`, more than 0 and less than 100.
   * Whole MB count. @defaultValue 0
   */
  readonly reservedStorageSpace?: number | `${number}%` | undefined
  /** A storage that is silent for this long, in milliseconds, is OFFLINE: 1000 to 2^31 − 1. @defaultValue 100_000 */
  readonly checkActiveInterval?: number | undefined
  /** After this many milliseconds a file is taken to be on all storages of its group. @defaultValue 86_400_000 */
  readonly storageSyncFileMaxDelay?: number | undefined
  /**
   * After this many milliseconds a file is taken to be where the second before it has arrived.
   * @defaultValue 300_000
   */
  readonly storageSyncFileMaxTime?: number | undefined
}

/**
 * Options of a {@link Tracker}: those of a tracker.conf under the same names, and where it runs.
 *
 * Trunk files are not among them: a tracker answers that it has none, as a real one does with `use_trunk_file=false`.
 */
export interface TrackerOptions extends TrackerRules {
  /** The address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string | undefined
  /** The port; 0 lets the system choose at the first start. @defaultValue 0 */
  readonly port?: number | undefined
  /**
   * Milliseconds after which a peer is given up that sends nothing where a request is due, no further part of one, or
   * reads no answers: `network_timeout`. Who has sent a whole request may be silent for ever. @defaultValue 60_000
   */
  readonly networkTimeout?: number | undefined
  /**
   * Who may connect: addresses, names, `10.0.0.0/24`, `10.0.1.[1-15,20]`, `host[01-08].example.com`; all others are
   * ended at once: `allow_hosts`. Names are looked up at each start. @defaultValue everybody
   */
  readonly allowHosts?: readonly string[] | undefined
  /** Connections at one time, of which one more is ended at once: `max_connections`. @defaultValue any number */
  readonly maxConnections?: number | undefined
  /** The version and the width of addresses it speaks with. @defaultValue the newest version, 16 bytes */
  readonly dialect?: Dialect | undefined
  /** Where the time comes from. @defaultValue the machine's own */
  readonly clock?: Clock | undefined
  /** What stands between it and its peers. @defaultValue nothing */
  readonly network?: Network | undefined
  /**
   * The folder of its state, as a real tracker's `data` folder: written before a change is answered, read at each
   * start. Without one, the state stays in this object. @defaultValue none
   */
  readonly dir?: string | undefined
  /** Whether storages have IDs; without, their addresses tell them apart. @defaultValue true */
  readonly useStorageId?: boolean | undefined
  /** What stands for the source in the names of files. @defaultValue 'id' where storages have IDs */
  readonly idTypeInFileName?: 'ip' | 'id' | undefined
  /**
   * The storages that may join, as the lines of a storage_ids.conf. Without a list each storage joins with the ID it
   * has, and the tracker learns the list from them. @defaultValue none
   */
  readonly storageIds?: readonly StorageIdOptions[] | undefined
}

/** A storage that a tracker knows by an ID: a line of a storage_ids.conf (protocol.md §8.2). */
export interface StorageIdOptions {
  /** From 1 to 16777215. */
  readonly id: string
  /** Its group. */
  readonly group: string
  /** Its address, or its two addresses of different kinds. */
  readonly hosts: readonly string[]
  /** Its port. @defaultValue 23000; before V6.16 any */
  readonly port?: number | undefined
  /** What it takes part in; told since V6.13. @defaultValue 'both' */
  readonly mode?: 'both' | 'read' | 'write' | 'none' | undefined
}

/** {@link TrackerOptions}, checked and complete. Times are seconds here, as on the wire. */
export interface TrackerSettings {
  readonly dialect: Dialect
  readonly clock: Clock
  readonly storeLookup: 'round-robin' | 'group' | 'load-balance'
  readonly storeGroup: string | undefined
  readonly storeServer: 'round-robin' | 'first' | 'priority'
  readonly storePath: 'round-robin' | 'load-balance'
  readonly downloadServer: 'round-robin' | 'source'
  readonly reserved: ReservedSpace
  readonly checkActiveInterval: number
  readonly syncMaxDelay: number
  readonly syncMaxTime: number
  /** Whether names of files hold IDs. Only then storages of a group may have different ports. */
  readonly idsInNames: boolean
  /** The storages with IDs; undefined where addresses tell them apart. */
  readonly storageIds: StorageIds | undefined
}

/** Checks options and adds what is left out. */
export function settingsOf(options: TrackerOptions): TrackerSettings {
  const { dialect = LATEST, clock = SYSTEM_CLOCK, useStorageId = true } = options
  const { idTypeInFileName = useStorageId ? 'id' : 'ip' } = options
  if (!useStorageId && (options.storageIds !== undefined || idTypeInFileName === 'id')) {
    throw new ConfigError(
      'storageIds and IDs in the names of files need useStorageId: leave them out or set it to true',
    )
  }
  const storeLookup = oneOf(options.storeLookup, 'storeLookup', ['round-robin', 'group', 'load-balance'])
  if (storeLookup === 'group' && !isGroupName(options.storeGroup)) {
    throw new ConfigError(
      `storeLookup is 'group', so storeGroup must name one: 1 to 16 letters and digits, not ${JSON.stringify(options.storeGroup)}`,
    )
  }
  return {
    dialect,
    clock,
    storeLookup,
    storeGroup: options.storeGroup,
    storeServer: oneOf(options.storeServer, 'storeServer', ['round-robin', 'first', 'priority']),
    storePath: oneOf(options.storePath, 'storePath', ['round-robin', 'load-balance']),
    downloadServer: oneOf(options.downloadServer, 'downloadServer', ['round-robin', 'source']),
    reserved: reservedSpaceOf(options.reservedStorageSpace ?? 0),
    checkActiveInterval: seconds(options.checkActiveInterval, 'checkActiveInterval', 100_000, MAX_DELAY),
    syncMaxDelay: seconds(options.storageSyncFileMaxDelay, 'storageSyncFileMaxDelay', 86_400_000),
    syncMaxTime: seconds(options.storageSyncFileMaxTime, 'storageSyncFileMaxTime', 300_000),
    idsInNames: oneOf(idTypeInFileName, 'idTypeInFileName', ['ip', 'id']) === 'id',
    storageIds: useStorageId
      ? new StorageIds(options.storageIds && checkStorageIds(options.storageIds), dialect)
      : undefined,
  }
}

function checkStorageIds(entries: readonly StorageIdOptions[]): readonly StorageIdOptions[] {
  for (const [index, entry] of entries.entries()) {
    checkStorageId(entry)
    if (entries.findIndex(({ id }) => id === entry.id) < index)
      throw new ConfigError(`storage ID ${entry.id} stands in the list twice: give each storage its own`)
  }
  return entries
}

function oneOf<T extends string>(value: T | undefined, name: string, values: readonly [T, ...T[]]): T {
  if (value === undefined) return values[0]
  if (!values.includes(value)) {
    throw new ConfigError(`${name} must be one of ${values.join(', ')}, not ${JSON.stringify(value)}`)
  }
  return value
}

function seconds(value: number | undefined, name: string, otherwise: number, longest?: number): number {
  const time = value ?? otherwise
  if (!(Number.isFinite(time) && time >= 1000 && time <= (longest ?? time))) {
    const range = longest === undefined ? '1000 milliseconds at least' : `1000 to ${longest} milliseconds`
    throw new ConfigError(`${name} must be a time of ${range}, not ${String(time)}`)
  }
  return Math.floor(time / 1000)
}

function checkStorageId({ id, group, hosts }: StorageIdOptions): void {
  if (!isStorageId(id)) {
    throw new ConfigError(`a storage ID is a number from 1 to 16777215, not ${JSON.stringify(id)}`)
  }
  if (!isGroupName(group))
    throw new ConfigError(`storage ID ${id}: ${JSON.stringify(group)} is no group name`)
  if (hosts.length < 1 || hosts.length > 2 || hosts.some((host) => isIP(host) === 0)) {
    throw new ConfigError(
      `storage ID ${id}: hosts must be one or two addresses, not ${JSON.stringify(hosts)}`,
    )
  }
}
