/** How storages join a tracker and report to it: the status machine (protocol.md §4.2, §4.4, §4.6). */
import { STATUS } from '../../errors.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Dialect, ResponseOf, trackerClusterCommands } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { Cluster } from './cluster.js'
import type { Joined, TrackerContext, TrackerHandlers } from './context.js'
import { joinedOn } from './context.js'
import type { Group } from './group.js'
import { join } from './join.js'
import type { Member } from './member.js'
import { briefOf } from './member.js'
import { GONE, WAITING } from '../status-sets.js'

const { INIT, WAIT_SYNC, OFFLINE, ONLINE, ACTIVE, RECOVERY, IP_CHANGED } = limits.STORAGE_STATUS

type Changes = ResponseOf<typeof trackerClusterCommands.storageBeat>

/** Others in these have files that a new storage must get. */
const HAVE_FILES: readonly number[] = [OFFLINE, ONLINE, ACTIVE]
/** In these a storage can be the source of old files. */
const SOURCES: readonly number[] = [...HAVE_FILES, RECOVERY]
/** A storage whose connection ends stays in these. */
const UNAVAILABLE: readonly number[] = [...WAITING, ...GONE, RECOVERY]
/** In these a storage is no destination of files (§4.2, 86). */
const UNSETTLED: readonly number[] = [INIT, ...GONE]

/** The connection of a storage has ended: it is gone at once (§4.6). */
export function leave(context: TrackerContext): void {
  const { joined } = context
  if (joined === undefined || joined.member.connection !== context) return
  const { group, member } = joined
  member.upTime = 0
  group.connect(member, undefined)
  if (!UNAVAILABLE.includes(member.status)) group.deactivate(member, OFFLINE)
  // Real trackers go on to send clients to one that was ACTIVE before (protocol.md §12).
  else if (member.listed) group.deactivate(member, member.status)
}

/** Ties a connection to the storage that has joined on it. */
function enter(context: TrackerContext, joined: Joined): void {
  if (context.joined?.member !== joined.member) leave(context)
  context.joined = joined
  joined.group.connect(joined.member, context)
}

/** A sign of life: whoever does not wait for old files is ACTIVE now. */
function activate({ group, member }: Joined, { clock }: Cluster): void {
  member.lastBeat = unixSeconds(clock)
  if (!WAITING.includes(member.status) && member.status !== IP_CHANGED) group.activate(member)
}

/** What the storage has not been told yet. Only the leader tells. */
function changesFor(context: TrackerContext, { group, member }: Joined): Changes {
  const changes: Changes = {}
  const { trackers, peerIp } = context
  if (!trackers.leads) return changes
  if (context.toldLeaders !== trackers.leaders) {
    const [ip = ''] = trackers.leader?.ips ?? []
    const port = trackers.leader?.port ?? 0
    changes.leader = { status: 0, port, id: ip.slice(0, limits.STORAGE_ID_SIZE - 1), ip }
    context.toldLeaders = trackers.leaders
  }
  if (member.toldChanges !== group.changes) {
    changes.storages = group.members.map((other) => briefOf(other, group.portOf(other), peerIp))
    member.toldChanges = group.changes
  }
  return changes
}

function endOldSync(group: Group, member: Member): void {
  if (WAITING.includes(member.status)) group.setStatus(member, ONLINE)
}

/** Notes how far files of other storages have arrived at one (protocol.md §6, `last_synced`). */
function noteSynced(
  { group, member }: Joined,
  sources: readonly { sourceId: string; syncedUntil: number }[],
  roundRobin: boolean,
): void {
  const times: number[] = []
  for (const { sourceId, syncedUntil } of sources) {
    const source = group.find(sourceId)
    if (syncedUntil <= 0 || source === undefined || source === member || source.status !== ACTIVE) continue
    member.syncedFrom.set(sourceId, syncedUntil)
    times.push(syncedUntil)
  }
  if (times.length > 0) {
    member.lastSynced = roundRobin ? Math.min(...times) : Math.max(member.lastSynced, ...times)
  }
}

/** How a storage of a version writes and reads; `own` where it says none. */
function dialectOf(version: string, own: Dialect): Dialect {
  if (!/^\d+\.\d+(\.\d+)?$/.test(version)) return own
  const said: Dialect = { version, addressSize: own.addressSize }
  if (isAtLeast(said, '6.15')) return said
  return { version, addressSize: isAtLeast(said, '6.11') ? 46 : 16 }
}

/** See the file's head. A report on a connection that has not joined is refused with 13. */
export const membershipHandlers: TrackerHandlers = {
  storageJoin: (request, { context }) => {
    const joined = join(request, context, (entered) => enter(context, entered))
    context.speak(dialectOf(request.version, context.cluster.settings.dialect))
    if (typeof joined === 'number') return joined
    return { status: joined.member.status, syncSourceId: joined.member.syncSourceId }
  },

  storageBeat: ({ stats }, { context }) => {
    const joined = joinedOn(context)
    if (stats !== undefined) joined.member.stats = stats
    activate(joined, context.cluster)
    return changesFor(context, joined)
  },

  storageReportDiskUsage: ({ paths }, { context }) => {
    const { cluster } = context
    const joined = joinedOn(context)
    if (paths.length !== joined.group.settings.storePathCount) return STATUS.EINVAL
    joined.group.report(joined.member, paths)
    cluster.rank()
    activate(joined, cluster)
    return changesFor(context, joined)
  },

  storageSyncReport: ({ sources }, { context }) => {
    const { cluster } = context
    const joined = joinedOn(context)
    if (sources.length === 0) return STATUS.EINVAL
    noteSynced(joined, sources, cluster.settings.storeServer === 'round-robin')
    return changesFor(context, joined)
  },

  storageSyncDestReq: (_, { context }) => {
    const { cluster } = context
    const { group, member } = joinedOn(context)
    const others = group.members.filter((other) => other !== member)
    if (!others.some(({ status }) => HAVE_FILES.includes(status))) {
      group.setStatus(member, ONLINE)
      return {}
    }
    const source = group.writable.find((other) => other !== member)
    if (source === undefined) return STATUS.ENOENT
    const until = unixSeconds(cluster.clock)
    group.setSyncSource(member, source.id, until)
    group.setStatus(member, WAIT_SYNC)
    return { sync: { sourceId: source.id, until } }
  },

  storageSyncNotify: ({ sourceId, until }, { context }) => {
    const { group, member } = joinedOn(context)
    if (sourceId === '') {
      endOldSync(group, member)
      return {}
    }
    // Also where its source turns out to be none: it waits for another one.
    if (member.status === INIT) group.setStatus(member, WAIT_SYNC)
    if (member.syncSourceId !== '') return {}
    const source = group.find(sourceId)
    if (source === undefined) return STATUS.ENOENT
    // One that is gone is noted all the same, and so never asked.
    const isGone = GONE.includes(source.status)
    group.setSyncSource(member, sourceId, isGone ? member.syncUntil : until)
    return isGone ? STATUS.ENOENT : {}
  },

  storageSyncSrcReq: ({ group: name, destinationId }, { context }) => {
    const group = context.cluster.find(name)
    const destination = group?.find(destinationId)
    if (group === undefined || destination === undefined || UNSETTLED.includes(destination.status)) {
      return STATUS.ENOENT
    }
    const { syncSourceId: sourceId, syncUntil: until } = destination
    if (sourceId === '') return {}
    if (SOURCES.includes(group.find(sourceId)?.status ?? INIT)) return { sync: { sourceId, until } }
    // A source that is none any more has nothing to send.
    group.setSyncSource(destination, '', until)
    return {}
  },

  storageSyncDestQuery: (_, { context }) => {
    const joined = joinedOn(context)
    const { syncSourceId: sourceId, syncUntil: until } = joined.member
    return sourceId === '' ? {} : { sync: { sourceId, until } }
  },

  storageChangelogReq: ({ storage }, { context }) => {
    const { cluster, joined } = context
    if ((joined === undefined) === (storage === undefined)) return STATUS.EINVAL
    const member = storage === undefined ? joined?.member : cluster.find(storage.group)?.find(storage.id)
    if (member === undefined) return STATUS.ENOENT
    const lines = cluster.changelog.readFor(member)
    if (lines !== '') cluster.touch()
    return { lines }
  },
}
