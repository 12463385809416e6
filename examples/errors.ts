/** What goes wrong, and how it is told: typed errors, time limits, cancelling. */
import { FastDfsError, FileNotFoundError, InvalidFileIdError } from 'fastdfs'
import { withClient } from './with-client.js'

await withClient(async (client) => {
  const { id } = await client.uploadFile(Buffer.from('short-lived'))
  await client.deleteFile(id)

  try {
    await client.downloadFile(id)
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) throw error
    console.log(`${error.code}: ${error.message}`)
  }

  try {
    await client.downloadFile('group1/M00/not-an-id')
  } catch (error) {
    if (!(error instanceof InvalidFileIdError)) throw error
    console.log(`${error.code}: ${error.message}`)
  }

  try {
    await client.uploadFile(Buffer.alloc(1000), {
      signal: AbortSignal.abort('changed my mind'),
      timeout: 5_000,
    })
  } catch (error) {
    if (!(error instanceof FastDfsError)) throw error
    console.log(`${error.code}: ${error.message}, because: ${String(error.cause)}`)
  }
})
