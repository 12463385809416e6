import { LocalIoError } from '../errors.js'
import type { ContentSink } from '../net/content.js'
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

/** A listener that may be an async function, checked: nobody else sees to its promises. */
export function progressOf(listener: ProgressListener | undefined, log: Log): ProgressListener | undefined {
  checkProgress(listener)
  return (
    listener &&
    ((progress) => {
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

/** A sink that reports what it is given. */
export function reportingSink<S extends ContentSink>(
  sink: S,
  onProgress: ProgressListener | undefined,
  log: Log,
): S {
  const listener = progressOf(onProgress, log)
  if (listener === undefined) return sink
  let total = 0
  let transferred = 0
  return {
    ...sink,
    start: (size, flow) => {
      total = size
      transferred = 0
      sink.start(size, flow)
      if (size === 0) report(listener, 0, 0)
    },
    write: (chunk) => {
      const goOn = sink.write(chunk)
      transferred += chunk.length
      report(listener, transferred, total)
      return goOn
    },
  }
}
