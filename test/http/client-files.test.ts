/** What a handler asks of a cluster, on servers that answer in literal bytes. */
import { once } from 'node:events'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { crc32, formatFileId } from '../../src/file-id/index.js'
import type { ClientFilesOptions } from '../../src/http/index.js'
import { clientFiles, fileHandler } from '../../src/http/index.js'
import { FastDfsClient } from '../../src/index.js'
import type { Answers } from '../client/fakes.js'
import {
  APPENDER_ID,
  CONTENT,
  deadAddress,
  deferred,
  EMPTY_ID,
  fakeCluster,
  ID,
  info,
  rawCluster,
  SHORT_ID,
  status,
  wholeRequest,
} from '../client/fakes.js'
import { header, int64, response } from '../support/fake-server.js'
import type { Answer } from './ask.js'
import { ask, begin, listen } from './ask.js'

/** Serves files of a client. */
async function serve(
  client: FastDfsClient,
  options?: ClientFilesOptions,
): Promise<{ url: string } & AsyncDisposable> {
  const { url, close } = await listen(fileHandler(clientFiles(client, options)))
  return { url, [Symbol.asyncDispose]: close }
}

/** One request for a file, and the commands that the storage got for it. */
async function asked(
  id: string,
  headers: Record<string, string> = {},
  {
    method = 'GET',
    answers = {},
    ...options
  }: { method?: string; answers?: Answers } & ClientFilesOptions = {},
): Promise<{ answer: Answer; commands: number[] }> {
  await using cluster = await fakeCluster(answers)
  await using server = await serve(cluster.client, options)
  return { answer: await ask(`${server.url}/${id}`, headers, method), commands: cluster.commands() }
}

const outcome = ({ answer, commands }: Awaited<ReturnType<typeof asked>>): unknown => [
  answer.status,
  answer.body.toString(),
  commands,
]

describe('a normal file', () => {
  it('is read with one request', async () => {
    const { answer, commands } = await asked(ID)
    expect([answer.status, answer.body.toString(), commands]).toEqual([200, 'hello, world!', [14]])
    expect(answer.headers).toMatchObject({
      'content-length': '13',
      etag: '"6b026e37-d-c4581f24"',
      'last-modified': 'Sun, 22 Nov 2026 04:23:19 GMT',
    })
  })

  it('gives a range with one request', async () => {
    const answers: Answers = { 14: (request) => response(CONTENT.subarray(request[17], 13)) }
    expect(outcome(await asked(ID, { range: 'bytes=7-' }, { answers }))).toEqual([206, 'world!', [14]])
  })

  it('is asked for where nothing of it is read', async () => {
    expect(outcome(await asked(ID, {}, { method: 'HEAD' }))).toEqual([200, '', [22]])
    expect(outcome(await asked(ID, { 'if-none-match': '"6b026e37-d-c4581f24"' }))).toEqual([304, '', [22]])
    const empty = { answers: { 22: response(info(0)) } }
    expect(outcome(await asked(EMPTY_ID, {}, empty))).toEqual([200, '', [22]])
  })

  it('that is not there is 404', async () => {
    const answers = { 14: status(2), 22: status(2) }
    expect(outcome(await asked(ID, {}, { answers }))).toEqual([404, 'Not Found\n', [14]])
    expect(outcome(await asked(ID, {}, { answers, method: 'HEAD' }))).toEqual([404, '', [22]])
    expect(outcome(await asked(EMPTY_ID, {}, { answers }))).toEqual([404, 'Not Found\n', [22]])
  })
})

it.each([APPENDER_ID, SHORT_ID])('%s, which tells no size, is asked for and read', async (id) => {
  const told = Buffer.concat([int64(13), int64(1_795_321_400), int64(0xc4581f24), Buffer.alloc(16)])
  const answers = { 22: response(told) }
  const { answer, commands } = await asked(id, {}, { answers })
  expect([answer.status, answer.body.toString(), commands]).toEqual([200, 'hello, world!', [22, 14]])
  expect(answer.headers['last-modified']).toBe('Sun, 22 Nov 2026 04:23:20 GMT')
  expect(answer.headers.etag).toBe('"6b026e38-d-c4581f24"')
  expect(outcome(await asked(id, {}, { answers, method: 'HEAD' }))).toEqual([200, '', [22]])
})

describe('the name that a file was uploaded under', () => {
  const metadata = (bytes: Buffer): Answers => ({ 15: response(bytes) })
  const KEPT = Buffer.from('filename\x02王.txt\x01width\x021024')

  it('is asked for where that is wanted', async () => {
    const { answer, commands } = await asked(ID, {}, { answers: metadata(KEPT), keptFilenames: true })
    expect(commands).toEqual([15, 14])
    expect(answer.headers['content-disposition']).toBe(
      `inline; filename="?.txt"; filename*=UTF-8''%E7%8E%8B.txt`,
    )
    expect((await asked(ID, {}, { answers: metadata(KEPT) })).answer.headers).not.toHaveProperty(
      'content-disposition',
    )
  })

  it('may be missing, or in another encoding', async () => {
    for (const bytes of [Buffer.from('width\x021024'), Buffer.from('filename\x02\xcd\xf5', 'latin1')]) {
      const { answer } = await asked(ID, {}, { answers: metadata(bytes), keptFilenames: true })
      expect(answer.status).toBe(200)
      expect(answer.headers).not.toHaveProperty('content-disposition')
    }
  })
})

describe('damaged content', () => {
  it('of a small file is 502', async () => {
    // Two readings that agree would be believed.
    let readings = 0
    const answer = (): Buffer => response(Buffer.from(`hello, w${readings++}rld!`))
    await using cluster = await fakeCluster({ 14: answer }, { verify: true })
    await using server = await serve(cluster.client)
    expect((await ask(`${server.url}/${ID}`)).status).toBe(502)
    const head = await ask(`${server.url}/${ID}`, { range: 'bytes=0-' })
    expect(head.status).toBe(502)
  })

  it('is never sent whole', async () => {
    const size = 300_000
    // A name of that size whose CRC32 is another content's.
    const id = formatFileId({
      group: 'group1',
      storePathIndex: 0,
      directories: [0, 0],
      source: { kind: 'ip', ip: '10.77.0.12' },
      createdAt: new Date('2026-11-22T04:23:19Z'),
      size,
      crc32: crc32(Buffer.alloc(size, 'a')),
      randomBits: 7,
      digits: '1234567',
      ext: '',
    })
    let readings = 0
    const answer = (): Buffer => response(Buffer.alloc(size, readings++ === 0 ? 'b' : 'c'))
    await using cluster = await fakeCluster({ 14: answer }, { verify: true })
    await using server = await serve(cluster.client)
    const received = await begin(`${server.url}/${id}`)
    let bytes = 0
    const reading = (async () => {
      for await (const chunk of received) bytes += (chunk as Buffer).length
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(bytes).toBeLessThan(size)
  })
})

describe('a cluster that cannot be asked', () => {
  async function expectStatus(client: FastDfsClient, code: number): Promise<void> {
    await using server = await serve(client)
    const { status: given, body } = await ask(`${server.url}/${ID}`)
    expect([given, body.toString()]).toEqual([code, `${STATUS_CODES[code]}\n`])
  }

  it('since a storage ends every connection', async () => {
    await using cluster = await rawCluster((socket) => socket.destroy())
    await expectStatus(cluster.client, 502)
  })

  it('since a storage says nothing', async () => {
    await using cluster = await rawCluster(() => {}, { idleTimeout: 50 })
    await expectStatus(cluster.client, 504)
  })

  it('since no tracker is there', async () => {
    await using client = new FastDfsClient({ trackers: await deadAddress(), retries: 0 })
    await expectStatus(client, 502)
  })

  it('since the client was closed', async () => {
    const client = new FastDfsClient({ trackers: '127.0.0.1' })
    await client.close()
    await expectStatus(client, 503)
  })
})

describe('a storage that ends the connection in the middle', () => {
  /** Gives what is left from the offset on, in two pieces, and ends the connection before the second. */
  const halves =
    (offsets: number[], ends: (request: number) => boolean) =>
    (request: Buffer, socket: Socket): Buffer | undefined => {
      const offset = Number(request.readBigInt64BE(10))
      const rest = CONTENT.subarray(offset)
      if (!ends(offsets.push(offset))) return response(rest)
      socket.end(Buffer.concat([header(rest.length), rest.subarray(0, 5)]))
      return undefined
    }

  it('is asked for the rest, and that for its own', async () => {
    const offsets: number[] = []
    const answers = { 14: halves(offsets, (request) => request < 3) }
    await using cluster = await fakeCluster(answers, { retries: 2 })
    await using server = await serve(cluster.client)
    const { status: code, body } = await ask(`${server.url}/${ID}`)
    expect([code, body.toString(), offsets]).toEqual([200, 'hello, world!', [0, 5, 10]])
  })

  it('is asked no more when nothing more comes', async () => {
    const offsets: number[] = []
    const answer = (request: Buffer, socket: Socket): undefined => {
      const offset = Number(request.readBigInt64BE(10))
      offsets.push(offset)
      socket.end(Buffer.concat([header(CONTENT.length - offset), CONTENT.subarray(offset, 5)]))
    }
    await using cluster = await fakeCluster({ 14: answer }, { retries: 1 })
    await using server = await serve(cluster.client)
    expect((await ask(`${server.url}/${ID}`)).status).toBe(502)
    expect(offsets).toEqual([0, 5])
  })

  it('gives a file that is compared with its name as a whole', async () => {
    const readings: number[] = []
    const answer = (request: Buffer, socket: Socket): Buffer | undefined => {
      const offset = Number(request.readBigInt64BE(10))
      const isFirst = readings.push(offset) === 1
      // What is on the disk differs from the name, and each reading from the one before.
      const rest = Buffer.from(CONTENT.subarray(offset))
      rest[rest.length - 1] = readings.length
      if (!isFirst) return response(rest)
      socket.end(Buffer.concat([header(rest.length), rest.subarray(0, 5)]))
      return undefined
    }
    await using cluster = await fakeCluster({ 14: answer }, { retries: 1, verify: true })
    await using server = await serve(cluster.client)
    const outcome = await ask(`${server.url}/${ID}`).then(
      ({ body }) => body.toString(),
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(outcome).toBe('ECONNRESET')
    // The rest, and then all of it once more.
    expect(readings).toEqual([0, 5, 0])
  })

  it('is asked for the rest when the client wants it, and not before', async () => {
    const SIZE = 64 * 1024 * 1024
    const id = formatFileId({
      group: 'group1',
      storePathIndex: 0,
      directories: [0, 0],
      source: { kind: 'ip', ip: '10.77.0.12' },
      createdAt: new Date('2026-11-22T04:23:19Z'),
      size: SIZE,
      crc32: crc32(Buffer.alloc(SIZE)),
      randomBits: 7,
      digits: '1234567',
      ext: '',
    })
    const first = deferred<Socket>()
    const offsets: number[] = []
    const answer = (request: Buffer, socket: Socket): undefined => {
      const offset = Number(request.readBigInt64BE(10))
      offsets.push(offset)
      socket.write(header(SIZE - offset))
      socket.write(Buffer.alloc(SIZE - offset))
      first.resolve(socket)
    }
    await using cluster = await fakeCluster({ 14: answer }, { retries: 1, verify: true })
    await using server = await serve(cluster.client)
    const received = await begin(`${server.url}/${id}`)
    const socket = await first.promise
    // Nothing moves any more: all buffers between the storage and this reader are full.
    for (let before = -1; before !== socket.bytesWritten - socket.writableLength;) {
      before = socket.bytesWritten - socket.writableLength
      await setTimeout(200)
    }
    socket.destroy()
    await setTimeout(500)
    expect(offsets).toEqual([0])
    let bytes = 0
    for await (const chunk of received) bytes += (chunk as Buffer).length
    expect(bytes).toBe(SIZE)
    expect(offsets).toHaveLength(2)
  }, 30_000)

  it('is not asked for the rest of a file that may have changed', async () => {
    const offsets: number[] = []
    await using cluster = await fakeCluster({ 14: halves(offsets, () => true) })
    await using server = await serve(cluster.client)
    await expect(ask(`${server.url}/${APPENDER_ID}`)).resolves.toMatchObject({ status: 502 })
    expect(offsets).toEqual([0])
  })
})

it('a client that leaves ends the download from the storage', async () => {
  const SIZE = 1024 ** 3
  const ended = deferred()
  const serveForever = async (socket: Socket): Promise<void> => {
    while ((await wholeRequest(socket))[8] === 22) socket.write(response(info(SIZE)))
    const piece = Buffer.alloc(1024 * 1024)
    const send = (): void => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.write(header(SIZE))
    socket.on('drain', send).once('close', () => ended.resolve())
    send()
  }
  await using cluster = await rawCluster((socket) => void serveForever(socket))
  await using server = await serve(cluster.client)
  const answer = await begin(`${server.url}/${APPENDER_ID}`)
  await once(answer, 'readable')
  answer.destroy()
  await expect(ended.promise).resolves.toBeUndefined()
})
