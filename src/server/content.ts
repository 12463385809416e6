import type { MaybePromise } from './maybe-promise.js'

/** Bytes that wait here at most before the connection is paused, but for one chunk of the socket. */
const HIGH_WATER_MARK = 256 * 1024

/** The bytes of a file that a request carries, as a handler sees them. To be read once. */
export interface Content extends AsyncIterable<Buffer> {
  /** How many bytes there will be. */
  readonly size: number
  /** All of them, where they have come already. */
  readonly whole: Buffer | undefined
  /** True once the connection was lost before all of them came; reading fails then. */
  readonly aborted: boolean
}

/** The client went away in the middle of a request. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError'
}

/** Content that has arrived as a whole. */
export class WholeContent implements Content {
  readonly whole: Buffer
  readonly aborted = false

  constructor(bytes: Buffer) {
    this.whole = bytes
  }

  /** See {@link Content}. */
  get size(): number {
    return this.whole.length
  }

  /** See {@link Content}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, undefined> {
    if (this.whole.length > 0) yield this.whole
  }
}

/** Content that is still arriving: filled by the session, emptied by the handler. */
export class ArrivingContent implements Content {
  readonly size: number
  readonly whole = undefined
  readonly #onDrain: () => void
  #chunks: Buffer[] = []
  #waitingBytes = 0
  #ended = false
  #aborted = false
  #wake: (() => void) | undefined

  /** @param onDrain - called when there is room again after {@link ArrivingContent.full} */
  constructor(size: number, onDrain: () => void) {
    this.size = size
    this.#onDrain = onDrain
  }

  /** See {@link Content}. */
  get aborted(): boolean {
    return this.#aborted
  }

  /** True while the reader is so far behind that nothing more should be pushed. */
  get full(): boolean {
    return this.#waitingBytes >= HIGH_WATER_MARK
  }

  /** The next bytes. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#waitingBytes += chunk.length
    this.#wake?.()
  }

  /** All bytes have been pushed. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** No more bytes will come. Those that wait are dropped. */
  abort(): void {
    if (this.#ended) return
    this.#aborted = true
    this.#chunks = []
    this.#wake?.()
  }

  /** See {@link Content}. */
  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    return { next: async () => this.#next() }
  }

  #next(): MaybePromise<IteratorResult<Buffer, undefined>> {
    if (this.#aborted) throw new DisconnectedError('the connection was lost before all of the content came')
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) {
      const wasFull = this.full
      this.#waitingBytes -= chunk.length
      if (wasFull && !this.full) this.#onDrain()
      return { value: chunk, done: false }
    }
    if (this.#ended) return { value: undefined, done: true }
    return new Promise<void>((resolve) => (this.#wake = resolve)).then(() => {
      this.#wake = undefined
      return this.#next()
    })
  }
}
