/** Uploads a file in chunks, keeps the state after each, and is killed by its parent; then goes on from there. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { existsSync } from 'node:fs'
import { FastDfsClient } from '../../../src/index.js'
import type { ResumableUploadState } from '../../../src/index.js'

const [path, saved, chunkSize] = process.argv.slice(2) as [string, string, string]
const client = FastDfsClient.fromEnvironment()
const onCheckpoint = (state: ResumableUploadState): void => {
  // Whole or not at all, also when the process is killed meanwhile.
  writeFileSync(`${saved}.new`, JSON.stringify(state))
  renameSync(`${saved}.new`, saved)
  console.log(`stored ${state.transferred}`)
}
const upload = existsSync(saved)
  ? await client.resumeUpload(JSON.parse(readFileSync(saved, 'utf8')) as ResumableUploadState, path, {
      onCheckpoint,
    })
  : await client.resumableUpload(path, {
      chunkSize: Number(chunkSize),
      metadata: { from: 'a child' },
      onCheckpoint,
    })
const { id, size, crc32, verified } = await upload.done()
console.log(JSON.stringify({ id, size, crc32, verified }))
await client.close()
