import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'

/** What a fake server does with one request; it gets the packet's bytes as they came. */
export type Answer = (request: Buffer, socket: Socket) => Buffer | undefined | void

export interface FakeServer extends AsyncDisposable {
  readonly port: number
  /** `host:port` */
  readonly address: string
  /** Every whole request, in order. */
  readonly requests: Buffer[]
  /** Connections taken so far. */
  readonly connections: Socket[]
}

/** A server that cuts what it is sent into packets and answers each as it is told. */
export async function fakeServer(answer: Answer, host = '127.0.0.1'): Promise<FakeServer> {
  const requests: Buffer[] = []
  const connections: Socket[] = []
  const server = createServer((socket) => {
    connections.push(socket)
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 10) {
        const size = 10 + Number(received.readBigInt64BE(0))
        if (received.length < size) return
        const request = received.subarray(0, size)
        received = received.subarray(size)
        requests.push(request)
        const response = answer(request, socket)
        if (response !== undefined) socket.write(response)
      }
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: `${host}:${port}`,
    requests,
    connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of connections) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A header of ten bytes by hand: length, command, status. */
export function header(length: number, command = 100, status = 0): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeBigInt64BE(BigInt(length))
  bytes[8] = command
  bytes[9] = status
  return bytes
}

/** A whole response by hand. */
export function response(body: Buffer, status = 0): Buffer {
  return Buffer.concat([header(body.length, 100, status), body])
}

/** Text in a field of `size` bytes. */
export function field(text: string, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.write(text, 'latin1')
  return bytes
}

/** 64 bits. */
export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

/** Answers at `listens` as a tracker whose only storage is at `host`:`port` (protocol.md §2.1, §2.2). */
export function fakeTracker(port: number, host = '127.0.0.1', listens?: string): Promise<FakeServer> {
  const address = [field(host, 15), int64(port)]
  return fakeServer((request) => {
    const isStore = [101, 104, 106, 107].includes(request[8] as number)
    return response(Buffer.concat([field('group1', 16), ...address, ...(isStore ? [Buffer.from([0])] : [])]))
  }, listens)
}
