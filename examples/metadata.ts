/** Sets, reads and replaces a file's metadata. */
import { withClient } from './with-client.js'

await withClient(async (client) => {
  const { id } = await client.uploadFile(Buffer.from('not really a picture'), {
    ext: 'jpg',
    metadata: { width: '1024', height: '768' },
  })
  console.log(await client.getMetadata(id))
  await client.setMetadata(id, { width: '1024', height: '768', author: '王小明' })
  console.log(await client.getMetadata(id))
  await client.setMetadata(id, {})
  console.log(await client.getMetadata(id))
  await client.deleteFile(id)
})
