/** What servers say of storages, and what is told of one (protocol.md §2.5, §4.2, §4.6). */
import { STATUS } from '../../errors.js'
import { limits } from '../../protocol/index.js'
import { parseAddress } from '../address.js'
import type { TrackerHandlers } from './context.js'
import type { Group } from './group.js'
import { hasAddressSize, isAt } from './identities.js'
import type { Brief, JoinRequest } from './member.js'
import { briefOf, isValidId, newMember } from './member.js'

const { INIT, IP_CHANGED, DELETED, OFFLINE, ONLINE, ACTIVE, RECOVERY, NONE } = limits.STORAGE_STATUS

/** Between these a storage goes by its own beats, whatever it says. */
const AVAILABLE: readonly number[] = [OFFLINE, ONLINE, ACTIVE]
/** In these the tracker knows better than others. */
const SETTLED: readonly number[] = [INIT, ONLINE, ACTIVE, RECOVERY]
/** These win over every other. */
const GONE: readonly number[] = [DELETED, IP_CHANGED]
/** Of these an unknown storage comes to be known by its own JOIN, or never. */
const IGNORED: readonly number[] = [NONE, ...GONE, ONLINE, ACTIVE]

/** Takes over what another server says of a storage, where it knows more (protocol.md §4.6, merge rule). */
function merge(group: Group, said: Brief): number {
  const { id, status } = said
  const member = group.find(id)
  if (member === undefined) return IGNORED.includes(status) ? STATUS.OK : introduce(group, said)
  if (status === NONE || SETTLED.includes(member.status)) return STATUS.OK
  if (GONE.includes(status) || status > member.status) group.setStatus(member, status)
  return STATUS.OK
}

/** Takes in a storage that has not joined here yet. */
function introduce(group: Group, { id, ip, port, status }: Brief): number {
  if (ip === '') return STATUS.EINVAL
  if (!isValidId(id)) return STATUS.ENOENT
  if (group.members.length >= limits.MAX_STORAGES) return STATUS.ENOSPC
  group.add(newMember({ ...NOTHING_SAID, group: group.name, storagePort: port, id }, ip, status))
  return STATUS.OK
}

const NOTHING_SAID: Omit<JoinRequest, 'group' | 'storagePort'> = {
  storePathCount: 0,
  subdirCountPerPath: 0,
  uploadPriority: 0,
  joinTime: 0,
  upTime: 0,
  version: '',
  initFlag: 0,
  status: INIT,
  trackers: [],
}

/** See the file's head. */
export const statusHandlers: TrackerHandlers = {
  storageGetStatus: (request, { context }) => {
    if (!hasAddressSize(request.address)) return STATUS.EINVAL
    const group = context.cluster.find(request.group)
    if (group === undefined) return STATUS.ENOENT
    const address = parseAddress(request.address)
    if (address === undefined) return STATUS.EINVAL
    const member = group.members.find((candidate) => isAt(candidate, address.ip, address.port))
    return member === undefined ? STATUS.ENOENT : briefOf(member)
  },

  // By an ACTIVE one its beat is meant, which has not come yet.
  storageChangeStatus: ({ status }, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    const { group, member } = joined
    if (AVAILABLE.includes(status) && AVAILABLE.includes(member.status)) return {}
    group.setStatus(member, status === ONLINE || status === ACTIVE ? OFFLINE : status)
    return {}
  },

  storageReportStatus: ({ group: name, storage }, { context }) => {
    const group = context.cluster.find(name)
    if (group === undefined) return STATUS.ENOENT
    return merge(group, storage) || {}
  },

  // The leader has told it all itself.
  storageReplicaChg: ({ storages }, { context }) => {
    const { cluster, joined } = context
    if (joined === undefined) return STATUS.EACCES
    if (storages.length === 0) return STATUS.EINVAL
    if (cluster.trackers.leads) return {}
    return storages.map((storage) => merge(joined.group, storage)).find((status) => status !== 0) ?? {}
  },
}
