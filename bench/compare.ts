import type { Round } from './agents.js'
import { CORE } from './contenders.js'
import type { Slice } from './slice.js'
import { median, medianError, quantile } from './stats.js'

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

export interface Row {
  readonly name: string
  readonly concurrency: number
  readonly fastdfs: Figures
  readonly raw: Figures
  /** Medians of the ratios of each round, ours to raw; above 1 is better for throughput, worse for CPU. */
  readonly ratio: number
  readonly cpuRatio: number
  /** The same code against itself: the median, and the range of all rounds. */
  readonly again: { readonly median: number; readonly low: number; readonly high: number }
  /** How far `ratio` may be off, as a part of 1. */
  readonly noise: number
  readonly rss?: Readonly<Record<string, number>>
  /** Ours against other clients, by name. */
  readonly peers: Readonly<Record<string, PeerFigures>>
}

/** Another client in the same rounds: medians of the ratios of each round, ours to it. */
export interface PeerFigures extends Figures {
  readonly ratio: number
  readonly cpuRatio: number
  /** How far `ratio` may be off, as a part of 1. */
  readonly noise: number
}

const rate = (slice: Slice): number => slice.operations / slice.wall
const cpuOf = (slice: Slice): number => slice.cpu / slice.operations

/** How far the same code measured twice is apart: of medians, in nine of ten rows, as a part of 1. */
export interface Noise {
  readonly throughput: number
  readonly cpu: number
}

/** The noise of rows of one kind. */
export function noiseOf(all: readonly Measured[]): Noise {
  const of = (ratio: (round: Round) => number): number =>
    quantile(
      all.map(({ rounds }) => Math.abs(median(rounds.map(ratio)) - 1)),
      0.9,
    )
  return { throughput: of(again), cpu: of((round) => cpuOf(round.again) / cpuOf(round.raw)) }
}

const again = (round: Round): number => rate(round.again) / rate(round.raw)

export function toRow({ name, concurrency, size, rounds, rss }: Measured, wide: Noise): Row {
  const ratios = rounds.map(({ fastdfs, raw }) => rate(fastdfs) / rate(raw))
  const agains = rounds.map(again)
  return {
    name,
    concurrency,
    fastdfs: figuresOf(
      rounds.map(({ fastdfs }) => fastdfs),
      size,
    ),
    raw: figuresOf(
      rounds.map(({ raw }) => raw),
      size,
    ),
    ratio: median(ratios),
    cpuRatio: median(rounds.map(({ fastdfs, raw }) => cpuOf(fastdfs) / cpuOf(raw))),
    again: { median: median(agains), low: Math.min(...agains), high: Math.max(...agains) },
    noise: Math.max(wide.throughput, Math.abs(median(agains) - 1), medianError(ratios)),
    peers: peersOf(rounds, size, wide),
    ...(rss === undefined ? {} : { rss }),
  }
}

/** Only those that took part in every round. */
function peersOf(rounds: readonly Round[], size: number, wide: Noise): Record<string, PeerFigures> {
  const names = Object.keys(rounds[0] ?? {}).filter((name) => !(CORE as readonly string[]).includes(name))
  const peers: Record<string, PeerFigures> = {}
  for (const name of names) {
    const pairs = rounds.flatMap((round) => {
      const theirs = round[name]
      return theirs === undefined ? [] : [[round.fastdfs, theirs] as const]
    })
    if (pairs.length < rounds.length) continue
    const ratios = pairs.map(([ours, theirs]) => rate(ours) / rate(theirs))
    peers[name] = {
      ...figuresOf(
        pairs.map(([, theirs]) => theirs),
        size,
      ),
      ratio: median(ratios),
      cpuRatio: median(pairs.map(([ours, theirs]) => cpuOf(ours) / cpuOf(theirs))),
      noise: Math.max(wide.throughput, medianError(ratios)),
    }
  }
  return peers
}

function figuresOf(slices: readonly Slice[], size: number): Figures {
  const of = (figure: (slice: Slice) => number): number => median(slices.map(figure))
  return {
    operationsPerSecond: of(rate),
    megabytesPerSecond: of((slice) => (rate(slice) * size) / 1e6),
    cpuPer1000: of((slice) => cpuOf(slice) * 1000),
    cpuPerGigabyte: of((slice) => (cpuOf(slice) / size) * 1e9),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    busy: of(({ cpu, wall }) => cpu / wall),
  }
}
