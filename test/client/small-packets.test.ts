/** Small content goes out from one buffer of all sockets: each upload must have its own bytes in it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import type { ClientOptions } from '../../src/index.js'
import { bytesOf, fakeCluster } from './fakes.js'

const ways: [string, Partial<ClientOptions>][] = [
  ['sockets of the client', {}],
  [
    'Duplexes that keep what they are given',
    {
      connect: async ({ host, port }, { signal }) => {
        const socket = connect({ host, port })
        await once(socket, 'connect', { signal })
        const duplex = new Duplex({
          read: () => {},
          write: (chunk, encoding, done) => {
            // It says that it is done, and hands the very chunk on later.
            setImmediate(() => socket.write(chunk as Buffer, encoding))
            done()
          },
          destroy: (error, done) => {
            socket.destroy()
            done(error)
          },
        })
        socket.on('data', (chunk) => duplex.push(chunk))
        return duplex
      },
    },
  ],
]

it.each(ways)('of many uploads at a time through %s', async (_, options) => {
  await using fake = await fakeCluster({}, { maxConnections: 8, ...options })
  const contents = Array.from({ length: 40 }, (_, i) => bytesOf(4_096 + i * 300).fill(i, 0, 2_000))
  await Promise.all(contents.map((content) => fake.client.uploadFile(content)))
  const sent = fake.storage.requests
    .filter((request) => request[8] === 11)
    .map((request) => request.subarray(25))
  const inOrder = sent.sort((a, b) => a.length - b.length)
  expect(inOrder.map((content, i) => content.equals(contents[i] as Buffer))).toEqual(contents.map(() => true))
})
