/** A peer that does not keep to the protocol: a typed error in time, and the next call unharmed. */
import type { Socket } from 'node:net'
import { FastDfsClient } from '../../src/index.js'
import type { FakeServer } from '../support/fake-server.js'
import { fakeServer, fakeTracker, field, header, int64, response } from '../support/fake-server.js'

const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
/** Of 13 bytes, as the name says. */
const CONTENT = Buffer.from('hello, world!')
const INFO = Buffer.concat([
  int64(13),
  int64(1_795_321_399),
  Buffer.from('ffffffffc4581f24', 'hex'),
  field('10.77.0.12', 16),
])

interface Misbehaviour {
  /** What the storage does instead of answering. */
  act: (socket: Socket) => Buffer | void
  error: string
  message: RegExp
}

const cases: Record<string, Misbehaviour> = {
  garbage: {
    act: () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    error: 'ProtocolError',
    message: /beyond 2\^53/,
  },
  'a negative length': {
    act: () => header(-1),
    error: 'ProtocolError',
    message: /the body length is negative: -1/,
  },
  'a huge length': {
    act: () => header(2 ** 52),
    error: 'ProtocolError',
    message: /says 4503599627370496 bytes/,
  },
  'the wrong command': {
    act: () => header(0, 99),
    error: 'ProtocolError',
    message: /command is 99, expected 100/,
  },
  'a short body': {
    act: () => response(INFO.subarray(0, 39)),
    error: 'ProtocolError',
    message: /39 bytes is no length/,
  },
  'surplus bytes': {
    act: () => Buffer.concat([response(INFO), Buffer.from('x')]),
    error: 'none',
    message: /./,
  },
  'nothing at all': { act: () => {}, error: 'TimeoutError', message: /no byte moved for 400 ms/ },
  'half a header': {
    act: () => header(40).subarray(0, 5),
    error: 'TimeoutError',
    message: /no byte moved for 400 ms/,
  },
  'a body that stops': {
    act: () => response(INFO).subarray(0, 30),
    error: 'TimeoutError',
    message: /no byte moved/,
  },
  'a close': { act: (socket) => void socket.end(), error: 'ConnectError', message: /closed the connection/ },
  'a close within the body': {
    act: (socket) => void socket.end(response(INFO).subarray(0, 30)),
    error: 'ConnectError',
    message: /closed the connection/,
  },
  'a reset': { act: (socket) => void socket.resetAndDestroy(), error: 'ConnectError', message: /ECONNRESET/ },
  'an unknown status': { act: () => header(0, 100, 77), error: 'ServerError', message: /status 77/ },
}

async function withServers(
  misbehave: Misbehaviour['act'],
  test: (client: FastDfsClient, storage: FakeServer) => Promise<void>,
): Promise<void> {
  let calls = 0
  await using storage = await fakeServer((request, socket) => {
    if (++calls === 1) return misbehave(socket)
    return request[8] === 14 ? response(CONTENT) : response(INFO)
  })
  await using tracker = await fakeTracker(storage.port)
  await using client = new FastDfsClient({
    trackers: tracker.address,
    retries: 0,
    idleTimeout: 400,
    verify: false,
  })
  await test(client, storage)
}

describe.each(Object.entries(cases))(
  'a storage that answers a question with %s',
  (_, { act, error, message }) => {
    it('gives a typed error, and the next call works on a new connection', async () => {
      await withServers(act, async (client, storage) => {
        const first = await client.fileInfo(ID).then(
          () => ({ name: 'none', message: 'none', fileId: ID, endpoint: `127.0.0.1:${storage.port}` }),
          (reason: Error & { fileId?: string; endpoint?: string }) => reason,
        )
        expect(first.name).toBe(error)
        expect(first.message).toMatch(message)
        expect(first.fileId).toBe(ID)
        expect(first.endpoint).toBe(`127.0.0.1:${storage.port}`)
        await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13, crc32: 0xc4581f24 })
        expect(storage.connections).toHaveLength(error === 'ServerError' ? 1 : 2)
      })
    })
  },
)

describe('a storage that fails an upload', () => {
  const lost = {
    'a close': cases['a close'],
    'nothing at all': cases['nothing at all'],
    garbage: cases['garbage'],
  }

  it.each(Object.entries(lost))(
    'with %s leaves an unknown outcome once everything was sent',
    async (_, lossy) => {
      await withServers((lossy as Misbehaviour).act, async (client) => {
        await expect(client.uploadFile(CONTENT)).rejects.toMatchObject({
          name: 'UnknownOutcomeError',
          code: 'FDFS_UNKNOWN_OUTCOME',
          command: 'uploadFile',
          retriable: false,
          cause: { name: (lossy as Misbehaviour).error },
        })
      })
    },
  )

  it('with a name that is no file ID gives a ProtocolError', async () => {
    await withServers(
      () => response(Buffer.concat([field('group1', 16), Buffer.from('../../etc/passwd')])),
      async (client) => {
        await expect(client.uploadFile(CONTENT)).rejects.toMatchObject({ name: 'ProtocolError' })
      },
    )
  })
})

describe('a storage that fails a download', () => {
  const part = response(CONTENT).subarray(0, 15)

  it('within the content gives no half of a Buffer', async () => {
    await withServers(
      (socket) => void socket.end(part),
      async (client) => {
        await expect(client.downloadFile(ID)).rejects.toMatchObject({ name: 'ConnectError', retriable: true })
        await expect(client.downloadFile(ID)).resolves.toEqual(CONTENT)
      },
    )
  })

  it('within the content destroys the stream with the error', async () => {
    await withServers(
      (socket) => void socket.end(part),
      async (client) => {
        const chunks: Buffer[] = []
        const reading = (async () => {
          for await (const chunk of client.downloadStream(ID)) chunks.push(chunk)
        })()
        await expect(reading).rejects.toMatchObject({ name: 'ConnectError', retriable: true })
        expect(Buffer.concat(chunks).toString()).toBe('hello')
      },
    )
  })

  it('with more than maxBufferBytes refuses it before it is read', async () => {
    await withServers(
      () => header(2 ** 40),
      async (client) => {
        await expect(client.downloadFile(ID)).rejects.toThrow(/maxBufferBytes/)
      },
    )
  })
})

describe('trackers', () => {
  it('that cannot be reached are passed over', async () => {
    await using storage = await fakeServer(() => response(INFO))
    await using tracker = await fakeTracker(storage.port)
    const gone = await fakeServer(() => undefined)
    await gone[Symbol.asyncDispose]()
    await using client = new FastDfsClient({ trackers: [gone.address, tracker.address], retries: 0 })
    for (let i = 0; i < 4; i++) await expect(client.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
  })

  it('that answer 2 are believed when all of them do', async () => {
    await using storage = await fakeServer(() => response(INFO))
    await using good = await fakeTracker(storage.port)
    await using ignorant = await fakeServer(() => header(0, 100, 2))
    await using one = new FastDfsClient({ trackers: [ignorant.address, good.address] })
    for (let i = 0; i < 2; i++) await expect(one.fileInfo(ID)).resolves.toMatchObject({ size: 13 })
    await using other = new FastDfsClient({ trackers: [ignorant.address, ignorant.address], retries: 0 })
    await expect(other.fileInfo(ID)).rejects.toMatchObject({
      name: 'FileNotFoundError',
      status: 2,
      endpoint: ignorant.address,
    })
  })

  it('none of which can be reached end in an error with the reason of each', async () => {
    const gone = await Promise.all([fakeServer(() => undefined), fakeServer(() => undefined)])
    for (const server of gone) await server[Symbol.asyncDispose]()
    await using client = new FastDfsClient({ trackers: gone.map(({ address }) => address), retries: 0 })
    await expect(client.fileInfo(ID)).rejects.toMatchObject({
      name: 'RetryError',
      errors: [{ name: 'ConnectError' }, { name: 'ConnectError' }],
    })
  })
})
