/** Serves files over HTTP with node:http: URLs with tokens, and a part of a file. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { clientFiles, fileHandler, fileUrl, signUrl } from 'fastdfs/http'
import { withClient } from './with-client.js'

const secret = 'FastDFS1234567890'

await withClient(async (client) => {
  const server = createServer(fileHandler(clientFiles(client), { secret })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const { id } = await client.uploadFile(Buffer.from('hello, world!'), { ext: 'txt' })
  const url = signUrl(id, { base, secret, filename: '你好.txt' })
  console.log(url)
  const response = await fetch(url, { headers: { Range: 'bytes=7-' } })
  console.log(response.status, await response.text())
  console.log(Object.fromEntries(response.headers))
  console.log('without a token:', (await fetch(fileUrl(id, { base }))).status)

  await client.deleteFile(id)
  server.closeAllConnections()
  server.close()
})
