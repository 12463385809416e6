import type { Round } from './agents.js'
import { CORE } from './contenders.js'
import type { Slice } from './slice.js'
import type { Estimate } from './stats.js'
import { estimate, median, quantile } from './stats.js'

/** A row of the table before it is judged. */
export interface Measured {
  /** `upload 4 KiB`, `1 GiB download to path`. */
  readonly name: string
  readonly concurrency: number
  /** Bytes of one operation's content. */
  readonly size: number
  readonly rounds: readonly Round[]
  /** The most memory of each process until this row was done, in MiB; where it was measured for this row alone. */
  readonly rss?: Readonly<Record<string, number>>
}

/** Medians over the rounds of one contender. */
export interface Figures {
  readonly operationsPerSecond: number
  readonly megabytesPerSecond: number
  /** Seconds for 1000 operations, and for 10^9 bytes. */
  readonly cpuPer1000: number
  readonly cpuPerGigabyte: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** How busy the client was: 1 is one core. Well below 1, it waited for the cluster. */
  readonly busy: number
}

/** Another contender in the same rounds. */
export interface Comparison extends Figures {
  /** Of each round, ours to its: above 1 throughput is better for us, CPU per operation and latency are worse. */
  readonly ratios: Readonly<Record<keyof Noise, Estimate>>
}

export interface Row extends Measured {
  readonly fastdfs: Figures
  readonly raw: Comparison
  /** The same code against itself: the median of its throughput, and the range of all rounds. */
  readonly again: { readonly median: number; readonly low: number; readonly high: number }
  /** Other clients, by name. */
  readonly peers: Readonly<Record<string, Comparison>>
}

type Figure = (slice: Slice) => number

const rate: Figure = ({ operations, wall }) => operations / wall
const cpuOf: Figure = ({ operations, cpu }) => cpu / operations
const p99Of: Figure = ({ p99 }) => p99

/** How far the same code measured twice is apart: of medians, in nine of ten rows, as a part of 1. */
export interface Noise {
  readonly throughput: number
  readonly cpu: number
  readonly p99: number
}

/** The noise of rows of one kind. */
export function noiseOf(rows: readonly Measured[]): Noise {
  const of = (figure: Figure): number =>
    quantile(
      rows.map(({ rounds }) => offBy(rounds, figure)),
      0.9,
    )
  return { throughput: of(rate), cpu: of(cpuOf), p99: of(p99Of) }
}

/** How far the floor is apart from itself in one row. */
function offBy(rounds: readonly Round[], figure: Figure): number {
  return Math.abs(median(rounds.map(({ again, raw }) => figure(again) / figure(raw))) - 1)
}

export function toRow(measured: Measured, wide: Noise): Row {
  const { size, rounds } = measured
  const agains = rounds.map(({ again, raw }) => rate(again) / rate(raw))
  return {
    ...measured,
    fastdfs: figuresOf(
      rounds.map(({ fastdfs }) => fastdfs),
      size,
    ),
    raw: comparisonOf(
      rounds.map(({ raw }) => raw),
      measured,
      wide,
    ),
    again: { median: median(agains), low: Math.min(...agains), high: Math.max(...agains) },
    peers: peersOf(measured, wide),
  }
}

/** Only those that took part in every round. */
function peersOf(measured: Measured, wide: Noise): Record<string, Comparison> {
  const { rounds } = measured
  const names = Object.keys(rounds[0] ?? {}).filter((name) => !(CORE as readonly string[]).includes(name))
  return Object.fromEntries(
    names.flatMap((name) => {
      const theirs = rounds.flatMap((round) => round[name] ?? [])
      return theirs.length < rounds.length ? [] : [[name, comparisonOf(theirs, measured, wide)] as const]
    }),
  )
}

function comparisonOf(theirs: readonly Slice[], { rounds, size }: Measured, wide: Noise): Comparison {
  const ratio = (figure: Figure, wideNoise: number): Estimate => {
    const ratios = theirs.map((slice, round) => figure((rounds[round] as Round).fastdfs) / figure(slice))
    return estimate(ratios, wideNoise, offBy(rounds, figure))
  }
  return {
    ...figuresOf(theirs, size),
    ratios: {
      throughput: ratio(rate, wide.throughput),
      cpu: ratio(cpuOf, wide.cpu),
      p99: ratio(p99Of, wide.p99),
    },
  }
}

function figuresOf(slices: readonly Slice[], size: number): Figures {
  const of = (figure: Figure): number => median(slices.map(figure))
  return {
    operationsPerSecond: of(rate),
    megabytesPerSecond: of((slice) => (rate(slice) * size) / 1e6),
    cpuPer1000: of((slice) => cpuOf(slice) * 1000),
    cpuPerGigabyte: of((slice) => (cpuOf(slice) / size) * 1e9),
    p50: of(({ p50 }) => p50),
    p99: of(p99Of),
    busy: of(({ cpu, wall }) => cpu / wall),
  }
}
