import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type {
  FastDfsClient,
  Progress,
  ResumableUploadOptions,
  ResumableUploadState,
} from '../../src/index.js'
import {
  AbortError,
  FileNotFoundError,
  IntegrityError,
  InvalidArgumentError,
  LocalIoError,
  parseFileId,
} from '../../src/index.js'
import { crc32 } from '../../src/file-id/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import type { Answers } from './fakes.js'
import {
  APPENDER_ID,
  bytesOf,
  fakeCluster,
  info,
  NAME,
  OK,
  rejection,
  status,
  temporaryFolder,
} from './fakes.js'
import { field, int64, response } from '../support/fake-server.js'

const CHUNK = 100_000
const CONTENT = bytesOf(5 * CHUNK + 123)

let cluster: Cluster
let client: FastDfsClient
beforeAll(async () => {
  cluster = await startCluster()
  client = cluster.client({ retries: 0 })
})
afterAll(() => cluster.stop())

/** What a saved state is when it was written down and read again. */
const saved = (state: unknown): ResumableUploadState =>
  JSON.parse(JSON.stringify(state)) as ResumableUploadState

/** The state after `chunks` chunks of an upload that was interrupted then. */
async function interrupted(chunks: number, content: Uint8Array = CONTENT): Promise<ResumableUploadState> {
  const controller = new AbortController()
  let left = chunks
  const upload = await client.resumableUpload(content, {
    ext: 'bin',
    chunkSize: CHUNK,
    signal: controller.signal,
    onCheckpoint: () => {
      if (--left === 0) controller.abort()
    },
  })
  await expect(upload.done()).rejects.toThrow(AbortError)
  return saved(upload)
}

describe('an upload that can be resumed', () => {
  it('makes a normal file with its metadata, and tells its states', async () => {
    const states: ResumableUploadState[] = []
    const calls: Progress[] = []
    const upload = await client.resumableUpload(CONTENT, {
      ext: 'bin',
      metadata: { author: '王小明' },
      chunkSize: 2 * CHUNK,
      onCheckpoint: async (state) => void states.push(saved(state)),
      onProgress: (progress) => calls.push(progress),
    })
    expect(upload).toMatchObject({ id: undefined, transferred: 0, size: CONTENT.length })
    const file = await upload.done()
    expect(file).toMatchObject({ size: CONTENT.length, crc32: crc32(CONTENT), verified: true })
    expect(parseFileId(file.id)).toMatchObject({ kind: 'normal', size: CONTENT.length, ext: 'bin' })
    expect((await client.downloadFile(file.id)).equals(CONTENT)).toBe(true)
    expect(await client.getMetadata(file.id)).toEqual({ author: '王小明' })
    expect(upload).toMatchObject({ id: file.id, transferred: CONTENT.length })

    expect(states.map(({ transferred }) => transferred)).toEqual([200_000, 400_000, 500_123, 500_123])
    expect(states[0]).toEqual({
      version: 1,
      id: expect.stringMatching(/^group1\/M00\/.*\.bin$/) as string,
      size: 500_123,
      transferred: 200_000,
      crc32: crc32(CONTENT.subarray(0, 200_000)),
      chunkSize: 200_000,
      options: { ext: 'bin', verify: true, metadata: { author: '王小明' }, metadataEncoding: 'utf8' },
    })
    expect(states[3]?.id).toBe(file.id)
    expect(calls.every(({ total }) => total === CONTENT.length)).toBe(true)
    expect(calls.at(-1)).toEqual({ transferred: CONTENT.length, total: CONTENT.length })
    // It is done, once and for all.
    expect(await upload.done()).toBe(file)
    await upload.abort()
    expect(await client.fileExists(file.id)).toBe(true)
  })

  it('is as its call asked for, whatever becomes of the options meanwhile', async () => {
    const calls: Progress[] = []
    const onProgress = (progress: Progress): void => void calls.push(progress)
    const options: ResumableUploadOptions = { metadata: { author: '王小明' }, onProgress }
    const beginning = client.resumableUpload(CONTENT, options)
    const next = {
      metadata: { author: 'Ann' },
      metadataEncoding: 'gbk',
      group: 'group2',
      onProgress: undefined,
    }
    Object.assign(options, next)
    const upload = await beginning
    expect(saved(upload).options).toEqual({
      ext: '',
      verify: true,
      metadata: { author: '王小明' },
      metadataEncoding: 'utf8',
    })
    await upload.done()
    expect(calls.at(-1)).toEqual({ transferred: CONTENT.length, total: CONTENT.length })
  })

  it('sends what is not more than a chunk in one request', async () => {
    await using fake = await fakeCluster()
    for (const size of [0, 13, CHUNK]) {
      const upload = await fake.client.resumableUpload(bytesOf(size), { chunkSize: CHUNK })
      expect(await upload.done()).toMatchObject({ size })
    }
    expect(fake.commands()).toEqual([11, 11, 11])
  })

  it('takes paths, Blobs and functions', async () => {
    await using folder = await temporaryFolder()
    const path = folder.join('film.mp4')
    await writeFile(path, CONTENT)
    const asked: [number, number][] = []
    const ranges = (offset: number, length: number) => {
      asked.push([offset, length])
      return createReadStream(path, { start: offset, end: offset + length - 1 })
    }
    const file = new File([CONTENT], 'film.mp4')
    const sources = [[path], [file], [ranges, { size: CONTENT.length, filename: 'film.mp4' }]] as const
    for (const [source, options] of sources) {
      const upload = await client.resumableUpload(source, {
        chunkSize: 3 * CHUNK,
        keepFilename: true,
        ...options,
      })
      const { id } = await upload.done()
      expect(parseFileId(id).ext).toBe('mp4')
      expect(await client.getMetadata(id)).toEqual({ filename: 'film.mp4' })
      expect((await client.downloadFile(id)).equals(CONTENT)).toBe(true)
    }
    expect(asked).toEqual([
      [0, 300_000],
      [300_000, 200_123],
    ])
  })

  it('goes on after a failure of its own when done is called again', async () => {
    let fails = true
    const upload = await client.resumableUpload(
      (offset, length) => {
        if (offset === 2 * CHUNK && fails) throw new Error('not now')
        return CONTENT.subarray(offset, offset + length)
      },
      { size: CONTENT.length, chunkSize: CHUNK },
    )
    await expect(upload.done()).rejects.toThrow('not now')
    expect(upload.transferred).toBe(2 * CHUNK)
    fails = false
    const { id } = await upload.done()
    expect((await client.downloadFile(id)).equals(CONTENT)).toBe(true)
  })

  it('does one thing at a time', async () => {
    const upload = await client.resumableUpload(CONTENT, { chunkSize: CHUNK })
    const [first, second] = await Promise.all([upload.done(), upload.done()])
    expect(first).toBe(second)
  })

  it('deletes what is stored when it is aborted', async () => {
    let ids: (string | null)[] = []
    const upload = await client.resumableUpload(CONTENT, {
      chunkSize: CHUNK,
      onCheckpoint: ({ id }) => void (ids = [...ids, id]),
    })
    const doing = rejection(upload.done())
    while (ids.length === 0) await new Promise(setImmediate)
    await upload.abort()
    expect(await doing).toBeInstanceOf(AbortError)
    expect(await client.fileExists(ids[0] as string)).toBe(false)
    expect(upload).toMatchObject({ id: undefined, transferred: 0 })
    await expect(upload.done()).rejects.toThrow(AbortError)
    await upload.abort()
  })

  it('ends when its state cannot be kept, and can be resumed', async () => {
    const upload = await client.resumableUpload(CONTENT, {
      chunkSize: CHUNK,
      onCheckpoint: () => Promise.reject(new Error('disk full')),
    })
    const error = await rejection(upload.done())
    expect(error).toBeInstanceOf(LocalIoError)
    expect(error.message).toMatch(/^onCheckpoint failed: disk full \(for group1/)
    const resumed = await client.resumeUpload(saved(upload), CONTENT)
    expect(await resumed.done()).toMatchObject({ verified: true })
  })
})

describe('a resumed upload', () => {
  it('goes on from what was stored', async () => {
    const state = await interrupted(2)
    expect(state).toMatchObject({ transferred: 2 * CHUNK, crc32: crc32(CONTENT.subarray(0, 2 * CHUNK)) })
    const steps: number[] = []
    const upload = await client.resumeUpload(state, CONTENT, {
      onProgress: ({ transferred }) => steps.push(transferred),
    })
    expect(upload).toMatchObject({ id: state.id, transferred: 2 * CHUNK })
    const file = await upload.done()
    expect(file).toMatchObject({ size: CONTENT.length, crc32: crc32(CONTENT), verified: true })
    expect((await client.downloadFile(file.id)).equals(CONTENT)).toBe(true)
    expect(steps[0]).toBe(3 * CHUNK)
    expect(await client.fileExists(state.id as string)).toBe(false)
  })

  it('goes on where the storage has more than was written down, or less', async () => {
    const more = await interrupted(2)
    await client.appendFile(more.id as string, CONTENT.subarray(2 * CHUNK, 2 * CHUNK + 77))
    const less = await interrupted(2)
    await client.truncateFile(less.id as string, 5)
    for (const state of [more, less]) {
      const file = await (await client.resumeUpload(state, CONTENT)).done()
      expect((await client.downloadFile(file.id)).equals(CONTENT)).toBe(true)
    }
  })

  it('asks again how much is stored where an answer is lost', async () => {
    const state = await interrupted(2)
    const repeating = cluster.client()
    using lost = cluster.fault({ command: 'queryFileInfo', from: 'clients', times: 2 }, { cutAfter: 0 })
    const file = await (await repeating.resumeUpload(state, CONTENT)).done()
    expect(lost.hits).toBe(2)
    expect((await client.downloadFile(file.id)).equals(CONTENT)).toBe(true)
  })

  it('only needs its name where all is stored', async () => {
    const state = await interrupted(6)
    expect(state.transferred).toBe(CONTENT.length)
    expect(await (await client.resumeUpload(state, CONTENT)).done()).toMatchObject({ verified: true })
  })

  it('only sets the metadata where it has its name', async () => {
    const controller = new AbortController()
    const upload = await client.resumableUpload(CONTENT, {
      chunkSize: 3 * CHUNK,
      metadata: { a: 'b' },
      onCheckpoint: ({ id }) => {
        if (parseFileId(id as string).kind === 'normal') controller.abort()
      },
    })
    await expect(upload.done({ signal: controller.signal })).rejects.toThrow(AbortError)
    const state = saved(upload)
    const file = await (await client.resumeUpload(state, CONTENT)).done()
    expect(file.id).toBe(state.id)
    expect(await client.getMetadata(file.id)).toEqual({ a: 'b' })
  })

  it('refuses a source that begins otherwise', async () => {
    const state = await interrupted(2)
    const other = Buffer.from(CONTENT)
    other[5] = 1 + (other[5] as number)
    const upload = await client.resumeUpload(state, other)
    const error = await rejection(upload.done())
    expect(error).toBeInstanceOf(IntegrityError)
    expect(error.message).toMatch(
      /^what is stored is not the beginning of the source: 200000 bytes with CRC32 /,
    )
    // It is there still, for the right one.
    expect(await (await client.resumeUpload(state, CONTENT)).done()).toMatchObject({ verified: true })
  })

  it('refuses what was stored beyond the end of the source', async () => {
    const state = await interrupted(6)
    await client.appendFile(state.id as string, Buffer.from('!'))
    await expect((await client.resumeUpload(state, CONTENT)).done()).rejects.toThrow(
      'what is stored is not the beginning of the source: 500124 bytes are stored, the source has 500123',
    )
  })

  it('refuses a source of another size, also when it changes meanwhile', async () => {
    await using folder = await temporaryFolder()
    const path = folder.join('growing')
    await writeFile(path, CONTENT)
    const state = await interrupted(1)
    await appendFile(path, 'x')
    await expect(client.resumeUpload(state, path)).rejects.toThrow(
      'size is 500123, the source has 500124 bytes',
    )
    await truncate(path, CONTENT.length)
    const upload = await client.resumeUpload(state, path, {
      onCheckpoint: async ({ transferred }) => {
        if (transferred === CONTENT.length) await appendFile(path, 'x')
      },
    })
    await expect(upload.done()).rejects.toThrow('size is 500123, the source has 500124 bytes')
    await truncate(path, CONTENT.length)
    expect(await upload.done()).toMatchObject({ verified: true })
  })

  it('says that nothing is stored any more', async () => {
    const state = await interrupted(1)
    await client.deleteFile(state.id as string)
    await expect((await client.resumeUpload(state, CONTENT)).done()).rejects.toThrow(FileNotFoundError)
  })

  it.each<[string, (state: ResumableUploadState) => unknown, string]>([
    ['null', () => null, 'what is resumed must be the state of an upload, as toJSON() gives it, not null'],
    ['a text', (state) => JSON.stringify(state), 'what is resumed must be the state of an upload'],
    [
      'one that names a normal file of somebody else',
      (state) => ({ ...state, id: 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt' }),
      "the state's id is that of another file",
    ],
    ['another version', (state) => ({ ...state, version: 2 }), "the state's version must be 1, not 2"],
    ['another name', (state) => ({ ...state, offset: 2 }), 'an upload\'s state has no option "offset"'],
    [
      'a wrong size',
      (state) => ({ ...state, size: -1 }),
      'size must be a whole number of at least 0, not -1',
    ],
    [
      'too much',
      (state) => ({ ...state, transferred: 600_000 }),
      'transferred is 600000, more than size, 500123',
    ],
    [
      'no chunk',
      (state) => ({ ...state, chunkSize: 0 }),
      'chunkSize must be a whole number of at least 1, not 0',
    ],
    ['a wrong CRC32', (state) => ({ ...state, crc32: null }), 'crc32 must be a whole number'],
    ['no ID', (state) => ({ ...state, id: '../../etc/passwd' }), 'is not a file ID'],
    ['no options', (state) => ({ ...state, options: 5 }), "the state's options must be an object, not 5"],
    ['an option', (state) => ({ ...state, options: { ext: 'a/b' } }), 'an extension is at most 6'],
    ['other options', (state) => ({ ...state, options: { onProgress: 1 } }), 'has no option "onProgress"'],
  ])('refuses %s', async (_, change, message) => {
    const state = change({
      version: 1,
      id: APPENDER_ID,
      size: CONTENT.length,
      transferred: CHUNK,
      crc32: 0,
      chunkSize: CHUNK,
      options: { ext: '', verify: true },
    })
    const error = await rejection(client.resumeUpload(state as ResumableUploadState, CONTENT))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message).toContain(message)
  })
})

it('a process that is killed loses one chunk at most, and another one goes on', async () => {
  await using folder = await temporaryFolder()
  const path = folder.join('film.mp4')
  const state = folder.join('state.json')
  const chunk = 256 * 1024
  const content = bytesOf(40 * chunk + 1)
  await writeFile(path, content)
  /** Runs until it prints a line that `isEnough`, and kills it then. */
  const run = async (isEnough: (line: string) => boolean): Promise<string> => {
    const program = join(__dirname, 'plain-node', 'resumable.mts')
    const child = spawn(process.execPath, ['--import', 'tsx', program, path, state, String(chunk)], {
      env: { ...process.env, ...cluster.env() },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let last = ''
    for await (const line of createInterface(child.stdout)) {
      last = line
      if (isEnough(line)) child.kill('SIGKILL')
    }
    return last
  }
  let transferred = 0
  for (const least of [5 * chunk, 15 * chunk]) {
    await run((line) => Number(/^stored (\d+)/.exec(line)?.[1]) >= least)
    const kept = JSON.parse(await readFile(state, 'utf8')) as ResumableUploadState
    expect(kept.transferred).toBeGreaterThanOrEqual(least)
    expect(kept.transferred).toBeGreaterThan(transferred)
    transferred = kept.transferred
    expect(parseFileId(kept.id as string).kind).toBe('appender')
  }
  const file = JSON.parse(await run(() => false)) as { id: string }
  expect(file).toMatchObject({ size: content.length, crc32: crc32(content), verified: true })
  expect((await client.downloadFile(file.id)).equals(content)).toBe(true)
  expect(await client.getMetadata(file.id)).toEqual({ from: 'a child' })
}, 60_000)

describe('the requests of an upload that is resumed', () => {
  const named = (name: string): Buffer => response(Buffer.concat([field('group1', 16), Buffer.from(name)]))
  const ANSWERS: Answers = {
    23: named(APPENDER_ID.slice('group1/'.length)),
    24: OK,
    34: OK,
    38: named(NAME),
  }
  /** Body of an answer to 22. */
  const holding = (size: number, crc: number): Buffer =>
    response(Buffer.concat([int64(size), int64(1_795_321_399), int64(crc), field('10.77.0.12', 16)]))
  const STATE: ResumableUploadState = {
    version: 1,
    id: APPENDER_ID,
    size: 30,
    transferred: 10,
    crc32: crc32(CONTENT.subarray(0, 10)),
    chunkSize: 10,
    options: { ext: 'log', verify: false },
  }
  const source = CONTENT.subarray(0, 30)

  it('ask how much there is, and append the rest', async () => {
    const crc = crc32(CONTENT.subarray(0, 20))
    await using fake = await fakeCluster({ ...ANSWERS, 22: holding(20, crc) })
    await (await fake.client.resumeUpload(STATE, source)).done()
    expect(fake.commands().filter((command) => command !== 22)).toEqual([24, 38])
    const append = fake.storage.requests.find((request) => request[8] === 24)
    expect(append?.subarray(-10)).toEqual(CONTENT.subarray(20, 30))
  })

  it('read back what there is where the storage counts no CRC32 of appender files', async () => {
    await using fake = await fakeCluster({
      ...ANSWERS,
      22: holding(10, 12345),
      14: response(CONTENT.subarray(0, 10)),
      38: status(22),
    })
    expect(await (await fake.client.resumeUpload(STATE, source)).done()).toMatchObject({
      id: APPENDER_ID,
      appender: true,
    })
    expect(fake.commands().filter((command) => command !== 22)).toEqual([14, 24, 24, 38])
  })

  it('are none before done is called', async () => {
    await using fake = await fakeCluster({ ...ANSWERS, 22: info(10) })
    await fake.client.resumeUpload(STATE, source)
    await fake.client.resumableUpload(source, { chunkSize: 10 })
    expect(fake.tracker.requests).toEqual([])
  })

  it('delete a file that is not what was sent, and begin anew', async () => {
    await using fake = await fakeCluster(
      { ...ANSWERS, 14: response(Buffer.from('something else')) },
      { verify: true },
    )
    const upload = await fake.client.resumableUpload(source, { chunkSize: 10 })
    await expect(upload.done()).rejects.toThrow(IntegrityError)
    expect(fake.commands()).toEqual([23, 24, 24, 38, 14, 12])
    expect(upload.toJSON()).toMatchObject({ id: null, transferred: 0 })
  })

  it('end with the answer to the renaming lost, and then the file not found', async () => {
    await using fake = await fakeCluster({
      ...ANSWERS,
      38: (_, socket) => void socket.destroy(),
      22: status(2),
    })
    const upload = await fake.client.resumableUpload(source, { chunkSize: 10 })
    await expect(upload.done()).rejects.toMatchObject({ name: 'UnknownOutcomeError', fileId: APPENDER_ID })
    await expect(upload.done()).rejects.toMatchObject({
      name: 'FileNotFoundError',
      message: expect.stringContaining('made a normal file by a call whose answer was lost') as string,
    })
  })
})

describe('an upload that can be resumed refuses', () => {
  it.each<[unknown, object, string]>([
    [
      5,
      {},
      'a source that can be read again from any place is a path, Uint8Array, Blob or a function, not 5',
    ],
    [[CONTENT], {}, 'a source that can be read again from any place'],
    [createReadStream(__filename), {}, 'a source that can be read again from any place'],
    ['./no such file', {}, 'cannot read "./no such file": ENOENT'],
    ['.', {}, 'cannot upload ".": it is not a regular file'],
    [() => CONTENT, {}, 'a function as the source needs the option size'],
    [CONTENT, { size: 5 }, 'size is 5, the source has 500123 bytes'],
    [CONTENT, { chunkSize: 0 }, 'chunkSize must be a whole number of at least 1, not 0'],
    [CONTENT, { chunksize: 5 }, 'did you mean chunkSize?'],
    [CONTENT, { onCheckpoint: 5 }, 'onCheckpoint must be a function, not 5'],
    [CONTENT, { onProgress: 5 }, 'onProgress must be a function, not 5'],
    [CONTENT, { slaves: [] }, 'has no option "slaves"'],
    [CONTENT, { keepFilename: true }, 'keepFilename needs a name'],
    [CONTENT, { metadata: { '': 'x' } }, 'metadata'],
  ])('%p %p', async (source, options, message) => {
    const error = await rejection(client.resumableUpload(source as Buffer, options))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message).toContain(message)
  })

  it('options of done and abort that they have not', async () => {
    const upload = await client.resumableUpload(CONTENT)
    await expect(upload.done({ signals: 1 } as object)).rejects.toThrow('did you mean signal?')
    await expect(upload.abort({ timeout: 0 })).rejects.toThrow('timeout must be a number of milliseconds')
  })
})
