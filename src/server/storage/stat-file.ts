import { Items } from '../items.js'
import type { StorageStats } from '../storage-stats.js'
import { emptyStats } from '../storage-stats.js'
import type { OwnFiles } from '../stores/store.js'
import type { Naming } from './naming.js'

const FILE = 'storage_stat.dat'

/** What the C daemon calls a counter: `totalSetMetadata` is `total_set_meta_count`. */
function itemOf(counter: string): string {
  const words = counter.replace('Metadata', 'Meta').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return /^(?:total|success)_/.test(words) && !words.endsWith('_bytes') ? `${words}_count` : words
}

/** The counters that outlive a restart. */
const COUNTERS = (Object.keys(emptyStats()) as (keyof StorageStats)[]).filter((name) =>
  /^(?:total|success|lastSource|lastSyncUpdate)/.test(name),
)

/** Reads the counters, and where new names go on. */
export async function readStatFile(own: OwnFiles, naming: Naming): Promise<Partial<StorageStats>> {
  const items = new Items((await own.read(FILE))?.toString() ?? '')
  const number = (item: string): number => items.number(item) ?? 0
  naming.rotation = {
    high: number('dist_path_index_high'),
    low: number('dist_path_index_low'),
    files: number('dist_write_file_count'),
  }
  return Object.fromEntries(COUNTERS.map((name) => [name, number(itemOf(name))]))
}

/** Forgets the counters, and lets new names begin where those of a new storage do. */
export async function resetStatFile(own: OwnFiles, naming: Naming): Promise<void> {
  naming.rotation = { high: 0, low: 0, files: 0 }
  await own.remove(FILE)
}

/** Writes the counters, and where new names go on. */
export async function writeStatFile(own: OwnFiles, stats: StorageStats, naming: Naming): Promise<void> {
  const { high, low, files } = naming.rotation
  const lines = COUNTERS.map((name) => `${itemOf(name)}=${stats[name]}`)
  lines.push(
    `dist_path_index_high=${high}`,
    `dist_path_index_low=${low}`,
    `dist_write_file_count=${files}`,
    '',
  )
  await own.write(FILE, Buffer.from(lines.join('\n')))
}
