import type { Call } from '../net/call.js'

/**
 * Lets the changes of one file happen one after the other: quick ones in parallel leave the replicas of real
 * storages different for good (protocol.md §12).
 */
export class Serial {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `change` when all earlier ones of `id` have ended, or not at all if the call ends before. */
  async run<T>(id: string, call: Call, change: () => Promise<T>): Promise<T> {
    const before = this.#last.get(id)
    const turn = (async () => {
      if (before !== undefined) await call.wait(before)
      return change()
    })()
    // Who comes next waits for this one and those before it, but not for how they end.
    const settled = Promise.allSettled([before, turn])
    this.#last.set(id, settled)
    void settled.then(() => {
      if (this.#last.get(id) === settled) this.#last.delete(id)
    })
    return turn
  }
}
