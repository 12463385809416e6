import type { AgentAnswer, AgentConfig, AgentRequest } from './agent-protocol.js'
import { Child } from './child.js'
import type { Core, Peer } from './contenders.js'
import { CORE } from './contenders.js'
import type { Slice } from './slice.js'
import type { Count } from './tally.js'
import { isTolerable } from './tally.js'

type Agent = Child<AgentRequest, AgentAnswer>

/** What every contender did in one round; peers are missing where they do not take part, or failed. */
export type Round = Readonly<Record<Core, Slice>> & Readonly<Partial<Record<string, Slice>>>

/** Who takes part: our client and the floor only, clients that are scripts as well, or those from npm, too. */
export type Field = 'core' | 'scripts' | 'all'

/** One process for each contender; only one of them works at a time. */
export class Agents {
  /** The most memory that each has used so far, in MiB. */
  readonly rss: Record<string, number> = {}
  /** What peers failed at, and how: there they take no further part. */
  readonly failures: Record<string, string> = {}
  /** The operations of each so far, where it tells. */
  readonly counts: Record<string, Count> = {}
  readonly #agents: ReadonlyMap<string, Agent>
  readonly #fields: Readonly<Record<Field, readonly string[]>>

  constructor(peers: readonly Peer[], start: (contender: string, script?: string) => Agent) {
    this.#agents = new Map([
      ...CORE.map((name) => [name, start(name)] as const),
      ...peers.map(({ name, script }) => [name, start(name, script)] as const),
    ])
    const scripts = peers.filter(({ script }) => script !== undefined).map(({ name }) => name)
    this.#fields = { core: CORE, scripts: [...CORE, ...scripts], all: [...this.#agents.keys()] }
  }

  async ask(contender: string, request: AgentRequest): Promise<AgentAnswer> {
    const agent = this.#agents.get(contender)
    if (agent === undefined) throw new Error(`there is no contender ${contender}`)
    const result = await agent.ask(request)
    this.rss[contender] = result.rss
    const { count } = result
    if (count === undefined) return result
    this.counts[contender] = count
    if (isTolerable(count)) return result
    throw new Error(`${count.failed} of ${count.done + count.failed} operations failed`)
  }

  async askAll(request: AgentRequest, field: Field): Promise<void> {
    for (const contender of this.#fields[field]) await this.#tryAsk(contender, request)
  }

  /** One slice of each, one after the other; who begins changes with `turn`, so that no place is the better one. */
  async round(turn: number, field: Field, request: AgentRequest, after?: AgentRequest): Promise<Round> {
    const slices: Partial<Record<string, Slice>> = {}
    const names = this.#fields[field]
    for (let i = 0; i < names.length; i++) {
      const contender = names[(turn + i) % names.length] as string
      const answer = await this.#tryAsk(contender, request)
      if (answer !== undefined) slices[contender] = answer.slice
      if (after !== undefined) await this.#tryAsk(contender, after)
    }
    return slices as Round
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop()))
  }

  /** Not every peer can do everything; a run without one of the others is worth nothing. */
  async #tryAsk(contender: string, request: AgentRequest): Promise<AgentAnswer | undefined> {
    const what = `${contender}, ${nameOf(request)}`
    if (what in this.failures || contender in this.failures) return undefined
    try {
      return await this.ask(contender, request)
    } catch (error) {
      if ((CORE as readonly string[]).includes(contender)) throw new Error(`${what} failed`, { cause: error })
      const count = this.counts[contender]
      const isLost =
        this.#agents.get(contender)?.isGone === true || (count !== undefined && !isTolerable(count))
      this.failures[isLost ? contender : what] = String(error).split('\n')[0] as string
      return undefined
    }
  }
}

function nameOf(request: AgentRequest): string {
  if (!('what' in request)) return request.do
  const { what, size } = request
  return `${what} of ${size} bytes${request.do === 'slice' ? `, ${request.concurrency} at a time` : ''}`
}

/** Starts the process of a contender. */
export function agentStarter(
  script: string,
  config: Omit<AgentConfig, 'contender'>,
  profile: string | undefined,
): (contender: string, script?: string) => Agent {
  const execArgv =
    profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`]
  return (contender, other) =>
    new Child(
      other ?? script,
      [JSON.stringify({ ...config, contender } satisfies AgentConfig)],
      profile === undefined || other !== undefined
        ? []
        : [...execArgv, `--cpu-prof-name=${contender}-${Date.now()}.cpuprofile`],
    )
}
