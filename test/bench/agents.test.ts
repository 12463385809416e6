import type { AgentAnswer, AgentRequest } from '../../bench/agent-protocol.js'
import { Agents } from '../../bench/agents.js'
import type { Child } from '../../bench/child.js'

const SLICE = { do: 'slice', what: 'upload', size: 4096, concurrency: 16, duration: 1 } as const
const PEER = { name: 'c', script: 'c.mjs' }
const ANSWER = {
  slice: { operations: 1, wall: 1, cpu: 1, p50: 1, p99: 1 },
  count: { done: 1000, failed: 1 },
  rss: 50,
}

/** Contenders that answer what is said here of their name, and what they were asked. */
function agentsThat(
  answers: Readonly<Record<string, () => Promise<AgentAnswer>>>,
): Agents & { asked: string[] } {
  const asked: string[] = []
  const agents = new Agents([PEER], (name) => {
    const ask = (): Promise<AgentAnswer> => {
      asked.push(name)
      return answers[name]?.() ?? Promise.resolve(ANSWER)
    }
    return { ask, isGone: false } as unknown as Child<AgentRequest, AgentAnswer>
  })
  return Object.assign(agents, { asked })
}

describe('a contender of which too many operations failed', () => {
  const failing = (): Promise<AgentAnswer> => Promise.resolve({ ...ANSWER, count: { done: 990, failed: 10 } })

  it('takes no further part where it is a peer, and it is said why', async () => {
    const agents = agentsThat({ c: failing })
    await expect(agents.round(0, 'scripts', SLICE)).resolves.toEqual({
      fastdfs: ANSWER.slice,
      raw: ANSWER.slice,
      again: ANSWER.slice,
    })
    expect(agents.failures).toEqual({ c: 'Error: 10 of 1000 operations failed' })
    await agents.askAll({ do: 'deleteAll' }, 'scripts')
    expect(agents.asked).toEqual(['fastdfs', 'raw', 'again', 'c', 'fastdfs', 'raw', 'again'])
  })

  it('ends the run where it is our client or the floor', async () => {
    const round = agentsThat({ raw: failing }).round(0, 'core', SLICE)
    await expect(round).rejects.toThrow('raw, upload of 4096 bytes, 16 at a time failed')
  })
})

it('keeps what each contender has done, and what failed', async () => {
  const agents = agentsThat({})
  await agents.round(0, 'core', SLICE)
  const { count } = ANSWER
  expect(agents.counts).toEqual({ fastdfs: count, raw: count, again: count })
})
