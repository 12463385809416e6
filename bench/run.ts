/**
 * Measures our client beside the raw floor: the same requests to the same cluster, in the same run, in turn. Every
 * file that it uploads is deleted again, also when it is interrupted.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientOptions } from '../src/index.js'
import { SMALL } from './agent-protocol.js'
import { Agents, agentStarter } from './agents.js'
import { bundle } from './bundle.js'
import type { Scripts } from './bundle.js'
import type { Measured, Row } from './compare.js'
import { noiseOf, toRow } from './compare.js'
import { checkConnections } from './connections.js'
import type { Peer } from './contenders.js'
import { findPeers } from './contenders.js'
import { measureEmbedded } from './embedded.js'
import { judgedOf } from './judge.js'
import { measureLargeFile } from './large-file.js'
import { measureNeutral } from './neutral.js'
import { measureOnce } from './once.js'
import type { Options } from './options.js'
import { isExtra, isWanted, readOptions, USAGE } from './options.js'
import type { Results } from './report.js'
import { toMarkdown } from './report.js'
import { measureScaling } from './scaling.js'
import { measureLargerFiles, measureShortcuts, measureSmallFiles } from './small-files.js'
import type { Count } from './tally.js'
import { Tally } from './tally.js'
import type { Target } from './target.js'
import { openTarget } from './target.js'

/** Set by a signal; the next checkpoint ends the run, so that its files are deleted first. */
let interrupted: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (interrupted = signal))
function checkpoint(): void {
  if (interrupted !== undefined) throw new Error(`interrupted by ${interrupted}`)
}

async function main(options: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-bench-'))
  try {
    // What a profile names by line is kept beside it, with its source map.
    const scripts = await bundle(options.profile ?? folder)
    const target = await openTarget(scripts.cluster)
    try {
      const results = await measure(options, folder, scripts, target)
      const markdown = toMarkdown(results)
      console.log(markdown)
      await mkdir(options.out, { recursive: true })
      await writeFile(join(options.out, 'latest.json'), JSON.stringify(results, undefined, 2))
      await writeFile(join(options.out, 'latest.md'), markdown)
    } finally {
      await target.close()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function measure(options: Options, folder: string, scripts: Scripts, target: Target): Promise<Results> {
  const load = loadavg()[0] ?? 0
  const parts: Record<string, number> = {}
  /** Measures a part that is wanted, and how long that takes. */
  const part = async <T>(
    name: string,
    isWanted: boolean,
    measure: () => Promise<T>,
  ): Promise<T | undefined> => {
    if (!isWanted) return undefined
    const start = performance.now()
    const result = await measure()
    parts[name] = (performance.now() - start) / 1000
    return result
  }
  const { peers, missing } = findPeers(options.peersFolder, options.peers)
  await checkConnections(target.trackers, peers, options)

  const config = { trackers: target.trackers, peersFolder: options.peersFolder, options: {} }
  const all: Agents[] = []
  const startAgents = (contenders: readonly Peer[], more: Partial<ClientOptions> = {}): Agents => {
    const agents = new Agents(
      contenders,
      agentStarter(scripts.agent, { ...config, options: more }, options.profile),
    )
    all.push(agents)
    return agents
  }
  const startScripts = (more?: Partial<ClientOptions>): Agents =>
    startAgents(
      peers.filter(({ script }) => script !== undefined),
      more,
    )
  /** The most memory that each contender used, by what it was used for. */
  const peaks: Record<string, Readonly<Record<string, number>>> = {}
  /** By processes that do nothing else. */
  const filesPart = (
    name: string,
    isWanted: boolean,
    start: () => Agents,
    measure: typeof measureSmallFiles,
  ): Promise<Measured[] | undefined> =>
    part(name, isWanted, async () => {
      const agents = start()
      try {
        const rows = await measure(agents, options, checkpoint)
        peaks[name] = agents.rss
        return rows
      } finally {
        await agents.stop()
      }
    })
  const small = await filesPart(
    'small files',
    isWantedSmall(options),
    () => startAgents(peers),
    measureSmallFiles,
  )
  const larger = await filesPart(
    '1 and 10 MiB',
    options.full && isWantedLarger(options),
    startScripts,
    measureLargerFiles,
  )
  const once = await part('once', isWanted(options, 'once'), () =>
    measureOnce(() => startAgents([]), scripts.startup),
  )
  const shortcuts = await part('shortcuts', isWanted(options, 'shortcuts'), () =>
    measureShortcuts(() => startScripts(SHORTCUTS), options, checkpoint),
  )
  const large = await part('large', isWanted(options, 'large'), () =>
    measureLargeFile(startScripts, folder, options, checkpoint),
  )
  const neutral = await part('neutral', isWanted(options, 'neutral'), () =>
    measureNeutral(scripts, folder, options, checkpoint),
  )
  const scaling = await part('scaling', isExtra(options, 'scaling'), () =>
    measureScaling(scripts, folder, target.trackers, options, checkpoint),
  )
  const embedded = await part('embedded', isExtra(options, 'embedded'), () =>
    measureEmbedded(scripts, folder, options, checkpoint),
  )
  const asking = [...(small ?? []), ...(larger ?? []), ...(shortcuts ?? [])]
  // One request at a time sleeps and wakes for each: that varies more than working without a pause.
  const kinds = [
    { name: 'one at a time', rows: asking.filter(({ concurrency }) => concurrency === 1) },
    { name: 'many at a time', rows: asking.filter(({ concurrency }) => concurrency > 1) },
    { name: 'large file', rows: large ?? [] },
    { name: 'neutral', rows: neutral ?? [] },
  ]
  const judged = kinds
    .filter(({ rows }) => rows.length > 0)
    .map(({ name, rows }) => {
      const noise = noiseOf(rows)
      return { name, noise, rows: new Map(rows.map((row) => [row, toRow(row, noise)])) }
    })
  const rowsOf = (all: readonly Measured[] = []): Row[] =>
    all.flatMap((row) => judged.flatMap(({ rows }) => rows.get(row) ?? []))
  const results = {
    at: new Date().toISOString(),
    target: target.name,
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}`,
    cores: availableParallelism(),
    load: [load, loadavg()[0] ?? 0],
    form: `${options.full ? 'full' : 'short'} form, ${options.rounds} rounds of ${options.slice} ms slices, files in ${tmpdir()}`,
    seconds: Object.values(parts).reduce((sum, seconds) => sum + seconds, 0),
    parts,
    noise: Object.fromEntries(judged.map(({ name, noise }) => [name, noise])),
    small: rowsOf(asking),
    large: rowsOf(large),
    neutral: rowsOf(neutral),
    scaling: scaling ?? [],
    embedded: embedded ?? [],
    peers: peers.map(({ name }) => name),
    missingPeers: missing,
    failures: Object.assign({}, ...all.map(({ failures }) => failures)) as Record<string, string>,
    counts: sumOf(all.map(({ counts }) => counts)),
    peaks,
    once,
  } as const
  return { ...results, judged: judgedOf(results) }
}

/** Of each contender, of all its processes. */
function sumOf(all: readonly Readonly<Record<string, Count>>[]): Record<string, Count> {
  const sums: Record<string, Tally> = {}
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) (sums[name] ??= new Tally()).add(count)
  }
  return sums
}

const isWantedSmall = (options: Options): boolean => SMALL.some((what) => isWanted(options, what))
const isWantedLarger = (options: Options): boolean =>
  isWanted(options, 'upload') || isWanted(options, 'download')

/** What leaves out the tracker: our client's options, and the sign for the raw one. */
const SHORTCUTS: Partial<ClientOptions> = { trackerCache: 1000, readFrom: 'source', storageIds: 'tracker' }

if (process.argv.includes('--help')) console.log(USAGE)
else await main(readOptions(process.argv.slice(2)))
