import { AsyncResource } from 'node:async_hooks'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream'
import type { WritableStream } from 'node:stream/web'
import { InvalidArgumentError, isFastDfsError, LocalIoError, locateError } from '../errors.js'
import type { ContentFlow } from '../net/content.js'
import { messageOf } from './pieces.js'
import { NO_FLOW } from './read.js'
import type { WholeSink } from './sinks.js'
import { isWebWritable } from './sinks.js'
import { KeptSpace } from './space.js'

/** What both kinds of stream can do. */
interface Target {
  /** Takes a piece; answers false when it wants no more until it calls `onReady`. */
  write(chunk: Buffer): boolean
  /** Resolves when it has handled all pieces. */
  end(): Promise<void>
  /** Gives it up with an error. */
  destroy(error: unknown): void
  /** Leaves it alone, after its end. */
  release(): void
}

/** What a stream tells. */
interface TargetEvents {
  onReady: () => void
  onFailure: (cause: unknown) => void
}

/**
 * Downloads to a stream: it is ended when all is well, and destroyed with the error of whatever fails. When it fails
 * itself, the download ends wherever it is.
 *
 * @param signal - the caller's
 * @param run - makes the download, until the signal that it is given is aborted
 * @throws {@link InvalidArgumentError} when the stream cannot be written to; it is left as it is
 * @throws {@link LocalIoError} when it fails or closes before its end
 */
export async function intoStream<T>(
  stream: Writable | WritableStream<Uint8Array>,
  signal: AbortSignal | undefined,
  run: (sink: WholeSink<number>, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  let failure: LocalIoError | undefined
  let flow: ContentFlow = NO_FLOW
  const events: TargetEvents = {
    onReady: () => flow.resume(),
    onFailure: (cause) => {
      failure ??= streamFailed(cause)
      ending.abort(failure)
    },
  }
  const target = isWebWritable(stream) ? webTarget(stream, events) : writableTarget(stream, events)
  const onAbort = (): void => ending.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  try {
    const result = await run(
      sinkOf(target, (current) => (flow = current)),
      ending.signal,
    )
    target.release()
    return result
  } catch (error) {
    const reason = withFailure(error, failure)
    target.destroy(reason)
    throw reason
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function sinkOf(target: Target, onFlow: (flow: ContentFlow) => void): WholeSink<number> {
  let size = 0
  // Whoever takes it may keep it.
  const space = new KeptSpace()
  // Content comes in the async context of whoever made the connection.
  const write = AsyncResource.bind((chunk: Buffer) => target.write(chunk))
  return {
    restarts: false,
    start: (_, flow) => onFlow(flow),
    space: (missing) => space.next(missing),
    write: (chunk) => {
      size += chunk.length
      return write(space.keep(chunk))
    },
    finish: async () => {
      await target.end().catch((cause: unknown) => {
        throw streamFailed(cause)
      })
      return size
    },
    // It is destroyed by `intoStream`, whose error says more.
    abandon: async () => {},
  }
}

/** A call that the stream ended has its failure, and says where it was. */
function withFailure(error: unknown, failure: LocalIoError | undefined): unknown {
  if (failure === undefined || !isFastDfsError(error) || error.cause !== failure) return error
  const { command, endpoint, fileId } = error
  return locateError(failure, { command, endpoint, fileId })
}

function streamFailed(cause: unknown): LocalIoError {
  return new LocalIoError(`cannot write to the stream: ${messageOf(cause)}`, { cause })
}

function writableTarget(writable: Writable, { onReady, onFailure }: TargetEvents): Target {
  if (!writable.writable || writable.destroyed || writable.writableEnded) {
    throw new InvalidArgumentError('the Writable has ended or was destroyed')
  }
  let ended = false
  let cleanUp = (): void => {}
  const done = new Promise<void>((resolve, reject) => {
    cleanUp = finished(writable, { readable: false }, (failure) => {
      // Destroyed behind its last piece it has not finished, whatever `finished` says.
      const isCutShort = writable.destroyed && writable.writableFinished === false
      const isWhole = ended && !isCutShort
      const error = failure ?? (isWhole ? undefined : new Error('it was ended before the download was whole'))
      if (error === undefined) return resolve()
      onFailure(error)
      reject(error)
    })
  })
  // Whoever ends it asks; before, `onFailure` has told.
  done.catch(() => {})
  writable.on('drain', onReady)
  return {
    write: (chunk) => writable.write(chunk),
    end: () => {
      ended = true
      writable.end()
      return done
    },
    destroy: (error) => {
      writable.off('drain', onReady)
      // The listeners of `finished` stay: without them its error event would end the process.
      writable.destroy(error as Error)
    },
    release: () => {
      writable.off('drain', onReady)
      cleanUp()
    },
  }
}

function webTarget(stream: WritableStream<Uint8Array>, { onReady, onFailure }: TargetEvents): Target {
  if (stream.locked) throw new InvalidArgumentError('the WritableStream is locked to another writer')
  const writer = stream.getWriter()
  let ended = false
  writer.closed.then(() => {
    if (!ended) onFailure(new Error('it was closed before the download was whole'))
  }, onFailure)
  // Failures of single steps also reject `closed`.
  const ignore = (): void => {}
  return {
    write: (chunk) => {
      writer.write(chunk).catch(ignore)
      if ((writer.desiredSize ?? 0) > 0) return true
      writer.ready.then(onReady, ignore)
      return false
    },
    end: () => {
      ended = true
      return writer.close()
    },
    destroy: (error) => {
      writer.abort(error).catch(ignore)
      writer.releaseLock()
    },
    release: () => writer.releaseLock(),
  }
}
