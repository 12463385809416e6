/** A port at which connecting hangs, at all addresses of this machine: somebody listens, but takes no connection, and the system's queue for them is full. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'

/** Listens, in a thread that then stands still: so nobody takes what comes. */
const LISTENER = `
const { createServer } = require('node:net')
const { parentPort } = require('node:worker_threads')
const server = createServer().listen({ port: 0, host: '0.0.0.0', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

/** Connections that the system keeps for a listener with a backlog of 1; it lets all further ones wait. */
const QUEUE = 2

export class StuckPort implements AsyncDisposable {
  readonly port: number
  readonly #worker: Worker
  readonly #queued: readonly Socket[]

  private constructor(port: number, worker: Worker, queued: readonly Socket[]) {
    this.port = port
    this.#worker = worker
    this.#queued = queued
  }

  static async open(): Promise<StuckPort> {
    const worker = new Worker(LISTENER, { eval: true })
    const [port] = (await once(worker, 'message')) as [number]
    const queued = Array.from({ length: QUEUE }, () => connect(port, '127.0.0.1').on('error', () => {}))
    await Promise.all(queued.map((socket) => once(socket, 'connect')))
    return new StuckPort(port, worker, queued)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#queued) socket.destroy()
    await this.#worker.terminate()
  }
}
