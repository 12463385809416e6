/**
 * The clock of the suite's clients. Their timers and `performance.now` go by it; the cluster has the machine's, all but
 * the delays of faults. Time passes on it only when nothing else can happen, and then at once: what a call takes by it is
 * what it was made to wait, however busy the machine is.
 */
import type { Clock as FakeClock } from '@sinonjs/fake-timers'
import { install } from '@sinonjs/fake-timers'
import { delays } from '../../src/testing/delays.js'
import type { Timer } from '../../src/server/clock.js'
import { Stillness } from './stillness.js'

// Those of the machine, before others are in their place.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/** Milliseconds on the clock in which what is driven must have ended. */
const MOST = 30 * 60_000
/** Milliseconds of the machine in which a case must have ended, however busy that is. */
const MOST_REAL = 30_000

/** What `work` comes to, in a time that it can only miss when it hangs. */
export async function inRealTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = startTimer(
      () => reject(new Error(`it hangs: ${MOST_REAL} ms have passed, of the machine`)),
      MOST_REAL,
    )
  })
  try {
    return await Promise.race([work, over])
  } finally {
    stopTimer(timer)
  }
}

export class Clock implements AsyncDisposable {
  readonly #fake: FakeClock
  readonly #stillness: Stillness
  readonly #own = { ...delays }
  readonly #holds = new Set<Promise<unknown>>()
  /** Delays of faults under way, by their timers, and what happens at their ends. */
  readonly #delays = new Map<Timer, () => void>()

  private constructor(fake: FakeClock, stillness: Stillness) {
    this.#fake = fake
    this.#stillness = stillness
    delays.start = (delay, task) => {
      const timer = setTimeout(() => {
        this.#delays.delete(timer)
        task()
      }, delay)
      this.#delays.set(timer, task)
      return timer
    }
    delays.stop = (timer) => {
      clearTimeout(timer)
      if (timer !== undefined) this.#delays.delete(timer)
    }
  }

  /** From now on, until the clock is disposed of, this is the time of this process. */
  static async install(): Promise<Clock> {
    const stillness = await Stillness.watch()
    const fake = install({
      now: 0,
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    })
    return new Clock(fake, stillness)
  }

  /** Milliseconds since its beginning. */
  get now(): number {
    return this.#fake.now
  }

  /** Timers that run, of clients. */
  get timers(): number {
    return this.#fake.countTimers() - this.#delays.size
  }

  /** Ends all delays of faults, those too for whose ends nobody waits any more. */
  endDelays(): void {
    for (const task of this.#delays.values()) task()
  }

  /** Lets no time pass until `work`, of the cluster, has ended. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#holds.add(work)
    try {
      return await work
    } finally {
      this.#holds.delete(work)
    }
  }

  /** Lets time pass until `work` has ended. Returns what it has come to. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const end = (): void => void (isOver = true)
    work.then(end, end)
    const beganAt = this.now
    for (;;) {
      await this.#stillness.reached()
      if (isOver) return work
      if (this.now - beganAt > MOST) throw new Error(`it takes longer than ${MOST} ms on the clock`)
      if (this.#holds.size === 0) this.#fake.next()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Object.assign(delays, this.#own)
    this.#fake.uninstall()
    await this.#stillness[Symbol.asyncDispose]()
  }
}
