/** Sources that do not know their size: read to their end, then sent as any other (protocol.md §3.1). */
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type os from 'node:os'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Source } from '../../src/index.js'
import type { FakeCluster } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  CONTENT,
  deferred,
  fakeCluster,
  ID,
  OK,
  rawCluster,
  rejection,
  STORED,
  uploadRequest,
  wholeRequest,
} from './fakes.js'

const MIB = 1024 * 1024
const LIMIT = 8 * MIB
const LARGE = bytesOf(LIMIT + 3 * MIB + 17)

/** Where temporary files go while these tests run; jest keeps changes of the environment to itself. */
let mockFolder: string | undefined
jest.mock('node:os', () => {
  const actual = jest.requireActual<typeof os>('node:os')
  return { ...actual, tmpdir: () => mockFolder ?? actual.tmpdir() }
})

let cluster: FakeCluster
let folder: string
beforeAll(async () => {
  cluster = await fakeCluster({ 21: STORED, 23: STORED, 24: OK, 34: OK })
  folder = await mkdtemp(join(tmpdir(), 'fastdfs-spool-test-'))
  mockFolder = folder
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await cluster[Symbol.asyncDispose]()
})
beforeEach(() => void cluster.storage.requests.splice(0))
/** Without the test of a connection that was idle for a while. */
const uploads = (): Buffer[] => cluster.storage.requests.filter((request) => request[8] !== 111)
afterEach(async () => {
  expect(await readdir(folder)).toEqual([])
  // A write that was under way when a call ended is not waited for by the call.
  while (spoolFiles().length > 0) await setImmediate()
})

/** Files in the folder that this process has open, with a name or without. */
function spoolFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(folder) ? [target] : []
    } catch {
      return []
    }
  })
}

async function* generate(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

const kinds: [string, (bytes: Buffer) => Source][] = [
  ['a Readable', (bytes) => Readable.from(generate(bytes, 70_001))],
  ['a web stream', (bytes) => new Blob([bytes]).stream() as Source],
  ['an iterable', (bytes) => new Set([bytes])],
  ['an async iterable', (bytes) => generate(bytes, 300_000)],
  ['a function that gives a stream', (bytes) => () => Readable.from(generate(bytes, MIB))],
  [
    'a function that gives a function that gives an iterable',
    (bytes) => () => async () => generate(bytes, 65_536),
  ],
]

describe.each(kinds)('%s', (_, make) => {
  it.each([
    ['empty', Buffer.alloc(0)],
    ['of 13 bytes', CONTENT],
    ['of the first block', LARGE.subarray(0, 65_536)],
    ['of a byte more', LARGE.subarray(0, 65_537)],
    ['of what memory holds', LARGE.subarray(0, LIMIT)],
    ['of a byte more than that', LARGE.subarray(0, LIMIT + 1)],
    ['of over 11 MiB', LARGE],
  ])('%s arrives as it is', async (__, bytes) => {
    const file = await cluster.client.uploadFile(make(bytes), { ext: 'bin' })
    expect(file.size).toBe(bytes.length)
    expect(uploads()).toHaveLength(1)
    expect(uploads()[0]?.equals(uploadRequest(bytes, 'bin'))).toBe(true)
  })
})

it('of many small pieces takes no more memory than its bytes', async () => {
  const piece = Buffer.alloc(3, 'abc')
  function* small(): Generator<Uint8Array> {
    for (let i = 0; i < 100_001; i++) yield piece
  }
  await cluster.client.uploadFile(small())
  expect(uploads()[0]?.equals(uploadRequest(Buffer.alloc(300_003, 'abc')))).toBe(true)
})

it('may give the same buffer again and again', async () => {
  const buffer = Buffer.alloc(4)
  async function* reused(): AsyncGenerator<Uint8Array> {
    for (const word of ['one ', 'two ', 'six ']) {
      buffer.write(word)
      yield buffer
    }
  }
  await cluster.client.uploadFile(reused())
  expect(uploads()[0]?.subarray(25).toString()).toBe('one two six ')
})

it('of what memory does not hold is in a file without a name', async () => {
  const seen: string[][] = []
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const piece of generate(LARGE, MIB)) {
      seen.push([...spoolFiles(), ...(await readdir(folder))])
      yield piece
    }
  }
  await cluster.client.uploadFile(watched())
  expect(seen.slice(0, 9)).toEqual(Array(9).fill([]))
  expect(seen[9]).toEqual([
    expect.stringMatching(new RegExp(`^${folder}/fastdfs-[0-9a-f]{16}\\.spool \\(deleted\\)$`)),
  ])
})

describe('works for', () => {
  it.each<[string, (source: Source) => Promise<unknown>, number]>([
    ['uploadAppenderFile', (source) => cluster.client.uploadAppenderFile(source), 23],
    ['uploadSlaveFile', (source) => cluster.client.uploadSlaveFile(ID, source, { prefix: '_s' }), 21],
    ['appendFile', (source) => cluster.client.appendFile(APPENDER_ID, source), 24],
    ['modifyFile', (source) => cluster.client.modifyFile(APPENDER_ID, source, { offset: 5 }), 34],
  ])('%s', async (_, run, command) => {
    await run(generate(LARGE, MIB))
    expect(cluster.commands().filter((number) => number !== 111)).toEqual([command])
    const request = uploads()[0] as Buffer
    expect(request.subarray(request.length - LARGE.length).equals(LARGE)).toBe(true)
  })
})

describe('an upload that is made again', () => {
  it.each([
    ['from memory', LARGE.subarray(0, LIMIT)],
    ['from the file', LARGE],
  ])('sends the same bytes, %s', async (_, bytes) => {
    let connections = 0
    let calls = 0
    const received: Buffer[] = []
    await using raw = await rawCluster(
      (socket) => {
        if (++connections === 1) return void socket.once('data', () => socket.resetAndDestroy())
        void wholeRequest(socket).then((request) => {
          received.push(request)
          socket.write(STORED)
        })
      },
      { retries: 2 },
    )
    await raw.client.uploadFile(() => {
      calls++
      return Readable.from(generate(bytes, MIB))
    })
    expect(connections).toBe(2)
    expect(calls).toBe(1)
    expect(received[0]?.equals(uploadRequest(bytes))).toBe(true)
  })
})

describe('a source that fails', () => {
  const boom = new Error('boom')
  async function* failing(bytes: Buffer): AsyncGenerator<Uint8Array> {
    yield* generate(bytes, MIB)
    throw boom
  }

  it.each([
    ['in memory', CONTENT],
    ['in the file', LARGE],
  ])('%s sends nothing', async (_, bytes) => {
    for (const source of [failing(bytes), () => failing(bytes)]) {
      expect(await rejection(cluster.client.uploadFile(source))).toMatchObject({
        name: 'LocalIoError',
        reason: `the source failed after ${bytes.length} bytes: boom`,
        cause: boom,
        retriable: false,
      })
    }
    const source = Readable.from(failing(bytes))
    expect(await rejection(cluster.client.uploadFile(source))).toMatchObject({ cause: boom })
    expect(source.destroyed).toBe(true)
    expect(cluster.storage.requests).toHaveLength(0)
  })

  it('by giving texts is told to stop', async () => {
    let ended = false
    async function* texts(): AsyncGenerator<Uint8Array> {
      try {
        yield* generate(LARGE, MIB)
        yield 'text' as unknown as Uint8Array
      } finally {
        ended = true
      }
    }
    expect(await rejection(cluster.client.uploadFile(texts()))).toMatchObject({
      name: 'InvalidArgumentError',
      reason: 'a source gives pieces of type Uint8Array, not string: "text"',
    })
    expect(ended).toBe(true)
  })

  it('as its file cannot be made, says so', async () => {
    mockFolder = join(folder, 'missing')
    try {
      expect(await rejection(cluster.client.uploadFile(generate(LARGE, MIB)))).toMatchObject({
        name: 'LocalIoError',
        reason: expect.stringContaining(
          `cannot keep content of unknown size in ${join(folder, 'missing')}: ENOENT`,
        ) as string,
      })
      // What fits into memory needs no file.
      await cluster.client.uploadFile(generate(CONTENT, 5))
    } finally {
      mockFolder = folder
    }
  })
})

describe('a source that is stuck', () => {
  /** Gives some bytes, tells when it is asked for more, and gives no more. */
  function stuck(bytes: Buffer): { source: Readable; asked: Promise<void> } {
    const asked = deferred()
    const pieces = [...Array(Math.ceil(bytes.length / MIB)).keys()].map((i) =>
      bytes.subarray(i * MIB, (i + 1) * MIB),
    )
    const source = new Readable({
      highWaterMark: 1,
      read() {
        const piece = pieces.shift()
        if (piece === undefined) asked.resolve()
        else this.push(piece)
      },
    })
    return { source, asked: asked.promise }
  }
  const wraps: [string, (source: Readable) => Source][] = [
    ['a Readable', (source) => source],
    ['a web stream', (source) => Readable.toWeb(source) as Source],
    ['a function', (source) => () => source],
  ]

  describe.each([
    ['in memory', CONTENT],
    ['in the file', LARGE],
  ])('%s', (_, bytes) => {
    it.each(wraps)('as %s, ends with the signal and is destroyed', async (__, wrap) => {
      const { source, asked } = stuck(bytes)
      const abort = new AbortController()
      const closed = once(source, 'close').catch(() => {})
      const uploading = rejection(cluster.client.uploadFile(wrap(source), { signal: abort.signal }))
      await asked
      abort.abort('enough')
      expect(await uploading).toMatchObject({ name: 'AbortError', cause: 'enough' })
      await closed
      expect(source.destroyed).toBe(true)
      expect(cluster.storage.requests).toHaveLength(0)
    })

    it('ends with the time', async () => {
      const { source } = stuck(bytes)
      expect(await rejection(cluster.client.uploadFile(source, { timeout: 200 }))).toMatchObject({
        name: 'TimeoutError',
        reason: 'the call did not end within 200 ms',
      })
      expect(source.destroyed).toBe(true)
    })
  })

  it('as an iterable, ends with the signal, and is told to stop when it goes on', async () => {
    const gate = deferred()
    const asked = deferred()
    const stopped = deferred()
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        yield CONTENT
        asked.resolve()
        await gate.promise
        yield CONTENT
        throw new Error('was asked for more')
      } finally {
        stopped.resolve()
      }
    }
    const abort = new AbortController()
    const uploading = rejection(cluster.client.uploadFile(pieces(), { signal: abort.signal }))
    await asked.promise
    abort.abort()
    expect(await uploading).toMatchObject({ name: 'AbortError' })
    gate.resolve()
    await stopped.promise
  })

  it('as its function gives a stream too late, is destroyed', async () => {
    const gate = deferred<Source>()
    const abort = new AbortController()
    const uploading = rejection(cluster.client.uploadFile(() => gate.promise, { signal: abort.signal }))
    abort.abort()
    expect(await uploading).toMatchObject({ name: 'AbortError' })
    const { source } = stuck(CONTENT)
    gate.resolve(source)
    await once(source, 'close')
  })

  it('without an end, of pieces that are there at once, ends with the signal and the time', async () => {
    const abort = new AbortController()
    let given = 0
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        if (++given === 20) abort.abort()
        yield LARGE.subarray(0, MIB)
      }
    }
    expect(await rejection(cluster.client.uploadFile(endless(), { signal: abort.signal }))).toMatchObject({
      name: 'AbortError',
    })
    function* empty(): Generator<Uint8Array> {
      for (;;) yield Buffer.alloc(0)
    }
    expect(await rejection(cluster.client.uploadFile(empty(), { timeout: 50 }))).toMatchObject({
      name: 'TimeoutError',
    })
  })
})

it('is closed after an upload that fails', async () => {
  await using failing = await fakeCluster({ 11: () => Buffer.from('0000000000000000641c', 'hex') })
  await expect(failing.client.uploadFile(generate(LARGE, MIB))).rejects.toMatchObject({ status: 28 })
})
