/** Upload of new files (protocol.md §3.1). */
import { createHash } from 'node:crypto'
import { STATUS } from '../../errors.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { Content } from '../content.js'
import type { MaybePromise } from '../maybe-promise.js'
import { isPromise } from '../maybe-promise.js'
import type { Draft } from '../stores/store.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'
import { countOpen, countWrite, countWritten } from './file-counts.js'
import { createLink } from './link.js'
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
  const draft = await store.create(storePathIndex)
  countOpen(stats)
  countWrite(stats, content.size)
  const hash = context.duplicates && createHash('sha1')
  try {
    const crc = context.newNameCrc32()
    const write = async (chunk: Buffer): Promise<void> => {
      const written = draft.write(chunk)
      crc.update(chunk)
      hash?.update(chunk)
      if (written !== undefined) await written
    }
    if (content.whole === undefined) for await (const chunk of content) await write(chunk)
    else if (content.size > 0) await write(content.whole)
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

function newFile(appender: boolean): NonNullable<StorageHandlers['uploadFile']> {
  return counted('Upload', async ({ storePathIndex, ext }, { content, context }) => {
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
    const { draft, crc32, hash } = await receive(context, content, index)
    const file = { storePathIndex: index, size: content.size, crc32, ext, appender }
    if (duplicates !== undefined && hash !== undefined && !appender) {
      const original = await duplicates.find(index, content.size, crc32, hash)
      if (original !== undefined) {
        const link = await createLink(context, original, file)
        if (link !== undefined) {
          await draft.discard()
          await duplicates.addLink(link.name, content.size, crc32)
          return link
        }
      }
    }
    const name = naming.draw(file)
    const reply = await publish(context, draft, name, content.size, (apply) => journal.create(name, apply))
    if (!appender) duplicates?.add(name, content.size, crc32)
    return reply
  })
}

/** See the file's head. */
export const uploadHandlers: StorageHandlers = {
  uploadFile: newFile(false),
  uploadAppenderFile: newFile(true),
}
