import pRetry from 'p-retry'
import type { FastDfsError } from '../errors.js'
import { isFastDfsError, RetryError } from '../errors.js'
import { log } from '../observe/log.js'
import type { Call } from './call.js'

/** How often and how long a call is made again. */
export interface RetryOptions {
  /** Attempts after the first. */
  readonly retries: number
  /** Milliseconds from the call's start after which no further attempt begins. */
  readonly retryDeadline: number
}

/** Milliseconds before the first repetition, at most; doubled for each further one. */
const FIRST_BACKOFF = 100
const MAX_BACKOFF = 5_000

/**
 * Runs `attempt` until it succeeds, fails with an error that is not retriable, or the retries are used up.
 *
 * @throws the error that is not retriable, the only error there was, or a {@link RetryError} with all of them
 */
export async function retry<T>(options: RetryOptions, call: Call, attempt: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  const errors: FastDfsError[] = []
  const mayRepeat = (error: FastDfsError): boolean =>
    error.retriable &&
    errors.length <= options.retries &&
    performance.now() - startedAt < options.retryDeadline &&
    call.signal?.aborted !== true &&
    call.remaining > 0

  // Most calls succeed at once: p-retry is entered only after a first failure.
  try {
    return await attempt()
  } catch (error) {
    if (!isFastDfsError(error)) throw error
    errors.push(error)
    if (!mayRepeat(error)) throw error
  }

  try {
    // No signal for p-retry: it would forget a success if the abort came in while that settles. `mayRepeat` asks it.
    return await pRetry(
      async () => {
        await call.sleep(Math.random() * Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** (errors.length - 1)))
        try {
          return await attempt()
        } catch (error) {
          if (isFastDfsError(error)) errors.push(error)
          throw error
        }
      },
      {
        retries: options.retries - 1,
        minTimeout: 0,
        shouldRetry: ({ error }) => {
          log.retry('attempt %d failed: %s', errors.length, error.message)
          return isFastDfsError(error) && mayRepeat(error)
        },
      },
    )
  } catch (error) {
    const last = errors.at(-1)
    // An answer is an answer, also where other attempts failed before.
    if (last === undefined || last !== error || !last.retriable) throw error
    const { reason, command, endpoint, status } = last
    throw new RetryError(`all ${errors.length} attempts failed, the last one: ${reason}`, {
      errors,
      command,
      endpoint,
      status,
    })
  }
}
