/** An embedded cluster of its own: says where it is, then at each message what memory it uses; ends with its parent. */
import process from 'node:process'
import { startCluster } from '../../src/testing/index.js'

const cluster = await startCluster({ trackers: 2, groups: 2 })
process.on('message', () => process.send?.({ rss: process.memoryUsage().rss }))
process.on('disconnect', () => void cluster.stop())
process.send?.(cluster.clientOptions())
