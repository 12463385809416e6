/** What can be uploaded, down to the bytes of command 11 (protocol.md §3.1). */
import { createReadStream, readdirSync, readlinkSync, truncateSync } from 'node:fs'
import { appendFile, truncate, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastDfsError, Source, UploadedFile, UploadOptions } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import { fakeServer, fakeTracker, field, int64, response } from '../support/fake-server.js'
import type { FakeCluster } from './fakes.js'
import {
  bytesOf,
  CONTENT,
  deferred,
  fakeCluster,
  ID,
  NAME,
  rawCluster,
  rejection,
  STORED,
  temporaryFolder,
  uploadRequest,
  wholeRequest,
} from './fakes.js'

const MIB = 1024 * 1024
const LARGE = bytesOf(3 * MIB + 17)

let cluster: FakeCluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  cluster = await fakeCluster()
  folder = await temporaryFolder()
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})
beforeEach(() => void cluster.storage.requests.splice(0))

/** Uploads and gives what the storage got. */
async function stored(source: Source, options: UploadOptions = {}): Promise<Buffer> {
  await cluster.client.uploadFile(source, options)
  expect(cluster.storage.requests).toHaveLength(1)
  return cluster.storage.requests[0] as Buffer
}

/** How often this process has a file open. */
function handlesOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  }).length
}

const inPieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

async function* generate(pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece
}

/** Every kind of source, from some bytes; those that do not know their size say so. */
const kinds: Record<string, { make: (bytes: Buffer) => Source | Promise<Source>; needsSize?: boolean }> = {
  'a path': {
    make: async (bytes) => {
      const path = folder.join(`source-${bytes.length}`)
      await writeFile(path, bytes)
      return path
    },
  },
  'a Buffer': { make: (bytes) => bytes },
  'a Uint8Array': { make: (bytes) => new Uint8Array(bytes) },
  'a view with an offset': {
    make: (bytes) => {
      const around = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
      return new Uint8Array(around.buffer, around.byteOffset + 6, bytes.length)
    },
  },
  'a DataView': {
    make: (bytes) => new DataView(new Uint8Array(bytes).buffer) as unknown as Uint8Array,
  },
  'a Blob': { make: (bytes) => new Blob([bytes]) },
  'a list of pieces': { make: (bytes) => inPieces(bytes, 1000) },
  'a list with empty pieces': { make: (bytes) => [Buffer.alloc(0), bytes, Buffer.alloc(0)] },
  'a Readable': { make: (bytes) => Readable.from(inPieces(bytes, 70_000)), needsSize: true },
  'a Readable in flowing pieces': {
    make: (bytes) => {
      const pieces = inPieces(bytes, 5000)
      return new Readable({ read() { this.push(pieces.shift() ?? null) } }) // prettier-ignore
    },
    needsSize: true,
  },
  'a web stream': { make: (bytes) => new Blob([bytes]).stream() as Source, needsSize: true },
  'an iterable': { make: (bytes) => new Set(inPieces(bytes, 50_000)), needsSize: true },
  'an async iterable': { make: (bytes) => generate(inPieces(bytes, 50_000)), needsSize: true },
  'an async iterable of one piece': { make: (bytes) => generate([bytes]), needsSize: true },
  'a function that gives a Buffer': { make: (bytes) => () => bytes },
  'a function that gives a promise of a list': { make: (bytes) => async () => [bytes] },
  'a function that gives a stream': { make: (bytes) => () => Readable.from([bytes]), needsSize: true },
  'a function that gives a function': { make: (bytes) => () => () => bytes },
}

describe.each(Object.entries(kinds))('%s', (_, { make, needsSize = false }) => {
  it.each([
    ['empty', Buffer.alloc(0)],
    ['of 13 bytes', CONTENT],
    ['of one MiB', LARGE.subarray(0, MIB)],
    ['of two MiB and a byte', LARGE.subarray(0, 2 * MIB + 1)],
    ['of over 3 MiB', LARGE],
  ])('%s arrives as it is', async (__, bytes) => {
    const request = await stored(await make(bytes), needsSize ? { size: bytes.length } : {})
    expect(request.equals(uploadRequest(bytes))).toBe(true)
  })

  it('may be given with its size', async () => {
    const request = await stored(await make(CONTENT), { size: 13, ext: 'txt' })
    expect(request.toString('latin1')).toBe(uploadRequest(CONTENT, 'txt').toString('latin1'))
  })
})

describe('what an upload', () => {
  it('gives', async () => {
    const file = await cluster.client.uploadFile(CONTENT)
    expect(file).toEqual({
      id: ID,
      group: 'group1',
      name: NAME,
      size: 13,
      crc32: undefined,
      verified: false,
      endpoint: cluster.storage.address,
    } satisfies UploadedFile)
  })

  it('sends for 13 bytes', async () => {
    expect((await stored(CONTENT, { ext: 'txt' })).toString('hex')).toBe(
      '000000000000001c' + '0b' + '00' + '00' + '000000000000000d' + '747874000000' + CONTENT.toString('hex'),
    )
  })

  it('asks the tracker for', async () => {
    cluster.tracker.requests.splice(0)
    await cluster.client.uploadFile(CONTENT)
    await cluster.client.uploadFile(CONTENT, { group: 'group1' })
    expect(cluster.tracker.requests.map((request) => request.toString('hex'))).toEqual([
      '0000000000000000' + '65' + '00',
      '0000000000000010' + '68' + '00' + '67726f757031' + '00000000000000000000',
    ])
  })

  it.each([0, 1, 127, 128, 255])('echoes of the store path index %d', async (index) => {
    await using storage = await fakeServer(() => STORED)
    await using tracker = await fakeServer(() =>
      response(
        Buffer.concat([
          field('group1', 16),
          field('127.0.0.1', 15),
          int64(storage.port),
          Buffer.from([index]),
        ]),
      ),
    )
    await using client = new FastDfsClient({ trackers: tracker.address, verify: false })
    await client.uploadFile(CONTENT)
    expect(storage.requests[0]?.equals(uploadRequest(CONTENT, '', index))).toBe(true)
  })
})

describe('the extension', () => {
  const file = (name: string): Source => new File([CONTENT], name)
  it.each<[string, Source, UploadOptions, string]>([
    ['is none without a name', CONTENT, {}, ''],
    ['is the one given', CONTENT, { ext: 'jpg' }, 'jpg'],
    ['loses its leading dot', CONTENT, { ext: '.jpg' }, 'jpg'],
    ['may have six characters', CONTENT, { ext: 'tar.gz' }, 'tar.gz'],
    ['may be any of the characters allowed', CONTENT, { ext: 'A-z_.9' }, 'A-z_.9'],
    ['comes from filename', CONTENT, { filename: 'photo.jpeg' }, 'jpeg'],
    ['comes from the last part of filename', CONTENT, { filename: 'a/b.c/photo.tar.gz' }, 'gz'],
    ['comes from the name of a File', file('photo.png'), {}, 'png'],
    ['is rather that of filename', file('photo.png'), { filename: 'x.gif' }, 'gif'],
    ['is rather the one given', file('photo.png'), { filename: 'x.gif', ext: 'jpg' }, 'jpg'],
    ['is none where none is wished', file('photo.png'), { ext: '' }, ''],
    ['is none of a name that is too long', file('photo.toolong'), {}, ''],
    ['is none of a name that holds others', file('photo.jp g'), {}, ''],
    ['is none of a hidden file', file('.bashrc'), {}, ''],
    ['is none of a name that ends in a dot', file('photo.'), {}, ''],
    ['keeps its case', file('PHOTO.JPG'), {}, 'JPG'],
  ])('%s', async (_, source, options, ext) => {
    expect((await stored(source, options)).toString('latin1')).toBe(
      uploadRequest(CONTENT, ext).toString('latin1'),
    )
  })

  it('comes from a path, also from one that a function gives', async () => {
    const path = folder.join('photo.webp')
    await writeFile(path, CONTENT)
    await cluster.client.uploadFile(path)
    await cluster.client.uploadFile(() => path)
    for (const request of cluster.storage.requests) {
      expect(request.equals(uploadRequest(CONTENT, 'webp'))).toBe(true)
    }
  })
})

describe('metadata of an upload', () => {
  it('is set after it, on the same storage', async () => {
    await cluster.client.uploadFile(CONTENT, { metadata: { width: '1024', a: 'b é' } })
    expect(cluster.commands()).toEqual([11, 13])
    const metadata = Buffer.from('width\x021024\x01a\x02b é')
    expect(metadata).toHaveLength(17)
    expect(cluster.storage.requests[1]?.toString('hex')).toBe(
      '000000000000005e0d00' +
        '000000000000002c' +
        '0000000000000011' +
        '4f' +
        '67726f75703100000000000000000000' +
        Buffer.from(NAME).toString('hex') +
        metadata.toString('hex'),
    )
  })

  it('that is empty is not sent', async () => {
    await cluster.client.uploadFile(CONTENT, { metadata: {} })
    expect(cluster.commands()).toEqual([11])
  })

  it('that cannot be set takes the file with it', async () => {
    await using failing = await fakeCluster({ 13: () => Buffer.from('00000000000000006405', 'hex') })
    await expect(failing.client.uploadFile(CONTENT, { metadata: { a: 'b' } })).rejects.toMatchObject({
      name: 'ServerError',
      status: 5,
      command: 'setMetadata',
      fileId: ID,
    })
    expect(failing.commands()).toEqual([11, 13, 12])
  })

  it('that cannot be set, with the file not to be deleted either, gives the first error', async () => {
    await using failing = await fakeCluster({
      13: () => Buffer.from('00000000000000006405', 'hex'),
      12: () => Buffer.from('0000000000000000640d', 'hex'),
    })
    await expect(failing.client.uploadFile(CONTENT, { metadata: { a: 'b' } })).rejects.toMatchObject({
      status: 5,
    })
  })
})

describe('a source of the wrong length', () => {
  const wrong = (given: string, size: number): object => ({
    name: 'InvalidArgumentError',
    reason: `the source gave ${given} bytes, size is ${size}`,
    command: 'uploadFile',
    retriable: false,
  })

  it.each<[string, number, Buffer[], string]>([
    ['short by one', 14, [CONTENT], '13'],
    ['empty', 14, [], '0'],
    ['long by a piece', 13, [CONTENT, Buffer.from('!')], '14 or more'],
    ['long within a piece', 5, [CONTENT], '13 or more'],
    ['long at once, after MiBs', 3 * MIB, [LARGE], `${LARGE.length} or more`],
    ['not empty, for size 0', 0, [CONTENT], '13 or more'],
  ])('%s', async (_, size, pieces, given) => {
    for (const source of [Readable.from(pieces), generate(pieces), new Set(pieces)]) {
      await expect(cluster.client.uploadFile(source, { size })).rejects.toMatchObject(wrong(given, size))
    }
    expect(cluster.storage.requests).toHaveLength(0)
  })

  it('leaves nothing behind: the storage sees the connection end before the file does', async () => {
    const sizes: number[] = []
    const ended = deferred()
    await using raw = await rawCluster((socket) => {
      let size = 0
      socket.on('data', (chunk) => (size += chunk.length))
      socket.on('close', () => {
        sizes.push(size)
        ended.resolve()
      })
    })
    await rejection(raw.client.uploadFile(generate([LARGE, Buffer.alloc(5)]), { size: LARGE.length + 9 }))
    await ended.promise
    expect(sizes).toHaveLength(1)
    expect(sizes[0]).toBeLessThan(25 + LARGE.length + 9)
  })

  it('of size 0 that gives a byte in the end sends nothing at all', async () => {
    const late = new Readable({ read() {} })
    const asked = deferred()
    await using tracker = await fakeTracker(cluster.storage.port)
    await using client = new FastDfsClient({ trackers: tracker.address, verify: false })
    late.once('resume', asked.resolve)
    const uploading = rejection(client.uploadFile(late, { size: 0 }))
    // By the next call's answer the upload has its connection, and has long been waiting for the source.
    await client.fileInfo(ID)
    await client.fileInfo(ID)
    late.push('x')
    late.push(null)
    expect(await uploading).toMatchObject(wrong('1 or more', 0))
    expect(cluster.commands()).toEqual([22, 22])
  })
})

describe('a source that fails', () => {
  const boom = new Error('boom')
  async function* fails(after: Buffer[]): AsyncGenerator<Uint8Array> {
    yield* after
    throw boom
  }

  it.each([
    ['at once', [], 0],
    ['on the way', [Buffer.from('hello')], 5],
  ])('%s', async (_, after, given) => {
    for (const source of [
      fails(after),
      Readable.from(fails(after)),
      Readable.toWeb(Readable.from(fails(after))),
    ]) {
      const error = await rejection<FastDfsError>(cluster.client.uploadFile(source as Source, { size: 10 }))
      expect(error).toMatchObject({
        name: 'LocalIoError',
        // A Readable that fails drops what nobody has read yet.
        reason: expect.stringMatching(
          new RegExp(`^the source failed after (0|${given}) of 10 bytes: boom$`),
        ) as string,
        cause: boom,
        retriable: false,
      })
    }
    expect(cluster.storage.requests).toHaveLength(0)
  })

  it('before it is read', async () => {
    const source = new Readable({ read() {} })
    await using storage = await fakeServer(() => STORED)
    await using tracker = await fakeServer((_, socket) => {
      source.once('close', () => {
        const address = [field('127.0.0.1', 15), int64(storage.port), Buffer.from([0])]
        socket.write(response(Buffer.concat([field('group1', 16), ...address])))
      })
      source.destroy(boom)
    })
    await using client = new FastDfsClient({ trackers: tracker.address, verify: false })
    expect(await rejection(client.uploadFile(source, { size: 10 }))).toMatchObject({
      name: 'LocalIoError',
      cause: boom,
    })
    expect(storage.requests).toHaveLength(0)
  })

  it('as it was destroyed before', async () => {
    const source = new Readable({ read() {} })
    source.destroy()
    expect(await rejection(cluster.client.uploadFile(source, { size: 10 }))).toMatchObject({
      name: 'LocalIoError',
      reason: 'the source failed after 0 of 10 bytes: Premature close',
    })
  })

  it.each([
    ['texts', () => Readable.from(['hello']), 'string: "hello"'],
    [
      'texts, by its encoding',
      () => Readable.from([Buffer.from('hello')]).setEncoding('utf8'),
      'string: "hello"',
    ],
    ['numbers', () => new Set([1, 2]), 'number: 1'],
    ['other arrays', () => new Set([new Uint16Array([1])]), 'object: Uint16Array(1) [ 1 ]'],
    ['nothing', () => new Set([undefined]), 'undefined: undefined'],
  ])('by giving %s', async (_, make, shown) => {
    expect(await rejection(cluster.client.uploadFile(make() as Source, { size: 5 }))).toMatchObject({
      name: 'InvalidArgumentError',
      reason: `a source gives pieces of type Uint8Array, not ${shown}`,
    })
  })

  it('is destroyed, and so is one that is not read to its end', async () => {
    const failing = Readable.from(fails([CONTENT]))
    const long = new Readable({ read() { this.push(CONTENT) } }) // prettier-ignore
    for (const source of [failing, long]) {
      await rejection(cluster.client.uploadFile(source, { size: 20 }))
      expect(source.destroyed).toBe(true)
    }
  })

  it('leaves the client unharmed', async () => {
    await rejection(cluster.client.uploadFile(fails([]), { size: 5 }))
    expect((await stored(CONTENT)).equals(uploadRequest(CONTENT))).toBe(true)
  })
})

describe('a source that is stuck', () => {
  const stuck = (): Readable => {
    const source = new Readable({ read() {} })
    source.push(CONTENT)
    return source
  }

  it.each<[string, (source: Readable) => Source]>([
    ['a Readable', (source) => source],
    ['from a function', (source) => () => source],
  ])('%s ends in a TimeoutError and is destroyed', async (_, wrap) => {
    await using slow = await fakeCluster({}, { idleTimeout: 400 })
    const source = stuck()
    expect(await rejection(slow.client.uploadFile(wrap(source), { size: 20 }))).toMatchObject({
      name: 'TimeoutError',
      reason: 'no byte moved for 400 ms',
      retriable: wrap(source) !== source,
    })
    expect(source.destroyed).toBe(true)
  })

  it('as its function gives none, ends with the call', async () => {
    const never = (): Promise<Source> => new Promise(() => {})
    await expect(cluster.client.uploadFile(never, { timeout: 50 })).rejects.toMatchObject({
      name: 'TimeoutError',
      reason: 'the call did not end within 50 ms',
    })
  })

  it('as its function gives one too late, is closed', async () => {
    const gate = deferred<Source>()
    const uploading = cluster.client.uploadFile(() => gate.promise, { size: 20, timeout: 50 })
    await expect(uploading).rejects.toMatchObject({ name: 'TimeoutError' })
    const source = stuck()
    gate.resolve(source)
    await once(source, 'close')
    expect(source.destroyed).toBe(true)
  })
})

describe('a file', () => {
  /** A storage that stops reading as soon as it was sent something, until the test goes on. */
  async function withHeldUpload(
    size: number,
    change: (path: string) => Promise<void>,
  ): Promise<{ error: FastDfsError; path: string }> {
    const path = folder.join(`changing-${size}`)
    await writeFile(path, '')
    await truncate(path, size)
    const begun = deferred<Socket>()
    await using raw = await rawCluster((socket) =>
      socket.once('data', () => {
        socket.pause()
        begun.resolve(socket)
      }),
    )
    const uploading = rejection<FastDfsError>(raw.client.uploadFile(path))
    const socket = await begun.promise
    await change(path)
    socket.resume()
    return { error: await uploading, path }
  }

  const changed = (path: string, size: number): object => ({
    name: 'LocalIoError',
    reason: `${JSON.stringify(path)} changed while it was read: it had ${size} bytes when the upload began`,
  })

  it('that shrinks while it is read', async () => {
    const { error, path } = await withHeldUpload(32 * MIB, (file) => truncate(file, 9 * MIB))
    expect(error).toMatchObject(changed(path, 32 * MIB))
    expect(handlesOf(path)).toBe(0)
  })

  it('that grows while it is read', async () => {
    const { error, path } = await withHeldUpload(32 * MIB + 1, (file) => appendFile(file, 'x'))
    expect(error).toMatchObject(changed(path, 32 * MIB + 1))
    expect(handlesOf(path)).toBe(0)
  })

  it('that was empty and is not any more', async () => {
    expect(await rejection(cluster.client.uploadFile('/proc/self/status'))).toMatchObject(
      changed('/proc/self/status', 0),
    )
  })

  it('that vanishes while it is read is sent to its end', async () => {
    const path = folder.join('vanishing')
    await writeFile(path, LARGE)
    const { unlink } = await import('node:fs/promises')
    const first = deferred()
    await using raw = await rawCluster((socket) => {
      socket.once('data', () => first.resolve())
      void wholeRequest(socket).then((request) => {
        expect(request.equals(uploadRequest(LARGE))).toBe(true)
        socket.write(STORED)
      })
    })
    const uploading = raw.client.uploadFile(path)
    await first.promise
    await unlink(path)
    await expect(uploading).resolves.toMatchObject({ id: ID })
  })

  it.each<[string, (path: string) => [Source, UploadOptions?]]>([
    ['an upload', (path) => [path]],
    ['an upload of a function', (path) => [() => path]],
    ['an upload of a stream', (path) => [createReadStream(path), { size: 13 }]],
    ['an upload that is refused for its size', (path) => [path, { size: 12 }]],
    ['an upload that is refused for its stream', (path) => [createReadStream(path), { size: 12 }]],
  ])('is closed after %s', async (_, make) => {
    const path = folder.join('closed')
    await writeFile(path, CONTENT)
    const [source, options] = make(path)
    await cluster.client.uploadFile(source, options).catch(() => {})
    if (source instanceof Readable && !source.closed)
      await new Promise((resolve) => source.once('close', resolve))
    expect(handlesOf(path)).toBe(0)
  })

  it('is closed after an upload that no tracker could be asked for', async () => {
    const path = folder.join('closed')
    await writeFile(path, CONTENT)
    await using client = new FastDfsClient({ trackers: '127.0.0.1:1', retries: 0 })
    await expect(client.uploadFile(path)).rejects.toMatchObject({ name: 'ConnectError' })
    expect(handlesOf(path)).toBe(0)
  })

  it('behind a Blob that was changed ends in an error', async () => {
    const path = folder.join('blob')
    await writeFile(path, CONTENT)
    const { openAsBlob } = await import('node:fs')
    const blob = await openAsBlob(path)
    truncateSync(path, 3)
    expect(await rejection(cluster.client.uploadFile(blob))).toMatchObject({
      name: 'LocalIoError',
      retriable: false,
    })
  })
})

describe('an upload that is made again', () => {
  const content = bytesOf(24 * MIB)

  /** Resets the first connection when the first bytes are in, and takes the second upload. */
  async function withReset(
    source: Source,
    options: UploadOptions,
    test: (uploading: Promise<UploadedFile>, received: Buffer[]) => Promise<void>,
  ): Promise<void> {
    const received: Buffer[] = []
    let connections = 0
    await using raw = await rawCluster(
      (socket) => {
        if (++connections === 1) return void socket.once('data', () => socket.resetAndDestroy())
        void wholeRequest(socket).then((request) => {
          received.push(request)
          socket.write(STORED)
        })
      },
      { retries: 2 },
    )
    await test(raw.client.uploadFile(source, options), received)
  }

  it.each<[string, () => Source | Promise<Source>, UploadOptions]>([
    ['a Buffer', () => content, {}],
    ['a Blob', () => new Blob([content]), {}],
    ['a list', () => [content], {}],
    ['a function', () => () => Readable.from(inPieces(content, MIB)), { size: content.length }],
    [
      'a path',
      async () => {
        await writeFile(folder.join('again'), content)
        return folder.join('again')
      },
      {},
    ],
  ])('reads %s again', async (_, make, options) => {
    await withReset(await make(), options, async (uploading, received) => {
      await expect(uploading).resolves.toMatchObject({ id: ID, size: content.length })
      expect(received).toHaveLength(1)
      expect(received[0]?.equals(uploadRequest(content))).toBe(true)
    })
  })

  it('is not one of a stream: what it gave is gone', async () => {
    await withReset(
      Readable.from(inPieces(content, MIB)),
      { size: content.length },
      async (uploading, received) => {
        expect(await rejection(uploading)).toMatchObject({ name: 'ConnectError', retriable: false })
        expect(received).toHaveLength(0)
      },
    )
  })

  it('refuses a function that gives another size the second time', async () => {
    let calls = 0
    await withReset(
      () => (++calls === 1 ? content : CONTENT),
      {},
      async (uploading) => {
        expect(await rejection(uploading)).toMatchObject({
          name: 'InvalidArgumentError',
          reason: `size is ${content.length}, the source has 13 bytes`,
        })
        expect(calls).toBe(2)
      },
    )
  })

  it('of a stream works as long as it was not read', async () => {
    let calls = 0
    await using storage = await fakeServer(() => STORED)
    await using good = await fakeTracker(storage.port)
    await using flaky = await fakeServer((_, socket) => {
      if (++calls === 1) return void socket.destroy()
      return response(
        Buffer.concat([field('group1', 16), field('127.0.0.1', 15), int64(storage.port), Buffer.from([0])]),
      )
    })
    await using client = new FastDfsClient({ trackers: flaky.address, retries: 1, verify: false })
    await expect(client.uploadFile(Readable.from([CONTENT]), { size: 13 })).resolves.toMatchObject({ id: ID })
    expect(calls).toBe(2)
    expect(good.requests).toHaveLength(0)
  })
})

describe('a stream', () => {
  const opened = async (): Promise<Readable> => {
    const stream = createReadStream(folder.join('streamed'))
    await once(stream, 'open')
    return stream
  }
  beforeAll(() => writeFile(folder.join('streamed'), CONTENT))

  it.each<[string, (source: Readable) => Promise<unknown>]>([
    [
      'whose signal is aborted',
      (source) => cluster.client.uploadFile(source, { signal: AbortSignal.abort() }),
    ],
    ['with a wrong option', (source) => cluster.client.uploadFile(source, { exr: '' } as UploadOptions)],
    ['of an appender file', (source) => cluster.client.uploadAppenderFile(source, { size: -1 })],
    ['of a slave', (source) => cluster.client.uploadSlaveFile('none', source, { prefix: '_s' })],
    ['appended', (source) => cluster.client.appendFile('none', source)],
    ['modified', (source) => cluster.client.modifyFile(ID, source, { offset: -1 })],
    [
      'of a slave of a master that cannot be read',
      (source) => cluster.client.uploadFile('/nowhere', { slaves: [{ prefix: '_s', source }] }),
    ],
  ])('is destroyed by a call that does not come to it: %s', async (_, call) => {
    const stream = await opened()
    await rejection(call(stream))
    expect(stream.destroyed).toBe(true)
  })

  it('is destroyed by a batch that does not come to it', async () => {
    const [first, second] = [await opened(), await opened()]
    const items = [first, { source: CONTENT, slaves: [{ prefix: '_s', source: second }] }]
    const results = await cluster.client.uploadFiles(items, { signal: AbortSignal.abort() })
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect([first.destroyed, second.destroyed]).toEqual([true, true])
  })

  it('that was read to its end is no empty file', async () => {
    const stream = await opened()
    for await (const chunk of stream) expect(chunk).toEqual(CONTENT)
    const web = new Blob([CONTENT]).stream()
    for await (const chunk of web) expect(Buffer.from(chunk)).toEqual(CONTENT)
    for (const source of [stream, web as Source]) {
      expect(await rejection(cluster.client.uploadFile(source))).toMatchObject({
        name: 'InvalidArgumentError',
        reason: expect.stringMatching(/^the Readable(Stream)? was read .*before$/) as string,
      })
    }
    expect(cluster.storage.requests).toEqual([])
  })
})
