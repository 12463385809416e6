import type { FastDfsError } from '../errors.js'
import { PoolTimeoutError } from '../errors.js'
import type { Call } from './call.js'

/** How many may be inside and wait, and for how many milliseconds. */
export interface LineOptions {
  readonly maxConnections: number
  readonly maxQueue: number
  readonly queueTimeout: number
}

interface Waiter {
  readonly enter: () => void
  readonly fail: (error: FastDfsError) => void
}

/**
 * Lets so many callers in at a time, the others in the order in which they came. generic-pool has a queue too, but
 * keeps the places of callers that have given up.
 */
export class WaitingLine {
  readonly #options: LineOptions
  readonly #endpoint: string
  readonly #waiting = new Set<Waiter>()
  #inside = 0

  /** @param endpoint - for errors */
  constructor(options: LineOptions, endpoint: string) {
    this.#options = options
    this.#endpoint = endpoint
  }

  /**
   * Resolves when it is the caller's turn, which it then must give back by {@link WaitingLine.leave}.
   *
   * @throws {@link PoolTimeoutError} when the line is full, or the wait too long
   */
  async enter(call: Call): Promise<void> {
    const { maxConnections, maxQueue, queueTimeout } = this.#options
    if (this.#inside < maxConnections) {
      this.#inside++
      return
    }
    if (this.#waiting.size >= maxQueue) {
      throw this.#refused(
        `${maxQueue} callers wait for one of ${maxConnections} connections already; raise maxQueue or maxConnections`,
      )
    }
    let waiter: Waiter | undefined
    const turn = new Promise<void>((resolve, reject) => {
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
      await call.wait(turn, () => this.leave())
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(waiter as Waiter)
    }
  }

  /** Lets the next one in. */
  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#inside--
      return
    }
    this.#waiting.delete(next)
    next.enter()
  }

  /** Sends everybody who waits away. */
  close(reason: FastDfsError): void {
    for (const waiter of this.#waiting) waiter.fail(reason)
    this.#waiting.clear()
  }

  #refused(message: string): PoolTimeoutError {
    return new PoolTimeoutError(message, { endpoint: this.#endpoint })
  }
}
