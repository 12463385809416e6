import type { FastDfsError } from '../errors.js'
import { AbortError, TimeoutError } from '../errors.js'

/** How a caller limits one call. */
export interface CallOptions {
  /**
   * Ends the call with an {@link AbortError} whose `cause` is the signal's reason. A request that was sent whole by then
   * may still be carried out; a file that is stored so is deleted again in the background.
   */
  signal?: AbortSignal | undefined
  /** Milliseconds for the whole call, all attempts included; then a {@link TimeoutError}. Default: none. */
  timeout?: number | undefined
}

/** What goes on for a call: is told when and why it has to end. */
export interface Watcher {
  /** The call was aborted or cancelled, its time is over, or its present attempt expires. */
  onCallOver(error: FastDfsError): void
}

const NOBODY: readonly Watcher[] = []

/** One call of a public method: its signal and its time limit, handed down to whatever waits on its behalf. */
export class Call {
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined
  /** Milliseconds the caller allowed. */
  readonly timeout: number
  /** Which attempt of its present operation is being made, from 1 on. */
  attempt = 1
  /** When an attempt has brought it nearer to its end for good, by `performance.now()`. */
  progressAt = -Infinity
  /** Whether it has had a connection. */
  hasBegun = false
  /** Whether content has moved in its present attempt; see {@link Call.expire}. */
  hasMoved = false
  /** Where it stands among the running calls of its client. */
  index = -1
  #endsAt: number
  /** Replaced when it changes: nearly always there is one or none. */
  #watchers: readonly Watcher[] = NOBODY
  /** Run while somebody watches, where the call has a limit. */
  #timer: NodeJS.Timeout | undefined
  #onAbort: (() => void) | undefined
  #cancelled: FastDfsError | undefined
  #expired: FastDfsError | undefined

  constructor({ signal, timeout = Infinity }: CallOptions) {
    this.signal = signal
    this.timeout = timeout
    this.#endsAt = timeout === Infinity ? Infinity : performance.now() + timeout
  }

  /** Milliseconds left; Infinity without a limit. */
  get remaining(): number {
    return this.#endsAt === Infinity ? Infinity : Math.max(0, this.#endsAt - performance.now())
  }

  /** Whether its caller can end it, or time. */
  get isLimited(): boolean {
    return this.signal !== undefined || this.#endsAt !== Infinity
  }

  /** Whether it was aborted or cancelled, its time is over, or its present attempt has expired. */
  get isOver(): boolean {
    return this.#ended !== undefined || this.signal?.aborted === true || this.remaining === 0
  }

  get #ended(): FastDfsError | undefined {
    return this.#cancelled ?? this.#expired
  }

  /** Throws when the call was aborted or its time is over. */
  check(): void {
    if (this.isOver) throw this.endError()
  }

  /** Why the call is over. @param cause - what went wrong until then, where it was time that ended it */
  endError(cause?: FastDfsError): FastDfsError {
    if (this.#cancelled !== undefined) return this.#cancelled
    if (this.signal?.aborted === true) return this.abortError()
    return this.remaining > 0 && this.#expired !== undefined ? this.#expired : this.timeoutError(cause)
  }

  /** Ends whatever waits on the call's behalf, now and later. */
  cancel(error: FastDfsError): void {
    this.#cancelled = error
    this.#tell(error)
  }

  /**
   * Ends whatever waits on behalf of its present attempt, if no content has moved in it: what has is left to
   * `idleTimeout`, its answer too. To end it when all is sent would make an outcome unknown that is about to be known.
   *
   * @returns whether it was ended
   */
  expire(error: FastDfsError): boolean {
    if (this.hasMoved) return false
    this.#expired = error
    this.#tell(error)
    return true
  }

  /** Goes on after an attempt that has expired with `error`. */
  outlive(error: FastDfsError): void {
    if (this.#expired === error) this.#expired = undefined
  }

  /**
   * Tells `watcher` when the call is aborted or cancelled, its time is over, or its present attempt expires, until
   * {@link Call.unwatch}; not for what has happened already.
   */
  watch(watcher: Watcher): void {
    if (this.#watchers.length === 0) {
      if (this.#endsAt !== Infinity) {
        this.#timer = setTimeout(() => this.#tell(this.#timeIsOver()), this.remaining)
      }
      if (this.signal !== undefined) {
        this.#onAbort ??= () => this.#tell(this.abortError())
        this.signal.addEventListener('abort', this.#onAbort, { once: true })
      }
    }
    // To spread an array makes room for sixteen more.
    this.#watchers = this.#watchers.length === 0 ? [watcher] : [...this.#watchers, watcher]
  }

  /** See {@link Call.watch}. */
  unwatch(watcher: Watcher): void {
    if (!this.#watchers.includes(watcher)) return
    this.#watchers =
      this.#watchers.length === 1 ? NOBODY : this.#watchers.filter((other) => other !== watcher)
    if (this.#watchers.length > 0) return
    clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.signal?.removeEventListener('abort', this.#onAbort)
  }

  #tell(error: FastDfsError): void {
    // What one of them does may be the end of another.
    for (const watcher of this.#watchers) if (this.#watchers.includes(watcher)) watcher.onCallOver(error)
  }

  /** The error of an aborted call. */
  abortError(): AbortError {
    return new AbortError('the call was aborted', { cause: this.signal?.reason })
  }

  /** The error of a call whose time is over. */
  timeoutError(cause?: FastDfsError): TimeoutError {
    return new TimeoutError(`the call did not end within ${this.timeout} ms`, { cause })
  }

  /** The same, of a timer that has ended. It may do so a moment early; once it has, no time is left. */
  #timeIsOver(): TimeoutError {
    this.#endsAt = -Infinity
    return this.timeoutError()
  }

  /**
   * Waits for `promise`, but no longer than the call lasts. What `promise` gives after that goes to `late`.
   */
  wait<T>(promise: Promise<T>, late: (value: T) => void = () => {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let over = false
      const end = (): void => {
        over = true
        this.unwatch(watcher)
      }
      const fail = (error: FastDfsError): void => {
        end()
        reject(error)
      }
      const watcher: Watcher = { onCallOver: fail }
      this.watch(watcher)
      promise.then((value) => {
        if (over) return late(value)
        end()
        resolve(value)
      }, fail)
      if (this.#ended !== undefined) fail(this.#ended)
      else if (this.signal?.aborted === true) fail(this.abortError())
    })
  }

  /** Lets time pass, but no longer than the call lasts. */
  async sleep(delay: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    try {
      await this.wait(new Promise<void>((resolve) => (timer = setTimeout(resolve, delay))))
    } finally {
      clearTimeout(timer)
    }
  }
}
