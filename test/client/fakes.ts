/** A fake cluster that answers in literal bytes (protocol.md §2, §3), and what the tests of the client share. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ClientOptions } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import type { Answer, FakeServer } from '../support/fake-server.js'
import { fakeServer, fakeTracker, field, header, int64, response } from '../support/fake-server.js'

/** Of 13 bytes, as it says itself. */
export const ID = 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
export const NAME = 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
/** Of an empty file. */
export const EMPTY_ID = 'group1/M00/00/00/Ck0ADGsCbjeATh5vAAAAAAAAAAA412.txt'
/** Of an appender file: tells no size. */
export const APPENDER_ID = 'group1/M00/00/00/Ck0ADGsCbjeEKfNTAAAAAP1dNqU746.log'
/** A slave with a name that is too short to be told from a normal one: tells nothing. */
export const SHORT_ID = 'group1/M00/00/00/Ck0ADGsCbjeAZRv3AAAAB5CH01E_s.jpg'
export const CONTENT = Buffer.from('hello, world!')

/** Body of an answer to 22. */
export const info = (size: number): Buffer =>
  Buffer.concat([
    int64(size),
    int64(1_795_321_399),
    Buffer.from('ffffffffc4581f24', 'hex'),
    field('10.77.0.12', 16),
  ])

export const status = (number: number): Buffer => header(0, 100, number)
export const INFO = response(info(13))
export const STORED = response(Buffer.concat([field('group1', 16), Buffer.from(NAME)]))
export const OK = header(0)

/** These servers give every file one name, whatever its content; `verify: undefined` gets the default back. */
const UNVERIFIED = { retries: 0, verify: false }

/** Answers by the number of the command; a command without an answer fails the test by its status. */
export type Answers = Partial<Record<number, Buffer | Answer>>

const DEFAULT_ANSWERS: Answers = { 11: STORED, 12: OK, 13: OK, 14: response(CONTENT), 22: INFO, 111: OK }

export interface FakeCluster extends AsyncDisposable {
  readonly tracker: FakeServer
  readonly storage: FakeServer
  readonly client: FastDfsClient
  /** The numbers of the commands that the storage got, in order. */
  commands(): number[]
}

/** A tracker, a storage, and a client of them. */
export async function fakeCluster(
  answers: Answers = {},
  options: Partial<ClientOptions> = {},
): Promise<FakeCluster> {
  const all: Answers = { ...DEFAULT_ANSWERS, ...answers }
  const storage = await fakeServer((request, socket) => {
    const answer = all[request[8] as number] ?? status(22)
    return typeof answer === 'function' ? answer(request, socket) : answer
  })
  const tracker = await fakeTracker(storage.port)
  const client = new FastDfsClient({ trackers: tracker.address, ...UNVERIFIED, ...options })
  return {
    tracker,
    storage,
    client,
    commands: () => storage.requests.map((request) => request[8] as number),
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      await tracker[Symbol.asyncDispose]()
      await storage[Symbol.asyncDispose]()
    },
  }
}

export interface RawServer extends AsyncDisposable {
  readonly port: number
  readonly address: string
  readonly sockets: Socket[]
}

/** A server whose sockets are handled by the test. */
export async function rawServer(onSocket: (socket: Socket) => void): Promise<RawServer> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: `127.0.0.1:${port}`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A client of a storage whose sockets are handled by the test. */
export async function rawCluster(
  onSocket: (socket: Socket) => void,
  options: Partial<ClientOptions> = {},
): Promise<{ storage: RawServer; client: FastDfsClient } & AsyncDisposable> {
  const storage = await rawServer(onSocket)
  const tracker = await fakeTracker(storage.port)
  const client = new FastDfsClient({ trackers: tracker.address, ...UNVERIFIED, ...options })
  return {
    storage,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close({ grace: 0 })
      await tracker[Symbol.asyncDispose]()
      await storage[Symbol.asyncDispose]()
    },
  }
}

/** An address where nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = await rawServer(() => {})
  await server[Symbol.asyncDispose]()
  return server.address
}

/**
 * An address that takes no connection and refuses none: a listener in a thread that never accepts, with its backlog
 * full, so that the kernel drops what comes.
 */
export async function deafServer(): Promise<{ address: string } & AsyncDisposable> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
     })`,
    { eval: true },
  )
  const [port] = (await once(worker, 'message')) as [number]
  const { connect } = await import('node:net')
  const fillers = [0, 1].map(() => connect(port, '127.0.0.1').on('error', () => {}))
  await Promise.all(fillers.map((filler) => once(filler, 'connect')))
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}

/** A folder of its own for a test. */
export async function temporaryFolder(): Promise<
  { path: string; join(name: string): string; names(): Promise<string[]> } & AsyncDisposable
> {
  const path = await mkdtemp(join(tmpdir(), 'fastdfs-test-'))
  return {
    path,
    join: (name) => join(path, name),
    names: async () => (await readdir(path)).sort(),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** What a promise was rejected with. */
export async function rejection<E extends Error>(promise: Promise<unknown>): Promise<E> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in outcome) throw new Error(`expected a rejection, got ${String(outcome.value)}`)
  return outcome.error as E
}

/** A promise with its handles. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}

/** `length` bytes that differ from place to place. */
export function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff
  return bytes
}

/** Reads one request off a socket without copying it more than once. */
export function wholeRequest(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  let received = 0
  let size = Infinity
  return new Promise((resolve) => {
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      received += chunk.length
      if (size === Infinity && received >= 10) size = 10 + Number(Buffer.concat(chunks).readBigInt64BE(0))
      if (received < size) return
      socket.off('data', onData)
      resolve(Buffer.concat(chunks))
    }
    socket.on('data', onData)
  })
}

/** A request of command 11 by hand (protocol.md §3.1). */
export function uploadRequest(content: Buffer, ext = '', storePathIndex = 0): Buffer {
  return Buffer.concat([
    header(15 + content.length, 11),
    Buffer.from([storePathIndex]),
    int64(content.length),
    field(ext, 6),
    content,
  ])
}

/**
 * Answers 14 with the bytes that are asked for (protocol.md §3.4); the n-th time only with its first `cuts[n]` bytes,
 * and then closes.
 */
export function serving(content: Buffer, ...cuts: number[]): Answer {
  let calls = 0
  return (request, socket) => {
    const offset = Number(request.readBigInt64BE(10))
    const count = Number(request.readBigInt64BE(18)) || content.length - offset
    const answer = response(content.subarray(offset, offset + count))
    const cut = cuts[calls++]
    if (cut === undefined) return answer
    return void socket.end(answer.subarray(0, 10 + cut))
  }
}
