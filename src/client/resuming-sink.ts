import type { FastDfsError } from '../errors.js'
import { IntegrityError } from '../errors.js'
import type { ContentFlow, ContentSink } from '../net/content.js'
import type { Range } from './read.js'
import { NO_FLOW } from './read.js'

/** Lets one sink be filled by several connections: each goes on where the one before it stopped. */
export class ResumingSink implements ContentSink, ContentFlow {
  /** Bytes that the sink has. */
  received = 0
  readonly #sink: ContentSink
  readonly #restarts: boolean
  /** Bytes it is to have in all; undefined before the first connection has told. */
  #total: number | undefined
  #flow: ContentFlow = NO_FLOW
  /** What the sink failed with while no connection was there to be told. */
  #failure: FastDfsError | undefined
  /** Whether the sink is full. */
  #isFull = false
  /** Told when it takes more, or has failed. */
  #onWanted: (() => void) | undefined
  readonly #isFixed: boolean

  /**
   * @param restarts - the sink can begin again after its first byte
   * @param isFixed - the content never changes; of what does, a sink that can begin again gets one reading
   */
  constructor(sink: ContentSink, restarts: boolean, isFixed: boolean) {
    this.#sink = sink
    this.#restarts = restarts
    this.#isFixed = isFixed
  }

  /** What is left of a range. */
  begin({ offset, length }: Range): Range {
    if (this.#restarts && !this.#isFixed) this.#forget()
    if (this.#total === undefined) return { offset, length }
    return { offset: offset + this.received, length: this.#total - this.received, isRest: true }
  }

  /** See {@link ContentSink}. */
  start(size: number, flow: ContentFlow): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#flow = flow
    if (this.#total === undefined) {
      this.#sink.start(size, this)
      // What the sink has refused is not begun.
      this.#total = size
      return
    }
    if (size === this.#total - this.received) return
    const error = new IntegrityError(
      `the file was changed while it was read: ${size} bytes follow ${this.received} of ${this.#total}`,
      // A sink that can forget what it has begins again.
      { retriable: this.#restarts },
    )
    if (this.#restarts) this.#forget()
    throw error
  }

  #forget(): void {
    this.received = 0
    this.#total = undefined
  }

  /** See {@link ContentSink}. */
  space(missing: number): Uint8Array | undefined {
    return this.#sink.space?.(missing)
  }

  /** See {@link ContentSink}. */
  write(chunk: Buffer): boolean {
    this.received += chunk.length
    const takesMore = this.#sink.write(chunk)
    if (!takesMore) this.#isFull = true
    return takesMore
  }

  /** See {@link ContentFlow}. */
  resume(): void {
    this.#wanted()
    this.#flow.resume()
  }

  /** See {@link ContentFlow}. */
  fail(error: FastDfsError): void {
    this.#failure = error
    this.#wanted()
    this.#flow.fail(error)
  }

  /** Waits while the sink is full, until it takes more or has failed: no connection is of use to it before. */
  async untilWanted(): Promise<void> {
    if (this.#isFull) await new Promise<void>((resolve) => (this.#onWanted = resolve))
  }

  #wanted(): void {
    this.#isFull = false
    this.#onWanted?.()
    this.#onWanted = undefined
  }
}
