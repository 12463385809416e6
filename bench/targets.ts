import type { Row } from './compare.js'

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
  // The goals of 1 GiB; smaller files are shown beside them, and not judged.
  '1 GiB upload': { ratio: 0.95 },
  '1 GiB download to path': { ratio: 0.92 },
  '1 GiB download discarded': { ratio: 0.92 },
}

export const PARSE_GOAL = 4e6
/** Milliseconds for 1 tracker and 1 storage, and for 2 trackers and 2 × 2 storages. */
export const STARTUP_GOALS = { small: 20, large: 100 }

export const goalOf = ({ name }: Row): Goal | undefined => GOALS[name]

/** What a row says of its goal: nothing that the noise could have said as well. */
export function verdict(row: Row): string {
  const goal = goalOf(row)
  if (goal === undefined) return '–'
  const { ratio, noise } = row
  if (ratio >= goal.ratio * (1 + noise)) return 'met'
  if (ratio >= goal.ratio * (1 - noise)) return 'within noise'
  return 'missed'
}
