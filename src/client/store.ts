/** The end of every upload: a whole file is sent, verified, and given its metadata. */
import { FileNotFoundError, isFastDfsError, locateError, ProtocolError } from '../errors.js'
import { Call } from '../net/call.js'
import { formatEndpoint } from '../net/endpoint.js'
import type { RequestOf, ResponseOf, storageCommands } from '../protocol/index.js'
import { limits } from '../protocol/index.js'
import { show } from './check.js'
import type { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { deleteFile, setMetadata } from './files.js'
import { verifyUpload } from './integrity.js'
import { NamedFile } from './named-file.js'
import { CLEANUP_TIMEOUT } from './outliving.js'
import type { MayBePending } from './pending.js'
import { isPending } from './pending.js'
import type { ProgressListener } from './progress.js'
import { reportEnd } from './progress.js'
import type { Failed } from './replicas.js'
import type { OpenSource } from './sources.js'
import type { Place, StoreChoice } from './store-target.js'
import { findStore } from './store-target.js'
import type { MayExist, Sent } from './transfer.js'
import { Sending } from './transfer.js'
import type { UploadedFile } from './upload.js'

/** The commands that make a file of its own, normal or appender: of one form. */
export type NewFileCommand = typeof storageCommands.uploadFile

/** What is left to do when the content is stored. */
export interface Finishing {
  readonly metadata: Buffer | undefined
  readonly verify: boolean
  readonly onProgress: ProgressListener | undefined
}

/** How a new file is stored. */
export interface UploadPlan extends Finishing {
  readonly place: Place
  readonly ext: string
}

/** Stores a new file in one request. */
export function storeWhole(
  context: Context,
  command: NewFileCommand,
  source: OpenSource,
  plan: UploadPlan,
  call: Call,
): Promise<UploadedFile> {
  const sending = new WholeSending(context, command, source, call, plan, plan.onProgress)
  return finish(context, sending.run(), plan, call)
}

/** Sends the content of a new file (protocol.md §3.1). */
export abstract class NewFileSending<S extends ContentSum | undefined> extends Sending<
  NewFileCommand,
  S,
  StoreChoice
> {
  /** How it is stored. */
  protected readonly plan: UploadPlan

  constructor(
    context: Context,
    command: NewFileCommand,
    source: OpenSource,
    call: Call,
    plan: UploadPlan,
    onProgress: ProgressListener | undefined,
  ) {
    super(context, command, source, call, onProgress)
    this.plan = plan
  }

  protected override find(failed: Failed): MayBePending<StoreChoice> {
    return findStore(this.context, this.plan.place, this.call, failed)
  }

  protected override fields({ storePathIndex }: StoreChoice): RequestOf<NewFileCommand> {
    return { storePathIndex, ext: this.plan.ext }
  }

  protected override mayExist({ group }: StoreChoice): MayExist {
    return { text: `a file of ${this.source.size} bytes may be in ${group}, under an ID that nobody knows` }
  }

  override undo(reply: ResponseOf<NewFileCommand>): Promise<void> {
    return discard(this.context, newFileOf(reply))
  }
}

class WholeSending extends NewFileSending<ContentSum | undefined> {
  protected override sumFor(storage: StoreChoice): ContentSum | undefined {
    return this.plan.verify ? this.context.oldCrcs.sumFor(storage, this.source.size) : undefined
  }
}

/**
 * What an upload resolves to, after it is verified and its metadata is set. A file that is not what was sent, whose
 * metadata cannot be set, or whose end cannot be reported, is deleted again: nobody else knows its ID.
 */
export async function finish(
  context: Context,
  sending: Promise<Sent<{ group: string; name: string }>>,
  finishing: Finishing,
  call: Call,
): Promise<UploadedFile> {
  const sent = await sending
  const file = newFileOf(sent.reply)
  try {
    return await complete(context, file, sent, finishing, call)
  } catch (error) {
    await discard(context, file)
    throw error
  }
}

/** Verifies a file that is stored whole, and sets its metadata. */
export async function complete(
  context: Context,
  file: NamedFile,
  { storage, size, sum }: Omit<Sent<unknown>, 'reply'>,
  { metadata, verify, onProgress }: Finishing,
  call: Call,
): Promise<UploadedFile> {
  try {
    const verifying = verify && sum !== undefined && verifyUpload(context, file, { storage, sum }, call)
    const verified = isPending(verifying) ? await verifying : verifying
    if (metadata !== undefined) {
      await setMetadata(context, file, metadata, limits.METADATA_FLAGS.OVERWRITE, call)
    }
    reportEnd(onProgress, size)
    const { id, group, name } = file
    return { id, group, name, size, crc32: sum?.crc32, verified, endpoint: formatEndpoint(storage) }
  } catch (error) {
    throw isFastDfsError(error) ? locateError(error, { fileId: file.id }) : error
  }
}

/** Deletes what nobody else knows of. The call itself may be over: deleting has a time of its own. */
export async function discard(context: Context, file: NamedFile): Promise<void> {
  await deleteFile(context, file, new Call({ timeout: CLEANUP_TIMEOUT })).catch((cause: Error) => {
    if (cause instanceof FileNotFoundError) return
    context.options.log.warn('client', `${file.id} is left behind: ${cause.message}`, { fileId: file.id })
  })
}

/** The ID of a file that a storage has named. */
export function newFileOf({ group, name }: { group: string; name: string }): NamedFile {
  try {
    return new NamedFile(`${group}/${name}`)
  } catch (cause) {
    throw new ProtocolError(
      `the storage named the new file ${show(`${group}/${name}`)}, which is no file ID`,
      {
        cause,
      },
    )
  }
}
