import type { ClusterOptions } from '../src/testing/index.js'
import { Child } from './child.js'

/** The cluster that is measured on. */
export interface Target {
  readonly name: string
  readonly trackers: readonly string[]
  close(): Promise<void>
}

/** The cluster that FASTDFS_TRACKERS names, or an embedded one. */
export async function openTarget(clusterScript: string): Promise<Target> {
  const { FASTDFS_TRACKERS } = process.env
  if (FASTDFS_TRACKERS !== undefined && FASTDFS_TRACKERS !== '') {
    return {
      name: `the cluster of ${FASTDFS_TRACKERS}`,
      trackers: FASTDFS_TRACKERS.split(','),
      close: async () => {},
    }
  }
  const cluster = new Child<ClusterOptions, readonly string[]>(clusterScript, [])
  return {
    name: 'the embedded cluster (2 trackers, 2 groups of one storage, in memory, all in one process and thread)',
    trackers: await cluster.ask({ trackers: 2, groups: 2 }),
    close: () => cluster.stop(),
  }
}
