/** Upload of new files (protocol.md §3.1). */
import { createHash } from 'node:crypto'
import { STATUS } from '../../errors.js'
import type { RequestOf, storageCommands } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { Content } from '../content.js'
import type { MaybePromise } from '../maybe-promise.js'
import { isPromise } from '../maybe-promise.js'
import type { Exchange } from '../routes.js'
import type { Draft } from '../stores/store.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'
import type { Duplicates } from './duplicates.js'
import { countOpen, countWrite, countWritten } from './file-counts.js'
import { createLink } from './link.js'
import type { NewFile } from './naming.js'
import { NAME_PART } from './name-part.js'

/** Content that has come whole, and has no name yet. */
interface Received {
  readonly draft: Draft
  readonly crc32: number
  /** Of the content, where equal contents are looked for. */
  readonly hash: string | undefined
}

/** Writes content to a draft in a store path. Nothing is left of it when that fails. */
export async function receive(
  context: StorageContext,
  content: Content,
  storePathIndex: number,
): Promise<Received> {
  const { stats, store } = context
  const made = store.create(storePathIndex)
  const draft = isPromise(made) ? await made : made
  countOpen(stats)
  countWrite(stats, content.size)
  const hash = context.duplicates && createHash('sha1')
  try {
    const crc = context.newNameCrc32()
    const write = (chunk: Buffer): MaybePromise<void> => {
      const written = draft.write(chunk)
      crc.update(chunk)
      hash?.update(chunk)
      return written
    }
    const { whole } = content
    if (whole === undefined) {
      for await (const chunk of content) {
        const written = write(chunk)
        if (isPromise(written)) await written
      }
    } else if (whole.length > 0) await write(whole)
    countWritten(stats, content.size)
    return { draft, crc32: crc.value, hash: hash?.digest('hex') }
  } catch (error) {
    await draft.discard()
    throw error
  }
}

/**
 * Gives a draft its name; the answer to its upload. Nothing is left of it when that fails.
 *
 * @param record - lets the journal know, and calls what it is given
 */
export async function publish(
  { group, stats, clock }: StorageContext,
  draft: Draft,
  name: string,
  size: number,
  record: (apply: () => MaybePromise<void>) => Promise<void>,
): Promise<{ group: string; name: string }> {
  try {
    await record(() => draft.publish(name))
  } catch (error) {
    await draft.discard()
    throw error
  }
  stats.totalUploadBytes += size
  stats.successUploadBytes += size
  stats.lastSourceUpdate = unixSeconds(clock)
  return { group, name }
}

/** Gives content that may be there already the name of a link to it: nobody is told the name that it is stored under. */
async function share(
  { draft, crc32 }: Received,
  hash: string,
  file: NewFile,
  duplicates: Duplicates,
  context: StorageContext,
): Promise<{ group: string; name: string }> {
  const { journal, lock, naming, store } = context
  const { storePathIndex, size } = file
  const linked = async (original: string): Promise<{ group: string; name: string }> => {
    const link = await createLink(context, original, file)
    duplicates.addLink(original, link.name)
    return link
  }
  const present = await duplicates.find(storePathIndex, size, crc32, hash)
  if (present !== undefined) {
    // Its last link may be going.
    const link = await lock.run(present, () => (duplicates.has(present) ? linked(present) : undefined))
    if (link !== undefined) {
      await draft.discard()
      return link
    }
  }
  const original = naming.draw(file)
  return lock.run(original, async () => {
    await duplicates.add(original, size, crc32)
    try {
      await journal.create(original, () => draft.publish(original))
    } catch (error) {
      duplicates.remove(original)
      await draft.discard()
      throw error
    }
    try {
      return await linked(original)
    } catch (error) {
      duplicates.remove(original)
      await journal.replace('D', original, () => store.remove(original))
      throw error
    }
  })
}

function newFile(appender: boolean): NonNullable<StorageHandlers['uploadFile']> {
  const upload = async (
    { storePathIndex, ext }: RequestOf<typeof storageCommands.uploadFile>,
    { content, context }: Exchange<StorageContext>,
  ): Promise<{ group: string; name: string } | number> => {
    const { duplicates, journal, naming, space, storePathCount } = context
    if (!NAME_PART.test(ext)) return STATUS.EINVAL
    let index: number | undefined = storePathIndex
    if (index === limits.ANY_STORE_PATH || space.isReadOnly(index)) index = await space.choose(content.size)
    else {
      if (index >= storePathCount) return STATUS.EINVAL
      const allowed = space.allows(index, content.size)
      if (!(isPromise(allowed) ? await allowed : allowed)) index = undefined
    }
    if (index === undefined) return STATUS.ENOSPC
    const received = await receive(context, content, index)
    const { draft, crc32, hash } = received
    const file = { storePathIndex: index, size: content.size, crc32, ext, appender }
    if (duplicates !== undefined && hash !== undefined && !appender)
      return share(received, hash, file, duplicates, context)
    const name = naming.draw(file)
    return publish(context, draft, name, content.size, (apply) => journal.create(name, apply))
  }
  // By what real storages make of it: they count no upload where clients get links.
  const [file, link] = [counted('Upload', upload), counted('CreateLink', upload)]
  return (request, exchange) =>
    exchange.context.duplicates === undefined || appender ? file(request, exchange) : link(request, exchange)
}

/** See the file's head. */
export const uploadHandlers: StorageHandlers = {
  uploadFile: newFile(false),
  uploadAppenderFile: newFile(true),
}
