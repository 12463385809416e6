/** The embedded cluster in a process of its own: what it costs must not count as the client's. */
import { startCluster } from '../src/testing/index.js'
import { answer } from './child.js'

const cluster = await startCluster({ trackers: 2, groups: 2 })

answer<object, readonly string[]>(
  async () => cluster.clientOptions().trackers,
  async () => void (await cluster.stop()),
)
