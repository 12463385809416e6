/** Content that is read to where it belongs, and what may be kept of it. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { KeptSpace } from '../../src/client/space.js'
import type { ClientOptions } from '../../src/index.js'
import { response } from '../support/fake-server.js'
import { bytesOf, fakeCluster, ID, temporaryFolder } from './fakes.js'

/** Of several blocks, and no whole number of them. */
const CONTENT = bytesOf(5_000_003)

const ways: [string, Partial<ClientOptions>][] = [
  ['a socket of the client', {}],
  [
    'a Duplex of the caller',
    {
      connect: async ({ host, port }, { signal }) => {
        const socket = connect({ host, port })
        await once(socket, 'connect', { signal })
        return socket
      },
    },
  ],
]

describe.each(ways)('a large file that comes through %s', (_, options) => {
  const cluster = () => fakeCluster({ 14: response(CONTENT) }, options)

  it('is a Buffer', async () => {
    await using fake = await cluster()
    expect((await fake.client.downloadFile(ID)).equals(CONTENT)).toBe(true)
  })

  it('fills a caller’s bytes, and nothing beside them', async () => {
    await using fake = await cluster()
    const bytes = Buffer.alloc(CONTENT.length + 20, 7)
    await fake.client.downloadFile(ID, bytes.subarray(10, -10))
    expect(bytes.subarray(10, -10).equals(CONTENT)).toBe(true)
    expect(bytes.subarray(0, 10)).toEqual(Buffer.alloc(10, 7))
    expect(bytes.subarray(-10)).toEqual(Buffer.alloc(10, 7))
  })

  it('is a file', async () => {
    await using fake = await cluster()
    await using folder = await temporaryFolder()
    await fake.client.downloadFile(ID, folder.join('copy'))
    expect((await readFile(folder.join('copy'))).equals(CONTENT)).toBe(true)
  })

  it('is a stream whose pieces can be kept', async () => {
    await using fake = await cluster()
    const pieces: Buffer[] = []
    for await (const piece of fake.client.downloadStream(ID)) pieces.push(piece)
    expect(Buffer.concat(pieces).equals(CONTENT)).toBe(true)
  })

  it('is followed by the next response', async () => {
    await using fake = await cluster()
    const files = await Promise.all([1, 2, 3].map(() => fake.client.downloadFile(ID)))
    for (const file of files) expect(file.equals(CONTENT)).toBe(true)
    expect(await fake.client.fileInfo(ID)).toMatchObject({ size: 13 })
  })
})

describe('room for what is kept', () => {
  it('gives what was read into it as it is, and nothing of it twice', () => {
    const space = new KeptSpace()
    const room = space.next(1_000_000)
    room.write('first')
    const first = space.keep(room.subarray(0, 5))
    expect(first.buffer).toBe(room.buffer)
    space.next(1_000_000).write('second')
    const second = space.keep(space.next(1_000_000).subarray(0, 6))
    expect([String(first), String(second)]).toEqual(['first', 'second'])
  })

  it('copies what was read elsewhere', () => {
    const space = new KeptSpace()
    const other = Buffer.from('other')
    const kept = space.keep(other)
    other.fill(0)
    expect(String(kept)).toBe('other')
  })

  it('is another one when too little is left', () => {
    const space = new KeptSpace()
    const room = space.next(1_000_000)
    space.keep(room.subarray(0, room.length - 100))
    expect(space.next(1_000_000).buffer).not.toBe(room.buffer)
  })
})
