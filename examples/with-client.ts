import { FastDfsClient } from 'fastdfs'
import { startCluster } from 'fastdfs/testing'

/** Runs an example on the cluster of FASTDFS_TRACKERS, or on an embedded one that it starts and stops. */
export async function withClient(example: (client: FastDfsClient) => Promise<void>): Promise<void> {
  const { FASTDFS_TRACKERS } = process.env
  const cluster = FASTDFS_TRACKERS === undefined ? await startCluster() : undefined
  const client = new FastDfsClient(cluster?.clientOptions() ?? { trackers: FASTDFS_TRACKERS as string })
  try {
    await example(client)
  } finally {
    await client.close()
    await cluster?.stop()
  }
}
