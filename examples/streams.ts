/** Uploads streams and reads a part of the file as a stream: a few buffers in memory, whatever the size. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createGzip } from 'node:zlib'
import { withClient } from './with-client.js'

await withClient(async (client) => {
  const { size } = await stat('package-lock.json')
  // The protocol sends the size first; with it, a stream is sent as it comes.
  const file = await client.uploadFile(createReadStream('package-lock.json'), { size, ext: 'json' })

  let bytes = 0
  for await (const chunk of client.downloadStream(file.id, { offset: 1000, length: 50_000 })) {
    bytes += chunk.length
  }
  console.log(`read ${bytes} of ${size} bytes`)

  // Ending the loop early ends the transfer.
  for await (const chunk of client.downloadStream(file.id)) {
    console.log(`the first piece has ${chunk.length} bytes`)
    break
  }
  await client.deleteFile(file.id)

  // Without a size, a stream is read to its end first: into memory, or into a temporary file.
  const zipped = await client.uploadFile(createReadStream('package-lock.json').pipe(createGzip()), {
    filename: 'package-lock.json.gz',
    keepFilename: true,
    onProgress: ({ transferred, total }) => console.log(`sent ${transferred} of ${total} bytes`),
  })
  console.log(await client.getMetadata(zipped.id))
  await client.deleteFile(zipped.id)
})
