import type { Row } from './compare.js'
import type { Results } from './report.js'
import type { Estimate } from './stats.js'
import {
  GOALS,
  MANY,
  MEMORY_GOAL,
  P99_GOAL,
  PARSE_GOAL,
  peerGoalOf,
  RESET_GOAL,
  STARTUP_GOALS,
  TRANSFER_GOALS,
  TRANSFER_MEMORY_GOAL,
} from './targets.js'

/** What was measured of something that has a goal. */
export interface Judged {
  /** `upload 4 KiB`. */
  readonly workload: string
  /** Calls at a time, where that matters. */
  readonly concurrency?: number
  /** What has the goal: `throughput to raw`, `CPU, s/1000`. */
  readonly what: string
  readonly measured: number
  readonly goal: number
  /** Whether less is better. */
  readonly atMost: boolean
  /** How far `measured` may be off, as a part of 1. */
  readonly noise: number
  /** The same figure of the raw client: what no client on Node is likely to pass. */
  readonly floor?: number | undefined
}

export type Verdict = 'met' | 'within noise' | 'missed'

/** What a figure says of its goal: nothing that the noise could have said as well. */
export function verdictOf({ measured, goal, atMost, noise }: Judged): Verdict {
  const share = atMost ? goal / measured : measured / goal
  if (share >= 1 + noise) return 'met'
  return share > 1 / (1 + noise) ? 'within noise' : 'missed'
}

/** Whether the raw client misses the goal too. */
export function isBeyondFloor({ floor, goal, atMost }: Judged): boolean {
  return floor !== undefined && (atMost ? floor > goal : floor < goal)
}

/** Everything that has a goal, in the order of the tables. */
export function judgedOf(results: Omit<Results, 'judged'>): Judged[] {
  const { small, large, neutral, peaks } = results
  return [
    ...small.flatMap(sideBySide),
    ...Object.entries(peaks).flatMap(([name, rss]) => toRawMemory(name, rss)),
    ...large.flatMap(sideBySide),
    ...neutral.flatMap(transfer),
    ...[...large, ...neutral].flatMap(transferMemory),
    ...others(results),
  ]
}

function sideBySide({ name, concurrency, fastdfs, raw, peers }: Row): Judged[] {
  const goal = GOALS[name]
  const isMany = concurrency >= MANY
  const judged = (
    what: string,
    { value, noise }: Estimate,
    bound: number | undefined,
    atMost: boolean,
    floor?: number,
  ): Judged[] =>
    bound === undefined
      ? []
      : [{ workload: name, concurrency, what, measured: value, goal: bound, atMost, noise, floor }]
  const cpu = { value: fastdfs.cpuPer1000, noise: raw.ratios.cpu.noise }
  return [
    ...judged('throughput to raw', raw.ratios.throughput, goal?.raw, false),
    ...Object.entries(peers).flatMap(([peer, { ratios, operationsPerSecond }]) => {
      const floor = raw.operationsPerSecond / operationsPerSecond
      return judged(
        `throughput to ${peer}`,
        ratios.throughput,
        peerGoalOf(name, concurrency, peer),
        false,
        floor,
      )
    }),
    ...judged('CPU, s/1000', cpu, isMany ? goal?.cpuPer1000 : undefined, true, raw.cpuPer1000),
    ...(isMany && peers['c'] !== undefined
      ? judged('p99 to c', peers['c'].ratios.p99, P99_GOAL, true, raw.p99 / peers['c'].p99)
      : []),
  ]
}

function transfer({ name, fastdfs, raw }: Row): Judged[] {
  const goal = TRANSFER_GOALS[name]
  if (goal === undefined) return []
  const { megabytesPerSecond, cpuPerGigabyte } = goal
  const cpu: Judged = {
    workload: name,
    what: 'CPU, s/GB',
    measured: fastdfs.cpuPerGigabyte,
    goal: cpuPerGigabyte,
    atMost: true,
    noise: raw.ratios.cpu.noise,
    floor: raw.cpuPerGigabyte,
  }
  if (megabytesPerSecond === undefined) return [cpu]
  return [
    {
      workload: name,
      what: 'MB/s',
      measured: fastdfs.megabytesPerSecond,
      goal: megabytesPerSecond,
      atMost: false,
      noise: raw.ratios.throughput.noise,
      floor: raw.megabytesPerSecond,
    },
    cpu,
  ]
}

type Memory = Readonly<Record<string, number>>

/** How far the floor's peak is apart from itself. */
const memoryNoise = ({ again = NaN, raw = NaN }: Memory): number => Math.abs(again / raw - 1)

function toRawMemory(workload: string, rss: Memory): Judged[] {
  const { fastdfs = NaN, raw = NaN } = rss
  const measured = fastdfs / raw
  const noise = memoryNoise(rss)
  return [{ workload, what: 'peak memory to raw', measured, goal: MEMORY_GOAL, atMost: true, noise }]
}

function transferMemory({ name, rss }: Row): Judged[] {
  if (rss === undefined || !name.startsWith('1 GiB')) return []
  const of = (who: string): number => ((rss[who] ?? NaN) * 1024 * 1024) / 1e6
  const [measured, floor] = [of('fastdfs'), of('raw')]
  const noise = memoryNoise(rss)
  return [
    {
      workload: name,
      what: 'peak memory, MB',
      measured,
      goal: TRANSFER_MEMORY_GOAL,
      atMost: true,
      noise,
      floor,
    },
  ]
}

function others({ scaling, embedded, once }: Omit<Results, 'judged'>): Judged[] {
  const judged = (
    workload: string,
    what: string,
    { value: measured, noise }: Estimate,
    goal: number,
    atMost: boolean,
  ): Judged => ({ workload, what, measured, goal, atMost, noise })
  return [
    ...scaling.flatMap(({ name, points }) =>
      points
        .filter(({ isGrown }) => isGrown)
        .map(({ at, fastdfs, raw }) => ({
          ...judged(`${at} ${name}`, 'throughput to fewer', fastdfs.ratio, 1, false),
          floor: raw.ratio.value,
        })),
    ),
    ...embedded.flatMap(({ name, unit, goal, measured }) =>
      goal === undefined ? [] : [judged(`${name}, embedded`, unit, measured.rate, goal, false)],
    ),
    ...(once === undefined
      ? []
      : [
          judged('file IDs parsed and validated', 'per second', once.parseRate, PARSE_GOAL, false),
          ...(['small', 'large'] as const).flatMap((size) => {
            const { what, first, reset } = once.startup[size]
            return [
              judged(`first ${what} of a process ready`, 'ms', first, STARTUP_GOALS[size], true),
              judged(`reset of a ${what}`, 'ms', reset, RESET_GOAL, true),
            ]
          }),
        ]),
  ]
}
