/** Serves a large file to readers that do not read: prints by how many MiB the memory grew, and then reads it all. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatFileId } from '../../../src/file-id/index.js'
import { clientFiles, fileHandler } from '../../../src/http/index.js'
import { FastDfsClient } from '../../../src/index.js'
import { serveTracker } from '../../client/plain-node/servers.mjs'

const MIB = 1024 * 1024
const READERS = 20
const size = Number(process.argv[2]) * MIB
const id = formatFileId({
  group: 'group1',
  storePathIndex: 0,
  directories: [0, 0],
  source: { kind: 'ip', ip: '10.77.0.12' },
  createdAt: new Date(),
  size,
  crc32: 0,
  randomBits: 7,
  digits: '082',
  ext: 'bin',
})

// The storage lives in a process of its own: its memory is not the handler's.
const storage = fork(new URL('../../client/plain-node/storage.mts', import.meta.url).pathname, [String(size)])
const [port] = (await once(storage, 'message')) as [number]
const tracker = await serveTracker(port)
const client = new FastDfsClient({ trackers: `127.0.0.1:${tracker}`, verify: false })
const handler = fileHandler(clientFiles(client))
const responses: ServerResponse[] = []
const server = createServer((request, response) => {
  responses.push(response)
  handler(request, response)
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const web = (server.address() as AddressInfo).port

/** Reads all of the file. */
async function readAll(): Promise<number> {
  const [answer] = (await once(get({ port: web, path: `/${id}`, agent: false }), 'response')) as [
    IncomingMessage,
  ]
  let bytes = 0
  for await (const chunk of answer) bytes += (chunk as Buffer).length
  return bytes
}

/** Asks for the file and reads nothing. */
function readNothing(): Socket {
  const socket = connect(web, '127.0.0.1')
  socket.write(`GET /${id} HTTP/1.1\r\nHost: h\r\n\r\n`)
  return socket
}

/** Resolves when every response has been waiting for its reader for a while. */
async function allWait(): Promise<void> {
  for (let calm = 0; calm < 5;) {
    await sleep(100)
    const waiting = responses.filter(({ writableNeedDrain }) => writableNeedDrain)
    calm = waiting.length === READERS ? calm + 1 : 0
  }
}

const before = process.memoryUsage.rss()
const sockets = Array.from({ length: READERS }, readNothing)
await allWait()
const waiting = Math.round((process.memoryUsage.rss() - before) / MIB)
for (const socket of sockets) socket.destroy()
const read = (await readAll()) / MIB
const grown = Math.round((process.memoryUsage.rss() - before) / MIB)
console.log(JSON.stringify({ waiting, read, grown }))
server.closeAllConnections()
server.close()
await client.close()
storage.kill()
