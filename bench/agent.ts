/** The process of one contender: it does what the benchmark asks for, and says what that took. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseFileId } from '../src/index.js'
import type { AgentAnswer, AgentConfig, AgentRequest, Large, Small } from './agent-protocol.js'
import { IN_PARALLEL } from './agent-protocol.js'
import { answer } from './child.js'
import type { BenchClient } from './client.js'
import { METADATA } from './client.js'
import { fastDfsClient } from './fastdfs-client.js'
import type { NpmClient } from './npm-client.js'
import { NPM_CLIENTS, npmClient } from './npm-client.js'
import { RawClient } from './raw-client.js'
import type { Operation, Slice } from './slice.js'
import { measureSlice } from './slice.js'
import { Tally } from './tally.js'

/**
 * Milliseconds for a request, and for the end: far more than they take. Some clients never end what went wrong; this
 * process can then still do something else, and delete its files.
 */
const LIMIT = 30_000
const END_LIMIT = 10_000
/** What may take longer, on a slow disk. */
const LONG: readonly AgentRequest['do'][] = ['large', 'keep']

const config = JSON.parse(process.argv[2] as string) as AgentConfig
const { contender, trackers, peersFolder } = config
const client = clientOf(contender)
/** All files that are on the cluster because of this process. */
const files: string[] = []
const contents = new Map<number, Buffer>()
const total = new Tally()
/** Of the files that the present slice is about. */
let content = contentOf(0)
let turn = 0

answer<AgentRequest, AgentAnswer>(
  async (request) => {
    // One for each: a client that cannot do something fails at once.
    const tally = new Tally()
    const work = handle(request, tally)
    const answered = await (LONG.includes(request.do) ? work : within(LIMIT, work))
    total.add(tally)
    return { ...answered, count: { ...total }, rss: await peakRss() }
  },
  async () => {
    await within(END_LIMIT, deleteAll(new Tally()))
    await client.close()
  },
)

function clientOf(name: string): BenchClient {
  if ((NPM_CLIENTS as readonly string[]).includes(name)) {
    return npmClient(name as NpmClient, peersFolder, trackers)
  }
  return name === 'fastdfs'
    ? fastDfsClient({ trackers, ...config.options })
    : new RawClient(trackers, config.options.trackerCache !== undefined)
}

async function handle(request: AgentRequest, tally: Tally): Promise<Omit<AgentAnswer, 'count' | 'rss'>> {
  switch (request.do) {
    case 'check':
      await check(100_000, tally)
      return {}
    case 'slice': {
      const { what, size, concurrency, duration } = request
      content = contentOf(size)
      return { slice: await measureSlice(OPERATIONS[what], concurrency, duration, tally) }
    }
    case 'fill': {
      const content = contentOf(request.size)
      let missing = request.count - files.length
      await inParallel(async () => {
        while (missing-- > 0) files.push(await tally.insist(() => client.upload(content)))
      })
      return {}
    }
    case 'keep': {
      const id = await tally.insist(() => client.uploadPath(request.path))
      files.push(id)
      return { id }
    }
    case 'large':
      return { slice: await measureLarge(request.what, request, tally) }
    case 'parse':
      return { rate: parseRate(request.id, request.duration) }
    case 'deleteAll':
      await deleteAll(tally)
      return {}
  }
}

/** One of each kind of work on small files: all of the present size. */
const OPERATIONS: Record<Small, Operation> = {
  upload: async () => {
    files.push(await client.upload(content))
  },
  download: async () => {
    expectSame((await client.download(nextFile())).length, content.length)
  },
  metadata: async () => {
    expectSame(await client.metadata(nextFile()), METADATA.length)
  },
  info: async () => {
    expectSame(await client.info(nextFile()), content.length)
  },
  query: () => client.query(),
  delete: () => {
    const id = files.pop()
    return id === undefined ? undefined : client.delete(id)
  },
}

/** In turn, so that no file is asked for twice at a time. */
function nextFile(): string {
  return files[turn++ % files.length] as string
}

/** Bytes per second are the caller's to work out: an operation is the whole file. */
async function measureLarge(
  what: Large,
  { id, path, size }: { id: string; path: string; size: number },
  tally: Tally,
): Promise<Slice> {
  return tally.insist(async () => {
    const usage = process.cpuUsage()
    const start = performance.now()
    if (what === 'upload') files.push(await client.uploadPath(path))
    else if (what === 'download to path') expectSame(await client.downloadPath(id, path), size)
    else expectSame(await client.downloadDiscarded(id), size)
    const wall = performance.now() - start
    const { user, system } = process.cpuUsage(usage)
    return { operations: 1, wall: wall / 1000, cpu: (user + system) / 1e6, p50: wall, p99: wall }
  })
}

/** A floor that does something else would be no floor. */
async function check(size: number, tally: Tally): Promise<void> {
  const content = randomBytes(size)
  const id = await tally.insist(() => client.upload(content))
  files.push(id)
  if (!(await client.download(id)).equals(content)) throw new Error(`${contender} downloads other bytes`)
  expectSame(await client.metadata(id), METADATA.length)
  expectSame(await client.info(id), size)
  await deleteAll(tally)
  const gone = await client.info(id).then(
    () => false,
    () => true,
  )
  if (!gone) throw new Error(`${contender} does not delete`)
}

function expectSame(found: number, expected: number): void {
  if (found !== expected) throw new Error(`${contender}: ${found} instead of ${expected}`)
}

function contentOf(size: number): Buffer {
  let content = contents.get(size)
  if (content === undefined) contents.set(size, (content = randomBytes(size)))
  return content
}

async function deleteAll(tally: Tally): Promise<void> {
  await inParallel(async () => {
    for (let id = files.pop(); id !== undefined; id = files.pop()) {
      const gone = id
      await tally.insist(() => client.delete(gone))
    }
  })
}

async function inParallel(work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: IN_PARALLEL }, work))
}

async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it has not ended for ${limit / 1000} s`)), limit)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Of `id` and its likes: many texts, so that nothing can be remembered; each in one piece, as it comes from outside. */
function parseRate(id: string, duration: number): number {
  // Each another time of creation: the second word of the name.
  const at = id.lastIndexOf('/') + 7
  const ids = Array.from({ length: 4096 }, (_, i) => {
    const digits = i.toString(16).toUpperCase().padStart(3, '0')
    return Buffer.from(id.slice(0, at) + digits + id.slice(at + 3)).toString('latin1')
  })
  let count = 0
  let sum = 0
  const start = performance.now()
  const end = start + duration
  while (performance.now() < end) {
    for (const text of ids) sum += parseFileId(text).storePathIndex
    count += ids.length
  }
  if (!Number.isFinite(sum)) throw new Error('the file IDs were not parsed')
  return (count / (performance.now() - start)) * 1000
}

/** Not from getrusage: its peak begins with that of the process that forked this one. */
async function peakRss(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const kib = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]
  return kib === undefined ? process.resourceUsage().maxRSS / 1024 : Number(kib) / 1024
}
