import pRetry from 'p-retry'
import type { FastDfsError } from '../errors.js'
import { IntegrityError, isFastDfsError, RetryError, TimeoutError, UnknownOutcomeError } from '../errors.js'
import type { RetryTrace } from '../observe/channels.js'
import { channels } from '../observe/channels.js'
import type { Log } from '../observe/log.js'
import type { Budget } from './budget.js'
import type { Call } from './call.js'

/** How often and how long a call is made again. */
export interface RetryOptions {
  /** Attempts after the first, or after the last one that made progress. */
  readonly retries: number
  /**
   * Milliseconds from the first attempt, or the last progress, after which no further attempt begins, and one that is
   * made again ends, unless content has moved in it.
   */
  readonly retryDeadline: number
  /** Of all calls of a client together. */
  readonly retryBudget: Budget
  /** Is told of each attempt that is made again. */
  readonly onRetry: ((retry: RetryTrace) => unknown) | undefined
  readonly log: Log
}

/** What is done in attempts. What they have in common is its own: a function for each call would be compiled anew. */
export interface Operation<T> {
  /** Makes the next attempt. */
  attempt(): Promise<T>
}

/** Milliseconds before the first repetition, at most; doubled for each further one. */
const FIRST_BACKOFF = 100
const MAX_BACKOFF = 5_000

/** A random pause before the attempt after `attempt`. */
export function backoff(attempt: number, max = MAX_BACKOFF): number {
  return Math.random() * Math.min(max, FIRST_BACKOFF * 2 ** (attempt - 1))
}

/**
 * Has an operation attempted until it succeeds, fails with an error that is not retriable, or the retries are used up.
 *
 * @throws the error that is not retriable, the only error there was, or a {@link RetryError} with all of them
 */
export function retry<T>(options: RetryOptions, call: Call, operation: Operation<T>): Promise<T> {
  call.attempt = 1
  const beganAt = performance.now()
  // Most calls succeed at once: all else is made only after a first failure.
  return operation.attempt().then(options.retryBudget.earn, (error: unknown) => {
    if (!isFastDfsError(error)) throw error
    return new Repetition(options, call, error, beganAt).run(operation)
  })
}

/** What is left of a call whose first attempt has failed. */
class Repetition {
  readonly #options: RetryOptions
  readonly #call: Call
  readonly #errors: FastDfsError[]
  readonly #beganAt: number
  #attempts = 1
  /** Attempts that have failed since the last one that made progress, this one included. */
  #inVain = 0
  #progressAt = -Infinity
  /** Milliseconds before the next attempt. */
  #delay = 0
  /** Whether the last attempt was ended by `retryDeadline`. */
  #hasExpired = false

  constructor(options: RetryOptions, call: Call, first: FastDfsError, beganAt: number) {
    this.#options = options
    this.#call = call
    this.#errors = [first]
    this.#beganAt = beganAt
  }

  async run<T>(operation: Operation<T>): Promise<T> {
    const [first] = this.#errors as [FastDfsError]
    if (!this.#mayRepeat(first)) throw this.#isEndedBy(first) ? this.#call.endError(first) : first
    try {
      // No signal for p-retry: it would forget a success if the abort came in while that settles. `#mayRepeat` asks it.
      return await pRetry(() => this.#repeat(operation), {
        // `#mayRepeat` counts them.
        retries: Infinity,
        minTimeout: 0,
        shouldRetry: ({ error }) => isFastDfsError(error) && this.#mayRepeat(error),
      })
    } catch (error) {
      throw this.#final(error)
    }
  }

  async #repeat<T>(operation: Operation<T>): Promise<T> {
    const call = this.#call
    const delay = this.#delay
    this.#tell({ attempt: this.#attempts, delay, error: this.#errors.at(-1) })
    const expiry = new TimeoutError(
      `retryDeadline, ${this.#options.retryDeadline} ms, passed during attempt ${this.#attempts + 1}`,
    )
    const expire = (): void => void (this.#hasExpired = call.expire(expiry))
    const timer = setTimeout(expire, this.#deadline - performance.now())
    try {
      await call.sleep(delay)
      call.attempt = ++this.#attempts
      call.hasMoved = false
      return await operation.attempt()
    } catch (error) {
      if (isFastDfsError(error)) this.#errors.push(error)
      throw error
    } finally {
      clearTimeout(timer)
      call.outlive(expiry)
    }
  }

  /** When the attempts have to be over, by `performance.now()`. */
  get #deadline(): number {
    return Math.max(this.#beganAt, this.#progressAt) + this.#options.retryDeadline
  }

  #mayRepeat(error: FastDfsError): boolean {
    const { retries, retryBudget } = this.#options
    const { progressAt } = this.#call
    this.#inVain = progressAt > this.#progressAt ? 1 : this.#inVain + 1
    this.#progressAt = progressAt
    this.#delay = backoff(this.#inVain)
    return (
      error.retriable &&
      this.#inVain <= retries &&
      performance.now() + this.#delay < this.#deadline &&
      !(this.#hasExpired || this.#call.isOver) &&
      retryBudget.take()
    )
  }

  #tell(retry: RetryTrace): void {
    const { log, onRetry } = this.#options
    const { message, code, endpoint, command } = retry.error as FastDfsError
    log.debug('retry', `attempt ${retry.attempt} failed: ${message}`, { ...retry, code, endpoint, command })
    if (channels.retry.hasSubscribers) channels.retry.publish(retry)
    // It may be an async function: nobody else sees to its promises.
    void (async () => onRetry?.(retry))().catch((error: unknown) =>
      log.warn('retry', `onRetry failed: ${(error as Partial<Error> | undefined)?.message ?? String(error)}`),
    )
  }

  /** What may have been carried out says more than that there is no time left. */
  #isEndedBy(last: FastDfsError): boolean {
    return last.retriable && this.#call.isOver && !(last instanceof UnknownOutcomeError)
  }

  #final(error: unknown): unknown {
    const last = this.#errors.at(-1) as FastDfsError
    const isFailure = last.retriable || (this.#hasExpired && last instanceof TimeoutError)
    // An answer is an answer, also where other attempts failed before.
    if (last !== error || !isFailure) return error
    const { reason, command, endpoint, status, phase } = last
    const history = new RetryError(`all ${this.#attempts} attempts failed, the last one: ${reason}`, {
      errors: this.#errors,
      command,
      endpoint,
      status,
      phase,
    })
    // Time may run out, or the caller leave, just when an attempt has failed by itself.
    if (this.#isEndedBy(last)) return this.#call.endError(history)
    // What is wrong with the content says more than how often it was read.
    return last instanceof IntegrityError
      ? new IntegrityError(reason, { cause: history, command, endpoint, phase })
      : history
  }
}
