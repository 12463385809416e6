import type { ValuesOf } from '../protocol/index.js'
import { storageStats } from '../protocol/tracker.js'

/** A storage's counters, as beats carry them (protocol.md §2.4). */
export type StorageStats = ValuesOf<typeof storageStats>

/** Counters of a storage that has done nothing yet. */
export function emptyStats(): StorageStats {
  return Object.fromEntries(Object.keys(storageStats).map((name) => [name, 0])) as StorageStats
}
