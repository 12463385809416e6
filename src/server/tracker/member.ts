import type { RequestOf, trackerClusterCommands, ValuesOf } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import type { briefRecord } from '../../protocol/tracker.js'
import type { StorageStats } from '../storage-stats.js'
import type { DiskSpace } from './reserved-space.js'
import { RW_MODE } from './storage-ids.js'

const { STORAGE_STATUS } = limits

/** What a storage says of itself when it joins. */
export type JoinRequest = RequestOf<typeof trackerClusterCommands.storageJoin>
/** A storage as servers tell each other. */
export type Brief = ValuesOf<typeof briefRecord>

/** A storage as its tracker knows it. Its status, mode and connection are changed by its group only. */
export interface Member {
  /** What tells it apart in its group: an ID, or its address. */
  readonly id: string
  status: number
  /** The status it is held to by a test, whatever else happens to it. */
  held: number | undefined
  /** Its addresses: one, or one of each kind. */
  ips: readonly string[]
  /** That by which it reached the tracker last: file names hold it where they hold addresses. */
  currentIp: string
  port: number
  /** Up to V6.12: the port of its HTTP server. */
  httpPort: number
  /** Up to V6.12. */
  domainName: string
  /** See {@link RW_MODE}. */
  rwMode: number
  version: string
  /** Unix seconds of its first start. */
  joinTime: number
  /** Unix seconds of its last start; 0 while it is away. */
  upTime: number
  storePathCount: number
  subdirCountPerPath: number
  uploadPriority: number
  stats: StorageStats | undefined
  /** One for each store path; empty before the first report. */
  disks: readonly DiskSpace[]
  /** All store paths together. */
  space: DiskSpace
  /** Unix seconds of the last beat. */
  lastBeat: number
  /** Who sends it the files that were there before it, while someone does. */
  syncSourceId: string
  /** Up to which moment those are, in Unix seconds. */
  syncUntil: number
  /** By source: how far its files have arrived here, in Unix seconds of the source's clock. */
  readonly syncedFrom: Map<string, number>
  /** Up to which second all files have arrived here, as far as is known (protocol.md §6); 0 where nothing is. */
  lastSynced: number
  /** The store path for the next upload. */
  writePath: number
  /** The connection it joined on last, told apart from others only. */
  connection: object | undefined
  /** Whether clients are sent to it: from its first sign of life on until it is OFFLINE (protocol.md §4.6). */
  listed: boolean
  /** The group's change counter when this storage was told of it last; see `changes` of the group. */
  toldChanges: number
  /** How many bytes of the changelog it has read. */
  changelogOffset: number
}

export const NO_SPACE: DiskSpace = { totalMb: 0, freeMb: 0 }

/** A storage of which no more is known than who and where it is. */
export function newMember(
  facts: Pick<Member, 'id' | 'ips' | 'port' | 'status' | 'rwMode'> & Partial<Pick<Member, 'currentIp'>>,
): Member {
  return {
    currentIp: facts.ips[0] ?? '',
    ...facts,
    held: undefined,
    httpPort: 0,
    domainName: '',
    version: '',
    joinTime: 0,
    upTime: 0,
    storePathCount: 0,
    subdirCountPerPath: 0,
    uploadPriority: 0,
    stats: undefined,
    disks: [],
    space: NO_SPACE,
    lastBeat: 0,
    syncSourceId: '',
    syncUntil: 0,
    syncedFrom: new Map(),
    lastSynced: 0,
    writePath: 0,
    connection: undefined,
    listed: false,
    toldChanges: 0,
    changelogOffset: 0,
  }
}

/**
 * Drops what was known of a storage that is gone for good, but for what tells it apart (protocol.md §2.5, 93). As real
 * trackers, it drops the space of as many store paths as the storage itself has named: it may have reported more.
 */
export function clear(member: Member): void {
  const { joinTime, upTime, version, httpPort, domainName, connection, listed, syncedFrom } = member
  const disks = member.disks.map((disk, index) => (index < member.storePathCount ? NO_SPACE : disk))
  const kept = { joinTime, upTime, version, httpPort, domainName, connection, listed, syncedFrom, disks }
  Object.assign(member, newMember(member), kept)
}

/** Notes by which of its addresses a storage is reached. */
export function locate(member: Member, ip: string): void {
  if (member.ips.includes(ip)) member.currentIp = ip
}

/** Takes over what a storage says when it joins. */
export function assignJoin(member: Member, join: JoinRequest): void {
  member.port = join.storagePort
  member.version = join.version
  member.joinTime = join.joinTime
  member.upTime = join.upTime
  member.storePathCount = join.storePathCount
  member.subdirCountPerPath = join.subdirCountPerPath
  member.uploadPriority = join.uploadPriority
  member.httpPort = join.storageHttpPort ?? 0
  member.domainName = join.domainName ?? ''
}

/** The one of several addresses that a peer is told: that of its own kind (protocol.md §1.2). */
export function ipFor(peerIp: string, { ips }: { readonly ips: readonly string[] }): string {
  return ips.find((ip) => kindOf(ip) === kindOf(peerIp)) ?? ips[0] ?? ''
}

/** Addresses of one network; two of a storage are of different kinds. No IPv6 address begins as a private one here. */
function kindOf(ip: string): string {
  return /^(10\.|192\.168\.|172\.(?=(?:1[6-9]|2\d|3[01])\.))/.exec(ip)?.[1] ?? 'outer'
}

/** A storage as servers tell each other (protocol.md §4.1). */
export function briefOf(member: Member, port: number, peerIp: string): Brief {
  return { status: member.status, port, id: member.id, ip: ipFor(peerIp, member) }
}

/** Whether it is in the list of those that may be read (protocol.md §4.6). */
export function isReadable(member: Member): boolean {
  return isListed(member) && (member.rwMode & RW_MODE.READ) !== 0
}

/** Whether it is in the list of those that may be written (protocol.md §4.6). */
export function isWritable(member: Member): boolean {
  return isListed(member) && (member.rwMode & RW_MODE.WRITE) !== 0
}

/** One that is held to another status than ACTIVE is as good as away. */
function isListed({ listed, held = STORAGE_STATUS.ACTIVE }: Member): boolean {
  return listed && held === STORAGE_STATUS.ACTIVE
}
