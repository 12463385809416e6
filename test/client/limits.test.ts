/** `signal` and `timeout` end a call wherever it waits, and leave nothing behind. */
import { getEventListeners, once } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { CallOptions, FastDfsError } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import { fakeServer, response } from '../support/fake-server.js'
import {
  CONTENT,
  deadAddress,
  deafServer,
  deferred,
  fakeCluster,
  ID,
  INFO,
  rawCluster,
  rejection,
  status,
  temporaryFolder,
} from './fakes.js'

const reason = new Error('enough')

/** A call that has come to wait somewhere, with what to take down afterwards. */
interface Waiting {
  call: (options: CallOptions) => Promise<unknown>
  /** Resolves when the call waits there. */
  there: Promise<unknown>
  close: () => PromiseLike<void>
}

const places: Record<string, () => Promise<Waiting>> = {
  'for a connection that others use': async () => {
    const busy = deferred()
    const cluster = await fakeCluster({ 22: () => busy.resolve() }, { maxConnections: 1 })
    const other = cluster.client.fileInfo(ID).catch(() => {})
    await busy.promise
    const queries = cluster.tracker.requests.length
    return {
      call: (options) => cluster.client.fileInfo(ID, options),
      there: once(cluster.tracker.connections[0] as Socket, 'data').then(() => expect(queries).toBe(1)),
      close: async () => {
        await cluster[Symbol.asyncDispose]()
        await other
      },
    }
  },
  'for a server to take the connection': async () => {
    const deaf = await deafServer()
    const client = new FastDfsClient({ trackers: deaf.address })
    return {
      call: (options) => client.fileInfo(ID, options),
      there: Promise.resolve(),
      close: async () => {
        await client.close({ grace: 0 })
        await deaf[Symbol.asyncDispose]()
      },
    }
  },
  "for a tracker's answer": async () => {
    const asked = deferred()
    const tracker = await fakeServer(() => asked.resolve())
    const client = new FastDfsClient({ trackers: tracker.address })
    return {
      call: (options) => client.fileInfo(ID, options),
      there: asked.promise,
      close: async () => {
        await client.close({ grace: 0 })
        await tracker[Symbol.asyncDispose]()
      },
    }
  },
  "for a storage's answer": async () => {
    const asked = deferred()
    const cluster = await fakeCluster({ 22: () => asked.resolve() })
    return {
      call: (options) => cluster.client.fileInfo(ID, options),
      there: asked.promise,
      close: () => cluster[Symbol.asyncDispose](),
    }
  },
  'for the rest of an answer': async () => {
    const going = deferred()
    const cluster = await fakeCluster({
      14: (_, socket) => void socket.write(response(CONTENT).subarray(0, 15), () => going.resolve()),
    })
    return {
      call: (options) => cluster.client.downloadFile(ID, options),
      there: going.promise,
      close: () => cluster[Symbol.asyncDispose](),
    }
  },
  'for a storage to take more bytes': async () => {
    const going = deferred()
    const raw = await rawCluster((socket) => {
      socket.pause()
      going.resolve()
    })
    return {
      call: (options) => raw.client.uploadFile(Buffer.alloc(32 * 1024 * 1024), options),
      there: going.promise,
      close: () => raw[Symbol.asyncDispose](),
    }
  },
  'for a source': async () => {
    const cluster = await fakeCluster()
    const asked = deferred()
    const source = new Readable({ read: () => asked.resolve() })
    return {
      call: (options) => cluster.client.uploadFile(source, { size: 5, ...options }),
      there: asked.promise,
      close: () => cluster[Symbol.asyncDispose](),
    }
  },
  'for a function to give a source': async () => {
    const cluster = await fakeCluster()
    const asked = deferred()
    return {
      call: (options) =>
        cluster.client.uploadFile(() => {
          asked.resolve()
          return new Promise<Buffer>(() => {})
        }, options),
      there: asked.promise,
      close: () => cluster[Symbol.asyncDispose](),
    }
  },
  'between two attempts': async () => {
    // Without the dice the pause before the third attempt is 200 ms at least.
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.999)
    const asked = deferred()
    const cluster = await fakeCluster(
      {
        22: (_, socket) => {
          socket.once('close', () => asked.resolve())
          socket.destroy()
        },
      },
      { retries: 50 },
    )
    return {
      call: (options) => cluster.client.fileInfo(ID, options),
      there: asked.promise,
      close: async () => {
        random.mockRestore()
        await cluster[Symbol.asyncDispose]()
      },
    }
  },
}

describe.each(Object.entries(places))('a call that waits %s', (where, place) => {
  it('ends with the abort of its signal', async () => {
    const { call, there, close } = await place()
    const controller = new AbortController()
    const ended = rejection<FastDfsError>(call({ signal: controller.signal }))
    await there
    controller.abort(reason)
    expect(await ended).toMatchObject({ name: 'AbortError', code: 'FDFS_ABORTED', retriable: false })
    expect((await ended).cause).toBe(reason)
    expect((await ended).reason).toBe('the call was aborted')
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    await close()
  })

  it('ends with its time', async () => {
    const { call, close } = await place()
    const error = await rejection<FastDfsError>(call({ timeout: 60 }))
    const isUnknown = error.name === 'UnknownOutcomeError'
    expect(isUnknown ? where : error.name).toBe(isUnknown ? 'never' : 'TimeoutError')
    expect(error).toMatchObject({ code: 'FDFS_TIMEOUT', reason: 'the call did not end within 60 ms' })
    expect(error.retriable).toBe(false)
    await close()
  })
})

describe('a signal', () => {
  const calls: Record<string, (client: FastDfsClient, options: CallOptions) => Promise<unknown>> = {
    uploadFile: (client, options) => client.uploadFile(CONTENT, options),
    downloadFile: (client, options) => client.downloadFile(ID, options),
    'downloadFile to a path': (client, options) => client.downloadFile(ID, '/tmp/never-made', options),
    deleteFile: (client, options) => client.deleteFile(ID, options),
    fileInfo: (client, options) => client.fileInfo(ID, options),
    getMetadata: (client, options) => client.getMetadata(ID, options),
    setMetadata: (client, options) => client.setMetadata(ID, { a: 'b' }, options),
  }

  it.each(Object.entries(calls))('that was aborted before lets %s ask nobody', async (_, call) => {
    await using cluster = await fakeCluster()
    await expect(call(cluster.client, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      name: 'AbortError',
      cause: reason,
    })
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it.each(Object.entries(calls).filter(([name]) => !name.includes(' ')))(
    'is left without a listener by %s, whether it succeeds or fails',
    async (_, call) => {
      const { signal } = new AbortController()
      await using good = await fakeCluster({ 15: response(Buffer.from('a\x02b')) })
      await call(good.client, { signal, timeout: 5000 })
      const bad = status(5)
      await using refusing = await fakeCluster({ 11: bad, 12: bad, 13: bad, 14: bad, 15: bad, 22: bad })
      await rejection(call(refusing.client, { signal }))
      await using client = new FastDfsClient({ trackers: await deadAddress(), retries: 1 })
      await rejection(call(client, { signal }))
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    },
  )

  it('may be that of many calls: none warns of a leak, and one abort ends all', async () => {
    const warnings: unknown[] = []
    const onWarning = (warning: Error): unknown => warnings.push(warning.message)
    process.on('warning', onWarning)
    const all = deferred()
    let asked = 0
    await using cluster = await fakeCluster({ 22: () => void (++asked === 30 && all.resolve()) })
    const controller = new AbortController()
    const ended = Array.from({ length: 30 }, () =>
      rejection(cluster.client.fileInfo(ID, { signal: controller.signal })),
    )
    await all.promise
    controller.abort(reason)
    for (const error of await Promise.all(ended))
      expect(error).toMatchObject({ name: 'AbortError', cause: reason })
    // Warnings are emitted in a tick of their own.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('that is one of time gives its reason as the cause', async () => {
    await using cluster = await fakeCluster({ 22: () => {} })
    const error = await rejection<FastDfsError>(
      cluster.client.fileInfo(ID, { signal: AbortSignal.timeout(40) }),
    )
    expect(error).toMatchObject({ name: 'AbortError', cause: { name: 'TimeoutError' } })
  })

  it('aborted after the success changes nothing', async () => {
    await using cluster = await fakeCluster()
    const controller = new AbortController()
    const uploading = cluster.client.uploadFile(CONTENT, { signal: controller.signal })
    await expect(uploading).resolves.toMatchObject({ id: ID })
    controller.abort()
    expect(await cluster.client.fileInfo(ID)).toMatchObject({ size: 13 })
    expect(cluster.storage.connections).toHaveLength(1)
  })

  it('that ends an upload after its answer is too late: the file has its ID', async () => {
    const controller = new AbortController()
    await using cluster = await fakeCluster({
      11: (_, socket) => {
        socket.write(Buffer.from('000000000000003c6400', 'hex'))
        socket.write(Buffer.concat([Buffer.from('group1'.padEnd(16, '\0')), Buffer.from(ID.slice(7))]))
      },
    })
    const uploading = cluster.client.uploadFile(CONTENT, { signal: controller.signal })
    const file = await uploading.finally(() => controller.abort())
    expect(file.id).toBe(ID)
  })
})

describe('a timeout', () => {
  it('is that of the client where the call has none', async () => {
    await using cluster = await fakeCluster({ 22: () => {} }, { timeout: 50 })
    await expect(cluster.client.fileInfo(ID)).rejects.toMatchObject({
      name: 'TimeoutError',
      reason: 'the call did not end within 50 ms',
    })
  })

  it('of a call stands before that of the client, Infinity too', async () => {
    const gate = deferred()
    await using cluster = await fakeCluster(
      { 22: (_, socket) => void gate.promise.then(() => socket.write(INFO)) },
      { timeout: 30 },
    )
    const patient = cluster.client.fileInfo(ID, { timeout: Infinity })
    await expect(cluster.client.fileInfo(ID)).rejects.toMatchObject({ name: 'TimeoutError' })
    gate.resolve()
    await expect(patient).resolves.toMatchObject({ size: 13 })
  })

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 40, Number.MAX_VALUE, Infinity])(
    'of %d is a long one',
    async (timeout) => {
      const timers = jest.spyOn(globalThis, 'setTimeout')
      await using cluster = await fakeCluster()
      await expect(cluster.client.fileInfo(ID, { timeout })).resolves.toMatchObject({ size: 13 })
      for (const [, delay] of timers.mock.calls) expect(delay).toBeLessThan(2 ** 31)
      timers.mockRestore()
    },
  )

  it('covers all attempts together', async () => {
    await using cluster = await fakeCluster({ 22: (_, socket) => void socket.destroy() }, { retries: 1000 })
    await expect(cluster.client.fileInfo(ID, { timeout: 150 })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    expect(cluster.commands().length).toBeGreaterThan(1)
  })

  it('after everything of an upload was sent leaves its outcome unknown', async () => {
    await using cluster = await fakeCluster({ 11: () => {} })
    await expect(cluster.client.uploadFile(CONTENT, { timeout: 50 })).rejects.toMatchObject({
      name: 'UnknownOutcomeError',
      cause: { name: 'TimeoutError', reason: 'the call did not end within 50 ms' },
    })
  })

  it('ends setting the metadata of an upload, and the file is taken away again', async () => {
    const gone = deferred()
    await using cluster = await fakeCluster({
      13: () => {},
      12: () => {
        gone.resolve()
        return Buffer.from('00000000000000006400', 'hex')
      },
    })
    const options = { metadata: { a: 'b' }, timeout: 80 }
    await expect(cluster.client.uploadFile(CONTENT, options)).rejects.toMatchObject({
      name: 'TimeoutError',
      fileId: ID,
    })
    await gone.promise
    expect(cluster.commands()).toEqual([11, 13, 12])
  })
})

describe('connectTimeout', () => {
  it('ends an attempt to connect, and the next tracker is asked', async () => {
    await using deaf = await deafServer()
    await using storage = await fakeServer(() => INFO)
    const { fakeTracker } = await import('../support/fake-server.js')
    await using tracker = await fakeTracker(storage.port)
    const options = { connectTimeout: 1000, retries: 0 }
    await using client = new FastDfsClient({ trackers: [deaf.address, tracker.address], ...options })
    for (let i = 0; i < 3; i++) await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    await using alone = new FastDfsClient({ trackers: deaf.address, ...options })
    await expect(alone.fileInfo(ID)).rejects.toMatchObject({
      name: 'TimeoutError',
      reason: 'no connection within 1000 ms',
      endpoint: deaf.address,
      retriable: true,
    })
  })
})

it('an aborted download to a path leaves neither file nor handle', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await fakeCluster({ 14: () => {} })
  await rejection(cluster.client.downloadFile(ID, folder.join('x'), { timeout: 40 }))
  expect(await folder.names()).toEqual([])
})
