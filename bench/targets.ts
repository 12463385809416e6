import type { Row } from './compare.js'
import { NPM_CLIENTS } from './npm-client.js'

/** What performance.md §9 asks for, on 4 cores with every option at its default. */
export interface Goal {
  /** Of the raw client's throughput. */
  readonly ratio: number
  /** Client CPU, in seconds for 1000 operations, at 16 concurrent and more. */
  readonly cpuPer1000?: number
}

const GOALS: Readonly<Record<string, Goal>> = {
  'upload 4 KiB': { ratio: 0.92, cpuPer1000: 0.04 },
  'upload 100 KiB': { ratio: 0.95, cpuPer1000: 0.075 },
  'download 4 KiB': { ratio: 0.92, cpuPer1000: 0.033 },
  'download 100 KiB': { ratio: 0.92, cpuPer1000: 0.055 },
  'delete 4 KiB': { ratio: 0.92, cpuPer1000: 0.03 },
  'delete 100 KiB': { ratio: 0.92, cpuPer1000: 0.03 },
  'metadata 4 KiB': { ratio: 0.92, cpuPer1000: 0.065 },
  'upload 4 KiB, tracker answers cached': { ratio: 0.92, cpuPer1000: 0.025 },
  'upload 1 MiB': { ratio: 0.95 },
  'download 1 MiB': { ratio: 0.95 },
  'upload 10 MiB': { ratio: 0.95 },
  'download 10 MiB': { ratio: 0.95 },
  // The goals of 1 GiB; smaller files are shown beside them, and not judged.
  '1 GiB upload': { ratio: 0.95 },
  '1 GiB download to path': { ratio: 0.92 },
  '1 GiB download discarded': { ratio: 0.92 },
}

/** Megabytes a second, and seconds of CPU for 10^9 bytes, where the other side costs nothing. */
export interface TransferGoal {
  readonly megabytesPerSecond?: number
  readonly cpuPerGigabyte: number
}

const TRANSFER_GOALS: Readonly<Record<string, TransferGoal>> = {
  '1 GiB upload, neutral': { megabytesPerSecond: 2000, cpuPerGigabyte: 0.4 },
  '1 GiB download to path, neutral': { megabytesPerSecond: 1900, cpuPerGigabyte: 1 },
  '1 GiB download discarded, neutral': { megabytesPerSecond: 5000, cpuPerGigabyte: 0.17 },
  '1 GiB upload, neutral, verified': { cpuPerGigabyte: 0.6 },
  '1 GiB download to path, neutral, verified': { cpuPerGigabyte: 1.2 },
  '1 GiB download discarded, neutral, verified': { megabytesPerSecond: 2500, cpuPerGigabyte: 0.3 },
}

export const transferGoalOf = ({ name }: Row): TransferGoal | undefined => TRANSFER_GOALS[name]

/** Against the C library, by concurrency: 1, 16, 64 (performance.md §9). */
const C_GOALS: Readonly<Record<string, readonly [number, number, number]>> = {
  'upload 4 KiB': [0.85, 0.95, 1.05],
  'upload 100 KiB': [0.8, 1, 1],
  'download 4 KiB': [0.85, 0.9, 0.8],
  'download 100 KiB': [0.68, 0.8, 0.8],
  'delete 4 KiB': [0.78, 0.98, 0.92],
  'delete 100 KiB': [0.78, 0.98, 0.92],
  'metadata 4 KiB': [0.95, 0.95, 1.2],
  'upload 4 KiB, tracker answers cached': [1.2, 1.5, 1.6],
  'upload 1 MiB': [1, 1, 1],
  'download 1 MiB': [1, 1, 1],
  'upload 10 MiB': [1, 1, 1],
  'download 10 MiB': [1, 1, 1],
}
/** Small operations at 16 at a time, against the clients from npm. */
const NPM_GOAL = 6

/** What our throughput should be of a peer's; undefined where nothing is asked for. */
export function peerGoalOf({ name, concurrency }: Row, peer: string): number | undefined {
  if (peer === 'c') return C_GOALS[name]?.[concurrency === 1 ? 0 : concurrency <= 16 ? 1 : 2]
  if (!(NPM_CLIENTS as readonly string[]).includes(peer)) return 1
  return concurrency === 16 && name.endsWith(' 4 KiB') ? NPM_GOAL : undefined
}

export const PARSE_GOAL = 4e6
/** Milliseconds for 1 tracker and 1 storage, and for 2 trackers and 2 × 2 storages. */
export const STARTUP_GOALS = { small: 20, large: 100 }
/** Milliseconds of a reset between two tests. */
export const RESET_GOAL = 1

export const goalOf = ({ name }: Row): Goal | undefined => GOALS[name]

/** What a ratio says of its goal: nothing that the noise could have said as well. */
export function verdict(goal: number | undefined, { ratio, noise }: Pick<Row, 'ratio' | 'noise'>): string {
  if (goal === undefined) return '–'
  if (ratio >= goal * (1 + noise)) return 'met'
  if (ratio >= goal * (1 - noise)) return 'within noise'
  return 'missed'
}
