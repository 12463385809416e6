/** What `onProgress` is told, of every transfer. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { FastDfsClient, FastDfsError, Progress, Source } from '../../src/index.js'
import { response } from '../support/fake-server.js'
import type { FakeCluster } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  CONTENT,
  EMPTY_ID,
  fakeCluster,
  ID,
  info,
  OK,
  rawCluster,
  rejection,
  serving,
  status,
  STORED,
  temporaryFolder,
  wholeRequest,
} from './fakes.js'

const MIB = 1024 * 1024
const LARGE = bytesOf(3 * MIB + 17)

let cluster: FakeCluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
  cluster = await fakeCluster({ 21: STORED, 23: STORED, 24: OK, 34: OK, 14: response(LARGE) })
  await writeFile(folder.join('large'), LARGE)
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})
beforeEach(() => void cluster.storage.requests.splice(0))

/** Collects what it is told. */
function listener(): { calls: Progress[]; onProgress: (progress: Progress) => void } {
  const calls: Progress[] = []
  return { calls, onProgress: (progress) => void calls.push(progress) }
}

const stepsOf = (calls: Progress[]): number[] => calls.map(({ transferred }) => transferred)

function expectWhole(calls: Progress[], total: number): void {
  expect(calls.length).toBeGreaterThan(0)
  expect(calls.every((call) => call.total === total)).toBe(true)
  expect(calls.at(-1)).toEqual({ transferred: total, total })
  const steps = stepsOf(calls)
  expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b))
}

describe('of an upload', () => {
  it.each<[string, () => Source]>([
    ['a path', () => folder.join('large')],
    ['a Buffer', () => LARGE],
    ['a Blob', () => new Blob([LARGE])],
    ['a function', () => () => LARGE],
    ['a stream of unknown size', () => new Blob([LARGE]).stream() as Source],
  ])('of %s: every piece, the last one at the end', async (_, make) => {
    const { calls, onProgress } = listener()
    await cluster.client.uploadFile(make(), { onProgress })
    expectWhole(calls, LARGE.length)
    expect(calls.length).toBeGreaterThanOrEqual(4)
  })

  it('are the pieces as they are sent', async () => {
    const { calls, onProgress } = listener()
    await cluster.client.uploadFile(LARGE, { onProgress })
    expect(stepsOf(calls)).toEqual([MIB, 2 * MIB, 3 * MIB, LARGE.length])
  })

  it('of nothing is one call', async () => {
    const { calls, onProgress } = listener()
    await cluster.client.uploadFile(Buffer.alloc(0), { onProgress })
    expect(calls).toEqual([{ transferred: 0, total: 0 }])
  })

  it.each<[string, (onProgress: (progress: Progress) => void) => Promise<unknown>]>([
    ['an appender', (onProgress) => cluster.client.uploadAppenderFile(LARGE, { onProgress })],
    ['a slave', (onProgress) => cluster.client.uploadSlaveFile(ID, LARGE, { prefix: '_s', onProgress })],
    ['an append', (onProgress) => cluster.client.appendFile(APPENDER_ID, LARGE, { onProgress })],
    ['a modification', (onProgress) => cluster.client.modifyFile(APPENDER_ID, LARGE, { onProgress })],
  ])('of %s', async (_, run) => {
    const { calls, onProgress } = listener()
    await run(onProgress)
    expectWhole(calls, LARGE.length)
  })

  it('is at its end only when the storage has answered, and the metadata is set', async () => {
    const calls: number[] = []
    await cluster.client.uploadFile(CONTENT, {
      metadata: { a: 'b' },
      onProgress: () => calls.push(cluster.storage.requests.length),
    })
    expect(calls).toEqual([2])
  })

  it('that is made again starts again from 0', async () => {
    const content = bytesOf(24 * MIB)
    let connections = 0
    await using raw = await rawCluster(
      (socket) => {
        // The first takes a part and goes.
        if (++connections === 1) return void socket.once('data', () => socket.resetAndDestroy())
        void wholeRequest(socket).then(() => socket.write(STORED))
      },
      { retries: 1 },
    )
    const { calls, onProgress } = listener()
    await raw.client.uploadFile(content, { onProgress })
    expect(connections).toBe(2)
    const lastStart = stepsOf(calls).lastIndexOf(MIB)
    expectWhole(calls.slice(lastStart), content.length)
    expect(calls.slice(lastStart)).toHaveLength(24)
  })

  it('that fails never reaches its end, and is silent afterwards', async () => {
    await using failing = await fakeCluster({ 11: status(28) })
    const { calls, onProgress } = listener()
    let settled = false
    await rejection(
      failing.client.uploadFile(LARGE, {
        onProgress: (progress) => {
          expect(settled).toBe(false)
          onProgress(progress)
        },
      }),
    )
    settled = true
    await failing.client.uploadFile(CONTENT).catch(() => {})
    expect(calls.every(({ transferred, total }) => transferred < total)).toBe(true)
  })
})

describe('of a download', () => {
  it('to a Buffer', async () => {
    const { calls, onProgress } = listener()
    expect((await cluster.client.downloadFile(ID, { onProgress })).equals(LARGE)).toBe(true)
    expectWhole(calls, LARGE.length)
  })

  it('to a path', async () => {
    const { calls, onProgress } = listener()
    await cluster.client.downloadFile(ID, folder.join('copy'), { onProgress })
    expectWhole(calls, LARGE.length)
  })

  it('as a stream: all of it before the end', async () => {
    const { calls, onProgress } = listener()
    const stream = cluster.client.downloadStream(ID, { onProgress })
    stream.resume()
    await once(stream, 'end')
    expectWhole(calls, LARGE.length)
  })

  it('of an empty file is one call', async () => {
    await using empty = await fakeCluster({ 14: response(Buffer.alloc(0)), 22: response(info(0)) })
    const { calls, onProgress } = listener()
    await empty.client.downloadFile(EMPTY_ID, { onProgress })
    expect(calls).toEqual([{ transferred: 0, total: 0 }])
  })

  it('of a part', async () => {
    await using part = await fakeCluster({ 14: response(CONTENT.subarray(3, 8)) })
    const { calls, onProgress } = listener()
    await part.client.downloadFile(ID, { offset: 3, length: 5, onProgress })
    expect(calls).toEqual([{ transferred: 5, total: 5 }])
  })

  it('that is made again goes on where it stopped', async () => {
    let attempts = 0
    // A part of the content, then the end.
    const answer = serving(CONTENT, 5)
    await using flaky = await fakeCluster(
      {
        14: (request, socket) => {
          attempts++
          return answer(request, socket)
        },
      },
      { retries: 1 },
    )
    const { calls, onProgress } = listener()
    expect(await flaky.client.downloadFile(ID, { onProgress })).toEqual(CONTENT)
    expect(attempts).toBe(2)
    expect(calls.at(-1)).toEqual({ transferred: 13, total: 13 })
    expect(stepsOf(calls)).toEqual([5, 13])
  })

  it('that was ended is silent afterwards', async () => {
    const abort = new AbortController()
    const { calls, onProgress } = listener()
    const downloading = cluster.client.downloadFile(ID, {
      signal: abort.signal,
      onProgress: (progress) => {
        onProgress(progress)
        abort.abort()
      },
    })
    expect(await rejection(downloading)).toMatchObject({ name: 'AbortError' })
    const seen = calls.length
    await cluster.client.fileInfo(ID)
    expect(calls).toHaveLength(seen)
  })
})

describe('a listener that throws', () => {
  const boom = new Error('boom')
  const failed = { name: 'LocalIoError', reason: 'onProgress failed: boom', cause: boom, retriable: false }
  const throwAt =
    (least: number) =>
    ({ transferred }: Progress): void => {
      if (transferred >= least) throw boom
    }

  it('on the way ends the upload before the storage has all', async () => {
    const error = await rejection<FastDfsError>(
      cluster.client.uploadFile(LARGE, { onProgress: throwAt(MIB) }),
    )
    expect(error).toMatchObject(failed)
    expect(cluster.storage.requests).toHaveLength(0)
  })

  it('at the end has the file deleted again', async () => {
    const uploading = cluster.client.uploadFile(CONTENT, { onProgress: throwAt(13) })
    expect(await rejection(uploading)).toMatchObject({ ...failed, fileId: ID })
    expect(cluster.commands()).toEqual([11, 12])
  })

  it('ends an append', async () => {
    const appending = cluster.client.appendFile(APPENDER_ID, CONTENT, { onProgress: throwAt(13) })
    expect(await rejection(appending)).toMatchObject(failed)
  })

  it.each([1, LARGE.length])('ends a download, at byte %d', async (least) => {
    const onProgress = throwAt(least)
    const before = await folder.names()
    expect(await rejection(cluster.client.downloadFile(ID, { onProgress }))).toMatchObject(failed)
    expect(
      await rejection(cluster.client.downloadFile(ID, folder.join('never'), { onProgress })),
    ).toMatchObject(failed)
    expect(await folder.names()).toEqual(before)
    const stream: Readable = cluster.client.downloadStream(ID, { onProgress })
    stream.resume()
    await expect(once(stream, 'end')).rejects.toMatchObject(failed)
  })
})

describe('an async listener that rejects', () => {
  it.each<[string, (client: FastDfsClient, onProgress: () => Promise<void>) => Promise<unknown>]>([
    ['an upload', (client, onProgress) => client.uploadFile(LARGE, { onProgress })],
    [
      'a slave',
      (client, onProgress) => client.uploadSlaveFile(ID, CONTENT, { prefix: '_s', ext: 'txt', onProgress }),
    ],
    ['an append', (client, onProgress) => client.appendFile(APPENDER_ID, CONTENT, { onProgress })],
    ['a download', (client, onProgress) => client.downloadFile(ID, { onProgress })],
    [
      'a download to a path',
      (client, onProgress) => client.downloadFile(ID, folder.join('copy'), { onProgress }),
    ],
    [
      'a stream',
      async (client, onProgress) => {
        for await (const chunk of client.downloadStream(ID, { onProgress })) expect(chunk).toBeDefined()
      },
    ],
  ])('changes nothing for %s, and is logged', async (_, call) => {
    const told: string[] = []
    const logger = {
      debug: () => {},
      info: () => {},
      warn: (__: object, text: string): void => void told.push(text),
    }
    const unhandled = jest.fn()
    process.on('unhandledRejection', unhandled)
    await using other = await fakeCluster({ 21: STORED, 24: OK, 14: response(LARGE) }, { logger })
    await call(other.client, () => Promise.reject(new Error('boom')))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(new Set(told)).toEqual(new Set(['onProgress failed: boom']))
    expect(unhandled).not.toHaveBeenCalled()
  })
})
