/** How long an embedded cluster takes to be ready: the first one of a process, and later ones. */
import type { ClusterOptions } from '../src/testing/index.js'
import { startCluster } from '../src/testing/index.js'
import { answer } from './child.js'

export type StartupRequest = ClusterOptions & { readonly times: number }

answer<StartupRequest, readonly number[]>(
  async ({ times, ...options }) => {
    const all: number[] = []
    for (let i = 0; i < times; i++) {
      const start = performance.now()
      const cluster = await startCluster(options)
      all.push(performance.now() - start)
      await cluster.stop()
    }
    return all
  },
  async () => {},
)
