/** A process that moves one file, and says by how many MiB its memory was above what it takes at rest, at most. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FastDfsClient } from '../../src/index.js'

const MIB = 1024 * 1024

/** What it is told, and answers. */
export type Transfer = { upload: string } | { download: string; path: string } | { read: string }
export interface Transferred {
  id?: string
  size: number
  atRest: number
  above: number
  seconds: number
}

if (process.argv[2] !== undefined) {
  const transfer = JSON.parse(process.argv[2]) as Transfer
  await using client = FastDfsClient.fromEnvironment()
  // Rest is when all that will be used has been used.
  const small = await client.uploadFile(Buffer.alloc(100_000))
  for await (const chunk of client.downloadStream(small.id)) void chunk
  await client.deleteFile(small.id)
  await sleep(300)
  const atRest = process.memoryUsage.rss()
  const startedAt = performance.now()
  const result = await move(client, transfer)
  const seconds = (performance.now() - startedAt) / 1000
  const above = Math.round((peak() - atRest) / MIB)
  process.stdout.write(
    JSON.stringify({ ...result, atRest: Math.round(atRest / MIB), above, seconds } satisfies Transferred),
  )
}

async function move(client: FastDfsClient, transfer: Transfer): Promise<{ id?: string; size: number }> {
  if ('upload' in transfer) return client.uploadFile(transfer.upload)
  if ('download' in transfer) return client.downloadFile(transfer.download, transfer.path)
  let size = 0
  for await (const chunk of client.downloadStream(transfer.read)) size += chunk.length
  return { size }
}

/** The most that was ever resident, in bytes; the kernel keeps it. */
function peak(): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) * 1024
}
