import { isIPv6 } from 'node:net'
import { crc32 } from '../../file-id/index.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Dialect } from '../../protocol/index.js'
import type { StorageIdOptions } from './settings.js'

const DEFAULT_PORT = 23_000
/** Bits of a storage's read and write mode (protocol.md §2.4). */
export const RW_MODE = { NONE: 0, WRITE: 2, READ: 4, BOTH: 6 } as const

const MODES = {
  both: RW_MODE.BOTH,
  read: RW_MODE.READ,
  write: RW_MODE.WRITE,
  none: RW_MODE.NONE,
} as const
const CAPTIONS = new Map<number, string>([
  [RW_MODE.READ, ' rw=read'],
  [RW_MODE.WRITE, ' rw=write'],
  [RW_MODE.NONE, ' rw=none'],
])

/** A storage with an ID. */
export interface StorageIdEntry {
  readonly id: string
  readonly group: string
  /** One, or one of each kind. */
  readonly ips: readonly string[]
  /** 0 where it is not known yet, undefined where a list says none: then it may be any. */
  readonly port: number | undefined
  /** See {@link RW_MODE}. */
  readonly rwMode: number
}

/** The storages that have IDs: those of a list that was given, or, where none was, all that have joined so far. */
export class StorageIds {
  readonly #entries = new Map<string, StorageIdEntry>()
  readonly #compare: typeof compareIds
  /** Whether the list is learned from storages. */
  readonly learned: boolean

  /** @param list - the list; undefined to learn it */
  constructor(list: readonly StorageIdOptions[] | undefined, dialect: Dialect) {
    this.learned = list === undefined
    this.#compare = isAtLeast(dialect, '6.00') ? compareIds : compareAddresses
    const defaultPort = isAtLeast(dialect, '6.16') ? DEFAULT_PORT : undefined
    for (const { id, group, hosts, port = defaultPort, mode = 'both' } of list ?? []) {
      this.#entries.set(id, { id, group, ips: hosts, port, rwMode: MODES[mode] })
    }
  }

  /** All, by their IDs as texts; before V6 by group and address. */
  get all(): readonly StorageIdEntry[] {
    return [...this.#entries.values()].sort(this.#compare)
  }

  /** The storage of that ID. */
  find(id: string): StorageIdEntry | undefined {
    return this.#entries.get(id)
  }

  /** The storage at that address; at that port and of that group, where they are told. */
  at(ip: string, port?: number, group?: string): StorageIdEntry | undefined {
    return this.all.find(
      (entry) =>
        entry.ips.includes(ip) &&
        (port === undefined || entry.port === undefined || entry.port === port) &&
        (group === undefined || entry.group === group),
    )
  }

  /** Takes in what a storage says, or is said of it, where the list is learned. */
  learn(id: string, group: string, ip: string, port: number): void {
    if (!this.learned) return
    const known = this.#entries.get(id)
    if (known !== undefined && known.group !== group) return
    this.#entries.set(id, { id, group, ips: [ip], port, rwMode: RW_MODE.BOTH })
  }
}

function compareIds(a: StorageIdEntry, b: StorageIdEntry): number {
  return a.id < b.id ? -1 : 1
}

function compareAddresses(a: StorageIdEntry, b: StorageIdEntry): number {
  const [placeA, placeB] = [`${a.group} ${a.ips.join()}`, `${b.group} ${b.ips.join()}`]
  if (placeA === placeB) return compareIds(a, b)
  return placeA < placeB ? -1 : 1
}

/** A line of storage_ids.conf, as 69 tells it. */
export function lineOf({ id, group, ips, port, rwMode }: StorageIdEntry): string {
  const text = ips.join()
  const host = isIPv6(ips[0] ?? '') ? `[${text}]` : text
  return `${id} ${group} ${host}${port === undefined || port === 0 ? '' : `:${port}`}${CAPTIONS.get(rwMode) ?? ''}\n`
}

/**
 * The ID of a storage that is told apart by its address: the address. One of IPv6 has no room in an ID; a short code
 * stands for it, eight bytes that begin with the address's CRC32 without its last step (protocol.md §2.5, 70).
 */
export function idOfAddress(ip: string, dialect: Dialect): string {
  if (!ip.includes(':') || !isAtLeast(dialect, '6.11')) return ip
  const code = Buffer.alloc(8)
  code.writeUInt32LE(~crc32(Buffer.from(ip)) >>> 0)
  return `${code.toString('base64url')}.`
}
