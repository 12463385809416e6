/** What users do with files: the same on the embedded cluster and on real ones of every version. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { crc32 } from '../../src/file-id/index.js'
import { FastDfsClient, parseFileId } from '../../src/index.js'
import { large, missingLike, noise, targets, useTarget } from './target.js'

describe.each(targets)('files on $name', (target) => {
  const fixture = useTarget(target)
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastdfs-conformance-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  describe('upload', () => {
    const content = noise(5_000)

    it('gives a file ID that tells size, time and extension', async () => {
      const before = Math.floor(Date.now() / 1000)
      const file = await fixture.upload(content, { ext: 'bin' })
      const parsed = parseFileId(file.id)
      expect(file).toMatchObject({ id: `${file.group}/${file.name}`, size: 5_000, crc32: crc32(content) })
      expect(parsed).toMatchObject({ group: file.group, kind: 'normal', size: 5_000, ext: 'bin' })
      // A second each for clocks and rounding.
      expect(parsed.createdAt.getTime() / 1000).toBeGreaterThanOrEqual(before - 1)
      expect(parsed.createdAt.getTime() / 1000).toBeLessThanOrEqual(Date.now() / 1000 + 1)
    })

    it.each([
      ['', /\/[-\w]{27}\d{7}$/],
      ['a', /\/[-\w]{27}\d{5}\.a$/],
      ['jpeg', /\/[-\w]{27}\d{2}\.jpeg$/],
      ['tar.gz', /\/[-\w]{27}\.tar\.gz$/],
    ])('makes names with the extension %j', async (ext, shape) => {
      expect((await fixture.upload(content, { ext })).id).toMatch(shape)
    })

    it('takes a path, and its extension', async () => {
      const path = join(folder, 'photo.jpg')
      await writeFile(path, content)
      const file = await fixture.upload(path)
      expect(file.id).toMatch(/\.jpg$/)
      expect(await fixture.client.downloadFile(file.id)).toEqual(content)
    })

    it.each<[string, () => Parameters<typeof fixture.upload>[0]]>([
      ['a Uint8Array', () => new Uint8Array(content)],
      ['a Blob', () => new Blob([content])],
      ['a Readable', () => Readable.from([content.subarray(0, 10), content.subarray(10)])],
      ['a web stream', () => new Blob([content]).stream()],
      ['an array', () => [content.subarray(0, 4_999), content.subarray(4_999)]],
      [
        'an async iterable',
        async function* () {
          for (let i = 0; i < content.length; i += 1_000)
            yield Promise.resolve(content.subarray(i, i + 1_000))
        },
      ],
    ])('takes %s', async (_, source) => {
      const file = await fixture.upload(source(), { size: content.length })
      expect(await fixture.client.downloadFile(file.id)).toEqual(content)
    })

    it.each([
      ['from memory', 0],
      ['from memory', 13],
      ['from memory', large(8 * 1024 * 1024)],
      ['from a temporary file', large(8 * 1024 * 1024 + 1)],
    ])(
      'takes a stream without a size, %s: %d bytes',
      async (_, size) => {
        const bytes = noise(size)
        const seen: { transferred: number; total: number }[] = []
        const file = await fixture.upload(new Blob([bytes]).stream(), {
          ext: 'bin',
          onProgress: (progress) => seen.push(progress),
        })
        expect(file).toMatchObject({ size, crc32: crc32(bytes) })
        expect(seen.at(-1)).toEqual({ transferred: size, total: size })
        seen.splice(0)
        const read = await fixture.client.downloadFile(file.id, {
          onProgress: (progress) => seen.push(progress),
        })
        expect(read.equals(bytes)).toBe(true)
        expect(seen.at(-1)).toEqual({ transferred: size, total: size })
      },
      30_000,
    )

    it('cuts or drops an extension that does not fit, where that is wished', async () => {
      const cut = await fixture.upload(content, { ext: 'jpeg 2000', extPolicy: 'cut' })
      expect(parseFileId(cut.id).ext).toBe('jpeg20')
      const dropped = await fixture.upload(content, { ext: 'jpeg 2000', extPolicy: 'drop' })
      expect(parseFileId(dropped.id).ext).toBe('')
    })

    it('goes to the group that is asked for', async () => {
      const { group } = await fixture.upload(content)
      expect((await fixture.upload(content, { group })).group).toBe(group)
      await expect(fixture.upload(content, { group: 'nosuchgroup' })).rejects.toMatchObject({ status: 2 })
    })

    it('sets metadata with the file', async () => {
      const file = await fixture.upload(content, { metadata: { width: '1024', name: 'Grüße 你好' } })
      expect(await fixture.client.getMetadata(file.id)).toEqual({ width: '1024', name: 'Grüße 你好' })
    })

    it('leaves nothing behind when the source is short or long', async () => {
      const short = fixture.upload(Readable.from([content]), { size: 5_001 })
      await expect(short).rejects.toMatchObject({ name: 'InvalidArgumentError' })
      const long = fixture.upload(Readable.from([content, content]), { size: 5_000 })
      await expect(long).rejects.toMatchObject({ name: 'InvalidArgumentError' })
    })

    it('gives every file a name of its own', async () => {
      const files = await Promise.all(Array.from({ length: 50 }, () => fixture.upload(content)))
      expect(new Set(files.map(({ id }) => id)).size).toBe(50)
    })
  })

  describe('download', () => {
    const SIZE = large(300_001)
    const content = noise(SIZE, 2)
    let id: string

    beforeEach(async () => {
      ;({ id } = await fixture.upload(content))
    })

    it('gives the bytes that were uploaded', async () => {
      expect(await fixture.client.downloadFile(id)).toEqual(content)
    })

    it.each([
      [0, 1],
      [0, SIZE],
      [SIZE - 1, 1],
      [large(100_000), large(65_536)],
      [1, undefined],
      [SIZE - 2, 100],
      [0, SIZE + 99_999],
      [SIZE, undefined],
      [SIZE, 1],
      [SIZE + 1, undefined],
      [9_000_000, 10],
      [5, 0],
      [0, 0],
    ])('gives the range from %j of %j bytes, cut to the file', async (offset, length) => {
      const part = content.subarray(offset, length === undefined ? undefined : offset + length)
      expect(await fixture.client.downloadFile(id, { offset, length })).toEqual(part)
      const chunks = (await fixture.client.downloadStream(id, { offset, length }).toArray()) as Buffer[]
      expect(Buffer.concat(chunks)).toEqual(part)
    })

    it('writes to a path, whole', async () => {
      const path = join(folder, 'copy')
      await writeFile(path, 'what was there before')
      expect(await fixture.client.downloadFile(id, path)).toEqual({
        size: SIZE,
        crc32: crc32(content),
        verified: true,
        endpoint: expect.any(String) as string,
      })
      expect(await readFile(path)).toEqual(content)
      const missing = fixture.client.downloadFile(missingLike(id), path)
      await expect(missing).rejects.toMatchObject({ name: 'FileNotFoundError' })
      expect(await readFile(path)).toEqual(content)
      expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([])
    })

    it.each(['a path, synced', 'a Writable', 'a WritableStream', 'a Buffer'] as const)(
      'goes to %s',
      async (kind) => {
        const path = join(folder, 'sink')
        const buffer = Buffer.alloc(content.length + 3)
        const chunks: Uint8Array[] = []
        const result = await {
          'a path, synced': () => fixture.client.downloadFile(id, path, { fsync: true }),
          'a Writable': () => fixture.client.downloadFile(id, createWriteStream(path)),
          'a WritableStream': () =>
            fixture.client.downloadFile(
              id,
              new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) }),
            ),
          'a Buffer': () => fixture.client.downloadFile(id, buffer),
        }[kind]()
        expect(result).toEqual({
          size: content.length,
          crc32: crc32(content),
          verified: true,
          endpoint: expect.stringMatching(/:\d+$/) as string,
        })
        if (kind === 'a Buffer') expect(buffer).toEqual(Buffer.concat([content, Buffer.alloc(3)]))
        else if (kind === 'a WritableStream') expect(Buffer.concat(chunks)).toEqual(content)
        else expect(await readFile(path)).toEqual(content)
        await rm(path, { force: true })
      },
    )

    it('goes on well after a stream that was given up', async () => {
      for await (const chunk of fixture.client.downloadStream(id)) {
        expect(content.indexOf(chunk)).toBe(0)
        break
      }
      expect(await fixture.client.downloadFile(id)).toEqual(content)
    })

    it('takes the ID with a leading slash or as a URL', async () => {
      expect(await fixture.client.downloadFile(`/${id}`, { length: 5 })).toEqual(content.subarray(0, 5))
      expect(await fixture.client.downloadFile(`http://host:8888/${id}?a=b`, { length: 5 })).toEqual(
        content.subarray(0, 5),
      )
    })
  })

  describe('what is stored and read is verified', () => {
    let client: FastDfsClient
    beforeEach(() => {
      // One that knows nothing yet of what CRC32s the storages make.
      client = new FastDfsClient({ trackers: fixture.trackers })
    })
    afterEach(() => client.close())

    // Up to V5.11 the CRC32 in a name depends on the storage's buffers of 64 or 256 KiB.
    it.each([0, 1, 5_000, ...[65_511, 65_512, 262_120, 300_001, 1_000_000, 2_097_152].map(large)])(
      '%d bytes',
      async (size) => {
        const content = noise(size, 7)
        const path = join(folder, 'verified')
        // The second time it knows.
        for (let i = 0; i < 2; i++) {
          const file = await client.uploadFile(content)
          fixture.track(file.id)
          expect(file).toMatchObject({ size, crc32: crc32(content), verified: true })
          expect(await client.downloadFile(file.id, path)).toEqual({
            size,
            crc32: crc32(content),
            verified: true,
            endpoint: expect.any(String) as string,
          })
          expect((await client.downloadFile(file.id)).equals(content)).toBe(true)
          const chunks = (await client.downloadStream(file.id).toArray()) as Buffer[]
          expect(Buffer.concat(chunks).equals(content)).toBe(true)
        }
        const appender = await client.uploadAppenderFile(content)
        fixture.track(appender.id)
        expect(appender.verified).toBe(true)
        expect(await client.downloadFile(appender.id, path)).toEqual({
          size,
          crc32: crc32(content),
          verified: false,
          endpoint: expect.any(String) as string,
        })
      },
    )

    it('a download by a client that did not upload', async () => {
      const content = noise(large(1_000_000), 8)
      const { id } = await fixture.upload(content, { verify: false })
      expect(await client.downloadFile(id, join(folder, 'verified'))).toMatchObject({ verified: true })
      expect((await client.downloadStream(id).toArray()).length).toBeGreaterThan(0)
    })

    it('but slaves, whose names say what their masters are', async () => {
      const master = await client.uploadFile(noise(10))
      fixture.track(master.id)
      const slave = await client.uploadSlaveFile(master.id, noise(20), { prefix: '_big', ext: 'bin' })
      fixture.track(slave.id)
      expect(slave).toMatchObject({ size: 20, verified: false })
      expect(await client.downloadFile(slave.id, join(folder, 'slave'))).toMatchObject({ verified: false })
    })
  })

  it('streams megabytes from and to disk', async () => {
    const path = join(folder, 'large')
    const content = noise(large(5_000_000), 3)
    await writeFile(path, content)
    const fromPath = await fixture.upload(path)
    const fromStream = await fixture.upload(createReadStream(path), { size: content.length, ext: 'bin' })
    for (const { id, crc32: sum } of [fromPath, fromStream]) {
      expect(sum).toBe(crc32(content))
      await fixture.client.downloadFile(id, `${path}.copy`)
      expect((await readFile(`${path}.copy`)).equals(content)).toBe(true)
    }
  })

  it('keeps empty files', async () => {
    const { id } = await fixture.upload(Buffer.alloc(0), { ext: 'txt' })
    expect(parseFileId(id)).toMatchObject({ size: 0, crc32: 0 })
    expect(await fixture.client.downloadFile(id)).toEqual(Buffer.alloc(0))
    expect(await fixture.client.downloadStream(id).toArray()).toEqual([])
    expect(await fixture.client.downloadFile(id, { offset: 1 })).toEqual(Buffer.alloc(0))
    expect(await fixture.client.fileInfo(id)).toMatchObject({ size: 0, crc32: 0 })
  })

  it.each(['a normal file', 'an appender file', 'a slave file'] as const)(
    'gives %s without a byte to every sink',
    async (kind) => {
      const nothing = Buffer.alloc(0)
      const { id: master } = await fixture.upload(noise(10), { ext: 'bin' })
      const { id, size } = await {
        'a normal file': () => fixture.client.uploadFile(nothing),
        'an appender file': () => fixture.client.uploadAppenderFile(nothing),
        'a slave file': () => fixture.client.uploadSlaveFile(master, nothing, { prefix: '_none' }),
      }[kind]()
      fixture.track(id)
      expect(size).toBe(0)
      const path = join(folder, 'nothing')
      for (const options of [{}, { offset: 0, length: 0 }, { length: 10 }, { offset: 3, length: 1 }]) {
        expect(await fixture.client.downloadFile(id, options)).toEqual(nothing)
        expect(await fixture.client.downloadStream(id, options).toArray()).toEqual([])
        for (const sink of [path, Buffer.alloc(3), createWriteStream(path), new WritableStream()]) {
          expect(await fixture.client.downloadFile(id, sink, options)).toMatchObject({ size: 0, crc32: 0 })
        }
        expect((await readFile(path)).length).toBe(0)
      }
    },
  )

  it('tells about a file what its storage knows', async () => {
    const { id } = await fixture.upload(noise(777))
    const parsed = parseFileId(id)
    const info = await fixture.client.fileInfo(id)
    expect(info).toMatchObject({ size: 777, crc32: parsed.crc32 })
    expect(Math.abs(info.modifiedAt.getTime() - parsed.createdAt.getTime())).toBeLessThanOrEqual(2_000)
    expect(info.sourceIp).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
  })

  it('deletes a file once', async () => {
    const { id } = await fixture.upload(noise(10), { metadata: { a: '1' } })
    await fixture.client.deleteFile(id)
    const gone = { name: 'FileNotFoundError', status: 2, fileId: id }
    await expect(fixture.client.deleteFile(id)).rejects.toMatchObject(gone)
    await expect(fixture.client.downloadFile(id)).rejects.toMatchObject(gone)
    await expect(fixture.client.downloadFile(id, { offset: 20 })).rejects.toMatchObject(gone)
    await expect(fixture.client.downloadStream(id).toArray()).rejects.toMatchObject(gone)
    await expect(fixture.client.fileInfo(id)).rejects.toMatchObject(gone)
    await expect(fixture.client.getMetadata(id)).rejects.toMatchObject(gone)
    await expect(fixture.client.setMetadata(id, { b: '2' })).rejects.toMatchObject(gone)
  })
})
