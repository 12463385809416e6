/** Uploads a sparse file of some MiB and downloads as much: prints by how many MiB the memory grew: by files, and by a stream. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FastDfsClient } from '../../../src/index.js'
import { APPENDER_ID, serveTracker } from './servers.mjs'

const MIB = 1024 * 1024
const size = Number(process.argv[2]) * MIB

// The storage lives in a process of its own: its memory is not the client's.
const storage = fork(new URL('storage.mts', import.meta.url).pathname, [String(size)])
const [port] = (await once(storage, 'message')) as [number]
const tracker = await serveTracker(port)

const folder = await mkdtemp(join(tmpdir(), 'fastdfs-memory-'))
const client = new FastDfsClient({ trackers: `127.0.0.1:${tracker}`, verify: false })
try {
  const file = await open(join(folder, 'source'), 'w')
  await file.truncate(size)
  await file.close()

  // What the program itself takes is there after a first small round.
  await client.uploadFile(Buffer.alloc(4 * MIB))
  const before = process.memoryUsage.rss()
  let most = before
  const grownBy = (): number => {
    most = Math.max(most, process.memoryUsage.rss())
    return Math.round((most - before) / MIB)
  }
  const watch = setInterval(grownBy, 10)

  const { size: sent } = await client.uploadFile(join(folder, 'source'))
  const { size: got } = await client.downloadFile(APPENDER_ID, join(folder, 'copy'))
  const grown = { files: grownBy(), stream: 0 }
  let streamed = 0
  for await (const chunk of client.downloadStream(APPENDER_ID)) streamed += (chunk as Buffer).length
  clearInterval(watch)
  grown.stream = grownBy()
  const copy = (await stat(join(folder, 'copy'))).size
  const sizes = [sent, got, copy, streamed].map((bytes) => bytes / MIB)
  console.log(JSON.stringify({ sizes, grown }))
} finally {
  await client.close()
  storage.kill()
  await rm(folder, { recursive: true, force: true })
}
