/** Downloads as a stream: backpressure, ends of every kind, and the connection afterwards. */
import { getEventListeners, once } from 'node:events'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DownloadOptions } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import { header, response } from '../support/fake-server.js'
import {
  APPENDER_ID,
  bytesOf,
  CONTENT,
  deadAddress,
  deferred,
  fakeCluster,
  ID,
  INFO,
  rawCluster,
  rawServer,
  rejection,
  serving,
  status,
  wholeRequest,
} from './fakes.js'

const MIB = 1024 * 1024
const LARGE = bytesOf(4 * MIB + 5)

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Resolves when a stream is closed, also by an error. */
async function closing(stream: Readable | Socket): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve))
}

/** What a stream was destroyed with. */
const failure = (stream: Readable): Promise<Error> =>
  new Promise((resolve) => stream.once('error', resolve).resume())

describe('a download stream', () => {
  it('asks nobody before it is read', async () => {
    await using cluster = await fakeCluster()
    const stream = cluster.client.downloadStream(ID)
    await once(stream.destroy(), 'close')
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it('gives the bytes, as Buffers, to every kind of reader', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE) })
    const open = (): Readable => cluster.client.downloadStream(APPENDER_ID)
    expect((await read(open())).equals(LARGE)).toBe(true)

    const piped: Buffer[] = []
    await pipeline(open(), async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) piped.push(chunk)
      yield ''
    })
    expect(Buffer.concat(piped).equals(LARGE)).toBe(true)

    const events: Buffer[] = []
    const stream = open().on('data', (chunk: Buffer) => events.push(chunk))
    await once(stream, 'end')
    expect(Buffer.concat(events).equals(LARGE)).toBe(true)

    const paused: Buffer[] = []
    const manual = open()
    manual.on('readable', () => {
      for (let chunk: unknown; (chunk = manual.read(10_000) ?? manual.read()) !== null;)
        paused.push(chunk as Buffer)
    })
    await once(manual, 'end')
    expect(Buffer.concat(paused).equals(LARGE)).toBe(true)
  })

  it('can be uploaded', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE) })
    const stream = cluster.client.downloadStream(APPENDER_ID)
    await cluster.client.uploadFile(stream, { size: LARGE.length })
    const upload = cluster.storage.requests.find((request) => request[8] === 11)
    expect(upload?.subarray(25).equals(LARGE)).toBe(true)
  })

  it('holds a server up that is faster than its reader', async () => {
    const TOTAL = 64 * MIB
    let written = 0
    const stalled = deferred()
    await using cluster = await rawCluster((socket) => {
      void wholeRequest(socket).then(() => {
        socket.write(header(TOTAL))
        const more = (): void => {
          while (written < TOTAL) {
            written += 64 * 1024
            if (!socket.write(Buffer.alloc(64 * 1024, 'x'))) {
              socket.once('drain', more)
              // When no more can be written, the kernels' buffers and ours are full.
              if (socket.writableLength > 0) setImmediate(() => socket.writableNeedDrain && stalled.resolve())
              return
            }
          }
        }
        more()
      })
    })
    const stream = cluster.client.downloadStream(APPENDER_ID)
    stream.read(0)
    await once(stream, 'readable')
    await stalled.promise
    const [socket] = cluster.storage.sockets as [Socket]
    // Whatever the kernel may still take on: what the reader has taken in so far is a chunk or two.
    expect(stream.readableLength).toBeLessThanOrEqual(256 * 1024)
    // Loopback sockets hold up to 4 + 6 MiB (tcp_wmem, tcp_rmem).
    expect(written).toBeLessThan(16 * MIB)
    const before = process.memoryUsage.rss()
    let size = 0
    for await (const chunk of stream) size += chunk.length
    expect(size).toBe(TOTAL)
    expect(written).toBe(TOTAL)
    expect(socket.bytesWritten).toBe(10 + TOTAL)
    expect(process.memoryUsage.rss() - before).toBeLessThan(TOTAL)
  })

  it('is not timed out while its reader takes its time, and the server has bytes', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE) }, { idleTimeout: 400 })
    const chunks: Buffer[] = []
    const paused = cluster.client.downloadStream(APPENDER_ID)
    paused.read(0)
    await once(paused, 'readable')
    // Another call that ends by the same idle timeout: this one is older.
    await using silent = await fakeCluster({ 22: () => {} }, { idleTimeout: 90 })
    await expect(silent.client.fileInfo(ID)).rejects.toMatchObject({ name: 'TimeoutError' })
    for await (const chunk of paused) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(LARGE)).toBe(true)
  })

  it('destroyed on the way closes its connection, and the next call makes a new one', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE) })
    const stream = cluster.client.downloadStream(APPENDER_ID)
    for await (const chunk of stream) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(stream.destroyed).toBe(true)
    const [socket] = cluster.storage.connections as [Socket]
    await closing(socket)
    expect(await cluster.client.fileInfo(ID)).toMatchObject({ size: 13 })
    expect(cluster.storage.connections).toHaveLength(2)
  })

  it('destroyed while a tracker is asked ends without a request to a storage', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster()
    await using tracker = await rawServer(
      (socket) => void wholeRequest(socket).then(() => asked.resolve(socket)),
    )
    await using client = new FastDfsClient({ trackers: tracker.address })
    const stream = client.downloadStream(ID)
    stream.read(0)
    const socket = await asked.promise
    stream.destroy()
    await Promise.all([closing(socket), closing(stream)])
    expect(cluster.storage.requests).toHaveLength(0)
  })

  it('whose last bytes fill its buffer leaves a connection that is used again', async () => {
    // The socket is paused by the very last chunk, and must not stay so.
    const content = bytesOf(40_000)
    await using cluster = await fakeCluster({ 14: response(content) })
    const stream = cluster.client.downloadStream(APPENDER_ID)
    stream.read(0)
    await once(stream, 'readable')
    for (let i = 0; i < 3; i++) expect(await cluster.client.fileInfo(ID)).toMatchObject({ size: 13 })
    expect((await read(stream)).equals(content)).toBe(true)
    expect(cluster.storage.connections).toHaveLength(1)
  })

  it('passes a failing reader on: the connection is closed', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE) })
    const boom = new Error('boom')
    const full = new Writable({ write: (_chunk, _encoding, done) => done(boom) })
    await expect(pipeline(cluster.client.downloadStream(APPENDER_ID), full)).rejects.toBe(boom)
    const [socket] = cluster.storage.connections as [Socket]
    await closing(socket)
  })
})

describe('a download stream that fails', () => {
  it.each([
    ['as there is no such file', status(2), { name: 'FileNotFoundError', status: 2, fileId: ID }],
    ['as the server does', status(5), { name: 'ServerError', status: 5 }],
    ['by garbage', Buffer.alloc(10, 0xff), { name: 'ProtocolError' }],
  ])('%s, is destroyed with the error', async (_, answer, error) => {
    await using cluster = await fakeCluster({ 14: answer })
    const stream = cluster.client.downloadStream(ID)
    expect(await failure(stream)).toMatchObject(error)
    expect(stream.destroyed).toBe(true)
  })

  it('by a malformed file ID, asks nobody', async () => {
    await using cluster = await fakeCluster()
    const stream = cluster.client.downloadStream('photo.jpg')
    expect(await failure(stream)).toMatchObject({ name: 'InvalidFileIdError' })
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it('before its first byte is tried again', async () => {
    let calls = 0
    await using cluster = await fakeCluster(
      {
        14: (_, socket) => {
          if (++calls === 1) return void socket.end()
          if (calls === 2) return void socket.end(header(13))
          return response(CONTENT)
        },
      },
      { retries: 2 },
    )
    expect(await read(cluster.client.downloadStream(ID))).toEqual(CONTENT)
    expect(calls).toBe(3)
  })

  it('after its first byte goes on from there', async () => {
    await using cluster = await fakeCluster({ 14: serving(CONTENT, 1, 4) }, { retries: 2 })
    expect(await read(cluster.client.downloadStream(ID))).toEqual(CONTENT)
    expect(cluster.storage.requests).toHaveLength(3)
  })

  it('of a range goes on within it', async () => {
    await using cluster = await fakeCluster({ 14: serving(CONTENT, 2) }, { retries: 1 })
    expect((await read(cluster.client.downloadStream(ID, { offset: 3, length: 6 }))).toString()).toBe(
      'lo, wo',
    )
    expect(cluster.storage.requests.map((request) => request.subarray(10, 26).toString('hex'))).toEqual([
      '00000000000000030000000000000006',
      '00000000000000050000000000000004',
    ])
  })

  it('as nobody can be reached gives the reasons', async () => {
    await using client = new FastDfsClient({
      trackers: [await deadAddress(), await deadAddress()],
      retries: 0,
    })
    expect(await failure(client.downloadStream(ID))).toMatchObject({
      name: 'RetryError',
      errors: [{ name: 'ConnectError' }, { name: 'ConnectError' }],
    })
  })
})

describe("a download stream's signal and timeout", () => {
  const reason = new Error('enough')

  it('destroys it before the first read', async () => {
    await using cluster = await fakeCluster()
    const controller = new AbortController()
    const stream = cluster.client.downloadStream(ID, { signal: controller.signal })
    const failed = new Promise((resolve) => stream.once('error', resolve))
    controller.abort(reason)
    expect(await failed).toMatchObject({ name: 'AbortError', cause: reason })
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it('destroys it at once when it was aborted before', async () => {
    await using cluster = await fakeCluster()
    const stream = cluster.client.downloadStream(ID, { signal: AbortSignal.abort(reason) })
    expect(await failure(stream)).toMatchObject({ name: 'AbortError', cause: reason })
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it('destroys it on the way, with its connection', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE).subarray(0, MIB) })
    const controller = new AbortController()
    const stream = cluster.client.downloadStream(APPENDER_ID, { signal: controller.signal })
    const reading = rejection(read(stream.once('data', () => controller.abort(reason))))
    expect(await reading).toMatchObject({ name: 'AbortError', cause: reason })
    const [socket] = cluster.storage.connections as [Socket]
    await closing(socket)
  })

  it('is left without a listener, however the stream ends', async () => {
    await using cluster = await fakeCluster({ 12: status(2) })
    const { signal } = new AbortController()
    await read(cluster.client.downloadStream(ID, { signal }))
    await once(cluster.client.downloadStream(ID, { signal }).destroy(), 'close')
    await failure(cluster.client.downloadStream('x', { signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('are those of its call, whatever becomes of the options', async () => {
    await using cluster = await fakeCluster()
    const [one, other] = [new AbortController(), new AbortController()]
    const options = { signal: one.signal }
    const stream = cluster.client.downloadStream(ID, options)
    options.signal = other.signal
    await read(stream)
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(0)

    options.signal = one.signal
    const aborted = failure(cluster.client.downloadStream(ID, options))
    options.signal = other.signal
    one.abort(reason)
    expect(await aborted).toMatchObject({ name: 'AbortError', cause: reason })
  })

  it('ends it in time, counted from the first read', async () => {
    await using cluster = await fakeCluster({ 14: response(CONTENT).subarray(0, 20) })
    const stream = cluster.client.downloadStream(ID, { timeout: 80 })
    const error = await rejection(read(stream))
    expect(error).toMatchObject({ name: 'TimeoutError', reason: 'the call did not end within 80 ms' })

    const options: DownloadOptions = { timeout: 80 }
    const other = cluster.client.downloadStream(ID, options)
    options.timeout = 90
    expect(await rejection(read(other))).toMatchObject({ reason: 'the call did not end within 80 ms' })
  })
})

it('a stream of a client that is closed fails, and one under way too', async () => {
  await using cluster = await fakeCluster({ 14: response(LARGE).subarray(0, MIB), 22: INFO })
  const stream = cluster.client.downloadStream(APPENDER_ID)
  stream.read(0)
  await once(stream, 'readable')
  const failed = failure(stream)
  await cluster.client.close({ grace: 0 })
  expect(await failed).toMatchObject({ name: 'ClosedError' })
  expect(await failure(cluster.client.downloadStream(ID))).toMatchObject({ name: 'ClosedError' })
})
