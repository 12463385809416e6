import { NPM_CLIENTS } from './npm-client.js'

/** What is asked for on 4 cores with every option at its default. */
export interface Goal {
  /** Of the raw client's throughput, at least. */
  readonly raw: number
  /** Of the C library's throughput with 1, up to 16 and more calls at a time, at least. */
  readonly c?: readonly [number, number, number]
  /** Client CPU at 16 concurrent and more, in seconds for 1000 operations, at most. */
  readonly cpuPer1000?: number
}

export const GOALS: Readonly<Record<string, Goal>> = {
  'upload 4 KiB': { raw: 0.92, c: [0.85, 0.95, 1.05], cpuPer1000: 0.04 },
  'upload 100 KiB': { raw: 0.95, c: [0.8, 1, 1], cpuPer1000: 0.075 },
  'download 4 KiB': { raw: 0.92, c: [0.85, 0.9, 0.8], cpuPer1000: 0.033 },
  'download 100 KiB': { raw: 0.92, c: [0.68, 0.8, 0.8], cpuPer1000: 0.055 },
  'delete 4 KiB': { raw: 0.92, c: [0.78, 0.98, 0.92], cpuPer1000: 0.03 },
  'delete 100 KiB': { raw: 0.92, c: [0.78, 0.98, 0.92], cpuPer1000: 0.03 },
  'metadata 4 KiB': { raw: 0.92, c: [0.95, 0.95, 1.2], cpuPer1000: 0.065 },
  'upload 4 KiB, tracker answers cached': { raw: 0.92, c: [1.2, 1.5, 1.6], cpuPer1000: 0.025 },
  'upload 1 MiB': { raw: 0.95, c: [1, 1, 1] },
  'download 1 MiB': { raw: 0.95, c: [1, 1, 1] },
  'upload 10 MiB': { raw: 0.95, c: [1, 1, 1] },
  'download 10 MiB': { raw: 0.95, c: [1, 1, 1] },
  // Smaller files are shown in their place by the short form, and not judged.
  '1 GiB upload': { raw: 0.95, c: [1, 1, 1] },
  '1 GiB download to path': { raw: 0.92, c: [1, 1, 1] },
  '1 GiB download discarded': { raw: 0.92, c: [1, 1, 1] },
}

/** Where the other side costs nothing. */
export interface TransferGoal {
  /** Millions of bytes a second, at least. */
  readonly megabytesPerSecond?: number
  /** Seconds of CPU for 10^9 bytes, at most. */
  readonly cpuPerGigabyte: number
}

export const TRANSFER_GOALS: Readonly<Record<string, TransferGoal>> = {
  '1 GiB upload, neutral': { megabytesPerSecond: 2000, cpuPerGigabyte: 0.4 },
  '1 GiB download to path, neutral': { megabytesPerSecond: 1900, cpuPerGigabyte: 1 },
  '1 GiB download discarded, neutral': { megabytesPerSecond: 5000, cpuPerGigabyte: 0.17 },
  '1 GiB upload, neutral, verified': { cpuPerGigabyte: 0.6 },
  '1 GiB download to path, neutral, verified': { cpuPerGigabyte: 1.2 },
  '1 GiB download discarded, neutral, verified': { megabytesPerSecond: 2500, cpuPerGigabyte: 0.3 },
}

/** Calls at a time from which CPU and latency have goals. */
export const MANY = 16
/** What many small operations should be of those of the clients from npm; others are to be passed. */
const NPM_GOAL = 6

/** What our throughput should be of a peer's; undefined where nothing is asked for. */
export function peerGoalOf(name: string, concurrency: number, peer: string): number | undefined {
  if (peer === 'c') return GOALS[name]?.c?.[concurrency === 1 ? 0 : concurrency <= MANY ? 1 : 2]
  if (!(NPM_CLIENTS as readonly string[]).includes(peer)) return 1
  return concurrency === MANY && name.endsWith(' 4 KiB') ? NPM_GOAL : undefined
}

/** Of the C library's, at most, from {@link MANY} calls at a time on. */
export const P99_GOAL = 1.5
/** Of the raw client's peak, at most. */
export const MEMORY_GOAL = 1.1
/** Millions of bytes at the peak of a process that transfers 1 GiB, at most. */
export const TRANSFER_MEMORY_GOAL = 70
/** File IDs a second. */
export const PARSE_GOAL = 4e6
/** Milliseconds for 1 tracker and 1 storage, and for 2 trackers and 2 × 2 storages. */
export const STARTUP_GOALS = { small: 20, large: 100 }
/** Milliseconds of a reset between two tests. */
export const RESET_GOAL = 1
