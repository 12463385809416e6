import { locateError, ServerError, STATUS } from '../errors.js'
import type { Call } from '../net/call.js'
import { retry } from '../net/retry.js'
import type { Command, RequestOf } from '../protocol/index.js'
import { limits, storageCommands } from '../protocol/index.js'
import { checkInteger, checkNames } from './check.js'
import { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import { extend } from './extend.js'
import { deleteFile, fileInfoFrom, getMetadata, packMetadata, setMetadata } from './files.js'
import { NamedFile } from './named-file.js'
import { tellingSpace } from './no-space.js'
import type { ProgressListener } from './progress.js'
import { progressOf, reportEnd } from './progress.js'
import { rename } from './rename.js'
import type { OpenSource, Source } from './sources.js'
import type { MayExist } from './transfer.js'
import { Sending } from './transfer.js'
import type { StorageEndpoint } from './trackers.js'
import type { ContentOptions } from './upload.js'
import { CONTENT_OPTIONS, withSource } from './upload.js'

/** How a part of an appender file is written over. */
export interface ModifyOptions extends ContentOptions {
  /** Where to begin, in bytes from the file's start; at most its size. @defaultValue 0 */
  offset?: number | undefined
}

/** A normal file that was an appender file. */
export interface RegeneratedFile {
  /** Its new ID; the old one is gone. */
  readonly id: string
  /** The group it is in. */
  readonly group: string
  /** The logic filename: the ID without the group. */
  readonly name: string
}

/** Adds content to the end of an appender file (protocol.md §3.2). Never made again once it was begun. */
export function append(
  context: Context,
  file: NamedFile,
  source: Source,
  options: ContentOptions,
  call: Call,
): Promise<void> {
  checkNames(options, CONTENT_OPTIONS, 'appendFile')
  const { name } = file
  const { appendFile } = storageCommands
  return change(
    context,
    file,
    source,
    options,
    call,
    (opened, onProgress) => new Appending(context, appendFile, file, { name }, opened, call, onProgress),
  )
}

/** Writes content over a part of an appender file (protocol.md §3.2). */
export function modify(
  context: Context,
  file: NamedFile,
  source: Source,
  options: ModifyOptions,
  call: Call,
): Promise<void> {
  checkNames(options, ['offset', ...CONTENT_OPTIONS], 'modifyFile')
  const offset = options.offset === undefined ? 0 : checkInteger(options.offset, 'offset', 0)
  const fields = { name: file.name, offset }
  const { modifyFile } = storageCommands
  return change(
    context,
    file,
    source,
    options,
    call,
    (opened, onProgress) => new Changing(context, modifyFile, file, fields, opened, call, onProgress),
    offset === 0 ? undefined : `the offset, ${offset}, may be past its end`,
  )
}

/** Sends content to the storage that changes of a file go to. */
class Changing<C extends Command> extends Sending<C, undefined, StorageEndpoint> {
  protected readonly file: NamedFile
  readonly #fields: RequestOf<C>

  constructor(
    context: Context,
    command: C,
    file: NamedFile,
    fields: RequestOf<C>,
    source: OpenSource,
    call: Call,
    onProgress: ProgressListener | undefined,
  ) {
    super(context, command, source, call, onProgress)
    this.file = file
    this.#fields = fields
  }

  protected override find(): Promise<StorageEndpoint> {
    return this.context.trackers.queryUpdate(this.file, this.call)
  }

  protected override fields(): RequestOf<C> {
    return this.#fields
  }

  /** Nothing is compared with it. */
  protected override sumFor(): undefined {
    return undefined
  }
}

class Appending extends Changing<typeof storageCommands.appendFile> {
  protected override get repeatable(): boolean {
    return false
  }

  protected override mayExist(): MayExist {
    const text = `${this.source.size} bytes may have been added to the file`
    return { text, fileId: this.file.id }
  }
}

/** Makes what sends content. */
type Send = (opened: OpenSource, onProgress: ProgressListener | undefined) => { run(): Promise<unknown> }

/**
 * Sends content for a change, when it is its turn: in the order of the calls, whichever source is open first.
 *
 * @param refusal - why a storage refuses it where the file is an appender file
 */
function change(
  context: Context,
  file: NamedFile,
  source: Source,
  options: ContentOptions,
  call: Call,
  sending: Send,
  refusal?: string,
): Promise<void> {
  const onProgress = progressOf(options.onProgress, context.options.log)
  return context.serial.run(file.id, call, (turn) =>
    withSource(source, options.size, call, async (opened) => {
      await turn()
      try {
        await explainingRefusal(file, () => sending(opened, onProgress).run(), refusal)
      } catch (error) {
        throw await tellingSpace(context, error, call)
      }
      reportEnd(onProgress, opened.size)
    }),
  )
}

/** Cuts an appender file, or adds zeros to it (protocol.md §3.2). */
export async function truncate(context: Context, file: NamedFile, size: number, call: Call): Promise<void> {
  checkInteger(size, 'size', 0)
  const { name } = file
  await context.serial.run(file.id, call, async (turn) => {
    await turn()
    const cut = async (): Promise<void> => {
      const storage = await context.trackers.queryUpdate(file, call)
      try {
        await askStorage(context, storage, storageCommands.truncateFile, { name, newSize: size }, call)
      } catch (error) {
        if (!(error instanceof ServerError) || error.status !== STATUS.EINVAL) throw error
        // Up to V5.11 a storage only cuts; zeros at the end do the same.
        const { size: present } = await fileInfoFrom(context, storage, file, call)
        if (size <= present) throw error
        const missing = size - present
        await withSource(
          () => zerosOf(missing),
          missing,
          call,
          (zeros) => extend(context, file, new ContentSum(false, present), zeros, call),
        )
      }
    }
    await explainingRefusal(file, () => retry(context.options, call, { attempt: cut }))
  })
}

/**
 * Says why a storage refused a change, as far as the file's ID tells: only appender files can be changed (protocol.md
 * §3.2), and of them those that are regenerated need V6.02.
 *
 * @param other - why it refuses what is an appender file
 */
async function explainingRefusal<T>(
  { says }: NamedFile,
  change: () => Promise<T>,
  other?: string,
): Promise<T> {
  try {
    return await change()
  } catch (error) {
    if (!(error instanceof ServerError) || error.status !== STATUS.EINVAL) throw error
    const why = says?.appender === false ? 'its ID is not that of an appender file' : other
    throw why === undefined ? error : locateError(error, {}, `${error.reason}: ${why}`)
  }
}

function* zerosOf(count: number): Generator<Uint8Array> {
  const piece = Buffer.alloc(Math.min(count, 1024 * 1024))
  for (let left = count; left > 0; left -= piece.length) yield piece.subarray(0, left)
}

/**
 * Turns an appender file into a normal one, which gets another name (protocol.md §3.2). Storages lose the metadata on
 * the way; it is set again.
 */
export function regenerate(context: Context, file: NamedFile, call: Call): Promise<RegeneratedFile> {
  return context.serial.run(file.id, call, async (turn) => {
    await turn()
    // Byte for byte, whatever its encoding.
    const metadata = packMetadata(await getMetadata(context, file, 'raw', call), 'raw')
    const renamed = await explainingRefusal(
      file,
      () => rename(context, file, call),
      'storages do this since V6.02',
    )
    if (metadata.length > 0) {
      await setMetadata(context, renamed, metadata, limits.METADATA_FLAGS.OVERWRITE, call)
      await dropOldMetadata(context, file, call)
    }
    return renamed
  })
}

/** Storages leave the metadata of the old name behind, a file of its own that nobody would ever find again. */
async function dropOldMetadata(context: Context, { id }: NamedFile, call: Call): Promise<void> {
  try {
    await deleteFile(context, new NamedFile(`${id}-m`), call)
  } catch (error) {
    // The file has its new name and its metadata; what is left over harms nobody.
    context.options.log.debug('client', `${id}-m is left behind: ${(error as Error).message}`)
  }
}
