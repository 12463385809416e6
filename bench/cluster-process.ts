/** An embedded cluster in a process of its own: what it costs must not count as the client's. */
import type { Cluster, ClusterOptions } from '../src/testing/index.js'
import { startCluster } from '../src/testing/index.js'
import { answer } from './child.js'

let cluster: Cluster | undefined

/** Starts the cluster; gives its trackers. */
answer<ClusterOptions, readonly string[]>(
  async (options) => {
    cluster = await startCluster(options)
    return cluster.clientOptions().trackers
  },
  async () => void (await cluster?.stop()),
)
