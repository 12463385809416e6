import type { Noise, Row } from './compare.js'
import type { Embedded, Load } from './embedded.js'
import type { Once } from './once.js'
import type { Scaling } from './scaling.js'
import type { Goal } from './targets.js'
import {
  goalOf,
  PARSE_GOAL,
  peerGoalOf,
  RESET_GOAL,
  STARTUP_GOALS,
  transferGoalOf,
  verdict,
} from './targets.js'

/** All that was measured: what latest.json holds. */
export interface Results {
  readonly at: string
  readonly target: string
  readonly machine: string
  readonly cores: number
  /** Processes that wanted a core on this machine, at the start and at the end, those of the benchmark included. */
  readonly load: readonly [number, number]
  readonly form: string
  readonly seconds: number
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
  /** The most memory of each process that worked on small files, in MiB. */
  readonly smallRss: Readonly<Record<string, number>> | undefined
  readonly once: Once | undefined
}

/** Fewer cores than client, tracker, storage and everything else need. */
const CORES_TO_JUDGE = 4

/** The results in Markdown. */
export function toMarkdown(results: Results): string {
  const judges = results.cores >= CORES_TO_JUDGE
  return [
    ...headOf(results, judges),
    ...smallTable(results, judges),
    ...peersTable(results, judges),
    ...largeTable(results.large, judges),
    ...neutralTable(results),
    ...scalingTables(results),
    ...embeddedTable(results),
    ...onceTable(results),
  ].join('\n')
}

function headOf(results: Results, judges: boolean): string[] {
  const { target, machine, load, form, seconds, noise, peers, missingPeers, failures } = results
  const noiseTexts = Object.entries(noise).map(
    ([name, { throughput, cpu }]) => `${name} ${percent(throughput)} (CPU ${percent(cpu)})`,
  )
  return [
    '# fastdfs side by side',
    '',
    `On ${target}; ${machine}; ${form}; ${seconds.toFixed(0)} s; load ${load.map((value) => value.toFixed(1)).join(' → ')}.`,
    `Noise, the raw client against itself, up to this in nine of ten rows: ${noiseTexts.join('; ')}. Where other work ran on this machine, read ratios and CPU, not ops/s.`,
    judges
      ? 'A goal is met or missed only where the noise could not have said the same. Ratios marked ≈ do not differ from 1.'
      : `Fewer than ${CORES_TO_JUDGE} cores: this reports and does not judge. Ratios marked ≈ do not differ from 1.`,
    ...(peers.length === 0 ? [] : [`Peers: ${peers.join(', ')}.`]),
    ...(missingPeers.length === 0 ? [] : [`Not installed, so left out: ${missingPeers.join(', ')}.`]),
    ...Object.entries(failures).map(([name, reason]) => `Left out: ${name}: ${reason}`),
    '',
  ]
}

/** Ours against other clients, in the rows where they took part. */
function peersTable({ small, large }: Results, judges: boolean): string[] {
  const rows = [...small, ...large].flatMap((row) =>
    Object.entries(row.peers).map(([name, peer]) => {
      const goal = peerGoalOf(row, name)
      return [
        row.name,
        String(row.concurrency),
        name,
        ...[peer, row.fastdfs].map(({ operationsPerSecond }) => shortRate(operationsPerSecond)),
        ratioOf(peer),
        percent(peer.noise),
        goal?.toFixed(2) ?? '–',
        ...(judges ? [verdict(goal, peer)] : []),
        ...[peer, row.fastdfs].map(({ cpuPer1000 }) => cpuPer1000.toFixed(3)),
        peer.cpuRatio.toFixed(2),
        ...[peer, row.fastdfs].map(({ p99 }) => p99.toFixed(2)),
      ]
    }),
  )
  if (rows.length === 0) return []
  const head = ['workload', 'c', 'peer', 'its ops/s', 'fastdfs ops/s', 'ratio', '± noise', 'goal']
  const rest = ['its CPU s/1000', 'fastdfs CPU s/1000', 'CPU ratio', 'its p99 ms', 'fastdfs p99 ms']
  return [...table([...head, ...(judges ? ['verdict'] : []), ...rest], rows), '']
}

function smallTable({ small, smallRss }: Results, judges: boolean): string[] {
  if (small.length === 0) return []
  const rows = small.map((row) => {
    const { fastdfs, raw } = row
    const goal = goalOf(row)
    return [
      row.name,
      String(row.concurrency),
      ...[raw, fastdfs].map(({ operationsPerSecond }) => operationsPerSecond.toFixed(0)),
      ratioOf(row),
      percent(row.noise),
      `${row.again.median.toFixed(2)} (${row.again.low.toFixed(2)}–${row.again.high.toFixed(2)})`,
      ...goalCells(row, goal, judges),
      raw.cpuPer1000.toFixed(3),
      fastdfs.cpuPer1000.toFixed(3),
      cpuGoal(row, goal),
      row.cpuRatio.toFixed(2),
      `${raw.p50.toFixed(2)} / ${raw.p99.toFixed(2)}`,
      `${fastdfs.p50.toFixed(2)} / ${fastdfs.p99.toFixed(2)}`,
      `${percent(raw.busy)} / ${percent(fastdfs.busy)}`,
    ]
  })
  const head = ['workload', 'c', 'raw ops/s', 'fastdfs ops/s', 'ratio', '± noise', 'raw to itself', 'goal']
  const cpu = ['raw CPU s/1000', 'fastdfs CPU s/1000', 'goal', 'CPU ratio']
  const rest = ['raw p50 / p99 ms', 'fastdfs p50 / p99 ms', 'busy raw / fastdfs']
  return [
    ...table([...head, ...(judges ? ['verdict'] : []), ...cpu, ...rest], rows),
    '',
    `Busy: the client's share of one core. Where it is well below 100 % at 16 and more, the cluster was the limit: the ratio says little there, CPU says more.`,
    ...(smallRss === undefined ? [] : [`Peak memory: ${memory(smallRss)}.`]),
    '',
  ]
}

function largeTable(large: readonly Row[], judges: boolean): string[] {
  if (large.length === 0) return []
  const rows = large.map((row) => [
    row.name,
    ...[row.raw, row.fastdfs].map(({ megabytesPerSecond }) => megabytesPerSecond.toFixed(0)),
    ratioOf(row),
    percent(row.noise),
    ...goalCells(row, goalOf(row), judges),
    ...[row.raw, row.fastdfs].map(({ cpuPerGigabyte }) => cpuPerGigabyte.toFixed(3)),
    row.cpuRatio.toFixed(2),
    ...[row.rss?.['raw'], row.rss?.['fastdfs']].map((rss) => (rss ?? NaN).toFixed(0)),
  ])
  const head = ['large file', 'raw MB/s', 'fastdfs MB/s', 'ratio', '± noise', 'goal']
  const cpu = ['raw CPU s/GB', 'fastdfs CPU s/GB', 'CPU ratio', 'raw peak MiB', 'fastdfs peak MiB']
  return [...table([...head, ...(judges ? ['verdict'] : []), ...cpu], rows), '']
}

function neutralTable({ neutral }: Results): string[] {
  if (neutral.length === 0) return []
  const rows = neutral.map((row) => {
    const goal = transferGoalOf(row)
    return [
      row.name,
      ...[row.raw, row.fastdfs].map(({ megabytesPerSecond }) => megabytesPerSecond.toFixed(0)),
      ratioOf(row),
      percent(row.noise),
      goal?.megabytesPerSecond?.toFixed(0) ?? '–',
      ...[row.raw, row.fastdfs].map(({ cpuPerGigabyte }) => cpuPerGigabyte.toFixed(3)),
      goal?.cpuPerGigabyte.toFixed(2) ?? '–',
      ...[row.rss?.['raw'], row.rss?.['fastdfs']].map((rss) => (rss ?? NaN).toFixed(0)),
    ]
  })
  const head = ['transfer', 'raw MB/s', 'fastdfs MB/s', 'ratio', '± noise', 'goal MB/s']
  const cpu = ['raw CPU s/GB', 'fastdfs CPU s/GB', 'goal', 'raw peak MiB', 'fastdfs peak MiB']
  return [...table([...head, ...cpu], rows), '', 'The raw client verifies nothing.', '']
}

function scalingTables({ scaling }: Results): string[] {
  return scaling.flatMap(({ name, points }) => [
    ...table(
      [`downloads of 4 KiB, ${name}`, ...points.map(({ at }) => String(at))],
      [
        ['ops/s', ...points.map(({ operationsPerSecond }) => operationsPerSecond.toFixed(0))],
        ['ratio', ...points.map(({ ratio }) => ratio.toFixed(2))],
      ],
    ),
    '',
  ])
}

function embeddedTable({ embedded }: Results): string[] {
  if (embedded.length === 0) return []
  const rows = embedded.map(({ name, goal, unit, measured, floor }) => [
    name,
    `${measured.rate.toFixed(0)} ${unit}`,
    `${goal} ${unit}`,
    cpuOf(measured, unit),
    floor === undefined ? '–' : `${floor.rate.toFixed(0)} ${unit}`,
    floor === undefined ? '–' : cpuOf(floor, unit),
  ])
  const head = ['embedded servers, one process and thread', 'measured', 'goal', 'CPU']
  return [
    ...table([...head, 'a server that only answers', 'CPU'], rows),
    '',
    'Uploads and downloads are two requests each, and both are answered by that thread.',
    '',
  ]
}

const cpuOf = ({ cpu }: Load, unit: Embedded['unit']): string =>
  unit === 'ops/s' ? `${cpu.toFixed(1)} µs` : `${cpu.toFixed(2)} s/GB`

function onceTable({ once }: Results): string[] {
  if (once === undefined) return []
  const { parseRate, imports, startup, size } = once
  const later = (ms: { first: number; later: number }): string =>
    `${ms.first.toFixed(0)} ms the first in a process, ${ms.later.toFixed(1)} ms later ones`
  return table(
    ['what', 'measured', 'goal'],
    [
      [
        'file IDs parsed and validated',
        `${(parseRate / 1e6).toFixed(2)} M/s`,
        `${(PARSE_GOAL / 1e6).toFixed(0)} M/s`,
      ],
      [
        `import of ${imports.what}`,
        `${imports.milliseconds.toFixed(1)} ms, of which node:net alone ${imports.nodeAlone.toFixed(1)} ms`,
        '–',
      ],
      ...(size === undefined
        ? []
        : [['the package', `${kib(size.packed)} KiB, unpacked ${kib(size.unpacked)} KiB`, '–']]),
      ['cluster of 1 tracker and 1 storage', later(startup.small), `${STARTUP_GOALS.small} ms`],
      ['cluster of 2 trackers and 2 × 2 storages', later(startup.large), `${STARTUP_GOALS.large} ms`],
      ['reset of the one', `${startup.small.reset.toFixed(2)} ms`, `${RESET_GOAL} ms`],
      ['reset of the other', `${startup.large.reset.toFixed(2)} ms`, `${RESET_GOAL} ms`],
    ],
  )
}

function goalCells(row: Row, goal: Goal | undefined, judges: boolean): string[] {
  return [goal?.ratio.toFixed(2) ?? '–', ...(judges ? [verdict(goal?.ratio, row)] : [])]
}

const cpuGoal = ({ concurrency }: Row, goal: Goal | undefined): string =>
  concurrency < 16 ? '–' : (goal?.cpuPer1000?.toFixed(3) ?? '–')

/** Few operations, as with a large file, are seldom whole numbers a second. */
const shortRate = (rate: number): string => rate.toFixed(rate < 100 ? 2 : 0)

const kib = (bytes: number): string => (bytes / 1024).toFixed(0)

const ratioOf = ({ ratio, noise }: Pick<Row, 'ratio' | 'noise'>): string =>
  `${Math.abs(ratio - 1) <= noise ? '≈ ' : ''}${ratio.toFixed(2)}`

const percent = (value: number): string => `${(value * 100).toFixed(0)} %`

const memory = (rss: Readonly<Record<string, number>>): string =>
  Object.entries(rss)
    .map(([name, mib]) => `${name} ${mib.toFixed(0)} MiB`)
    .join(', ')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}
