/** Connections that the caller makes: through tunnels, and with TLS. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { Duplex } from 'node:stream'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import type { ClientOptions, Connect, Endpoint } from '../../src/index.js'
import { ClosedError, ConfigError, ConnectError, FastDfsClient, TimeoutError } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { fakeTracker } from '../support/fake-server.js'
import { deferred, ID, rejection } from './fakes.js'

const plain: Connect = async ({ host, port }, { signal }) => {
  const socket = connectTcp({ host, port })
  await once(socket, 'connect', { signal })
  return socket
}

it('are made to trackers and storages, for all that a client does', async () => {
  await using cluster = await startCluster({ trackers: 2 })
  const made: Endpoint[] = []
  const client = cluster.client({
    connect: (endpoint, options) => {
      made.push(endpoint)
      return plain(endpoint, options)
    },
  })
  const { id } = await client.uploadFile(Buffer.from('hello'), { metadata: { a: 'b' } })
  expect((await client.downloadFile(id)).toString()).toBe('hello')
  const known = [...cluster.trackers, ...cluster.storages].map(({ host, port }) => `${host}:${port}`)
  const endpoints = made.map(({ host, port }) => `${host}:${port}`)
  expect(endpoints.every((endpoint) => known.includes(endpoint))).toBe(true)
  expect(endpoints).toContain(`127.0.0.1:${cluster.storages[0]?.port}`)
  // They are used again.
  expect(made.length).toBeLessThanOrEqual(3)
})

it('can be any Duplex, and are tested and ended like others', async () => {
  await using cluster = await startCluster()
  const streams: Duplex[] = []
  const client = cluster.client({
    connect: async (endpoint, options) => {
      const socket = (await plain(endpoint, options)) as Socket
      const { readable, writable } = Duplex.toWeb(socket)
      const stream = Duplex.fromWeb({ readable, writable })
      streams.push(stream)
      return stream
    },
  })
  const content = Buffer.alloc(3_000_000, 'x')
  const { id } = await client.uploadFile(content)
  expect((await client.downloadFile(id)).equals(content)).toBe(true)
  await client.close()
  expect(streams.length).toBeGreaterThan(0)
  expect(streams.every(({ destroyed }) => destroyed)).toBe(true)
})

it('can be encrypted, through a gateway that knows the cluster', async () => {
  await using cluster = await startCluster()
  const tls = join(__dirname, '../../examples/tls')
  const [key, cert] = await Promise.all([readFile(join(tls, 'key.pem')), readFile(join(tls, 'cert.pem'))])
  const names: string[] = []
  // The name that a client asks for is the port of the server behind.
  const gateway = createServer({ key, cert }, (socket) => {
    const name = (socket as unknown as { servername: string }).servername
    names.push(name)
    const behind = connectTcp(Number(name.replace('.localhost', '').slice(1)), '127.0.0.1')
    socket.on('error', () => behind.destroy())
    behind.on('error', () => socket.destroy())
    socket.pipe(behind).pipe(socket)
  })
  gateway.listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  const { port: gatewayPort } = gateway.address() as AddressInfo
  const client = cluster.client({
    connect: async ({ port }, { signal }) => {
      const socket = connectTls({
        port: gatewayPort,
        ca: cert,
        servername: `p${port}.localhost`,
        checkServerIdentity: () => undefined,
      })
      await once(socket, 'secureConnect', { signal })
      return socket
    },
  })
  const content = Buffer.alloc(2_000_000, 'y')
  const { id } = await client.uploadFile(content)
  expect((await client.downloadFile(id)).equals(content)).toBe(true)
  expect(new Set(names).size).toBe(2)
  await client.close()
  gateway.close()
  await once(gateway as unknown as Server, 'close')
})

describe('where they cannot be made', () => {
  const client = (connect: unknown, options: Partial<ClientOptions> = {}): FastDfsClient =>
    new FastDfsClient({ trackers: '10.0.0.1:22122', retries: 0, connect: connect as Connect, ...options })

  it.each<[string, unknown, string]>([
    ['it rejects', () => Promise.reject(new Error('no tunnel')), 'cannot connect: no tunnel'],
    [
      'it rejects with a code',
      () => Promise.reject(Object.assign(new Error(), { code: 'EPERM' })),
      'cannot connect: EPERM',
    ],
    [
      'it throws',
      () => {
        throw new Error('no tunnel')
      },
      'cannot connect: no tunnel',
    ],
    [
      'it is closed already',
      () => new Duplex().destroy(),
      'cannot connect: the connection is closed already',
    ],
  ])('%s: another server may be tried', async (_, connect, message) => {
    const error = await rejection<ConnectError>(client(connect).ping())
    expect(error).toBeInstanceOf(ConnectError)
    expect(error).toMatchObject({ retriable: true, endpoint: '10.0.0.1:22122', reason: message })
  })

  it('the next tracker is asked', async () => {
    await using tracker = await fakeTracker(1)
    await using both = client(
      (endpoint: Endpoint, options: { signal: AbortSignal }) =>
        endpoint.host === '10.0.0.1' ? Promise.reject(new Error('no tunnel')) : plain(endpoint, options),
      { trackers: ['10.0.0.1', tracker.address] },
    )
    for (let i = 0; i < 4; i++) await both.tracker.queryFetch(ID)
    expect(tracker.requests).toHaveLength(4)
  })

  it.each([[undefined], [null], [5], [{ write: () => true }]])('%p is no Duplex', async (given) => {
    const error = await rejection(client(() => given).ping())
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(/^connect must give a Duplex, not \w+ \(at 10\.0\.0\.1:22122\)$/)
  })

  it("no two of them share a Duplex: they would take each other's answers", async () => {
    await using tracker = await fakeTracker(1)
    let made: ReturnType<Connect> | undefined
    await using sharing = client(
      (endpoint: Endpoint, options: { signal: AbortSignal }) => (made ??= plain(endpoint, options)),
      { trackers: tracker.address },
    )
    const asked = [1, 2].map(() => sharing.tracker.queryFetch(ID))
    const outcomes = (await Promise.allSettled(asked)).sort((a, b) => a.status.localeCompare(b.status))
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: expect.objectContaining({ port: 1 }) as object },
      {
        status: 'rejected',
        reason: expect.objectContaining({
          name: 'ConfigError',
          reason: 'connect must give each time a Duplex of its own, not one that it gave before',
        }) as object,
      },
    ])
  })

  it('the signal ends what takes too long, and what comes too late is destroyed', async () => {
    const late = deferred<Duplex>()
    let signal: AbortSignal | undefined
    const error = await rejection(
      client(
        (_: Endpoint, options: { signal: AbortSignal }) => {
          ;({ signal } = options)
          return late.promise
        },
        { connectTimeout: 30 },
      ).ping(),
    )
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error.message).toBe('no connection within 30 ms (at 10.0.0.1:22122)')
    expect(signal?.aborted).toBe(true)
    const stream = new Duplex()
    late.resolve(stream)
    await once(stream, 'close')
  })

  it('the signal is aborted when the client is closed', async () => {
    const asked = deferred<AbortSignal>()
    const closing = client((_: Endpoint, { signal }: { signal: AbortSignal }) => {
      asked.resolve(signal)
      return new Promise(() => {})
    })
    const failed = rejection(closing.ping())
    const signal = await asked.promise
    await closing.close({ grace: 0 })
    expect(await failed).toBeInstanceOf(ClosedError)
    expect(signal.aborted).toBe(true)
  })
})

it.each([['tls'], [null], [{}]])('%p is no function that makes them', (connect) => {
  const make = (): FastDfsClient =>
    new FastDfsClient({ trackers: 'a', connect: connect as unknown as Connect })
  expect(make).toThrow(ConfigError)
  expect(make).toThrow('connect must be a function, not ')
})
