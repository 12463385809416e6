/** Tells when nothing can happen any more in this process but that a timer ends. */
import { AsyncResource } from 'node:async_hooks'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import process from 'node:process'

/** Turns of the event loop in a row in which nothing may have begun. */
const TURNS = 4

/**
 * Both ends of every connection of the suite are in this process, so what is on its way can be waited for: a byte of
 * one's own, sent behind it, has arrived, and then a few turns of the event loop go by in which nothing begins.
 */
export class Stillness implements AsyncDisposable {
  readonly #near: Socket
  readonly #far: Socket

  private constructor(near: Socket, far: Socket) {
    this.#near = near
    this.#far = far
  }

  static async watch(): Promise<Stillness> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const near = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay(true)
    const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
      [Socket],
      unknown,
    ]
    server.close()
    return new Stillness(near, far)
  }

  /** Resolves when everything that was under way has come to its end, or waits for a timer. */
  async reached(): Promise<void> {
    do await this.#passOn()
    while (!(await isStill()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.all([once(this.#near, 'close'), once(this.#far, 'close')])
    this.#near.destroy()
    this.#far.destroy()
    await closed
  }

  async #passOn(): Promise<void> {
    const arrived = once(this.#far, 'data')
    this.#near.write('.')
    await arrived
  }
}

/** Whether nothing begins in the next turns. By callbacks, since promises may count too: within jest they do. */
function isStill(): Promise<boolean> {
  return new Promise((resolve) => {
    let turns = 0
    let before = 0
    const look = (): void => {
      // The turn itself and this look are two.
      const begun = asyncId() - before - 2
      if (begun > 0 || isReadingFiles()) return resolve(false)
      if (++turns === TURNS) return resolve(true)
      before = asyncId()
      setImmediate(look)
    }
    // What our own byte has begun ends in this turn.
    setImmediate(() => {
      before = asyncId()
      setImmediate(look)
    })
  })
}

/** Counts up with everything that is begun: requests of the system, ticks, turns, timers. */
function asyncId(): number {
  return new AsyncResource('Stillness').asyncId()
}

/** That happens in other threads. */
function isReadingFiles(): boolean {
  return process.getActiveResourcesInfo().some((kind) => /^(FSReq|CloseReq)/.test(kind))
}
