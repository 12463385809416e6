/** The end of a client. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { FastDfsClient } from '../../src/index.js'
import { watchHandles } from '../support/handles.js'
import {
  CONTENT,
  deadAddress,
  deafServer,
  deferred,
  fakeCluster,
  ID,
  INFO,
  rejection,
  STORED,
  temporaryFolder,
} from './fakes.js'

const calls: Record<string, (client: FastDfsClient) => Promise<unknown>> = {
  uploadFile: (client) => client.uploadFile(CONTENT),
  downloadFile: (client) => client.downloadFile(ID),
  'downloadFile to a path': (client) => client.downloadFile(ID, '/tmp/never-made'),
  downloadStream: (client) => once(client.downloadStream(ID).resume(), 'end'),
  deleteFile: (client) => client.deleteFile(ID),
  fileInfo: (client) => client.fileInfo(ID),
  getMetadata: (client) => client.getMetadata(ID),
  setMetadata: (client) => client.setMetadata(ID, {}),
}

describe('a closed client', () => {
  it.each(Object.entries(calls))('refuses %s', async (_, call) => {
    await using cluster = await fakeCluster()
    await cluster.client.close()
    await expect(call(cluster.client)).rejects.toMatchObject({
      name: 'ClosedError',
      code: 'FDFS_CLOSED',
      reason: 'the client was closed',
      retriable: false,
    })
    expect(cluster.tracker.connections).toHaveLength(0)
  })

  it('may be closed again, also at the same time', async () => {
    await using cluster = await fakeCluster()
    await cluster.client.fileInfo(ID)
    await Promise.all([cluster.client.close(), cluster.client.close({ grace: 0 })])
    await expect(cluster.client.close()).resolves.toBeUndefined()
  })

  it('has closed its connections, and left no timers', async () => {
    await using cluster = await fakeCluster()
    using timers = watchHandles('Timeout')
    await Promise.all(Array.from({ length: 10 }, () => cluster.client.fileInfo(ID, { timeout: 10_000 })))
    const sockets = [...cluster.storage.connections, ...cluster.tracker.connections]
    expect(sockets.length).toBeGreaterThan(1)
    const closed = sockets.map(async (socket) => socket.closed || once(socket, 'close'))
    await cluster.client.close()
    await Promise.all(closed)
    expect(await timers.left()).toEqual([])
  })
})

describe('close', () => {
  it('lets running calls end within its grace, and their later steps too', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster({ 11: (_, socket) => asked.resolve(socket) })
    const uploading = cluster.client.uploadFile(CONTENT, { metadata: { a: 'b' } })
    const socket = await asked.promise
    const closing = cluster.client.close()
    await expect(cluster.client.fileInfo(ID)).rejects.toMatchObject({ name: 'ClosedError' })
    socket.write(STORED)
    await expect(uploading).resolves.toMatchObject({ id: ID })
    await closing
    expect(cluster.commands()).toEqual([11, 13])
  })

  it('ends calls that take longer, and waits for their ends', async () => {
    const asked = deferred()
    let count = 0
    await using cluster = await fakeCluster({ 22: () => void (++count === 3 && asked.resolve()) })
    const outcomes = [1, 2, 3].map(() => rejection(cluster.client.fileInfo(ID)))
    await asked.promise
    await cluster.client.close({ grace: 20 })
    for (const error of await Promise.all(outcomes)) {
      expect(error).toMatchObject({ name: 'ClosedError', endpoint: cluster.storage.address, fileId: ID })
    }
  })

  it('has removed what a download had begun to write', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster({ 14: (_, socket) => asked.resolve(socket) })
    await using folder = await temporaryFolder()
    const outcome = rejection(cluster.client.downloadFile(ID, folder.join('copy')))
    await asked.promise
    expect(await folder.names()).toHaveLength(1)
    await cluster.client.close({ grace: 0 })
    expect(await folder.names()).toEqual([])
    expect(await outcome).toMatchObject({ name: 'ClosedError' })
  })

  it('ends at once what has not had a connection yet', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster(
      { 22: (_, socket) => asked.resolve(socket) },
      { maxConnections: 1 },
    )
    const running = cluster.client.fileInfo(ID)
    const socket = await asked.promise
    // The tracker answers this one; it waits for the storage, and has begun.
    const waiting = cluster.client.fileInfo(ID)
    await once(cluster.tracker.connections[0] as Socket, 'data')
    await using deaf = await deafServer()
    const { FastDfsClient } = await import('../../src/index.js')
    const lonely = new FastDfsClient({ trackers: deaf.address, maxConnections: 1 })
    const outcomes = [1, 2, 3].map(() => rejection(lonely.fileInfo(ID)))
    await lonely.close({ grace: 60_000 })
    for (const error of await Promise.all(outcomes)) expect(error).toMatchObject({ name: 'ClosedError' })
    const closing = cluster.client.close({ grace: 60_000 })
    socket.write(INFO)
    await expect(running).resolves.toMatchObject({ size: 13 })
    socket.write(INFO)
    await expect(waiting).resolves.toMatchObject({ size: 13 })
    await closing
  })

  it('leaves no socket, timer or listener', async () => {
    const { default: events } = await import('node:events')
    const { signal } = new AbortController()
    {
      await using cluster = await fakeCluster({ 22: (_, socket) => void socket.end() }, { retries: 2 })
      using timers = watchHandles('Timeout')
      const dead = new (await import('../../src/index.js')).FastDfsClient({ trackers: await deadAddress() })
      await Promise.all([
        cluster.client.uploadFile(CONTENT, { signal, timeout: 60_000 }),
        rejection(cluster.client.fileInfo(ID, { signal })),
        rejection(dead.fileInfo(ID, { signal, timeout: 60_000 })),
        rejection(cluster.client.diagnose({ signal: AbortSignal.abort() })),
      ])
      await Promise.all([cluster.client.close(), dead.close()])
      expect(cluster.client.stats().endpoints).toEqual([])
      expect(await timers.left()).toEqual([])
    }
    expect(events.getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('with grace: Infinity waits for all', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster({ 22: (_, socket) => asked.resolve(socket) })
    const asking = cluster.client.fileInfo(ID)
    const socket = await asked.promise
    const closing = cluster.client.close({ grace: Infinity })
    socket.write(INFO)
    await expect(asking).resolves.toMatchObject({ size: 13 })
    await closing
  })

  it('is what await using does', async () => {
    const { FastDfsClient } = await import('../../src/index.js')
    await using cluster = await fakeCluster()
    let kept: FastDfsClient
    {
      await using client = new FastDfsClient({ trackers: cluster.tracker.address })
      await client.fileInfo(ID)
      kept = client
    }
    await expect(kept.fileInfo(ID)).rejects.toMatchObject({ name: 'ClosedError' })
  })
})
