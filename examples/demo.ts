/** Uploads a real file, shows what its ID tells, downloads it and compares. `npm run demo -- FILE` takes another file. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseFileId } from 'fastdfs'
import { withClient } from './with-client.js'

const path = process.argv[2] ?? 'README.md'

await withClient(async (client) => {
  const file = await client.uploadFile(path)
  console.log(`uploaded ${path} to ${file.endpoint}`)
  console.log(`file ID  ${file.id}`)

  const { group, storePathIndex, source, createdAt, size, crc32, ext } = parseFileId(file.id)
  console.log('the ID tells:')
  console.table({
    group,
    'store path': storePathIndex,
    source: source.kind === 'id' ? `storage ${source.id}` : source.ip,
    created: createdAt.toISOString(),
    'size in bytes': size,
    CRC32: crc32.toString(16).padStart(8, '0'),
    extension: ext,
  })

  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-demo-'))
  try {
    const copy = join(folder, 'copy')
    await client.downloadFile(file.id, copy)
    const same = (await readFile(copy)).equals(await readFile(path))
    console.log(same ? 'downloaded: the same bytes' : 'downloaded: DIFFERENT BYTES')
    if (!same) process.exitCode = 1
  } finally {
    await rm(folder, { recursive: true })
    await client.deleteFile(file.id)
  }
})
