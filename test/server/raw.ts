/** A client of raw sockets: packets are put together and taken apart here, by protocol.md alone. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A packet: header (§1.1) and body. */
export function packet(command: number, body: Buffer = Buffer.alloc(0), status = 0): Buffer {
  const header = Buffer.alloc(10)
  header.writeBigInt64BE(BigInt(body.length), 0)
  header[8] = command
  header[9] = status
  return Buffer.concat([header, body])
}

/** A 64-bit number. */
export function i64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

/** Text in a field of fixed width. */
export function str(text: string, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.write(text, 'latin1')
  return bytes
}

/** Parts one after another: text is latin1. */
export function bytes(...parts: (Buffer | string | number)[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === 'number'
        ? Buffer.of(part)
        : typeof part === 'string'
          ? Buffer.from(part, 'latin1')
          : part,
    ),
  )
}

/** A response as it came. */
export interface RawResponse {
  command: number
  status: number
  body: Buffer
}

/** One connection. */
export class RawClient {
  readonly socket: Socket
  #chunks: Buffer[] = []
  #size = 0
  #ended = false
  #wake = (): void => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#size += chunk.length
      this.#wake()
    })
    socket.on('error', () => {})
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#ended = true
        this.#wake()
      })
    }
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true, allowHalfOpen: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Takes a socket that is connected. */
  static over(socket: Socket): RawClient {
    return new RawClient(socket)
  }

  send(data: Buffer): void {
    this.socket.write(data)
  }

  /** The next response; fails when the connection ends before it is whole. */
  async response(): Promise<RawResponse> {
    const header = await this.#take(10)
    const body = await this.#take(Number(header.readBigInt64BE(0)))
    return { command: header.readUInt8(8), status: header.readUInt8(9), body }
  }

  /** Sends a request and gives its response. */
  async ask(command: number, body: Buffer = Buffer.alloc(0), status = 0): Promise<RawResponse> {
    this.send(packet(command, body, status))
    return this.response()
  }

  /** The status alone; fails when there is a body with it. */
  async status(command: number, body: Buffer = Buffer.alloc(0)): Promise<number> {
    const response = await this.ask(command, body)
    if (response.body.length > 0)
      throw new Error(`status ${response.status} with ${response.body.length} bytes`)
    return response.status
  }

  /** Resolves when the server has closed; fails when it sends something before. */
  async closed(): Promise<void> {
    while (!this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (this.#size > 0) throw new Error(`unexpected: ${Buffer.concat(this.#chunks).toString('hex')}`)
  }

  close(): void {
    this.socket.destroy()
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#size < size) {
      if (this.#ended) throw new Error(`closed after ${this.#size} of ${size} bytes`)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    const all = Buffer.concat(this.#chunks)
    this.#chunks = [all.subarray(size)]
    this.#size -= size
    return all.subarray(0, size)
  }
}

/** A JOIN as V6.13 and newer write it (§4.1). */
export function joinBody({
  group = 'group1',
  id = '100001',
  port = 23000,
  paths = 1,
  subdirs = 256,
  initFlag = 1,
  status = 0,
  trackers = ['127.0.0.1:22122'],
} = {}): Buffer {
  return bytes(
    str(group, 17),
    i64(port),
    i64(paths),
    i64(subdirs),
    i64(10),
    i64(0x6b026f76),
    i64(0x6b026f77),
    str('6.16.1', 8),
    initFlag,
    status & 0xff,
    str(id, 16),
    str('127.0.0.1', 46),
    i64(trackers.length),
    ...trackers.map((tracker) => `${tracker}\n`),
  )
}

/** Makes the storage that has joined on a connection ACTIVE: it has its old files, tells its space, and beats. */
export async function activate(raw: RawClient, paths = 1, totalMb = 1000, freeMb = 500): Promise<void> {
  const disks = Array.from({ length: paths }, () => bytes(i64(totalMb), i64(freeMb)))
  for (const [command, body] of [
    [88, Buffer.alloc(24)],
    [84, bytes(...disks)],
    [83, Buffer.alloc(0)],
  ] as const) {
    const { status } = await raw.ask(command, body)
    if (status !== 0) throw new Error(`${command} was answered ${status}`)
  }
}

/** A server that takes connections and says nothing. */
export async function silentServer(): Promise<{ address: string; stop: () => void }> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket.on('error', () => {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = (): void => {
    for (const socket of open) socket.destroy()
    server.close()
  }
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}
