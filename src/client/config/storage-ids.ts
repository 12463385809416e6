import { ConfigError } from '../../errors.js'
import { MAX_STORAGE_ID } from '../../protocol/limits.js'
import { checkWord, show } from '../check.js'
import { checkGroupName } from './group-name.js'
import { within } from './place.js'
import type { ServerAddress } from './server-address.js'
import { faultOf, freeze, parseServerAddress } from './server-address.js'

/** A storage that the cluster knows by an ID. */
export interface StorageId extends ServerAddress {
  /** A number from 1 to 16777215, as a text. */
  readonly id: string
  /** The group's name. */
  readonly group: string
  /** What the storage takes part in; it means nothing to a client. @defaultValue 'both' */
  readonly mode?: StorageMode
}

/** What a storage takes part in: `both` reading and writing, one of them, or `none`. */
export type StorageMode = 'both' | 'read' | 'write' | 'none'

/** The port of a storage where none is named. */
export const STORAGE_PORT = 23_000

const MODES: ReadonlyMap<string | undefined, StorageMode> = new Map([
  ['both', 'both'],
  ['all', 'both'],
  ['read', 'read'],
  ['readonly', 'read'],
  ['write', 'write'],
  ['writeonly', 'write'],
  ['none', 'none'],
])

/**
 * Reads the lines of a `storage_ids.conf`, which are those of a tracker's answer to 69 too: `id group
 * host[,host][:port] [rw=both|read|write|none]`, port 23000 where none is named (protocol.md §8.2).
 *
 * @param path - stands in error messages
 * @throws {@link ConfigError} that names file and line
 */
export function parseStorageIds(text: string, path: string): readonly StorageId[] {
  const storages: StorageId[] = []
  const seen = new Map<string, string>()
  const once = (name: string, place: string): void => {
    const before = seen.get(name)
    if (before !== undefined) throw new ConfigError(`${name} stands in ${before} already`)
    seen.set(name, place)
  }
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const place = `${path}:${index + 1}`
    within(place, () => {
      const storage = parseStorageId(line)
      once(`storage ID ${storage.id}`, place)
      for (const host of storage.hosts) once(`storage ${host} port ${storage.port}`, place)
      storages.push(storage)
    })
  })
  return storages
}

/**
 * Checks the storage IDs of a client's options.
 *
 * @throws {@link ConfigError} when they are no list, or an entry is wrong
 */
export function checkStorageIds(given: unknown): readonly StorageId[] {
  if (!Array.isArray(given))
    throw new ConfigError(`storageIds must be an array or 'tracker', not ${show(given)}`)
  return given.map((entry: unknown, index) =>
    within(`storageIds[${index}]`, () => {
      const { id, group, hosts, port, mode = 'both' } = (entry ?? {}) as Partial<StorageId>
      if (!Array.isArray(hosts) || !hosts.every((host) => typeof host === 'string') || hosts.length === 0) {
        throw new ConfigError(`expected { id, group, hosts, port }, not ${show(entry)}`)
      }
      const address = { hosts: hosts as ServerAddress['hosts'], port: port as number }
      const fault = faultOf(address)
      if (fault !== undefined) throw new ConfigError(`its address is wrong: ${fault}`)
      return Object.freeze({
        id: checkId(id),
        group: checkGroupName(group),
        mode: checkWord(mode, 'mode', [...new Set(MODES.values())], (message) => new ConfigError(message)),
        ...freeze(address),
      })
    }),
  )
}

function checkId(id: unknown): string {
  if (typeof id !== 'string' || !/^[1-9]\d{0,7}$/.test(id) || Number(id) > MAX_STORAGE_ID) {
    throw new ConfigError(`a storage ID is a number from 1 to ${MAX_STORAGE_ID}, not ${show(id)}`)
  }
  return id
}

function parseStorageId(line: string): StorageId {
  const [id = '', group = '', address, ...options] = line.split(/[ \t]+/)
  if (address === undefined) throw new ConfigError(`expected id, group and address, not ${show(line)}`)
  checkId(id)
  checkGroupName(group)
  const rw = options.length === 0 ? 'rw=both' : options.join(' ')
  const mode = MODES.get(/^rw=(.+)$/i.exec(rw)?.[1]?.toLowerCase())
  if (mode === undefined) {
    throw new ConfigError(`expected rw=both, rw=read, rw=write or rw=none, not ${show(rw)}`)
  }
  return Object.freeze({ id, group, mode, ...parseServerAddress(address, STORAGE_PORT) })
}
