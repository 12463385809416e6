import { isFastDfsError, locateError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { ContentSource } from '../net/connection.js'
import { retry } from '../net/retry.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import type { ProgressListener } from './progress.js'
import { report } from './progress.js'
import type { OpenSource } from './sources.js'
import type { StorageEndpoint } from './trackers.js'

/** Where content goes, and with which fields. */
export interface Target<C extends Command> {
  readonly storage: StorageEndpoint
  readonly fields: RequestOf<C>
}

/** Content that was taken. */
export interface Sent<R> {
  readonly reply: R
  readonly storage: StorageEndpoint
  /** Of what was sent. */
  readonly sum: ContentSum
}

/** What may go with sending. */
export interface SendOptions {
  /** Makes what counts the content of an attempt. */
  readonly sumFor?: ((storage: StorageEndpoint) => ContentSum) | undefined
  /** Is told of all pieces but the last: that one is the caller's to report, see `reportEnd`. */
  readonly onProgress?: ProgressListener | undefined
}

/**
 * Sends a source's content with a request. A failed attempt is made again, each time where `findTarget` says, as long
 * as the storage cannot have carried it out and the source can be read again.
 *
 */
export function sendContent<C extends Command>(
  context: Context,
  command: C,
  source: OpenSource,
  call: Call,
  findTarget: () => Promise<Target<C>>,
  { sumFor = () => new ContentSum(false), onProgress }: SendOptions = {},
): Promise<Sent<ResponseOf<C>>> {
  return retry(context.options, call, async () => {
    const { storage, fields } = await findTarget()
    const sum = sumFor(storage)
    const counted = count(onProgress === undefined ? source : reporting(source, onProgress), sum)
    try {
      const reply = await askStorage(context, storage, command, fields, call, { source: counted })
      return { reply, storage, sum }
    } catch (error) {
      // What a stream gave is gone; only a source that can be read again can be sent again.
      if (isFastDfsError(error) && counted.started && !source.repeatable)
        throw locateError(error, { retriable: false })
      throw error
    }
  })
}

/** A source that tells what was sent of it. */
function reporting(source: OpenSource, listener: ProgressListener): OpenSource {
  return {
    ...source,
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

interface CountedSource extends ContentSource {
  readonly started: boolean
}

/** Counts what passes. */
function count(source: OpenSource, sum: ContentSum): CountedSource {
  let started = false
  return {
    size: source.size,
    get started() {
      return started
    },
    send: (write) => {
      started = true
      return source.send((piece) => {
        sum.update(piece)
        return write(piece)
      })
    },
  }
}
