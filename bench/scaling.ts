import type { ClusterOptions } from '../src/testing/index.js'
import type { AgentAnswer, AgentRequest } from './agent-protocol.js'
import { agentStarter } from './agents.js'
import type { Scripts } from './bundle.js'
import type { Child } from './child.js'
import { withCluster } from './embedded.js'
import type { Options } from './options.js'
import { durationOf } from './slice.js'
import type { Estimate } from './stats.js'
import { estimate, median } from './stats.js'

/** How throughput changes while one thing grows; ours alone. */
export interface Scaling {
  readonly name: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly at: number
  readonly operationsPerSecond: number
  /** Of the throughput of each round to that of the point that the row is compared with. */
  readonly ratio: Estimate
  /** Whether there is more than at the point that the row is compared with. */
  readonly isGrown: boolean
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

type Agent = Child<AgentRequest, AgentAnswer>
type Measure = (agents: readonly Agent[], points: readonly Shape[]) => Promise<Point[]>

/** With more callers on the target, and on embedded clusters with more groups or more storages. */
export async function measureScaling(
  scripts: Scripts,
  folder: string,
  trackers: readonly string[],
  options: Options,
  checkpoint: () => void,
): Promise<Scaling[]> {
  const startAgent = (of: readonly string[]): Agent =>
    agentStarter(scripts.agent, { trackers: of, peersFolder: folder, options: {} }, undefined)('fastdfs')
  const measure: Measure = async (agents, points) => {
    const baseAt = points.findIndex(({ isBase }) => isBase)
    // The point that is compared with a second time tells how much the same differs.
    const measured = [...points, points[baseAt] as Shape]
    const rates: number[][] = measured.map(() => [])
    for (let round = 0; round <= options.rounds; round++) {
      for (const [i, { agent, concurrency }] of measured.entries()) {
        checkpoint()
        const rate = await rateOf(agents[agent] as Agent, concurrency, durationOf(round, options.slice * 2))
        if (round > 0) rates[i]?.push(rate)
      }
    }
    const base = rates[baseAt] as number[]
    const toBase = (of: readonly number[]): number[] =>
      of.map((rate, round) => rate / (base[round] as number))
    const noise = Math.abs(median(toBase(rates.at(-1) as number[])) - 1)
    return points.map(({ at }, i) => ({
      at,
      operationsPerSecond: median(rates[i] as number[]),
      ratio: estimate(toBase(rates[i] as number[]), noise),
      isGrown: i > baseAt,
    }))
  }

  const agent = startAgent(trackers)
  const callers = CALLERS.map((at) => ({
    at,
    agent: 0,
    concurrency: at,
    isBase: at === ENOUGH_CALLERS,
  }))
  const all = [
    {
      name: 'callers at a time',
      points: await measure([agent], callers).finally(() => agent.stop()),
    },
  ]
  for (const kind of CLUSTERS) {
    all.push({ name: kind.name, points: await byClusters(kind, scripts, startAgent, measure) })
  }
  return all
}

interface Shape {
  readonly at: number
  /** Index of the agent that works. */
  readonly agent: number
  readonly concurrency: number
  readonly isBase: boolean
}

/** All clusters run at the same time, so that their turns can alternate. */
async function byClusters(
  kind: ClusterKind,
  scripts: Scripts,
  startAgent: (trackers: readonly string[]) => Agent,
  measure: Measure,
  agents: readonly Agent[] = [],
): Promise<Point[]> {
  const count = kind.counts[agents.length]
  if (count === undefined) {
    const points = kind.counts.map((at, agent) => ({
      at,
      agent,
      concurrency: ENOUGH_CALLERS,
      isBase: agent === 0,
    }))
    return measure(agents, points)
  }
  return withCluster(scripts, kind.optionsOf(count), async (trackers) => {
    const agent = startAgent(trackers)
    return byClusters(kind, scripts, startAgent, measure, [...agents, agent]).finally(() => agent.stop())
  })
}

/** Downloads of files that it has uploaded: the same number of each. */
async function rateOf(agent: Agent, concurrency: number, duration: number): Promise<number> {
  await agent.ask({ do: 'fill', size: SIZE, count: 256 })
  const { slice } = await agent.ask({ do: 'slice', what: 'download', size: SIZE, concurrency, duration })
  return slice === undefined ? 0 : slice.operations / slice.wall
}
