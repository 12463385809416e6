/** A tracker and a storage for programs outside jest; answers in literal bytes. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'

export const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
/** Of an appender file: tells no size. */
export const APPENDER_ID = 'group1/M00/00/00/Ck0ADGsCbjeEKfNTAAAAAP1dNqU746.log'

export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

export const header = (length: number, status = 0): Buffer =>
  Buffer.concat([int64(length), Buffer.from([100, status])])
export const response = (body: Buffer): Buffer => Buffer.concat([header(body.length), body])
export const INFO = response(Buffer.concat([int64(13), int64(1_795_321_399), int64(0), Buffer.alloc(16)]))
export const STORED = response(Buffer.from(ID.replace('/', '\0'.repeat(10))))

/** A server that does not keep the process alive. */
export async function serve(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.unref()
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A tracker whose only storage is at 127.0.0.1:`port`. */
export function serveTracker(port: number): Promise<number> {
  return serve((socket) =>
    socket.on('data', (request) => {
      const address = Buffer.concat([Buffer.from('127.0.0.1'.padEnd(15, '\0')), int64(port)])
      const path = request[8] === 101 ? Buffer.from([0]) : Buffer.alloc(0)
      socket.write(response(Buffer.concat([Buffer.from('group1'.padEnd(16, '\0')), address, path])))
    }),
  )
}
