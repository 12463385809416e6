import type { Call } from '../net/call.js'

/**
 * Lets the changes of one file happen one after the other: quick ones in parallel leave the replicas of real
 * storages different for good (protocol.md §12).
 */
export class Serial {
  readonly #last = new Map<string, Promise<void>>()

  /**
   * Runs `change` at once. It gets ready, and then waits for its turn: until all earlier ones of `id` have ended, or
   * the call has.
   */
  run<T>(id: string, call: Call, change: (turn: () => Promise<void>) => Promise<T>): Promise<T> {
    const before = this.#last.get(id)
    const running = change(async () => {
      if (before !== undefined) await call.wait(before)
    })
    // Who comes next waits for this one and those before it, but not for how they end.
    const settled = Promise.allSettled([before, running]).then(() => {
      if (this.#last.get(id) === settled) this.#last.delete(id)
    })
    this.#last.set(id, settled)
    return running
  }
}
