/** Serves files in Express, below a path, with the names that they were uploaded under. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { clientFiles, fileHandler, fileUrl } from 'fastdfs/http'
import { withClient } from './with-client.js'

await withClient(async (client) => {
  const app = express()
  // Headers of your own come first.
  app.use('/files', (_, response, next) => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    next()
  })
  app.use(
    '/files',
    fileHandler(clientFiles(client, { keptFilenames: true }), {
      cacheControl: 'public, max-age=31536000, immutable',
      onError: (error) => console.error(error),
    }),
  )
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const { id } = await client.uploadFile('README.md', { keepFilename: true })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files`
  const response = await fetch(fileUrl(id, { base }))
  console.log(response.status, (await response.arrayBuffer()).byteLength, 'bytes')
  console.log(response.headers.get('content-type'), response.headers.get('content-disposition'))
  const again = await fetch(response.url, {
    headers: { 'If-None-Match': response.headers.get('etag') ?? '' },
  })
  console.log('asked again with its ETag:', again.status)

  await client.deleteFile(id)
  server.closeAllConnections()
  server.close()
})
