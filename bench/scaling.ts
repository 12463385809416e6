import type { ClusterOptions } from '../src/testing/index.js'
import type { AgentAnswer, AgentRequest } from './agent-protocol.js'
import { agentStarter } from './agents.js'
import type { Scripts } from './bundle.js'
import type { Child } from './child.js'
import { withCluster } from './embedded.js'
import type { Options } from './options.js'
import type { Slice } from './slice.js'
import { durationOf } from './slice.js'
import type { Estimate } from './stats.js'
import { estimate, median } from './stats.js'

/** How throughput changes while one thing grows. */
export interface Scaling {
  readonly name: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly at: number
  /** Whether there is more than at the point that the row is compared with. */
  readonly isGrown: boolean
  readonly fastdfs: Growth
  /** What of it is not our client's doing: Node, and servers that have more to do. */
  readonly raw: Growth
}

export interface Growth {
  readonly operationsPerSecond: number
  /** Seconds of the client's CPU for 1000 operations. */
  readonly cpuPer1000: number
  /** Of the throughput of each round to that of the point that the row is compared with. */
  readonly ratio: Estimate
}

const SIZE = 4 * 1024
const CALLERS = [1, 4, 16, 64, 256, 1024]
const CLUSTERS: readonly ClusterKind[] = [
  { name: 'groups', counts: [1, 8, 32], optionsOf: (groups) => ({ groups }) },
  { name: 'storages of a group', counts: [1, 4, 16], optionsOf: (storages) => ({ storages }) },
]
/** What is compared with: below this many callers, connections rest. */
const ENOUGH_CALLERS = 16

/** Embedded clusters that grow in one way, and give the client more endpoints. */
interface ClusterKind {
  readonly name: string
  readonly counts: readonly number[]
  readonly optionsOf: (count: number) => ClusterOptions
}

const CONTENDERS = ['fastdfs', 'raw'] as const
type Contender = (typeof CONTENDERS)[number]
type Agent = Child<AgentRequest, AgentAnswer>
type Pair = Readonly<Record<Contender, Agent>>

interface Shape {
  readonly at: number
  readonly pair: Pair
  readonly concurrency: number
  readonly isBase: boolean
}

/** With more callers on the target, and on embedded clusters with more groups or more storages. */
export async function measureScaling(
  scripts: Scripts,
  folder: string,
  trackers: readonly string[],
  options: Options,
  checkpoint: () => void,
): Promise<Scaling[]> {
  const startPair = (of: readonly string[]): Pair => {
    const start = agentStarter(scripts.agent, { trackers: of, peersFolder: folder, options: {} }, undefined)
    return { fastdfs: start('fastdfs'), raw: start('raw') }
  }
  const measure = (shapes: readonly Shape[]): Promise<Point[]> => measurePoints(shapes, options, checkpoint)

  const pair = startPair(trackers)
  const callers = CALLERS.map((at) => ({ at, pair, concurrency: at, isBase: at === ENOUGH_CALLERS }))
  const all = [{ name: 'callers at a time', points: await measure(callers).finally(() => stop(pair)) }]
  for (const kind of CLUSTERS) {
    all.push({ name: kind.name, points: await byClusters(kind, scripts, startPair, measure) })
  }
  return all
}

async function stop({ fastdfs, raw }: Pair): Promise<void> {
  await Promise.all([fastdfs.stop(), raw.stop()])
}

/** All points in turn, round by round. */
async function measurePoints(
  shapes: readonly Shape[],
  options: Options,
  checkpoint: () => void,
): Promise<Point[]> {
  const baseAt = shapes.findIndex(({ isBase }) => isBase)
  // The point that is compared with a second time tells how much the same differs.
  const measured = [...shapes, shapes[baseAt] as Shape]
  const slices = measured.map((): Record<Contender, Slice[]> => ({ fastdfs: [], raw: [] }))
  for (let round = 0; round <= options.rounds; round++) {
    for (const [i, { pair, concurrency }] of measured.entries()) {
      for (const contender of CONTENDERS) {
        checkpoint()
        const duration = durationOf(round, options.slice * 2)
        const slice = await downloadAll(pair[contender], concurrency, duration)
        if (round > 0) slices[i]?.[contender].push(slice)
      }
    }
  }
  const growthOf = (contender: Contender, at: number): Growth => {
    const of = (i: number): Slice[] => slices.at(i)?.[contender] ?? []
    const toBase = (i: number): number[] =>
      of(i).map((slice, round) => rateOf(slice) / rateOf(of(baseAt)[round] as Slice))
    return {
      operationsPerSecond: median(of(at).map(rateOf)),
      cpuPer1000: median(of(at).map(({ cpu, operations }) => (cpu / operations) * 1000)),
      ratio: estimate(toBase(at), Math.abs(median(toBase(-1)) - 1)),
    }
  }
  return shapes.map(({ at }, i) => ({
    at,
    isGrown: i > baseAt,
    fastdfs: growthOf('fastdfs', i),
    raw: growthOf('raw', i),
  }))
}

const rateOf = ({ operations, wall }: Slice): number => operations / wall

/** All clusters run at the same time, so that their turns can alternate. */
async function byClusters(
  kind: ClusterKind,
  scripts: Scripts,
  startPair: (trackers: readonly string[]) => Pair,
  measure: (shapes: readonly Shape[]) => Promise<Point[]>,
  pairs: readonly Pair[] = [],
): Promise<Point[]> {
  const count = kind.counts[pairs.length]
  if (count === undefined) {
    const shapes = pairs.map((pair, i) => ({
      at: kind.counts[i] as number,
      pair,
      concurrency: ENOUGH_CALLERS,
      isBase: i === 0,
    }))
    return measure(shapes)
  }
  return withCluster(scripts, kind.optionsOf(count), async (trackers) => {
    const pair = startPair(trackers)
    return byClusters(kind, scripts, startPair, measure, [...pairs, pair]).finally(() => stop(pair))
  })
}

/** Downloads of files that it has uploaded: the same number of each. */
async function downloadAll(agent: Agent, concurrency: number, duration: number): Promise<Slice> {
  await agent.ask({ do: 'fill', size: SIZE, count: 256 })
  const { slice } = await agent.ask({ do: 'slice', what: 'download', size: SIZE, concurrency, duration })
  return slice as Slice
}
