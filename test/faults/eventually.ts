import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds of the machine after which what has not come does not come any more. */
const LIMIT = 10_000

/** Resolves when `check` does not throw any more, in real time; with what it returns. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  // The time of day is the machine's own, also where the clock of the suite is at work.
  const until = Date.now() + LIMIT
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > until) throw error
    }
    await nextTurn()
  }
}
