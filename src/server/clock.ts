/**
 * Time and chance, in one place. The timers are Node's, taken when this module is loaded: a test that fakes the global
 * ones stops its own clock, not that of the cluster it talks to.
 */
import timers from 'node:timers'

const { setTimeout: startTimeout, clearTimeout: stopTimeout } = timers

/** The time now, in Unix milliseconds. */
export const { now } = Date

/** A timer that runs; {@link stopTimer} ends it. */
export type Timer = ReturnType<typeof setTimeout>

/** Runs `task` after `delay` milliseconds. No timer keeps a process alive: every one here is a fallback. */
export function startTimer(delay: number, task: () => void): Timer {
  return startTimeout(task, delay).unref()
}

/** Ends a timer; none is fine too. */
export function stopTimer(timer: Timer | undefined): void {
  stopTimeout(timer)
}

/** Whole Unix seconds: the unit of every time on the wire. */
export function unixSeconds(): number {
  return Math.floor(now() / 1000)
}

/** A random whole number from 0 up to, not including, `limit`. */
export function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit)
}
