/**
 * Measures our client beside the raw floor: the same requests to the same cluster, in the same run, in turn. Every
 * file that it uploads is deleted again, also when it is interrupted.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientOptions } from '../src/index.js'
import { Agents, agentStarter } from './agents.js'
import { bundle } from './bundle.js'
import type { Scripts } from './bundle.js'
import type { Measured, Row } from './compare.js'
import { noiseOf, toRow } from './compare.js'
import { findPeers } from './contenders.js'
import { measureEmbedded } from './embedded.js'
import { measureLargeFile } from './large-file.js'
import { measureNeutral } from './neutral.js'
import { measureOnce } from './once.js'
import type { Once } from './once.js'
import type { Options } from './options.js'
import { isExtra, isWanted, readOptions, USAGE } from './options.js'
import type { Results } from './report.js'
import { toMarkdown } from './report.js'
import { measureScaling } from './scaling.js'
import { measureShortcuts, measureSmallFiles } from './small-files.js'
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
  const start = performance.now()
  const load = loadavg()[0] ?? 0
  const { peers, missing } = findPeers(options.peersFolder, options.peers)
  const config = { trackers: target.trackers, peersFolder: options.peersFolder, options: {} }
  const startAgents = (): Agents => new Agents(peers, agentStarter(scripts.agent, config, options.profile))
  const agents = startAgents()
  const { small: asking, once } = await measureSmallAndOnce(agents, options, scripts).finally(() =>
    agents.stop(),
  )
  const shortcutAgents = (): Agents =>
    new Agents(peers, agentStarter(scripts.agent, { ...config, options: SHORTCUTS }, options.profile))
  const small = isWanted(options, 'shortcuts')
    ? [...asking, ...(await measureShortcuts(shortcutAgents, options, checkpoint))]
    : asking
  const large = isWanted(options, 'large')
    ? await measureLargeFile(startAgents, folder, options, checkpoint)
    : []
  const neutral = isWanted(options, 'neutral')
    ? await measureNeutral(scripts, folder, options, checkpoint)
    : []
  const scaling = isExtra(options, 'scaling')
    ? await measureScaling(scripts, folder, target.trackers, options, checkpoint)
    : []
  const embedded = isExtra(options, 'embedded')
    ? await measureEmbedded(scripts, folder, options, checkpoint)
    : []
  // One request at a time sleeps and wakes for each: that varies more than working without a pause.
  const kinds = [
    { name: 'one at a time', rows: small.filter(({ concurrency }) => concurrency === 1) },
    { name: 'many at a time', rows: small.filter(({ concurrency }) => concurrency > 1) },
    { name: 'large file', rows: large },
    { name: 'neutral', rows: neutral },
  ]
  const judged = kinds
    .filter(({ rows }) => rows.length > 0)
    .map(({ name, rows }) => {
      const noise = noiseOf(rows)
      return { name, noise, rows: new Map(rows.map((row) => [row, toRow(row, noise)])) }
    })
  const rowsOf = (all: readonly Measured[]): Row[] =>
    all.flatMap((row) => judged.flatMap(({ rows }) => rows.get(row) ?? []))
  return {
    at: new Date().toISOString(),
    target: target.name,
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}`,
    cores: availableParallelism(),
    load: [load, loadavg()[0] ?? 0],
    form: `${options.full ? 'full' : 'short'} form, ${options.rounds} rounds of ${options.slice} ms slices`,
    seconds: (performance.now() - start) / 1000,
    noise: Object.fromEntries(judged.map(({ name, noise }) => [name, noise])),
    small: rowsOf(small),
    large: rowsOf(large),
    neutral: rowsOf(neutral),
    scaling,
    embedded,
    peers: peers.map(({ name }) => name),
    missingPeers: missing,
    failures: { ...agents.failures },
    smallRss: small.length === 0 ? undefined : { ...agents.rss },
    once,
  }
}

/** What leaves out the tracker: our client's options, and the sign for the raw one. */
const SHORTCUTS: Partial<ClientOptions> = { trackerCache: 1000, readFrom: 'source', storageIds: 'tracker' }

async function measureSmallAndOnce(
  agents: Agents,
  options: Options,
  { startup }: Scripts,
): Promise<{ small: Measured[]; once: Once | undefined }> {
  const small = await measureSmallFiles(agents, options, checkpoint)
  return { small, once: isWanted(options, 'once') ? await measureOnce(agents, startup) : undefined }
}

if (process.argv.includes('--help')) console.log(USAGE)
else await main(readOptions(process.argv.slice(2)))
