/** Connections: how many, for how long, and which are never used again (design.md, Connections). */
import { Socket } from 'node:net'
import type { FastDfsError } from '../../src/index.js'
import { ClosedError, FastDfsClient, TimeoutError } from '../../src/index.js'
import type { Borrower } from '../../src/net/borrower.js'
import { Call } from '../../src/net/call.js'
import type { Connection } from '../../src/net/connection.js'
import type { PoolOptions } from '../../src/net/endpoint-pool.js'
import { ConnectionPool } from '../../src/net/pool.js'
import { Request } from '../../src/net/request.js'
import { channels } from '../../src/observe/channels.js'
import { Log } from '../../src/observe/log.js'
import { connectionCommands, storageCommands } from '../../src/protocol/index.js'
import type { FakeCluster } from '../client/fakes.js'
import {
  CONTENT,
  deadAddress,
  deafServer,
  deferred,
  fakeCluster,
  ID,
  INFO,
  NAME,
  OK,
  rawServer,
  rejection,
  status,
  STORED,
} from '../client/fakes.js'
import { fakeServer, header, response } from '../support/fake-server.js'

const OPTIONS: PoolOptions = {
  connectTimeout: 1000,
  idleTimeout: 1000,
  maxConnections: 4,
  maxQueue: 100,
  queueTimeout: 1000,
  minConnections: 0,
  idleConnectionTtl: 10_000,
  maxConnectionAge: 60_000,
  log: new Log(),
}

const borrower = <T>(call: Call, use: (connection: Connection) => Promise<T>): Borrower<T> => ({
  call,
  mustLive: false,
  use,
})

const endpointOf = (address: string): { host: string; port: number } => {
  const [host, port] = address.split(':') as [string, string]
  return { host, port: Number(port) }
}

async function closing(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

describe('connections', () => {
  it('are made one for each call at once, up to maxConnections, and all calls are served', async () => {
    const open: Socket[] = []
    await using cluster = await fakeCluster(
      {
        22: (_, socket) => {
          open.push(socket)
          expect(open.length).toBeLessThanOrEqual(5)
          // Five at a time: with fewer connections the test would not end.
          if (open.length === 5) for (const waiting of open.splice(0)) waiting.write(INFO)
        },
      },
      { maxConnections: 5 },
    )
    const calls = Array.from({ length: 100 }, () => cluster.client.fileInfo(ID))
    for (const info of await Promise.all(calls)) expect(info.size).toBe(13)
    expect(cluster.storage.connections).toHaveLength(5)
    expect(cluster.tracker.connections.length).toBeLessThanOrEqual(5)
    expect(cluster.storage.requests).toHaveLength(100)
  })

  it('are used again, one after the other', async () => {
    await using cluster = await fakeCluster()
    for (let i = 0; i < 20; i++) {
      await cluster.client.uploadFile(CONTENT)
      await cluster.client.downloadFile(ID)
    }
    expect(cluster.storage.connections).toHaveLength(1)
    expect(cluster.tracker.connections).toHaveLength(1)
  })

  it('that were unused for idleConnectionTtl are closed', async () => {
    await using cluster = await fakeCluster({}, { idleConnectionTtl: 40 })
    await cluster.client.fileInfo(ID)
    await Promise.all([
      closing(cluster.storage.connections[0] as Socket),
      closing(cluster.tracker.connections[0] as Socket),
    ])
    await cluster.client.fileInfo(ID)
    expect(cluster.storage.connections).toHaveLength(2)
  })

  it('that the server closed while they were idle are replaced, and nobody sees it', async () => {
    await using cluster = await fakeCluster()
    await Promise.all([1, 2, 3].map(() => cluster.client.fileInfo(ID)))
    const before = [...cluster.storage.connections, ...cluster.tracker.connections]
    const after = before.map(closing)
    for (const socket of before) socket.destroy()
    await Promise.all(after)
    // The client's side hears of it in its own time; with retries: 0 a last race would be an error.
    await using other = await fakeCluster()
    await other.client.fileInfo(ID)
    await expect(cluster.client.uploadFile(CONTENT)).resolves.toMatchObject({ id: ID })
  })

  it('that send something unasked are replaced', async () => {
    for (const noise of [Buffer.from('x'), header(0), Buffer.alloc(100, 0xff)]) {
      await using cluster = await fakeCluster()
      await cluster.client.fileInfo(ID)
      const [socket] = cluster.storage.connections as [Socket]
      const isHeader = noise.length >= 10
      const gone = isHeader ? closing(socket) : Promise.resolve()
      await new Promise<void>((resolve) => socket.write(noise, () => resolve()))
      await gone
      await using other = await fakeCluster()
      await other.client.fileInfo(ID)
      await expect(cluster.client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
      expect(cluster.storage.connections).toHaveLength(2)
    }
  })
})

describe('a connection is not used again after', () => {
  it.each<[string, (cluster: FakeCluster) => Promise<unknown>, number, string]>([
    ['status 22', ({ client }) => client.fileInfo(ID), 22, 'ServerError'],
    ['status 2 to an upload', ({ client }) => client.uploadFile(CONTENT), 2, 'FileNotFoundError'],
    ['status 28 to an upload', ({ client }) => client.uploadFile(CONTENT), 28, 'NoSpaceError'],
    ['status 5 to an empty upload', ({ client }) => client.uploadFile(Buffer.alloc(0)), 5, 'ServerError'],
  ])('%s', async (_, call, number, error) => {
    let calls = 0
    const once = (answer: Buffer) => (): Buffer => (++calls === 1 ? status(number) : answer)
    await using cluster = await fakeCluster({ 11: once(STORED), 22: once(INFO) })
    await expect(call(cluster)).rejects.toMatchObject({ name: error, status: number })
    await closing(cluster.storage.connections[0] as Socket)
    await cluster.client.fileInfo(ID)
    expect(cluster.storage.connections).toHaveLength(2)
  })

  it.each<[string, (socket: Socket) => Buffer | void]>([
    ['bytes behind an answer', () => Buffer.concat([INFO, Buffer.from('x')])],
    ['another answer behind an answer', () => Buffer.concat([INFO, INFO])],
  ])('%s', async (_, answer) => {
    await using cluster = await fakeCluster({ 22: (__, socket) => answer(socket) })
    for (let i = 0; i < 3; i++) await expect(cluster.client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    expect(cluster.storage.connections).toHaveLength(3)
  })
})

describe('a dead server', () => {
  it('is tried once for each connection there may be, and each call hears why', async () => {
    const address = await deadAddress()
    const connect = jest.spyOn(Socket.prototype, 'connect')
    const pool = new ConnectionPool(OPTIONS)
    const errors = await Promise.all(
      Array.from({ length: 30 }, () =>
        rejection<FastDfsError>(
          pool.use(
            endpointOf(address),
            borrower(new Call({}), async () => 'never'),
          ),
        ),
      ),
    )
    const connects = connect.mock.calls.length
    connect.mockRestore()
    for (const error of errors) {
      expect(error).toMatchObject({
        name: 'ConnectError',
        reason: 'cannot connect: ECONNREFUSED',
        endpoint: address,
        retriable: true,
        cause: { code: 'ECONNREFUSED' },
      })
    }
    expect(connects).toBe(4)
    // From now on it is tried once for all who ask at the same time.
    const again = jest.spyOn(Socket.prototype, 'connect')
    const others = Array.from({ length: 4 }, () =>
      rejection(
        pool.use(
          endpointOf(address),
          borrower(new Call({}), async () => 'never'),
        ),
      ),
    )
    for (const error of await Promise.all(others)) expect(error).toMatchObject({ name: 'ConnectError' })
    expect(again).toHaveBeenCalledTimes(1)
    again.mockRestore()
    await pool.close()
  })

  /** A server to which connections cannot be made, when the test says so. */
  const refusing = (
    maxConnections: number,
  ): { pool: ConnectionPool; attempts: { resolve: (error: Error) => void }[]; use: Use } => {
    const attempts: ReturnType<typeof deferred<Error>>[] = []
    const pool = new ConnectionPool({
      ...OPTIONS,
      maxConnections,
      connect: async () => {
        const attempt = deferred<Error>()
        attempts.push(attempt)
        throw await attempt.promise
      },
    })
    const use: Use = (call) =>
      rejection(
        pool.use(
          endpointOf('127.0.0.1:1'),
          borrower(call, async () => 1),
        ),
      )
    return { pool, attempts, use }
  }
  type Use = (call: Call) => Promise<FastDfsError>

  it('is not tried once more for each caller that has given up', async () => {
    const { pool, attempts, use } = refusing(1)
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController()
      const aborted = use(new Call({ signal: controller.signal }))
      controller.abort()
      expect(await aborted).toMatchObject({ name: 'AbortError' })
    }
    const last = use(new Call({}))
    attempts[0]?.resolve(new Error('out of order'))
    expect(await last).toMatchObject({ name: 'ConnectError', reason: 'cannot connect: out of order' })
    expect(attempts).toHaveLength(1)
    await pool.close()
  })

  it('has no connections in use, also while calls wait for one of them to try it', async () => {
    const { pool, attempts, use } = refusing(4)
    const first = use(new Call({}))
    attempts[0]?.resolve(new Error('out of order'))
    await first
    const others = Array.from({ length: 6 }, () => use(new Call({})))
    while (attempts.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(pool.stats).toMatchObject([
      { health: 'open', connections: 0, inUse: 0, idle: 0, connecting: 4, waiting: 2 },
    ])
    attempts[1]?.resolve(new Error('out of order'))
    await Promise.all(others)
    expect(pool.stats).toMatchObject([{ connections: 0, inUse: 0, connecting: 0, waiting: 0 }])
    await pool.close()
  })

  it('that comes back is used again', async () => {
    const server = await rawServer(() => {})
    await server[Symbol.asyncDispose]()
    const pool = new ConnectionPool(OPTIONS)
    const endpoint = endpointOf(server.address)
    await Promise.all(
      [1, 2, 3].map(() =>
        rejection(
          pool.use(
            endpoint,
            borrower(new Call({}), async () => 1),
          ),
        ),
      ),
    )
    const { createServer } = await import('node:net')
    const again = createServer().listen(endpoint.port, '127.0.0.1')
    await new Promise((resolve) => again.once('listening', resolve))
    await expect(
      pool.use(
        endpoint,
        borrower(new Call({}), async () => 'alive'),
      ),
    ).resolves.toBe('alive')
    await pool.close()
    await new Promise((resolve) => again.close(resolve))
  })
})

it('a server for whose answer a caller had no time has not failed', async () => {
  const asked = deferred()
  await using server = await fakeServer(() => asked.resolve())
  const pool = new ConnectionPool(OPTIONS)
  const call = new Call({})
  const command = storageCommands.regenerateAppenderFilename
  const ending = rejection(pool.use(endpointOf(server.address), new Request(command, { name: NAME }, call)))
  await asked.promise
  const error = new TimeoutError('no time')
  call.cancel(error)
  expect(await ending).toMatchObject({ name: 'UnknownOutcomeError', cause: error })
  expect(pool.stats).toMatchObject([{ health: 'closed', failures: 0 }])
  expect(pool.failureAt).toBe(-Infinity)
  await pool.close()
})

describe('the queue', () => {
  /** A pool of one connection, which is lent out until the test lets go. */
  async function crowded(
    options: Partial<PoolOptions>,
  ): Promise<
    { pool: ConnectionPool; use: () => Promise<unknown>; free: () => void; address: string } & AsyncDisposable
  > {
    const server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, maxConnections: 1, ...options })
    const endpoint = endpointOf(server.address)
    const lent = deferred()
    const gate = deferred()
    const first = pool.use(
      endpoint,
      borrower(new Call({}), () => {
        lent.resolve()
        return gate.promise
      }),
    )
    await lent.promise
    return {
      pool,
      address: server.address,
      use: () =>
        pool.use(
          endpoint,
          borrower(new Call({}), async (connection) => connection.usable),
        ),
      free: () => gate.resolve(),
      [Symbol.asyncDispose]: async () => {
        gate.resolve()
        await first
        await pool.close()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  it('gives up after queueTimeout, and says what there is', async () => {
    await using place = await crowded({ queueTimeout: 40 })
    await expect(place.use()).rejects.toMatchObject({
      name: 'PoolTimeoutError',
      code: 'FDFS_POOL_TIMEOUT',
      endpoint: place.address,
      reason: 'none of 1 connections became free within 40 ms; raise maxConnections or queueTimeout',
    })
  })

  it('refuses more than maxQueue callers at once', async () => {
    await using place = await crowded({ maxQueue: 2 })
    const waiting = [place.use(), place.use()]
    await expect(place.use()).rejects.toMatchObject({
      name: 'PoolTimeoutError',
      reason: '2 callers wait for one of 1 connections already; raise maxQueue or maxConnections',
    })
    place.free()
    expect(await Promise.all(waiting)).toEqual([true, true])
  })

  it('keeps no place for those who gave up', async () => {
    await using place = await crowded({ maxQueue: 2 })
    const endpoint = endpointOf(place.address)
    const gaveUp = [1, 2].map(() =>
      rejection(
        place.pool.use(
          endpoint,
          borrower(new Call({ timeout: 20 }), async () => 1),
        ),
      ),
    )
    expect(await Promise.all(gaveUp)).toMatchObject([{ name: 'TimeoutError' }, { name: 'TimeoutError' }])
    const waiting = [place.use(), place.use()]
    place.free()
    expect(await Promise.all(waiting)).toEqual([true, true])
  })

  it('serves those who still wait after others gave up', async () => {
    await using place = await crowded({ queueTimeout: 60 })
    const controller = new AbortController()
    const endpoint = endpointOf(place.address)
    const aborted = rejection(
      place.pool.use(
        endpoint,
        borrower(new Call({ signal: controller.signal }), async () => 1),
      ),
    )
    const inTime = rejection(
      place.pool.use(
        endpoint,
        borrower(new Call({ timeout: 20 }), async () => 1),
      ),
    )
    const early = rejection(place.use())
    controller.abort()
    expect(await aborted).toMatchObject({ name: 'AbortError' })
    expect(await inTime).toMatchObject({ name: 'TimeoutError' })
    expect(await early).toMatchObject({ name: 'PoolTimeoutError' })
    const late = place.use()
    place.free()
    await expect(late).resolves.toBe(true)
  })
})

describe('before a request that must not be repeated', () => {
  let now: jest.SpyInstance<number, []>
  let ahead = 0
  beforeEach(() => {
    ahead = 0
    const real = performance.now.bind(performance)
    now = jest.spyOn(performance, 'now').mockImplementation(() => real() + ahead)
  })
  afterEach(() => now.mockRestore())

  it('a connection that was idle for over a second is tested', async () => {
    await using cluster = await fakeCluster()
    await cluster.client.uploadFile(CONTENT)
    await cluster.client.uploadFile(CONTENT)
    ahead = 1100
    await cluster.client.uploadFile(CONTENT)
    await cluster.client.uploadFile(CONTENT)
    expect(cluster.commands()).toEqual([11, 11, 111, 11, 11])
    expect(cluster.storage.requests[2]?.toString('hex')).toBe('00000000000000006f00')
    expect(cluster.storage.connections).toHaveLength(1)
  })

  it('but not before others', async () => {
    await using cluster = await fakeCluster({ 15: response(Buffer.from('a\x02b')) })
    await cluster.client.uploadFile(CONTENT)
    ahead = 1100
    await cluster.client.fileInfo(ID)
    ahead = 2200
    await cluster.client.setMetadata(ID, { a: 'b' })
    ahead = 3300
    await cluster.client.deleteFile(ID)
    expect(cluster.commands()).toEqual([11, 22, 13, 12])
  })

  it.each<[string, (socket: Socket) => Buffer | void]>([
    ['closes', (socket) => void socket.end()],
    ['resets', (socket) => void socket.resetAndDestroy()],
    ['answers with a status', () => status(22)],
    ['answers with garbage', () => Buffer.alloc(10, 0xff)],
    ['says nothing', () => {}],
  ])('one that %s when tested is replaced, and the upload made once', async (_, answer) => {
    await using cluster = await fakeCluster({ 111: (__, socket) => answer(socket) }, { connectTimeout: 1000 })
    await cluster.client.uploadFile(CONTENT)
    ahead = 1100
    await expect(cluster.client.uploadFile(CONTENT)).resolves.toMatchObject({ id: ID })
    expect(cluster.commands()).toEqual([11, 111, 11])
    expect(cluster.storage.connections).toHaveLength(2)
  })

  it.each<[string, object]>([
    ['aborted', { name: 'AbortError' }],
    ['over', { name: 'TimeoutError', reason: 'the call did not end within 40 ms' }],
  ])('a test during which the call is %s gives the connection back', async (how, error) => {
    const tested = deferred()
    await using cluster = await fakeCluster(
      { 111: () => tested.resolve() },
      { maxConnections: 1, queueTimeout: 500 },
    )
    await cluster.client.uploadFile(CONTENT)
    ahead = 1100
    const controller = new AbortController()
    const options = how === 'over' ? { timeout: 40 } : { signal: controller.signal }
    const uploading = rejection(cluster.client.uploadFile(CONTENT, options))
    await tested.promise
    if (how === 'aborted') controller.abort()
    expect(await uploading).toMatchObject(error)
    await expect(cluster.client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    expect(cluster.commands()).toEqual([11, 111, 22])
  })
})

describe('a call that ends while its connection is tested', () => {
  const ends: Record<string, (call: Call, controller: AbortController, error: FastDfsError) => void> = {
    'is aborted': (_, controller) => controller.abort(),
    'is cancelled': (call, _, error) => call.cancel(error),
    'expires with its attempt': (call, _, error) => void call.expire(error),
  }
  it.each(Object.entries(ends))('because it %s ends at once, and no other connection', async (_, end) => {
    const ages = jest.spyOn(performance, 'now')
    try {
      const tested = deferred()
      let tests = 0
      await using server = await fakeServer(() => (++tests === 1 ? tested.resolve() : OK))
      const pool = new ConnectionPool({ ...OPTIONS, connectTimeout: 60_000, idleTimeout: 60_000 })
      const endpoint = endpointOf(server.address)
      const both = deferred()
      let inside = 0
      const lend = async (): Promise<void> => {
        if (++inside === 2) both.resolve()
        await both.promise
      }
      await Promise.all([1, 2].map(() => pool.use(endpoint, borrower(new Call({}), lend))))
      const later = performance.now() + 1100
      ages.mockImplementation(() => later)
      const controller = new AbortController()
      const call = new Call({ signal: controller.signal })
      const use = { ...borrower(call, async () => 'used'), mustLive: true }
      const ending = rejection(pool.use(endpoint, use))
      await tested.promise
      const error = new ClosedError('enough')
      end(call, controller, error)
      expect(await ending).toMatchObject({ name: controller.signal.aborted ? 'AbortError' : 'ClosedError' })
      // The other one is as good as it was.
      await expect(pool.use(endpoint, { ...use, call: new Call({}) })).resolves.toBe('used')
      expect(server.connections).toHaveLength(2)
      await pool.close()
    } finally {
      ages.mockRestore()
    }
  })
})

describe('what is kept', () => {
  let now: jest.SpyInstance<number, []>
  let ahead = 0
  beforeEach(() => {
    ahead = 0
    const real = performance.now.bind(performance)
    now = jest.spyOn(performance, 'now').mockImplementation(() => real() + ahead)
  })
  afterEach(() => now.mockRestore())

  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  }

  it('goes from hand to hand, in the order of the callers', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, maxConnections: 2 })
    const order: number[] = []
    const users = Array.from({ length: 20 }, (_, i) =>
      pool.use(
        endpointOf(server.address),
        borrower(new Call({}), async (connection) => {
          order.push(i)
          await connection.request(new Request(connectionCommands.activeTest, {}, new Call({})))
          return connection
        }),
      ),
    )
    expect(new Set(await Promise.all(users)).size).toBe(2)
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(server.connections).toHaveLength(2)
    await pool.close()
  })

  it('are at least minConnections, others grow old', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, minConnections: 2, idleConnectionTtl: 40 })
    const gate = deferred()
    const all = deferred()
    let inside = 0
    const users = [1, 2, 3, 4].map(() =>
      pool.use(
        endpointOf(server.address),
        borrower(new Call({}), async () => {
          if (++inside === 4) all.resolve()
          await gate.promise
        }),
      ),
    )
    await all.promise
    expect(pool.stats).toMatchObject([{ connections: 4, inUse: 4, idle: 0 }])
    gate.resolve()
    await Promise.all(users)
    await until(() => server.connections.filter(({ closed }) => closed).length === 2)
    expect(pool.stats).toMatchObject([{ connections: 2, inUse: 0, idle: 2 }])
    // One that the server closes is replaced, though nobody asks.
    server.connections.find(({ closed }) => !closed)?.destroy()
    await until(() => server.connections.length === 5)
    await pool.close()
  })

  it('is not used again after maxConnectionAge', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, maxConnectionAge: 10_000, idleConnectionTtl: 60_000 })
    const ask = (): Promise<unknown> =>
      pool.use(
        endpointOf(server.address),
        borrower(new Call({}), (connection) =>
          connection.request(new Request(connectionCommands.activeTest, {}, new Call({}))),
        ),
      )
    await ask()
    ahead = 8_900
    await ask()
    expect(server.connections).toHaveLength(1)
    ahead = 10_100
    // Its last use: only now it is seen to be too old.
    await ask()
    await closing(server.connections[0] as Socket)
    await ask()
    expect(server.connections).toHaveLength(2)
    await pool.close()
  })

  it('and was made at the same time does not all end at the same time', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, maxConnectionAge: 10_000, idleConnectionTtl: 60_000 })
    // Of one connection nothing of the age is taken off, of the other one a tenth.
    const random = jest.spyOn(Math, 'random').mockReturnValueOnce(0).mockReturnValueOnce(1)
    const askAtOnce = async (): Promise<void> => {
      const both = deferred()
      let inside = 0
      const ask = (): Promise<unknown> =>
        pool.use(
          endpointOf(server.address),
          borrower(new Call({}), async (connection) => {
            if (++inside === 2) both.resolve()
            await both.promise
            return connection.request(new Request(connectionCommands.activeTest, {}, new Call({})))
          }),
        )
      await Promise.all([ask(), ask()])
    }
    await askAtOnce()
    random.mockRestore()
    ahead = 9_500
    // The last use of the one.
    await askAtOnce()
    expect(server.connections).toHaveLength(2)
    await askAtOnce()
    expect(server.connections).toHaveLength(3)
    await pool.close()
  })

  it('is counted in the stats', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, maxConnections: 1 })
    expect(pool.stats).toEqual([])
    const gate = deferred()
    const lent = deferred()
    const first = pool.use(
      endpointOf(server.address),
      borrower(new Call({}), () => {
        lent.resolve()
        return gate.promise
      }),
    )
    await lent.promise
    const second = pool.use(
      endpointOf(server.address),
      borrower(new Call({}), async () => {}),
    )
    const facts = { endpoint: server.address, health: 'closed', failures: 0, connecting: 0 }
    expect(pool.stats).toEqual([{ ...facts, connections: 1, inUse: 1, idle: 0, waiting: 1 }])
    gate.resolve()
    await Promise.all([first, second])
    expect(pool.stats).toEqual([{ ...facts, connections: 1, inUse: 0, idle: 1, waiting: 0 }])
    await pool.close()
  })

  it('is told of when it is held for a minute without a byte moving, once', async () => {
    const told: string[] = []
    const log = new Log({ debug: () => {}, info: () => {}, warn: (_, message) => told.push(message) })
    await using server = await fakeServer(() => {})
    const pool = new ConnectionPool({ ...OPTIONS, idleTimeout: 1e9, idleConnectionTtl: 20, log })
    const controller = new AbortController()
    const call = new Call({ signal: controller.signal })
    const hanging = rejection(
      pool.use(
        endpointOf(server.address),
        borrower(call, (connection) =>
          connection.request(new Request(connectionCommands.activeTest, {}, call)),
        ),
      ),
    )
    await until(() => server.requests.length === 1)
    ahead = 61_000
    await until(() => told.length > 0)
    ahead = 62_000
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(told).toEqual([
      `${server.address}: activeTest holds a connection, and no byte has moved for 61 s: ` +
        'read a stream to its end or destroy it',
    ])
    controller.abort()
    await hanging
    await pool.close()
  })

  it('of an endpoint that nobody uses any more is forgotten', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, idleConnectionTtl: 20 })
    await pool.use(
      endpointOf(server.address),
      borrower(new Call({}), async () => {}),
    )
    expect(pool.stats).toHaveLength(1)
    await until(() => pool.stats[0]?.connections === 0)
    expect(pool.stats).toHaveLength(1)
    ahead = 5 * 60_000 + 1000
    await until(() => pool.stats.length === 0)
    await pool.use(
      endpointOf(server.address),
      borrower(new Call({}), async () => {}),
    )
    expect(pool.stats).toHaveLength(1)
    await pool.close()
  })
})

describe('close', () => {
  it('ends connections in use, those that are idle, and callers that wait', async () => {
    const server = await fakeServer(() => {})
    const pool = new ConnectionPool({ ...OPTIONS, maxConnections: 2 })
    const endpoint = endpointOf(server.address)
    const info = (): Promise<unknown> =>
      pool.use(
        endpoint,
        borrower(new Call({}), (connection) =>
          connection.request(
            new Request(storageCommands.queryFileInfo, { group: 'group1', name: NAME }, new Call({})),
          ),
        ),
      )
    const outcomes = Array.from({ length: 6 }, () => rejection<FastDfsError>(info()))
    await new Promise<void>((resolve) => {
      const check = (): void => (server.requests.length === 2 ? resolve() : void setImmediate(check))
      check()
    })
    await pool.close()
    for (const error of await Promise.all(outcomes)) {
      expect(error).toMatchObject({ name: 'ClosedError', endpoint: server.address, retriable: false })
    }
    expect(server.connections).toHaveLength(2)
    await Promise.all(server.connections.map(closing))
    await expect(info()).rejects.toMatchObject({ name: 'ClosedError' })
    await pool.close()
    await server[Symbol.asyncDispose]()
  })

  it('makes no connections in the place of minConnections', async () => {
    await using server = await fakeServer(() => OK)
    const pool = new ConnectionPool({ ...OPTIONS, minConnections: 1 })
    await pool.use(
      endpointOf(server.address),
      borrower(new Call({}), async () => {}),
    )
    const connects: unknown[] = []
    const onConnect = (trace: unknown): void => void connects.push(trace)
    const { start } = channels.connect
    start.subscribe(onConnect)
    await pool.close()
    start.unsubscribe(onConnect)
    expect(connects).toEqual([])
  })

  it('does not wait for a server that does not take connections', async () => {
    await using deaf = await deafServer()
    const pool = new ConnectionPool({
      ...OPTIONS,
      connectTimeout: 60_000,
      maxConnections: 2,
      queueTimeout: 60_000,
    })
    const outcomes = Array.from({ length: 5 }, () =>
      rejection(
        pool.use(
          endpointOf(deaf.address),
          borrower(new Call({}), async () => 1),
        ),
      ),
    )
    await new Promise((resolve) => setImmediate(resolve))
    await pool.close()
    for (const error of await Promise.all(outcomes)) expect(error).toMatchObject({ name: 'ClosedError' })
  })
})

it('a client asks no more of a server with many addresses than of one', async () => {
  await using cluster = await fakeCluster()
  await using client = new FastDfsClient({
    trackers: cluster.tracker.address.replace('127.0.0.1', 'localhost'),
  })
  await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
})
