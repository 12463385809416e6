import { setMaxListeners } from 'node:events'
import { AbortError, TimeoutError } from '../errors.js'

/** How a caller limits one call. */
export interface CallOptions {
  /** Ends the call with an {@link AbortError} whose `cause` is the signal's reason. */
  signal?: AbortSignal | undefined
  /** Milliseconds for the whole call, all attempts included; then a {@link TimeoutError}. Default: none. */
  timeout?: number | undefined
}

/** One call of a public method: its signal and its time limit, handed down to whatever waits on its behalf. */
export class Call {
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined
  /** Milliseconds the caller allowed. */
  readonly timeout: number
  readonly #endsAt: number

  constructor({ signal, timeout = Infinity }: CallOptions) {
    this.signal = signal
    // One signal may end a batch of calls: Node would take more than ten listeners for a leak.
    if (signal instanceof EventTarget) setMaxListeners(0, signal)
    this.timeout = timeout
    this.#endsAt = timeout === Infinity ? Infinity : performance.now() + timeout
  }

  /** Milliseconds left; Infinity without a limit. */
  get remaining(): number {
    return this.#endsAt === Infinity ? Infinity : Math.max(0, this.#endsAt - performance.now())
  }

  /** Throws when the call was aborted or its time is over. */
  check(): void {
    if (this.signal?.aborted === true) throw this.abortError()
    if (this.remaining === 0) throw this.timeoutError()
  }

  /** The error of an aborted call. */
  abortError(): AbortError {
    return new AbortError('the call was aborted', { cause: this.signal?.reason })
  }

  /** The error of a call whose time is over. */
  timeoutError(): TimeoutError {
    return new TimeoutError(`the call did not end within ${this.timeout} ms`)
  }

  /**
   * Waits for `promise`, but no longer than the call lasts. What `promise` gives after that goes to `late`.
   */
  async wait<T>(promise: Promise<T>, late: (value: T) => void = () => {}): Promise<T> {
    if (this.signal === undefined && this.#endsAt === Infinity) return promise
    return new Promise<T>((resolve, reject) => {
      let over = false
      const end = (settle: () => void): void => {
        over = true
        clearTimeout(timer)
        this.signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = (): void => end(() => reject(this.abortError()))
      const timer =
        this.#endsAt === Infinity
          ? undefined
          : setTimeout(() => end(() => reject(this.timeoutError())), this.remaining)
      this.signal?.addEventListener('abort', onAbort, { once: true })
      promise.then(
        (value) => (over ? late(value) : end(() => resolve(value))),
        (error: Error) => {
          if (!over) end(() => reject(error))
        },
      )
      if (this.signal?.aborted === true) onAbort()
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
