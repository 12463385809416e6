import { FileNotFoundError, IntegrityError, isFastDfsError, LocalIoError, locateError } from '../errors.js'
import { parseFileId } from '../file-id/index.js'
import type { Call, CallOptions } from '../net/call.js'
import { formatEndpoint } from '../net/endpoint.js'
import { retry } from '../net/retry.js'
import { storageCommands } from '../protocol/index.js'
import { anySignal } from './any-signal.js'
import { CALL_OPTIONS, checkCallOptions } from './calls.js'
import { checkFunction, checkInteger, checkNames } from './check.js'
import { finishGrowth } from './chunked-upload.js'
import { ContentSum, NOWHERE } from './content-sum.js'
import type { Context, Run } from './context.js'
import { settledSize } from './extend.js'
import { withFilename } from './filename.js'
import { deleteFile, encodingOf, fileInfoFrom } from './files.js'
import { CHUNK_SIZE, GrowingFile } from './growing-file.js'
import { readWhole } from './integrity.js'
import { NamedFile } from './named-file.js'
import { tellingSpace } from './no-space.js'
import { messageOf } from './pieces.js'
import type { ProgressListener } from './progress.js'
import type { Ranges, ResumableSource } from './resumable-source.js'
import { openRanges } from './resumable-source.js'
import type { ResumableUploadState } from './resumable-state.js'
import { checkState } from './resumable-state.js'
import type { UploadPlan } from './store.js'
import { discard, storeWhole } from './store.js'
import type { UploadedFile, UploadOptions } from './upload.js'
import { planNamed, planUpload, withSource } from './upload.js'

/** What is told of an upload that can be resumed. */
export interface ResumeOptions extends CallOptions {
  /**
   * Is given the state after each chunk that is stored, to keep it. A promise is waited for; what it throws ends the
   * upload with a {@link LocalIoError}, and it can be resumed.
   */
  onCheckpoint?: ((state: ResumableUploadState) => void | Promise<void>) | undefined
  /** Is told how many bytes were sent, as in {@link UploadOptions}. */
  onProgress?: ProgressListener | undefined
}

/** How a file is uploaded that may take more than one attempt, or process. */
export interface ResumableUploadOptions
  extends Omit<UploadOptions, 'slaves' | 'unknownLength' | 'onProgress'>, ResumeOptions {
  /** Bytes that are sent in one request, and that an interruption loses at most. @defaultValue 8388608 (8 MiB) */
  chunkSize?: number | undefined
}

const RESUME_OPTIONS = ['onCheckpoint', 'onProgress', ...CALL_OPTIONS]
const SAVED_OPTIONS = ['ext', 'verify', 'metadata', 'metadataEncoding', 'group', 'storage', 'storePathIndex']
const RESUMABLE_OPTIONS = [
  'extPolicy',
  'filename',
  'keepFilename',
  'size',
  'chunkSize',
  ...SAVED_OPTIONS,
  ...RESUME_OPTIONS,
]

/**
 * An upload that can be interrupted, also by the end of the process, and resumed. Made by
 * {@link FastDfsClient.resumableUpload} and {@link FastDfsClient.resumeUpload}.
 */
export class ResumableUpload {
  readonly #context: Context
  readonly #run: Run
  readonly #source: ResumableSource
  readonly #state: Omit<ResumableUploadState, 'id' | 'transferred' | 'crc32'>
  readonly #plan: UploadPlan
  readonly #onCheckpoint: ResumeOptions['onCheckpoint']
  readonly #signal: AbortSignal | undefined
  readonly #ending = new AbortController()
  #growing: GrowingFile
  /** The bytes of this source are known to be those that are stored. */
  #isSameSource: boolean
  #running: Promise<UploadedFile> | undefined
  #result: UploadedFile | undefined

  /** @internal */
  constructor(
    context: Context,
    run: Run,
    source: ResumableSource,
    state: ResumableUploadState,
    options: ResumeOptions,
  ) {
    const { id, transferred, crc32, ...rest } = state
    this.#context = context
    this.#run = run
    this.#source = source
    this.#state = rest
    this.#plan = planUpload(context, { ...state.options, onProgress: options.onProgress })
    this.#onCheckpoint = options.onCheckpoint
    this.#signal = options.signal
    this.#growing = new GrowingFile(context, this.#plan, state.size)
    this.#isSameSource = id === null
    if (id === null) return
    this.#growing.file = new NamedFile(id)
    this.#growing.sum = new ContentSum(false, transferred, crc32)
  }

  /** The name of what is stored so far; undefined before the first chunk. In the end that of the file. */
  get id(): string | undefined {
    return this.#growing.file?.id
  }

  /** Bytes of the source. */
  get size(): number {
    return this.#state.size
  }

  /** Bytes that are stored. */
  get transferred(): number {
    return this.#growing.sum.size
  }

  /** What {@link FastDfsClient.resumeUpload} takes; `JSON.stringify` calls it. */
  toJSON(): ResumableUploadState {
    const { size, crc32 } = this.#growing.sum
    return { ...this.#state, id: this.id ?? null, transferred: size, crc32 }
  }

  /**
   * Sends what is missing, and makes the file a normal one. When it fails, or its signal or timeout ends it, what is
   * stored stays there: call it again to go on from there. What is not more than one chunk is sent in one request.
   *
   * Each call first asks the storage how much it has, and reads that much of the source again where it was not this
   * object that sent it.
   *
   * @throws {@link InvalidArgumentError} when the source cannot be read, or has another size by now
   * @throws {@link IntegrityError} when what is stored is not the beginning of the source; or, at the end, not the
   *   source: it is deleted then, and the next call begins anew
   * @throws {@link FileNotFoundError} when nothing is stored under `id` any more: it was deleted, or made a normal file
   *   by a call whose answer was lost
   * @throws {@link AbortError} after {@link ResumableUpload.abort}
   */
  done(options: CallOptions = {}): Promise<UploadedFile> {
    this.#running ??= this.#begin(options).finally(() => (this.#running = undefined))
    return this.#running
  }

  /**
   * Ends the upload for good, and deletes what is stored. Does nothing to a file that is done.
   *
   * @throws {@link FastDfsError} when that cannot be deleted; it can be called again
   */
  async abort(options: CallOptions = {}): Promise<void> {
    checkNames(options, CALL_OPTIONS, 'abort')
    checkCallOptions(options)
    this.#ending.abort()
    await this.#running?.catch(() => {})
    const { file } = this.#growing
    if (file === undefined || this.#result !== undefined) return
    await this.#run(options, (call) => deleteFile(this.#context, file, call)).catch((error: unknown) => {
      if (!(error instanceof FileNotFoundError)) throw error
    })
    this.#startOver()
  }

  async #begin(options: CallOptions): Promise<UploadedFile> {
    if (this.#result !== undefined) return this.#result
    const { signal, timeout } = checkCallOptions(options)
    checkNames(options, CALL_OPTIONS, 'done')
    const signals = [this.#ending.signal, this.#signal, signal].filter((one) => one !== undefined)
    const limits = { timeout, signal: anySignal(signals) }
    try {
      this.#result = await this.#run(limits, (call) => this.#uploadAll(call))
      return this.#result
    } catch (error) {
      const { id } = this
      throw isFastDfsError(error) && id !== undefined ? locateError(error, { fileId: id }) : error
    }
  }

  async #uploadAll(call: Call): Promise<UploadedFile> {
    try {
      return await this.#upload(call)
    } catch (error) {
      throw await tellingSpace(this.#context, error, call)
    }
  }

  async #upload(call: Call): Promise<UploadedFile> {
    const { size, chunkSize } = this.#state
    const source = await openRanges(this.#source, size, call)
    if (this.#growing.file === undefined && size <= chunkSize) {
      const content = size === 0 ? new Uint8Array(0) : source.range(0, size)
      return withSource(content, size, call, (whole) =>
        storeWhole(this.#context, storageCommands.uploadFile, whole, this.#plan, call),
      )
    }
    if (this.#growing.file !== undefined) await this.#goOn(this.#growing.file, source, call)
    while (this.transferred < size) {
      const length = Math.min(chunkSize, size - this.transferred)
      await withSource(source.range(this.transferred, length), length, call, (chunk) =>
        this.#growing.add(chunk, call),
      )
      await this.#checkpoint(call)
    }
    // Nobody wants a file that grew meanwhile without its end.
    await openRanges(this.#source, size, call)
    return this.#finish(call)
  }

  async #finish(call: Call): Promise<UploadedFile> {
    const growing = this.#growing
    const shallBeNormal = !isNormalFile((growing.file as NamedFile).id)
    const onRenamed = (): Promise<void> => this.#checkpoint(call)
    try {
      return await finishGrowth(this.#context, growing, shallBeNormal, this.#plan, call, onRenamed)
    } catch (error) {
      if (error instanceof IntegrityError) {
        await discard(this.#context, growing.file as NamedFile)
        this.#startOver()
      }
      throw error
    }
  }

  async #goOn(file: NamedFile, source: Ranges, call: Call): Promise<void> {
    // It has its name already, and is whole.
    if (isNormalFile(file.id)) return
    try {
      await this.#synchronise(file, source, call)
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error
      const why = 'it was deleted, or made a normal file by a call whose answer was lost'
      throw locateError(error, {}, `nothing is stored any more: ${why}: ${error.reason}`)
    }
  }

  /** Goes on from what the storage has, once that is known to be the beginning of the source. */
  async #synchronise(file: NamedFile, source: Ranges, call: Call): Promise<void> {
    const { sum } = this.#growing
    const context = this.#context
    const end = Math.min(source.size, sum.size + this.#state.chunkSize)
    const { storage, size, crc32 } = await retry(context.options, call, {
      attempt: async () => {
        const asked = await context.trackers.queryUpdate(file, call)
        await settledSize(context, asked, file, sum.size, end, call)
        return { storage: asked, ...(await fileInfoFrom(context, asked, file, call)) }
      },
    })
    if (size > source.size) {
      throw this.#notTheBeginning(`${size} bytes are stored, the source has ${source.size}`, storage, file)
    }
    const isKnown = this.#isSameSource && size >= sum.size
    const local = isKnown ? new ContentSum(false, sum.size, sum.crc32) : new ContentSum(false)
    await count(source, local, size, call)
    if (local.crc32 !== crc32) {
      // Before V6.02 a storage tells the CRC32 of the first chunk (protocol.md §3.6): what it has is read back.
      const { sum: stored } = await retry(context.options, call, {
        attempt: () => readWhole(context, storage, file, NOWHERE, call),
      })
      if (stored.size !== size || stored.crc32 !== local.crc32) {
        throw this.#notTheBeginning(
          `${String(stored)} are stored, the source has ${String(local)}`,
          storage,
          file,
        )
      }
    }
    context.options.log.debug('client', `${file.id}: goes on from ${size}, ${sum.size} were known`)
    this.#growing.sum = local
    this.#isSameSource = true
  }

  #notTheBeginning(why: string, storage: { host: string; port: number }, { id }: NamedFile): IntegrityError {
    return new IntegrityError(`what is stored is not the beginning of the source: ${why}`, {
      command: storageCommands.queryFileInfo.name,
      endpoint: formatEndpoint(storage),
      fileId: id,
    })
  }

  async #checkpoint(call: Call): Promise<void> {
    if (this.#onCheckpoint === undefined) return
    try {
      await call.wait(Promise.resolve(this.#onCheckpoint(this.toJSON())))
    } catch (cause) {
      call.check()
      throw new LocalIoError(`onCheckpoint failed: ${messageOf(cause)}`, { cause })
    }
  }

  #startOver(): void {
    this.#growing = new GrowingFile(this.#context, this.#plan, this.#state.size)
    this.#isSameSource = true
  }
}

/** A new upload; nothing is sent yet. */
export async function newUpload(
  context: Context,
  run: Run,
  source: ResumableSource,
  options: ResumableUploadOptions,
  call: Call,
): Promise<ResumableUpload> {
  checkNames(options, RESUMABLE_OPTIONS, 'resumableUpload')
  if (options.onCheckpoint !== undefined) checkFunction(options.onCheckpoint, 'onCheckpoint')
  const { chunkSize = CHUNK_SIZE, size, keepFilename, filename } = options
  checkInteger(chunkSize, 'chunkSize', 1)
  const checked = planUpload(context, options)
  // What the caller does to them from here on is for another upload.
  const given = { ...options, metadata: options.metadata && { ...options.metadata } }
  const ranges = await openRanges(source, size, call)
  const { ext, verify } = planNamed(context, checked, ranges.fileName)
  const { group, storage, storePathIndex } = given
  const metadata =
    keepFilename === true ? withFilename(given.metadata, filename ?? ranges.fileName ?? '') : given.metadata
  const state: ResumableUploadState = {
    version: 1,
    id: null,
    size: ranges.size,
    transferred: 0,
    crc32: 0,
    chunkSize,
    options: {
      ext,
      verify,
      ...(metadata !== undefined && { metadata, metadataEncoding: encodingOf(context, given) }),
      ...(group !== undefined && { group }),
      ...(storage !== undefined && { storage }),
      ...(storePathIndex !== undefined && { storePathIndex }),
    },
  }
  return new ResumableUpload(context, run, source, state, given)
}

/** An upload that goes on; the storage is not asked yet. */
export async function oldUpload(
  context: Context,
  run: Run,
  saved: ResumableUploadState,
  source: ResumableSource,
  options: ResumeOptions,
  call: Call,
): Promise<ResumableUpload> {
  checkNames(options, RESUME_OPTIONS, 'resumeUpload')
  if (options.onCheckpoint !== undefined) checkFunction(options.onCheckpoint, 'onCheckpoint')
  const state = checkState(saved)
  checkNames(state.options, SAVED_OPTIONS, "an upload's state")
  const given = { ...options }
  await openRanges(source, state.size, call)
  return new ResumableUpload(context, run, source, state, given)
}

function isNormalFile(id: string): boolean {
  return parseFileId(id).kind !== 'appender'
}

/** Adds what a source has up to `end` to the sum of what it has before. */
async function count(source: Ranges, sum: ContentSum, end: number, call: Call): Promise<void> {
  const length = end - sum.size
  if (length === 0) return
  await withSource(source.range(sum.size, length), length, call, (part) =>
    call.wait(
      part.send(async (piece) => {
        call.check()
        sum.update(piece)
      }),
    ),
  )
}
