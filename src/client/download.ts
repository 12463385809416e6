import { Readable } from 'node:stream'
import type { FastDfsError } from '../errors.js'
import { AbortError, isFastDfsError, locateError, ServerError, STATUS } from '../errors.js'
import type { SplitFileId } from '../file-id/index.js'
import { parseFileId } from '../file-id/index.js'
import type { Call, CallOptions } from '../net/call.js'
import type { ContentFlow, ContentSink } from '../net/connection.js'
import { retry } from '../net/retry.js'
import { storageCommands } from '../protocol/index.js'
import { checkInteger, checkNames } from './check.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import { fileInfoFrom } from './files.js'
import type { ProgressListener } from './progress.js'
import { checkProgress } from './progress.js'
import type { WholeSink } from './sinks.js'
import type { StorageEndpoint } from './trackers.js'

/** Which part of a file is downloaded, and how. */
export interface DownloadOptions extends CallOptions {
  /** Where to begin, in bytes from the file's start. At or past the end there is nothing. @defaultValue 0 */
  offset?: number | undefined
  /** How many bytes; fewer come where the file ends before. @defaultValue up to the end */
  length?: number | undefined
  /**
   * Is told how many bytes have come, at most once for each piece; the last time when all are there. What it throws
   * ends the call with a {@link LocalIoError}.
   */
  onProgress?: ProgressListener | undefined
}

interface Range {
  readonly offset: number
  readonly length: number | undefined
}

/** Checks a download's options. */
export function checkRange(options: DownloadOptions, what: string): Range {
  checkNames(options, ['offset', 'length', 'onProgress', 'signal', 'timeout'], what)
  checkProgress(options.onProgress)
  return {
    offset: options.offset === undefined ? 0 : checkInteger(options.offset, 'offset', 0),
    length: options.length === undefined ? undefined : checkInteger(options.length, 'length', 0),
  }
}

/** Downloads to a sink that can begin again, so that every attempt is a fresh one. */
export async function download<T>(
  context: Context,
  file: SplitFileId,
  range: Range,
  call: Call,
  sink: WholeSink<T>,
): Promise<T> {
  try {
    await retry(context.options, call, () => attempt(context, file, range, call, sink))
    return await sink.finish()
  } catch (error) {
    await sink.abandon()
    throw error
  }
}

/** One attempt: asks a tracker, then the storage that it names (protocol.md §3.4). */
async function attempt(
  context: Context,
  file: SplitFileId,
  range: Range,
  call: Call,
  sink: ContentSink,
): Promise<void> {
  const storage = await context.trackers.queryFetch(file, call)
  const count = await countOf(context, storage, file, range, call)
  if (count === NOTHING) return sink.start(0, NO_FLOW)
  const { group, name } = file
  try {
    const fields = { offset: range.offset, count, group, name }
    await askStorage(context, storage, storageCommands.downloadFile, fields, call, { sink })
  } catch (error) {
    // From V6.15.4 on an empty file is refused like a range past the end.
    const isEmpty =
      error instanceof ServerError &&
      error.status === STATUS.EINVAL &&
      (await fileInfoFrom(context, storage, file, call)).size === 0
    if (!isEmpty) throw error
    sink.start(0, NO_FLOW)
  }
}

/** Told instead of a count where the range holds no byte. */
const NOTHING = -1
const NO_FLOW: ContentFlow = { resume: () => {}, fail: () => {} }

/**
 * How many bytes to ask for; 0 means up to the end. Ranges are cut to the file here: up to V6.15.3 a storage refuses
 * one that reaches past the end, and never answers one that begins there (protocol.md §3.4).
 */
async function countOf(
  context: Context,
  storage: StorageEndpoint,
  file: SplitFileId,
  { offset, length }: Range,
  call: Call,
): Promise<number> {
  const named = sizeInName(file)
  if (offset === 0 && length === undefined && named !== 0) return 0
  const reaches = (size: number): boolean => offset < size && length !== 0
  // Where nothing is to be read, the storage still has to say that the file exists.
  const size =
    named !== undefined && reaches(named) ? named : (await fileInfoFrom(context, storage, file, call)).size
  if (!reaches(size)) return NOTHING
  return length === undefined ? 0 : Math.min(length, size - offset)
}

/** The size that the name of a file tells, where it does. */
function sizeInName({ id }: SplitFileId): number | undefined {
  try {
    return parseFileId(id).size
  } catch {
    // Legal, but of a form that tells nothing, like the short names of some slaves (protocol.md §5).
    return undefined
  }
}

/** A download that is read piece by piece. The request is made at the first read. */
export class DownloadStream extends Readable {
  readonly #run: (sink: ContentSink, signal: AbortSignal) => Promise<void>
  readonly #abort = new AbortController()
  readonly #signal: AbortSignal | undefined
  #started = false
  #flow: ContentFlow = NO_FLOW

  /**
   * @param run - makes the download, until its signal is aborted; called once
   * @param signal - destroys the stream, also before the first read
   */
  constructor(
    run: (sink: ContentSink, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal | undefined,
  ) {
    super()
    this.#run = run
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted === true) this.#onAbort()
  }

  readonly #onAbort = (): void => {
    this.destroy(new AbortError('the call was aborted', { cause: this.#signal?.reason }))
  }

  override _read(): void {
    if (this.#started) return this.#flow.resume()
    this.#started = true
    const sink: ContentSink = {
      start: (_, flow) => {
        this.#flow = flow
      },
      write: (chunk) => this.push(chunk),
    }
    this.#run(sink, this.#abort.signal).then(
      () => this.push(null),
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#abort.abort(error ?? undefined)
    callback(error)
  }
}

/** Downloads to a stream: what was handed out cannot be taken back, so nothing is repeated after the first byte. */
export function downloadTo(
  context: Context,
  file: SplitFileId,
  range: Range,
  call: Call,
  sink: ContentSink,
): Promise<void> {
  let received = false
  const watched: ContentSink = {
    start: (size, flow) => sink.start(size, flow),
    write: (chunk) => {
      received = true
      return sink.write(chunk)
    },
  }
  return retry(context.options, call, () =>
    attempt(context, file, range, call, watched).catch((error: FastDfsError) => {
      throw received && isFastDfsError(error) ? locateError(error, { retriable: false }) : error
    }),
  )
}
