import type { Comparison, Noise, Row } from './compare.js'
import type { Embedded, Loads } from './embedded.js'
import type { Judged } from './judge.js'
import { isBeyondFloor, verdictOf } from './judge.js'
import type { Once, Startup } from './once.js'
import type { Scaling } from './scaling.js'
import type { Estimate } from './stats.js'
import type { Count } from './tally.js'

/** All that was measured: what latest.json holds. */
export interface Results {
  readonly at: string
  readonly target: string
  readonly machine: string
  readonly cores: number
  /** Processes that wanted a core on this machine, at the start and at the end, those of the benchmark included. */
  readonly load: readonly [number, number]
  readonly form: string
  /** All of it, and its parts. */
  readonly seconds: number
  readonly parts: Readonly<Record<string, number>>
  /** The raw client against itself, by kind of row. */
  readonly noise: Readonly<Record<string, Noise>>
  readonly small: readonly Row[]
  readonly large: readonly Row[]
  /** The same transfers with nothing on the other side that could be the limit. */
  readonly neutral: readonly Row[]
  readonly scaling: readonly Scaling[]
  readonly embedded: readonly Embedded[]
  /** Peers that took part, those that are not installed, and those that failed with what. */
  readonly peers: readonly string[]
  readonly missingPeers: readonly string[]
  readonly failures: Readonly<Record<string, string>>
  /** What went well and what failed on the target, of those that tell. */
  readonly counts: Readonly<Record<string, Count>>
  /** The most memory of each contender's process, in MiB, by what it worked on. */
  readonly peaks: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly once: Once | undefined
  /** What has a goal. */
  readonly judged: readonly Judged[]
}

/** Fewer cores than client, tracker, storage and everything else need. */
const CORES_TO_JUDGE = 4

/** The results in Markdown. */
export function toMarkdown(results: Results): string {
  const judges = results.cores >= CORES_TO_JUDGE
  return [
    ...headOf(results, judges),
    ...goalsTable(results, judges),
    ...smallTable(results),
    ...peersTable(results),
    ...largeTable('large file', results.large),
    ...largeTable('transfer', results.neutral, 'The raw client verifies nothing.'),
    ...scalingTables(results),
    ...embeddedTable(results),
    ...onceTable(results),
  ].join('\n')
}

function headOf(results: Results, judges: boolean): string[] {
  const { target, machine, load, form, seconds, parts, noise, peers, missingPeers, failures, counts } =
    results
  const noiseTexts = Object.entries(noise).map(
    ([name, { throughput, cpu, p99 }]) =>
      `${name} ${percent(throughput)} (CPU ${percent(cpu)}, p99 ${percent(p99)})`,
  )
  const partTexts = Object.entries(parts).map(([name, time]) => `${name} ${time.toFixed(0)} s`)
  return [
    '# fastdfs side by side',
    '',
    `On ${target}; ${machine}; ${form}; load ${load.map((value) => value.toFixed(1)).join(' → ')}.`,
    `${seconds.toFixed(0)} s: ${partTexts.join(', ')}.`,
    `Noise, the raw client against itself, up to this in nine of ten rows: ${noiseTexts.join('; ')}. Where other work ran on this machine, read ratios and CPU, not ops/s.`,
    judges
      ? 'A goal is met or missed only where the noise could not have said the same. Ratios marked ≈ do not differ from 1.'
      : `Fewer than ${CORES_TO_JUDGE} cores: this reports and does not judge. Ratios marked ≈ do not differ from 1.`,
    ...(peers.length === 0 ? [] : [`Peers: ${peers.join(', ')}.`]),
    ...(missingPeers.length === 0 ? [] : [`Not installed, so left out: ${missingPeers.join(', ')}.`]),
    ...Object.entries(failures).map(([name, reason]) => `Left out: ${name}: ${reason}`),
    ...failedText(counts),
    '',
  ]
}

/** Single operations that failed; a contender with many of them is among the failures. */
function failedText(counts: Results['counts']): string[] {
  const texts = Object.entries(counts)
    .filter(([, { failed }]) => failed > 0)
    .map(([name, { done, failed }]) => `${name} ${failed} of ${done + failed}`)
  return texts.length === 0 ? [] : [`Operations that failed, left out or made again: ${texts.join(', ')}.`]
}

/** Everything that has a goal, with what came of it. */
function goalsTable({ judged }: Results, judges: boolean): string[] {
  if (judged.length === 0) return []
  const rows = judged.map((each) => {
    const { workload, concurrency, what, measured, goal, atMost, noise, floor } = each
    const figures = [short(measured), percent(noise), floor === undefined ? '' : short(floor)]
    const cells = [workload, String(concurrency ?? '–'), what, ...figures]
    return [...cells, `${atMost ? '≤' : '≥'} ${short(goal)}`, ...(judges ? [verdictOf(each)] : [])]
  })
  const verdicts = judged.map(verdictOf)
  const counts = (['met', 'within noise', 'missed'] as const).map(
    (verdict) => `${verdicts.filter((each) => each === verdict).length} ${verdict}`,
  )
  const head = ['workload', 'c', 'what', 'measured', '± noise', 'raw', 'goal', ...(judges ? ['verdict'] : [])]
  const beyond = judged.filter((each) => verdictOf(each) === 'missed' && isBeyondFloor(each)).length
  const summary = `Goals: ${counts.join(', ')}; of those missed, the raw client misses ${beyond} as well.`
  return [...(judges ? [summary, ''] : []), ...table(head, rows), '']
}

function smallTable({ small, peaks }: Results): string[] {
  if (small.length === 0) return []
  const rows = small.map((row) => {
    const { fastdfs, raw, again } = row
    return [
      row.name,
      String(row.concurrency),
      ...[raw, fastdfs].map(({ operationsPerSecond }) => short(operationsPerSecond)),
      ratioOf(raw.ratios.throughput),
      `${short(again.median)} (${short(again.low)}–${short(again.high)})`,
      raw.cpuPer1000.toFixed(3),
      fastdfs.cpuPer1000.toFixed(3),
      ratioOf(raw.ratios.cpu),
      `${raw.p50.toFixed(2)} / ${raw.p99.toFixed(2)}`,
      `${fastdfs.p50.toFixed(2)} / ${fastdfs.p99.toFixed(2)}`,
      `${percent(raw.busy)} / ${percent(fastdfs.busy)}`,
    ]
  })
  const head = ['workload', 'c', 'raw ops/s', 'fastdfs ops/s', 'ratio', 'raw to itself']
  const rest = [
    'raw CPU s/1000',
    'fastdfs CPU s/1000',
    'CPU ratio',
    'raw p50 / p99 ms',
    'fastdfs p50 / p99 ms',
  ]
  return [
    ...table([...head, ...rest, 'busy raw / fastdfs'], rows),
    '',
    `Busy: the client's share of one core. Where it is well below 100 % at 16 and more, the cluster was the limit: the ratio says little there, CPU says more.`,
    ...Object.entries(peaks).map(([name, rss]) => `Peak memory, ${name}: ${memory(rss)}.`),
    '',
  ]
}

/** Ours against other clients, in the rows where they took part. */
function peersTable({ small, large }: Results): string[] {
  const rows = [...small, ...large].flatMap((row) =>
    Object.entries(row.peers).map(([name, peer]) => [
      row.name,
      String(row.concurrency),
      name,
      ...of(peer, row, ({ operationsPerSecond }) => short(operationsPerSecond)),
      ratioOf(peer.ratios.throughput),
      ...of(peer, row, ({ cpuPer1000 }) => cpuPer1000.toFixed(3)),
      ratioOf(peer.ratios.cpu),
      ...of(peer, row, ({ p99 }) => p99.toFixed(2)),
      ratioOf(peer.ratios.p99),
    ]),
  )
  if (rows.length === 0) return []
  const head = ['workload', 'c', 'peer', 'its ops/s', 'fastdfs ops/s', 'ratio']
  const cpu = ['its CPU s/1000', 'fastdfs CPU s/1000', 'CPU ratio']
  return [...table([...head, ...cpu, 'its p99 ms', 'fastdfs p99 ms', 'p99 ratio'], rows), '']
}

const of = (
  peer: Comparison,
  { fastdfs }: Row,
  text: (figures: Comparison | Row['fastdfs']) => string,
): string[] => [text(peer), text(fastdfs)]

function largeTable(title: string, all: readonly Row[], ...remarks: readonly string[]): string[] {
  if (all.length === 0) return []
  const rows = all.map(({ name, raw, fastdfs, rss }) => [
    name,
    ...[raw, fastdfs].map(({ megabytesPerSecond }) => megabytesPerSecond.toFixed(0)),
    ratioOf(raw.ratios.throughput),
    ...[raw, fastdfs].map(({ cpuPerGigabyte }) => cpuPerGigabyte.toFixed(3)),
    ratioOf(raw.ratios.cpu),
    ...(['raw', 'fastdfs'] as const).map((contender) => (rss?.[contender] ?? NaN).toFixed(0)),
  ])
  const head = [title, 'raw MB/s', 'fastdfs MB/s', 'ratio', 'raw CPU s/GB', 'fastdfs CPU s/GB', 'CPU ratio']
  return [...table([...head, 'raw peak MiB', 'fastdfs peak MiB'], rows), '', ...remarks, '']
}

function scalingTables({ scaling }: Results): string[] {
  return scaling.flatMap(({ name, points }) => [
    ...table(
      [`downloads of 4 KiB, ${name}`, ...points.map(({ at }) => String(at))],
      (['fastdfs', 'raw'] as const).flatMap((contender) => {
        const growths = points.map((point) => point[contender])
        return [
          [`${contender} ops/s`, ...growths.map(({ operationsPerSecond }) => operationsPerSecond.toFixed(0))],
          [`${contender} to fewer`, ...growths.map(({ ratio }) => ratioOf(ratio))],
          [`${contender} CPU s/1000`, ...growths.map(({ cpuPer1000 }) => cpuPer1000.toFixed(3))],
        ]
      }),
    ),
    '',
  ])
}

function embeddedTable({ embedded }: Results): string[] {
  if (embedded.length === 0) return []
  const rows = embedded.map(({ name, unit, measured, floor }) => [
    name,
    ...loadOf(measured, unit),
    ...(floor === undefined ? ['–', '–'] : loadOf(floor, unit)),
  ])
  const head = ['embedded servers, one process and thread', 'measured', 'CPU']
  return [
    ...table([...head, 'a server that only answers', 'CPU'], rows),
    '',
    'Where a tracker is asked first, an operation is two requests, and both are answered by that thread.',
    '',
  ]
}

function loadOf({ rate, cpu }: Loads, unit: Embedded['unit']): string[] {
  const cost = unit === 'ops/s' ? `${cpu.value.toFixed(1)} µs` : `${cpu.value.toFixed(2)} s/GB`
  return [`${rate.value.toFixed(0)} ${unit} ± ${percent(rate.noise)}`, cost]
}

function onceTable({ once }: Results): string[] {
  if (once === undefined) return []
  const { parseRate, imports, startup, size } = once
  return table(
    ['what', 'measured'],
    [
      ['file IDs parsed and validated', `${(parseRate.value / 1e6).toFixed(2)} M/s`],
      [
        `import of ${imports.what}`,
        `${imports.milliseconds.toFixed(1)} ms, of which node:net alone ${imports.nodeAlone.toFixed(1)} ms`,
      ],
      ...(size === undefined
        ? []
        : [['the package', `${kib(size.packed)} KiB, unpacked ${kib(size.unpacked)} KiB`]]),
      ...[startup.small, startup.large].map(startupRow),
    ],
  )
}

function startupRow({ what, first, later, reset }: Startup): string[] {
  const times = `${first.value.toFixed(0)} ms the first in a process, ${later.value.toFixed(1)} ms later ones`
  return [what, `${times}, ${reset.value.toFixed(2)} ms a reset`]
}

/** Three digits, but all of those in front of the point. */
const short = (value: number): string =>
  value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 0.1
        ? value.toFixed(2)
        : value.toFixed(3)

const kib = (bytes: number): string => (bytes / 1024).toFixed(0)

const ratioOf = ({ value, noise }: Estimate): string =>
  `${Math.abs(value - 1) <= noise ? '≈ ' : ''}${value.toFixed(2)} ± ${percent(noise)}`

const percent = (value: number): string => `${(value * 100).toFixed(0)} %`

const memory = (rss: Readonly<Record<string, number>>): string =>
  Object.entries(rss)
    .map(([name, mib]) => `${name} ${mib.toFixed(0)} MiB`)
    .join(', ')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}
