/** Upload of new files (protocol.md §3.1). */
import { STATUS } from '../../errors.js'
import { crc32 } from '../../file-id/index.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { Content } from '../content.js'
import type { MaybePromise } from '../maybe-promise.js'
import type { Draft } from '../stores/store.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'

/** Characters of an extension and of a prefix (§1.2). */
export const NAME_PART = /^[0-9A-Za-z._-]*$/

/** Content that has come whole, and has no name yet. */
interface Received {
  readonly draft: Draft
  readonly crc32: number
}

/** Writes content to a draft in a store path. Nothing is left of it when that fails. */
export async function receive(
  context: StorageContext,
  content: Content,
  storePathIndex: number,
): Promise<Received> {
  const { stats, store } = context
  stats.totalFileOpen++
  const draft = await store.create(storePathIndex)
  stats.successFileOpen++
  try {
    let crc = 0
    for await (const chunk of content) {
      stats.totalFileWrite++
      const written = draft.write(chunk)
      crc = crc32(chunk, crc)
      if (written !== undefined) await written
      stats.successFileWrite++
    }
    return { draft, crc32: crc }
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
    const index = storePathIndex === limits.ANY_STORE_PATH ? context.nextStorePath() : storePathIndex
    if (index >= context.storePathCount || !NAME_PART.test(ext)) return STATUS.EINVAL
    const { draft, crc32 } = await receive(context, content, index)
    const name = context.naming.draw({ storePathIndex: index, size: content.size, crc32, ext, appender })
    return publish(context, draft, name, content.size, (apply) => context.journal.create(name, apply))
  })
}

/** See the file's head. */
export const uploadHandlers: StorageHandlers = {
  uploadFile: newFile(false),
  uploadAppenderFile: newFile(true),
}
