/** Serves files in Fastify. */
import fastify from 'fastify'
import { clientFiles, fileHandler, fileUrl, forFastify } from 'fastdfs/http'
import { withClient } from './with-client.js'

await withClient(async (client) => {
  const app = fastify()
  // Fastify leaves the route's path in the URL: the handler takes it away.
  app.all('/files/*', forFastify(fileHandler(clientFiles(client), { prefix: '/files' })))
  const base = await app.listen({ port: 0, host: '127.0.0.1' })

  const { id } = await client.uploadFile(Buffer.from('hello, world!'), { ext: 'txt' })
  const response = await fetch(fileUrl(id, { base: `${base}/files` }))
  console.log(response.status, await response.text())

  await client.deleteFile(id)
  await app.close()
})
