import { isFastDfsError, locateError, ServerError, UnknownOutcomeError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { ContentSource } from '../net/content.js'
import { formatEndpoint } from '../net/endpoint.js'
import type { Operation } from '../net/retry.js'
import { retry } from '../net/retry.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import type { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import type { Making } from './outliving.js'
import type { MayBePending } from './pending.js'
import { isPending } from './pending.js'
import type { Write } from './pieces.js'
import type { ProgressListener } from './progress.js'
import { report } from './progress.js'
import { Failed } from './replicas.js'
import type { OpenSource } from './sources.js'
import type { StorageEndpoint } from './trackers.js'

/** Where content goes. */
export interface Target extends StorageEndpoint {
  /** Whether a tracker said so for an earlier operation. */
  readonly isRemembered?: boolean
}

/** Content that was taken. */
export interface Sent<R, S = ContentSum | undefined> {
  readonly reply: R
  readonly storage: StorageEndpoint
  /** Bytes. */
  readonly size: number
  /** Of what was sent, where it was counted. */
  readonly sum: S
}

/** What a request may have made whose answer is lost: in words, and its file ID where that is known. */
export interface MayExist {
  /** In words. */
  readonly text: string
  /** Its ID. */
  readonly fileId?: string
}

/**
 * Sends a source's content with a request. A failed attempt is made again, each time where {@link Sending.find} says, as
 * long as the storage cannot have carried it out and the source can be read again. One that failed at a target from
 * memory is made again at once.
 */
export abstract class Sending<
  C extends Command,
  S extends ContentSum | undefined,
  T extends Target,
> implements Operation<Sent<ResponseOf<C>, S>> {
  /** What it works with. */
  protected readonly context: Context
  /** What is sent. */
  protected readonly source: OpenSource
  /** For whom. */
  protected readonly call: Call
  readonly #command: C
  readonly #onProgress: ProgressListener | undefined
  readonly #failed = new Failed()

  /** @param onProgress - is told of all pieces but the last: that one is the caller's to report, see `reportEnd` */
  constructor(
    context: Context,
    command: C,
    source: OpenSource,
    call: Call,
    onProgress: ProgressListener | undefined,
  ) {
    this.context = context
    this.source = source
    this.call = call
    this.#command = command
    this.#onProgress = onProgress
  }

  /** Where it goes, after attempts that have failed. */
  protected abstract find(failed: Failed): MayBePending<T>

  /** The fields of an attempt. */
  protected abstract fields(storage: T): RequestOf<C>

  /** What counts the content of an attempt. */
  protected abstract sumFor(storage: T): S

  /** Whether the content can be sent more than once. */
  protected get repeatable(): boolean {
    return this.source.repeatable
  }

  /** What may exist when the answer is lost. */
  protected mayExist?(storage: T): MayExist

  /** Removes what was made for a call which had ended before that was known. */
  undo?(reply: ResponseOf<C>): Promise<void>

  /** Sends it. */
  run(): Promise<Sent<ResponseOf<C>, S>> {
    return retry(this.context.options, this.call, this)
  }

  /** See {@link Operation}. */
  async attempt(): Promise<Sent<ResponseOf<C>, S>> {
    const { context, source, call } = this
    for (;;) {
      const finding = this.find(this.#failed)
      const storage = isPending(finding) ? await finding : finding
      const { isRemembered = false } = storage
      const fields = this.fields(storage)
      const sum = this.sumFor(storage)
      const counted = this.#counted(sum)
      try {
        const reply = await this.#ask(storage, fields, counted)
        return { reply, storage, size: source.size, sum }
      } catch (error) {
        if (isRemembered) context.stores?.clear()
        if (!isFastDfsError(error)) throw error
        if (error instanceof UnknownOutcomeError && this.mayExist !== undefined) {
          const { text, fileId } = this.mayExist(storage)
          throw locateError(error, { fileId }, `${error.reason}; ${text}`)
        }
        this.#failed.add(storage)
        // What a stream gave is gone; only a source that can be read again can be sent again.
        const canSend = this.repeatable || !counted.started
        // A storage that refuses content has not stored it.
        const canMake = error.retriable || error instanceof ServerError
        if (isRemembered && canSend && canMake && !call.isOver) continue
        throw canSend ? error : locateError(error, { retriable: false })
      }
    }
  }

  #counted(sum: ContentSum | undefined): CountedSource {
    const { source, call } = this
    if (this.#onProgress !== undefined) {
      return new CountedSource(new ReportingSource(source, this.#onProgress), sum, call)
    }
    return source.take === undefined
      ? new CountedSource(source, sum, call)
      : new CountedBytes(source, source.take(), sum, call)
  }

  #ask(storage: T, fields: RequestOf<C>, source: CountedSource): Promise<ResponseOf<C>> {
    const { context, call } = this
    return this.undo === undefined || !call.isLimited
      ? askStorage(context, storage, this.#command, fields, call, { source })
      : context.outliving.ask(call, new Undoable(context, storage, this.#command, fields, source, this))
  }
}

/** What can undo what a request has made. */
interface Undoing<R> {
  undo?(reply: R): Promise<void>
}

/** A request that is undone where nobody learns of it. */
class Undoable<C extends Command> implements Making<ResponseOf<C>> {
  readonly place: { readonly command: string; readonly endpoint: string }
  readonly #context: Context
  readonly #storage: StorageEndpoint
  readonly #command: C
  readonly #fields: RequestOf<C>
  readonly #source: CountedSource
  readonly #undoing: Undoing<ResponseOf<C>>

  constructor(
    context: Context,
    storage: StorageEndpoint,
    command: C,
    fields: RequestOf<C>,
    source: CountedSource,
    undoing: Undoing<ResponseOf<C>>,
  ) {
    this.place = { command: command.name, endpoint: formatEndpoint(context.addresses.first(storage)) }
    this.#context = context
    this.#storage = storage
    this.#command = command
    this.#fields = fields
    this.#source = source
    this.#undoing = undoing
  }

  ask(call: Call): Promise<ResponseOf<C>> {
    return askStorage(this.#context, this.#storage, this.#command, this.#fields, call, {
      source: this.#source,
    })
  }

  get isSent(): boolean {
    return this.#source.isSent
  }

  async undo(reply: ResponseOf<C>): Promise<void> {
    await this.#undoing.undo?.(reply)
  }
}

/** A source that tells what was sent of it: in pieces, of which each is told. */
class ReportingSource implements ContentSource {
  readonly size: number
  readonly #source: ContentSource
  readonly #listener: ProgressListener

  constructor(source: ContentSource, listener: ProgressListener) {
    this.size = source.size
    this.#source = source
    this.#listener = listener
  }

  send(write: Write): Promise<void> {
    let transferred = 0
    return this.#source.send(async (piece) => {
      await write(piece)
      transferred += piece.length
      if (transferred < this.size) report(this.#listener, transferred, this.size)
    })
  }
}

/** Counts what passes, and sums it up where that is wanted. */
class CountedSource implements ContentSource {
  readonly size: number
  /** Whether any of it was asked for. */
  started = false
  readonly #source: ContentSource
  readonly #sum: ContentSum | undefined
  readonly #call: Call
  #given = 0

  constructor(source: ContentSource, sum: ContentSum | undefined, call: Call) {
    this.size = source.size
    this.#source = source
    this.#sum = sum
    this.#call = call
  }

  /** Whether the connection has got all of it. */
  get isSent(): boolean {
    return this.started && this.#given === this.size
  }

  send(write: Write): Promise<void> {
    this.begin()
    return this.#source.send((piece) => write(this.count(piece)))
  }

  protected begin(): void {
    this.started = true
    this.#call.hasBegun = true
    this.#call.hasMoved = this.size > 0
  }

  /** Sums up a piece as soon as it is written: it is on its way meanwhile, and lies in the processor's caches. */
  protected count(piece: Uint8Array): Uint8Array {
    this.#given += piece.length
    const sum = this.#sum
    // Runs when the present piece of code is done, before anything else.
    if (sum !== undefined) void Promise.resolve({ sum, piece }).then(sumUp)
    return piece
  }
}

function sumUp({ sum, piece }: { readonly sum: ContentSum; readonly piece: Uint8Array }): void {
  sum.update(piece)
}

/** A counted source of what is in memory. */
class CountedBytes extends CountedSource {
  readonly #bytes: Uint8Array

  constructor(source: ContentSource, bytes: Uint8Array, sum: ContentSum | undefined, call: Call) {
    super(source, sum, call)
    this.#bytes = bytes
  }

  take(): Uint8Array {
    this.begin()
    return this.count(this.#bytes)
  }
}
