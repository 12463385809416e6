/** Who a storage is, told by its address (protocol.md §2.5). */
import { STATUS } from '../../errors.js'
import { formatAddress, parseAddress } from '../address.js'
import type { Cluster } from './cluster.js'
import type { Joined, TrackerHandlers } from './context.js'
import type { Member } from './member.js'

/** Bytes of an address, and of an address with its port, at most. */
const MAX_IP_SIZE = 45
const MAX_ADDRESS_SIZE = 52
/** A reply to 69 takes no more lines behind this many bytes: real trackers keep 128 of their 8 KiB free (§2.5). */
const MAX_LINES_SIZE = 8 * 1024 - 10 - 8 - 128

/** Whether a request for one storage has the length of an address; that it is one is looked at later. */
export function hasAddressSize(text: string | undefined): text is string {
  return text !== undefined && text !== '' && text.length <= MAX_ADDRESS_SIZE
}

/** Whether a storage has that address. */
export function isAt(member: Member, ip: string, port: number): boolean {
  return member.ip === ip && member.join.storagePort === port
}

/** All storages of all groups. */
export function allMembers({ groups }: Cluster): readonly Joined[] {
  return groups.flatMap((group) => group.members.map((member) => ({ group, member })))
}

/** A line of storage_ids.conf. */
function lineOf({ group, member: { id, ip, join } }: Joined): string {
  // One that another server has told of says its port when it joins.
  const address = join.storagePort === 0 ? ip : formatAddress(ip, join.storagePort)
  return `${id} ${group.name} ${address}\n`
}

/** See the file's head. */
export const identityHandlers: TrackerHandlers = {
  storageGetServerId: (request, { context }) => {
    const address = hasAddressSize(request.address) ? parseAddress(request.address) : undefined
    if (address === undefined) return STATUS.EINVAL
    const members = context.cluster.find(request.group)?.members ?? []
    const member = members.find((candidate) => isAt(candidate, address.ip, address.port))
    return member === undefined ? STATUS.ENOENT : { id: member.id }
  },

  // Without an address it is the asker's.
  storageGetGroupName: ({ ip, port }, { context }) => {
    if (ip.length > MAX_IP_SIZE) return STATUS.ENAMETOOLONG
    const found = allMembers(context.cluster).find(({ member }) => isAt(member, ip || context.peerIp, port))
    return found === undefined ? STATUS.ENOENT : { group: found.group.name }
  },

  fetchStorageIds: ({ startIndex }, { context }) => {
    const members = allMembers(context.cluster)
    const total = members.length
    // The start of an empty list is asked for too: real trackers that use IDs have none.
    if (startIndex < 0 || (startIndex >= total && startIndex > 0)) return STATUS.EINVAL
    let lines = ''
    let count = 0
    for (; startIndex + count < total && lines.length <= MAX_LINES_SIZE; count++) {
      lines += lineOf(members[startIndex + count] as Joined)
    }
    return { total, count, lines }
  },
}
