import { NotSupportedError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { ResponseOf } from '../protocol/index.js'
import { trackerCommands } from '../protocol/index.js'
import type { StorageIdEntry } from './cluster-types.js'
import type { StorageId } from './config/storage-ids.js'
import { STORAGE_PORT } from './config/storage-ids.js'
import type { Trackers } from './trackers.js'
import { isUnknownCommand } from './unknown-command.js'

/** The form of a request for storage IDs before V6.11 (protocol.md §2.5). */
const OLD_DIALECT = { version: '6.10', addressSize: 16 } as const

/** The IDs of all storages, asked from a tracker; none where IDs are not used (protocol.md §2.5). */
export async function fetchStorageIds(trackers: Trackers, call: Call): Promise<StorageIdEntry[]> {
  try {
    const entries: StorageIdEntry[] = []
    for (;;) {
      const page = await pageFrom(trackers, entries.length, call)
      entries.push(...page.lines.split('\n').filter(Boolean).map(storageIdOf))
      if (page.count === 0 || entries.length >= page.total) return entries
    }
  } catch (error) {
    if (error instanceof NotSupportedError) return []
    throw error
  }
}

/** Servers before V6.11 take a request without the second field. */
async function pageFrom(
  trackers: Trackers,
  startIndex: number,
  call: Call,
): Promise<ResponseOf<typeof trackerCommands.fetchStorageIds>> {
  const command = trackerCommands.fetchStorageIds
  try {
    return await trackers.ask(command, { startIndex, allowEmpty: true }, call)
  } catch (error) {
    if (!isUnknownCommand(error)) throw error
    return trackers.ask(command, { startIndex }, call, OLD_DIALECT)
  }
}

/** `100001 group1 10.0.0.1,10.0.0.2:23000 rw=read` */
function storageIdOf(line: string): StorageIdEntry {
  const [id = '', group = '', address = '', ...options] = line.trim().split(/\s+/)
  const [, hosts = address, port] =
    /^(.*?)(?::(\d+))?$/.exec(address.includes(']') || !/:.*:/.test(address) ? address : `[${address}]`) ?? []
  return {
    id,
    group,
    hosts: hosts.replace(/^\[|\]$/g, '').split(','),
    port: port === undefined ? undefined : Number(port),
    access: options.find((option) => option.startsWith('rw='))?.slice(3),
  }
}

/** What can be connected to of what a tracker told. */
export function toStorageIds(entries: readonly StorageIdEntry[]): StorageId[] {
  return entries.flatMap(({ id, group, hosts: [first, ...others], port = STORAGE_PORT }) =>
    first === undefined ? [] : { id, group, hosts: [first, ...others] as const, port },
  )
}
