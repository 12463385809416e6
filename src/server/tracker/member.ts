import type { RequestOf, trackerClusterCommands, ValuesOf } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import type { briefRecord } from '../../protocol/tracker.js'
import type { StorageStats } from '../storage-stats.js'

const { STORAGE_STATUS } = limits
const MAX_ID = 0xffffff

/** What a storage says of itself when it joins. */
export type JoinRequest = RequestOf<typeof trackerClusterCommands.storageJoin>
/** A storage as servers tell each other. */
export type Brief = ValuesOf<typeof briefRecord>
/** Space of one store path in MB. */
export interface DiskSpace {
  readonly totalMb: number
  readonly freeMb: number
}

/** A storage as its tracker knows it. Its status is changed by its group only. */
export interface Member {
  readonly id: string
  status: number
  /** The status it is held to by a test, whatever else happens to it. */
  held: number | undefined
  ip: string
  /** What it said when it joined last. */
  join: JoinRequest
  stats: StorageStats | undefined
  /** One for each store path; empty before the first report. */
  disks: readonly DiskSpace[]
  /** Unix seconds of the last beat. */
  lastBeat: number
  /** Who sends it the files that were there before it, while someone does. */
  syncSourceId: string
  /** Up to which moment those are, in Unix seconds. */
  syncUntil: number
  /** By source: how far its files have arrived here, in Unix seconds of the source's clock. */
  readonly syncedFrom: Map<string, number>
  /** The store path for the next upload. */
  nextStorePath: number
  /** The connection it joined on last, told apart from others only. Changed by its group only. */
  connection: object | undefined
  /** The group's change counter when this storage was told of it last; see `changes` of the group. */
  toldChanges: number
  /** How far it has read the changelog. */
  changelogOffset: number
}

/** A storage that has just joined for the first time. */
export function newMember(join: JoinRequest & { id: string }, ip: string, status: number): Member {
  return {
    id: join.id,
    status,
    held: undefined,
    ip,
    join,
    stats: undefined,
    disks: [],
    lastBeat: 0,
    syncSourceId: '',
    syncUntil: 0,
    syncedFrom: new Map(),
    nextStorePath: 0,
    connection: undefined,
    toldChanges: 0,
    changelogOffset: 0,
  }
}

/** Drops what was known of a storage that is gone for good, but for what tells it apart (protocol.md §2.5, 93). */
export function clear(member: Member): void {
  member.join = { ...member.join, storePathCount: 0, subdirCountPerPath: 0, uploadPriority: 0 }
  member.stats = undefined
  member.disks = []
  member.lastBeat = 0
  member.syncSourceId = ''
  member.syncUntil = 0
  member.syncedFrom.clear()
  member.nextStorePath = 0
  member.changelogOffset = 0
}

/** Numeric IDs fit the three bytes that a file name has for them (protocol.md §1.2). */
export function isValidId(id: string | undefined): id is string {
  return id !== undefined && /^[1-9]\d{0,7}$/.test(id) && Number(id) <= MAX_ID
}

/** A storage as servers tell each other (protocol.md §4.1). */
export function briefOf(member: Member): Brief {
  return { status: member.status, port: member.join.storagePort, id: member.id, ip: member.ip }
}

/**
 * Whether it is in the lists of those that may be read and written (protocol.md §4.6). Another server's word makes a
 * storage ACTIVE, but not one that can be reached.
 */
export function isActive(member: Member): boolean {
  return member.status === STORAGE_STATUS.ACTIVE && member.connection !== undefined
}

/** Its space in all store paths together. */
export function spaceOf(member: Member): DiskSpace {
  return member.disks.reduce(
    (sum, disk) => ({ totalMb: sum.totalMb + disk.totalMb, freeMb: sum.freeMb + disk.freeMb }),
    { totalMb: 0, freeMb: 0 },
  )
}
