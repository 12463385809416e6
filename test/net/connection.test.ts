/** One connection over any Duplex: what it writes, what it takes for an answer, and what its errors say. */
import { Duplex } from 'node:stream'
import type { FastDfsError } from '../../src/errors.js'
import { AbortError, ClosedError, TimeoutError } from '../../src/errors.js'
import { Call } from '../../src/net/call.js'
import type { ContentFlow, ContentSink, ContentSource } from '../../src/net/content.js'
import { connect } from '../../src/net/connect.js'
import { Connection } from '../../src/net/connection.js'
import { Request } from '../../src/net/request.js'
import { Log } from '../../src/observe/log.js'
import { connectionCommands, storageCommands } from '../../src/protocol/index.js'
import { INFO, NAME, OK, rejection, status, STORED, uploadRequest } from '../client/fakes.js'
import type { FakeServer } from '../support/fake-server.js'
import { fakeServer, header, response } from '../support/fake-server.js'

/** A peer in the test's hands: what was written to it, and what it says. */
class Peer extends Duplex {
  readonly written: Buffer[] = []
  readonly writes: number[] = []
  /** Called with each chunk; calls back when the chunk has left. */
  onWrite: (chunk: Buffer, done: (error?: Error | null) => void) => void = (_, done) => done()

  override _read(): void {}

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    const chunk = Buffer.concat(chunks.map((item) => item.chunk))
    this.writes.push(chunks.length)
    this.written.push(chunk)
    this.onWrite(chunk, callback)
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.writes.push(1)
    this.written.push(chunk)
    this.onWrite(chunk, callback)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written)
  }
}

function connected(idleTimeout = 1000): { peer: Peer; connection: Connection } {
  const peer = new Peer()
  return { peer, connection: new Connection(peer, '10.0.0.1:23000', idleTimeout) }
}

const file = { group: 'group1', name: NAME }
const source = (...pieces: Buffer[]): ContentSource => ({
  size: pieces.reduce((sum, piece) => sum + piece.length, 0),
  send: async (write) => {
    for (const piece of pieces) await write(piece)
  },
})
const inMemory = (bytes: Buffer): ContentSource => ({
  size: bytes.length,
  take: () => bytes,
  send: () => Promise.reject(new Error('taken already')),
})
const upload = (connection: Connection, content: ContentSource, call = new Call({})): Promise<object> =>
  connection.request(
    new Request(storageCommands.uploadFile, { storePathIndex: 0, ext: '' }, call, { source: content }),
  )
const ask = (connection: Connection, call = new Call({})): Promise<object> =>
  connection.request(new Request(storageCommands.queryFileInfo, file, call))

describe('requests on sockets of our own', () => {
  const { signal } = new AbortController()
  const open = async (
    server: FakeServer,
    count: number,
  ): Promise<{ connections: Connection[]; written: () => number }> => {
    const sockets = await Promise.all(
      Array.from({ length: count }, () =>
        connect({ host: '127.0.0.1', port: server.port }, 1000, signal, new Log()),
      ),
    )
    const connections = sockets.map((socket) => new Connection(socket, server.address, 1000))
    return { connections, written: () => sockets.filter(({ bytesWritten }) => bytesWritten > 0).length }
  }

  it('leave at once where no other is under way', async () => {
    await using server = await fakeServer(() => OK)
    const { connections, written } = await open(server, 1)
    const asked = connections.map((connection) =>
      connection.request(new Request(connectionCommands.activeTest, {}, new Call({}))),
    )
    expect(written()).toBe(1)
    await Promise.all(asked)
    for (const connection of connections) connection.destroy()
  })

  it('leave together at the end of a turn of the event loop, but for those that were given up', async () => {
    await using server = await fakeServer(() => OK)
    const { connections, written } = await open(server, 4)
    const asked = connections.map((connection) =>
      connection
        .request(new Request(connectionCommands.activeTest, {}, new Call({})))
        .then(() => 'answered', String),
    )
    expect(written()).toBe(1)
    connections[3]?.destroy()
    await expect(Promise.all(asked)).resolves.toEqual([
      'answered',
      'answered',
      'answered',
      expect.stringContaining('the connection was closed'),
    ])
    expect(written()).toBe(3)
    for (const connection of connections) connection.destroy()
  })

  it('leave also where the bytes of one are gone by then', async () => {
    await using server = await fakeServer((request) => (request[8] === 11 ? STORED : OK))
    const { connections } = await open(server, 3)
    const [first, second, third] = connections as [Connection, Connection, Connection]
    const test = (connection: Connection): Promise<object> =>
      connection.request(new Request(connectionCommands.activeTest, {}, new Call({})))
    const before = test(first)
    const bytes = new Uint8Array(9)
    const uploading = rejection(upload(second, inMemory(Buffer.from(bytes.buffer))))
    const after = test(third)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect(await uploading).toMatchObject({
      name: 'LocalIoError',
      reason:
        'the source gave 0 of 9 bytes: what is uploaded must not be changed or transferred before the upload has ended',
      phase: 'send',
      retriable: false,
    })
    await Promise.all([before, after])
    // Nothing was sent: the connection is as good as before.
    await test(second)
    expect(server.requests.map((request) => request[8])).toEqual([111, 111, 111])
    for (const connection of connections) connection.destroy()
  })
})

describe('a request', () => {
  it('writes its head with the first piece of content, and nothing before', async () => {
    const { peer, connection } = connected()
    let go: () => void = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    const uploading = upload(connection, {
      size: 11,
      send: async (write) => {
        await gate
        expect(peer.written).toHaveLength(0)
        await write(Buffer.from('hello '))
        await write(Buffer.from('world'))
      },
    })
    go()
    peer.onWrite = (_, done) => {
      done()
      if (peer.bytes.length === 36) peer.push(STORED)
    }
    await uploading
    expect(peer.bytes.toString('latin1')).toBe(uploadRequest(Buffer.from('hello world')).toString('latin1'))
    expect(peer.writes).toEqual([2, 1])
  })

  it('without a byte of content writes its head when the source has ended', async () => {
    const { peer, connection } = connected()
    peer.onWrite = (_, done) => {
      done()
      peer.push(STORED)
    }
    await upload(connection, source())
    expect(peer.bytes.equals(uploadRequest(Buffer.alloc(0)))).toBe(true)
  })

  it.each([
    [0, 1],
    [11, 1],
    [16 * 1024, 1],
    [16 * 1024 + 1, 2],
    [200_000, 2],
  ])('writes %i bytes in memory at once, with its head in %i buffers', async (size, buffers) => {
    const { peer, connection } = connected()
    peer.onWrite = (_, done) => {
      done()
      peer.push(STORED)
    }
    const content = Buffer.alloc(size, 'x')
    const uploading = upload(connection, inMemory(content))
    expect(peer.bytes.equals(uploadRequest(content))).toBe(true)
    expect(peer.writes).toEqual([buffers])
    await uploading
  })

  it('that does not fit its fields is refused without a byte, and the next one made', async () => {
    const { peer, connection } = connected()
    const fields = { storePathIndex: 0, ext: '7 bytes' }
    const asked = connection.request(
      new Request(storageCommands.uploadFile, fields, new Call({}), { source: source() }),
    )
    await expect(asked).rejects.toMatchObject({ name: 'InvalidArgumentError', command: 'uploadFile' })
    expect(peer.written).toHaveLength(0)
    const next = ask(connection)
    peer.push(INFO)
    await expect(next).resolves.toMatchObject({ size: 13 })
  })

  it('takes its answer in pieces of any size', async () => {
    for (const size of [1, 2, 7, 10, 11, 49, 50]) {
      const { peer, connection } = connected()
      const asked = ask(connection)
      for (let i = 0; i < INFO.length; i += size) peer.push(INFO.subarray(i, i + size))
      await expect(asked).resolves.toMatchObject({ size: 13 })
      expect(connection.usable).toBe(true)
    }
  })

  it('is refused while another is under way', async () => {
    const { peer, connection } = connected()
    const first = ask(connection)
    expect(connection.usable).toBe(false)
    await expect(ask(connection)).rejects.toThrow('a connection carries one request at a time')
    peer.push(INFO)
    await expect(first).resolves.toMatchObject({ size: 13 })
  })

  it('on a connection that is lost fails as one that can be repeated', async () => {
    const { peer, connection } = connected()
    peer.push(null)
    await new Promise((resolve) => setImmediate(resolve))
    expect(connection.usable).toBe(false)
    await expect(ask(connection)).rejects.toMatchObject({
      name: 'ConnectError',
      reason: 'the server closed the connection',
      command: 'queryFileInfo',
      endpoint: '10.0.0.1:23000',
      retriable: true,
    })
    expect(peer.written).toHaveLength(0)
  })

  it.each<[string, () => Call, object]>([
    [
      'aborted',
      () => new Call({ signal: AbortSignal.abort('enough') }),
      { name: 'AbortError', cause: 'enough' },
    ],
    [
      'cancelled',
      () => {
        const call = new Call({})
        call.cancel(new ClosedError('closed'))
        return call
      },
      { name: 'ClosedError' },
    ],
    [
      'of an attempt that has expired',
      () => {
        const call = new Call({})
        call.expire(new TimeoutError('too late'))
        return call
      },
      { name: 'TimeoutError', reason: 'too late' },
    ],
    ['out of time', () => new Call({ timeout: 1e-6 }), { name: 'TimeoutError' }],
  ])('of a call that is %s fails without a byte', async (_, make, error) => {
    const { peer, connection } = connected()
    await expect(ask(connection, make())).rejects.toMatchObject({ ...error, retriable: false })
    expect(peer.written).toHaveLength(0)
    expect(connection.usable).toBe(true)
  })
})

describe('what is sent when the connection is lost', () => {
  const lose = (peer: Peer): void => void peer.destroy(Object.assign(new Error('x'), { code: 'ECONNRESET' }))

  it.each<[string, (peer: Peer, connection: Connection) => Promise<object>, object]>([
    [
      'a query may be repeated',
      (peer, connection) => {
        peer.onWrite = () => lose(peer)
        return ask(connection)
      },
      { name: 'ConnectError', reason: 'connection lost: ECONNRESET', retriable: true },
    ],
    [
      'an upload may be repeated after its first piece',
      (peer, connection) => {
        peer.onWrite = () => lose(peer)
        return upload(connection, source(Buffer.from('hello'), Buffer.from('world')))
      },
      { name: 'ConnectError', retriable: true },
    ],
    [
      'an upload may be repeated when a write failed, whatever came next',
      (peer, connection) => {
        peer.onWrite = (_, done) => done(Object.assign(new Error('x'), { code: 'EPIPE' }))
        return upload(connection, source(Buffer.from('hello'), Buffer.from('world')))
      },
      { name: 'ConnectError', reason: 'connection lost: EPIPE', retriable: true },
    ],
    [
      'an upload has an unknown outcome after its last piece',
      (peer, connection) => {
        peer.onWrite = (_, done) => (peer.written.length === 2 ? lose(peer) : done())
        return upload(connection, source(Buffer.from('hello'), Buffer.from('world')))
      },
      { name: 'UnknownOutcomeError', retriable: false, cause: { name: 'ConnectError' } },
    ],
    [
      'an upload from memory, of which nobody knows how much has left, too',
      (peer, connection) => {
        peer.onWrite = () => lose(peer)
        return upload(connection, inMemory(Buffer.alloc(200_000)))
      },
      { name: 'UnknownOutcomeError', retriable: false, cause: { name: 'ConnectError' } },
    ],
    [
      'an empty upload too',
      (peer, connection) => {
        peer.onWrite = () => lose(peer)
        return upload(connection, source())
      },
      { name: 'UnknownOutcomeError', retriable: false },
    ],
  ])('%s', async (_, act, error) => {
    const { peer, connection } = connected()
    expect(await rejection(act(peer, connection))).toMatchObject({ ...error, endpoint: '10.0.0.1:23000' })
    expect(connection.usable).toBe(false)
  })
})

describe('a source', () => {
  it('may use its buffer again, also where the Duplex passes on later what it was given', async () => {
    const { peer, connection } = connected()
    const buffer = Buffer.alloc(2)
    const content: ContentSource = {
      size: 6,
      send: async (write) => {
        for (const text of ['ab', 'cd', 'ef']) {
          buffer.write(text)
          await write(buffer)
        }
        peer.push(STORED)
      },
    }
    await upload(connection, content)
    expect(peer.bytes.subarray(-6).toString()).toBe('abcdef')
  })

  it.each<[string, unknown, object]>([
    ['an error of ours', new AbortError('mine'), { name: 'AbortError', reason: 'mine' }],
    ['another error', new RangeError('boom'), { name: 'LocalIoError', cause: { message: 'boom' } }],
    ['undefined', undefined, { name: 'LocalIoError' }],
  ])(
    'that fails with %s ends the request with an error of ours, and the connection',
    async (_, thrown, error) => {
      const { peer, connection } = connected()
      const failing = { size: 5, send: jest.fn<Promise<void>, []>().mockRejectedValue(thrown) }
      expect(await rejection(upload(connection, failing))).toMatchObject({ ...error, command: 'uploadFile' })
      expect(peer.destroyed).toBe(true)
    },
  )

  it('that gives less than it should ends the request with the connection', async () => {
    const { peer, connection } = connected()
    const uploading = upload(connection, { ...source(Buffer.from('hello')), size: 6 })
    expect(await rejection(uploading)).toMatchObject({
      name: 'LocalIoError',
      reason: expect.stringContaining('the source gave 5 of 6 bytes') as string,
      phase: 'send',
    })
    expect(peer.destroyed).toBe(true)
  })

  it('is told to stop when an answer comes first', async () => {
    const { peer, connection } = connected()
    peer.onWrite = (_, done) => {
      done()
      peer.push(status(28))
    }
    let stopped: unknown
    const endless: ContentSource = {
      size: 1_000_000,
      send: async (write) => {
        try {
          for (;;) await write(Buffer.alloc(10))
        } catch (error) {
          stopped = error
          throw error
        }
      },
    }
    expect(await rejection(upload(connection, endless))).toMatchObject({ name: 'NoSpaceError', status: 28 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(stopped).toMatchObject({ name: 'NoSpaceError' })
  })

  it('whose upload is answered with 0 before it was sent breaks the protocol', async () => {
    const { peer, connection } = connected()
    peer.onWrite = (_, done) => {
      done()
      peer.push(STORED)
    }
    const uploading = upload(connection, source(Buffer.from('hello'), Buffer.from('world')))
    expect(await rejection(uploading)).toMatchObject({
      name: 'ProtocolError',
      reason: 'the server answered before it had the whole request',
    })
  })
})

describe('a sink', () => {
  const download = (connection: Connection, sink: ContentSink): Promise<object> =>
    connection.request(
      new Request(storageCommands.downloadFile, { ...file, offset: 0, count: 0 }, new Call({}), { sink }),
    )

  it.each([
    ['when it starts', true],
    ['when it is given bytes', false],
  ])('that throws %s ends the request with an error of ours', async (_, atStart) => {
    const { peer, connection } = connected()
    const boom = new RangeError('boom')
    const asked = download(connection, {
      start: () => {
        if (atStart) throw boom
      },
      write: () => {
        throw boom
      },
    })
    peer.push(response(Buffer.from('hello')))
    expect(await rejection(asked)).toMatchObject({
      name: 'LocalIoError',
      cause: boom,
      command: 'downloadFile',
    })
    expect(connection.usable).toBe(false)
  })

  it('that has no room ends the request with an error of ours', async () => {
    await using server = await fakeServer((_, socket) => void socket.write(header(1_000_000)))
    const { signal } = new AbortController()
    const socket = await connect({ host: '127.0.0.1', port: server.port }, 1000, signal, new Log())
    const connection = new Connection(socket, server.address, 1000)
    const asked = download(connection, {
      start: () => {},
      space: () => {
        throw new RangeError('Array buffer allocation failed')
      },
      write: () => true,
    })
    expect(await rejection(asked)).toMatchObject({
      name: 'LocalIoError',
      reason: 'the content cannot be handled: Array buffer allocation failed',
    })
    expect(connection.usable).toBe(false)
  })

  it('gets the bytes of a download and not those of a refusal', async () => {
    const { peer, connection } = connected()
    const got: Buffer[] = []
    const sizes: number[] = []
    const sink: ContentSink = {
      start: (size) => void sizes.push(size),
      write: (chunk) => got.push(Buffer.from(chunk)) > 0,
    }
    const refused = rejection(download(connection, sink))
    peer.push(response(Buffer.from('no'), 5))
    expect(await refused).toMatchObject({ status: 5 })
    const asked = download(connection, sink)
    peer.push(response(Buffer.from('hello')))
    await asked
    expect(sizes).toEqual([5])
    expect(Buffer.concat(got).toString()).toBe('hello')
  })

  it('holds the peer up until it goes on, also with the last byte', async () => {
    const { peer, connection } = connected()
    let flow: ContentFlow | undefined
    const got: string[] = []
    const asked = download(connection, {
      start: (_, given) => (flow = given),
      write: (chunk) => {
        got.push(chunk.toString())
        return false
      },
    })
    peer.push(response(Buffer.from('helloworld')).subarray(0, 15))
    await new Promise((resolve) => setImmediate(resolve))
    peer.push(Buffer.from('world'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(got).toEqual(['hello'])
    expect(peer.isPaused()).toBe(true)
    flow?.resume()
    await asked
    expect(got).toEqual(['hello', 'world'])
    // The last piece asked for a pause that nobody would end.
    expect(peer.isPaused()).toBe(false)
    flow?.resume()
    flow?.fail(new AbortError('too late'))
    expect(connection.usable).toBe(true)
  })
})

describe('an answer', () => {
  it.each<[string, Buffer, RegExp]>([
    ['with another command', header(0, 22), /the header's command is 22, expected 100/],
    ['of fields that do not fit', response(Buffer.alloc(41)), /41 bytes/],
    ['that is larger than any', header(5 * 1024 * 1024), /says 5242880 bytes, at most 4194304 are possible/],
    ['that is a larger refusal', header(5 * 1024 * 1024, 100, 5), /says 5242880 bytes/],
  ])('%s breaks the protocol', async (_, bytes, message) => {
    const { peer, connection } = connected()
    const asked = rejection<FastDfsError>(ask(connection))
    peer.push(bytes)
    expect(await asked).toMatchObject({ name: 'ProtocolError', command: 'queryFileInfo', retriable: true })
    expect((await asked).message).toMatch(message)
    expect(peer.destroyed).toBe(true)
  })
})

describe('time', () => {
  it('without a byte ends a request, and bytes prolong it', async () => {
    const { peer, connection } = connected(120)
    const asked = rejection<FastDfsError>(ask(connection))
    // 50 bytes, one each 10 ms or more: far more than the idle timeout in all.
    const bytes = [...INFO.subarray(0, 49)]
    const begun = performance.now()
    const drip = setInterval(() => {
      const byte = bytes.shift()
      if (byte === undefined) clearInterval(drip)
      else peer.push(Buffer.from([byte]))
    }, 5)
    expect(await asked).toMatchObject({
      name: 'TimeoutError',
      reason: 'no byte moved for 120 ms',
      retriable: true,
    })
    expect(bytes).toHaveLength(0)
    expect(performance.now() - begun).toBeGreaterThan(240)
  })

  it('does not run between requests', async () => {
    const { peer, connection } = connected(30)
    const asked = connection.request(new Request(connectionCommands.activeTest, {}, new Call({})))
    peer.push(OK)
    await asked
    // Longer than the idle timeout: another connection's has passed meanwhile.
    await rejection(ask(connected(60).connection))
    expect(connection.usable).toBe(true)
  })
})

describe('a piece that takes longer than the time limit', () => {
  /** A peer whose system still has some bytes to send, and has sent the piece when it is told so. */
  const slow = (): { peer: Peer & { _handle: { writeQueueSize: number } }; sent: () => void } => {
    let sent: () => void = () => {}
    const peer = Object.assign(new Peer(), { _handle: { writeQueueSize: 0 } })
    peer.onWrite = (_, done) => {
      peer._handle.writeQueueSize = 1_000_000
      sent = done
    }
    return { peer, sent: () => sent() }
  }
  const piece = Buffer.alloc(1_000_000)

  it('goes on while the system takes some of it', async () => {
    const { peer, sent } = slow()
    const connection = new Connection(peer, '10.0.0.1:23000', 30)
    const uploading = upload(connection, source(piece))
    const beganAt = performance.now()
    await new Promise<void>((resolve) => {
      const moving = setInterval(() => {
        peer._handle.writeQueueSize -= 1000
        if (performance.now() - beganAt < 200) return
        clearInterval(moving)
        resolve()
      }, 5)
    })
    sent()
    peer.push(STORED)
    await expect(uploading).resolves.toMatchObject({ group: 'group1' })
  })

  it('ends the request when the system takes nothing', async () => {
    const { peer } = slow()
    const error = await rejection<FastDfsError>(
      upload(new Connection(peer, '10.0.0.1:23000', 30), source(piece, piece)),
    )
    expect(error).toMatchObject({
      name: 'TimeoutError',
      reason: 'no byte moved for 30 ms',
      phase: 'send',
      retriable: true,
    })
  })
})
