import { FastDfsClient } from 'fastdfs'
import type { ClientOptions } from 'fastdfs'
import { startCluster } from 'fastdfs/testing'

/** Runs an example on the cluster of FASTDFS_TRACKERS, or on an embedded one that it starts and stops. */
export async function withClient(
  example: (client: FastDfsClient) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  const { FASTDFS_TRACKERS } = process.env
  const cluster = FASTDFS_TRACKERS === undefined ? await startCluster() : undefined
  const trackers = cluster?.clientOptions().trackers ?? (FASTDFS_TRACKERS as string)
  const client = new FastDfsClient({ trackers, ...options })
  try {
    await example(client)
  } finally {
    await client.close()
    await cluster?.stop()
  }
}
