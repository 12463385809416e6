import type { FastDfsError } from '../errors.js'
import { PoolTimeoutError } from '../errors.js'
import type { Call, Watcher } from './call.js'

/** How many may be inside and wait, and for how many milliseconds. */
export interface LineOptions {
  readonly maxConnections: number
  readonly maxQueue: number
  readonly queueTimeout: number
}

/** A place in the line, between two others. */
class Place<T> implements Watcher {
  readonly #line: WaitingLine<T>
  readonly call: Call
  /** When the wait has been too long, by `performance.now()`. */
  readonly endsAt: number
  readonly enter: (item: T | undefined) => void
  readonly #refuse: (error: FastDfsError) => void
  before: Place<T> | undefined
  behind: Place<T> | undefined

  constructor(
    line: WaitingLine<T>,
    call: Call,
    endsAt: number,
    enter: (item: T | undefined) => void,
    refuse: (error: FastDfsError) => void,
  ) {
    this.#line = line
    this.call = call
    this.endsAt = endsAt
    this.enter = enter
    this.#refuse = refuse
  }

  /** See {@link Watcher}. Also for what else ends the wait. */
  onCallOver(error: FastDfsError): void {
    this.#line.giveUp(this)
    this.#refuse(error)
  }
}

/**
 * Lets so many callers in at a time, the others in the order in which they came. Who leaves may hand the next one what
 * it used. generic-pool has a queue too, but keeps the places of callers that have given up.
 */
export class WaitingLine<T> {
  readonly #options: LineOptions
  readonly #endpoint: string
  // Linked: a Set looks for its first among the places that were left, and an array is slow to lose one in its midst.
  #first: Place<T> | undefined
  #last: Place<T> | undefined
  #waiting = 0
  /** One for all: who came first has waited longest. What they wait for keeps the process alive. */
  #timer: NodeJS.Timeout | undefined
  #inside = 0

  /** @param endpoint - for errors */
  constructor(options: LineOptions, endpoint: string) {
    this.#options = options
    this.#endpoint = endpoint
  }

  /** Callers inside. */
  get inside(): number {
    return this.#inside
  }

  /** Callers that wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** Lets a caller in without waiting, if there is room. */
  tryEnter(): boolean {
    if (this.#inside >= this.#options.maxConnections) return false
    this.#inside++
    return true
  }

  /**
   * Resolves when it is the caller's turn, with what it was handed; the turn must be given back by
   * {@link WaitingLine.leave}, also where the call is over by then.
   *
   * @throws {@link PoolTimeoutError} when the line is full, or the wait too long
   */
  enter(call: Call): Promise<T | undefined> {
    const { maxConnections, maxQueue } = this.#options
    if (this.tryEnter()) return Promise.resolve(undefined)
    if (call.isOver) return Promise.reject(call.endError())
    if (this.#waiting < maxQueue) return new Promise((enter, refuse) => this.#append(call, enter, refuse))
    const reason = `${maxQueue} callers wait for one of ${maxConnections} connections already; raise maxQueue or maxConnections`
    return Promise.reject(this.#refused(reason))
  }

  /** Lets the next one in, and hands it `item`. False when nobody waits: then there is one less inside. */
  leave(item?: T): boolean {
    const next = this.#first
    if (next === undefined) {
      this.#inside--
      return false
    }
    this.giveUp(next)
    next.enter(item)
    return true
  }

  /** Sends everybody who waits away. */
  dismiss(reason: FastDfsError): void {
    this.#dismissUntil(Infinity, () => reason)
  }

  #append(call: Call, enter: (item: T | undefined) => void, refuse: (error: FastDfsError) => void): void {
    const { queueTimeout } = this.#options
    const place = new Place(this, call, performance.now() + queueTimeout, enter, refuse)
    place.before = this.#last
    if (this.#last === undefined) this.#first = place
    else this.#last.behind = place
    this.#last = place
    this.#waiting++
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#onTimer(), queueTimeout).unref()
    call.watch(place)
  }

  /** Takes a place out of the line, wherever it is. */
  giveUp(place: Place<T>): void {
    place.call.unwatch(place)
    const { before, behind } = place
    if (before === undefined) this.#first = behind
    else before.behind = behind
    if (behind === undefined) this.#last = before
    else behind.before = before
    this.#waiting--
    // One that was left and has grown old must not keep alive what came behind it.
    place.behind = undefined
  }

  #onTimer(): void {
    this.#timer = undefined
    const { maxConnections, queueTimeout } = this.#options
    const reason = `none of ${maxConnections} connections became free within ${queueTimeout} ms; raise maxConnections or queueTimeout`
    // Timers may end a moment early.
    this.#dismissUntil(performance.now() + 1, () => this.#refused(reason))
    if (this.#first === undefined) return
    this.#timer = setTimeout(() => this.#onTimer(), this.#first.endsAt - performance.now()).unref()
  }

  #dismissUntil(end: number, reason: () => FastDfsError): void {
    for (let first = this.#first; first !== undefined && first.endsAt <= end; first = this.#first) {
      first.onCallOver(reason())
    }
  }

  #refused(message: string): PoolTimeoutError {
    return new PoolTimeoutError(message, { endpoint: this.#endpoint, phase: 'connect' })
  }
}
