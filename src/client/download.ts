import { AsyncResource } from 'node:async_hooks'
import { Readable } from 'node:stream'
import { AbortError, InvalidArgumentError, isFastDfsError } from '../errors.js'
import type { Call, CallOptions } from '../net/call.js'
import type { ContentFlow, ContentSink } from '../net/content.js'
import { formatEndpoint } from '../net/endpoint.js'
import { checkBoolean, checkInteger, checkNames } from './check.js'
import { CountingSink, NOWHERE } from './content-sum.js'
import type { Context } from './context.js'
import type { NamedContent, Verified } from './integrity.js'
import { contentInName, isAppender, verifyDownload } from './integrity.js'
import type { NamedFile } from './named-file.js'
import type { MayBePending } from './pending.js'
import { isPending } from './pending.js'
import type { Range } from './read.js'
import { NO_FLOW, readFrom } from './read.js'
import { Reading } from './replicas.js'
import { ResumingSink } from './resuming-sink.js'
import type { ProgressListener } from './progress.js'
import { checkProgress, reportingSink } from './progress.js'
import type { Sink, WholeSink } from './sinks.js'
import { BufferSink, BytesSink } from './sinks.js'
import { KeptSpace } from './space.js'
import type { StorageEndpoint } from './trackers.js'

/** A file that was written to a sink. */
export interface DownloadedFile {
  /** Bytes written. */
  readonly size: number
  /** CRC32 of what was written, unsigned; undefined where `verify: false` has spared counting it. */
  readonly crc32: number | undefined
  /**
   * Whether that is what the file's name says. False where nothing was compared: a range, an appender or slave file, a
   * name that tells nothing, `verify: false`; or where the name's CRC32 means nothing.
   */
  readonly verified: boolean
  /** The storage that it came from, as `host:port`. */
  readonly endpoint: string
  /** The path that was written, where the sink was a folder. */
  readonly path?: string
}

/** Which part of a file is downloaded, and how. */
export interface DownloadOptions extends CallOptions {
  /** Where to begin, in bytes from the file's start. At or past the end there is nothing. @defaultValue 0 */
  offset?: number | undefined
  /** How many bytes; fewer come where the file ends before. @defaultValue up to the end */
  length?: number | undefined
  /**
   * Whether what comes is compared with what the file's name says; ranges never are. With `false`, no CRC32 is counted.
   * Default: the client's `verify`.
   */
  verify?: boolean | undefined
  /**
   * Is told how many bytes have come, at most once for each piece; the last time when all are there. What it throws
   * ends the call with a {@link LocalIoError}.
   */
  onProgress?: ProgressListener | undefined
}

/** How a part of a file is downloaded to a sink. */
export interface SinkOptions extends DownloadOptions {
  /**
   * For paths: whether the content and the name are on the disk, and not only with the operating system, when the call
   * ends. @defaultValue false
   */
  fsync?: boolean | undefined
}

/** What is to be downloaded, whether it is to be verified, and who is told how far it is. */
export interface DownloadPlan extends Range {
  /** The client's, where it is absent. */
  readonly verify: boolean | undefined
  readonly onProgress: ProgressListener | undefined
}

const DOWNLOAD_OPTIONS = ['offset', 'length', 'verify', 'onProgress', 'signal', 'timeout']

/** Checks the options of a download to a sink. */
export function checkSinkOptions({ fsync, ...options }: SinkOptions, sink: Sink): DownloadPlan {
  if (fsync !== undefined && checkBoolean(fsync, 'fsync') && typeof sink !== 'string') {
    throw new InvalidArgumentError('fsync is for downloads to a path')
  }
  return checkDownload(options, 'downloadFile', ['fsync', ...DOWNLOAD_OPTIONS])
}

/** Checks a download's options. */
export function checkDownload(
  options: DownloadOptions,
  what: string,
  known: readonly string[] = DOWNLOAD_OPTIONS,
): DownloadPlan {
  checkNames(options, known, what)
  const { offset, length, verify, onProgress } = options
  checkProgress(onProgress)
  return {
    offset: offset === undefined ? 0 : checkInteger(offset, 'offset', 0),
    length: length === undefined ? undefined : checkInteger(length, 'length', 0),
    verify: verify === undefined ? undefined : checkBoolean(verify, 'verify'),
    onProgress,
  }
}

/** A download that ended well. */
interface Downloaded<T> {
  /** What the sink became. */
  readonly content: T
  /** CRC32 of it, where it was counted. */
  readonly crc32: number | undefined
  /** Whether it is what the file's name says. */
  readonly verified: boolean
  /** The storage that it came from, as `host:port`. */
  readonly endpoint: string
}

/** Downloads to a Buffer. */
export function downloadBuffer(
  context: Context,
  file: NamedFile,
  options: DownloadOptions,
  call: Call,
): Promise<Buffer> {
  const plan = checkDownload(options, 'downloadFile')
  const sink = new BufferSink(context.options.maxBufferBytes)
  return download(context, file, plan, call, sink, false, contentOf)
}

/** Downloads to a sink that counts its bytes. */
export function downloadTo(
  context: Context,
  file: NamedFile,
  plan: DownloadPlan,
  call: Call,
  sink: WholeSink<number>,
): Promise<DownloadedFile> {
  return download(context, file, plan, call, sink, true, toDownloadedFile)
}

/** Downloads to a caller's bytes. */
export function downloadToBytes(
  context: Context,
  file: NamedFile,
  target: Uint8Array,
  options: SinkOptions,
  call: Call,
): Promise<DownloadedFile> {
  const plan = checkSinkOptions(options, target)
  return downloadTo(context, file, plan, call, new BytesSink(target))
}

function contentOf<T>({ content }: Downloaded<T>): T {
  return content
}

function toDownloadedFile({ content, crc32, verified, endpoint }: Downloaded<number>): DownloadedFile {
  return { size: content, crc32, verified, endpoint }
}

/**
 * Downloads to a sink and finishes it. Where it can begin again, every attempt is a fresh one.
 *
 * @param counts - count the CRC32, also where there is nothing to compare it with
 * @param result - what it resolves to
 */
async function download<T, R>(
  context: Context,
  file: NamedFile,
  plan: DownloadPlan,
  call: Call,
  sink: WholeSink<T>,
  counts: boolean,
  result: (downloaded: Downloaded<T>) => R,
): Promise<R> {
  try {
    const reading = new ContentReading(context, file, plan, call, sink, sink.restarts, counts)
    await reading.run()
    const verifying = reading.verify()
    const { crc32, verified, storage } = isPending(verifying) ? await verifying : verifying
    const endpoint = formatEndpoint(storage)
    const finishing = sink.finish()
    // A stream may take for ever; a file that is being renamed is not given up.
    const content = !isPending(finishing)
      ? finishing
      : await (sink.restarts ? finishing : call.wait(finishing))
    return result({ content, crc32, verified, endpoint })
  } catch (error) {
    await sink.abandon()
    throw error
  }
}

/** Downloads to a sink that its caller ends. */
export async function downloadPieces(
  context: Context,
  file: NamedFile,
  plan: DownloadPlan,
  sink: ContentSink,
  _: CallOptions,
  call: Call,
): Promise<void> {
  const reading = new ContentReading(context, file, plan, call, sink, false, false)
  await reading.run()
  const verifying = reading.verify()
  if (isPending(verifying)) await verifying
}

/** So many bytes in one attempt are progress: after fewer, a connection that always breaks could be asked for ever. */
const PROGRESS = 1024 * 1024

/** Reads content to a sink. After a failure, another storage goes on where it stopped. */
class ContentReading extends Reading<unknown> {
  readonly #plan: DownloadPlan
  readonly #sink: ContentSink
  readonly #restarts: boolean
  readonly #counts: boolean
  /** Where it was read from last. */
  #storage!: StorageEndpoint
  /** What it is compared with. */
  #named: NamedContent | undefined
  #isCounted = false
  #counting: CountingSink | undefined
  /** Made when a storage is known: until then, many may wait. */
  #resuming: ResumingSink | undefined

  /**
   * @param restarts - the sink can begin again after its first byte
   * @param counts - count the CRC32, also where there is nothing to compare it with
   */
  constructor(
    context: Context,
    file: NamedFile,
    plan: DownloadPlan,
    call: Call,
    sink: ContentSink,
    restarts: boolean,
    counts: boolean,
  ) {
    super(context, file, call)
    this.#plan = plan
    this.#sink = reportingSink(sink, plan.onProgress, context.options.log)
    this.#restarts = restarts
    this.#counts = counts
  }

  protected override read(storage: StorageEndpoint): Promise<unknown> {
    this.#storage = storage
    const resuming = (this.#resuming ??= this.#begin(storage))
    const rest = resuming.begin(this.#plan)
    const { received } = resuming
    return readFrom(this.context, storage, this.file, rest, this.call, resuming).catch(
      async (error: unknown) => {
        if (isFastDfsError(error) && error.retriable) await this.call.wait(resuming.untilWanted())
        if (resuming.received - received >= PROGRESS) this.call.progressAt = performance.now()
        throw error
      },
    )
  }

  #begin(storage: StorageEndpoint): ResumingSink {
    const { context, file } = this
    const { verify = context.options.verify } = this.#plan
    const named = verify ? this.#contentInName() : undefined
    const withOld = named?.size !== undefined && context.oldCrcs.covers(storage, named.size)
    this.#named = named
    this.#isCounted = named !== undefined || (this.#counts && verify)
    this.#counting = new CountingSink(this.#sink, named?.size, withOld)
    const isFixed = named !== undefined || !isAppender(file)
    return new ResumingSink(this.#isCounted ? this.#counting : this.#sink, this.#restarts, isFixed)
  }

  /** What it is compared with: nothing but the whole of a normal file is. */
  #contentInName(): NamedContent | undefined {
    const { offset, length } = this.#plan
    if (offset !== 0 || length !== undefined) return undefined
    const named = contentInName(this.file)
    return named?.size === undefined ? undefined : named
  }

  /** Compares what was read with what the name says, where that says anything. */
  verify(): MayBePending<Verified> {
    const { sum } = this.#counting as CountingSink
    const storage = this.#storage
    if (this.#named === undefined) {
      return { crc32: this.#isCounted ? sum.crc32 : undefined, verified: false, storage }
    }
    const read = { storage, sum }
    const again = { sink: this.#restarts ? this.#sink : NOWHERE, replaces: this.#restarts }
    return verifyDownload(this.context, this.file, this.#named, read, again, this.call)
  }
}

/** Downloads a file to a sink, see {@link downloadPieces}. */
export type PiecesDownload = (
  id: string,
  options: CallOptions,
  plan: DownloadPlan,
  sink: ContentSink,
) => Promise<void>

/** A download that is read piece by piece. The request is made at the first read. */
export class DownloadStream extends Readable {
  readonly #download: PiecesDownload
  readonly #id: string
  readonly #options: CallOptions
  readonly #plan: DownloadPlan
  readonly #abort = new AbortController()
  readonly #sink = new PieceSink(this)
  #started = false

  /**
   * @param download - is called once
   * @param options - kept; its signal destroys the stream, also before the first read
   */
  constructor(download: PiecesDownload, id: string, options: CallOptions, plan: DownloadPlan) {
    super()
    this.#download = download
    this.#id = id
    this.#options = options
    this.#plan = plan
    const { signal } = options
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted === true) this.#onAbort()
  }

  readonly #onAbort = (): void => {
    this.destroy(new AbortError('the call was aborted', { cause: this.#options.signal?.reason }))
  }

  override _read(): void {
    if (this.#started) return this.#sink.flow.resume()
    this.#started = true
    void this.#run()
  }

  async #run(): Promise<void> {
    try {
      const options = { ...this.#options, signal: this.#abort.signal }
      await this.#download(this.#id, options, this.#plan, this.#sink)
      this.push(null)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  /** Gives Buffers; the type of Readable says nothing of its pieces. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    return super[Symbol.asyncIterator]() as NodeJS.AsyncIterator<Buffer>
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#abort.abort(error ?? undefined)
    callback(error)
  }
}

/** Hands content on to a stream. */
class PieceSink implements ContentSink {
  /** Of what gives the content. */
  flow: ContentFlow = NO_FLOW
  readonly #push: (chunk: Buffer) => boolean
  readonly #space = new KeptSpace()

  constructor(stream: Readable) {
    // Content comes in the async context of whoever made the connection, and may be told of at once.
    this.#push = AsyncResource.bind((chunk: Buffer) => stream.push(chunk))
  }

  start(_: number, flow: ContentFlow): void {
    this.flow = flow
  }

  /** Whoever reads it may keep it. */
  space(missing: number): Buffer {
    return this.#space.next(missing)
  }

  write(chunk: Buffer): boolean {
    return this.#push(this.#space.keep(chunk))
  }
}
