/** Whether content is what the name of its file says: the CRC32s of old servers, and reading again where it is not. */
import { IntegrityError, isFastDfsError, ServerError } from '../errors.js'
import { toCrc32V511 } from '../file-id/index.js'
import type { Call } from '../net/call.js'
import type { ContentSink } from '../net/content.js'
import { formatEndpoint } from '../net/endpoint.js'
import { retry } from '../net/retry.js'
import { storageCommands } from '../protocol/index.js'
import { ContentSum, CountingSink, hex, NOWHERE } from './content-sum.js'
import type { Context } from './context.js'
import type { NamedFile } from './named-file.js'
import type { MayBePending } from './pending.js'
import { readFrom, WHOLE } from './read.js'
import type { StorageEndpoint } from './trackers.js'

/** What a name says of the content of its file. */
export interface NamedContent {
  /** Bytes; an appender file's name does not say. */
  readonly size: number | undefined
  /** Of a normal file's content, or of what an appender file began with. */
  readonly crc32: number
}

/** Content that was sent to a storage or read from it. */
export interface Transferred {
  readonly storage: StorageEndpoint
  readonly sum: ContentSum
}

/** What the name of a file says of its own content: nothing in a slave's, which holds its master's (protocol.md §5). */
export function contentInName({ says }: NamedFile): NamedContent | undefined {
  return says?.kind === 'slave' ? undefined : says
}

/** Whether a file can be changed: its name does not tell its size. */
export function isAppender(file: NamedFile): boolean {
  const named = contentInName(file)
  return named !== undefined && named.size === undefined
}

/**
 * Which storages write CRC32s of before V5.12 into names (protocol.md §5). What the standard CRC32 and the size do not
 * tell has to be counted byte by byte: that is done only for storages that are known to need it.
 */
export class OldCrcs {
  /** The size above which content must be counted, by endpoint. */
  readonly #above = new Map<string, number>()

  /** A new sum for content that comes from or goes to a storage. */
  sumFor(storage: StorageEndpoint, size: number): ContentSum {
    return new ContentSum(this.covers(storage, size))
  }

  /** Whether content of `size` bytes of a storage is to be counted in the old ways too. */
  covers(storage: StorageEndpoint, size: number): boolean {
    return this.#above.size > 0 && size > (this.#above.get(formatEndpoint(storage)) ?? Infinity)
  }

  /**
   * Whether a CRC32 in a name is that of the content, by any way of counting that is known.
   *
   * @param storages - that gave the name or the content; it is remembered of them if the CRC32 is an old one
   */
  agree(named: number, sum: ContentSum, ...storages: readonly StorageEndpoint[]): boolean {
    if (named === sum.crc32) return true
    const isV511 = named === toCrc32V511(sum.crc32, sum.size)
    if (!isV511 && !sum.hasOld(named)) return false
    // V5.11's is told by the size as long as the content fits into one buffer; the oldest way has to be counted always.
    const above = isV511 || sum.size > ONE_BUFFER ? ONE_BUFFER : 0
    for (const endpoint of storages.map(formatEndpoint)) {
      this.#above.set(endpoint, Math.min(above, this.#above.get(endpoint) ?? Infinity))
    }
    return true
  }
}

/** Content that fits into a storage's smallest usual buffer with what stands in front of it (protocol.md §5). */
const ONE_BUFFER = 64 * 1024 - 25

/**
 * Whether the name of a new file says what was sent. Where it does not, what is stored counts: it is read back.
 *
 * @returns at once where the name says it; false where its CRC32 means nothing, as in links of de-duplicated files
 * @throws {@link IntegrityError} when something else is stored
 */
export function verifyUpload(
  context: Context,
  file: NamedFile,
  sent: Transferred,
  call: Call,
): MayBePending<boolean> {
  const named = contentInName(file)
  if (named === undefined) return false
  const { storage, sum } = sent
  const isOfSize = named.size === undefined || named.size === sum.size
  if (isOfSize && context.oldCrcs.agree(named.crc32, sum, storage)) return true
  return verifyStored(context, file, named, isOfSize, sent, call)
}

/** What is stored is what was sent, whatever its name says. */
async function verifyStored(
  context: Context,
  file: NamedFile,
  named: NamedContent,
  isOfSize: boolean,
  { storage, sum }: Transferred,
  call: Call,
): Promise<boolean> {
  const stored = await retry(context.options, call, {
    attempt: () => readWhole(context, storage, file, NOWHERE, call),
  })
  if (stored.sum.size !== sum.size || stored.sum.crc32 !== sum.crc32) {
    throw new IntegrityError(`${String(sum)} were sent, but ${String(stored.sum)} are stored`, {
      command: storageCommands.downloadFile.name,
      endpoint: formatEndpoint(storage),
      fileId: file.id,
    })
  }
  if (isOfSize && context.oldCrcs.agree(named.crc32, stored.sum, storage)) return true
  const means = `its name means nothing by ${hex(named.crc32)}`
  context.options.log.debug('client', `${file.id} has what was sent: ${String(sum)}; ${means}`)
  return false
}

/** What takes a second reading, and whether that counts in the place of the first. */
export interface SecondReading {
  readonly sink: ContentSink
  readonly replaces: boolean
}

/** What a download came to. */
export interface Verified {
  /** Of what the sink has, where it was counted. */
  readonly crc32: number | undefined
  /** Whether it is what the name says. */
  readonly verified: boolean
  /** Where it came from. */
  readonly storage: StorageEndpoint
}

/**
 * Whether what was read is what the name says. Where it is not, the file is read once more.
 *
 * @param again - takes the second reading; where it is not `replaces`, only the first one counts
 * @returns the CRC32 of what the sink has, and the storage it came from; not verified where both readings agree with each other only: the name's
 *   CRC32 means nothing, or the file on the disk is damaged
 * @throws {@link IntegrityError} when content was damaged, on the way or at one of the storages
 */
export function verifyDownload(
  context: Context,
  file: NamedFile,
  named: NamedContent,
  first: Transferred,
  again: SecondReading,
  call: Call,
): MayBePending<Verified> {
  return context.oldCrcs.agree(named.crc32, first.sum, first.storage)
    ? { crc32: first.sum.crc32, verified: true, storage: first.storage }
    : verifyAgain(context, file, named, first, again, call)
}

async function verifyAgain(
  context: Context,
  file: NamedFile,
  named: NamedContent,
  first: Transferred,
  again: SecondReading,
  call: Call,
): Promise<Verified> {
  const told = `${String(first.sum)} came, the name says ${hex(named.crc32)}`
  const { log } = context.options
  log.debug('client', `${formatEndpoint(first.storage)}: ${told} for ${file.id}: reading it again`)

  const second = await readAgain(context, file, named, first.storage, again.sink, call)
  const isSame = second.sum.crc32 === first.sum.crc32
  const agrees = context.oldCrcs.agree(named.crc32, second.sum, first.storage, second.storage)
  if (!isSame && !(agrees && again.replaces)) {
    const other = `${hex(second.sum.crc32)} at ${formatEndpoint(second.storage)}`
    throw new IntegrityError(`damaged on the way or on the disk: ${told}, a second reading gave ${other}`, {
      command: storageCommands.downloadFile.name,
      endpoint: formatEndpoint(first.storage),
      fileId: file.id,
    })
  }
  if (!agrees) {
    const text = `${file.id}: ${told}, twice: a link, or damaged on the disk`
    log.info('client', text, { fileId: file.id })
  }
  const { storage } = again.replaces ? second : first
  return { crc32: second.sum.crc32, verified: agrees, storage }
}

/** Reads a file from another storage than `first`, if there is one that has it. */
async function readAgain(
  context: Context,
  file: NamedFile,
  { size }: NamedContent,
  first: StorageEndpoint,
  sink: ContentSink,
  call: Call,
): Promise<Transferred> {
  try {
    const all = await context.trackers.queryFetchAll(file, call)
    const other = all.find((storage) => formatEndpoint(storage) !== formatEndpoint(first))
    if (other !== undefined) return await readWhole(context, other, file, sink, call, size)
  } catch (error) {
    if (!isFastDfsError(error) || !(error.retriable || error instanceof ServerError)) throw error
    call.check()
    context.options.log.debug('client', `another storage cannot be asked: ${error.message}`)
  }
  return retry(context.options, call, {
    attempt: () => readWhole(context, first, file, sink, call, size),
  })
}

/** Reads a file from one storage, and counts it in every way. */
export async function readWhole(
  context: Context,
  storage: StorageEndpoint,
  file: NamedFile,
  sink: ContentSink,
  call: Call,
  size?: number,
): Promise<Transferred> {
  const counting = new CountingSink(sink, size, true)
  await readFrom(context, storage, file, WHOLE, call, counting)
  return { storage, sum: counting.sum }
}
