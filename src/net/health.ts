/** `closed`: works; `open`: failed lately, not used while another server can; `half-open`: is being tried. */
export type HealthState = 'closed' | 'open' | 'half-open'

/** What is known of one server: breaker and probe alike. Times are of `performance.now()`. */
export class Health {
  #failures = 0
  #tryAt = 0
  #isTried = false

  /** See {@link HealthState}. */
  get state(): HealthState {
    if (this.#failures === 0) return 'closed'
    return this.#isTried ? 'half-open' : 'open'
  }

  /** Failures since it last worked. */
  get failures(): number {
    return this.#failures
  }

  /** It answered. */
  succeeded(): void {
    this.#failures = 0
    this.#isTried = false
  }

  /** It could not be reached, or did not answer as it should: the longer this goes on, the later it is tried again. */
  failed(): void {
    const now = performance.now()
    this.#isTried = false
    // Many requests that fail at once are one failure.
    if (this.#failures > 0 && now < this.#tryAt) return
    const wait = Math.min(MAX_WAIT, FIRST_WAIT * 2 ** this.#failures++)
    this.#tryAt = now + wait * (1 + Math.random()) * 0.5
  }

  /** Whether it is time to try it; whoever is told so has to, and to tell how it went. */
  beginTrial(): boolean {
    if (this.#failures === 0 || this.#isTried || performance.now() < this.#tryAt) return false
    this.#isTried = true
    return true
  }

  /** It was not tried after all. */
  endTrial(): void {
    this.#isTried = false
  }
}

/** Milliseconds until a server is tried again, after the first failure and at most; half of it is random. */
const FIRST_WAIT = 1_000
const MAX_WAIT = 30_000
