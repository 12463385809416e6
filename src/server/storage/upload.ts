/** Upload of new files (protocol.md §3.1). */
import { STATUS } from '../../errors.js'
import { crc32 } from '../../file-id/index.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { Content } from '../content.js'
import type { Draft } from '../stores/store.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'

/** Characters of an extension (§1.2). */
const EXT = /^[0-9A-Za-z._-]*$/

/** Writes content to a draft; returns its CRC32. */
async function fill(draft: Draft, content: Content, context: StorageContext): Promise<number> {
  const { stats } = context
  let crc = 0
  for await (const chunk of content) {
    stats.totalFileWrite++
    const written = draft.write(chunk)
    crc = crc32(chunk, crc)
    if (written !== undefined) await written
    stats.successFileWrite++
  }
  return crc
}

/** See the file's head. */
export const uploadHandlers: StorageHandlers = {
  uploadFile: counted('Upload', async ({ storePathIndex, ext }, { content, context }) => {
    const { naming, stats, store, storePathCount } = context
    const index = storePathIndex === limits.ANY_STORE_PATH ? context.nextStorePath() : storePathIndex
    if (index >= storePathCount || !EXT.test(ext)) return STATUS.EINVAL
    stats.totalUploadBytes += content.size
    stats.totalFileOpen++
    const draft = await store.create(index)
    stats.successFileOpen++
    try {
      const crc = await fill(draft, content, context)
      const name = naming.draw({ storePathIndex: index, size: content.size, crc32: crc, ext })
      await draft.publish(name)
      stats.successUploadBytes += content.size
      stats.lastSourceUpdate = unixSeconds()
      return { group: context.group, name }
    } catch (error) {
      await draft.discard()
      throw error
    }
  }),
}
