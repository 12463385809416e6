import { isIP } from 'node:net'
import { Items } from '../items.js'
import type { OwnFiles } from '../stores/store.js'
import { fromMark, toMark } from './binlog.js'

/** The items of a mark file, in the order of the C daemon: all must be there (protocol.md §4.8). */
const KEYS = [
  'binlog_index',
  'binlog_offset',
  'need_sync_old',
  'sync_old_done',
  'until_timestamp',
  'scan_row_count',
  'sync_row_count',
]

/** Whom a mark is of. */
interface Peer {
  readonly id: string
  readonly port: number
}

/** How far a peer has come. */
export interface Mark {
  /** Records of the binlog before this position have been passed on. */
  position: number
  /** Whether the files that were there before the peer are sent from here. */
  needsOldFiles: boolean
  /** Whether all of those have been sent. */
  oldFilesDone: boolean
  /** Up to which moment those are, in Unix seconds. */
  until: number
  /** Records looked at, and those of them that were passed on. */
  scanned: number
  sent: number
}

/** The mark of a peer that has not been sent anything. */
export function newMark(): Mark {
  return { position: 0, needsOldFiles: false, oldFilesDone: false, until: 0, scanned: 0, sent: 0 }
}

/** Reads a peer's mark (protocol.md §4.8); undefined where there is none, or it is none. */
export function readMark(own: OwnFiles, peer: Peer): Promise<Mark | undefined> {
  return readFrom(own, fileOf(peer))
}

async function readFrom(own: OwnFiles, file: string): Promise<Mark | undefined> {
  const items = new Items((await own.read(file))?.toString() ?? '')
  const numbers = KEYS.map((key) => items.number(key)).filter((number) => number !== undefined)
  if (numbers.length < KEYS.length) return undefined
  const [index = 0, offset = 0, needsOldFiles, oldFilesDone, until = 0, scanned = 0, sent = 0] = numbers
  return {
    position: fromMark(index, offset),
    needsOldFiles: needsOldFiles !== 0,
    oldFilesDone: oldFilesDone !== 0,
    until,
    scanned,
    sent,
  }
}

/** Writes a peer's mark. */
export function writeMark(own: OwnFiles, peer: Peer, mark: Mark, position: number): Promise<void> {
  return writeTo(own, fileOf(peer), mark, position)
}

async function writeTo(own: OwnFiles, file: string, mark: Mark, position: number): Promise<void> {
  const { index, offset } = toMark(position)
  const numbers = [
    index,
    offset,
    Number(mark.needsOldFiles),
    Number(mark.oldFilesDone),
    mark.until,
    mark.scanned,
    mark.sent,
  ]
  const text = KEYS.map((key, at) => `${key}=${numbers[at]}\n`).join('')
  await own.write(file, Buffer.from(text))
}

/** Sets the marks of all peers to the beginning of a new binlog. */
export async function resetMarks(own: OwnFiles): Promise<void> {
  for (const file of await markFiles(own)) {
    const mark = await readFrom(own, file)
    if (mark !== undefined) await writeTo(own, file, mark, 0)
  }
}

/** The IDs of peers that are known from before. */
export async function markedPeers(own: OwnFiles): Promise<readonly string[]> {
  return (await markFiles(own)).map(peerOf)
}

/** Forgets a peer. */
export async function removeMark(own: OwnFiles, id: string): Promise<void> {
  for (const file of await markFiles(own)) if (peerOf(file) === id) await own.remove(file)
}

async function markFiles(own: OwnFiles): Promise<string[]> {
  const names = await own.names('sync')
  return names.filter((name) => name.endsWith('.mark')).map((name) => `sync/${name}`)
}

/** Where addresses tell storages apart, real ones put the port behind them. */
function fileOf({ id, port }: Peer): string {
  return `sync/${isIP(id) === 0 ? id : `${id}_${port}`}.mark`
}

/** Whose mark is in a file. */
function peerOf(file: string): string {
  const name = file.slice('sync/'.length, -'.mark'.length)
  const [address = ''] = name.split('_')
  return isIP(address) === 0 ? name : address
}
