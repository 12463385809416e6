import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { MemoryStore, Storage, type StorageOptions, Tracker } from '../../../src/server/index.js'
import { DIRECT_NETWORK } from '../../../src/server/network.js'
import { GROUP, nameIn, uploadBody } from '../group.js'
import { bytes, RawClient } from '../raw.js'

/** SYNC_CREATE_FILE */
const CREATE = 16

const started: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const server of started.splice(0).reverse()) await server.stop()
})

it('replicate() waits for a storage whose connections are lost, and can be made again', async () => {
  let cuts = 0
  const cutting = (socket: Socket): Socket => {
    const write = socket.write.bind(socket)
    socket.write = (chunk: Buffer, ...rest: []) => {
      if (chunk[8] !== CREATE || cuts === 3) return write(chunk, ...rest)
      cuts++
      socket.destroy()
      return false
    }
    return socket
  }
  const tracker = new Tracker()
  started.push(tracker)
  await tracker.start()
  const start = async (id: number, options: Partial<StorageOptions> = {}): Promise<Storage> => {
    const trackers = [{ host: '127.0.0.1', port: tracker.port }]
    const storage = new Storage({ group: 'group1', id, trackers, store: new MemoryStore(), ...options })
    started.push(storage)
    await storage.start()
    await storage.whenActive()
    return storage
  }
  const network = {
    ...DIRECT_NETWORK,
    connect: (options: TcpNetConnectOpts) => cutting(connect(options)),
  }
  const [first, second] = [await start(100001, { network }), await start(100002)]
  const ask = async ({ port }: Storage, command: number, body: Buffer) => {
    const client = await RawClient.connect(port)
    const answer = await client.ask(command, body)
    client.close()
    return answer
  }
  const name = nameIn(await ask(first, 11, uploadBody('here')))
  await first.replicate()
  expect(cuts).toBe(3)
  expect((await ask(second, 22, bytes(GROUP, name))).status).toBe(0)
})
