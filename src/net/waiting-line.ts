import type { FastDfsError } from '../errors.js'
import { PoolTimeoutError } from '../errors.js'
import type { Call } from './call.js'

/** How many may be inside and wait, and for how many milliseconds. */
export interface LineOptions {
  readonly maxConnections: number
  readonly maxQueue: number
  readonly queueTimeout: number
}

interface Waiter<T> {
  readonly enter: (item: T | undefined) => void
  readonly fail: (error: FastDfsError) => void
}

/**
 * Lets so many callers in at a time, the others in the order in which they came. Who leaves may hand the next one what
 * it used. generic-pool has a queue too, but keeps the places of callers that have given up.
 */
export class WaitingLine<T> {
  readonly #options: LineOptions
  readonly #endpoint: string
  readonly #waiting = new Set<Waiter<T>>()
  readonly #onUnwanted: (item: T | undefined) => void
  #inside = 0

  /**
   * @param endpoint - for errors
   * @param onUnwanted - somebody's turn came too late: takes what it was handed, and leaves in its place
   */
  constructor(options: LineOptions, endpoint: string, onUnwanted: (item: T | undefined) => void) {
    this.#options = options
    this.#endpoint = endpoint
    this.#onUnwanted = onUnwanted
  }

  /** Callers inside. */
  get inside(): number {
    return this.#inside
  }

  /** Callers that wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Lets a caller in without waiting, if there is room. */
  tryEnter(): boolean {
    if (this.#inside >= this.#options.maxConnections) return false
    this.#inside++
    return true
  }

  /**
   * Resolves when it is the caller's turn, with what it was handed; the turn must be given back by
   * {@link WaitingLine.leave}.
   *
   * @throws {@link PoolTimeoutError} when the line is full, or the wait too long
   */
  async enter(call: Call): Promise<T | undefined> {
    const { maxConnections, maxQueue, queueTimeout } = this.#options
    if (this.tryEnter()) return undefined
    if (this.#waiting.size >= maxQueue) {
      throw this.#refused(
        `${maxQueue} callers wait for one of ${maxConnections} connections already; raise maxQueue or maxConnections`,
      )
    }
    let waiter: Waiter<T> | undefined
    const turn = new Promise<T | undefined>((resolve, reject) => {
      waiter = { enter: resolve, fail: reject }
      this.#waiting.add(waiter)
    })
    const timer = setTimeout(
      () =>
        waiter?.fail(
          this.#refused(
            `none of ${maxConnections} connections became free within ${queueTimeout} ms; raise maxConnections or queueTimeout`,
          ),
        ),
      queueTimeout,
    )
    try {
      return await call.wait(turn, this.#onUnwanted)
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(waiter as Waiter<T>)
    }
  }

  /** Lets the next one in, and hands it `item`. False when nobody waits: then there is one less inside. */
  leave(item?: T): boolean {
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      next.enter(item)
      return true
    }
    this.#inside--
    return false
  }

  /** Sends everybody who waits away. */
  dismiss(reason: FastDfsError): void {
    for (const waiter of this.#waiting) waiter.fail(reason)
    this.#waiting.clear()
  }

  #refused(message: string): PoolTimeoutError {
    return new PoolTimeoutError(message, { endpoint: this.#endpoint, phase: 'connect' })
  }
}
