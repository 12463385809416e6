/** Connections that a server does not serve, as real ones of V6.16.1 were seen to end them: at once, without a byte. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { ConfigError } from '../../src/errors.js'
import { MemoryStore, Storage, type StorageOptions, Tracker } from '../../src/server/index.js'
import { packet } from './raw.js'

const started: { stop(): Promise<void> }[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of started.splice(0).reverse()) await server.stop()
})

async function start(options: Partial<StorageOptions>): Promise<Storage> {
  const tracker = new Tracker()
  const trackers = [{ host: '127.0.0.1', port: 1 }]
  const storage = new Storage({ group: 'group1', id: 100001, trackers, store: new MemoryStore(), ...options })
  for (const server of [tracker, storage]) {
    await server.start()
    started.push(server)
  }
  return storage
}

/** Connects and asks; what comes back until it has answered or ended. */
async function ask(port: number, localAddress = '127.0.0.1'): Promise<{ socket: Socket; answer: string }> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  sockets.push(socket)
  socket.on('error', () => {})
  socket.write(packet(111))
  const answer = await new Promise<string>((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('hex')))
    socket.once('close', () => resolve('closed'))
  })
  return { socket, answer }
}

const OK = '00000000000000006400'

it('are those beyond the greatest number, until one of these ends', async () => {
  const { port } = await start({ maxConnections: 3 })
  const first = [await ask(port), await ask(port), await ask(port)]
  expect(first.map(({ answer }) => answer)).toEqual([OK, OK, OK])
  expect((await ask(port)).answer).toBe('closed')
  expect((await ask(port)).answer).toBe('closed')
  const { socket } = first[1] as { socket: Socket }
  socket.end()
  await once(socket, 'close')
  let answer = 'closed'
  // It learns of the end a moment later.
  while (answer === 'closed') ({ answer } = await ask(port))
  expect(answer).toBe(OK)
  expect((await ask(port)).answer).toBe('closed')
})

it('are those from elsewhere than allowed', async () => {
  const { port } = await start({ allowHosts: ['127.0.0.[2-3]', '127.0.1.0/24'] })
  for (const address of ['127.0.0.2', '127.0.0.3', '127.0.1.77'])
    expect((await ask(port, address)).answer).toBe(OK)
  for (const address of ['127.0.0.1', '127.0.0.4', '127.0.2.1'])
    expect((await ask(port, address)).answer).toBe('closed')
})

it('are checked when the server is made', () => {
  for (const maxConnections of [0, -1, 1.5, NaN]) {
    expect(() => new Tracker({ maxConnections })).toThrow(ConfigError)
  }
  expect(() => new Tracker({ allowHosts: ['10.0.0.[1-'] })).toThrow(ConfigError)
})
