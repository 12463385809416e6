import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { ConfigError } from '../../src/errors.js'
import { LATEST } from '../../src/protocol/index.js'
import { MemoryStore, Storage, Tracker } from '../../src/server/index.js'
import { Listener } from '../../src/server/listener.js'
import { routesOf } from '../../src/server/routes.js'
import { Session } from '../../src/server/session.js'
import { bytes, i64, packet, RawClient, str } from './raw.js'

const HALF_HEADER = Buffer.alloc(5)
const test111 = packet(111)
const getMetadata = packet(15, bytes(str('group1', 16), 'name'))
/** An upload of 100 000 bytes. */
const upload = packet(11, bytes(0, i64(100_000), str('txt', 6), Buffer.alloc(100_000, 'x')))
const download = packet(14, bytes(i64(0), i64(0), str('group1', 16), 'name'))

const cleanup: (() => unknown)[] = []
afterEach(async () => {
  for (const end of cleanup.splice(0)) await end()
})

/** Connects; `bytes` are sent, and the connection is silent from then on. */
async function silent(port: number, sent: Buffer, first?: Buffer): Promise<RawClient> {
  const raw = await RawClient.connect(port)
  cleanup.push(() => raw.close())
  if (first !== undefined) {
    raw.send(first)
    expect((await raw.response()).status).toBe(0)
  }
  raw.send(sent)
  return raw
}

/** Has been longer than any connection that was silent before: all those that will be given up are. */
async function untilGivenUp(port: number): Promise<void> {
  for (let round = 0; round < 2; round++) await (await silent(port, HALF_HEADER)).closed()
}

describe('a peer that is silent for the network timeout', () => {
  const gates: (() => void)[] = []
  let listener: Listener
  let accepted: Socket[]

  beforeEach(async () => {
    accepted = []
    const routes = routesOf('storage', {
      activeTest: () => ({}),
      getMetadata: () =>
        new Promise<object>((resolve) => gates.push(() => resolve({ metadata: Buffer.of(7) }))),
      uploadFile: async (_, { content }) => {
        for await (const chunk of content) if (chunk.length === 0) return 5
        return { group: 'group1', name: 'x' }
      },
      downloadFile: () => ({ size: 100_000_000, content: Buffer.alloc(100_000_000) }),
    })
    const service = { routes, dialect: LATEST, maxRequest: 1000, closesOnInvalid: true, isTracker: false }
    listener = new Listener({ host: '127.0.0.1', port: 0, networkTimeout: 50 }, (socket) => {
      accepted.push(socket)
      return new Session(socket, service, {})
    })
    await listener.start()
    cleanup.push(() => listener.stop())
  })

  it.each([
    ['nothing', Buffer.alloc(0), undefined],
    ['half a header', HALF_HEADER, undefined],
    ['half a header behind a request', HALF_HEADER, test111],
    ['a header alone', getMetadata.subarray(0, 10), undefined],
    ['half a body', getMetadata.subarray(0, 20), undefined],
    ['half a body behind a request', getMetadata.subarray(0, 20), test111],
    ['half of a content', upload.subarray(0, 50_000), undefined],
    ['half of a content behind a request', upload.subarray(0, 50_000), test111],
  ])('is given up after %s', async (_, sent, first) => {
    const raw = await silent(listener.port, sent, first)
    await expect(raw.closed()).resolves.toBeUndefined()
  })

  it('may be silent for ever after a whole request', async () => {
    const raw = await silent(listener.port, Buffer.alloc(0), test111)
    await untilGivenUp(listener.port)
    expect(await raw.status(111)).toBe(0)
    await untilGivenUp(listener.port)
    expect(await raw.status(111)).toBe(0)
    raw.send(HALF_HEADER)
    await expect(raw.closed()).resolves.toBeUndefined()
  })

  it('gets its answer however long that takes, and is given up if it is silent after a part behind it', async () => {
    const raw = await silent(listener.port, Buffer.concat([getMetadata, HALF_HEADER]))
    await untilGivenUp(listener.port)
    gates.shift()?.()
    expect((await raw.response()).body).toEqual(Buffer.of(7))
    await expect(raw.closed()).resolves.toBeUndefined()
  })

  it('is given up where it does not read its answers', async () => {
    const raw = await silent(listener.port, Buffer.alloc(0), test111)
    raw.socket.pause()
    raw.send(download)
    const [socket] = accepted as [Socket]
    await once(socket, 'close')
    raw.socket.resume()
    await expect(raw.response()).rejects.toThrow('closed after')
  })
})

it('is an option of servers', async () => {
  for (const networkTimeout of [0, 1.5, 2 ** 31, NaN]) {
    expect(() => new Tracker({ networkTimeout })).toThrow(ConfigError)
  }
  const tracker = new Tracker({ networkTimeout: 50 })
  await tracker.start()
  cleanup.push(() => tracker.stop())
  const raw = await silent(tracker.port, HALF_HEADER)
  await expect(raw.closed()).resolves.toBeUndefined()
})

it('is what a storage gives a tracker for an answer', async () => {
  const silentTracker = createServer((socket) => socket.resume())
  silentTracker.listen(0, '127.0.0.1')
  await once(silentTracker, 'listening')
  const { port } = silentTracker.address() as AddressInfo
  const storage = new Storage({
    group: 'group1',
    id: 100_001,
    trackers: [{ host: '127.0.0.1', port }],
    store: new MemoryStore(),
    networkTimeout: 50,
  })
  const connected = once(silentTracker, 'connection')
  await storage.start()
  cleanup.push(
    () => storage.stop(),
    () => silentTracker.close(),
  )
  const [socket] = (await connected) as [Socket]
  await expect(once(socket, 'close')).resolves.toBeDefined()
})
