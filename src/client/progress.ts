import { LocalIoError } from '../errors.js'
import type { ContentSink } from '../net/connection.js'
import { checkFunction } from './check.js'
import { messageOf } from './pieces.js'

/** How far a transfer is. */
export interface Progress {
  /** Bytes so far; a call that is made again starts again from 0. */
  readonly transferred: number
  /** Bytes in all; Infinity as long as nobody knows, see {@link UploadOptions.unknownLength}. */
  readonly total: number
}

/** Is told how far a transfer is, at most once for each piece. */
export type ProgressListener = (progress: Progress) => void

/** Refuses what is no function. */
export function checkProgress(listener: ProgressListener | undefined): ProgressListener | undefined {
  return listener === undefined ? undefined : checkFunction(listener, 'onProgress')
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
export function reportingSink<S extends ContentSink>(sink: S, listener: ProgressListener | undefined): S {
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
