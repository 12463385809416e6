/** Files that are stored chunk by chunk: sources of unknown size that are sent as they come, and resumed uploads. */
import type { ResumableUploadState } from '../../src/index.js'
import { AbortError, FastDfsClient, IntegrityError, parseFileId } from '../../src/index.js'
import { crc32 } from '../../src/file-id/index.js'
import { lossyConnect } from './lossy.js'
import { large, noise, targets, useTarget } from './target.js'

const CHUNK = large(300_000)
const CONTENT = noise(3 * CHUNK + 1)

describe.each(targets)('files that are stored in chunks on $name', (target) => {
  const fixture = useTarget(target)

  /** V5 cannot make an appender file a normal one (protocol.md §3.2). */
  async function expectStored(
    file: { id: string; size: number; crc32: number | undefined; verified: boolean; appender?: true },
    content: Buffer,
  ): Promise<void> {
    fixture.track(file.id)
    const { group, kind, size } = parseFileId(file.id)
    const isOld = (await fixture.storageVersion(group)).startsWith('5.')
    expect(file).toMatchObject({ size: content.length, crc32: crc32(content), verified: !isOld })
    expect(file.appender).toBe(isOld ? true : undefined)
    expect(kind).toBe(isOld ? 'appender' : 'normal')
    expect(size).toBe(isOld ? undefined : content.length)
    expect((await fixture.client.downloadFile(file.id)).equals(content)).toBe(true)
    expect(await fixture.client.getMetadata(file.id)).toEqual({ author: 'someone' })
  }

  async function interrupted(chunks: number): Promise<ResumableUploadState> {
    const controller = new AbortController()
    let left = chunks
    const upload = await fixture.client.resumableUpload(CONTENT, {
      ext: 'bin',
      chunkSize: CHUNK,
      metadata: { author: 'someone' },
      signal: controller.signal,
      onCheckpoint: () => {
        if (--left === 0) controller.abort()
      },
    })
    await expect(upload.done()).rejects.toThrow(AbortError)
    const state = JSON.parse(JSON.stringify(upload)) as ResumableUploadState
    fixture.track(state.id as string)
    return state
  }

  it('come from sources of unknown size as they come', async () => {
    const content = noise(large(17 * 1024 * 1024 + 1))
    const pieces = async function* (): AsyncGenerator<Buffer> {
      for (let at = 0; at < content.length; at += 999_999) yield content.subarray(at, at + 999_999)
    }
    const file = await fixture.client.uploadFile(pieces(), {
      unknownLength: 'appender',
      ext: 'bin',
      metadata: { author: 'someone' },
    })
    await expectStored(file, content)
  }, 30_000)

  it('are deleted when the source fails', async () => {
    const first = noise(large(8 * 1024 * 1024 + 1))
    const pieces = async function* (): AsyncGenerator<Buffer> {
      yield first
      yield first
      throw new Error('no more')
    }
    const done = fixture.client.uploadFile(pieces(), { unknownLength: 'appender' })
    await expect(done).rejects.toThrow('no more')
  }, 30_000)

  it('come from uploads that are interrupted and resumed', async () => {
    const state = await interrupted(2)
    expect(state).toMatchObject({ transferred: 2 * CHUNK, size: CONTENT.length })
    const upload = await fixture.client.resumeUpload(state, CONTENT)
    await expectStored(await upload.done(), CONTENT)
  })

  it('go on where the storage has more than was written down, or less', async () => {
    const more = await interrupted(1)
    await fixture.client.appendFile(more.id as string, CONTENT.subarray(CHUNK, CHUNK + 77))
    const less = await interrupted(2)
    await fixture.client.truncateFile(less.id as string, 5)
    for (const state of [more, less]) {
      await expectStored(await (await fixture.client.resumeUpload(state, CONTENT)).done(), CONTENT)
    }
  })

  it.each<[string, 'answer' | 'middle']>([
    ['answer to the second is lost', 'answer'],
    ['connection ends in the middle of the second', 'middle'],
  ])('hold each chunk once where the %s', async (_, cut) => {
    const lossy = lossyConnect(24, cut)
    await using client = new FastDfsClient({ trackers: [...fixture.trackers], connect: lossy.connect })
    const upload = await client.resumableUpload(CONTENT, {
      ext: 'bin',
      chunkSize: CHUNK,
      metadata: { author: 'someone' },
    })
    await expectStored(await upload.done(), CONTENT)
    expect(lossy.lost()).toBe(1)
  })

  it('are not resumed from another source', async () => {
    const state = await interrupted(1)
    const other = Buffer.from(CONTENT)
    other[7] = 1 ^ (other[7] as number)
    await expect((await fixture.client.resumeUpload(state, other)).done()).rejects.toThrow(IntegrityError)
  })

  it('are gone when they are aborted', async () => {
    const state = await interrupted(1)
    await (await fixture.client.resumeUpload(state, CONTENT)).abort()
    expect(await fixture.client.fileExists(state.id as string)).toBe(false)
  })
})
