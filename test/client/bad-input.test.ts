/** What is wrong is refused with an error that says so, and no server hears of it. */
import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import type { DownloadOptions, FastDfsClient, Metadata, Source, UploadOptions } from '../../src/index.js'
import {
  ConfigError,
  FastDfsError,
  InvalidArgumentError,
  InvalidFileIdError,
  LocalIoError,
} from '../../src/index.js'
import type { FakeCluster } from './fakes.js'
import { CONTENT, fakeCluster, ID, NAME, rejection, temporaryFolder } from './fakes.js'

let cluster: FakeCluster
let client: FastDfsClient

beforeAll(async () => {
  cluster = await fakeCluster()
  client = cluster.client
})
afterAll(() => cluster[Symbol.asyncDispose]())
afterEach(() => {
  // Emptied, so that only the test that made a connection fails.
  expect(cluster.tracker.connections.splice(0)).toHaveLength(0)
  expect(cluster.storage.connections.splice(0)).toHaveLength(0)
})

/** Calls with the type checks off. */
type Loose = (...args: unknown[]) => Promise<unknown>
const methods: Record<string, Loose> = {
  downloadFile: (id, options) => client.downloadFile(id as string, options as DownloadOptions),
  'downloadFile to a path': (id, options) =>
    client.downloadFile(id as string, '/tmp/never-made', options as DownloadOptions),
  downloadStream: async (id, options) => {
    for await (const chunk of client.downloadStream(id as string, options as object)) expect(chunk).toBe(null)
  },
  deleteFile: (id, options) => client.deleteFile(id as string, options as object),
  fileInfo: (id, options) => client.fileInfo(id as string, options as object),
  getMetadata: (id, options) => client.getMetadata(id as string, options as object),
  setMetadata: (id, options) => client.setMetadata(id as string, { a: 'b' }, options as object),
}
const upload: Loose = (source, options) => client.uploadFile(source as Source, options as UploadOptions)
const withUpload: Record<string, Loose> = {
  ...methods,
  uploadFile: (_, options) => upload(CONTENT, options),
}

async function expectRefusal(
  promise: Promise<unknown>,
  kind: typeof FastDfsError,
  message: string | RegExp,
): Promise<void> {
  const error = await rejection<FastDfsError>(promise)
  expect(error).toBeInstanceOf(kind)
  expect(error.name).toBe(kind.errorName)
  expect(error.retriable).toBe(false)
  if (typeof message === 'string') expect(error.reason).toBe(message)
  else expect(error.reason).toMatch(message)
}

describe.each(Object.entries(methods))('%s refuses the file ID', (_, method) => {
  const tail = NAME.slice('M00/00/00/'.length)
  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'a file ID is a string, not undefined'],
    ['null', null, 'a file ID is a string, not object'],
    ['5', 5, 'a file ID is a string, not number'],
    ['of nothing', '', '"" is not a file ID: it has no slash'],
    ['without a group', NAME, `"${NAME}" is not a file ID: it has no group in front of its store path`],
    ['without a slash', 'photo.jpg', '"photo.jpg" is not a file ID: it has no slash'],
    [
      'with dots in its path',
      'group1/M00/../../etc/passwd',
      '"group1/M00/../../etc/passwd" is not a file ID: ".." is no directory, 00 to FF',
    ],
    [
      'with a bad store path',
      `group1/MZZ/00/00/${tail}`,
      `"group1/MZZ/00/00/${tail}" is not a file ID: "MZZ" is no store path, M00 to MFF`,
    ],
    [
      'with lower-case directories',
      `group1/M00/0a/00/${tail}`,
      `"group1/M00/0a/00/${tail}" is not a file ID: "0a" is no directory, 00 to FF`,
    ],
    [
      'with a NUL',
      `group1/${NAME}\0`,
      `"group1/${NAME}\\u0000" is not a file ID: "\\u0000" in its name is none of 0-9 A-Z a-z - _ .`,
    ],
    [
      'with a group of 17',
      `${'g'.repeat(17)}/${NAME}`,
      `"${'g'.repeat(17)}/${NAME}" is not a file ID: its group has 17 characters, more than 16`,
    ],
    [
      'of 128 bytes',
      `group1/${NAME.padEnd(128, 'x')}`,
      `${JSON.stringify(`group1/${NAME.padEnd(128, 'x')}`.slice(0, 99) + '…')} is not a file ID: it has 128 characters behind its group, not 37 to 127`,
    ],
    [
      'of 500 bytes, which would kill a storage',
      `group1/${NAME.padEnd(500, 'x')}`,
      `${JSON.stringify(`group1/${NAME.padEnd(500, 'x')}`.slice(0, 99) + '…')} is not a file ID: it has 500 characters behind its group, not 37 to 127`,
    ],
  ])('%s', async (__, id, message) => {
    await expectRefusal(method(id, {}), InvalidFileIdError, message)
  })
})

describe.each(Object.entries(withUpload))('%s refuses the options', (name, method) => {
  const called = name.split(' ')[0] as string

  it.each<[string, unknown, string | RegExp]>([
    ['null', null, 'options must be an object, not null'],
    ['5', 5, 'options must be an object, not 5'],
    ['{ timeout: 0 }', { timeout: 0 }, 'timeout must be a number of milliseconds above 0, not 0'],
    ['{ timeout: "1s" }', { timeout: '1s' }, 'timeout must be a number of milliseconds above 0, not "1s"'],
    ['{ timeout: NaN }', { timeout: NaN }, 'timeout must be a number of milliseconds above 0, not NaN'],
    ['{ signal: 5 }', { signal: 5 }, 'signal must be an AbortSignal, not 5'],
    ['{ signal: null }', { signal: null }, 'signal must be an AbortSignal, not null'],
    [
      '{ signal: controller }',
      { signal: new AbortController() },
      /^signal must be an AbortSignal, not AbortController/,
    ],
    ['{ timout: 5 }', { timout: 5 }, `${called} has no option "timout": did you mean timeout?`],
    [
      '{ sign: 5 }',
      { sign: 5 },
      new RegExp(`^${called} has no option "sign": did you mean (signal|size)\\?$`),
    ],
    [
      '{ colour: 5 }',
      { colour: 5 },
      new RegExp(`^${called} has no option "colour": known are .*signal, timeout$`),
    ],
  ])('%s', async (__, options, message) => {
    await expectRefusal(method(ID, options), InvalidArgumentError, message)
  })
})

describe.each(Object.entries(methods).slice(0, 3))('%s refuses the range', (name, method) => {
  const called = name.split(' ')[0] as string
  it.each<[object, string]>([
    [{ offset: -1 }, 'offset must be a whole number of at least 0, not -1'],
    [{ offset: 1.5 }, 'offset must be a whole number of at least 0, not 1.5'],
    [{ offset: 2 ** 53 }, 'offset must be a whole number of at least 0, not 9007199254740992'],
    [{ offset: '5' }, 'offset must be a whole number of at least 0, not "5"'],
    [{ offset: null }, 'offset must be a whole number of at least 0, not null'],
    [{ length: -1 }, 'length must be a whole number of at least 0, not -1'],
    [{ length: Infinity }, 'length must be a whole number of at least 0, not Infinity'],
    [{ verify: 'no' }, 'verify must be true or false, not "no"'],
    [{ ofset: 5 }, `${called} has no option "ofset": did you mean offset?`],
    [{ onProgress: 'x' }, 'onProgress must be a function, not "x"'],
    [
      { size: 5 },
      `${called} has no option "size": known are ${name.endsWith(' to a path') ? 'fsync, ' : ''}offset, length, verify, onProgress, signal, timeout`,
    ],
  ])('%j', async (options, message) => {
    await expectRefusal(method(ID, options), InvalidArgumentError, message)
  })
})

const badMetadata: [string, unknown, string | RegExp][] = [
  ['null', null, 'metadata must be an object of names and texts'],
  ['a text', 'a=b', 'metadata must be an object of names and texts'],
  ['a list', ['a'], 'metadata must be an object of names and texts'],
  ['a Map', new Map([['a', 'b']]), 'metadata must be an object of names and texts'],
  ['Headers', new Headers({ a: 'b' }), 'metadata must be an object of names and texts'],
  ['an empty name', { '': 'x' }, 'a metadata name must not be empty'],
  ['a number', { width: 1024 }, 'the metadata value of "width" must be a text, not number'],
  ['undefined', { width: undefined }, 'the metadata value of "width" must be a text, not undefined'],
  [
    'a long name',
    { ['n'.repeat(65)]: 'x' },
    /^the metadata name "n{40}" is 65 bytes long, at most 64 are kept/,
  ],
  ['a long name in UTF-8', { ['é'.repeat(33)]: 'x' }, /is 66 bytes long, at most 64 are kept/],
  ['a long value', { a: 'v'.repeat(257) }, /is 257 bytes long, at most 256 are kept/],
  ['an item separator', { a: 'x\x01y' }, /0x01/],
  ['a field separator', { 'a\x02': 'x' }, /0x02/],
  ['half a surrogate pair', { a: '\ud800' }, /half a surrogate pair/],
  [
    'more than a request holds',
    Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`n${i}`, 'v'.repeat(256)])),
    /^the metadata is \d{6} bytes in all, storages take at most 261888$/,
  ],
]

describe('metadata', () => {
  it.each(badMetadata)('of %s is refused by setMetadata', async (_, metadata, message) => {
    await expectRefusal(client.setMetadata(ID, metadata as Metadata), InvalidArgumentError, message)
  })

  it.each(badMetadata)('of %s is refused by uploadFile', async (_, metadata, message) => {
    await expectRefusal(upload(CONTENT, { metadata }), InvalidArgumentError, message)
  })
})

describe('uploadFile refuses the option', () => {
  const ext = (shown: string): string =>
    `an extension is at most 6 of 0-9 A-Z a-z - _ . without the leading dot, not ${shown}`

  it.each<[object, string]>([
    [{ ext: 'toolong' }, ext('"toolong"')],
    [{ ext: '.toolong' }, ext('".toolong"')],
    [{ ext: 'a b' }, ext('"a b"')],
    [{ ext: 'a/b' }, ext('"a/b"')],
    [{ ext: 'é' }, ext('"é"')],
    [{ ext: 'jpg\0' }, ext('"jpg\\u0000"')],
    [{ ext: 'jpg\n' }, ext('"jpg\\n"')],
    [{ ext: 5 }, ext('5')],
    [{ ext: null }, ext('null')],
    [{ group: '' }, 'a group is 1 to 16 letters and digits, not ""'],
    [{ group: 'g'.repeat(17) }, `a group is 1 to 16 letters and digits, not "${'g'.repeat(17)}"`],
    [{ group: 'group-1' }, 'a group is 1 to 16 letters and digits, not "group-1"'],
    [{ group: 'group1\0' }, 'a group is 1 to 16 letters and digits, not "group1\\u0000"'],
    [{ group: null }, 'a group is 1 to 16 letters and digits, not null'],
    [{ filename: 5 }, 'filename must be a text, not 5'],
    [{ extPolicy: 'keep' }, 'extPolicy must be error, cut, drop, not "keep"'],
    [{ keepFilename: 'x.jpg' }, 'keepFilename must be true or false, not "x.jpg"'],
    [{ metadataEncoding: 'utf-9' }, '"utf-9" is not the name of a known encoding'],
    [{ metadataEncoding: null }, 'metadataEncoding must be a text, not null'],
    [{ onProgress: 5 }, 'onProgress must be a function, not 5'],
    [{ size: -1 }, 'size must be a whole number of at least 0, not -1'],
    [{ size: '5' }, 'size must be a whole number of at least 0, not "5"'],
    [{ size: 5n }, 'size must be a whole number of at least 0, not 5n'],
    [{ size: 12 }, 'size is 12, the source has 13 bytes'],
    [
      { extension: 'jpg' },
      'uploadFile has no option "extension": known are ext, extPolicy, metadata, metadataEncoding, filename, keepFilename, verify, slaves, unknownLength, group, storage, storePathIndex, size, onProgress, signal, timeout',
    ],
    [{ fileName: 'x' }, 'uploadFile has no option "fileName": did you mean filename?'],
    [{ verify: 1 }, 'verify must be true or false, not 1'],
    [{ metaData: {} }, 'uploadFile has no option "metaData": did you mean metadata?'],
  ])('%p', async (options, message) => {
    await expectRefusal(upload(CONTENT, options), InvalidArgumentError, message)
  })
})

describe('uploadFile refuses the source', () => {
  const noSource = (shown: string): string =>
    `a source is a path, Buffer, Uint8Array, Blob, Readable, ReadableStream, iterable of bytes or a function, not ${shown}`
  const locked = new ReadableStream()
  locked.getReader()

  it.each<[string, unknown, string | RegExp]>([
    ['undefined', undefined, noSource('undefined')],
    ['null', null, noSource('null')],
    ['5', 5, noSource('5')],
    ['{}', {}, noSource('{}')],
    ['an object without a prototype', Object.create(null), noSource('[Object: null prototype] {}')],
    ['a list of texts', ['a'], 'a source gives pieces of type Uint8Array, not string: "a"'],
    ['a list of numbers', [1, 2], 'a source gives pieces of type Uint8Array, not number: 1'],
    [
      'a list of other arrays',
      [new Uint16Array([1])],
      'a source gives pieces of type Uint8Array, not object: Uint16Array(1) [ 1 ]',
    ],
    ['a function that gives none', () => 5, noSource('5')],
    [
      'a function that throws',
      () => {
        throw new Error('no luck')
      },
      'the function that makes the source failed: no luck',
    ],
    [
      'a function that rejects',
      async () => {
        throw new Error('no luck')
      },
      'the function that makes the source failed: no luck',
    ],
    [
      'an iterable of unknown size that gives texts',
      new Set(['hello']),
      'a source gives pieces of type Uint8Array, not string: "hello"',
    ],
    [
      'a web stream of unknown size that something else reads',
      locked,
      'the ReadableStream is locked: something else reads it',
    ],
    [
      'a missing path',
      '/nowhere/photo.jpg',
      `cannot read "/nowhere/photo.jpg": ENOENT: no such file or directory, open '/nowhere/photo.jpg'`,
    ],
    ['a path with a NUL', 'a\0b', /^cannot read "a\\u0000b": /],
    ['an empty path', '', /^cannot read "": ENOENT/],
    ['a folder', '/tmp', 'cannot upload "/tmp": it is not a regular file'],
    ['a device', '/dev/zero', 'cannot upload "/dev/zero": it is not a regular file'],
  ])('%s', async (_, source, message) => {
    await expectRefusal(upload(source, {}), InvalidArgumentError, message)
  })

  it('a web stream that something else reads', async () => {
    await expectRefusal(
      upload(locked, { size: 1 }),
      InvalidArgumentError,
      'the ReadableStream is locked: something else reads it',
    )
  })

  it('a named pipe, without waiting for its writer', async () => {
    await using folder = await temporaryFolder()
    execFileSync('mkfifo', [folder.join('pipe')])
    await expectRefusal(
      upload(folder.join('pipe'), {}),
      InvalidArgumentError,
      `cannot upload ${JSON.stringify(folder.join('pipe'))}: it is not a regular file`,
    )
  })
})

describe('downloadFile refuses the path', () => {
  const notRegular = (path: string): string => `cannot write "${path}": it is not a regular file`

  it.each<[string, string | RegExp]>([
    ['', notRegular('')],
    ['/dev/null', notRegular('/dev/null')],
    ['/tmp/not-there/', /^cannot write to the folder "\/tmp\/not-there\/": ENOENT/],
    [`${__filename}/`, /^cannot write to the folder ".*": ENOTDIR/],
    ['/nowhere/photo.jpg', /^cannot write "\/nowhere\/photo.jpg": ENOENT/],
    [`${__filename}/photo.jpg`, /^cannot write ".*\/bad-input\.test\.ts\/photo\.jpg": ENOTDIR/],
    [`/${'deep/'.repeat(40)}photo.jpg`, /^cannot write "(\/deep){40}\/photo\.jpg": ENOENT/],
  ])('%j', async (path, message) => {
    await expectRefusal(client.downloadFile(ID, path), InvalidArgumentError, message)
  })

  it('of a pipe, which a rename would replace, as it would a device', async () => {
    await using folder = await temporaryFolder()
    const pipe = folder.join('pipe')
    execFileSync('mkfifo', [pipe])
    await expectRefusal(client.downloadFile(ID, pipe), InvalidArgumentError, notRegular(pipe))
    expect((await stat(pipe)).isFIFO()).toBe(true)
    expect(await folder.names()).toEqual(['pipe'])
  })

  it.each([5, null, ['a']])('%j', async (path) => {
    const error = await rejection<FastDfsError>(client.downloadFile(ID, path as unknown as string))
    expect(error).toBeInstanceOf(InvalidArgumentError)
  })
})

describe('close', () => {
  it.each<[unknown, RegExp]>([
    [{ grace: -1 }, /^grace must be a number of milliseconds above 0, not -1$/],
    [{ grace: 'x' }, /^grace must be a number of milliseconds above 0, not "x"$/],
    [{ grase: 5 }, /^close has no option "grase": did you mean grace\?$/],
  ])('refuses %j and stays open', async (options, message) => {
    await expectRefusal(client.close(options as { grace: number }), InvalidArgumentError, message)
  })
})

it('keeps wrong options, wrong arguments and failures of this machine apart', () => {
  expect(new ConfigError('x')).not.toBeInstanceOf(InvalidArgumentError)
  expect(new LocalIoError('x')).not.toBeInstanceOf(InvalidArgumentError)
  expect(new InvalidFileIdError('x')).toBeInstanceOf(InvalidArgumentError)
  expect(new InvalidArgumentError('x')).toBeInstanceOf(FastDfsError)
})

describe('options that are null', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['admin.listStorages', () => client.admin.listStorages('group1', null as never)],
    ['admin.setTrunkServer', () => client.admin.setTrunkServer('group1', null as never)],
    ['close', () => client.close(null as never)],
  ])('are refused by %s', async (_, call) => {
    await expectRefusal(call(), InvalidArgumentError, 'options must be an object, not null')
  })
})
