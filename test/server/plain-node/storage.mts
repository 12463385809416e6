/** A storage in a process of its own, to be killed: `storage.mts ID HOST PORT FOLDER TRACKER_PORT`. */
import { createInterface } from 'node:readline'
import { DiskStore, Storage } from '../../../src/server/index.js'

const [id, host, port, folder = '', trackerPort] = process.argv.slice(2)
const storage = new Storage({
  group: 'group1',
  id: Number(id),
  host,
  port: Number(port),
  trackers: [{ host: '127.0.0.1', port: Number(trackerPort) }],
  store: new DiskStore({ folder }),
})
await storage.start()
await storage.whenActive()
console.log(`active ${storage.port}`)
for await (const line of createInterface(process.stdin)) {
  if (line !== 'replicate') break
  await storage.replicate()
  console.log('replicated')
}
await storage.stop()
