/** Many files in one call: bounded, lazy, and a result for each item. */
import { readFile, writeFile } from 'node:fs/promises'
import type { BatchResult, UploadItem } from '../../src/index.js'
import * as fastdfs from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { header } from '../support/fake-server.js'
import { CONTENT, deferred, fakeCluster, ID, OK, status, STORED, temporaryFolder } from './fakes.js'

const { AbortError, FastDfsClient, TimeoutError } = fastdfs
const OTHER_ID = ID.replace('/00/00/', '/00/01/')

const statusesOf = (results: BatchResult<unknown>[]): string[] =>
  results.map((result) => (result.status === 'fulfilled' ? 'ok' : result.reason.name))

describe('on a cluster', () => {
  let cluster: Cluster
  let client: fastdfs.FastDfsClient
  beforeAll(async () => {
    cluster = await startCluster()
    client = cluster.client()
  })
  afterAll(() => cluster.stop())

  it('uploads, downloads and deletes, in the order of the items', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.join('a.txt'), 'a')
    const uploads = await client.uploadFiles([
      folder.join('a.txt'),
      Buffer.from('b'),
      { source: Buffer.from('c'), ext: 'log', metadata: { n: '3' } },
      [Buffer.from('d')],
      () => Buffer.from('e'),
      new Blob(['f']),
    ])
    const files = uploads.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    expect(files.map(({ id }) => id.slice(-4))).toEqual([
      '.txt',
      expect.any(String),
      '.log',
      ...Array<unknown>(3).fill(expect.any(String)),
    ])
    expect(await client.getMetadata(files[2]?.id ?? '')).toEqual({ n: '3' })

    const paths = files.map((_, i) => folder.join(`copy${i}`))
    const downloads = await client.downloadFiles(files.map(({ id }, i) => ({ id, path: paths[i] as string })))
    expect(downloads).toEqual(
      files.map(({ crc32 }) => ({
        status: 'fulfilled',
        value: expect.objectContaining({ size: 1, crc32, verified: true }) as unknown,
      })),
    )
    const copies = await Promise.all(paths.map((path) => readFile(path, 'latin1')))
    expect(copies.join('')).toBe('abcdef')

    const ids = files.map(({ id }) => id)
    const deletions = await client.deleteFiles([...ids, ids[0] as string], { concurrency: 1 })
    expect(statusesOf(deletions)).toEqual([...ids.map(() => 'ok'), 'FileNotFoundError'])
  })

  it('takes slaves and other options of an item', async () => {
    const slaves = [{ prefix: '_a', source: Buffer.from('slave') }]
    const [result] = await client.uploadFiles([{ source: Buffer.from('x'), ext: 'bin', slaves }])
    expect(result).toMatchObject({ status: 'fulfilled', value: { slaves: [{ size: 5 }] } })
  })

  it('has bare functions', async () => {
    fastdfs.setDefaultClient(client)
    const [file] = await fastdfs.uploadFiles([Buffer.from('x')])
    if (file?.status !== 'fulfilled') throw new Error('it was not stored')
    await using folder = await temporaryFolder()
    const { id } = file.value
    expect(statusesOf(await fastdfs.downloadFiles([{ id, path: folder.join('x') }]))).toEqual(['ok'])
    expect(statusesOf(await fastdfs.deleteFiles(new Set([id])))).toEqual(['ok'])
  })
})

describe('an item that fails', () => {
  it('changes nothing for the others', async () => {
    await using cluster = await fakeCluster()
    const items = [CONTENT, '/no/such/file', 7, null, { source: CONTENT, exd: 'x' }, CONTENT]
    const results = await cluster.client.uploadFiles(items as Buffer[])
    expect(statusesOf(results)).toEqual(['ok', ...Array<string>(4).fill('InvalidArgumentError'), 'ok'])
    const downloads = await cluster.client.downloadFiles([
      null,
      { id: ID },
      { id: 'x', path: 'y' },
    ] as never[])
    expect(statusesOf(downloads)).toEqual([
      'InvalidArgumentError',
      'InvalidArgumentError',
      'InvalidFileIdError',
    ])
    const deletions = await cluster.client.deleteFiles(['nothing', ID])
    expect(statusesOf(deletions)).toEqual(['InvalidFileIdError', 'ok'])
  })

  it('says which it was', async () => {
    await using cluster = await fakeCluster({
      12: (request) => (request.includes('/00/01/') ? status(2) : OK),
    })
    expect(await cluster.client.deleteFiles([ID, OTHER_ID, ID])).toEqual([
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: expect.objectContaining({ status: 2, fileId: OTHER_ID }) as unknown },
      { status: 'fulfilled', value: undefined },
    ])
  })

  it('is a ClosedError when the client was closed', async () => {
    const client = new FastDfsClient('127.0.0.1')
    await client.close()
    expect(statusesOf(await client.deleteFiles([ID, ID]))).toEqual(['ClosedError', 'ClosedError'])
  })
})

describe('what is under way at a time', () => {
  it.each([
    [undefined, 8],
    [3, 3],
    [1, 1],
  ])('with a concurrency of %p is %d, and no further item is asked for', async (concurrency, expected) => {
    let held: (() => void)[] = []
    let most = 0
    let given = 0
    const full = deferred()
    await using cluster = await fakeCluster({
      12: (_, socket) => {
        held.push(() => socket.write(header(0)))
        most = Math.max(most, held.length)
        if (held.length === expected) full.resolve()
      },
    })
    async function* ids(): AsyncGenerator<string> {
      // Each its own: what is done to one file happens in turn.
      for (; given < 20; given++) yield ID.replace('082.', `${100 + given}.`)
    }
    const options = concurrency === undefined ? {} : { concurrency }
    let over = false
    const batch = cluster.client.deleteFiles(ids(), options).finally(() => (over = true))
    await full.promise
    // A generator counts on when it is asked for the next.
    expect(given).toBe(expected - 1)
    while (!over) {
      for (const answer of held) answer()
      held = []
      await new Promise(setImmediate)
    }
    expect(statusesOf(await batch)).toEqual(Array<string>(20).fill('ok'))
    expect(most).toBe(expected)
  })
})

describe('a batch that ends early', () => {
  it('rejects what is under way and what was not begun', async () => {
    const controller = new AbortController()
    let requests = 0
    await using cluster = await fakeCluster({
      12: () => {
        if (++requests < 3) return OK
        controller.abort(new Error('enough'))
        return undefined
      },
    })
    const results = await cluster.client.deleteFiles([ID, ID, ID, ID, ID], {
      concurrency: 1,
      signal: controller.signal,
    })
    expect(statusesOf(results)).toEqual(['ok', 'ok', 'AbortError', 'AbortError', 'AbortError'])
    expect(results[4]).toMatchObject({ reason: { cause: new Error('enough') } })
    expect(requests).toBe(3)
  })

  it('rejects them with the TimeoutError of the batch', async () => {
    await using cluster = await fakeCluster({ 12: () => undefined })
    const results = await cluster.client.deleteFiles([ID, ID, ID], { concurrency: 1, timeout: 500 })
    for (const result of results) {
      if (result.status === 'fulfilled') throw new Error('it was not answered')
      expect(result.reason).toBeInstanceOf(TimeoutError)
      expect(result.reason.reason).toBe('the call did not end within 500 ms')
    }
    expect(cluster.commands()).toEqual([12])
  })

  it('leaves a limit of an item to that item', async () => {
    const controller = new AbortController()
    controller.abort()
    await using cluster = await fakeCluster({ 11: STORED })
    const item: UploadItem = { source: CONTENT, signal: controller.signal }
    const results = await cluster.client.uploadFiles([item, CONTENT], {
      signal: new AbortController().signal,
    })
    expect(statusesOf(results)).toEqual(['AbortError', 'ok'])
  })

  it('asks for no further item, and has one result for all that were not asked for', async () => {
    const controller = new AbortController()
    await using cluster = await fakeCluster()
    let returned = false
    function* endless(): Generator<string> {
      try {
        for (;;) yield ID
      } finally {
        returned = true
      }
    }
    const batch = cluster.client.deleteFiles(endless(), { concurrency: 2, signal: controller.signal })
    while (cluster.commands().length < 5) await new Promise(setImmediate)
    controller.abort()
    const results = await batch
    expect(results.at(-1)).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } })
    expect(returned).toBe(true)
  })

  it('does not wait for an item that never comes', async () => {
    const controller = new AbortController()
    await using cluster = await fakeCluster()
    async function* stuck(): AsyncGenerator<string> {
      yield ID
      controller.abort()
      await new Promise(() => {})
    }
    const results = await cluster.client.deleteFiles(stuck(), { signal: controller.signal })
    expect(results).toHaveLength(2)
    expect((results[1] as { reason: unknown }).reason).toBeInstanceOf(AbortError)
  })

  it('keeps the results when the list of items fails', async () => {
    await using cluster = await fakeCluster()
    function* broken(): Generator<string> {
      yield ID
      throw new Error('no more')
    }
    const results = await cluster.client.deleteFiles(broken())
    expect(statusesOf(results)).toEqual(['ok', 'InvalidArgumentError'])
    expect(results[1]).toMatchObject({ reason: { message: 'the list of items failed: no more' } })
  })
})

it('does nothing for no items', async () => {
  await using cluster = await fakeCluster()
  expect(await cluster.client.uploadFiles([])).toEqual([])
  expect(cluster.tracker.requests).toEqual([])
})

it.each<[string, unknown, object]>([
  ['a text', ID, {}],
  ['bytes', CONTENT, {}],
  ['nothing', undefined, {}],
  ['a concurrency of 0', [], { concurrency: 0 }],
  ['an unknown option', [], { concurency: 2 }],
  ['a wrong timeout', [], { timeout: -1 }],
])('refuses %s as a whole', async (_, items, options) => {
  await using cluster = await fakeCluster()
  for (const method of ['uploadFiles', 'downloadFiles', 'deleteFiles'] as const) {
    await expect(cluster.client[method](items as never[], options)).rejects.toMatchObject({
      name: 'InvalidArgumentError',
    })
  }
})
