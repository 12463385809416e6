/** How often files are opened, read and written: by the counters of real storages, whatever is done here for it. */
import { limits } from '../../protocol/index.js'
import type { StorageStats } from '../storage-stats.js'

/** What real storages read and write at once, by their sample configuration. The first piece has a header before it. */
const BUFFER_SIZE = 256 * 1024

function piecesOf(bytes: number): number {
  return Math.ceil((limits.HEADER_SIZE + bytes) / BUFFER_SIZE)
}

/** A file has been opened. */
export function countOpen(stats: StorageStats): void {
  stats.totalFileOpen++
  stats.successFileOpen++
}

/** A file has been opened, and so many bytes of it read. */
export function countRead(stats: StorageStats, bytes: number): void {
  countOpen(stats)
  stats.totalFileRead += piecesOf(bytes)
  stats.successFileRead += piecesOf(bytes)
}

/** So many bytes of a file are about to be written. */
export function countWrite(stats: StorageStats, bytes: number): void {
  stats.totalFileWrite += piecesOf(bytes)
}

/** They have been written. */
export function countWritten(stats: StorageStats, bytes: number): void {
  stats.successFileWrite += piecesOf(bytes)
}
