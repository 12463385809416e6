import type { Readable } from 'node:stream'
import { ClosedError, InvalidArgumentError, isFastDfsError, locateError } from '../errors.js'
import { splitFileId } from '../file-id/index.js'
import type { SplitFileId } from '../file-id/index.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import { ConnectionPool } from '../net/pool.js'
import type { Metadata } from '../protocol/index.js'
import { encodeMetadata, limits } from '../protocol/index.js'
import { checkDuration, checkNames, checkSignal, show } from './check.js'
import type { Context } from './context.js'
import type { DownloadOptions } from './download.js'
import { checkRange, download, DownloadStream, downloadTo } from './download.js'
import type { FileInfo } from './files.js'
import { deleteFile, fileInfo, getMetadata, setMetadata } from './files.js'
import type { ClientOptions } from './options.js'
import { resolveOptions } from './options.js'
import { bufferSink, fileSink } from './sinks.js'
import type { Source } from './sources.js'
import { Trackers } from './trackers.js'
import type { UploadedFile, UploadOptions } from './upload.js'
import { upload } from './upload.js'

/**
 * A client of a FastDFS cluster. Making one connects to nothing; connections are made when needed, kept for a while,
 * and do not keep the process alive.
 *
 * Every method takes `{ signal, timeout }` and rejects with a {@link FastDfsError}. A file ID may also be given with a
 * leading slash, or as the URL of the file.
 *
 * @example
 * ```ts
 * const client = new FastDfsClient({ trackers: ['10.0.0.1:22122', '10.0.0.2:22122'] })
 * const file = await client.uploadFile('photo.jpg', { metadata: { width: '1024' } })
 * const bytes = await client.downloadFile(file.id)
 * await client.close()
 * ```
 */
export class FastDfsClient {
  readonly #context: Context
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  /** @throws {@link ConfigError} when an option is wrong, or its name unknown */
  constructor(options: ClientOptions) {
    const resolved = resolveOptions(options)
    const pool = new ConnectionPool(resolved)
    this.#context = { options: resolved, pool, trackers: new Trackers(resolved.trackers, pool) }
  }

  /**
   * Stores a new file (protocol.md §2.1, §3.1). Streams hold a few buffers in memory, whatever the size.
   *
   * @param source - a path, Buffer, Blob, stream, iterable of bytes, or a function that returns one
   * @throws {@link InvalidArgumentError} before anything is sent: the source cannot be read, its size is not known,
   *   the extension, group or metadata do not fit; or later, when the source gives more or less than its size: then
   *   nothing is stored
   * @throws {@link NoSpaceError} when no storage has room
   * @throws {@link UnknownOutcomeError} when the answer is lost: the file may be stored under an ID that nobody knows
   * @example
   * ```ts
   * await client.uploadFile(Buffer.from('hello'), { ext: 'txt' })
   * await client.uploadFile(createReadStream('film.mp4'), { size: 123_456, ext: 'mp4', group: 'group2' })
   * ```
   */
  uploadFile(source: Source, options: UploadOptions = {}): Promise<UploadedFile> {
    return this.#run(options, undefined, (call) => upload(this.#context, source, options, call))
  }

  /**
   * Reads a file, or a part of it, into a Buffer of at most `maxBufferBytes` (protocol.md §2.2, §3.4).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   */
  downloadFile(id: string, options?: DownloadOptions): Promise<Buffer>
  /**
   * Writes a file, or a part of it, to `path`: whole or, when it fails, not at all.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link InvalidArgumentError} when the path cannot be written
   * @example
   * ```ts
   * const { size } = await client.downloadFile(id, 'copy.jpg')
   * ```
   */
  downloadFile(id: string, path: string, options?: DownloadOptions): Promise<DownloadedFile>
  downloadFile(
    id: string,
    pathOrOptions: string | DownloadOptions = {},
    options: DownloadOptions = {},
  ): Promise<Buffer | DownloadedFile> {
    if (typeof pathOrOptions !== 'string') {
      return this.#run(pathOrOptions, id, (call, file) => {
        const range = checkRange(pathOrOptions, 'downloadFile')
        return download(this.#context, file, range, call, bufferSink(this.#context.options.maxBufferBytes))
      })
    }
    return this.#run(options, id, async (call, file) => {
      const range = checkRange(options, 'downloadFile')
      const size = await download(this.#context, file, range, call, await fileSink(pathOrOptions))
      return { size }
    })
  }

  /**
   * Reads a file, or a part of it, as a stream: with backpressure, and a few buffers in memory whatever the size.
   * The request is made at the first read; what fails destroys the stream with the error.
   *
   * @example
   * ```ts
   * for await (const chunk of client.downloadStream(id, { offset: 1000, length: 500 })) process(chunk)
   * ```
   */
  downloadStream(id: string, options: DownloadOptions = {}): Readable {
    const range = checkRange(options, 'downloadStream')
    checkSignal(options.signal)
    return new DownloadStream(
      (sink, signal) =>
        this.#run({ ...options, signal }, id, (call, file) => downloadTo(this.#context, file, range, call, sink)),
      options.signal,
    )
  }

  /**
   * Deletes a file and its metadata, but not its slaves (protocol.md §3.3).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   */
  deleteFile(id: string, options: CallOptions = {}): Promise<void> {
    return this.#run(options, id, (call, file) => {
      checkNames(options, CALL_OPTIONS, 'deleteFile')
      return deleteFile(this.#context, file, call)
    })
  }

  /**
   * Asks a storage about a file (protocol.md §3.6). Always asks: a file ID outlives its file.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   */
  fileInfo(id: string, options: CallOptions = {}): Promise<FileInfo> {
    return this.#run(options, id, (call, file) => {
      checkNames(options, CALL_OPTIONS, 'fileInfo')
      return fileInfo(this.#context, file, call)
    })
  }

  /**
   * Reads a file's metadata; `{}` where it has none (protocol.md §3.5).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   */
  getMetadata(id: string, options: CallOptions = {}): Promise<Record<string, string>> {
    return this.#run(options, id, (call, file) => {
      checkNames(options, CALL_OPTIONS, 'getMetadata')
      return getMetadata(this.#context, file, call)
    })
  }

  /**
   * Replaces a file's metadata; `{}` removes it (protocol.md §3.5).
   *
   * @param metadata - names of 1 to 64 bytes, values up to 256, in UTF-8 and without the bytes 0x01 and 0x02
   * @throws {@link InvalidArgumentError} when the metadata does not fit; nothing was sent
   * @throws {@link FileNotFoundError} when there is no such file
   */
  setMetadata(id: string, metadata: Metadata, options: CallOptions = {}): Promise<void> {
    return this.#run(options, id, (call, file) => {
      checkNames(options, CALL_OPTIONS, 'setMetadata')
      return setMetadata(this.#context, file, encodeMetadata(metadata), limits.METADATA_FLAGS.OVERWRITE, call)
    })
  }

  /**
   * Ends the client: new calls are refused, running ones may end within `grace`, then every connection is closed.
   *
   * @param options - `grace`: milliseconds for the calls that are running. Default 5000
   */
  async close({ grace = 5_000 }: { grace?: number } = {}): Promise<void> {
    this.#closed = true
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, grace)))
    await Promise.race([Promise.allSettled(this.#running), over])
    clearTimeout(timer)
    await this.#context.pool.close()
  }

  /** `await using client = new FastDfsClient(…)` closes it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #run<T, I extends string | undefined>(
    options: CallOptions,
    id: I,
    operation: (call: Call, file: I extends string ? SplitFileId : undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw new ClosedError('the client was closed', { fileId: id })
    checkCallOptions(options)
    const call = new Call({
      signal: options.signal,
      timeout: options.timeout ?? this.#context.options.timeout,
    })
    call.check()
    const file = (id === undefined ? undefined : splitFileId(id)) as I extends string
      ? SplitFileId
      : undefined
    const running = operation(call, file)
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw id !== undefined && isFastDfsError(error) ? locateError(error, { fileId: id }) : error
    } finally {
      this.#running.delete(running)
    }
  }
}

/** A file that was written to a path. */
export interface DownloadedFile {
  /** Bytes written. */
  readonly size: number
}

const CALL_OPTIONS = ['signal', 'timeout']

function checkCallOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`options must be an object, not ${show(options)}`)
  }
  const { signal, timeout } = options as CallOptions
  checkSignal(signal)
  if (timeout !== undefined) checkDuration(timeout, 'timeout')
}
