/** What trackers say to each other, and storages that see two leaders (protocol.md §2.5, §4.7). */
import { isIPv6 } from 'node:net'
import { STATUS } from '../../errors.js'
import type { ResponseOf, trackerCommands } from '../../protocol/index.js'
import { isAtLeast } from '../../protocol/dialect.js'
import { formatAddress, parseAddress } from '../address.js'
import { unixSeconds } from '../clock.js'
import type { RunningTimes, TrackerContext, TrackerHandlers } from './context.js'
import type { Cluster } from './cluster.js'
import { hasAddressSize } from './identities.js'
import { stateFiles } from './state-files.js'
import type { TrackerAddress, Trackers } from './trackers.js'

type TrackerStat = ResponseOf<typeof trackerCommands.trackerClusterStat>['trackers'][number]

/** Bits of the filter's first byte. */
const BY = { ACTIVE: 1, LEADER: 2 } as const
/** A tracker whose last word is older than this many seconds is not active. */
const ACTIVE_TIME = 3
/** Times are told in steps of this many seconds. */
const TIME_STEP = 300
/** Bytes of a file in one reply at most: what real trackers have room for. */
const MAX_PIECE = 8 * 1024 - 10 - 8 - 1

/** How a tracker stands in an election; undefined while it knows no group. */
export function standingOf(
  cluster: Cluster,
  trackers: Trackers,
  { startedAt, lastSeenAt }: RunningTimes,
): ResponseOf<typeof trackerCommands.trackerGetStatus> | undefined {
  if (cluster.groups.length === 0) return undefined
  return {
    isLeader: trackers.leads,
    runningTime: inSteps(unixSeconds(cluster.clock) - startedAt),
    restartInterval: lastSeenAt === 0 ? 0 : inSteps(startedAt - lastSeenAt),
  }
}

function inSteps(time: number): number {
  return time - (time % TIME_STEP)
}

function statOf(tracker: TrackerAddress, { trackers, cluster, load, running }: TrackerContext): TrackerStat {
  const isLeader = tracker === trackers.leader
  const reported = trackers.reportOf(tracker)
  const { version, upTime, connections, lastHeartBeat } = isLeader
    ? {
        version: versionOf(cluster),
        upTime: running.startedAt,
        connections: {
          allocated: load.peakConnections,
          current: load.connections,
          max: load.peakConnections,
        },
        // As real ones: nobody sends beats to the leader.
        lastHeartBeat: 0,
      }
    : reported
  return {
    host: formatAddress(tracker.ips[0], tracker.port),
    isLeader,
    isActive: isLeader || unixSeconds(cluster.clock) - lastHeartBeat <= ACTIVE_TIME,
    connectionsAllocated: connections.allocated,
    connectionsCurrent: connections.current,
    connectionsMax: connections.max,
    version,
    upTime,
    lastHeartBeat,
  }
}

/** The version that a tracker speaks, of three numbers since V6.15. */
export function versionOf({ settings }: Cluster): string {
  return settings.dialect.version
}

/** The tracker that another one names as the next leader, or why it is none. */
function namedLeader(text: string, { trackers }: TrackerContext): TrackerAddress | number {
  const address = hasAddressSize(text) ? parseAddress(text) : undefined
  if (address === undefined) return STATUS.EINVAL
  return trackers.find(address.ip, address.port) ?? STATUS.ENOENT
}

/** See the file's head. */
export const leadershipHandlers: TrackerHandlers = {
  trackerGetStatus: (_, { context: { cluster, trackers, running } }) =>
    standingOf(cluster, trackers, running) ?? STATUS.ENOENT,

  getLeader: (_, { context }) => {
    const { leader } = context.trackers
    if (leader === undefined) return STATUS.ENOENT
    // One with two addresses is told by that of the asker's kind.
    const ip = leader.ips.find((candidate) => isIPv6(candidate) === isIPv6(context.peerIp))
    return { leader: formatAddress(ip ?? leader.ips[0], leader.port) }
  },

  trackerClusterStat: ({ filterBy, isActive, isLeader }, { context }) => {
    const { trackers } = context
    if (!trackers.leads) return STATUS.EOPNOTSUPP
    const stats = trackers.all.map((tracker) => statOf(tracker, context))
    return {
      trackers: stats.filter(
        (stat) =>
          ((filterBy & BY.ACTIVE) === 0 || stat.isActive === isActive) &&
          ((filterBy & BY.LEADER) === 0 || stat.isLeader === isLeader),
      ),
    }
  },

  trackerNotifyNextLeader: ({ leader }, { context }) => {
    const next = namedLeader(leader, context)
    if (typeof next === 'number') return next
    return context.trackers.announce(next) ? {} : STATUS.EINVAL
  },

  trackerCommitNextLeader: ({ leader }, { context }) => {
    const next = namedLeader(leader, context)
    if (typeof next === 'number') return next
    return context.trackers.commit(next) ? {} : STATUS.EINVAL
  },

  trackerJoinLeader: ({ upTime, version, port }, { context }) => {
    const { trackers } = context
    if (!trackers.leads) return STATUS.EOPNOTSUPP
    if (context.follower !== undefined) return STATUS.EEXIST
    context.follower = trackers.find(context.peerIp, port)
    if (context.follower === undefined) return STATUS.ENOENT
    trackers.report(context.follower, { upTime, version })
    return {}
  },

  trackerPingLeader: ({ connections }, { context }) => {
    const { trackers, cluster, follower } = context
    // Trackers before V6.15.5 do not join their leader, and tell it nothing of themselves.
    const joins = isAtLeast(cluster.settings.dialect, '6.15.5')
    if (joins !== (connections !== undefined)) return STATUS.EINVAL
    if (!trackers.leads) return STATUS.EOPNOTSUPP
    if (joins && follower === undefined) return STATUS.EINVAL
    if (follower !== undefined) {
      trackers.report(follower, { connections, lastHeartBeat: unixSeconds(cluster.clock) })
    }
    // No group has a trunk server. That is told once.
    const untold = context.trunkServersTold ? [] : cluster.groups
    context.trunkServersTold = true
    return { trunkServers: untold.map(({ name }) => ({ group: name, trunkServerId: '' })) }
  },

  trackerNotifyReselectLeader: (_, { context: { trackers } }) => {
    if (!trackers.leads) return STATUS.EOPNOTSUPP
    trackers.follow(undefined)
    return {}
  },

  // Trackers of this kind learn all from storages: they never ask each other, and a real one is told to ask elsewhere.
  trackerGetSysFilesStart: () => STATUS.ENOENT,
  trackerGetSysFilesEnd: () => ({}),

  trackerGetOneSysFile: ({ index, offset }, { context: { cluster } }) => {
    const file = stateFiles(cluster)[index]
    if (file === undefined) return STATUS.EINVAL
    const content = Buffer.from(file.text, 'latin1')
    if (offset < 0 || offset > content.length) return STATUS.EINVAL
    return { fileSize: content.length, content: content.subarray(offset, offset + MAX_PIECE) }
  },
}
