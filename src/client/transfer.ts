import { isFastDfsError, locateError, ServerError, UnknownOutcomeError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { ContentSource } from '../net/content.js'
import { formatEndpoint } from '../net/endpoint.js'
import { retry } from '../net/retry.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import type { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import type { MayBePending } from './pending.js'
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

/** Counts nothing: see {@link SendOptions.sumFor}. */
export const uncounted = (): undefined => undefined

/** How content is sent to a storage. */
export interface SendOptions<C extends Command, S, T> {
  /** Makes the fields of an attempt. */
  readonly fieldsFor: (storage: T) => RequestOf<C>
  /** Makes what counts the content of an attempt. */
  readonly sumFor: (storage: T) => S
  /** Is told of all pieces but the last: that one is the caller's to report, see `reportEnd`. */
  readonly onProgress?: ProgressListener | undefined
  /** Says what may exist when the answer is lost. */
  readonly mayExist?: MayExist | undefined
}

/** The same for a request that makes a file. */
export interface MakeOptions<C extends Command, S, T> extends SendOptions<C, S, T> {
  /** Removes a file that was made for a call which had ended before its ID was known. */
  readonly undo?: ((reply: ResponseOf<C>) => Promise<void>) | undefined
}

/** What a request may have made whose answer is lost: in words, and its file ID where that is known. */
export type MayExist = (storage: StorageEndpoint) => { readonly text: string; readonly fileId?: string }

/**
 * Sends a source's content with a request. A failed attempt is made again, each time where `findStorage` says, as long
 * as the storage cannot have carried it out and the source can be read again. One that failed at a target from memory is
 * made again at once.
 *
 * @param findStorage - is told where earlier attempts have failed
 */
export function sendContent<C extends Command, S extends ContentSum | undefined, T extends Target>(
  context: Context,
  command: C,
  source: OpenSource,
  call: Call,
  findStorage: (failed: Failed) => MayBePending<T>,
  { fieldsFor, sumFor, onProgress, mayExist, undo }: MakeOptions<C, S, T>,
): Promise<Sent<ResponseOf<C>, S>> {
  const failed = new Failed()
  const attempt = async (): Promise<Sent<ResponseOf<C>, S>> => {
    for (;;) {
      const storage = await findStorage(failed)
      const { isRemembered = false } = storage
      const fields = fieldsFor(storage)
      const sum = sumFor(storage)
      const counted = new CountedSource(onProgress ? reporting(source, onProgress) : source, sum, call)
      try {
        const reply = await (undo === undefined || !call.isLimited
          ? askStorage(context, storage, command, fields, call, { source: counted })
          : context.outliving.ask(call, {
              place: { command: command.name, endpoint: formatEndpoint(storage) },
              ask: (own) => askStorage(context, storage, command, fields, own, { source: counted }),
              isSent: () => counted.isSent,
              undo,
            }))
        return { reply, storage, size: source.size, sum }
      } catch (error) {
        if (isRemembered) context.stores?.clear()
        if (!isFastDfsError(error)) throw error
        if (error instanceof UnknownOutcomeError && mayExist !== undefined) {
          const { text, fileId } = mayExist(storage)
          throw locateError(error, { fileId }, `${error.reason}; ${text}`)
        }
        failed.add(storage)
        // What a stream gave is gone; only a source that can be read again can be sent again.
        const canSend = source.repeatable || !counted.started
        // A storage that refuses content has not stored it.
        const canMake = error.retriable || error instanceof ServerError
        if (isRemembered && canSend && canMake && !call.isOver) continue
        throw canSend ? error : locateError(error, { retriable: false })
      }
    }
  }
  return retry(context.options, call, { attempt })
}

/** A source that tells what was sent of it. */
function reporting(source: OpenSource, listener: ProgressListener): OpenSource {
  return {
    ...source,
    // In pieces, of which each is told.
    take: undefined,
    send: (write) => {
      let transferred = 0
      return source.send(async (piece) => {
        await write(piece)
        transferred += piece.length
        if (transferred < source.size) report(listener, transferred, source.size)
      })
    },
  }
}

/** Is over: what waits for it runs when the present piece of code is done, before anything else. */
const WRITTEN = Promise.resolve()

/** Counts what passes, and sums it up where that is wanted. */
class CountedSource implements ContentSource {
  readonly size: number
  /** See {@link ContentSource}: there where the source has it. */
  readonly take: (() => Uint8Array) | undefined
  /** Whether any of it was asked for. */
  started = false
  readonly #source: OpenSource
  readonly #sum: ContentSum | undefined
  readonly #call: Call
  #given = 0

  constructor(source: OpenSource, sum: ContentSum | undefined, call: Call) {
    const { size, take } = source
    this.size = size
    this.take =
      take &&
      ((): Uint8Array => {
        this.#begin()
        return this.#count(take())
      })
    this.#source = source
    this.#sum = sum
    this.#call = call
  }

  /** Whether the connection has got all of it. */
  get isSent(): boolean {
    return this.started && this.#given === this.size
  }

  send(write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    this.#begin()
    return this.#source.send((piece) => write(this.#count(piece)))
  }

  #begin(): void {
    this.started = true
    this.#call.hasBegun = true
    this.#call.hasMoved = this.size > 0
  }

  /** Sums up a piece as soon as it is written: it is on its way meanwhile, and lies in the processor's caches. */
  #count(piece: Uint8Array): Uint8Array {
    this.#given += piece.length
    const sum = this.#sum
    if (sum !== undefined) void WRITTEN.then(() => sum.update(piece))
    return piece
  }
}
