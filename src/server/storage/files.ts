/** Download, removal and facts of files (protocol.md §3.3, §3.4, §3.6). */
import { STATUS } from '../../errors.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Dialect } from '../../protocol/index.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { MaybePromise } from '../maybe-promise.js'
import { isPromise } from '../maybe-promise.js'
import type { NameFacts } from '../name-facts.js'
import { ENCODED_END, readName } from '../name-facts.js'
import type { ContentReply, Exchange } from '../routes.js'
import type { StoredFile } from '../stores/store.js'
import { contentCrc32 } from './content-crc32.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'
import { countRead } from './file-counts.js'
import { statBehind } from './link.js'
import { checkedName, metadataName } from './logic-name.js'

/** §3.4: the part of a file that a request means; undefined where it begins behind the end. */
function lengthOf(file: StoredFile, offset: number, count: number, dialect: Dialect): number | undefined {
  const rest = file.size - offset
  // Those before leave a client that asks beyond the end waiting: it is refused here.
  if (!isAtLeast(dialect, '6.15.4')) return rest < count || rest < 0 ? undefined : count === 0 ? rest : count
  if (rest <= 0) return undefined
  return count === 0 ? rest : Math.min(count, rest)
}

function download(
  file: StoredFile | undefined,
  offset: number,
  count: number,
  { stats, dialect }: StorageContext,
): MaybePromise<ContentReply | number> {
  if (file === undefined) return STATUS.ENOENT
  const length = lengthOf(file, offset, count, dialect)
  if (length === undefined) {
    const closed = file.close()
    return isPromise(closed) ? closed.then(() => STATUS.EINVAL) : STATUS.EINVAL
  }
  countRead(stats, length)
  stats.totalDownloadBytes += length
  const answer = (content: ContentReply['content']): ContentReply => {
    stats.successDownloadBytes += length
    return { size: length, content }
  }
  const content = file.content(offset, length)
  return isPromise(content) ? content.then(answer) : answer(content)
}

/** Whether a version looks at the content for what the name cannot tell (§3.6). */
function countsCrc32({ appender }: NameFacts, dialect: Dialect): boolean {
  return isAtLeast(dialect, appender ? '6.02' : '6.15.1')
}

type Removal = { readonly name: string; readonly source: string | undefined }

/** Removes a file or a link that is there, with its metadata. */
async function remove(
  { name, source }: Removal,
  { context }: Exchange<StorageContext>,
): Promise<Record<string, never>> {
  const { duplicates, journal, store } = context
  const metadata = metadataName(name)
  if ((await store.stat(metadata)) !== undefined) {
    await journal.replace('D', metadata, () => store.remove(metadata))
  }
  await journal.replace('D', name, () => store.remove(name))
  if (source === undefined) duplicates?.remove(name)
  else await removeBehind(name, source, context)
  context.stats.lastSourceUpdate = unixSeconds(context.clock)
  return {}
}

/** What goes with a link: a stored copy with its last one, and any file with a slave's. */
async function removeBehind(link: string, source: string, context: StorageContext): Promise<void> {
  if (await releaseOriginal(link, source, context)) {
    context.stats.totalDelete++
    context.stats.successDelete++
  } else if (readName(link).slave && context.duplicates?.has(source) !== true) {
    const { journal, lock, store } = context
    await lock.run(source, async () => {
      if ((await store.stat(source)) !== undefined)
        await journal.replace('D', source, () => store.remove(source))
    })
  }
}

/** A link is gone; whether a stored copy went with it. */
export async function releaseOriginal(
  link: string,
  source: string,
  { duplicates, journal, lock, store }: StorageContext,
): Promise<boolean> {
  if (duplicates?.removeLink(source, link) !== true) return false
  return lock.run(source, async () => {
    // Somebody may have uploaded the same in the meantime.
    if (!duplicates.has(source) || duplicates.isLinked(source)) return false
    duplicates.remove(source)
    await journal.replace('D', source, () => store.remove(source))
    return true
  })
}

const removeFile = counted('Delete', remove)
const removeLink = counted('DeleteLink', remove)

/** See the file's head. */
export const fileHandlers: StorageHandlers = {
  downloadFile: counted('Download', ({ offset, count, group, name }, { context }) => {
    const checked = checkedName(name, context.storePathCount)
    if (offset < 0 || count < 0 || group !== context.group || checked === undefined) return STATUS.EINVAL
    const file = context.store.read(checked)
    return isPromise(file)
      ? file.then((opened) => download(opened, offset, count, context))
      : download(file, offset, count, context)
  }),

  deleteFile: ({ group, name }, exchange) => {
    const { context } = exchange
    const checked = checkedName(name, context.storePathCount)
    if (group !== context.group || checked === undefined) return STATUS.EINVAL
    return context.lock.run(checked, async () => {
      const stat = await context.store.stat(checked)
      if (stat === undefined) return STATUS.ENOENT
      const removal = { name: checked, source: stat.source }
      return stat.source === undefined ? removeFile(removal, exchange) : removeLink(removal, exchange)
    })
  },

  queryFileInfo: async ({ group, name }, { context, flags }) => {
    const { store } = context
    const checked = checkedName(name, context.storePathCount)
    if (group !== context.group || checked === undefined) return STATUS.EINVAL
    const stat = await statBehind(store, checked)
    if (stat === undefined) return STATUS.ENOENT
    if (name.length < ENCODED_END) return STATUS.EINVAL
    const facts = readName(checked)
    const sourceIp = facts.sourceIsId ? context.addressOf(facts.source) : facts.source
    const answer = { size: stat.size, modifiedAt: stat.modifiedAt, sourceIp }
    if (facts.normal || !countsCrc32(facts, context.dialect)) return { ...answer, crc32: facts.crc32 }
    if (isAtLeast(context.dialect, '6.15.1') && (flags & limits.FILE_INFO_FLAGS.NO_CRC) !== 0)
      return { ...answer, crc32: 0 }
    const crc = await contentCrc32(store, checked)
    countRead(context.stats, stat.size)
    return crc === undefined ? STATUS.ENOENT : { ...answer, crc32: crc }
  },
}
