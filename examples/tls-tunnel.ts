/** Reaches a cluster over TLS, through a gateway that takes CONNECT as HTTP proxies do. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Connect } from 'fastdfs'
import { withClient } from './with-client.js'

const ca = await readFile('examples/tls/cert.pem')
const key = await readFile('examples/tls/key.pem')

// The gateway stands where the cluster is. Yours should ask who connects, and take the cluster's addresses only.
const gateway = createServer({ key, cert: ca })
gateway.on('connect', ({ url = '' }: IncomingMessage, socket: Duplex) => {
  const { hostname, port } = new URL(`tcp://${url}`)
  const server = connectTcp({ host: hostname, port: Number(port) }, () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    socket.pipe(server).pipe(socket)
  })
  server.on('error', () => socket.destroy())
  socket.on('error', () => server.destroy())
})
gateway.listen(0, 'localhost')
await once(gateway, 'listening')
const { port } = gateway.address() as AddressInfo

/** What the client calls instead of TCP: gives a connection to a tracker or storage that lies behind the gateway. */
const throughGateway: Connect = async (endpoint, { signal }) => {
  const path = `${endpoint.host}:${endpoint.port}`
  const asking = request({ host: 'localhost', port, ca, method: 'CONNECT', path, signal, agent: false }).end()
  const [response, socket] = (await once(asking, 'connect')) as [IncomingMessage, Duplex]
  if (response.statusCode !== 200) throw new Error(`the gateway answered ${response.statusCode}`)
  console.log(`connected to ${path} over TLS`)
  return socket
}

await withClient(
  async (client) => {
    const { id } = await client.uploadFile(Buffer.from('through the tunnel'), { ext: 'txt' })
    console.log((await client.downloadFile(id)).toString())
    await client.deleteFile(id)
  },
  { connect: throughGateway },
)
gateway.close()
