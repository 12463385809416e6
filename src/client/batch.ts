import { FastDfsError, InvalidArgumentError, isFastDfsError, locateError, TimeoutError } from '../errors.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import { anySignal } from './any-signal.js'
import { CALL_OPTIONS, checkCallOptions } from './calls.js'
import { checkInteger, checkNames, show } from './check.js'
import type { SinkOptions } from './download.js'
import { messageOf } from './pieces.js'
import { discardSlaves } from './slave-family.js'
import type { Source } from './sources.js'
import { discard } from './sources.js'
import type { UploadOptions } from './upload.js'

/** How a batch is carried out; `signal` and `timeout` are for the batch as a whole. */
export interface BatchOptions extends CallOptions {
  /** How many items are under way at a time. @defaultValue 8 */
  concurrency?: number | undefined
}

/** How one item of a batch ended, as `Promise.allSettled` gives it. */
export type BatchResult<T> =
  | {
      /** It was carried out. */
      readonly status: 'fulfilled'
      /** What the call of this item alone would have resolved to. */
      readonly value: T
    }
  | {
      /** It was not, or its outcome is unknown. */
      readonly status: 'rejected'
      /** What the call of this item alone would have been rejected with, or why it was not begun. */
      readonly reason: FastDfsError
    }

/**
 * The items of a batch. What is no array is asked for the next item only when that can be begun; where it fails, or the
 * batch ends before it does, one more result holds the error, in the place of all that was not asked for.
 */
export type BatchItems<T> = Iterable<T> | AsyncIterable<T>

/** A file of {@link FastDfsClient.uploadFiles} with options of its own. */
export interface UploadItem extends UploadOptions {
  /** What is uploaded. */
  source: Source
}

/** A file of {@link FastDfsClient.downloadFiles}. */
export interface DownloadItem extends SinkOptions {
  /** The file ID. */
  id: string
  /** Where it is written: whole or not at all. */
  path: string
}

const DEFAULT_CONCURRENCY = 8

/** Carries out a batch: starts what may be under way, takes the next item when one has ended. */
export class Batch {
  readonly #concurrency: number
  readonly #call: Call
  readonly #itemTimeout: number

  /** @param itemTimeout - milliseconds for each item that names no other limit */
  constructor(options: BatchOptions, itemTimeout: number, what: string) {
    const { signal, timeout } = checkCallOptions(options)
    checkNames(options, ['concurrency', ...CALL_OPTIONS], what)
    const { concurrency = DEFAULT_CONCURRENCY } = options
    this.#concurrency = checkInteger(concurrency, 'concurrency', 1)
    this.#call = new Call({ signal, timeout })
    this.#itemTimeout = itemTimeout
  }

  /**
   * Calls `start` for each item. Rejects only where `items` is no list.
   *
   * @param letGo - is given the items that failed, those that were not begun among them
   */
  async run<I, T>(
    items: BatchItems<I>,
    start: (item: I) => Promise<T>,
    letGo: (item: I) => void = () => {},
  ): Promise<BatchResult<T>[]> {
    const iterator = iteratorOf(items)
    const isLazy = !Array.isArray(items)
    const results: BatchResult<T>[] = []
    const running = new Set<Promise<void>>()
    let wake = (): void => {}
    const settle = async (index: number, item: I): Promise<void> => {
      results[index] = await this.#settle(item, start)
      if (results[index].status === 'rejected') letGo(item)
    }
    for (let index = 0; ; index++) {
      if (running.size >= this.#concurrency) await new Promise<void>((resolve) => (wake = resolve))
      let next: IteratorResult<I>
      try {
        next = isLazy ? await this.#next(iterator) : (iterator.next() as IteratorResult<I>)
      } catch (error) {
        results[index] = { status: 'rejected', reason: asFastDfsError(error) }
        endIterator(iterator)
        break
      }
      if (next.done === true) break
      const turn = settle(index, next.value).then(() => {
        running.delete(turn)
        wake()
      })
      running.add(turn)
    }
    await Promise.all(running)
    return results
  }

  /** An upload's source, and its options within the batch's limits. */
  upload(item: Source | UploadItem): [Source, UploadOptions] {
    if (!isUploadItem(item)) return [item, this.#limit({})]
    const { source, ...options } = item
    return [source, this.#limit(options)]
  }

  /** A download's ID and path, and its options within the batch's limits. */
  download(item: DownloadItem): [string, string, SinkOptions] {
    if (typeof item !== 'object' || item === null) {
      throw new InvalidArgumentError(`an item must be an object with an id and a path, not ${show(item)}`)
    }
    const { id, path, ...options } = item
    if (typeof path !== 'string') throw new InvalidArgumentError(`path must be a text, not ${show(path)}`)
    return [id, path, this.#limit(options)]
  }

  /** A deletion's ID and limits. */
  delete(id: string): [string, CallOptions] {
    return [id, this.#limit({})]
  }

  /** An item's options with what is left of the batch's time, and with both signals. */
  #limit<O extends CallOptions>(own: O): O {
    const { signal, timeout = this.#itemTimeout } = checkCallOptions(own)
    const { signal: outer, remaining } = this.#call
    const both = signal !== undefined && outer !== undefined
    return {
      ...own,
      signal: both ? anySignal([outer, signal]) : (signal ?? outer),
      // Not a part of a millisecond before the batch's own end.
      timeout: Math.min(timeout, Math.max(1, Math.ceil(remaining))),
    }
  }

  async #next<I>(iterator: AnyIterator<I>): Promise<IteratorResult<I>> {
    this.#call.check()
    const asked = (async () => iterator.next())().catch((cause: unknown) => {
      throw new InvalidArgumentError(`the list of items failed: ${messageOf(cause)}`, { cause })
    })
    return this.#call.wait(asked)
  }

  async #settle<I, T>(item: I, start: (item: I) => Promise<T>): Promise<BatchResult<T>> {
    try {
      this.#call.check()
      return { status: 'fulfilled', value: await start(item) }
    } catch (error) {
      return { status: 'rejected', reason: this.#reasonOf(asFastDfsError(error)) }
    }
  }

  /** It is the batch's time that is over, not the rest of it that the item had. */
  #reasonOf(error: FastDfsError): FastDfsError {
    if (!(error instanceof TimeoutError) || this.#call.remaining > 0) return error
    return locateError(this.#call.timeoutError(), error)
  }
}

/** Lets go the streams of an upload that was not begun. */
export function discardItem(item: Source | UploadItem): void {
  if (!isUploadItem(item)) return discard(item)
  discard(item.source)
  discardSlaves(item.slaves)
}

/** Also a stream may have a property of that name. */
function isUploadItem(item: Source | UploadItem): item is UploadItem {
  if (typeof item !== 'object' || item === null || !('source' in item)) return false
  return !(Symbol.iterator in item || Symbol.asyncIterator in item)
}

type AnyIterator<I> = Iterator<I> | AsyncIterator<I>

/** Texts and bytes can be iterated too, but are never meant to be. */
function iteratorOf<I>(items: BatchItems<I>): AnyIterator<I> {
  if (typeof items === 'object' && items !== null && !ArrayBuffer.isView(items)) {
    if (Symbol.asyncIterator in items) return items[Symbol.asyncIterator]()
    if (Symbol.iterator in items) return items[Symbol.iterator]()
  }
  throw new InvalidArgumentError(`the items must be an array or an (async) iterable, not ${show(items)}`)
}

/** Does not wait for it: it may be stuck in giving an item. */
function endIterator(iterator: AnyIterator<unknown>): void {
  void (async () => iterator.return?.())().catch(() => {})
}

function asFastDfsError(error: unknown): FastDfsError {
  return isFastDfsError(error) ? error : new FastDfsError(messageOf(error), { cause: error })
}
