/** How storages join a tracker and report to it: the status machine (protocol.md §4.2, §4.4, §4.6). */
import { STATUS } from '../../errors.js'
import type { ResponseOf, trackerClusterCommands } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import type { Cluster } from './cluster.js'
import type { Joined, TrackerContext, TrackerHandlers } from './context.js'
import type { Group } from './group.js'
import type { JoinRequest, Member } from './member.js'
import { briefOf, isValidId, newMember } from './member.js'

const { STORAGE_STATUS } = limits

type Changes = ResponseOf<typeof trackerClusterCommands.storageBeat>

/** A storage that does not know its own status sends this one. */
const UNKNOWN_STATUS = -1
/** Statuses that no storage can have before a tracker knows it (§1.4, 14). */
const IMPOSSIBLE: readonly number[] = [
  UNKNOWN_STATUS,
  STORAGE_STATUS.NONE,
  STORAGE_STATUS.DELETED,
  STORAGE_STATUS.IP_CHANGED,
]

/** In these a storage waits for old files; a beat does not make it ACTIVE. */
const WAITING: readonly number[] = [STORAGE_STATUS.INIT, STORAGE_STATUS.WAIT_SYNC, STORAGE_STATUS.SYNCING]

/** In these a storage is gone for good. */
const GONE: readonly number[] = [STORAGE_STATUS.DELETED, STORAGE_STATUS.IP_CHANGED]
/** In these a storage is no destination of files (§4.2, 86). */
const UNSETTLED: readonly number[] = [STORAGE_STATUS.INIT, ...GONE]

function isWithin(value: number, most: number): boolean {
  return value >= 1 && value <= most
}

function isValidJoin(join: JoinRequest): boolean {
  return (
    /^[0-9A-Za-z]{1,16}$/.test(join.group) &&
    isWithin(join.storagePort, 0xffff) &&
    isWithin(join.storePathCount, 256) &&
    isWithin(join.subdirCountPerPath, 256) &&
    isWithin(join.trackers.length, limits.MAX_TRACKERS)
  )
}

/** All members of a group lay out their files alike; one may have more store paths, or the last of all fewer. */
function fitsGroup(join: JoinRequest, { members, settings }: Group): boolean {
  const { storePathCount } = join
  const alike = (member: Member): boolean =>
    member.id === join.id || [0, storePathCount].includes(member.join.storePathCount)
  return (
    [0, join.subdirCountPerPath].includes(settings.subdirCountPerPath) &&
    (storePathCount >= settings.storePathCount || members.every(alike))
  )
}

/** Of more than these nobody could be told (§1.2): no reply has room for them. */
function hasRoom({ groups }: Cluster, group: Group | undefined): boolean {
  return group === undefined ? groups.length < limits.MAX_GROUPS : group.members.length < limits.MAX_STORAGES
}

/** The status of a storage that joins for the first time; undefined where it says one that cannot be. */
function firstStatus({ initFlag, status }: JoinRequest): number | undefined {
  if (initFlag !== 0 || status === STORAGE_STATUS.INIT) return STORAGE_STATUS.INIT
  if (IMPOSSIBLE.includes(status)) return undefined
  return status === STORAGE_STATUS.ACTIVE ? STORAGE_STATUS.ONLINE : nextStatus(status)
}

/** The status of a storage that joins again. */
function nextStatus(status: number): number {
  if (status === STORAGE_STATUS.OFFLINE || status === STORAGE_STATUS.RECOVERY) return STORAGE_STATUS.ONLINE
  if (GONE.includes(status)) return STORAGE_STATUS.INIT
  return status
}

function join(request: JoinRequest, context: TrackerContext): Member | number {
  if (!isValidJoin(request)) return STATUS.EINVAL
  const { id } = request
  if (!isValidId(id)) return STATUS.ENOENT
  const known = context.cluster.find(request.group)
  if (known !== undefined && !fitsGroup(request, known)) return STATUS.EINVAL
  let member = known?.find(id)
  if (member === undefined && !hasRoom(context.cluster, known)) return STATUS.ENOSPC
  const status = member === undefined ? firstStatus(request) : nextStatus(member.status)
  if (status === undefined) {
    // The group is made all the same, as by real trackers; its first storage will tell the rest of its settings.
    context.cluster.obtain(request.group, { ...request, storePathCount: 0, subdirCountPerPath: 0 })
    return STATUS.EFAULT
  }

  const group = context.cluster.obtain(request.group, request)
  if (member === undefined) {
    member = newMember({ ...request, id }, context.peerIp, status)
    group.add(member)
  } else {
    member.join = request
    member.ip = context.peerIp
    group.setStatus(member, status)
  }
  group.adapt(request)
  // A new one has no use for what became of others before it.
  if (status === STORAGE_STATUS.INIT) member.changelogOffset = context.cluster.changelog.end
  context.cluster.trackers.learn(
    request.trackers,
    [context.ownIp, request.currentTrackerIp ?? ''],
    context.ownPort,
  )
  if (context.joined?.member !== member) leave(context)
  member.toldChanges = 0
  group.connect(member, context)
  context.joined = { group, member }
  context.leaderTold = false
  return member
}

/** The connection of a storage has ended: it is gone at once (§4.6). */
export function leave(context: TrackerContext): void {
  const { joined } = context
  if (joined === undefined || joined.member.connection !== context) return
  const { group, member } = joined
  group.connect(member, undefined)
  member.join = { ...member.join, upTime: 0 }
  if (member.status === STORAGE_STATUS.ACTIVE || member.status === STORAGE_STATUS.ONLINE) {
    group.setStatus(member, STORAGE_STATUS.OFFLINE)
  }
}

/** A sign of life: whoever does not wait for old files is ACTIVE now. */
function activate({ group, member }: Joined, clock: Clock): void {
  member.lastBeat = unixSeconds(clock)
  if (!WAITING.includes(member.status) && member.status !== STORAGE_STATUS.IP_CHANGED) {
    group.setStatus(member, STORAGE_STATUS.ACTIVE)
  }
}

/** What the storage has not been told yet. */
function changesFor(context: TrackerContext, { group, member }: Joined): Changes {
  const changes: Changes = {}
  const { leads } = context.cluster.trackers
  // Unlike real ones, all tell of the storages: nobody else is elected when the leader is away.
  if (!leads) context.leaderTold = false
  else if (!context.leaderTold) {
    const { ownIp, ownPort } = context
    changes.leader = { status: 0, port: ownPort, id: ownIp.slice(0, limits.STORAGE_ID_SIZE - 1), ip: ownIp }
    context.leaderTold = true
  }
  if (member.toldChanges !== group.changes) {
    changes.storages = group.members.map(briefOf)
    member.toldChanges = group.changes
  }
  return changes
}

function endOldSync(group: Group, member: Member): void {
  if (WAITING.includes(member.status)) group.setStatus(member, STORAGE_STATUS.ONLINE)
}

/** See the file's head. A report on a connection that has not joined is refused with 13. */
export const membershipHandlers: TrackerHandlers = {
  storageJoin: (request, { context }) => {
    const member = join(request, context)
    if (typeof member === 'number') return member
    return { status: member.status, syncSourceId: member.syncSourceId }
  },

  storageBeat: ({ stats }, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    if (stats !== undefined) joined.member.stats = stats
    activate(joined, context.cluster.clock)
    return changesFor(context, joined)
  },

  storageReportDiskUsage: ({ paths }, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    if (paths.length !== joined.group.settings.storePathCount) return STATUS.EINVAL
    joined.member.disks = paths
    activate(joined, context.cluster.clock)
    return changesFor(context, joined)
  },

  storageSyncReport: ({ sources }, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    for (const { sourceId, syncedUntil } of sources) joined.member.syncedFrom.set(sourceId, syncedUntil)
    return changesFor(context, joined)
  },

  // Nobody has old files to send: every storage starts with what it has.
  storageSyncDestReq: (_, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    endOldSync(joined.group, joined.member)
    return {}
  },

  storageSyncNotify: ({ sourceId, until }, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    const { group, member } = joined
    if (sourceId === '') {
      endOldSync(group, member)
      return {}
    }
    const source = group.find(sourceId)
    if (source === undefined || GONE.includes(source.status)) return STATUS.ENOENT
    if (member.status === STORAGE_STATUS.INIT) {
      member.syncSourceId = sourceId
      member.syncUntil = until
      group.setStatus(member, STORAGE_STATUS.WAIT_SYNC)
    }
    return {}
  },

  // Its old files are nobody's to send, as above.
  storageSyncSrcReq: ({ group, destinationId }, { context }) => {
    const destination = context.cluster.find(group)?.find(destinationId)
    return destination === undefined || UNSETTLED.includes(destination.status) ? STATUS.ENOENT : {}
  },

  storageSyncDestQuery: (_, { context }) => {
    const { joined } = context
    if (joined === undefined) return STATUS.EACCES
    const { syncSourceId: sourceId, syncUntil: until } = joined.member
    return sourceId === '' ? {} : { sync: { sourceId, until } }
  },

  storageChangelogReq: ({ storage }, { context }) => {
    const { cluster, joined } = context
    if ((joined === undefined) === (storage === undefined)) return STATUS.EINVAL
    const member = storage === undefined ? joined?.member : cluster.find(storage.group)?.find(storage.id)
    return member === undefined ? STATUS.ENOENT : { lines: cluster.changelog.readFor(member) }
  },
}
