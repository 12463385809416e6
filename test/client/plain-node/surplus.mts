/** More connections than calls in the end: the process ends all the same, without close. */
import { FastDfsClient } from '../../../src/index.js'
import { ID, INFO, serve, serveTracker } from './servers.mjs'

let connections = 0
const storage = await serve((socket) => {
  connections++
  socket.on('data', () => socket.write(INFO))
})
const tracker = await serveTracker(storage)
const client = new FastDfsClient({ trackers: `127.0.0.1:${tracker}` })
await client.fileInfo(ID)
// Aborted while they connect: the connections are made, and nobody wants them.
const controller = new AbortController()
const calls = Array.from({ length: 5 }, () => client.fileInfo(ID, { signal: controller.signal }))
controller.abort()
const outcomes = await Promise.allSettled(calls)
console.log(
  outcomes.every(({ status }) => status === 'rejected'),
  connections,
)
