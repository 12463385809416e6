/** Retries outside jest's realm, where errors of Node are errors: prints what happened. */
import { FastDfsClient, isFastDfsError } from '../../../src/index.js'
import { ID, INFO, serve, serveTracker } from './servers.mjs'

let asked = 0
const storage = await serve((socket) =>
  socket.on('data', () => (++asked % 3 === 0 ? socket.write(INFO) : socket.resetAndDestroy())),
)
const tracker = await serveTracker(storage)
const client = new FastDfsClient({ trackers: ['127.0.0.1:1', `127.0.0.1:${tracker}`] })
const { size } = await client.fileInfo(ID)
console.log(`size ${size} after ${asked} requests`)

const lonely = new FastDfsClient({ trackers: '127.0.0.1:1', retries: 1 })
const error: unknown = await lonely.fileInfo(ID).catch((reason: unknown) => reason)
console.log(isFastDfsError(error) ? `${error.code}: ${error.message}` : error)

// Neither is closed: connections that nobody uses do not keep the process alive.
