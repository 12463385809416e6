/** Downloads to a caller's streams and bytes, and the connection afterwards. */
import { EventEmitter, getEventListeners } from 'node:events'
import { open } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { crc32 } from '../../src/file-id/index.js'
import type { FastDfsError, Sink } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import { header, response } from '../support/fake-server.js'
import type { FakeCluster } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  CONTENT,
  deferred,
  EMPTY_ID,
  fakeCluster,
  ID,
  info,
  rawCluster,
  rawServer,
  rejection,
  serving,
  status,
  temporaryFolder,
  wholeRequest,
} from './fakes.js'

const MIB = 1024 * 1024
const LARGE = bytesOf(2 * MIB + 5)

/** A stream of either kind that keeps what it takes, and tells its end. */
interface Probe {
  sink: Exclude<Sink, string>
  content: () => Buffer
  /** `ended`, or what it was destroyed with. */
  end: Promise<unknown>
}

/** @param step - what each piece waits for */
function nodeProbe(step: () => Promise<void> = async () => {}): Probe {
  const chunks: Buffer[] = []
  const end = deferred<unknown>()
  const sink = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk)
      step().then(() => done(), done)
    },
    final: (done) => {
      end.resolve('ended')
      done()
    },
    destroy: (error, done) => {
      end.resolve(error)
      done(error)
    },
  })
  return { sink, content: () => Buffer.concat(chunks), end: end.promise }
}

function webProbe(step: () => Promise<void> = async () => {}): Probe {
  const chunks: Uint8Array[] = []
  const end = deferred<unknown>()
  const sink = new WritableStream<Uint8Array>({
    write: (chunk) => {
      chunks.push(chunk)
      return step()
    },
    close: () => end.resolve('ended'),
    abort: (reason) => end.resolve(reason),
  })
  return { sink, content: () => Buffer.concat(chunks), end: end.promise }
}

const closing = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

/** Offset and count of every request for content. */
const rangesOf = ({ storage }: FakeCluster): number[][] =>
  storage.requests.map((request) => [10, 18].map((at) => Number(request.readBigInt64BE(at))))

describe.each([
  ['a Writable', nodeProbe],
  ['a WritableStream', webProbe],
])('%s', (_, probe) => {
  it('gets the content and is ended', async () => {
    await using cluster = await fakeCluster({ 14: response(LARGE) })
    const { sink, content, end } = probe()
    const { signal } = new AbortController()
    expect(await cluster.client.downloadFile(APPENDER_ID, sink, { signal, verify: true })).toEqual({
      size: LARGE.length,
      crc32: crc32(LARGE),
      verified: false,
      endpoint: cluster.storage.address,
    })
    expect(await end).toBe('ended')
    expect(content().equals(LARGE)).toBe(true)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    // The connection is used again.
    await cluster.client.fileInfo(ID)
    expect(cluster.storage.connections).toHaveLength(1)
  })

  it('of an empty file is ended', async () => {
    await using cluster = await fakeCluster({ 14: status(22), 22: response(info(0)) })
    const { sink, end } = probe()
    expect(await cluster.client.downloadFile(EMPTY_ID, sink, { verify: true })).toMatchObject({
      size: 0,
      crc32: 0,
    })
    expect(await end).toBe('ended')
  })

  it('holds the server up while it is full', async () => {
    const TOTAL = 32 * MIB
    let written = 0
    const stalled = deferred()
    await using cluster = await rawCluster((socket) => {
      const more = (): void => {
        while (written < TOTAL) {
          written += 64 * 1024
          if (socket.write(Buffer.alloc(64 * 1024, 'x'))) continue
          socket.once('drain', more)
          setImmediate(() => socket.writableNeedDrain && stalled.resolve())
          return
        }
      }
      void wholeRequest(socket).then(() => {
        socket.write(header(TOTAL))
        more()
      })
    })
    const { sink, content } = probe(() => stalled.promise)
    const downloading = cluster.client.downloadFile(APPENDER_ID, sink)
    await stalled.promise
    // Loopback sockets hold up to 4 + 6 MiB.
    expect(written).toBeLessThan(16 * MIB)
    expect(await downloading).toMatchObject({ size: TOTAL })
    expect(content().length).toBe(TOTAL)
  })

  it.each<[string, object, object, object?]>([
    ['as there is no file', { 14: status(2) }, { name: 'FileNotFoundError', fileId: ID }],
    ['by damage', { 14: response(Buffer.from('hello, w0rld!')) }, { name: 'IntegrityError', fileId: ID }],
    ['by a wrong option', {}, { name: 'InvalidArgumentError' }, { offset: -1 }],
    ['by fsync', {}, { name: 'InvalidArgumentError' }, { fsync: true }],
  ])(
    'is destroyed with the error of a download that fails %s',
    async (__, answers, expected, options: object = {}) => {
      let calls = 0
      const second = response(Buffer.from('hello, w1rld!'))
      const first = (answers as Record<number, Buffer>)[14] ?? second
      await using cluster = await fakeCluster({ 14: () => (++calls === 1 ? first : second) })
      const { sink, end } = probe()
      const error = await rejection(cluster.client.downloadFile(ID, sink, { verify: true, ...options }))
      expect(error).toMatchObject(expected)
      expect(await end).toBe(error)
    },
  )

  it.each([
    ['', {}, 0, undefined],
    [', counted', { length: 13, verify: true }, 13, 0x58988d13],
  ])(
    'is tried again before its first byte, and gets the rest after it%s',
    async (__, options, count, sum) => {
      await using cluster = await fakeCluster({ 14: serving(CONTENT, 0, 2, 5) }, { retries: 3 })
      const { sink, content } = probe()
      const file = await cluster.client.downloadFile(ID, sink, options)
      expect(file).toMatchObject({ size: 13, crc32: sum })
      expect(content().toString()).toBe('hello, world!')
      expect(rangesOf(cluster)).toEqual([
        [0, count],
        [0, 13],
        [2, 11],
        [7, 6],
      ])
    },
  )

  it('that has got all it can is destroyed with the error', async () => {
    await using cluster = await fakeCluster({ 14: serving(CONTENT, 2, 3) }, { retries: 1 })
    const { sink, content, end } = probe()
    const error = await rejection(cluster.client.downloadFile(ID, sink))
    expect(error).toMatchObject({
      name: 'RetryError',
      errors: [{ name: 'ConnectError' }, { name: 'ConnectError' }],
    })
    expect(await end).toBe(error)
    expect(content().toString()).toBe('hello')
  })

  it('is not filled up from another content', async () => {
    const other = response(Buffer.from('HELLO'))
    let calls = 0
    const first = serving(CONTENT, 2)
    await using cluster = await fakeCluster(
      { 14: (request, socket) => (++calls === 1 ? first(request, socket) : other) },
      { retries: 3 },
    )
    const { sink, content } = probe()
    expect(await rejection(cluster.client.downloadFile(ID, sink))).toMatchObject({
      name: 'IntegrityError',
      reason: 'the file was changed while it was read: 5 bytes follow 2 of 13',
      retriable: false,
    })
    expect(content().toString()).toBe('he')
    expect(calls).toBe(2)
  })

  it('that fails ends the call, and the connection', async () => {
    const boom = new Error('boom')
    await using cluster = await fakeCluster({ 14: response(LARGE).subarray(0, MIB) }, { retries: 3 })
    const { sink } = probe(() => Promise.reject(boom))
    expect(await rejection(cluster.client.downloadFile(APPENDER_ID, sink))).toMatchObject({
      name: 'LocalIoError',
      reason: 'cannot write to the stream: boom',
      cause: boom,
      endpoint: cluster.storage.address,
      fileId: APPENDER_ID,
      retriable: false,
    })
    await closing(cluster.storage.connections[0] as Socket)
    expect(cluster.commands()).toEqual([14])
  })

  it('is destroyed by an abort, also while it handles the last piece', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    await using cluster = await fakeCluster()
    const { sink } = probe(() => {
      setImmediate(() => controller.abort(reason))
      return new Promise(() => {})
    })
    const downloading = cluster.client.downloadFile(ID, sink, { signal: controller.signal })
    expect(await rejection(downloading)).toMatchObject({ name: 'AbortError', cause: reason })
  })

  it('that never ends is given up in time', async () => {
    await using cluster = await fakeCluster()
    const { sink } = probe(() => new Promise(() => {}))
    const downloading = cluster.client.downloadFile(ID, sink, { timeout: 50 })
    expect(await rejection(downloading)).toMatchObject({ name: 'TimeoutError' })
  })
})

describe('a stream that is of no use', () => {
  it('is refused, and nobody is asked', async () => {
    await using cluster = await fakeCluster()
    const ended = new PassThrough().end()
    const locked = new WritableStream()
    locked.getWriter()
    for (const sink of [ended, new PassThrough().destroy(), locked]) {
      expect(await rejection(cluster.client.downloadFile(ID, sink))).toMatchObject({
        name: 'InvalidArgumentError',
      })
    }
    expect(ended.destroyed).toBe(false)
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it('is no sink', async () => {
    await using cluster = await fakeCluster()
    const error = await rejection<FastDfsError>(
      cluster.client.downloadFile(ID, new EventEmitter() as never, {}),
    )
    expect(error.reason).toMatch(/^a sink is a path, Writable, WritableStream, Uint8Array or Buffer, not /)
  })

  it.each([
    ['closes', (sink: Writable) => sink.destroy(), 'Premature close'],
    ['fails', (sink: Writable) => sink.destroy(new Error('gone')), 'gone'],
    ['is ended by another', (sink: Writable) => sink.end(), 'it was ended before the download was whole'],
  ])('as it %s while a tracker is asked ends the call at once', async (_, act, reason) => {
    const asked = deferred<Socket>()
    await using tracker = await rawServer(
      (socket) => void wholeRequest(socket).then(() => asked.resolve(socket)),
    )
    await using client = new FastDfsClient({ trackers: tracker.address })
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
    const downloading = rejection(client.downloadFile(ID, sink))
    const socket = await asked.promise
    act(sink)
    expect(await downloading).toMatchObject({
      name: 'LocalIoError',
      reason: `cannot write to the stream: ${reason}`,
    })
    await closing(socket)
  })

  it('as it is destroyed while it handles the last piece ends the call', async () => {
    await using cluster = await fakeCluster()
    const sink: Writable = new Writable({
      write: (_chunk, _encoding, done) =>
        void setImmediate(() => {
          sink.destroy()
          done()
        }),
    })
    expect(await rejection(cluster.client.downloadFile(ID, sink))).toMatchObject({
      name: 'LocalIoError',
      reason: 'cannot write to the stream: it was ended before the download was whole',
    })
  })

  it('as it cannot be closed ends the call', async () => {
    const boom = new Error('boom')
    await using cluster = await fakeCluster()
    const final = new Writable({ write: (_chunk, _encoding, done) => done(), final: (done) => done(boom) })
    const close = new WritableStream({ close: () => Promise.reject(boom) })
    for (const sink of [final, close]) {
      expect(await rejection(cluster.client.downloadFile(ID, sink))).toMatchObject({
        name: 'LocalIoError',
        cause: boom,
      })
    }
  })
})

it('a Duplex can be read while it is written', async () => {
  await using cluster = await fakeCluster({ 14: response(LARGE) })
  const through = new PassThrough()
  const [result, chunks] = await Promise.all([
    cluster.client.downloadFile(APPENDER_ID, through),
    through.toArray() as Promise<Buffer[]>,
  ])
  expect(result.size).toBe(LARGE.length)
  expect(Buffer.concat(chunks).equals(LARGE)).toBe(true)
  expect(through.listenerCount('drain')).toBe(0)
})

describe("a caller's bytes", () => {
  it.each([13, 20])('are filled from their start: %d', async (size) => {
    await using cluster = await fakeCluster()
    for (const bytes of [Buffer.alloc(size, '.'), new Uint8Array(size).fill(46)]) {
      expect(await cluster.client.downloadFile(ID, bytes)).toMatchObject({ size: 13 })
      expect(Buffer.from(bytes).toString()).toBe('hello, world!'.padEnd(size, '.'))
    }
  })

  it('that are too few are left as they are', async () => {
    await using cluster = await fakeCluster({ 14: response(CONTENT) }, { retries: 2 })
    const bytes = Buffer.alloc(12, '.')
    expect(await rejection(cluster.client.downloadFile(ID, bytes))).toMatchObject({
      name: 'InvalidArgumentError',
      reason: '13 bytes do not fit into a buffer of 12',
    })
    expect(bytes.toString()).toBe('............')
    expect(cluster.commands()).toEqual([14])
  })

  it('begin again', async () => {
    let calls = 0
    await using cluster = await fakeCluster(
      {
        14: (request, socket) => {
          // The second says that it has changed.
          if (++calls === 1) return serving(Buffer.from('HELLO, WORLD!'), 5)(request, socket)
          return calls === 2 ? response(Buffer.from('x')) : serving(CONTENT)(request, socket)
        },
      },
      { retries: 2 },
    )
    const bytes = Buffer.alloc(13)
    expect(await cluster.client.downloadFile(ID, bytes)).toMatchObject({ size: 13 })
    expect(bytes).toEqual(CONTENT)
  })
})

it.each([
  [{ fsync: true }, 2],
  [{ fsync: false }, 0],
  [{}, 0],
])('a path with %j is synced, and its folder: %d times', async (options, times) => {
  await using folder = await temporaryFolder()
  await using cluster = await fakeCluster()
  const handle = await open(folder.path)
  const sync = jest.spyOn(Object.getPrototypeOf(handle) as { sync(): Promise<void> }, 'sync')
  try {
    await cluster.client.downloadFile(ID, folder.join('file'), options)
    expect(sync).toHaveBeenCalledTimes(times)
    expect(await folder.names()).toEqual(['file'])
  } finally {
    sync.mockRestore()
    await handle.close()
  }
})

it('a path of which fsync is neither true nor false is left alone', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await fakeCluster()
  const options = { fsync: 1 as never }
  expect(await rejection(cluster.client.downloadFile(ID, folder.join('file'), options))).toMatchObject({
    reason: 'fsync must be true or false, not 1',
  })
  expect(await folder.names()).toEqual([])
})
