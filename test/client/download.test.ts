/** Downloads to a Buffer and to a path (protocol.md §3.4). */
import { readlinkSync, readdirSync } from 'node:fs'
import { chmod, lstat, mkdir, open, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { pathFailed } from '../../src/client/path-failure.js'
import { crc32 } from '../../src/file-id/index.js'
import type { DownloadOptions, FastDfsError } from '../../src/index.js'
import { field, header, int64, response } from '../support/fake-server.js'
import type { Answer } from '../support/fake-server.js'
import type { Answers, FakeCluster } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  CONTENT,
  deferred,
  EMPTY_ID,
  fakeCluster,
  ID,
  INFO,
  info,
  NAME,
  rejection,
  SHORT_ID,
  status,
  temporaryFolder,
} from './fakes.js'

const MIB = 1024 * 1024

/** A slave of {@link ID}: tells no size, and never changes. */
const SLAVE_ID = ID.replace('.txt', '_150x150.jpg')

/** A request of command 14 by hand. */
const downloadRequest = (offset: number, count: number, id = ID): Buffer => {
  const name = id.slice('group1/'.length)
  return Buffer.concat([
    header(32 + name.length, 14),
    int64(offset),
    int64(count),
    field('group1', 16),
    Buffer.from(name),
  ])
}

/** What a download to a path resolves to where there is nothing to compare it with. */
const written = (content: Buffer): object => {
  const endpoint = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string
  return { size: content.length, crc32: crc32(content), verified: false, endpoint }
}

/** A storage that serves ranges of a file as V6.15.4 does, or as those before. */
function serving(content: Buffer, { old = false } = {}): Answer {
  return (request) => {
    const offset = Number(request.readBigInt64BE(10))
    const count = Number(request.readBigInt64BE(18))
    const rest = content.length - offset
    if (old && offset > content.length && count === 0) return undefined
    if (old ? rest < 0 || count > rest : rest <= 0) return status(22)
    return response(content.subarray(offset, count === 0 ? undefined : offset + count))
  }
}

const versions: [string, { old: boolean }][] = [
  ['from V6.15.4 on', { old: false }],
  ['up to V6.15.3', { old: true }],
]

/** A file: its ID, what the storage has, and whether the name tells its size. */
const files: [string, string, Buffer][] = [
  ['whose name tells its size', ID, CONTENT],
  ['of appender kind', APPENDER_ID, Buffer.from('appended')],
  ['with a name that tells nothing', SHORT_ID, Buffer.from('a slave')],
  ['that is empty', EMPTY_ID, Buffer.alloc(0)],
  ['of appender kind that is empty', APPENDER_ID, Buffer.alloc(0)],
]

describe.each(versions)('a storage %s gives', (_, version) => {
  describe.each(files)('of a file %s', (__, id, content) => {
    const size = content.length
    const ranges: DownloadOptions[] = [
      {},
      { offset: 0, length: undefined },
      { length: 5 },
      { offset: 3 },
      { offset: 3, length: 2 },
      { offset: 2, length: 1000 },
      { length: size },
      { length: size + 1 },
      { offset: Math.max(0, size - 1) },
      { offset: size },
      { offset: size, length: 5 },
      { offset: size + 1 },
      { offset: size + 1000, length: 1 },
      { offset: 2 ** 52 },
      { length: 0 },
      { offset: 3, length: 0 },
    ]

    let cluster: FakeCluster
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    beforeAll(async () => {
      // Old storages do not answer some ranges at all: an idle timeout tells that such a question was put.
      cluster = await fakeCluster(
        { 14: serving(content, version), 22: response(info(size)) },
        { idleTimeout: 500 },
      )
      folder = await temporaryFolder()
    })
    afterAll(async () => {
      await cluster[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    })

    it.each(ranges)('%j, to a Buffer, a path and a stream', async (range) => {
      const { offset = 0, length = Infinity } = range
      const expected = content.subarray(offset, Math.min(offset + length, size)).toString()
      expect((await cluster.client.downloadFile(id, range)).toString()).toBe(expected)

      const path = folder.join('file')
      expect(await cluster.client.downloadFile(id, path, range)).toEqual({
        ...written(Buffer.from(expected)),
        crc32: undefined,
      })
      expect((await readFile(path)).toString()).toBe(expected)

      const chunks: Buffer[] = []
      for await (const chunk of cluster.client.downloadStream(id, range)) chunks.push(chunk)
      expect(Buffer.concat(chunks).toString()).toBe(expected)
    })
  })
})

describe('what is asked for', () => {
  it.each<[string, string, DownloadOptions, number[], Buffer | undefined]>([
    ['a whole file', ID, {}, [14], downloadRequest(0, 0)],
    ['the rest of a file', ID, { offset: 5 }, [14], downloadRequest(5, 8)],
    ['a part of a file', ID, { offset: 5, length: 4 }, [14], downloadRequest(5, 4)],
    ['a part past the end, cut to the file', ID, { offset: 5, length: 100 }, [14], downloadRequest(5, 8)],
    ['a part behind the end: whether the file exists', ID, { offset: 13 }, [22], undefined],
    ['no byte: whether the file exists', ID, { length: 0 }, [22], undefined],
    ['a file that is empty by its name', EMPTY_ID, {}, [22, 14], downloadRequest(0, 13, EMPTY_ID)],
    ['the whole of an appender file', APPENDER_ID, {}, [14], downloadRequest(0, 0, APPENDER_ID)],
    [
      'the rest of an appender file',
      APPENDER_ID,
      { offset: 2 },
      [22, 14],
      downloadRequest(2, 0, APPENDER_ID),
    ],
    [
      'the rest of a file whose name tells nothing',
      SHORT_ID,
      { offset: 2 },
      [22, 14],
      downloadRequest(2, 0, SHORT_ID),
    ],
    ['the rest of a slave', SLAVE_ID, { offset: 2 }, [22, 14], downloadRequest(2, 11, SLAVE_ID)],
    [
      'a part of an appender file',
      APPENDER_ID,
      { offset: 2, length: 99 },
      [22, 14],
      downloadRequest(2, 11, APPENDER_ID),
    ],
  ])('for %s', async (_, id, options, commands, request) => {
    await using cluster = await fakeCluster({ 14: serving(CONTENT) })
    await cluster.client.downloadFile(id, options)
    expect(cluster.commands()).toEqual(commands)
    const sent = cluster.storage.requests.find((packet) => packet[8] === 14)
    expect(sent?.toString('hex')).toBe(request?.toString('hex'))
    expect(cluster.tracker.requests.map((packet) => packet.toString('hex'))).toEqual([
      Buffer.concat([
        header(16 + id.length - 7, 102),
        field('group1', 16),
        Buffer.from(id.slice('group1/'.length)),
      ]).toString('hex'),
    ])
  })
})

describe('an answer of another length than was asked for', () => {
  it.each([0, 3, 5, 13])('of 4 bytes is refused with %i', async (length) => {
    await using cluster = await fakeCluster({ 14: response(Buffer.alloc(length)) })
    const error = await rejection(cluster.client.downloadFile(ID, { offset: 5, length: 4 }))
    expect(error).toMatchObject({
      name: 'ProtocolError',
      reason: `the storage gives ${length} bytes where 4 were asked for`,
      endpoint: cluster.storage.address,
      retriable: true,
    })
  })

  it('is one too where the storage has an empty file in its place', async () => {
    await using cluster = await fakeCluster({ 14: status(22), 22: response(info(0)) })
    const error = await rejection(cluster.client.downloadFile(ID, { offset: 5, length: 4 }))
    expect(error).toMatchObject({
      name: 'ProtocolError',
      reason: 'the storage gives 0 bytes where 4 were asked for',
      command: 'downloadFile',
      endpoint: cluster.storage.address,
      retriable: true,
    })
  })

  it('is fine where an appender file has become shorter, and never longer', async () => {
    await using cluster = await fakeCluster({ 14: response(CONTENT.subarray(0, 6)) })
    const read = await cluster.client.downloadFile(APPENDER_ID, { offset: 2, length: 9 })
    expect(read).toEqual(CONTENT.subarray(0, 6))
    const error = await rejection(cluster.client.downloadFile(APPENDER_ID, { offset: 2, length: 5 }))
    expect(error).toMatchObject({ name: 'ProtocolError' })
  })
})

describe('an empty file', () => {
  it('is told from a wrong range by 22, on the same storage', async () => {
    await using cluster = await fakeCluster({ 14: status(22), 22: response(info(0)) })
    expect(await cluster.client.downloadFile(APPENDER_ID)).toEqual(Buffer.alloc(0))
    expect(cluster.commands()).toEqual([14, 22])
    // After status 22 no storage is trusted with another request.
    expect(cluster.storage.connections).toHaveLength(2)
  })

  it('is none where 22 says that it is not', async () => {
    await using cluster = await fakeCluster({ 14: status(22) })
    await expect(cluster.client.downloadFile(APPENDER_ID)).rejects.toMatchObject({
      name: 'ServerError',
      status: 22,
      command: 'downloadFile',
    })
  })
})

describe('a file that is not there', () => {
  it.each<[string, Answers, DownloadOptions]>([
    ['says the storage', { 14: status(2) }, {}],
    ['says the storage when asked for its size', { 22: status(2) }, { length: 0 }],
  ])('%s', async (_, answers, options) => {
    await using cluster = await fakeCluster(answers, { retries: 2 })
    await using folder = await temporaryFolder()
    const notFound = { name: 'FileNotFoundError', status: 2, fileId: ID, endpoint: cluster.storage.address }
    await expect(cluster.client.downloadFile(ID, options)).rejects.toMatchObject(notFound)
    await expect(cluster.client.downloadFile(ID, folder.join('x'), options)).rejects.toMatchObject(notFound)
    expect(await folder.names()).toEqual([])
    expect(cluster.storage.requests).toHaveLength(2)
    expect(cluster.storage.connections).toHaveLength(1)
  })
})

describe('a Buffer', () => {
  it('may have maxBufferBytes and no more', async () => {
    await using cluster = await fakeCluster({}, { maxBufferBytes: 13 })
    expect(await cluster.client.downloadFile(ID)).toEqual(CONTENT)
    await using smaller = await fakeCluster({ 14: serving(CONTENT) }, { maxBufferBytes: 12 })
    await expect(smaller.client.downloadFile(ID)).rejects.toMatchObject({
      name: 'InvalidArgumentError',
      reason: '13 bytes are more than maxBufferBytes (12): download to a path, or as a stream',
    })
    // A smaller part, a path and a stream are not held to it.
    expect(await smaller.client.downloadFile(ID, { length: 12 })).toEqual(CONTENT.subarray(0, 12))
    const chunks: Buffer[] = []
    for await (const chunk of smaller.client.downloadStream(ID)) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(CONTENT)
  })

  it('that cannot be made, whatever maxBufferBytes says, is a typed error', async () => {
    await using cluster = await fakeCluster(
      { 14: header(2 ** 52) },
      { maxBufferBytes: Number.MAX_SAFE_INTEGER },
    )
    await expect(cluster.client.downloadFile(ID)).rejects.toMatchObject({ name: 'InvalidArgumentError' })
    expect(await cluster.client.fileInfo(ID)).toMatchObject({ size: 13 })
  })

  it('is not more than the file where the server sends byte by byte', async () => {
    const bytes = [...response(CONTENT)]
    await using cluster = await fakeCluster({
      14: (_, socket) => {
        const next = (): void => {
          const byte = bytes.shift()
          if (byte !== undefined) socket.write(Buffer.from([byte]), () => setImmediate(next))
        }
        next()
      },
    })
    expect(await cluster.client.downloadFile(ID)).toEqual(CONTENT)
  })
})

describe('a path', () => {
  const large = bytesOf(5 * MIB + 3)
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => void (folder = await temporaryFolder()))
  afterEach(() => folder[Symbol.asyncDispose]())

  /** How many files of the folder this process has open. */
  const handles = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder.path)
      } catch {
        return false
      }
    }).length

  it.each([0, 1, MIB - 1, MIB, MIB + 1, large.length])('gets a file of %d bytes', async (size) => {
    const content = large.subarray(0, size)
    await using cluster = await fakeCluster({ 14: response(content), 22: response(info(size)) })
    expect(await cluster.client.downloadFile(APPENDER_ID, folder.join('file'), { verify: true })).toEqual(
      written(content),
    )
    expect((await readFile(folder.join('file'))).equals(content)).toBe(true)
    expect(await folder.names()).toEqual(['file'])
    expect(handles()).toBe(0)
  })

  it('is replaced as a whole when the download is whole, and not before', async () => {
    await writeFile(folder.join('file'), 'a much longer file that was there before')
    const going = deferred()
    const go = deferred()
    await using cluster = await fakeCluster({
      14: (_, socket) => {
        socket.write(response(CONTENT).subarray(0, 15), () => going.resolve())
        void go.promise.then(() => socket.write(response(CONTENT).subarray(15)))
      },
    })
    const downloading = cluster.client.downloadFile(ID, folder.join('file'))
    await going.promise
    expect((await readFile(folder.join('file'))).toString()).toBe('a much longer file that was there before')
    expect(await folder.names()).toEqual([expect.stringMatching(/^\.fastdfs-[0-9a-f]{16}\.part$/), 'file'])
    go.resolve()
    await downloading
    expect(await readFile(folder.join('file'))).toEqual(CONTENT)
    expect(await folder.names()).toEqual(['file'])
  })

  it.each<[string, Answers, object]>([
    ['a missing file', { 14: status(2) }, { name: 'FileNotFoundError' }],
    ['a server that fails', { 14: status(5) }, { name: 'ServerError', status: 5 }],
    ['garbage', { 14: Buffer.alloc(10, 0xff) }, { name: 'ProtocolError' }],
    ['a close at once', { 14: (_, socket) => void socket.end() }, { name: 'ConnectError' }],
    [
      'a close on the way',
      { 14: (_, socket) => void socket.end(response(large).subarray(0, 2 * MIB)) },
      { name: 'ConnectError' },
    ],
    [
      'a reset on the way',
      {
        14: (_, socket) =>
          void socket.write(response(large).subarray(0, 2 * MIB), () => socket.resetAndDestroy()),
      },
      { name: 'ConnectError' },
    ],
    [
      'a server that stops on the way',
      { 14: response(large).subarray(0, 2 * MIB) },
      { name: 'TimeoutError', reason: 'no byte moved for 400 ms' },
    ],
  ])('is left as it was by %s', async (_, answers, error) => {
    await writeFile(folder.join('file'), 'before')
    await using cluster = await fakeCluster(answers, { idleTimeout: 400 })
    await expect(cluster.client.downloadFile(APPENDER_ID, folder.join('file'))).rejects.toMatchObject(error)
    await expect(cluster.client.downloadFile(APPENDER_ID, folder.join('new'))).rejects.toMatchObject(error)
    expect(await folder.names()).toEqual(['file'])
    expect((await readFile(folder.join('file'))).toString()).toBe('before')
    expect(handles()).toBe(0)
  })

  it.each(['aborted', 'timed out', 'ended by close'])(
    'is left as it was by a call that is %s',
    async (how) => {
      const going = deferred()
      const controller = new AbortController()
      await using cluster = await fakeCluster({
        14: (_, socket) => void socket.write(response(large).subarray(0, 3 * MIB), () => going.resolve()),
      })
      const options =
        how === 'aborted' ? { signal: controller.signal } : how === 'timed out' ? { timeout: 100 } : {}
      const downloading = rejection<FastDfsError>(
        cluster.client.downloadFile(ID, folder.join('new'), options),
      )
      await going.promise
      controller.abort()
      if (how === 'ended by close') await cluster.client.close({ grace: 0 })
      const expected = {
        aborted: 'AbortError',
        'timed out': 'TimeoutError',
        'ended by close': 'ClosedError',
      }[how]
      expect((await downloading).name).toBe(expected)
      expect(await folder.names()).toEqual([])
      expect(handles()).toBe(0)
    },
  )

  it('that becomes a folder meanwhile ends in a LocalIoError', async () => {
    const path = folder.join('file')
    await using cluster = await fakeCluster({
      14: (_, socket) => void mkdir(path).then(() => socket.write(response(CONTENT))),
    })
    await expect(cluster.client.downloadFile(ID, path)).rejects.toMatchObject({
      name: 'LocalIoError',
      reason: expect.stringMatching(/^cannot write ".*": (EISDIR|ENOTEMPTY|EEXIST)/) as string,
      retriable: false,
    })
    expect(await folder.names()).toEqual(['file'])
    expect(handles()).toBe(0)
  })

  it('whose folder is removed meanwhile ends in a LocalIoError', async () => {
    await mkdir(folder.join('sub'))
    await using cluster = await fakeCluster({
      14: (_, socket) =>
        void rm(folder.join('sub'), { recursive: true }).then(() => socket.write(response(CONTENT))),
    })
    await expect(cluster.client.downloadFile(ID, folder.join('sub/file'))).rejects.toMatchObject({
      name: 'LocalIoError',
    })
    expect(await folder.names()).toEqual([])
  })

  it('on a device that is full ends in a LocalIoError, and the download with it', async () => {
    // The sink's file is opened anew: what it writes to is a device without room.
    const full = await open('/dev/full', 'w')
    const { fileSink } = await import('../../src/client/sinks.js')
    const sink = await fileSink(folder.join('file'))
    const [part] = await folder.names()
    const handle = await open(folder.join(part as string), 'r+')
    const prototype = Object.getPrototypeOf(handle) as Record<
      'write',
      (this: unknown, ...args: unknown[]) => Promise<unknown>
    >
    const original = prototype.write
    const write = jest
      .spyOn(prototype, 'write')
      .mockImplementation(() => original.call(full, Buffer.from('x')))
    try {
      const failed = deferred<FastDfsError>()
      sink.start(2 * MIB, { resume: () => {}, fail: failed.resolve })
      sink.write(Buffer.alloc(MIB))
      const error = await failed.promise
      expect(error).toMatchObject({ name: 'LocalIoError', cause: { code: 'ENOSPC' } })
      await expect(sink.finish()).rejects.toBe(error)
      await sink.abandon()
      expect(await folder.names()).toEqual([])
    } finally {
      write.mockRestore()
      await handle.close()
      await full.close()
    }
  })

  it('may have a name as long as the file system allows', async () => {
    await using cluster = await fakeCluster()
    const path = folder.join('n'.repeat(255))
    await cluster.client.downloadFile(ID, path)
    expect(await readFile(path)).toEqual(CONTENT)
  })

  it('may be a link: what it leads to is replaced', async () => {
    await using cluster = await fakeCluster()
    await writeFile(folder.join('target'), 'target')
    await symlink('target', folder.join('link'))
    await cluster.client.downloadFile(ID, folder.join('link'))
    expect((await lstat(folder.join('link'))).isSymbolicLink()).toBe(true)
    expect(await readFile(folder.join('target'))).toEqual(CONTENT)
  })

  it('keeps the permissions of the file that it replaces, and has them from its first byte', async () => {
    const asked = deferred<Socket>()
    await using cluster = await fakeCluster({ 14: (_, socket) => asked.resolve(socket) })
    await using own = await temporaryFolder()
    await writeFile(own.join('secret'), 'x')
    await chmod(own.join('secret'), 0o600)
    const downloading = cluster.client.downloadFile(ID, own.join('secret'))
    const socket = await asked.promise
    for (const name of await own.names()) expect((await stat(own.join(name))).mode & 0o777).toBe(0o600)
    socket.write(response(CONTENT))
    await downloading
    expect((await stat(own.join('secret'))).mode & 0o777).toBe(0o600)
  })

  it('is no argument’s fault where there are too many open files, or is no space', async () => {
    for (const code of ['EMFILE', 'ENOSPC'])
      expect(pathFailed('write', 'x', Object.assign(new Error(code), { code })).name).toBe('LocalIoError')
    expect(pathFailed('write', 'x', Object.assign(new Error(), { code: 'EACCES' })).name).toBe(
      'InvalidArgumentError',
    )
  })

  it('may be a link to nowhere or a file that cannot be written: its place is taken', async () => {
    await using cluster = await fakeCluster()
    await symlink(folder.join('nowhere'), folder.join('lost'))
    await writeFile(folder.join('read-only'), 'x')
    await chmod(folder.join('read-only'), 0o400)
    for (const name of ['lost', 'read-only']) {
      await cluster.client.downloadFile(ID, folder.join(name))
      expect(await readFile(folder.join(name))).toEqual(CONTENT)
      expect((await lstat(folder.join(name))).isFile()).toBe(true)
    }
  })

  it('gets only the bytes of the last attempt', async () => {
    let calls = 0
    await using cluster = await fakeCluster(
      {
        14: (_, socket) => {
          if (++calls === 1) return void socket.end(response(Buffer.alloc(4 * MIB, 'x')).subarray(0, 3 * MIB))
          return response(CONTENT)
        },
      },
      { retries: 1 },
    )
    expect(await cluster.client.downloadFile(APPENDER_ID, folder.join('file'), { verify: true })).toEqual(
      written(CONTENT),
    )
    expect(await readFile(folder.join('file'))).toEqual(CONTENT)
    expect(calls).toBe(2)
  })

  it('takes many downloads at once', async () => {
    await using cluster = await fakeCluster({ 14: response(large) })
    const paths = Array.from({ length: 20 }, (_, i) => folder.join(`file-${i}`))
    await Promise.all(paths.map((path) => cluster.client.downloadFile(APPENDER_ID, path)))
    for (const path of paths) expect((await readFile(path)).equals(large)).toBe(true)
    expect(await folder.names()).toHaveLength(20)
  })
})

it('the whole file of a name that is a URL, or begins with a slash, is the same', async () => {
  await using cluster = await fakeCluster({ 22: INFO })
  for (const id of [`/${ID}`, `http://10.0.0.1:8888/${ID}?token=x`]) {
    expect(await cluster.client.downloadFile(id)).toEqual(CONTENT)
  }
  for (const request of cluster.storage.requests) {
    expect(request.subarray(-NAME.length).toString()).toBe(NAME)
  }
})
