/**
 * What may be done beyond the work that was asked for, by all calls of a client together: so much at once, so much a
 * second, and a share of what goes well. When everything fails, servers get little more than the calls themselves.
 */
export class Budget {
  #left = CAPACITY
  #filledAt = performance.now()

  /** Something went well. @returns `result` */
  readonly earn = <T>(result: T): T => {
    if (this.#left < CAPACITY) this.#left += SHARE
    return result
  }

  /** Whether one more thing may be done; counts it. */
  take(): boolean {
    this.#refill()
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  /** How many things may be done now. */
  get left(): number {
    this.#refill()
    return Math.floor(this.#left)
  }

  #refill(): void {
    const now = performance.now()
    this.#left = Math.min(CAPACITY, this.#left + ((now - this.#filledAt) / 1000) * PER_SECOND)
    this.#filledAt = now
  }
}

const CAPACITY = 100
const PER_SECOND = 10
/** For each thing that went well. */
const SHARE = 0.1
