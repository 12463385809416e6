import { createServer, type Server } from 'node:net'
import { Listener } from '../../src/server/listener.js'

jest.mock('node:net', () => {
  const net = jest.requireActual<{ createServer: typeof createServer }>('node:net')
  return { ...net, createServer: jest.fn(net.createServer) }
})

it('goes on after a connection that could not be accepted', async () => {
  const listener = new Listener({ host: '127.0.0.1', port: 0 }, () => ({
    awaitsPeer: false,
    settled: () => Promise.resolve(),
  }))
  await listener.start()
  const server = jest.mocked(createServer).mock.results[0]?.value as Server
  expect(() => server.emit('error', new Error('accept ENFILE'))).not.toThrow()
  expect(listener.listening).toBe(true)
  await listener.stop()
})
