/**
 * Whether a client stays as it is over a million operations: its memory, and what it holds open.
 *
 *     npm run soak -- [operations, default 1000000]
 *
 * Files are uploaded, asked about, read, given metadata and deleted at an embedded cluster in a process of its own.
 * After each twentieth everything rests, garbage is collected, and memory and handles are looked at. Over the second
 * half, when caches are full, what they grow by must be next to nothing.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'
import type { ClientOptions } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'

const [operations = 1_000_000] = process.argv.slice(2).map(Number)
if (!(operations >= 1_000)) throw new Error('usage: npm run soak -- [operations, at least 1000]')

const ROUNDS = 20
const WORKERS = 32
/** Operations of a worker's turn. */
const PER_TURN = 6
/** What the second half may grow by, in MB for a million operations. */
const MOST = { heap: 4, rss: 64 }

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

interface Sample {
  readonly done: number
  readonly heap: number
  readonly rss: number
  readonly handles: number
}

const MB = 1024 * 1024
const content = Buffer.from(Array.from({ length: 2_048 }, (_, i) => (i * 7) & 0xff))

const child = fork(fileURLToPath(new URL('cluster-process.ts', import.meta.url)))
const [options] = (await once(child, 'message')) as [ClientOptions]
const client = new FastDfsClient(options)
const samples: Sample[] = []
const beganAt = performance.now()
for (let round = 1; round <= ROUNDS; round++) {
  const turns = Math.ceil(operations / ROUNDS / WORKERS / PER_TURN)
  await Promise.all(Array.from({ length: WORKERS }, () => work(turns)))
  await take(round * turns * WORKERS * PER_TURN)
}
await client.close()
child.disconnect()
await once(child, 'exit')

const half = samples.slice(samples.length / 2)
const heap = slopeOf(half, ({ heap }) => heap)
const rss = slopeOf(half, ({ rss }) => rss)
const handles =
  Math.max(...half.map(({ handles }) => handles)) - Math.min(...half.map(({ handles }) => handles))
const seconds = Math.round((performance.now() - beganAt) / 1000)
console.log(
  `${samples.at(-1)?.done} operations in ${seconds} s; growth for a million of them, over the second half:`,
)
console.log(
  `heap ${heap.toFixed(2)} MB (at most ${MOST.heap}), RSS ${rss.toFixed(2)} MB (at most ${MOST.rss})`,
)
console.log(`handles at rest differ by ${handles}, at most ${WORKERS}`)
process.exitCode = heap > MOST.heap || rss > MOST.rss || handles > WORKERS ? 1 : 0

async function work(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    const signal = new AbortController().signal
    const { id } = await client.uploadFile(content, { ext: 'bin', signal })
    const read = await client.downloadFile(id, { timeout: 60_000 })
    if (!read.equals(content)) throw new Error(`${id} is not what was stored`)
    await client.setMetadata(id, { turn: String(i) })
    await client.getMetadata(id)
    await client.fileInfo(id)
    await client.deleteFile(id)
  }
}

async function take(done: number): Promise<void> {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const sample = {
    done,
    heap: heapUsed / MB,
    rss: rss / MB,
    handles: process.getActiveResourcesInfo().length,
  }
  samples.push(sample)
  const cluster = await rssOf(child)
  console.log(
    `${String(done).padStart(9)} operations: heap ${sample.heap.toFixed(1)} MB, RSS ${sample.rss.toFixed(1)} MB, ` +
      `${sample.handles} handles; the cluster ${(cluster / MB).toFixed(0)} MB`,
  )
}

async function rssOf(process: ChildProcess): Promise<number> {
  process.send('how much?')
  const [{ rss }] = (await once(process, 'message')) as [{ rss: number }]
  return rss
}

/** What a value grows by for a million operations: the slope of the line that fits best. */
function slopeOf(all: readonly Sample[], valueOf: (sample: Sample) => number): number {
  const meanOf = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const x = meanOf(all.map(({ done }) => done))
  const y = meanOf(all.map(valueOf))
  const above = all.reduce((sum, sample) => sum + (sample.done - x) * (valueOf(sample) - y), 0)
  const below = all.reduce((sum, { done }) => sum + (done - x) ** 2, 0)
  return (above / below) * 1_000_000
}
