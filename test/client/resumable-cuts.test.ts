/** Uploads in chunks whose connections end anywhere: in the end the file is there once, whole, or its loss is told. */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import fc from 'fast-check'
import type { Connect, ResumableUploadState } from '../../src/index.js'
import { FileNotFoundError, isFastDfsError } from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { bytesOf } from './fakes.js'

let cluster: Cluster
beforeAll(async () => (cluster = await startCluster()))
afterAll(() => cluster.stop())

const CHUNK = 40_000
const CONTENT = bytesOf(4 * CHUNK + 7)

/** Connections to storages that end after so many bytes, in both directions together; then they hold. */
function cutting(cuts: number[]): Connect {
  return async ({ host, port }, { signal }) => {
    const socket = connectTcp({ host, port })
    await once(socket, 'connect', { signal })
    const isStorage = cluster.storages.some((storage) => storage.port === port)
    const limit = isStorage ? cuts.shift() : undefined
    if (limit === undefined) return socket
    const check = (): void => {
      if (socket.bytesWritten + socket.bytesRead >= limit) socket.destroy()
    }
    socket.on('data', check)
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
    socket.write = (...args: unknown[]) => {
      const goesOn = write(...args)
      setImmediate(check)
      return goesOn
    }
    return socket
  }
}

const cut = fc.integer({ min: 1, max: CONTENT.length + 2_000 })

it('an upload that is resumed again and again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(cut, { maxLength: 8 }), fc.nat(2), async (cuts, retries) => {
      const client = cluster.client({ connect: cutting([...cuts]), retries })
      let state: ResumableUploadState | undefined
      const onCheckpoint = (kept: ResumableUploadState): void => {
        state = JSON.parse(JSON.stringify(kept)) as ResumableUploadState
      }
      const options = { onCheckpoint, chunkSize: CHUNK, metadata: { a: 'b' } }
      for (let attempts = 0; ; attempts++) {
        // Each attempt as if by another process.
        const upload = await (state === undefined
          ? client.resumableUpload(CONTENT, options)
          : client.resumeUpload(state, CONTENT, { onCheckpoint }))
        try {
          const { id, verified } = await upload.done()
          expect(verified).toBe(true)
          expect((await client.downloadFile(id)).equals(CONTENT)).toBe(true)
          expect(await client.getMetadata(id)).toEqual({ a: 'b' })
          break
        } catch (error) {
          if (!isFastDfsError(error)) throw error
          expect(error.name).not.toBe('IntegrityError')
          // The answer to the renaming was lost, and the state that tells of it with it.
          if (error instanceof FileNotFoundError && state?.transferred === CONTENT.length) break
          expect(attempts).toBeLessThanOrEqual(cuts.length)
        }
      }
      await client.close({ grace: 0 })
    }),
    { numRuns: 40 },
  )
}, 60_000)

it('a stream of unknown size that is sent as it comes', async () => {
  const large = bytesOf(17 * 1024 * 1024)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: large.length }), { minLength: 1, maxLength: 3 }),
      async (cuts) => {
        const client = cluster.client({ connect: cutting([...cuts]), retries: 4 })
        try {
          const file = await client.uploadFile(new Blob([large]).stream(), { unknownLength: 'appender' })
          expect(file).toMatchObject({ size: large.length, verified: true })
          expect((await client.downloadFile(file.id)).equals(large)).toBe(true)
        } catch (error) {
          // Answers that cannot be asked for again: to the first chunk, and to the renaming.
          expect(error).toMatchObject({ name: 'UnknownOutcomeError' })
        }
        await client.close({ grace: 0 })
      },
    ),
    { numRuns: 8 },
  )
}, 60_000)
