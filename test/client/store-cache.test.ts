/** Answers of trackers to where uploads can go, remembered: `trackerCache`. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { StoreCache } from '../../src/client/store-cache.js'
import type { Connect, StoreTarget } from '../../src/index.js'
import { FastDfsClient, NoSpaceError } from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { bytesOf, CONTENT, rejection } from './fakes.js'

const isUsable = (): boolean => true

const listed = (group: string, ...ports: number[]) => ({
  group,
  targets: ports.map((port): StoreTarget => ({ group, host: 'h', port, storePathIndex: 255 })),
})

describe('the memory', () => {
  let now = 1_000
  beforeEach(() => {
    now = 1_000
    jest.spyOn(performance, 'now').mockImplementation(() => now)
    jest.spyOn(Math, 'random').mockReturnValue(0)
  })
  afterEach(() => jest.restoreAllMocks())

  const ports = (cache: StoreCache, group: string | undefined, count: number, trackers = 1) =>
    Array.from({ length: count }, () => cache.next(group, trackers)?.port)

  it('names the storages of a group in turn', () => {
    const cache = new StoreCache(500, isUsable)
    expect(ports(cache, 'g', 1)).toEqual([undefined])
    cache.add('g', listed('g', 1, 2, 3), now)
    expect(ports(cache, 'g', 5)).toEqual([1, 2, 3, 1, 2])
    expect(ports(cache, 'other', 1)).toEqual([undefined])
    expect(ports(cache, undefined, 1)).toEqual([undefined])
  })

  it('names groups in turn, as soon as every tracker has named no further one', () => {
    const cache = new StoreCache(500, isUsable)
    for (const [group, port] of [
      ['g', 1],
      ['g', 1],
      ['h', 3],
      ['h', 3],
    ] as const) {
      cache.add(undefined, listed(group, port, port + 1), now)
      expect(ports(cache, undefined, 1, 2)).toEqual([undefined])
    }
    cache.add(undefined, listed('g', 1, 2), now)
    expect(ports(cache, undefined, 6, 2)).toEqual([1, 3, 2, 4, 1, 3])
  })

  it('names the one group that a tracker wants', () => {
    const cache = new StoreCache(500, isUsable)
    cache.add(undefined, listed('g', 1), now)
    cache.add(undefined, listed('g', 1), now)
    expect(ports(cache, undefined, 2)).toEqual([1, 1])
  })

  it('ends its time after the first answer was asked for, and goes on with whose turn it is', () => {
    const cache = new StoreCache(500, isUsable)
    cache.add('g', listed('g', 1, 2, 3), now - 100)
    expect(ports(cache, 'g', 1)).toEqual([1])
    now += 399
    cache.add('g', listed('g', 1, 2, 3), now)
    expect(ports(cache, 'g', 1)).toEqual([2])
    now += 1
    expect(ports(cache, 'g', 1)).toEqual([undefined])
    cache.add('g', listed('g', 1, 2, 3), now)
    expect(ports(cache, 'g', 1)).toEqual([3])
  })

  it('leaves out what is not usable, of all groups', () => {
    let usable: number[] = []
    const cache = new StoreCache(500, ({ port }) => usable.includes(port))
    cache.add(undefined, listed('g', 1, 2), now)
    cache.add(undefined, listed('h', 3), now)
    cache.add(undefined, listed('h', 3), now)
    const next = (only: number[]) => {
      usable = only
      return ports(cache, undefined, 4)
    }
    expect(next([2, 3])).toEqual([2, 3, 2, 3])
    expect(next([3])).toEqual([3, 3, 3, 3])
    expect(next([])).toEqual([undefined, undefined, undefined, undefined])
  })

  it('takes no answer that was asked for before it was told to forget', () => {
    const cache = new StoreCache(500, isUsable)
    cache.add('g', listed('g', 1), now)
    cache.clear()
    expect(ports(cache, 'g', 1)).toEqual([undefined])
    cache.add('g', listed('g', 1), now)
    expect(ports(cache, 'g', 1)).toEqual([undefined])
    now++
    cache.add('g', listed('g', 2), now)
    expect(ports(cache, 'g', 1)).toEqual([2])
  })
})

/** What trackers were asked. */
const questionsTo = (cluster: Cluster): string[] =>
  cluster.requests
    .list({ from: 'clients' })
    .map(({ command }) => command)
    .filter((command) => command.startsWith('queryStore'))
const questions = (cluster: Cluster): number => questionsTo(cluster).length

/** Connections whose ends the test can wait for: what is sent on one that ends at that moment has no answer. */
function tracked(): { connect: Connect; ended: (port: number) => Promise<unknown> } {
  const sockets: { port: number; ended: Promise<unknown> }[] = []
  return {
    connect: async ({ host, port }, { signal }) => {
      const socket = connect({ host, port, noDelay: true })
      await once(socket, 'connect', { signal })
      sockets.push({ port, ended: once(socket, 'close') })
      return socket
    },
    ended: (port) => Promise.all(sockets.filter((one) => one.port === port).map(({ ended }) => ended)),
  }
}

const clientOf = (cluster: Cluster, options = {}): FastDfsClient =>
  new FastDfsClient({ ...cluster.clientOptions(), trackerCache: 1000, ...options })

describe('uploads with trackerCache', () => {
  // None of the answers grows old within a test.
  let now = 0
  beforeEach(() => {
    now = performance.now()
    jest.spyOn(performance, 'now').mockImplementation(() => (now += 0.001))
  })
  afterEach(() => jest.restoreAllMocks())

  it('ask a tracker no more, and go to every group and storage alike', async () => {
    await using cluster = await startCluster({ trackers: 2, groups: 2, storages: 2 })
    await using client = clientOf(cluster)
    for (let i = 0; i < 6; i++) await client.uploadFile(CONTENT)
    const asked = questions(cluster)
    const taken: Record<string, number> = {}
    for (let i = 0; i < 24; i++) {
      const { endpoint } = await client.uploadFile(CONTENT)
      taken[endpoint] = (taken[endpoint] ?? 0) + 1
    }
    expect(Object.values(taken)).toEqual([6, 6, 6, 6])
    expect(questions(cluster)).toBe(asked)
    const [last] = cluster.requests.list({ command: 'uploadFile' }).slice(-1)
    expect(last?.request).toMatchObject({ storePathIndex: 255 })
  })

  it('of a named group ask once', async () => {
    await using cluster = await startCluster({ groups: 2 })
    await using client = clientOf(cluster)
    for (let i = 0; i < 3; i++)
      expect(await client.uploadFile(CONTENT, { group: 'group2' })).toMatchObject({ group: 'group2' })
    expect(questions(cluster)).toBe(1)
    await client.uploadAppenderFile(CONTENT, { group: 'group2' })
    expect(questions(cluster)).toBe(1)
    // Where the caller says more, what a tracker said of the whole is not asked for.
    expect((await client.tracker.queryStore({ group: 'group2' })).group).toBe('group2')
    expect(questions(cluster)).toBe(2)
  })

  it('ask new trackers after setTrackers', async () => {
    await using cluster = await startCluster()
    await using other = await startCluster()
    await using client = clientOf(cluster, { group: 'group1' })
    await client.uploadFile(CONTENT)
    client.setTrackers(other.clientOptions().trackers)
    const { endpoint } = await client.uploadFile(CONTENT)
    expect(endpoint).toBe(`127.0.0.1:${other.storage('group1', 0).port}`)
  })

  it.each([2, 5, 16, 22, 28])(
    'that are refused with %i forget all, and are made once more where a tracker says',
    async (status) => {
      await using cluster = await startCluster()
      await using client = clientOf(cluster, { retries: 0, group: 'group1' })
      await client.uploadFile(CONTENT)
      cluster.fault({ command: 'uploadFile', times: 1 }, { status })
      const { id } = await client.uploadFile(bytesOf(100_000))
      // At first where no tracker is asked; then another storage is looked for, and there is none.
      const asked = ['queryStoreWithGroupAll', 'queryStoreWithGroupOne', 'queryStoreWithGroupAll']
      expect(questionsTo(cluster)).toEqual(asked)
      expect(await client.downloadFile(id)).toEqual(bytesOf(100_000))
      // What was forgotten is not remembered by what was asked for that one upload.
      await client.uploadFile(CONTENT)
      await client.uploadFile(CONTENT)
      expect(questionsTo(cluster)).toEqual([...asked, 'queryStoreWithGroupAll'])
    },
  )

  it('that are refused a second time fail with that', async () => {
    await using cluster = await startCluster()
    await using client = clientOf(cluster, { retries: 0, group: 'group1' })
    await client.uploadFile(CONTENT)
    cluster.fault({ command: 'uploadFile' }, { status: 28 })
    expect(await rejection(client.uploadFile(CONTENT))).toBeInstanceOf(NoSpaceError)
    expect(cluster.requests.list({ command: 'uploadFile' })).toHaveLength(3)
  })

  it('of a stream that was begun are not made again', async () => {
    await using cluster = await startCluster()
    await using client = clientOf(cluster, { retries: 0, group: 'group1' })
    await client.uploadFile(CONTENT)
    cluster.fault({ command: 'uploadFile', times: 1 }, { status: 28 })
    async function* pieces(): AsyncGenerator<Buffer> {
      yield CONTENT
    }
    const upload = client.uploadFile(pieces(), { size: CONTENT.length })
    expect(await rejection(upload)).toBeInstanceOf(NoSpaceError)
    // But what was remembered is forgotten.
    await client.uploadFile(CONTENT)
    expect(questions(cluster)).toBe(2)
  })

  it('are never made again when their answer is lost', async () => {
    await using cluster = await startCluster()
    await using client = clientOf(cluster, { group: 'group1' })
    await client.uploadFile(CONTENT)
    cluster.fault({ command: 'uploadFile', times: 1 }, { cutAfter: 0 })
    await expect(client.uploadFile(CONTENT)).rejects.toMatchObject({ code: 'FDFS_UNKNOWN_OUTCOME' })
    expect(cluster.requests.list({ command: 'uploadFile' })).toHaveLength(2)
  })

  it('go to another storage when one is killed', async () => {
    await using cluster = await startCluster({ storages: 2 })
    const { connect: open, ended } = tracked()
    await using client = clientOf(cluster, { retries: 0, group: 'group1', connect: open })
    for (let i = 0; i < 4; i++) await client.uploadFile(CONTENT)
    const [gone, left] = [cluster.storage('group1', 0), cluster.storage('group1', 1)]
    await gone.kill()
    await ended(gone.port)
    const endpoint = `127.0.0.1:${left.port}`
    for (let i = 0; i < 4; i++) expect(await client.uploadFile(CONTENT)).toMatchObject({ endpoint })
  })

  it('fail with what a tracker says when no storage is left', async () => {
    await using cluster = await startCluster()
    const { connect: open, ended } = tracked()
    await using client = clientOf(cluster, { retries: 0, group: 'group1', connect: open })
    await client.uploadFile(CONTENT)
    const { port } = cluster.storage('group1', 0)
    await cluster.storage('group1', 0).kill()
    await ended(port)
    await expect(client.uploadFile(CONTENT)).rejects.toMatchObject({
      status: 2,
      command: 'queryStoreWithGroupOne',
    })
  })
})
