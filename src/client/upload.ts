import { FileExistsError, InvalidArgumentError, locateError } from '../errors.js'
import { slaveName } from '../file-id/index.js'
import type { Call, CallOptions } from '../net/call.js'
import type { Metadata, RequestOf, ResponseOf } from '../protocol/index.js'
import { storageCommands } from '../protocol/index.js'
import { checkBoolean, checkInteger, checkNames, checkWord, show } from './check.js'
import { storeInChunks } from './chunked-upload.js'
import { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import type { ExtPolicy } from './ext.js'
import { EXT_POLICIES, extOf, fitExt } from './ext.js'
import { withFilename } from './filename.js'
import { encodingOf, packMetadata } from './files.js'
import { NamedFile } from './named-file.js'
import { tellingSpace } from './no-space.js'
import type { MayBePending } from './pending.js'
import { isPending } from './pending.js'
import type { ProgressListener } from './progress.js'
import { checkProgress, progressOf } from './progress.js'
import type { OpenSource, Source } from './sources.js'
import { isInMemory, openSource, openUnread, openView } from './sources.js'
import type { NewFileCommand, UploadPlan } from './store.js'
import { discard, finish, newFileOf, storeWhole } from './store.js'
import type { PlaceOptions } from './store-target.js'
import { checkPlace, PLACE_OPTIONS } from './store-target.js'
import type { StorageEndpoint } from './trackers.js'
import type { MayExist, Sent } from './transfer.js'
import { Sending } from './transfer.js'

/** What is common to the uploads of all kinds of files. */
export interface ContentOptions extends CallOptions {
  /**
   * The size in bytes of a source that does not know it: a stream or an iterable. Without it, such a source is read to
   * its end first: up to 8 MiB into memory, what is larger into a temporary file that has no name.
   */
  size?: number | undefined
  /**
   * Is told how many bytes were sent, at most once for each piece; the last time when the storage has taken all. What
   * it throws ends the call with a {@link LocalIoError}.
   */
  onProgress?: ProgressListener | undefined
}

/** How a file is uploaded. */
export interface UploadOptions extends ContentOptions, PlaceOptions {
  /**
   * The extension, at most 6 of `0-9 A-Z a-z - _ .`; a leading dot is dropped, and `''` means none. Default: that of
   * `filename` or of the source's own name, if it fits.
   */
  ext?: string | undefined
  /** What happens to an `ext` that the protocol cannot hold. Default: the client's. */
  extPolicy?: ExtPolicy | undefined
  /** A name to take the extension from, and to keep with {@link UploadOptions.keepFilename}. */
  filename?: string | undefined
  /**
   * Keeps the last part of `filename`, or of the source's own name, in the metadata under {@link FILENAME_KEY}.
   * @defaultValue false
   */
  keepFilename?: boolean | undefined
  /** Stored with the file: names up to 64 bytes, values up to 256. */
  metadata?: Metadata | undefined
  /** What `metadata` is written in, as in {@link MetadataOptions}. Default: the client's. */
  metadataEncoding?: string | undefined
  /**
   * Whether the name that the storage gives is compared with what was sent. Where it is not, no CRC32 is counted of what
   * is sent in one request. Default: the client's `verify`.
   */
  verify?: boolean | undefined
  /**
   * Files that are stored after this one, in order, as its slaves. When one fails, what was stored is deleted again, and
   * the call rejects with its error; where that fails too, the error says what is left behind.
   */
  slaves?: readonly SlaveUpload[] | undefined
  /**
   * What becomes of a source whose size is not known.
   *
   * - `spool`: it is read to its end first, into memory or a temporary file, and then sent as one clean file.
   * - `appender`: it is sent as it comes, through an appender file that grows by 8 MiB at a time and is made a normal
   *   one in the end; up to 8 MiB it is sent like any other. It needs 16 MiB of memory and no disk, and costs the
   *   cluster more: a request and a binlog record for each 8 MiB, which every storage of the group carries out, and at
   *   the end the storage reads the whole file for its CRC32. Storages before V6.02 cannot make it a normal file: it
   *   stays an appender file, see {@link UploadedFile.appender}. Metadata is set at the end. When it fails, what was
   *   stored is deleted.
   *
   * @defaultValue 'spool'
   */
  unknownLength?: UnknownLength | undefined
}

/** What becomes of a source whose size is not known, see {@link UploadOptions.unknownLength}. */
export type UnknownLength = 'spool' | 'appender'

/** How a slave file is uploaded. */
export interface SlaveOptions extends ContentOptions {
  /** What tells it from its master and other slaves: 1 to 16 of `0-9 A-Z a-z - _ .`, for example `_150x150`. */
  prefix: string
  /** The extension, as in {@link UploadOptions}; `''` means none. Default: the master's. */
  ext?: string | undefined
  /** What happens to an `ext` that the protocol cannot hold. Default: the client's. */
  extPolicy?: ExtPolicy | undefined
  /** Stored with the file, as in {@link UploadOptions}. */
  metadata?: Metadata | undefined
  /** What `metadata` is written in, as in {@link MetadataOptions}. Default: the client's. */
  metadataEncoding?: string | undefined
}

/** A slave that is uploaded with its master. */
export interface SlaveUpload extends Omit<SlaveOptions, keyof CallOptions> {
  /** What is uploaded. */
  source: Source
}

/** A file that was stored. */
export interface UploadedFile {
  /** The file ID: what every other method takes. */
  readonly id: string
  /** The group it is in. */
  readonly group: string
  /** The logic filename: the ID without the group. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** CRC32 of the bytes that were sent, unsigned; undefined where `verify: false` has spared counting it. */
  readonly crc32: number | undefined
  /**
   * Whether the storage has what was sent, by the size and CRC32 in the file's name. False also where a name says
   * nothing: that of a slave, or of a link to a file that the storage had already.
   */
  readonly verified: boolean
  /** The storage that took it, as `host:port`. */
  readonly endpoint: string
  /** The slaves that were uploaded with it, in order: where the option `slaves` was given. */
  readonly slaves?: readonly UploadedFile[]
  /**
   * Present where a file that was stored chunk by chunk has stayed an appender file, since its storage is older than
   * V6.02. Its name tells no size, and it can still be changed.
   */
  readonly appender?: true
}

/** The names of {@link ContentOptions}. */
export const CONTENT_OPTIONS = ['size', 'onProgress', 'signal', 'timeout']
const NAME_OPTIONS = ['ext', 'extPolicy', 'metadata', 'metadataEncoding']
const UPLOAD_OPTIONS = [
  ...NAME_OPTIONS,
  'filename',
  'keepFilename',
  'verify',
  'slaves',
  'unknownLength',
  ...PLACE_OPTIONS,
  ...CONTENT_OPTIONS,
]
const UNKNOWN_LENGTHS: readonly UnknownLength[] = ['spool', 'appender']
const SLAVE_OPTIONS = ['prefix', ...NAME_OPTIONS, ...CONTENT_OPTIONS]
const SLAVE_UPLOAD_OPTIONS = ['source', 'prefix', ...NAME_OPTIONS, 'size', 'onProgress']

/**
 * Stores a new file (protocol.md §3.1). Everything is checked before anything is sent.
 *
 * @param checkExt - refuses the extension, when it is known and nothing is sent
 */
export async function upload(
  context: Context,
  command: NewFileCommand,
  source: Source,
  options: UploadOptions,
  call: Call,
  checkExt?: (ext: string) => void,
): Promise<UploadedFile> {
  checkNames(options, UPLOAD_OPTIONS, command.name)
  const { size, unknownLength = 'spool' } = options
  checkWord(unknownLength, 'unknownLength', UNKNOWN_LENGTHS)
  const checked = planUpload(context, options)
  const opening = openChecked(source, size, call, unknownLength === 'spool' ? openSource : openUnread)
  const opened = isPending(opening) ? await opening : opening
  try {
    const plan = planNamed(context, checked, opened.fileName)
    checkExt?.(plan.ext)
    return 'pieces' in opened
      ? await storeInChunks(context, command, opened.pieces, plan, call)
      : await storeWhole(context, command, opened, plan, call)
  } catch (error) {
    throw await tellingSpace(context, error, call)
  } finally {
    const closing = opened.close()
    if (closing !== undefined) await closing
  }
}

/** What a plan of an upload is made from. */
type PlanOptions = Omit<UploadOptions, keyof CallOptions | 'size' | 'slaves' | 'unknownLength'>

/** The plan of an upload whose source may have a name of its own. */
interface NamelessPlan extends UploadPlan {
  /** Whether the extension is that of such a name. */
  readonly takesExt: boolean
  /** What such a name is kept with, where it is. */
  readonly keptWith: Pick<PlanOptions, 'metadata' | 'metadataEncoding'> | undefined
}

/** Checks the options of an upload: makes the plan for a source that has no name of its own. */
export function planUpload(context: Context, options: PlanOptions): NamelessPlan {
  const { filename } = options
  const onProgress = progressOf(options.onProgress, context.options.log)
  const place = checkPlace(options, context.options.group)
  if (filename !== undefined && typeof filename !== 'string') {
    throw new InvalidArgumentError(`filename must be a text, not ${show(filename)}`)
  }
  const given = givenExt(context, options)
  const { verify = context.options.verify } = options
  checkBoolean(verify, 'verify')
  const keepFilename =
    options.keepFilename !== undefined && checkBoolean(options.keepFilename, 'keepFilename')
  // Whether the source has a name is known later: any one shows what is wrong with the rest.
  const packed = packOptional(context, options, keepFilename ? (filename ?? '-') : undefined)
  const { metadata, metadataEncoding } = options
  return {
    place,
    ext: given ?? extOf(filename),
    metadata: packed,
    verify,
    onProgress,
    takesExt: given === undefined && filename === undefined,
    keptWith:
      keepFilename && filename === undefined ? { metadata: { ...metadata }, metadataEncoding } : undefined,
  }
}

/** The plan for a source that is open, whose name counts where the options said none when they were checked. */
export function planNamed(context: Context, plan: NamelessPlan, fileName: string | undefined): UploadPlan {
  const { takesExt, keptWith } = plan
  if (keptWith === undefined && (!takesExt || fileName === undefined)) return plan
  return {
    ...plan,
    ext: takesExt ? extOf(fileName) : plan.ext,
    metadata: keptWith === undefined ? plan.metadata : packOptional(context, keptWith, fileName ?? ''),
  }
}

/**
 * Stores a slave of `master` (protocol.md §3.1, §5): its name is known beforehand, and must be one that servers take.
 *
 * @param counts - count the CRC32; nothing is compared with it
 */
export async function uploadSlave(
  context: Context,
  master: NamedFile,
  source: Source,
  options: SlaveOptions,
  call: Call,
  counts = context.options.verify,
): Promise<UploadedFile> {
  const command = storageCommands.uploadSlaveFile
  checkNames(options, SLAVE_OPTIONS, command.name)
  const { prefix } = options
  const onProgress = progressOf(options.onProgress, context.options.log)
  const ext = givenExt(context, options)
  const slave = new NamedFile(slaveName(master.id, prefix, ext))
  const metadata = packOptional(context, options)
  return withSource(source, options.size, call, async (opened) => {
    // An empty extension means none to the server, not the master's.
    const fields = { prefix, ext: ext ?? extOf(slave.name), masterName: master.name }
    const sending = new SlaveSending(context, opened, call, onProgress, master, slave, fields, counts)
    // Its name holds what its master's says.
    return finish(context, sending.run(), { metadata, verify: false, onProgress }, call)
  })
}

type SlaveCommand = typeof storageCommands.uploadSlaveFile

class SlaveSending extends Sending<SlaveCommand, ContentSum | undefined, StorageEndpoint> {
  readonly #master: NamedFile
  readonly #slave: NamedFile
  readonly #fields: RequestOf<SlaveCommand>
  readonly #counts: boolean

  /** @param slave - what it will be */
  constructor(
    context: Context,
    source: OpenSource,
    call: Call,
    onProgress: ProgressListener | undefined,
    master: NamedFile,
    slave: NamedFile,
    fields: RequestOf<SlaveCommand>,
    counts: boolean,
  ) {
    super(context, storageCommands.uploadSlaveFile, source, call, onProgress)
    this.#master = master
    this.#slave = slave
    this.#fields = fields
    this.#counts = counts
  }

  protected override find(): Promise<StorageEndpoint> {
    return this.context.trackers.queryUpdate(this.#master, this.call)
  }

  protected override fields(): RequestOf<SlaveCommand> {
    return this.#fields
  }

  protected override sumFor(): ContentSum | undefined {
    return this.#counts ? new ContentSum(false) : undefined
  }

  protected override mayExist(): MayExist {
    const { id } = this.#slave
    return { text: `the slave ${id} may be stored`, fileId: id }
  }

  override undo(reply: ResponseOf<SlaveCommand>): Promise<void> {
    return discard(this.context, newFileOf(reply))
  }

  override async run(): Promise<Sent<ResponseOf<SlaveCommand>>> {
    try {
      return await super.run()
    } catch (error) {
      // It is the slave that is there, and the master that is not.
      if (error instanceof FileExistsError) throw locateError(error, { fileId: this.#slave.id })
      throw await tellingSpace(this.context, error, this.call)
    }
  }
}

/** Checks all of a slave but its source, and that its name is one. */
export function checkSlave(context: Context, slave: SlaveUpload): { ext: string | undefined } {
  checkNames(slave, SLAVE_UPLOAD_OPTIONS, 'a slave')
  checkProgress(slave.onProgress)
  if (slave.size !== undefined) checkInteger(slave.size, 'size', 0)
  packOptional(context, slave)
  return { ext: givenExt(context, slave) }
}

/** Opens a source for as long as `use` takes. */
export async function withSource<T>(
  source: Source,
  size: number | undefined,
  call: Call,
  use: (opened: OpenSource) => Promise<T>,
): Promise<T> {
  const opened = await openChecked(source, size, call, openSource)
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}

/** Opens a source; at once where it is in memory. */
function openChecked<S>(
  source: Source,
  size: number | undefined,
  call: Call,
  open: (source: Source, size: number | undefined, call: Call) => Promise<S>,
): MayBePending<S | OpenSource> {
  if (size !== undefined) checkInteger(size, 'size', 0)
  return isInMemory(source) ? openView(source, size) : open(source, size, call)
}

function givenExt(context: Context, options: PlanOptions | SlaveOptions | SlaveUpload): string | undefined {
  const { ext, extPolicy } = options
  const policy =
    extPolicy === undefined ? context.options.extPolicy : checkWord(extPolicy, 'extPolicy', EXT_POLICIES)
  return ext === undefined ? undefined : fitExt(ext, policy)
}

/** The metadata of an upload as bytes, with the name that is to be kept. */
function packOptional(
  context: Context,
  options: PlanOptions | SlaveOptions | SlaveUpload,
  fileName?: string,
): Buffer | undefined {
  const encoding = encodingOf(context, options)
  const { metadata } = options
  const all = fileName === undefined ? metadata : withFilename(metadata, fileName)
  const bytes = all === undefined ? undefined : packMetadata(all, encoding)
  return bytes?.length === 0 ? undefined : bytes
}
