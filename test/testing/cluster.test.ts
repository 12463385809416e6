import { getEventListeners, once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError } from '../../src/errors.js'
import { FastDfsClient } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { HANDLES, watchHandles } from '../support/handles.js'

it.each([
  ['trackers', 17],
  ['groups', 513],
  ['storages', 33],
  ['storages', 0],
  ['trackers', 1.5],
])('refuses %s: %d', async (name, count) => {
  await expect(startCluster({ [name]: count })).rejects.toThrow(name)
  await expect(startCluster({ [name]: count })).rejects.toThrow(InvalidArgumentError)
})

it('leaves nothing behind when a member cannot start', async () => {
  const rival = createServer().listen(0, '127.0.0.1')
  await once(rival, 'listening')
  const { port } = rival.address() as AddressInfo
  await expect(startCluster({ trackers: 2, ports: { trackers: port - 1 } })).rejects.toMatchObject({
    code: 'FDFS_CONNECT',
  })
  const socket = connect(port - 1, '127.0.0.1')
  await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED')
  await once(rival.close(), 'close')
})

it.each(['before', 'during'])(
  'leaves nothing behind when its signal is aborted %s the start',
  async (when) => {
    const servers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length
    const before = servers()
    const controller = new AbortController()
    if (when === 'before') controller.abort('enough')
    const starting = startCluster({ groups: 2, signal: controller.signal })
    controller.abort('enough')
    await expect(starting).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' })
    // A handle that was closed is listed some turns longer.
    while (servers() > before) await new Promise(setImmediate)
  },
)

it('tells other processes where it is', async () => {
  await using cluster = await startCluster({ trackers: 2 })
  const { FASTDFS_TRACKERS } = cluster.env()
  expect(FASTDFS_TRACKERS.split(',')).toEqual(cluster.trackers.map(({ host, port }) => `${host}:${port}`))
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-cluster-'))
  const path = join(folder, 'client.conf')
  await writeFile(path, cluster.clientConf())
  for (const client of [new FastDfsClient({ trackers: FASTDFS_TRACKERS }), FastDfsClient.fromConfig(path)]) {
    const { id } = await client.uploadFile(Buffer.from('hello'))
    expect((await client.downloadFile(id)).toString()).toBe('hello')
    await client.close()
  }
  await rm(folder, { recursive: true })
})

it('leaves no timer, no socket and no listener in the process, whatever was under way', async () => {
  const { signal } = new AbortController()
  const listeners = (): number[] => process.eventNames().map((name) => process.listenerCount(name))
  const before = listeners()
  using handles = watchHandles(...HANDLES)
  const cluster = await startCluster({ trackers: 2, groups: 2, storages: 2, http: true, signal })
  const client = cluster.client()
  const { id } = await client.uploadFile(Buffer.alloc(100_000))
  cluster.fault({ command: 'downloadFile' }, { bytesPerSecond: 1000 })
  cluster.fault({ command: 'queryFileInfo' }, { delay: 60_000 })
  cluster.record()
  const waiting = [
    client.downloadFile(id),
    client.fileInfo(id),
    cluster.requests.next('deleteFile', { timeout: 60_000, signal }),
  ]
  await cluster.requests.next('queryFileInfo').catch(() => {})
  await cluster.trackers[0]?.stop()
  cluster.storage('group1', 1).pause()
  expect(new Set(handles.now()).size).toBeGreaterThan(2)
  await cluster.stop()
  expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(
    waiting.map(() => 'rejected'),
  )
  expect(await handles.left()).toEqual([])
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(listeners()).toEqual(before)
})

describe('a cluster that was stopped', () => {
  const closed = { name: 'ClosedError', message: 'the cluster was stopped: start another one' }

  it('is not brought back by a call that comes later', async () => {
    const cluster = await startCluster()
    const [tracker] = cluster.trackers
    await cluster.stop()
    await expect(cluster.reset()).rejects.toMatchObject(closed)
    await expect(cluster.addTracker()).rejects.toMatchObject(closed)
    await expect(cluster.addGroup('group2')).rejects.toMatchObject(closed)
    await expect(cluster.addStorage('group1')).rejects.toMatchObject(closed)
    await expect(tracker?.start()).rejects.toMatchObject(closed)
    expect(() => cluster.client()).toThrow(closed.message)
    expect([...cluster.trackers, ...cluster.storages].map(({ state }) => state)).not.toContain('running')
  })

  it.each(['at once', 'a turn later', 'when it listens'])('ends what was under way: %s', async (when) => {
    const cluster = await startCluster({ trackers: 2, storages: 2, http: true })
    await cluster.storage('group1').kill()
    const changes = [cluster.reset(), cluster.addStorage('group1'), cluster.addTracker()]
    if (when === 'a turn later') await new Promise(setImmediate)
    if (when === 'when it listens') {
      while ((cluster.storages[2]?.port ?? 0) === 0) await new Promise(setImmediate)
    }
    const settled = Promise.allSettled(changes)
    await cluster.stop()
    for (const result of await settled) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'ClosedError' })
    }
    for (const { host, port } of [...cluster.trackers, ...cluster.storages]) {
      if (port > 0) await expect(once(connect(port, host), 'connect')).rejects.toThrow('ECONNREFUSED')
    }
  })
})
