/**
 * A tracker and storage that do nothing but count what they get and send what they have: the limit of a transfer is
 * then the client's own. They know one file.
 */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { randomBytes } from 'node:crypto'
import { crc32, formatFileId } from '../src/file-id/index.js'
import { answer } from './child.js'
import { bodyLength, HEADER_SIZE } from './raw-connection.js'
import * as packets from './raw-packets.js'

/** Writes the file that is known to `path`. */
export interface NeutralRequest {
  readonly path: string
  readonly size: number
}
export interface NeutralAnswer {
  readonly tracker: string
  readonly id: string
}

const MIB = 1024 * 1024
const block = randomBytes(MIB)
const STORE_QUERIES = [101, 104]
const FILE_QUERIES = [packets.QUERY_FETCH, packets.QUERY_UPDATE]
const UPLOAD = 11
const DOWNLOAD = 14
let port = 0
let known = { id: '', size: 0 }

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  serve(socket)
})

answer<NeutralRequest, NeutralAnswer>(
  async ({ path, size }) => {
    if (!server.listening) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    }
    known = { id: idOf(size), size }
    const file = await open(path, 'w')
    for (let position = 0; position < size; position += MIB) await file.write(block)
    await file.close()
    return { tracker: `127.0.0.1:${port}`, id: known.id }
  },
  async () => {},
)

/** Requests one after the other; of an upload's body, only how much of it is still to come is kept. */
function serve(socket: Socket): void {
  let head = Buffer.alloc(0)
  let command = 0
  let missing = 0
  socket.on('data', (chunk: Buffer) => {
    let rest = chunk
    while (rest.length > 0) {
      if (missing === 0) {
        head = Buffer.concat([head, rest])
        if (head.length < HEADER_SIZE) return
        missing = bodyLength(head)
        command = head[8] as number
        rest = head.subarray(HEADER_SIZE)
        head = Buffer.alloc(0)
      }
      const taken = Math.min(missing, rest.length)
      missing -= taken
      rest = rest.subarray(taken)
      if (missing === 0) respond(socket, command)
      else return
    }
  })
}

function respond(socket: Socket, command: number): void {
  if (STORE_QUERIES.includes(command)) socket.write(packets.place('127.0.0.1', port, true))
  else if (FILE_QUERIES.includes(command)) socket.write(packets.place('127.0.0.1', port, false))
  else if (command === UPLOAD) socket.write(packets.fileName(known.id))
  else if (command === DOWNLOAD) sendKnown(socket)
  else socket.write(packets.header(0))
}

function sendKnown(socket: Socket): void {
  socket.cork()
  socket.write(packets.header(known.size))
  let left = known.size
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      const piece = left < MIB ? block.subarray(0, left) : block
      left -= piece.length
      if (!socket.write(piece)) return void socket.once('drain', more)
    }
  }
  more()
  socket.uncork()
}

function idOf(size: number): string {
  let crc = 0
  for (let left = size; left > 0; left -= MIB) crc = crc32(left < MIB ? block.subarray(0, left) : block, crc)
  return formatFileId({
    group: 'group1',
    storePathIndex: 0,
    directories: [0, 0],
    source: { kind: 'id', id: 100_001 },
    createdAt: new Date(),
    size,
    crc32: crc,
    randomBits: 0,
    digits: '000',
    ext: 'bin',
    appender: false,
  })
}
