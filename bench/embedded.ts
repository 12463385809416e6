import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClusterOptions } from '../src/testing/index.js'
import type { AgentAnswer, AgentRequest, Small } from './agent-protocol.js'
import { agentStarter } from './agents.js'
import type { Scripts } from './bundle.js'
import { Child } from './child.js'
import { writeRandom } from './large-file.js'
import type { Options } from './options.js'
import { median } from './stats.js'

/** What the embedded servers do in a second: one tracker and one storage in one process and thread. */
export interface Embedded {
  readonly name: string
  /** Operations a second, or bytes a second. */
  readonly rate: number
  readonly unit: 'ops/s' | 'MB/s'
  readonly goal: number
}

const KIB = 1024
/** Raw clients that work at the same time: one alone would be the limit. */
const AGENTS = 2
const CONCURRENCY = 8

interface Load {
  readonly what: Small
  readonly store: 'memory' | 'folder'
  readonly goal: number
}

const LOADS: readonly Load[] = [
  { what: 'query', store: 'memory', goal: 60_000 },
  { what: 'upload', store: 'memory', goal: 20_000 },
  { what: 'download', store: 'memory', goal: 35_000 },
  { what: 'upload', store: 'folder', goal: 15_000 },
]
const RECEIVE_GOAL = 1400

export async function measureEmbedded(
  scripts: Scripts,
  folder: string,
  options: Options,
  checkpoint: () => void,
): Promise<Embedded[]> {
  const rows: Embedded[] = []
  for (const store of ['memory', 'folder'] as const) {
    const dir = await mkdtemp(join(folder, 'store-'))
    const loads = LOADS.filter((load) => load.store === store)
    await withCluster(scripts, { store: store === 'memory' ? 'memory' : { dir } }, async (trackers) => {
      const start = agentStarter(scripts.agent, { trackers, peersFolder: folder, options: {} }, undefined)
      const agents = Array.from({ length: AGENTS }, () => start('raw'))
      try {
        for (const { what, goal } of loads) {
          const rates: number[] = []
          for (let round = 0; round <= options.rounds; round++) {
            checkpoint()
            const rate = await rateOf(agents, what, options.slice * 2)
            if (round > 0) rates.push(rate)
          }
          rows.push({ name: `${what} 4 KiB, store in ${store}`, rate: median(rates), unit: 'ops/s', goal })
        }
        if (store === 'folder') rows.push(await receiveRow(agents, folder, options, checkpoint))
      } finally {
        await Promise.all(agents.map((agent) => agent.stop()))
      }
    })
    await rm(dir, { recursive: true })
  }
  return rows
}

/** Starts a cluster in a process of its own for as long as `work` takes. */
export async function withCluster<T>(
  scripts: Scripts,
  options: ClusterOptions,
  work: (trackers: readonly string[]) => Promise<T>,
): Promise<T> {
  const cluster = new Child<ClusterOptions, readonly string[]>(scripts.cluster, [])
  try {
    return await work(await cluster.ask(options))
  } finally {
    await cluster.stop()
  }
}

type Agent = Child<AgentRequest, AgentAnswer>

async function rateOf(agents: readonly Agent[], what: Small, duration: number): Promise<number> {
  const request = { do: 'slice', what, size: 4 * KIB, concurrency: CONCURRENCY, duration } as const
  if (what === 'download') await askAll(agents, { do: 'fill', size: 4 * KIB, count: 100 })
  const answers = await askAll(agents, request)
  await askAll(agents, { do: 'deleteAll' })
  return answers.reduce((sum, { slice }) => sum + (slice ? slice.operations / slice.wall : 0), 0)
}

async function receiveRow(
  agents: readonly Agent[],
  folder: string,
  { largeBytes: size, largeRounds }: Options,
  checkpoint: () => void,
): Promise<Embedded> {
  const agent = agents[0] as Agent
  const path = join(folder, 'received')
  await writeRandom(path, size)
  const rates: number[] = []
  for (let round = 0; round <= largeRounds; round++) {
    checkpoint()
    const { slice } = await agent.ask({ do: 'large', what: 'upload', id: '', path, size })
    await agent.ask({ do: 'deleteAll' })
    if (round > 0 && slice !== undefined) rates.push(size / 1e6 / slice.wall)
  }
  const name = `${size / KIB / KIB} MiB received, store in folder`
  return { name, rate: median(rates), unit: 'MB/s', goal: RECEIVE_GOAL }
}

function askAll(agents: readonly Agent[], request: AgentRequest): Promise<AgentAnswer[]> {
  return Promise.all(agents.map((agent) => agent.ask(request)))
}
