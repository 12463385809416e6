/** A caller's functions run in the async context of the call that they were given to, also where calls share connections. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { FastDfsClient } from '../../src/index.js'
import { response } from '../support/fake-server.js'
import { APPENDER_ID, fakeCluster, ID, INFO, rejection, status } from './fakes.js'

/** Of a file that comes in several pieces. */
const SIZE = 1_000_000

const caller = new AsyncLocalStorage<string>()

/** Hands a function to a call that runs until the function has run. */
type Use = (client: FastDfsClient, onRun: () => void) => Promise<unknown>

const USES: Record<string, Use> = {
  'onProgress of a download to a Buffer': (client, onProgress) =>
    client.downloadFile(APPENDER_ID, { onProgress }),
  'onProgress of a download to bytes': (client, onProgress) =>
    client.downloadFile(APPENDER_ID, Buffer.alloc(SIZE), { onProgress }),
  'the write of a Writable': (client, onRun) =>
    client.downloadFile(
      APPENDER_ID,
      new Writable({
        write(_, __, callback) {
          onRun()
          callback()
        },
      }),
    ),
  'the write of a WritableStream': (client, onRun) =>
    client.downloadFile(APPENDER_ID, new WritableStream({ write: onRun })),
  'the data event of a download stream': (client, onRun) =>
    finished(client.downloadStream(APPENDER_ID).on('data', onRun)),
  'onProgress of an upload': (client, onProgress) => client.uploadFile(Buffer.alloc(9), { onProgress }),
  'onProgress of an upload in pieces': (client, onProgress) =>
    client.uploadFile(
      (async function* () {
        yield Buffer.alloc(4)
        yield Buffer.alloc(5)
      })(),
      { size: 9, onProgress },
    ),
}

it.each(Object.entries(USES))('%s', async (_, use) => {
  await using cluster = await fakeCluster({ 14: response(Buffer.alloc(SIZE)) }, { maxConnections: 1 })
  const { client } = cluster
  // Whoever makes the connections is not the one whose function is called.
  await caller.run('the first', () => client.uploadFile(Buffer.alloc(1)))
  const seen = new Set<string | undefined>()
  const note = (): void => void seen.add(caller.getStore())
  await Promise.all([
    caller.run('the second', () => use(client, note)),
    caller.run('the third', () => client.downloadFile(APPENDER_ID)),
  ])
  expect([...seen]).toEqual(['the second'])
  expect(cluster.storage.connections).toHaveLength(1)
})

it('a function that connects, also where another call has waited its turn before', async () => {
  const connects: (string | undefined)[] = []
  let hold: ((socket: Socket) => void) | undefined
  const held = new Promise<Socket>((resolve) => (hold = resolve))
  await using cluster = await fakeCluster(
    {
      22: (_, socket) => {
        if (hold === undefined) return INFO
        hold(socket)
        return (hold = undefined)
      },
    },
    {
      maxConnections: 1,
      connect: async ({ host, port }) => {
        connects.push(caller.getStore())
        const socket = connect(port, host)
        await once(socket, 'connect')
        return socket
      },
    },
  )
  const { client } = cluster
  const first = caller.run('the first', () => rejection(client.fileInfo(ID)))
  const socket = await held
  const second = caller.run('the second', () => client.fileInfo(ID))
  while (client.stats().endpoints.every(({ waiting }) => waiting === 0)) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  // After this status a connection is not used again: the second call needs one of its own.
  socket.write(status(22))
  await Promise.all([first, second])
  expect(connects).toEqual(['the first', 'the first', 'the second'])
})
