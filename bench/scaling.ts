import type { AgentAnswer, AgentRequest } from './agent-protocol.js'
import { agentStarter } from './agents.js'
import type { Scripts } from './bundle.js'
import type { Child } from './child.js'
import { withCluster } from './embedded.js'
import type { Options } from './options.js'
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
const GROUPS = [1, 8, 32]
/** What is compared with: below this many callers, connections rest. */
const ENOUGH_CALLERS = 16

type Agent = Child<AgentRequest, AgentAnswer>

/** With more callers on the target, and with more groups, each with a storage, on embedded clusters. */
export async function measureScaling(
  scripts: Scripts,
  folder: string,
  trackers: readonly string[],
  options: Options,
  checkpoint: () => void,
): Promise<Scaling[]> {
  const startAgent = (of: readonly string[]): Agent =>
    agentStarter(scripts.agent, { trackers: of, peersFolder: folder, options: {} }, undefined)('fastdfs')
  const measure = async (agents: readonly Agent[], points: readonly Shape[]): Promise<Point[]> => {
    const rates: number[][] = points.map(() => [])
    for (let round = 0; round <= options.rounds; round++) {
      for (const [i, { agent, concurrency }] of points.entries()) {
        checkpoint()
        const rate = await rateOf(agents[agent] as Agent, concurrency, options.slice * 2)
        if (round > 0) rates[i]?.push(rate)
      }
    }
    const baseAt = points.findIndex(({ isBase }) => isBase)
    const base = rates[baseAt] as number[]
    return points.map(({ at }, i) => ({
      at,
      operationsPerSecond: median(rates[i] as number[]),
      ratio: estimate((rates[i] as number[]).map((rate, round) => rate / (base[round] as number))),
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
  const byCallers = await measure([agent], callers).finally(() => agent.stop())
  return [
    { name: 'callers at a time', points: byCallers },
    { name: 'groups', points: await byGroups(scripts, startAgent, measure) },
  ]
}

interface Shape {
  readonly at: number
  /** Index of the agent that works. */
  readonly agent: number
  readonly concurrency: number
  readonly isBase: boolean
}

async function byGroups(
  scripts: Scripts,
  startAgent: (trackers: readonly string[]) => Agent,
  measure: (agents: readonly Agent[], points: readonly Shape[]) => Promise<Point[]>,
  agents: readonly Agent[] = [],
): Promise<Point[]> {
  const groups = GROUPS[agents.length]
  if (groups === undefined) {
    const points = GROUPS.map((at, agent) => ({
      at,
      agent,
      concurrency: ENOUGH_CALLERS,
      isBase: agent === 0,
    }))
    return measure(agents, points)
  }
  return withCluster(scripts, { groups }, async (trackers) => {
    const agent = startAgent(trackers)
    return byGroups(scripts, startAgent, measure, [...agents, agent]).finally(() => agent.stop())
  })
}

/** Downloads of files that it has uploaded: the same number of each. */
async function rateOf(agent: Agent, concurrency: number, duration: number): Promise<number> {
  await agent.ask({ do: 'fill', size: SIZE, count: 256 })
  const { slice } = await agent.ask({ do: 'slice', what: 'download', size: SIZE, concurrency, duration })
  return slice === undefined ? 0 : slice.operations / slice.wall
}
