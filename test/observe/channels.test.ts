/** What a client tells on its channels, and that nothing is made for them while nobody listens. */
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { ConnectTrace, PoolTrace, RequestTrace, RetryTrace } from '../../src/index.js'
import { CHANNELS, FastDfsClient } from '../../src/index.js'
import { CONTENT, deadAddress, fakeCluster, ID, INFO, rejection } from '../client/fakes.js'

/** Everything that is published on a tracing channel, as `event name`. */
function listen<T extends object>(name: string): { events: [string, T][] } & Disposable {
  const events: [string, T][] = []
  const parts = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((part) => {
    const listener = (message: unknown): void => void events.push([part, { ...(message as T) }])
    subscribe(`tracing:${name}:${part}`, listener)
    return () => void unsubscribe(`tracing:${name}:${part}`, listener)
  })
  return { events, [Symbol.dispose]: () => parts.forEach((stop) => stop()) }
}

const ended = <T>(events: [string, T][]): T[] =>
  events.filter(([part]) => part === 'asyncEnd').map(([, trace]) => trace)

it('names the channels', () => {
  expect(CHANNELS).toEqual({
    request: 'fastdfs:request',
    connect: 'fastdfs:connect',
    pool: 'fastdfs:pool',
    retry: 'fastdfs:retry',
  })
})

describe('the channel of requests', () => {
  it('tells of every request, with its group, attempt and bytes', async () => {
    using channel = listen<RequestTrace>(CHANNELS.request)
    await using cluster = await fakeCluster()
    await cluster.client.uploadFile(CONTENT)
    await cluster.client.downloadFile(ID)
    expect(ended(channel.events)).toMatchObject([
      {
        command: 'queryStoreWithoutGroupOne',
        endpoint: cluster.tracker.address,
        attempt: 1,
        bytesSent: 0,
        bytesReceived: 50,
      },
      {
        command: 'uploadFile',
        endpoint: cluster.storage.address,
        group: 'group1',
        attempt: 1,
        bytesSent: 13,
        bytesReceived: 70,
      },
      { command: 'queryFetchOne', group: 'group1', bytesReceived: 49 },
      { command: 'downloadFile', group: 'group1', bytesSent: 0, bytesReceived: 23 },
    ])
    expect(ended(channel.events).every(({ error }) => error === undefined)).toBe(true)
    expect(channel.events.filter(([part]) => part === 'start')).toHaveLength(4)
  })

  it('tells of failures, and which attempt it was', async () => {
    using channel = listen<RequestTrace>(CHANNELS.request)
    const retries: RetryTrace[] = []
    const onRetry = (message: unknown): void => void retries.push(message as RetryTrace)
    subscribe(CHANNELS.retry, onRetry)
    let calls = 0
    await using cluster = await fakeCluster(
      { 22: (_, socket) => (++calls === 1 ? void socket.end() : INFO) },
      { retries: 1 },
    )
    await cluster.client.fileInfo(ID)
    unsubscribe(CHANNELS.retry, onRetry)
    const asked = ended(channel.events).filter(({ command }) => command === 'queryFileInfo')
    expect(asked).toMatchObject([
      { attempt: 1, error: { name: 'ConnectError', phase: 'answer' } },
      { attempt: 2 },
    ])
    expect(asked[1]?.error).toBeUndefined()
    expect(channel.events.filter(([part]) => part === 'error')).toHaveLength(1)
    expect(retries).toMatchObject([{ attempt: 1, error: { name: 'ConnectError', command: 'queryFileInfo' } }])
    expect(retries[0]?.delay).toBeGreaterThanOrEqual(0)
  })

  it('runs what it traces within the stores that are bound to it', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks')
    const storage = new AsyncLocalStorage<string>()
    const { start } = tracingChannel<unknown, RequestTrace>(CHANNELS.request)
    start.bindStore(storage, (trace: RequestTrace) => trace.command)
    const seen: unknown[] = []
    const listener = (): void => void seen.push(storage.getStore())
    subscribe(`tracing:${CHANNELS.request}:end`, listener)
    await using cluster = await fakeCluster()
    await cluster.client.fileInfo(ID)
    unsubscribe(`tracing:${CHANNELS.request}:end`, listener)
    start.unbindStore(storage)
    expect(seen).toEqual(['queryFetchOne', 'queryFileInfo'])
  })
})

describe('the channels of connections', () => {
  it('tell of connects and of taking what there is', async () => {
    using connects = listen<ConnectTrace>(CHANNELS.connect)
    using pool = listen<PoolTrace>(CHANNELS.pool)
    await using cluster = await fakeCluster()
    await cluster.client.fileInfo(ID)
    await cluster.client.fileInfo(ID)
    const { tracker, storage } = cluster
    expect(ended(connects.events).map(({ endpoint }) => endpoint)).toEqual([tracker.address, storage.address])
    expect(ended(pool.events)).toMatchObject(
      [tracker, storage, tracker, storage].map(({ address }) => ({ endpoint: address, waiting: 0 })),
    )
  })

  it('tell why there is none', async () => {
    using connects = listen<ConnectTrace>(CHANNELS.connect)
    using pool = listen<PoolTrace>(CHANNELS.pool)
    const address = await deadAddress()
    await using client = new FastDfsClient({ trackers: address, retries: 0 })
    await rejection(client.ping())
    const error = { name: 'ConnectError', phase: 'connect', cause: { code: 'ECONNREFUSED' } }
    expect(ended(connects.events)).toMatchObject([{ endpoint: address, error }])
    expect(ended(pool.events)).toMatchObject([{ endpoint: address, error }])
  })
})

it('nothing is made for a channel while nobody listens', async () => {
  const { channels } = await import('../../src/observe/channels.js')
  const spies = [
    jest.spyOn(channels.request, 'tracePromise'),
    jest.spyOn(channels.connect, 'tracePromise'),
    jest.spyOn(channels.pool, 'tracePromise'),
    jest.spyOn(channels.retry, 'publish'),
  ]
  await using cluster = await fakeCluster({ 22: (_, socket) => void socket.end() }, { retries: 1 })
  await rejection(cluster.client.fileInfo(ID))
  for (const spy of spies) expect(spy).not.toHaveBeenCalled()
  jest.restoreAllMocks()
})
