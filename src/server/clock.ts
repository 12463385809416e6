/**
 * Time and chance, in one place, so that a test can put its own there. The timers are Node's, taken when this module is
 * loaded: a test that fakes the global ones stops its own clock, not that of the cluster it talks to.
 */
import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

const { setTimeout: startTimeout, clearTimeout: stopTimeout, setImmediate: nextTurn } = timers

/** Where a server gets the time and chance from. */
export interface Clock {
  /** The time now, in Unix milliseconds. */
  now(): number
  /** A random whole number from 0 up to, not including, `limit`. */
  randomBelow(limit: number): number
}

/**
 * Milliseconds since a moment in the past, also where a test fakes time or the machine's clock is set: for intervals. No
 * beat may wait until a clock that was set back is there again.
 */
export const now: () => number = performance.now.bind(performance)

/** The machine's own. */
export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  randomBelow: (limit) => Math.floor(Math.random() * limit),
}

/** Milliseconds; no timer of Node's runs longer. */
export const MAX_DELAY = 2 ** 31 - 1

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

/** Resolves in the next turn of the event loop, when all that has come by now has been looked at. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void nextTurn(resolve))
}

/** Whole Unix seconds: the unit of every time on the wire. */
export function unixSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}
