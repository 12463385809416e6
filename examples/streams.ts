/** Uploads a stream and reads a part of the file as a stream: a few buffers in memory, whatever the size. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { withClient } from './with-client.js'

await withClient(async (client) => {
  const { size } = await stat('package-lock.json')
  // The protocol sends the size first, so a stream's must be given.
  const file = await client.uploadFile(createReadStream('package-lock.json'), { size, ext: 'json' })

  let bytes = 0
  for await (const chunk of client.downloadStream(file.id, { offset: 1000, length: 50_000 })) {
    bytes += (chunk as Buffer).length
  }
  console.log(`read ${bytes} of ${size} bytes`)

  // Ending the loop early ends the transfer.
  for await (const chunk of client.downloadStream(file.id)) {
    console.log(`the first piece has ${(chunk as Buffer).length} bytes`)
    break
  }
  await client.deleteFile(file.id)
})
