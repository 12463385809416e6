import type { Readable } from 'node:stream'
import { types } from 'node:util'
import { isFastDfsError, locateError } from '../errors.js'
import type { Call, CallOptions } from '../net/call.js'
import { Budget } from '../net/budget.js'
import { ConnectionPool } from '../net/pool.js'
import { retry } from '../net/retry.js'
import type { Metadata } from '../protocol/index.js'
import { connectionCommands, limits, storageCommands } from '../protocol/index.js'
import { AdminClient } from './admin.js'
import type { ModifyOptions, RegeneratedFile } from './appender.js'
import { append, modify, regenerate, truncate } from './appender.js'
import type { BatchItems, BatchOptions, BatchResult, DownloadItem, UploadItem } from './batch.js'
import { Batch, discardItem } from './batch.js'
import { CALL_OPTIONS, Calls, checkCallOptions } from './calls.js'
import { checkDuration, checkNames } from './check.js'
import { loadClientConf } from './config/client-conf.js'
import { optionsFromText } from './config/connection-string.js'
import { optionsFromEnvironment } from './config/environment.js'
import { resolveTrackers } from './config/trackers.js'
import type { Context, Run } from './context.js'
import { isHealthy } from './context.js'
import { diagnose } from './diagnose.js'
import type { Diagnosis } from './diagnosis-types.js'
import type { DownloadedFile, DownloadOptions, PiecesDownload, SinkOptions } from './download.js'
import {
  checkDownload,
  checkSinkOptions,
  downloadBuffer,
  downloadPieces,
  DownloadStream,
  downloadTo,
  downloadToBytes,
} from './download.js'
import { downloadToPath } from './download-path.js'
import { filenameOf } from './filename.js'
import type { FileInfo, MetadataOptions } from './files.js'
import { encodingOf, fileExists, fileInfo, getMetadata, packMetadata, setMetadata } from './files.js'
import { OldCrcs } from './integrity.js'
import { NamedFile } from './named-file.js'
import { NamedSources } from './named-sources.js'
import type { ClientOptions } from './options.js'
import { resolveOptions } from './options.js'
import type { ResumableUpload, ResumableUploadOptions, ResumeOptions } from './resumable.js'
import { newUpload, oldUpload } from './resumable.js'
import type { ResumableSource } from './resumable-source.js'
import type { ResumableUploadState } from './resumable-state.js'
import type { ClientStats } from './stats.js'
import type { Sink } from './sinks.js'
import { isSink, noSink } from './sinks.js'
import type { Source } from './sources.js'
import { Outliving } from './outliving.js'
import { discard, owning } from './sources.js'
import type { NewFileCommand } from './store.js'
import { Serial } from './serial.js'
import { intoStream } from './stream-sinks.js'
import type { DeleteOptions } from './slave-family.js'
import { deleteFamily, discardSlaves, uploadFamily } from './slave-family.js'
import { StoreCache } from './store-cache.js'
import { StorageAddresses } from './storage-addresses.js'
import { fetchStorageIds, toStorageIds } from './storage-id-entries.js'
import type { StorageEndpoint } from './trackers.js'
import { Trackers } from './trackers.js'
import { TrackerClient } from './tracker-client.js'
import type { ContentOptions, SlaveOptions, UploadedFile, UploadOptions } from './upload.js'
import { uploadSlave } from './upload.js'

/**
 * A client of a FastDFS cluster. Making one connects to nothing; connections are made when needed, kept for a while,
 * and do not keep the process alive.
 *
 * Every method takes `{ signal, timeout }` and rejects with a {@link FastDfsError}. A file ID may also be given with a
 * leading slash, behind a host, or as the URL of the file.
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
  /** Where files go and where they are, asked from the trackers. */
  readonly tracker: TrackerClient
  /** What operators ask. */
  readonly admin: AdminClient
  readonly #context: Context
  readonly #calls: Calls
  readonly #outliving = new Outliving()
  readonly #isHealthy = (storage: StorageEndpoint): boolean => isHealthy(this.#context, storage)
  readonly #piecesDownload: PiecesDownload = (id, options, plan, sink) =>
    this.#runOn(id, options, downloadPieces, plan, sink)
  readonly #runner: Run = (options, operation) => this.#run(options, operation)

  /**
   * @param options - the options, or a text: trackers separated by commas, or `fdfs://host:port,host:port/group`
   * @throws {@link ConfigError} when an option is wrong, or its name unknown
   */
  constructor(options: ClientOptions | string) {
    const resolved = resolveOptions(typeof options === 'string' ? optionsFromText(options) : options)
    const pool = new ConnectionPool(resolved)
    this.#calls = new Calls(resolved.timeout)
    const addresses: StorageAddresses = new StorageAddresses(
      resolved.addressOf,
      resolved.storageIds,
      async (call) => toStorageIds(await fetchStorageIds(trackers, call)),
    )
    const trackers = new Trackers(resolved.trackers, pool, resolved, (storage) => addresses.idOf(storage))
    this.#context = {
      options: resolved,
      pool,
      trackers,
      addresses,
      stores:
        resolved.trackerCache === 0 ? undefined : new StoreCache(resolved.trackerCache, this.#isHealthy),
      sources: resolved.readFrom === 'source' ? new NamedSources(addresses) : undefined,
      serial: new Serial(),
      outliving: this.#outliving,
      oldCrcs: new OldCrcs(),
      doubts: new Budget(),
    }
    this.tracker = new TrackerClient(this.#context, this.#runner)
    this.admin = new AdminClient(this.#context, this.#runner)
  }

  /**
   * A client with the options of a `client.conf`, as the C library reads it, or of a Java client's `.properties`.
   *
   * @param options - count more than what the file says
   * @throws {@link ConfigError} that names the file and the line
   */
  static fromConfig(path: string, options: Partial<ClientOptions> = {}): FastDfsClient {
    return new FastDfsClient({ ...loadClientConf(path).options, ...options })
  }

  /**
   * A client with the options of the environment: `FASTDFS_TRACKERS` or `FASTDFS_CONFIG`, `FASTDFS_GROUP`,
   * `FASTDFS_STORAGE_MAP`.
   *
   * @param options - count more than what the environment says
   * @throws {@link ConfigError} that names the variable
   */
  static fromEnvironment(options: Partial<ClientOptions> = {}): FastDfsClient {
    return new FastDfsClient({ ...optionsFromEnvironment(), ...options })
  }

  /**
   * Asks these trackers from now on; what is under way goes on with the old ones.
   *
   * @throws {@link ConfigError} when one of them is no address
   */
  setTrackers(trackers: ClientOptions['trackers']): void {
    this.#context.trackers.replace(resolveTrackers(trackers))
    this.#context.stores?.clear()
  }

  /**
   * Stores a new file (protocol.md §2.1, §3.1). Streams whose `size` is given hold a few buffers in memory, whatever
   * the size. Without it they are read to their end first, since the protocol sends the size first: up to 8 MiB into
   * memory, what is larger into a temporary file that has no name; then they can be sent again, as files can. With
   * {@link UploadOptions.unknownLength} `appender` they are sent as they come.
   *
   * @param source - a path, Buffer, Blob, stream, iterable of bytes, or a function that returns one. A stream is
   *   destroyed when the call ends, however it does; bytes must not be changed, or transferred to another thread, before
   * @throws {@link InvalidArgumentError} before anything is sent: the source cannot be read, the extension, group or
   *   metadata do not fit, the storage or store path is none of the cluster; or later, when the source gives more or less than the option `size`: then nothing is stored
   * @throws {@link LocalIoError} when the source fails, or a listener of the progress: then nothing is stored
   * @throws {@link NoSpaceError} when no storage has room
   * @throws {@link IntegrityError} when the storage has something else than was sent; it is deleted again
   * @throws {@link UnknownOutcomeError} when the answer is lost: the file may be stored under an ID that nobody knows
   * @example
   * ```ts
   * await client.uploadFile(Buffer.from('hello'), { ext: 'txt' })
   * await client.uploadFile(createReadStream('film.mp4'), { size: 123_456, ext: 'mp4', group: 'group2' })
   * await client.uploadFile('photo.jpg', { slaves: [{ prefix: '_150x150', ext: 'jpg', source: thumbnail }] })
   * ```
   */
  uploadFile(source: Source, options: UploadOptions = {}): Promise<UploadedFile> {
    return this.#upload(storageCommands.uploadFile, source, options)
  }

  /**
   * Stores many files. One that fails changes nothing for the others: each has a result of its own, in the order of
   * the items. When `signal` or `timeout` ends the batch, what was not begun is rejected too.
   *
   * @throws {@link InvalidArgumentError} only when the options are wrong, or the items are no list
   * @example
   * ```ts
   * const results = await client.uploadFiles(['a.jpg', { source: 'b.jpg', metadata: { width: '1024' } }])
   * for (const result of results) if (result.status === 'rejected') console.error(result.reason)
   * ```
   */
  async uploadFiles(
    items: BatchItems<Source | UploadItem>,
    options: BatchOptions = {},
  ): Promise<BatchResult<UploadedFile>[]> {
    const batch = new Batch(options, this.#context.options.timeout, 'uploadFiles')
    return batch.run(items, (item) => this.uploadFile(...batch.upload(item)), discardItem)
  }

  /**
   * Begins an upload that survives interruptions, also the end of the process: `done()` sends it chunk by chunk, through
   * an appender file, and what `onCheckpoint` is given can be resumed by {@link FastDfsClient.resumeUpload}. Nothing is
   * sent before `done()` is called. `signal` ends that too; `timeout` is for this call.
   *
   * It costs the cluster what {@link UploadOptions.unknownLength} `appender` does. What is not more than `chunkSize` is
   * sent in one request, as by {@link FastDfsClient.uploadFile}. A process that ends while the first chunk is stored, or
   * after the last one, before the state with the new ID is kept, leaves a file that nobody knows.
   *
   * @param source - can be read again from any place: a path, bytes, a Blob, or a function with the option `size`
   * @throws {@link InvalidArgumentError} when an option is wrong, or the source cannot be read
   * @example
   * ```ts
   * const onCheckpoint = async (state) => {
   *   await writeFile('film.json.new', JSON.stringify(state))
   *   await rename('film.json.new', 'film.json')
   * }
   * const upload = await client.resumableUpload('film.mp4', { onCheckpoint })
   * const { id } = await upload.done()
   * ```
   */
  resumableUpload(source: ResumableSource, options: ResumableUploadOptions = {}): Promise<ResumableUpload> {
    return this.#run(options, (call) => newUpload(this.#context, this.#runner, source, options, call))
  }

  /**
   * Goes on with an upload that was interrupted: `done()` asks the storage how much it has, compares that with the
   * source, and sends the rest. `signal` ends that too; `timeout` is for this call.
   *
   * @param saved - what {@link ResumableUpload.toJSON} or `onCheckpoint` gave
   * @param source - the same bytes as before
   * @throws {@link InvalidArgumentError} when `saved` is no such state, or the source has another size
   * @example
   * ```ts
   * const upload = await client.resumeUpload(JSON.parse(await readFile('film.json', 'utf8')), 'film.mp4')
   * const { id } = await upload.done()
   * ```
   */
  resumeUpload(
    saved: ResumableUploadState,
    source: ResumableSource,
    options: ResumeOptions = {},
  ): Promise<ResumableUpload> {
    return this.#run(options, (call) => oldUpload(this.#context, this.#runner, saved, source, options, call))
  }

  /**
   * Stores a new file that can be changed afterwards by `appendFile`, `modifyFile` and `truncateFile` (protocol.md
   * §3.1). Takes and throws what {@link FastDfsClient.uploadFile} does.
   */
  uploadAppenderFile(source: Source, options: UploadOptions = {}): Promise<UploadedFile> {
    return this.#upload(storageCommands.uploadAppenderFile, source, options)
  }

  /**
   * Stores a file that is named after another one, its master: by its ID, a prefix and an extension, the slave's ID is
   * known without asking, see {@link slaveName} (protocol.md §3.1, §5).
   *
   * @throws {@link InvalidArgumentError} before anything is sent, also for a prefix and extension that make a name which
   *   servers take for something else
   * @throws {@link FileNotFoundError} when there is no such master
   * @throws {@link FileExistsError} when there is such a slave already
   * @example
   * ```ts
   * await client.uploadSlaveFile(photo.id, thumbnail, { prefix: '_150x150', ext: 'jpg' })
   * ```
   */
  uploadSlaveFile(masterId: string, source: Source, options: SlaveOptions): Promise<UploadedFile> {
    return owning(source, () =>
      this.#runOn(masterId, options, (context, master, _, call) =>
        uploadSlave(context, master, source, options, call),
      ),
    )
  }

  /**
   * Adds content to the end of an appender file (protocol.md §3.2). Changes of one file that are made by one client
   * happen one after the other. An append that was begun is never made again.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link ServerError} with status 22 when it is no appender file
   * @throws {@link UnknownOutcomeError} when the answer is lost: the content may have been added
   */
  appendFile(id: string, source: Source, options: ContentOptions = {}): Promise<void> {
    return owning(source, () => this.#runOn(id, options, append, source))
  }

  /**
   * Writes content over a part of an appender file, and past its end where it reaches further (protocol.md §3.2).
   * Storages do not do this at once: when it fails, a part may be written.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link ServerError} with status 22 when it is no appender file, or the offset is past its end
   */
  modifyFile(id: string, source: Source, options: ModifyOptions = {}): Promise<void> {
    return owning(source, () => this.#runOn(id, options, modify, source))
  }

  /**
   * Cuts an appender file to `size` bytes, or adds zeros up to there (protocol.md §3.2).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link ServerError} with status 22 when it is no appender file
   */
  truncateFile(id: string, size: number, options: CallOptions = {}): Promise<void> {
    return this.#runOn(id, options, (context, file, _, call) => {
      checkNames(options, CALL_OPTIONS, 'truncateFile')
      return truncate(context, file, size, call)
    })
  }

  /**
   * Turns an appender file into a normal one, with a new ID that tells its size and CRC32; its metadata is kept
   * (protocol.md §3.2, since V6.02).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link ServerError} with status 22 when it is no appender file, or the storage is older than V6.02
   * @throws {@link UnknownOutcomeError} when the answer is lost: the file may have a new name that nobody knows
   */
  regenerateAppenderFile(id: string, options: CallOptions = {}): Promise<RegeneratedFile> {
    return this.#runOn(id, options, (context, file, _, call) => {
      checkNames(options, CALL_OPTIONS, 'regenerateAppenderFile')
      return regenerate(context, file, call)
    })
  }

  /**
   * Reads a file, or a part of it, into a Buffer of at most `maxBufferBytes` (protocol.md §2.2, §3.4).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link IntegrityError} when the whole of a normal file has another size than its name says, or each reading
   *   gives something else
   */
  downloadFile(id: string, options?: DownloadOptions): Promise<Buffer>
  /**
   * Writes a file, or a part of it, to a sink.
   *
   * - A path: the file is there whole or, when the download fails, not at all. One that is replaced keeps its
   *   permissions; a symbolic link is followed.
   * - A folder, or a path that ends with a slash: as a path, under the name that {@link FastDfsClient.getFilename}
   *   gives. That is the uploader's choice: nothing that is there already is replaced.
   * - A Writable or web WritableStream: with backpressure; ended (closed) when the download is whole, destroyed
   *   (aborted) with the error when it fails. Nothing is repeated after its first byte.
   * - A Uint8Array or Buffer: filled from its start. When the download fails, it may hold a part. It must not be
   *   transferred to another thread before the call has ended.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link InvalidArgumentError} when the sink cannot be written, or is too small
   * @throws {@link LocalIoError} when writing fails, or a stream closes before its end
   * @throws {@link IntegrityError} as the download to a Buffer does
   * @example
   * ```ts
   * const { size } = await client.downloadFile(id, 'copy.jpg', { fsync: true })
   * await client.downloadFile(id, response)
   * ```
   */
  downloadFile(id: string, sink: Sink, options?: SinkOptions): Promise<DownloadedFile>
  downloadFile(
    id: string,
    sinkOrOptions: Sink | DownloadOptions = {},
    options?: SinkOptions,
  ): Promise<Buffer | DownloadedFile> {
    if (isSink(sinkOrOptions)) return this.#downloadInto(id, sinkOrOptions, options)
    if (options !== undefined) return Promise.reject(noSink(sinkOrOptions))
    return this.#runOn(id, sinkOrOptions, downloadBuffer)
  }

  #downloadInto(id: string, target: Sink, options: SinkOptions = {}): Promise<DownloadedFile> {
    if (typeof target === 'string') return this.#runOn(id, options, downloadToPath, target)
    if (types.isUint8Array(target)) return this.#runOn(id, options, downloadToBytes, target)
    return this.#downloadIntoStream(id, target, options)
  }

  async #downloadIntoStream(
    id: string,
    target: Exclude<Sink, string | Uint8Array>,
    options: SinkOptions,
  ): Promise<DownloadedFile> {
    const { signal: given } = checkCallOptions(options)
    return intoStream(target, given, (sink, signal) =>
      this.#runOn(id, { ...options, signal }, (context, file, limited, call) =>
        downloadTo(context, file, checkSinkOptions(limited, target), call, sink),
      ),
    )
  }

  /** Writes many files to paths, each whole or not at all; results as of {@link FastDfsClient.uploadFiles}. */
  async downloadFiles(
    items: BatchItems<DownloadItem>,
    options: BatchOptions = {},
  ): Promise<BatchResult<DownloadedFile>[]> {
    const batch = new Batch(options, this.#context.options.timeout, 'downloadFiles')
    return batch.run(items, (item) => this.downloadFile(...batch.download(item)))
  }

  /**
   * Reads a file, or a part of it, as a stream: with backpressure, and a few buffers in memory whatever the size.
   * The request is made at the first read; what fails destroys the stream with the error. Read it to its end: that
   * content was damaged on the way is known only then, and is an {@link IntegrityError} in the place of the end.
   *
   * @throws {@link InvalidArgumentError} at once, when an option is wrong
   * @example
   * ```ts
   * for await (const chunk of client.downloadStream(id, { offset: 1000, length: 500 })) process(chunk)
   * ```
   */
  downloadStream(id: string, options: DownloadOptions = {}): AsyncIterable<Buffer> & Readable {
    const limits = checkCallOptions(options)
    const plan = checkDownload(options, 'downloadStream')
    return new DownloadStream(this.#piecesDownload, id, limits, plan)
  }

  /**
   * Deletes a file and its metadata, and before it those of its slaves that are named (protocol.md §3.3). Changes of the
   * file that this client has begun end before that.
   *
   * @throws {@link FileNotFoundError} when there is no such file; that a slave does not exist is fine
   * @throws {@link FastDfsError} with the slave's ID in `fileId` when that cannot be deleted: the file is kept then
   * @example
   * ```ts
   * await client.deleteFile(photo.id, { slaves: ['_150x150.jpg'] })
   * ```
   */
  deleteFile(id: string, options: DeleteOptions = {}): Promise<void> {
    return this.#runOn(id, options, deleteFamily)
  }

  /** Deletes many files; results as of {@link FastDfsClient.uploadFiles}. */
  async deleteFiles(ids: BatchItems<string>, options: BatchOptions = {}): Promise<BatchResult<void>[]> {
    const batch = new Batch(options, this.#context.options.timeout, 'deleteFiles')
    return batch.run(ids, (id) => this.deleteFile(...batch.delete(id)))
  }

  /**
   * Asks a storage about a file (protocol.md §3.6). Always asks: a file ID outlives its file.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   */
  fileInfo(id: string, options: CallOptions = {}): Promise<FileInfo> {
    return this.#runOn(id, options, askInfo)
  }

  /**
   * Reads a file's metadata; `{}` where it has none (protocol.md §3.5).
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @throws {@link ProtocolError} when it is not in the encoding: nothing is replaced silently
   */
  getMetadata(id: string, options: MetadataOptions = {}): Promise<Record<string, string>> {
    return this.#runOn(id, options, readMetadata)
  }

  /**
   * The name that was kept with a file by {@link UploadOptions.keepFilename}, where it is safe to use as the name of a
   * file: without slashes and control characters, not hidden, and on Windows no device. Where none was kept, or it is
   * not safe, the last part of the file ID.
   *
   * @throws {@link FileNotFoundError} when there is no such file
   * @example
   * ```ts
   * response.setHeader('content-disposition', contentDisposition(await client.getFilename(id)))
   * ```
   */
  getFilename(id: string, options: MetadataOptions = {}): Promise<string> {
    return this.#runOn(id, options, (context, file, _, call) => {
      checkNames(options, METADATA_OPTIONS, 'getFilename')
      return filenameOf(context, file, encodingOf(context, options), call)
    })
  }

  /**
   * Replaces a file's metadata; `{}` removes it (protocol.md §3.5).
   *
   * @param metadata - names of 1 to 64 bytes, values up to 256, in the encoding and without the bytes 0x01 and 0x02
   * @throws {@link InvalidArgumentError} when the metadata does not fit; nothing was sent
   * @throws {@link FileNotFoundError} when there is no such file
   */
  setMetadata(id: string, metadata: Metadata, options: MetadataOptions = {}): Promise<void> {
    return this.#runOn(id, options, replaceMetadata, metadata)
  }

  /**
   * Adds to a file's metadata: items of the same name are replaced, others stay (protocol.md §3.5).
   *
   * @param metadata - as in {@link FastDfsClient.setMetadata}; `{}` changes nothing
   * @throws {@link InvalidArgumentError} when the metadata does not fit; nothing was sent
   * @throws {@link FileNotFoundError} when there is no such file
   */
  mergeMetadata(id: string, metadata: Metadata, options: MetadataOptions = {}): Promise<void> {
    return this.#runOn(id, options, (context, file, _, call) => {
      checkNames(options, METADATA_OPTIONS, 'mergeMetadata')
      const bytes = packMetadata(metadata, encodingOf(context, options))
      return setMetadata(context, file, bytes, limits.METADATA_FLAGS.MERGE, call)
    })
  }

  /**
   * Whether a file exists: asks a storage. False only where that says that there is no such file, or the trackers that
   * there is no such group; every other failure is thrown.
   *
   * @throws {@link FileNotFoundError} when the trackers know no storage of the group that could be asked
   */
  fileExists(id: string, options: CallOptions = {}): Promise<boolean> {
    return this.#runOn(id, options, (context, file, _, call) => {
      checkNames(options, CALL_OPTIONS, 'fileExists')
      return fileExists(context, file, call)
    })
  }

  /**
   * Resolves when a tracker answers (protocol.md §1.1).
   *
   * @throws {@link RetryError} when none does
   */
  ping(options: CallOptions = {}): Promise<void> {
    return this.#run(options, async (call) => {
      checkNames(options, CALL_OPTIONS, 'ping')
      const { options: settings, trackers } = this.#context
      await retry(settings, call, { attempt: () => trackers.ask(connectionCommands.activeTest, {}, call) })
    })
  }

  /**
   * Looks at the whole cluster from here: asks every tracker and storage once, and says what is wrong and what to do
   * about it. Rejects only when the call is ended; what cannot be asked is a finding.
   *
   * @example
   * ```ts
   * const { healthy, findings } = await client.diagnose({ timeout: 10_000 })
   * for (const { severity, subject, message, remedy } of findings) console.log(severity, subject, message, remedy)
   * ```
   */
  diagnose(options: CallOptions = {}): Promise<Diagnosis> {
    return this.#run(options, async (call) => {
      checkNames(options, CALL_OPTIONS, 'diagnose')
      return diagnose(this.#context, call)
    })
  }

  /**
   * What the client is doing at this moment: its calls, and its connections to every server that was used within the
   * last minutes. Costs nothing between two calls.
   */
  stats(): ClientStats {
    const { options, pool } = this.#context
    return { calls: this.#calls.count, retriesLeft: options.retryBudget.left, endpoints: pool.stats }
  }

  /**
   * Ends the client: new calls are refused, and those that have not had a connection yet; running ones may end within
   * `grace`, and files that calls which were ended have left are deleted in it; then every connection is closed.
   *
   * @param options - `grace`: milliseconds for the calls that are running, also 0 or Infinity. Default 5000
   */
  async close(options: { grace?: number | undefined } = {}): Promise<void> {
    checkCallOptions(options)
    checkNames(options, ['grace'], 'close')
    const { grace = DEFAULT_GRACE } = options
    const limit = grace === 0 ? 0 : checkDuration(grace, 'grace')
    await this.#calls.close(limit, this.#outliving)
    await this.#context.pool.close()
    // What they have begun to write is removed then.
    await this.#calls.ended()
  }

  /** `await using client = new FastDfsClient(options)` closes it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #upload(command: NewFileCommand, source: Source, options: UploadOptions): Promise<UploadedFile> {
    let call: Call | undefined
    try {
      call = this.#calls.begin(options)
      return await uploadFamily(this.#context, command, source, options, call)
    } catch (error) {
      discard(source)
      discardSlaves((options as UploadOptions | undefined | null)?.slaves)
      throw error
    } finally {
      if (call !== undefined) this.#calls.end(call)
    }
  }

  #run<T>(options: CallOptions, operation: (call: Call) => Promise<T>): Promise<T> {
    return this.#calls.run(options, operation)
  }

  /** Runs what is about a file; its errors say which. What is called often is no function that is made for the call. */
  async #runOn<O extends CallOptions, A extends unknown[], T>(
    id: string,
    options: O,
    operation: (context: Context, file: NamedFile, ...rest: [...A, O, Call]) => Promise<T>,
    ...rest: A
  ): Promise<T> {
    const file = new NamedFile(id)
    let call: Call | undefined
    try {
      call = this.#calls.begin(options)
      return await operation(this.#context, file, ...rest, options, call)
    } catch (error) {
      throw isFastDfsError(error) ? locateError(error, { fileId: id }) : error
    } finally {
      if (call !== undefined) this.#calls.end(call)
    }
  }
}

function askInfo(context: Context, file: NamedFile, options: CallOptions, call: Call): Promise<FileInfo> {
  checkNames(options, CALL_OPTIONS, 'fileInfo')
  return fileInfo(context, file, call)
}

function readMetadata(
  context: Context,
  file: NamedFile,
  options: MetadataOptions,
  call: Call,
): Promise<Record<string, string>> {
  checkNames(options, METADATA_OPTIONS, 'getMetadata')
  return getMetadata(context, file, encodingOf(context, options), call)
}

function replaceMetadata(
  context: Context,
  file: NamedFile,
  metadata: Metadata,
  options: MetadataOptions,
  call: Call,
): Promise<void> {
  checkNames(options, METADATA_OPTIONS, 'setMetadata')
  const bytes = packMetadata(metadata, encodingOf(context, options))
  return setMetadata(context, file, bytes, limits.METADATA_FLAGS.OVERWRITE, call)
}

const METADATA_OPTIONS = ['metadataEncoding', ...CALL_OPTIONS]
/** Milliseconds. */
const DEFAULT_GRACE = 5_000
