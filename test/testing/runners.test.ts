/** The cluster under a test runner: hooks, fake timers, and hundreds of clusters in one process. */
import type { Cluster } from '../../src/testing/index.js'
import { startCluster, useCluster } from '../../src/testing/index.js'
import shared from '../../src/testing/jest.js'
import { collectGarbage } from '../support/garbage.js'

const content = Buffer.from('0123456789')

describe('useCluster with the hooks that jest makes global', () => {
  const cluster = useCluster({ groups: 2 })
  let id = ''

  it('has a cluster in each test', async () => {
    ;({ id } = await cluster.client().uploadFile(content))
    expect(cluster.storages).toHaveLength(2)
  })

  it('resets it between tests', async () => {
    expect(await cluster.client().fileExists(id)).toBe(false)
    expect(cluster.requests.list({ command: 'uploadFile' })).toEqual([])
  })
})

describe('useCluster with hooks it is given', () => {
  type Run = () => Promise<void>
  function runner() {
    const hooks: Record<'before' | 'after' | 'beforeEach' | 'afterEach', Run[]> = {
      before: [],
      after: [],
      beforeEach: [],
      afterEach: [],
    }
    const given = {
      before: (run: Run) => hooks.before.push(run),
      after: (run: Run) => hooks.after.push(run),
      beforeEach: (run: Run) => hooks.beforeEach.push(run),
      afterEach: (run: Run) => hooks.afterEach.push(run),
    }
    const call = async (name: keyof typeof hooks): Promise<void> => {
      for (const run of hooks[name]) await run()
    }
    return { given, call }
  }

  it('runs from the first hook to the last', async () => {
    const { given, call } = runner()
    const cluster = useCluster({}, given)
    expect(() => cluster.trackers).toThrow('the cluster runs only during tests')
    await call('before')
    await call('beforeEach')
    expect(cluster.trackers).toHaveLength(1)
    await call('afterEach')
    await call('after')
    expect(() => cluster.trackers).toThrow('the cluster runs only during tests')
  })

  it('fails a test that leaves a fault unused, and the end when a connection is open', async () => {
    const { given, call } = runner()
    const cluster = useCluster({}, given)
    await call('before')
    await call('beforeEach')
    cluster.fault({ command: 'deleteFile' }, { status: 5 })
    await expect(call('afterEach')).rejects.toThrow('these faults never happened')
    const [tracker] = cluster.clientOptions().trackers
    const { FastDfsClient } = await import('../../src/index.js')
    await using forgotten = new FastDfsClient({ trackers: [tracker as string] })
    await forgotten.ping()
    await expect(call('after')).rejects.toThrow('a connection from 127.0.0.1')
  })

  it('says so where there are none', () => {
    expect(() => useCluster({}, {} as never)).toThrow('there is no hook beforeAll or before')
  })
})

it("is jest's global set-up and tear-down, and leaves only a text behind", async () => {
  const before = process.env['FASTDFS_TRACKERS']
  await shared({}, { globals: { fastdfs: { trackers: 2 } } })
  expect(process.env['FASTDFS_TRACKERS']).toMatch(/^127\.0\.0\.1:\d+,127\.0\.0\.1:\d+$/)
  await shared()
  expect(process.env['FASTDFS_TRACKERS']).toBeUndefined()
  if (before !== undefined) process.env['FASTDFS_TRACKERS'] = before
})

describe('under fake timers', () => {
  beforeEach(() => {
    jest.useFakeTimers()
  })
  afterEach(() => {
    jest.useRealTimers()
  })

  it('starts, stores, waits, delays and stops, while the clock of the test stands still', async () => {
    const now = Date.now()
    const cluster = await startCluster({ trackers: 2, groups: 2, storages: 2 })
    const client = cluster.client()
    cluster.fault({ command: 'uploadFile' }, { delay: 5 })
    const next = cluster.requests.next('uploadFile')
    const { id } = await client.uploadFile(content)
    expect((await next).request).toMatchObject({ ext: '' })
    expect(await client.downloadFile(id)).toEqual(content)
    await cluster.trackers[0]?.stop()
    await cluster.trackers[0]?.start()
    await expect(cluster.requests.next('deleteFile', { timeout: 5 })).rejects.toThrow('within 5 ms')
    await cluster.reset()
    expect((await cluster.stop()).text).toBe('')
    expect(Date.now()).toBe(now)
  })
})

describe('hundreds of clusters in one process', () => {
  it('leave nothing behind', async () => {
    const handles = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => !['Timeout', 'Immediate', 'PipeWrap'].includes(name))
    const use = async (): Promise<void> => {
      const cluster: Cluster = await startCluster({ storages: 2 })
      await cluster.client().uploadFile(Buffer.alloc(100_000))
      cluster.fault({ command: 'deleteFile' }, { hang: true })
      cluster.record()
      await cluster.stop()
    }
    await use()
    const before = handles().length
    const heaps: number[] = []
    for (let round = 0; round < 4; round++) {
      await Promise.all(Array.from({ length: 5 }, use))
      for (let i = 0; i < 45; i++) await use()
      collectGarbage()
      heaps.push(process.memoryUsage().heapUsed)
    }
    expect(handles().length).toBeLessThanOrEqual(before)
    // 50 clusters that each kept their 100 000 bytes, or their members, would be far more than this.
    expect((heaps[3] ?? 0) - (heaps[1] ?? 0)).toBeLessThan(20_000_000)
  }, 60_000)
})
