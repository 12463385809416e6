import type { Clock } from '../server/index.js'

/** A clock that stands still until a test moves it, and draws the same numbers in every run. */
export interface DeterministicClock extends Clock {
  /** Lets that many milliseconds pass. No timer fires by it: those go by the machine's time. */
  advance(milliseconds: number): void
}

/**
 * Makes the same file IDs in every run: for the same uploads, in the same order, to members on the same ports.
 *
 * @param start - the time it shows at first
 * @param seed - decides the numbers it draws
 * @example
 * ```ts
 * const cluster = await startCluster({ clock: deterministicClock() })
 * ```
 */
export function deterministicClock(start = new Date('2026-01-01T00:00:00Z'), seed = 1): DeterministicClock {
  let now = start.getTime()
  let state = seed >>> 0
  return {
    now: () => now,
    // mulberry32: a generator of 32 bits of state that passes the usual tests of randomness.
    randomBelow: (limit) => {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
    },
    advance: (milliseconds) => void (now += milliseconds),
  }
}
