import { ClosedError, InvalidArgumentError, isFastDfsError, locateError } from '../errors.js'
import type { SplitFileId } from '../file-id/index.js'
import { splitFileId } from '../file-id/index.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import { checkDuration, checkSignal, show } from './check.js'
import type { Outliving } from './outliving.js'

/** The names of {@link CallOptions}. */
export const CALL_OPTIONS = ['signal', 'timeout']

/** The calls of one client: each with its limits, and none after the client was closed. */
export class Calls {
  readonly #timeout: number
  readonly #running = new Map<Call, Promise<unknown>>()
  #closed = false

  /** @param timeout - milliseconds, for calls that name none */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  async run<T>(options: CallOptions, operation: (call: Call) => Promise<T>): Promise<T> {
    const call = this.#begin(options)
    const running = operation(call)
    this.#running.set(call, running)
    try {
      return await running
    } finally {
      this.#running.delete(call)
    }
  }

  /** Runs what is about a file; its errors say which. */
  async runOn<T>(
    id: string,
    options: CallOptions,
    operation: (call: Call, file: SplitFileId) => Promise<T>,
  ): Promise<T> {
    const file = splitFileId(id)
    let call: Call | undefined
    try {
      call = this.#begin(options)
      const running = operation(call, file)
      this.#running.set(call, running)
      return await running
    } catch (error) {
      throw isFastDfsError(error) ? locateError(error, { fileId: id }) : error
    } finally {
      if (call !== undefined) this.#running.delete(call)
    }
  }

  #begin(options: CallOptions): Call {
    if (this.#closed) throw new ClosedError('the client was closed')
    const { signal, timeout = this.#timeout } = checkCallOptions(options)
    const call = new Call({ signal, timeout })
    call.check()
    return call
  }

  /** Calls that are running. */
  get count(): number {
    return this.#running.size
  }

  /**
   * Refuses new calls and those that only wait for a connection so far, gives the others, and what goes on behind them,
   * `grace` milliseconds to end, and then ends them.
   */
  async close(grace: number, outliving: Outliving): Promise<void> {
    this.#closed = true
    for (const call of this.#running.keys()) {
      if (!call.hasBegun) call.cancel(new ClosedError('the client was closed'))
    }
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, grace)))
    const settled = Promise.allSettled(this.#running.values()).then(() => outliving.settled())
    await Promise.race([settled, over])
    clearTimeout(timer)
    // What waits for something else than a connection: a source, its turn, the next attempt.
    for (const call of this.#running.keys()) call.cancel(new ClosedError('the client was closed'))
  }

  /** Resolves when no call runs any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }
}

/** Refuses wrong limits of a call. */
export function checkCallOptions(options: unknown): CallOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`options must be an object, not ${show(options)}`)
  }
  const { signal, timeout } = options as CallOptions
  checkSignal(signal)
  const isLimited = timeout !== undefined && timeout !== Infinity
  return { signal, timeout: isLimited ? checkDuration(timeout, 'timeout') : timeout }
}
