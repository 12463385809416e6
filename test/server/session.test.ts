import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { LATEST } from '../../src/protocol/index.js'
import { routesOf, type Exchange } from '../../src/server/routes.js'
import { Session } from '../../src/server/session.js'
import { bytes, i64, packet, RawClient, str } from './raw.js'

type Handle = (request: never, exchange: Exchange<object>) => object | number | Promise<object | number>

/** An upload of `size` bytes. */
const upload = (size: number): Buffer =>
  packet(11, bytes(0, i64(size), str('txt', 6), Buffer.alloc(size, 'x')))
const getMetadata = packet(15, bytes(str('group1', 16), 'name'))

const cleanup: (() => void)[] = []
afterEach(() => {
  for (const end of cleanup.splice(0)) end()
})

/** A connection to a session with these handlers. */
async function serve(
  handlers: Record<string, Handle>,
): Promise<{ raw: RawClient; session: Session<object> }> {
  const routes = routesOf('storage', handlers)
  const service = { routes, dialect: LATEST, maxRequest: 1000, closesOnInvalid: true, isTracker: false }
  const sessions: Session<object>[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    sessions.push(new Session(socket, service, {})),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const raw = await RawClient.connect((server.address() as AddressInfo).port)
  await accepted
  cleanup.push(
    () => raw.close(),
    () => server.close(),
  )
  return { raw, session: sessions[0] as Session<object> }
}

/** A promise to be settled from outside. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((...both) => ([resolve, reject] = both))
  return { promise, resolve, reject }
}

it('does not begin a request before the one ahead is answered', async () => {
  const events: string[] = []
  const gate = deferred<void>()
  const begun = deferred<void>()
  let calls = 0
  const { raw } = await serve({
    getMetadata: async () => {
      const call = ++calls
      events.push(`begin ${call}`)
      begun.resolve()
      await gate.promise
      events.push(`end ${call}`)
      return { metadata: Buffer.from(String(call)) }
    },
  })
  raw.send(Buffer.concat([getMetadata, getMetadata, getMetadata]))
  await begun.promise
  raw.send(getMetadata)
  gate.resolve()
  for (const text of ['1', '2', '3', '4']) expect((await raw.response()).body.toString()).toBe(text)
  expect(events).toEqual(['1', '2', '3', '4'].flatMap((call) => [`begin ${call}`, `end ${call}`]))
})

it('answers 5 where a handler fails, 28 where the disk is full, and goes on', async () => {
  const failures: (() => object | Promise<object>)[] = [
    () => Promise.reject(new Error('broken')),
    () => {
      throw new Error('broken')
    },
    () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    () => ({ metadata: Buffer.from('fine') }),
  ]
  const { raw } = await serve({ getMetadata: () => (failures.shift() as () => object)() })
  expect((await raw.ask(15, getMetadata.subarray(10))).status).toBe(5)
  expect((await raw.ask(15, getMetadata.subarray(10))).status).toBe(5)
  expect((await raw.ask(15, getMetadata.subarray(10))).status).toBe(28)
  expect((await raw.ask(15, getMetadata.subarray(10))).body.toString()).toBe('fine')
})

it.each([0, 1])('answers 5 where a reply does not fit its fields, and goes on', async (turns) => {
  const replies = [{ group: 'a group of more than 16', name: 'x' }, 2]
  const { raw } = await serve({
    uploadFile: () => (turns === 0 ? replies.shift() : Promise.resolve(replies.shift())) as object,
  })
  expect((await raw.ask(11, upload(1).subarray(10))).status).toBe(5)
  expect((await raw.ask(11, upload(1).subarray(10))).status).toBe(2)
})

it.each([100, 60_000, 100_000, 3_000_000])('drops %d bytes of content that nobody read', async (size) => {
  const { raw } = await serve({ uploadFile: () => 2, getMetadata: () => ({ metadata: Buffer.from('next') }) })
  raw.send(Buffer.concat([upload(size), getMetadata, upload(size), getMetadata]))
  for (let i = 0; i < 2; i++) {
    expect(await raw.response()).toMatchObject({ status: 2, body: Buffer.alloc(0) })
    expect((await raw.response()).body.toString()).toBe('next')
  }
})

it('drops the rest of content of which a handler read a part', async () => {
  const { raw } = await serve({
    uploadFile: async (_, { content }) => {
      for await (const chunk of content) if (chunk.length > 0) return 28
      return 0
    },
    getMetadata: () => ({ metadata: Buffer.from('next') }),
  })
  raw.send(Buffer.concat([upload(3_000_000), getMetadata]))
  expect((await raw.response()).status).toBe(28)
  expect((await raw.response()).body.toString()).toBe('next')
})

it('stops reading from a client that is faster than the handler', async () => {
  const gate = deferred<void>()
  let received = 0
  const { raw } = await serve({
    uploadFile: async (_, { content }) => {
      await gate.promise
      for await (const chunk of content) received += chunk.length
      return { group: 'group1', name: String(content.size) }
    },
  })
  const size = 64 * 1024 * 1024
  raw.send(upload(size))
  // What the system's own buffers hold is gone; the rest stays with the sender.
  await new Promise<void>(
    (resolve) => raw.socket.write(getMetadata.subarray(0, 0), () => resolve()) || resolve(),
  )
  expect(raw.socket.writableLength).toBeGreaterThan(size / 2)
  gate.resolve()
  expect((await raw.response()).body.subarray(16).toString()).toBe(String(size))
  expect(received).toBe(size)
})

it.each(['end', 'resetAndDestroy'] as const)('tells a handler of a sender that goes: %s', async (how) => {
  const seen = deferred<[Error, boolean]>()
  const begun = deferred<void>()
  const { raw, session } = await serve({
    uploadFile: async (_, { content }) => {
      try {
        for await (const chunk of content) if (chunk.length > 0) begun.resolve()
      } catch (error) {
        seen.resolve([error as Error, content.aborted])
        throw error
      }
      return 0
    },
  })
  raw.send(upload(1_000_000).subarray(0, 500_000))
  await begun.promise
  raw.socket[how]()
  const [error, aborted] = await seen.promise
  expect(error.name).toBe('DisconnectedError')
  expect(aborted).toBe(true)
  await expect(session.settled()).resolves.toBeUndefined()
  await expect(raw.closed()).resolves.toBeUndefined()
})

it('closes the connection where content ends too early, and ends the reading where the client goes', async () => {
  const closed: string[] = []
  async function* chunks(label: string, count: number): AsyncGenerator<Buffer> {
    try {
      for (let i = 0; i < count; i++) yield Buffer.alloc(100_000)
    } finally {
      closed.push(label)
    }
  }
  const replies = [
    { size: 300_000, content: chunks('short', 2) },
    { size: 100_000_000, content: chunks('left', 1000) },
  ]
  const handlers = { downloadFile: () => replies.shift() as object }
  const request = packet(14, bytes(i64(0), i64(0), str('group1', 16), 'name'))
  const short = await serve(handlers)
  short.raw.send(request)
  await expect(short.raw.response()).rejects.toThrow('closed after 200000 of 300000 bytes')
  const left = await serve(handlers)
  left.raw.socket.pause()
  left.raw.send(request)
  await once(left.raw.socket.resume(), 'data')
  left.raw.close()
  await left.session.settled()
  expect(closed).toEqual(['short', 'left'])
})

it('is settled when a client has gone that never read', async () => {
  const { raw, session } = await serve({ downloadFile: () => ({ size: 1e6, content: Buffer.alloc(1e6) }) })
  raw.socket.pause()
  const request = packet(14, bytes(i64(0), i64(0), str('group1', 16), 'name'))
  raw.send(Buffer.concat(Array.from({ length: 100 }, () => request)))
  raw.socket.resume()
  await raw.response()
  raw.close()
  await expect(session.settled()).resolves.toBeUndefined()
})

it('waits for clients that ask and do not read', async () => {
  let calls = 0
  const { raw } = await serve({
    getMetadata: () => {
      calls++
      return { metadata: Buffer.alloc(1_000_000) }
    },
  })
  raw.socket.pause()
  raw.send(Buffer.concat(Array.from({ length: 100 }, () => getMetadata)))
  raw.socket.resume()
  await raw.response()
  raw.socket.pause()
  expect(calls).toBeLessThan(100)
  raw.socket.resume()
  for (let i = 1; i < 100; i++) expect((await raw.response()).body.length).toBe(1_000_000)
})
