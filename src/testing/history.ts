import { checkDuration, checkNames, checkSignal } from '../client/check.js'
import { AbortError, TimeoutError } from '../errors.js'
import type { Timer } from '../server/clock.js'
import { startTimer, stopTimer } from '../server/clock.js'
import type { CommandName } from './commands.js'
import type { Exchange, HandledRequest } from './exchange.js'

/** Which requests are meant; what is left out does not matter. */
export interface RequestFilter<N extends CommandName = CommandName> {
  /** The command. */
  readonly command?: N | undefined
  /** The member that is asked, or its name. */
  readonly member?: string | { readonly name: string } | undefined
  /** Who asks: those outside the cluster, its own members, or one of these. */
  readonly from?: 'clients' | 'members' | { readonly name: string } | (string & {}) | undefined
}

/** How long {@link Requests.next} waits. */
export interface NextOptions {
  /** Milliseconds. @defaultValue 5_000 */
  readonly timeout?: number | undefined
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
}

/** So many requests are kept, the latest. */
const KEPT = 10_000

/** The requests that the members of a cluster were asked, in the order in which they came. */
export class Requests {
  #kept: Exchange[] = []
  #total = 0
  readonly #waiting = new Map<(exchange: Exchange) => void, (error: Error) => void>()

  /** How many there were since the start or the last reset; the latest 10 000 are kept. */
  get total(): number {
    return this.#total
  }

  /**
   * The requests kept, the oldest first.
   *
   * @example
   * ```ts
   * cluster.requests.list({ command: 'uploadFile', from: 'clients' }).map(({ contentSize }) => contentSize)
   * ```
   */
  list<N extends CommandName = CommandName>(filter: RequestFilter<N> = {}): HandledRequest<N>[] {
    checkNames(filter, ['command', 'member', 'from'], 'a filter of requests')
    return this.#kept.filter((exchange) => fits(exchange, filter)) as unknown as HandledRequest<N>[]
  }

  /**
   * The next request that is made from now on, as soon as its fields are there. A test that ends earlier need not wait
   * for it: a rejection that nobody has asked for is none of the process.
   *
   * @throws TimeoutError when none comes in time
   * @throws AbortError when the signal is aborted
   * @example
   * ```ts
   * const deletion = cluster.requests.next('deleteFile', { timeout: 1000 })
   * await shop.removeProduct(7)
   * const { request, status } = await (await deletion).answered
   * ```
   */
  next<N extends CommandName>(
    what: N | RequestFilter<N>,
    options: NextOptions = {},
  ): Promise<HandledRequest<N>> {
    const filter: RequestFilter<N> = typeof what === 'string' ? { command: what } : what
    checkNames(filter, ['command', 'member', 'from'], 'a filter of requests')
    checkNames(options, ['timeout', 'signal'], 'next')
    const { signal } = options
    checkSignal(signal)
    const timeout = checkDuration(options.timeout ?? 5_000, 'timeout')
    const next = new Promise<HandledRequest<N>>((resolve, reject) => {
      const fail = (error: Error): void => {
        end()
        reject(error)
      }
      if (signal?.aborted) return reject(aborted(signal))
      const end = (): void => {
        this.#waiting.delete(check)
        stopTimer(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const check = (exchange: Exchange): void => {
        if (!fits(exchange, filter)) return
        end()
        resolve(exchange as unknown as HandledRequest<N>)
      }
      const onAbort = (): void => fail(aborted(signal as AbortSignal))
      const timer: Timer = startTimer(timeout, () =>
        fail(new TimeoutError(`no such request came within ${timeout} ms`, { command: filter.command })),
      )
      // Somebody waits: the process must not end before that.
      timer.ref()
      signal?.addEventListener('abort', onAbort)
      this.#waiting.set(check, fail)
    })
    next.catch(() => {})
    return next
  }

  /** @internal */
  add(exchange: Exchange): void {
    this.#total++
    this.#kept.push(exchange)
    // Seldom, and then many: shifting an array of thousands for each request would be slow.
    if (this.#kept.length >= 2 * KEPT) this.#kept = this.#kept.slice(-KEPT)
    for (const check of this.#waiting.keys()) check(exchange)
  }

  /** @internal Calls of {@link Requests.next} that wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** @internal Forgets all, and ends every wait. */
  clear(): void {
    const error = new AbortError('the cluster was reset or stopped: no longer waiting for a request')
    for (const fail of this.#waiting.values()) fail(error)
    this.#kept = []
    this.#total = 0
  }
}

function aborted(signal: AbortSignal): AbortError {
  return new AbortError('no longer waiting for a request', { cause: signal.reason })
}

function fits(exchange: Exchange, { command, member, from }: RequestFilter): boolean {
  if (command !== undefined && exchange.command !== command) return false
  if (member !== undefined && exchange.member !== nameOf(member)) return false
  if (from === undefined) return true
  if (from === 'clients') return exchange.from === 'client'
  return from === 'members' ? exchange.from !== 'client' : exchange.from === nameOf(from)
}

function nameOf(member: string | { readonly name: string }): string {
  return typeof member === 'string' ? member : member.name
}
