import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientOptions } from '../src/index.js'
import type { ClusterOptions } from '../src/testing/index.js'
import type { AgentAnswer, AgentRequest, Small } from './agent-protocol.js'
import { agentStarter } from './agents.js'
import type { Scripts } from './bundle.js'
import { Child } from './child.js'
import { writeRandom } from './large-file.js'
import type { NeutralAnswer, NeutralRequest } from './neutral-process.js'
import type { Options } from './options.js'
import type { Slice } from './slice.js'
import { durationOf } from './slice.js'
import type { Estimate } from './stats.js'
import { estimate } from './stats.js'

/** What the embedded servers do in a second: one tracker and one storage in one process and thread. */
export interface Embedded {
  readonly name: string
  readonly goal: number | undefined
  readonly unit: 'ops/s' | 'MB/s'
  readonly measured: Loads
  /** What a server does that answers the same requests in the same process and does nothing about them. */
  readonly floor: Loads | undefined
}

/** What a server's process does in one round. */
interface Load {
  /** Operations a second, or millions of bytes. */
  readonly rate: number
  /** Seconds of its CPU for a million operations, or for a gigabyte: what other work on the machine disturbs less. */
  readonly cpu: number
}

/** The same of all rounds. */
export type Loads = Readonly<Record<keyof Load, Estimate>>

const KIB = 1024
const SIZE = 4 * KIB
/** Raw clients that work at the same time: one alone would be the limit. */
const AGENTS = 2
const CONCURRENCY = 8

interface Kind {
  readonly what: Small
  readonly store: 'memory' | 'folder'
  /** One request each; undefined where a tracker is asked first, which takes the same thread as much again. */
  readonly goal?: number
}

const KINDS: readonly Kind[] = [
  { what: 'query', store: 'memory', goal: 60_000 },
  { what: 'upload', store: 'memory', goal: 20_000 },
  { what: 'upload', store: 'memory' },
  { what: 'download', store: 'memory', goal: 35_000 },
  { what: 'download', store: 'memory' },
  { what: 'upload', store: 'folder', goal: 15_000 },
  { what: 'upload', store: 'folder' },
]
const RECEIVE_GOAL = 1400

type Agent = Child<AgentRequest, AgentAnswer>

/** A server's process with the clients that keep it busy. */
interface Bed {
  readonly server: Child<never, unknown>
  /** Clients that ask a tracker each time, and those that ask once. */
  readonly asking: readonly Agent[]
  readonly remembering: readonly Agent[]
}

export async function measureEmbedded(
  scripts: Scripts,
  folder: string,
  options: Options,
  checkpoint: () => void,
): Promise<Embedded[]> {
  const rows: Embedded[] = []
  const neutral = new Child<NeutralRequest, NeutralAnswer>(scripts.neutral, [])
  const { tracker } = await neutral.ask({ path: join(folder, 'known'), size: SIZE })
  const floor = bedOf(neutral, [tracker], scripts, folder)
  try {
    for (const store of ['memory', 'folder'] as const) {
      await withBed(store, scripts, folder, async (bed) => {
        for (const kind of KINDS.filter((each) => each.store === store))
          rows.push(await smallRow(bed, floor, kind, options, checkpoint))
      })
      // Another process: collecting garbage takes longer where thousands of requests are remembered.
      await withBed(store, scripts, folder, async (bed) => {
        rows.push(await receiveRow(bed, store, folder, options, checkpoint))
      })
    }
  } finally {
    await stopAgents(floor)
    await neutral.stop()
  }
  return rows
}

/** Starts one tracker and one storage in a process for as long as `work` takes. */
async function withBed(
  store: Kind['store'],
  scripts: Scripts,
  folder: string,
  work: (bed: Bed) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(folder, 'store-'))
  const options = { store: store === 'memory' ? ('memory' as const) : { dir } }
  try {
    await withCluster(scripts, options, async (trackers, server) => {
      const bed = bedOf(server, trackers, scripts, folder)
      await work(bed).finally(() => stopAgents(bed))
    })
  } finally {
    await rm(dir, { recursive: true })
  }
}

function bedOf(server: Bed['server'], trackers: readonly string[], scripts: Scripts, folder: string): Bed {
  const agents = (options: Partial<ClientOptions>): Agent[] => {
    const start = agentStarter(scripts.agent, { trackers, peersFolder: folder, options }, undefined)
    return Array.from({ length: AGENTS }, () => start('raw'))
  }
  return { server, asking: agents({}), remembering: agents({ trackerCache: 1000 }) }
}

async function stopAgents({ asking, remembering }: Bed): Promise<void> {
  await Promise.all([...asking, ...remembering].map((agent) => agent.stop()))
}

/** Starts a cluster in a process of its own for as long as `work` takes. */
export async function withCluster<T>(
  scripts: Scripts,
  options: ClusterOptions,
  work: (trackers: readonly string[], server: Child<ClusterOptions, readonly string[]>) => Promise<T>,
): Promise<T> {
  const cluster = new Child<ClusterOptions, readonly string[]>(scripts.cluster, [])
  try {
    return await work(await cluster.ask(options), cluster)
  } finally {
    await cluster.stop()
  }
}

async function smallRow(
  bed: Bed,
  floor: Bed,
  kind: Kind,
  options: Options,
  checkpoint: () => void,
): Promise<Embedded> {
  const loads: { bed: Load; floor: Load }[] = []
  for (let round = 0; round <= options.rounds; round++) {
    checkpoint()
    const duration = durationOf(round, options.slice)
    const load = {
      bed: await measureSmall(bed, kind, duration),
      floor: await measureSmall(floor, kind, duration),
    }
    if (round > 0) loads.push(load)
  }
  const { what, store, goal } = kind
  return {
    name: `${what} 4 KiB, store in ${store}${goal === undefined ? ', tracker asked first' : ''}`,
    goal,
    unit: 'ops/s',
    measured: loadsOf(loads.map((load) => load.bed)),
    floor: loadsOf(loads.map((load) => load.floor)),
  }
}

async function measureSmall(
  { server, asking, remembering }: Bed,
  { what, goal }: Kind,
  duration: number,
): Promise<Load> {
  const agents = what === 'query' || goal === undefined ? asking : remembering
  if (what === 'download') await askAll(agents, { do: 'fill', size: SIZE, count: 100 })
  const before = await server.usage()
  const request = { do: 'slice', what, size: SIZE, concurrency: CONCURRENCY, duration } as const
  const slices = (await askAll(agents, request)).map(({ slice }) => slice as Slice)
  const cpu = (await server.usage()) - before
  await askAll(agents, { do: 'deleteAll' })
  const operations = slices.reduce((sum, slice) => sum + slice.operations, 0)
  return {
    rate: slices.reduce((sum, slice) => sum + slice.operations / slice.wall, 0),
    cpu: (cpu / operations) * 1e6,
  }
}

async function receiveRow(
  { server, asking }: Bed,
  store: Kind['store'],
  folder: string,
  { largeBytes: size, rounds }: Options,
  checkpoint: () => void,
): Promise<Embedded> {
  const agent = asking[0] as Agent
  const path = join(folder, 'received')
  await writeRandom(path, size)
  const loads: Load[] = []
  for (let round = 0; round <= rounds; round++) {
    checkpoint()
    const before = await server.usage()
    const { slice } = await agent.ask({ do: 'large', what: 'upload', id: '', path, size })
    const cpu = (await server.usage()) - before
    await agent.ask({ do: 'deleteAll' })
    if (round > 0) loads.push({ rate: size / 1e6 / (slice as Slice).wall, cpu: cpu / (size / 1e9) })
  }
  return {
    name: `${size / KIB / KIB} MiB received, store in ${store}`,
    goal: RECEIVE_GOAL,
    unit: 'MB/s',
    measured: loadsOf(loads),
    floor: undefined,
  }
}

function loadsOf(loads: readonly Load[]): Loads {
  return { rate: estimate(loads.map(({ rate }) => rate)), cpu: estimate(loads.map(({ cpu }) => cpu)) }
}

function askAll(agents: readonly Agent[], request: AgentRequest): Promise<AgentAnswer[]> {
  return Promise.all(agents.map((agent) => agent.ask(request)))
}
