import type { AgentAnswer, AgentRequest } from './agent.js'
import { Child } from './child.js'
import type { Contender } from './client.js'
import { CONTENDERS } from './client.js'
import type { Slice } from './slice.js'

type Agent = Child<AgentRequest, AgentAnswer>

/** What every contender did in one round. */
export type Round = Readonly<Record<Contender, Slice>>

/** One process for each contender; only one of them works at a time. */
export class Agents {
  /** The most memory that each has used so far, in MiB. */
  readonly rss: Record<Contender, number> = { fastdfs: 0, raw: 0, again: 0 }
  readonly #agents: Readonly<Record<Contender, Agent>>

  constructor(start: (contender: Contender) => Agent) {
    this.#agents = { fastdfs: start('fastdfs'), raw: start('raw'), again: start('again') }
  }

  async ask(contender: Contender, request: AgentRequest): Promise<AgentAnswer> {
    const result = await this.#agents[contender].ask(request)
    this.rss[contender] = result.rss
    return result
  }

  async askAll(request: AgentRequest): Promise<void> {
    for (const contender of CONTENDERS) await this.ask(contender, request)
  }

  /** One slice of each, one after the other; who begins changes with `turn`, so that no place is the better one. */
  async round(turn: number, request: AgentRequest, after?: AgentRequest): Promise<Round> {
    const slices: Partial<Record<Contender, Slice>> = {}
    for (let i = 0; i < CONTENDERS.length; i++) {
      const contender = CONTENDERS[(turn + i) % CONTENDERS.length] as Contender
      slices[contender] = (await this.ask(contender, request)).slice as Slice
      if (after !== undefined) await this.ask(contender, after)
    }
    return slices as Round
  }

  async stop(): Promise<void> {
    await Promise.all(CONTENDERS.map((contender) => this.#agents[contender].stop()))
  }
}

/** Starts the process of a contender. */
export function agentStarter(
  script: string,
  trackers: readonly string[],
  profile: string | undefined,
): (contender: Contender) => Agent {
  const execArgv =
    profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`]
  return (contender) =>
    new Child(
      script,
      [contender, ...trackers],
      profile === undefined ? [] : [...execArgv, `--cpu-prof-name=${contender}-${Date.now()}.cpuprofile`],
    )
}
