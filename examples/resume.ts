/** Uploads a file in chunks, is interrupted, and goes on from what the storage has. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AbortError } from 'fastdfs'
import type { ResumableUploadState } from 'fastdfs'
import { withClient } from './with-client.js'

const folder = await mkdtemp(join(tmpdir(), 'fastdfs-resume-'))
const film = join(folder, 'film.mp4')
const saved = join(folder, 'film.json')
await writeFile(film, Buffer.alloc(5_000_000, 'film'))

await withClient(async (client) => {
  const interruption = new AbortController()
  const upload = await client.resumableUpload(film, {
    chunkSize: 1_000_000,
    signal: interruption.signal,
    onCheckpoint: async (state) => {
      // Whole or not at all, however this process ends.
      await writeFile(`${saved}.new`, JSON.stringify(state))
      await rename(`${saved}.new`, saved)
      console.log(`${state.transferred} of ${state.size} bytes are stored`)
      if (state.transferred === 2_000_000) interruption.abort('the train is in a tunnel')
    },
  })
  await upload.done().catch((error: unknown) => {
    if (!(error instanceof AbortError)) throw error
    console.log(`interrupted: ${String(error.cause)}`)
  })

  // In another process, on another day: the state and the same file are all it takes.
  const state = JSON.parse(await readFile(saved, 'utf8')) as ResumableUploadState
  const resumed = await client.resumeUpload(state, film, {
    onCheckpoint: ({ transferred, size }) => console.log(`${transferred} of ${size} bytes are stored`),
  })
  const { id, verified } = await resumed.done()
  console.log(`${id}, verified: ${verified}`)
  await client.deleteFile(id)
})
await rm(folder, { recursive: true })
