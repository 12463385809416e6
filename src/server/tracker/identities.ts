/** Who a storage is, told by its address (protocol.md §2.5). */
import { STATUS } from '../../errors.js'
import { IPV4_SIZE, IPV6_SIZE, isAtLeast } from '../../protocol/dialect.js'
import type { Dialect } from '../../protocol/index.js'
import { parseAddress } from '../address.js'
import type { Cluster } from './cluster.js'
import type { Joined, TrackerContext, TrackerHandlers } from './context.js'
import type { StorageIdEntry } from './storage-ids.js'
import { idOfAddress, lineOf } from './storage-ids.js'

/** Bytes of an address, and of an address with its port, at most. */
const MAX_IP_SIZE = IPV6_SIZE - 1
const MAX_ADDRESS_SIZE = 52
/** A reply to 69 takes no more lines when fewer bytes than these are left of the 8 KiB of real trackers (§2.5). */
const SPARE_SIZE = 128
const OLD_SPARE_SIZE = 64
const LINES_SIZE = 8 * 1024 - 10 - 8

/** Where a storage is. Before V6.16 there is one storage at an address, whatever its port. */
export interface StoragePlace {
  readonly ip: string
  readonly port: number | undefined
}

/** Whether a request for one storage has the length of an address; that it is one is looked at later. */
export function hasAddressSize(text: string | undefined): text is string {
  return text !== undefined && text !== '' && text.length <= MAX_ADDRESS_SIZE
}

/** Reads where a storage is; the status where the text cannot be that. Before V6.16 it may be the asker. */
export function readPlace(
  text: string | undefined,
  { cluster, peerIp }: TrackerContext,
): StoragePlace | number {
  const { dialect } = cluster.settings
  if (isAtLeast(dialect, '6.16'))
    return (hasAddressSize(text) ? parseAddress(text) : undefined) ?? STATUS.EINVAL
  // What is too long for the field is cut.
  const size = isAtLeast(dialect, '6.11') ? IPV6_SIZE : IPV4_SIZE
  return { ip: text?.slice(0, size - 1) ?? peerIp, port: undefined }
}

/** All storages of all groups. */
export function allMembers({ groups }: Cluster): readonly Joined[] {
  return groups.flatMap((group) => group.members.map((member) => ({ group, member })))
}

/** As many as fit a reply, from one on. */
function linesFrom(
  entries: readonly StorageIdEntry[],
  start: number,
  dialect: Dialect,
): { count: number; lines: string } {
  const spare = isAtLeast(dialect, '6.13') ? SPARE_SIZE : OLD_SPARE_SIZE
  let lines = ''
  let count = 0
  for (const entry of entries.slice(start)) {
    if (lines.length > LINES_SIZE - spare) break
    lines += lineOf(entry)
    count++
  }
  return { count, lines }
}

/** See the file's head. */
export const identityHandlers: TrackerHandlers = {
  storageGetServerId: ({ group, address }, { context }) => {
    const place = readPlace(address, context)
    if (typeof place === 'number') return place
    const { storageIds, settings } = context.cluster
    const id =
      storageIds === undefined
        ? idOfAddress(place.ip, settings.dialect)
        : storageIds.at(place.ip, place.port, group)?.id
    return id === undefined ? STATUS.ENOENT : { id }
  },

  // Without an address it is the asker's.
  storageGetGroupName: ({ ip, port }, { context }) => {
    if (ip.length > MAX_IP_SIZE) return STATUS.ENAMETOOLONG
    const entry = context.cluster.storageIds?.at(ip || context.peerIp, port)
    return entry === undefined ? STATUS.ENOENT : { group: entry.group }
  },

  // Which of its addresses a storage has in the list; its own word for those that are not there.
  storageGetMyIp: ({ group, port }, { context: { cluster, peerIp } }) => ({
    ip: cluster.storageIds?.at(peerIp, port, group)?.ips.join() ?? peerIp,
  }),

  fetchStorageIds: ({ startIndex, allowEmpty }, { context }) => {
    const { storageIds } = context.cluster
    if (storageIds === undefined) {
      return allowEmpty === true ? { total: 0, count: 0, lines: '' } : STATUS.EOPNOTSUPP
    }
    const entries = storageIds.all
    const total = entries.length
    // The start of an empty list is asked for too: real trackers that use IDs have none.
    if (startIndex < 0 || (startIndex >= total && startIndex > 0)) return STATUS.EINVAL
    return { total, ...linesFrom(entries, startIndex, context.cluster.settings.dialect) }
  },
}
