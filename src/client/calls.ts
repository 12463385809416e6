import { setMaxListeners } from 'node:events'
import { ClosedError, InvalidArgumentError } from '../errors.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import { checkDuration, checkSignal, show } from './check.js'
import type { Outliving } from './outliving.js'

/** The names of {@link CallOptions}. */
export const CALL_OPTIONS = ['signal', 'timeout']

/** The calls of one client: each with its limits, and none after the client was closed. */
export class Calls {
  readonly #timeout: number
  /**
   * In no order; each knows where it stands. The tables that a Map or Set outgrows refer to each other: what was in them
   * would stay, with its content, until the next full garbage collection, and bring that about.
   */
  readonly #running: Call[] = []
  /** Told when no call runs any more. */
  #onEnded: (() => void)[] = []
  #closed = false

  /** @param timeout - milliseconds, for calls that name none */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** Runs one. */
  async run<T>(options: CallOptions, operation: (call: Call) => Promise<T>): Promise<T> {
    const call = this.begin(options)
    try {
      return await operation(call)
    } finally {
      this.end(call)
    }
  }

  /** Begins one, which goes on until {@link Calls.end}: refuses it after the client was closed, or where it is over. */
  begin(options: CallOptions): Call {
    if (this.#closed) throw new ClosedError('the client was closed')
    const { signal, timeout = this.#timeout } = checkCallOptions(options)
    const call = new Call({ signal, timeout })
    call.check()
    call.index = this.#running.push(call) - 1
    return call
  }

  /** Ends one. */
  end(call: Call): void {
    const last = this.#running.pop() as Call
    if (last !== call) {
      this.#running[call.index] = last
      last.index = call.index
    }
    if (this.#running.length === 0) for (const tell of this.#onEnded.splice(0)) tell()
  }

  /** Calls that are running. */
  get count(): number {
    return this.#running.length
  }

  /**
   * Refuses new calls and those that only wait for a connection so far, gives the others, and what goes on behind them,
   * `grace` milliseconds to end, and then ends them.
   */
  async close(grace: number, outliving: Outliving): Promise<void> {
    this.#closed = true
    for (const call of this.#running) {
      if (!call.hasBegun) call.cancel(new ClosedError('the client was closed'))
    }
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, grace)))
    const settled = this.ended().then(() => outliving.settled())
    await Promise.race([settled, over])
    clearTimeout(timer)
    // What waits for something else than a connection: a source, its turn, the next attempt.
    for (const call of this.#running) call.cancel(new ClosedError('the client was closed'))
  }

  /** Resolves when no call runs any more. */
  async ended(): Promise<void> {
    if (this.#running.length > 0) await new Promise<void>((resolve) => this.#onEnded.push(resolve))
  }
}

/** Refuses wrong limits of a call, and lets as many calls as there may be listen to its signal. */
export function checkCallOptions(options: unknown): CallOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`options must be an object, not ${show(options)}`)
  }
  const { signal, timeout } = options as CallOptions
  checkSignal(signal)
  // One signal may end a batch of calls: Node would take more than ten listeners for a leak.
  if (signal instanceof EventTarget) setMaxListeners(0, signal)
  const isLimited = timeout !== undefined && timeout !== Infinity
  return { signal, timeout: isLimited ? checkDuration(timeout, 'timeout') : timeout }
}
