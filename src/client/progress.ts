import { AsyncResource } from 'node:async_hooks'
import { LocalIoError } from '../errors.js'
import type { ContentFlow, ContentSink } from '../net/content.js'
import type { Log } from '../observe/log.js'
import { checkFunction } from './check.js'
import { messageOf } from './pieces.js'

/** How far a transfer is. */
export interface Progress {
  /** Bytes so far; a call that is made again starts again from 0. */
  readonly transferred: number
  /** Bytes in all; Infinity as long as nobody knows, see {@link UploadOptions.unknownLength}. */
  readonly total: number
}

/**
 * Is told how far a transfer is, at most once for each piece. What it throws ends the call with a {@link LocalIoError}. A
 * promise that it gives is not waited for; what one is rejected with is logged, and changes nothing.
 */
export type ProgressListener = (progress: Progress) => unknown

/** Refuses what is no function. */
export function checkProgress(listener: ProgressListener | undefined): void {
  if (listener !== undefined) checkFunction(listener, 'onProgress')
}

/**
 * A listener that may be an async function, checked: nobody else sees to its promises. It runs in the present async
 * context; content comes in that of whoever made the connection.
 */
export function progressOf(listener: ProgressListener | undefined, log: Log): ProgressListener | undefined {
  checkProgress(listener)
  return (
    listener &&
    AsyncResource.bind((progress: Progress) => {
      const given = listener(progress)
      if (given === undefined) return
      void Promise.resolve(given).catch((cause: unknown) =>
        log.warn('client', `onProgress failed: ${messageOf(cause)}`),
      )
    })
  )
}

/** @throws {@link LocalIoError} when the listener throws */
export function report(listener: ProgressListener, transferred: number, total: number): void {
  try {
    listener({ transferred, total })
  } catch (cause) {
    throw new LocalIoError(`onProgress failed: ${messageOf(cause)}`, { cause })
  }
}

/** An upload is at its end when the storage has taken it, so the last piece is reported then. */
export function reportEnd(listener: ProgressListener | undefined, total: number): void {
  if (listener !== undefined) report(listener, total, total)
}

/** What reports all that a sink is given; the sink itself where nobody wants to know. */
export function reportingSink(
  sink: ContentSink,
  onProgress: ProgressListener | undefined,
  log: Log,
): ContentSink {
  const listener = progressOf(onProgress, log)
  return listener === undefined ? sink : new ReportingSink(sink, listener)
}

class ReportingSink implements ContentSink {
  readonly #sink: ContentSink
  readonly #listener: ProgressListener
  #total = 0
  #transferred = 0

  constructor(sink: ContentSink, listener: ProgressListener) {
    this.#sink = sink
    this.#listener = listener
  }

  start(size: number, flow: ContentFlow): void {
    this.#total = size
    this.#transferred = 0
    this.#sink.start(size, flow)
    if (size === 0) report(this.#listener, 0, 0)
  }

  space(missing: number): Uint8Array | undefined {
    return this.#sink.space?.(missing)
  }

  write(chunk: Buffer): boolean {
    const goOn = this.#sink.write(chunk)
    this.#transferred += chunk.length
    report(this.#listener, this.#transferred, this.#total)
    return goOn
  }
}
