/** How long an embedded cluster takes to be ready and to be reset: the first one of a process, and later ones. */
import type { ClusterOptions } from '../src/testing/index.js'
import { startCluster } from '../src/testing/index.js'
import { answer } from './child.js'

export type StartupRequest = ClusterOptions & { readonly times: number }

/** Milliseconds of one cluster. */
export interface StartupTimes {
  readonly start: number
  /** Each after an upload. */
  readonly resets: readonly number[]
}

const RESETS = 10
const CONTENT = Buffer.from('hello')

answer<StartupRequest, readonly StartupTimes[]>(
  async ({ times, ...options }) => {
    const all: StartupTimes[] = []
    for (let i = 0; i < times; i++) {
      const begun = performance.now()
      const cluster = await startCluster(options)
      const start = performance.now() - begun
      const resets: number[] = []
      const client = cluster.client()
      for (let reset = 0; reset < RESETS; reset++) {
        await client.uploadFile(CONTENT)
        const from = performance.now()
        await cluster.reset()
        resets.push(performance.now() - from)
      }
      all.push({ start, resets })
      await cluster.stop()
    }
    return all
  },
  async () => {},
)
