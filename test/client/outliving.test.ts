/** What becomes of files whose uploads were ended after all was sent: nobody can learn of their IDs. */
import { Outliving } from '../../src/client/outliving.js'
import { FastDfsClient, NoSpaceError, UnknownOutcomeError } from '../../src/index.js'
import { Call } from '../../src/net/call.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { fakeServer, fakeTracker } from '../support/fake-server.js'
import { deferred, rejection } from './fakes.js'

const content = Buffer.from('nobody wants it any more')
let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterEach(() => cluster.reset())
afterAll(() => cluster.stop())

describe('a file whose upload was ended after all was sent', () => {
  it.each(['uploadFile', 'uploadAppenderFile'] as const)('is deleted: %s, aborted', async (command) => {
    await using client = cluster.client()
    const controller = new AbortController()
    const slow = cluster.fault({ command }, { delay: 1_000 })
    const request = cluster.requests.next(command)
    const failed = client[command](content, { signal: controller.signal }).catch((e: unknown) => e)
    await request
    controller.abort(new Error('enough'))
    expect(await failed).toMatchObject({ name: 'AbortError', phase: 'answer', cause: new Error('enough') })
    // Closing waits for it.
    await client.close()
    expect(slow.hits).toBe(1)
    expect(cluster.requests.list({ command: 'deleteFile' })).toHaveLength(1)
    expect(await cluster.storage('group1').files()).toEqual([])
  })

  it('is deleted: a slave, and its master stays', async () => {
    await using client = cluster.client()
    const master = await client.uploadFile(content)
    const controller = new AbortController()
    cluster.fault({ command: 'uploadSlaveFile' }, { delay: 1_000 })
    const request = cluster.requests.next('uploadSlaveFile')
    const { signal } = controller
    const failed = client
      .uploadSlaveFile(master.id, content, { prefix: '_1', signal })
      .catch((e: unknown) => e)
    await request
    controller.abort()
    expect(await failed).toMatchObject({ name: 'AbortError' })
    await client.close()
    expect((await cluster.storage('group1').files()).map(({ id }) => id)).toEqual([master.id])
  })

  it('is deleted: out of time', async () => {
    await using client = cluster.client()
    await client.ping()
    cluster.fault({ command: 'uploadFile' }, { delay: 1_000 })
    const error = await client.uploadFile(content, { timeout: 300 }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(UnknownOutcomeError)
    expect(error).toMatchObject({ command: 'uploadFile', phase: 'answer', cause: { name: 'TimeoutError' } })
    await client.close()
    expect(await cluster.storage('group1').files()).toEqual([])
  })

  it('stays where the client may not wait', async () => {
    const client = cluster.client()
    const controller = new AbortController()
    cluster.fault({ command: 'uploadFile' }, { delay: 1_000 })
    const request = cluster.requests.next('uploadFile')
    const failed = client.uploadFile(content, { signal: controller.signal }).catch((e: Error) => e)
    await request
    controller.abort()
    expect(await failed).toMatchObject({
      message: expect.stringContaining('the request may have been carried out') as string,
    })
    await client.close({ grace: 0 })
    expect(client.stats().endpoints).toEqual([])
    expect(await cluster.storage('group1').files()).toHaveLength(1)
  })
})

it('ends a request that is not sent whole with its call', async () => {
  await using client = cluster.client()
  const controller = new AbortController()
  const source = async function* (): AsyncGenerator<Buffer> {
    yield content
    await new Promise((resolve) => {
      setImmediate(() => controller.abort())
      controller.signal.addEventListener('abort', resolve)
    })
    yield content
  }
  await expect(
    client.uploadFile(source(), { size: 2 * content.length, signal: controller.signal }),
  ).rejects.toMatchObject({ name: 'AbortError', command: 'uploadFile', phase: 'send' })
  await client.close()
  expect(await cluster.storage('group1').files()).toEqual([])
})

it('believes an answer that came before its call was told that its time is over', async () => {
  const now = jest.spyOn(performance, 'now')
  const refused = new NoSpaceError('no room')
  const later = performance.now() + 2_000
  const asking = new Outliving().ask(new Call({ timeout: 1_000 }), {
    place: { command: 'uploadFile', endpoint: '10.0.0.1:23000' },
    isSent: true,
    ask: async () => {
      now.mockReturnValue(later)
      throw refused
    },
    undo: async () => {},
  })
  await expect(asking).rejects.toBe(refused)
  now.mockRestore()
})

it('says where a request was that its call has ended: where it was sent', async () => {
  const sent = deferred()
  await using storage = await fakeServer(() => sent.resolve())
  await using tracker = await fakeTracker(23000, '10.99.0.1')
  const storageAddressMap = { '10.99.0.1': storage.address }
  await using client = new FastDfsClient({ trackers: tracker.address, storageAddressMap })
  const controller = new AbortController()
  const failed = rejection(client.uploadFile(content, { signal: controller.signal }))
  await sent.promise
  controller.abort()
  expect(await failed).toMatchObject({ name: 'AbortError', phase: 'answer', endpoint: storage.address })
  await client.close({ grace: 0 })
})
