/** Extensions that do not fit, and names that are kept. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientOptions, Metadata, Source, UploadOptions } from '../../src/index.js'
import { FILENAME_KEY } from '../../src/index.js'
import type { FakeCluster } from './fakes.js'
import {
  CONTENT,
  deferred,
  fakeCluster,
  ID,
  rejection,
  status,
  STORED,
  temporaryFolder,
  uploadRequest,
} from './fakes.js'

let cluster: FakeCluster
beforeAll(async () => {
  cluster = await fakeCluster({ 21: STORED, 23: STORED })
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(() => void cluster.storage.requests.splice(0))

describe('extPolicy', () => {
  it.each<[string, string, string]>([
    ['cut', 'jpeg2000', 'jpeg20'],
    ['cut', '.jpeg2000', 'jpeg20'],
    ['cut', 'a b/c', 'abc'],
    ['cut', 'été.jpeg', 't.jpeg'],
    ['cut', '图片', ''],
    ['cut', 'tar.gz', 'tar.gz'],
    ['cut', '', ''],
    ['drop', 'jpeg2000', ''],
    ['drop', 'j\0g', ''],
    ['drop', 'jpg', 'jpg'],
    ['error', 'jpg', 'jpg'],
  ])('%s makes %j to %j', async (extPolicy, ext, sent) => {
    const options = { ext, extPolicy } as UploadOptions
    await cluster.client.uploadFile(CONTENT, options)
    expect(cluster.storage.requests[0]?.equals(uploadRequest(CONTENT, sent))).toBe(true)

    await using byDefault = await fakeCluster({}, { extPolicy } as Partial<ClientOptions>)
    await byDefault.client.uploadFile(CONTENT, { ext })
    expect(byDefault.storage.requests[0]?.equals(uploadRequest(CONTENT, sent))).toBe(true)
  })

  it('of a call counts more than the client’s', async () => {
    await using strict = await fakeCluster({}, { extPolicy: 'cut' })
    const uploading = strict.client.uploadFile(CONTENT, { ext: 'jpeg2000', extPolicy: 'error' })
    expect(await rejection(uploading)).toMatchObject({
      name: 'InvalidArgumentError',
      reason: expect.stringContaining('"jpeg2000"') as string,
    })
  })

  it('works for appenders and slaves', async () => {
    await cluster.client.uploadAppenderFile(CONTENT, { ext: 'jpeg2000', extPolicy: 'cut' })
    await cluster.client.uploadSlaveFile(ID, CONTENT, {
      prefix: '_150x150',
      ext: 'jpeg2000',
      extPolicy: 'drop',
    })
    const [appender, slave] = cluster.storage.requests as [Buffer, Buffer]
    expect(appender.subarray(19, 25).toString('latin1')).toBe('jpeg20')
    // Two lengths, the prefix, the extension.
    expect(slave.subarray(10 + 16 + 16, 10 + 16 + 16 + 6).toString('hex')).toBe('000000000000')
  })

  it('says nothing about names of files: what does not fit is none', async () => {
    await cluster.client.uploadFile(CONTENT, { filename: 'photo.jpeg2000', extPolicy: 'cut' })
    await cluster.client.uploadFile(CONTENT, { filename: 'photo.jpeg2000', extPolicy: 'error' })
    for (const request of cluster.storage.requests)
      expect(request.equals(uploadRequest(CONTENT, ''))).toBe(true)
  })

  it('is that of the call, whatever becomes of the options meanwhile', async () => {
    const open = deferred<Source>()
    const options: UploadOptions = {}
    const uploading = cluster.client.uploadFile(() => open.promise, options)
    Object.assign(options, { ext: 'png', filename: 'next.png', keepFilename: true })
    open.resolve(new File([CONTENT], 'photo.jpg'))
    await uploading
    expect(cluster.commands()).toEqual([11])
    expect(cluster.storage.requests[0]?.equals(uploadRequest(CONTENT, 'jpg'))).toBe(true)
  })

  it('takes no extension that is no text', async () => {
    for (const extPolicy of ['cut', 'drop'] as const) {
      const uploading = cluster.client.uploadFile(CONTENT, { ext: 5 as unknown as string, extPolicy })
      expect(await rejection(uploading)).toMatchObject({ name: 'InvalidArgumentError' })
    }
  })
})

describe('keepFilename', () => {
  /** The metadata that the storage got. */
  async function kept(source: Source, options: UploadOptions): Promise<string> {
    await cluster.client.uploadFile(source, options)
    expect(cluster.commands()).toEqual([11, 13])
    const request = cluster.storage.requests[1] as Buffer
    const size = Number(request.readBigInt64BE(18))
    return request.subarray(request.length - size).toString()
  }

  it('has its key as a constant', () => {
    expect(FILENAME_KEY).toBe('filename')
  })

  it.each<[string, Source, UploadOptions, string]>([
    ['filename', CONTENT, { filename: '报告.pdf' }, 'filename\x02报告.pdf'],
    ['the last part of filename', CONTENT, { filename: 'a/b.c/报告.pdf' }, 'filename\x02报告.pdf'],
    ['the name of a File', new File([CONTENT], 'photo.jpeg2000'), {}, 'filename\x02photo.jpeg2000'],
    ['rather filename', new File([CONTENT], 'photo.jpg'), { filename: 'x.gif' }, 'filename\x02x.gif'],
    [
      'other metadata too',
      CONTENT,
      { filename: 'x.gif', metadata: { width: '7' } },
      'width\x027\x01filename\x02x.gif',
    ],
    ['a name of 256 bytes', CONTENT, { filename: 'é'.repeat(128) }, `filename\x02${'é'.repeat(128)}`],
  ])('keeps %s', async (_, source, options, metadata) => {
    expect(await kept(source, { ...options, keepFilename: true })).toBe(metadata)
  })

  it('keeps the name of a path, also of one that a function gives', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'my photo.webp')
    await writeFile(path, CONTENT)
    expect(await kept(path, { keepFilename: true })).toBe('filename\x02my photo.webp')
    cluster.storage.requests.splice(0)
    expect(await kept(() => path, { keepFilename: true })).toBe('filename\x02my photo.webp')
  })

  it('keeps it with the metadata of the call, whatever becomes of the options meanwhile', async () => {
    const open = deferred<Source>()
    const options: UploadOptions = { metadata: { width: '七' } }
    const metadata = kept(() => open.promise, Object.assign(options, { keepFilename: true }))
    options.metadata = { width: '8' }
    options.metadataEncoding = 'gbk'
    open.resolve(new File([CONTENT], 'photo.jpg'))
    expect(await metadata).toBe('width\x02七\x01filename\x02photo.jpg')
  })

  it('is not done by default', async () => {
    await cluster.client.uploadFile(new File([CONTENT], 'photo.jpg'), { filename: 'a.jpg' })
    await cluster.client.uploadFile(new File([CONTENT], 'photo.jpg'), { keepFilename: false })
    expect(cluster.commands()).toEqual([11, 11])
  })

  const noName = 'keepFilename needs a name: the source has none, give one as filename'
  it.each<[string, UploadOptions, string]>([
    ['there is no name', {}, noName],
    ['the name is empty', { filename: '' }, noName],
    ['the name is a slash', { filename: '/' }, noName],
    [
      'there is such an item',
      { filename: 'a.jpg', metadata: { filename: 'b.jpg' } },
      'keepFilename cannot keep the name: metadata has an item "filename"',
    ],
    [
      'the name is too long',
      { filename: `${'é'.repeat(128)}x` },
      `the metadata value "${'é'.repeat(40)}" is 257 bytes long, at most 256 are kept`,
    ],
    [
      'metadata is none',
      { filename: 'a.jpg', metadata: null as unknown as Metadata },
      'metadata must be an object of names and texts',
    ],
  ])('is refused where %s', async (_, options, reason) => {
    const uploading = cluster.client.uploadFile(CONTENT, { ...options, keepFilename: true })
    expect(await rejection(uploading)).toMatchObject({ name: 'InvalidArgumentError', reason })
    expect(cluster.storage.requests).toHaveLength(0)
  })

  it('takes the file with it where the name cannot be set', async () => {
    await using failing = await fakeCluster({ 13: status(5) })
    await rejection(failing.client.uploadFile(CONTENT, { filename: 'a.jpg', keepFilename: true }))
    expect(failing.commands()).toEqual([11, 13, 12])
  })
})
