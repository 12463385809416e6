/**
 * A hundred embedded clusters of 2 trackers and 2 x 2 storages in one process: all of them work at the same time, each
 * takes little memory, and when they have stopped nothing is left of them. `npm run test:memory:clusters`. Linux only.
 */
import { readdir } from 'node:fs/promises'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

const COUNT = 100
const MIB = 1024 * 1024
/** MiB that a cluster may take. */
const LIMIT = 2

/** What a process opens once goes with the first one: the threads of the file system, and the like. */
await (await startCluster()).stop()
const atRest = process.memoryUsage.rss()
const openAtRest = await openFiles()
const startedAt = performance.now()
const clusters: Cluster[] = []
for (let i = 0; i < COUNT; i++) {
  clusters.push(await startCluster({ trackers: 2, groups: 2, storages: 2 }))
}
const each = (performance.now() - startedAt) / COUNT
const memory = (process.memoryUsage.rss() - atRest) / MIB / COUNT
const open = await openFiles()
await Promise.all(clusters.map(work))
await Promise.all(clusters.map((cluster) => cluster.stop()))
const left = (await openFiles()) - openAtRest
console.log(
  `${COUNT} clusters: ready after ${each.toFixed(0)} ms each, ${memory.toFixed(1)} MiB each, ` +
    `${open} open files, ${left} left when all have stopped`,
)
if (memory > LIMIT || left > 0) process.exitCode = 1

async function work(cluster: Cluster): Promise<void> {
  const content = Buffer.from(cluster.clientOptions().trackers.join())
  await using client = cluster.client()
  const { id } = await client.uploadFile(content)
  if (!(await client.downloadFile(id)).equals(content)) throw new Error('another content')
}

async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd')).length
}
