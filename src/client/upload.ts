import type { Metadata } from '../protocol/index.js'
import { InvalidArgumentError, isFastDfsError, locateError, ProtocolError } from '../errors.js'
import type { SplitFileId } from '../file-id/index.js'
import { slaveName, splitFileId } from '../file-id/index.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import { formatEndpoint } from '../net/endpoint.js'
import { log } from '../observe/log.js'
import { limits, storageCommands } from '../protocol/index.js'
import { checkBoolean, checkGroup, checkInteger, checkNames, checkWord, show } from './check.js'
import type { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import type { ExtPolicy } from './ext.js'
import { EXT_POLICIES, extOf, fitExt } from './ext.js'
import { withFilename } from './filename.js'
import { deleteFile, encodingOf, packMetadata, setMetadata } from './files.js'
import { verifyUpload } from './integrity.js'
import type { ProgressListener } from './progress.js'
import { checkProgress, reportEnd } from './progress.js'
import type { OpenSource, Source } from './sources.js'
import { openSource } from './sources.js'
import type { Sent, Target } from './transfer.js'
import { sendContent } from './transfer.js'
import type { StorageEndpoint } from './trackers.js'

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
export interface UploadOptions extends ContentOptions {
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
  /** The group to store in. Default: the client's, or the tracker chooses. */
  group?: string | undefined
  /** Whether the name that the storage gives is compared with what was sent. Default: the client's `verify`. */
  verify?: boolean | undefined
  /**
   * Files that are stored after this one, in order, as its slaves. When one fails, what was stored is deleted again, and
   * the call rejects with its error; where that fails too, the error says what is left behind.
   */
  slaves?: readonly SlaveUpload[] | undefined
}

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
  /** CRC32 of the bytes that were sent, unsigned. */
  readonly crc32: number
  /**
   * Whether the storage has what was sent, by the size and CRC32 in the file's name. False also where a name says
   * nothing: that of a slave, or of a link to a file that the storage had already.
   */
  readonly verified: boolean
  /** The storage that took it, as `host:port`. */
  readonly endpoint: string
  /** The slaves that were uploaded with it, in order: where the option `slaves` was given. */
  readonly slaves?: readonly UploadedFile[]
}

/** The names of {@link ContentOptions}. */
export const CONTENT_OPTIONS = ['size', 'onProgress', 'signal', 'timeout']
const NAME_OPTIONS = ['ext', 'extPolicy', 'metadata', 'metadataEncoding']
const UPLOAD_OPTIONS = [
  ...NAME_OPTIONS,
  'filename',
  'keepFilename',
  'group',
  'verify',
  'slaves',
  ...CONTENT_OPTIONS,
]
const SLAVE_OPTIONS = ['prefix', ...NAME_OPTIONS, ...CONTENT_OPTIONS]
const SLAVE_UPLOAD_OPTIONS = ['source', 'prefix', ...NAME_OPTIONS, 'size', 'onProgress']

/** The commands that make a file of its own, normal or appender: of one form. */
export type NewFileCommand = typeof storageCommands.uploadFile

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
  checkExt: (ext: string) => void = () => {},
): Promise<UploadedFile> {
  checkNames(options, UPLOAD_OPTIONS, command.name)
  const { group, filename } = options
  const onProgress = checkProgress(options.onProgress)
  if (group !== undefined) checkGroup(group)
  if (filename !== undefined && typeof filename !== 'string') {
    throw new InvalidArgumentError(`filename must be a text, not ${show(filename)}`)
  }
  const given = givenExt(context, options)
  const { verify = context.options.verify } = options
  checkBoolean(verify, 'verify')
  const keepFilename =
    options.keepFilename !== undefined && checkBoolean(options.keepFilename, 'keepFilename')
  // The source's own name is known when it is open; what else is wrong is said before that.
  const early = packOptional(context, options, keepFilename ? (filename ?? '-') : undefined)
  return withSource(source, options.size, call, async (opened) => {
    const ext = given ?? extOf(filename ?? opened.fileName)
    checkExt(ext)
    const late = keepFilename && filename === undefined
    const metadata = late ? packOptional(context, options, opened.fileName ?? '') : early
    const findTarget = async (): Promise<Target<NewFileCommand>> => {
      const target = await context.trackers.queryStore(group ?? context.options.group, call)
      return { storage: target, fields: { storePathIndex: target.storePathIndex, ext } }
    }
    const sumFor = (storage: StorageEndpoint): ContentSum => context.oldCrcs.sumFor(storage, opened.size)
    const sent = await sendContent(context, command, opened, call, findTarget, {
      sumFor: verify ? sumFor : undefined,
      onProgress,
    })
    return finish(context, sent, { metadata, verify, onProgress }, call)
  })
}

/** Stores a slave of `master` (protocol.md §3.1, §5): its name is known beforehand, and must be one that servers take. */
export async function uploadSlave(
  context: Context,
  master: SplitFileId,
  source: Source,
  options: SlaveOptions,
  call: Call,
): Promise<UploadedFile> {
  const command = storageCommands.uploadSlaveFile
  checkNames(options, SLAVE_OPTIONS, command.name)
  const { prefix } = options
  const onProgress = checkProgress(options.onProgress)
  const ext = givenExt(context, options)
  const { name: expected } = splitFileId(slaveName(master.id, prefix, ext))
  const metadata = packOptional(context, options)
  return withSource(source, options.size, call, async (opened) => {
    // An empty extension means none to the server, not the master's.
    const fields = { prefix, ext: ext ?? extOf(expected), masterName: master.name }
    const findTarget = async (): Promise<Target<typeof command>> => ({
      storage: await context.trackers.queryUpdate(master, call),
      fields,
    })
    const sent = await sendContent(context, command, opened, call, findTarget, { onProgress })
    // Its name holds what its master's says.
    return finish(context, sent, { metadata, verify: false, onProgress }, call)
  })
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
  if (size !== undefined) checkInteger(size, 'size', 0)
  const opened = await openSource(source, size, call)
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}

function givenExt(context: Context, options: UploadOptions | SlaveOptions | SlaveUpload): string | undefined {
  const { ext, extPolicy } = options
  const policy =
    extPolicy === undefined ? context.options.extPolicy : checkWord(extPolicy, 'extPolicy', EXT_POLICIES)
  return ext === undefined ? undefined : fitExt(ext, policy)
}

/** The metadata of an upload as bytes, with the name that is to be kept. */
function packOptional(
  context: Context,
  options: UploadOptions | SlaveOptions | SlaveUpload,
  fileName?: string,
): Buffer | undefined {
  const encoding = encodingOf(context, options)
  const { metadata } = options
  const all = fileName === undefined ? metadata : withFilename(metadata, fileName)
  const bytes = all === undefined ? undefined : packMetadata(all, encoding)
  return bytes?.length === 0 ? undefined : bytes
}

/** What is left to do when the content is stored. */
interface Finishing {
  readonly metadata: Buffer | undefined
  readonly verify: boolean
  readonly onProgress: ProgressListener | undefined
}

/**
 * What an upload resolves to, after it is verified and its metadata is set. A file that is not what was sent, whose
 * metadata cannot be set, or whose end cannot be reported, is deleted again: nobody else knows its ID.
 */
async function finish(
  context: Context,
  sent: Sent<{ group: string; name: string }>,
  { metadata, verify, onProgress }: Finishing,
  call: Call,
): Promise<UploadedFile> {
  const file = newFileOf(sent.reply)
  try {
    const verified = verify && (await verifyUpload(context, file, sent, call))
    if (metadata !== undefined) {
      await setMetadata(context, file, metadata, limits.METADATA_FLAGS.OVERWRITE, call)
    }
    const { size, crc32 } = sent.sum
    reportEnd(onProgress, size)
    return { ...file, size, crc32, verified, endpoint: formatEndpoint(sent.storage) }
  } catch (error) {
    // The call itself may be over: deleting has a time of its own.
    await deleteFile(context, file, new Call({ timeout: CLEANUP_TIMEOUT })).catch((cause: Error) => {
      log.net('%s is left behind: %s', file.id, cause.message)
    })
    throw isFastDfsError(error) ? locateError(error, { fileId: file.id }) : error
  }
}

/** Milliseconds to delete a file that is not whole. */
export const CLEANUP_TIMEOUT = 5_000

/** The ID of a file that a storage has named. */
export function newFileOf({ group, name }: { group: string; name: string }): SplitFileId {
  try {
    return splitFileId(`${group}/${name}`)
  } catch (cause) {
    throw new ProtocolError(
      `the storage named the new file ${show(`${group}/${name}`)}, which is no file ID`,
      {
        cause,
      },
    )
  }
}
