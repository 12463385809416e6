import { finished } from 'node:stream/promises'
import type { ClientOptions } from '../src/index.js'
import { FastDfsClient } from '../src/index.js'
import type { BenchClient } from './client.js'
import { METADATA } from './client.js'

/** Our client as its users have it: every option at its default but those that are given. */
export function fastDfsClient(options: ClientOptions): BenchClient {
  const client = new FastDfsClient(options)
  const metadata = Object.fromEntries(METADATA)
  return {
    upload: async (content) => (await client.uploadFile(content, { ext: 'bin' })).id,
    download: (id) => client.downloadFile(id),
    delete: (id) => client.deleteFile(id),
    metadata: async (id) => {
      await client.setMetadata(id, metadata)
      return Object.keys(await client.getMetadata(id)).length
    },
    info: async (id) => (await client.fileInfo(id)).size,
    query: async () => {
      await client.tracker.queryStore()
    },
    uploadPath: async (path) => (await client.uploadFile(path, { ext: 'bin' })).id,
    downloadPath: async (id, path) => (await client.downloadFile(id, path)).size,
    downloadDiscarded: async (id) => {
      let size = 0
      const stream = client.downloadStream(id)
      stream.on('data', (chunk: Buffer) => (size += chunk.length))
      await finished(stream)
      return size
    },
    close: () => client.close(),
  }
}
