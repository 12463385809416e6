/**
 * How much memory a large upload from disk and a large download to disk take above that of a process at rest: at most
 * 64 MiB, whatever the size, for the client and for an embedded cluster. `npm run test:memory -- [MiB]`, 2048 by default,
 * against the cluster of FASTDFS_TRACKERS or an embedded one in a process of its own. Linux only.
 */
import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FastDfsClient } from '../../src/index.js'
import type { Transfer, Transferred } from './transfer.js'

const MIB = 1024 * 1024
const LIMIT = 64
const size = Number(process.argv[2] ?? 2048) * MIB

const folder = await mkdtemp(join(tmpdir(), 'fastdfs-memory-'))
const cluster = process.env['FASTDFS_TRACKERS'] === undefined ? await startCluster() : undefined
const trackers = process.env['FASTDFS_TRACKERS'] ?? cluster?.trackers ?? ''
try {
  const source = join(folder, 'source.bin')
  await writeRandom(source)
  const atRest = cluster && (await peakOf(cluster.process))
  const { id = '' } = await measure('upload from disk', { upload: source })
  try {
    await measure('download to disk', { download: id, path: join(folder, 'copy.bin') })
    await measure('download as a stream', { read: id })
    if (cluster !== undefined && atRest !== undefined) {
      const above = (await peakOf(cluster.process)) - atRest
      console.log(`the cluster: ${above} MiB above ${atRest} MiB at rest`)
      checkLimit(above)
    }
  } finally {
    await using client = new FastDfsClient({ trackers })
    await client.deleteFile(id)
  }
} finally {
  if (cluster?.process.kill() === true) await once(cluster.process, 'exit')
  await rm(folder, { recursive: true, force: true })
}

async function measure(what: string, transfer: Transfer): Promise<Transferred> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'transfer.ts'), JSON.stringify(transfer)],
    { env: { ...process.env, FASTDFS_TRACKERS: trackers } },
  )
  const result = JSON.parse(stdout) as Transferred
  if (result.size !== size) throw new Error(`${what}: ${result.size} bytes instead of ${size}`)
  const rate = Math.round(size / MIB / result.seconds)
  console.log(
    `${what}: ${size / MIB} MiB, ${result.above} MiB above ${result.atRest} MiB at rest (${rate} MiB/s)`,
  )
  checkLimit(result.above)
  return result
}

function checkLimit(above: number): void {
  if (above <= LIMIT) return
  console.error(`more than ${LIMIT} MiB`)
  process.exitCode = 1
}

/** MiB of memory at most, so far. */
async function peakOf({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024)
}

async function startCluster(): Promise<{ process: ChildProcess; trackers: string }> {
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const args = ['--import', 'tsx', main, 'serve', '--port', '0', '--dir', join(folder, 'cluster')]
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of server.stdout) {
    output += String(chunk)
    const found = /^FASTDFS_TRACKERS=(.+)$/m.exec(output)?.[1]
    if (found !== undefined) return { process: server, trackers: found }
  }
  throw new Error(`the cluster did not start: ${output}`)
}

async function writeRandom(path: string): Promise<void> {
  await using file = await open(path, 'w')
  const block = Buffer.allocUnsafe(MIB)
  for (let position = 0; position < size; position += MIB) await file.write(randomFillSync(block))
}
