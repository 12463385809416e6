/** Links: more names of a file that is stored once (protocol.md §3.7). */
import { STATUS } from '../../errors.js'
import type { RequestOf, storageCommands } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { FileStat, Store } from '../stores/store.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'
import { checkedName, isPlain, metadataName } from './logic-name.js'
import type { NewFile } from './naming.js'
import { slaveNameOf } from './slave-name.js'
import { NAME_PART } from './name-part.js'

const CRC_LIMIT = 2 ** 32
/** Bytes of the names and the signature together, and of the signature alone. */
const MAX_TEXT_SIZE = 256
const MAX_SIGNATURE_SIZE = 63

/** What is known of a file, or of the one behind a link; undefined where that is gone. The age is the link's own. */
export async function statBehind(store: Store, name: string): Promise<FileStat | undefined> {
  const stat = await store.stat(name)
  if (stat?.source === undefined) return stat
  const behind = await store.stat(stat.source)
  if (behind === undefined || behind.source !== undefined) return undefined
  return { size: behind.size, modifiedAt: stat.modifiedAt }
}

/** Makes a link under a name of its own, with a CRC32 that means nothing. */
export async function createLink(
  { naming, clock, journal, store, stats, group }: StorageContext,
  source: string,
  file: NewFile,
): Promise<{ group: string; name: string }> {
  const name = naming.draw({ ...file, crc32: clock.randomBelow(CRC_LIMIT) })
  await journal.createLink(name, source, (timestamp) => store.link(source, name, timestamp))
  stats.lastSourceUpdate = unixSeconds(clock)
  return { group, name }
}

/** What a request for a link comes to whose source has a name that may be. */
async function linkTo(
  source: string,
  { masterName, prefix, ext }: RequestOf<typeof storageCommands.createLink>,
  context: StorageContext,
): Promise<{ group: string; name: string } | number> {
  const { group, journal, lock, store, storePathCount, subdirCount } = context
  const stat = await store.stat(source)
  if (stat === undefined) return STATUS.ENOENT
  if (stat.source !== undefined) return STATUS.EINVAL
  if (masterName === '') {
    const storePathIndex = Number.parseInt(source.slice(1, 3), 16)
    return createLink(context, source, { storePathIndex, size: stat.size, crc32: 0, ext, appender: false })
  }
  const master = checkedName(masterName, storePathCount)
  if (master === undefined || !isPlain(master) || master.slice(0, 3) !== source.slice(0, 3))
    return STATUS.EINVAL
  // Nobody asks whether the master is there.
  const name = checkedName(slaveNameOf(master, prefix, ext) ?? '', storePathCount)
  if (name === undefined || name === metadataName(source)) return STATUS.EINVAL
  const [, high = '', low = ''] = name.split('/')
  if ([high, low].some((directory) => Number.parseInt(directory, 16) >= subdirCount)) return STATUS.ENOENT
  return lock.run(name, async () => {
    if ((await store.stat(name)) !== undefined) return STATUS.EEXIST
    await journal.replace('L', name, (timestamp) => store.link(source, name, timestamp), [source])
    return { group, name }
  })
}

/** See the file's head. */
export const linkHandlers: StorageHandlers = {
  createLink: counted('CreateLink', async (request, { context }) => {
    const { group, masterName, sourceName, prefix, ext, signature } = request
    const texts = masterName.length + sourceName.length + signature.length
    const source = checkedName(sourceName, context.storePathCount)
    const sized = signature.length > 0 && signature.length <= MAX_SIGNATURE_SIZE && texts <= MAX_TEXT_SIZE
    if (group !== context.group || source === undefined || !sized) return STATUS.EINVAL
    if (!NAME_PART.test(prefix) || !NAME_PART.test(ext)) return STATUS.EINVAL
    const reply = await linkTo(source, request, context)
    // The one command that real storages count from here on, whatever it comes to.
    if (typeof reply === 'number') context.stats.totalCreateLink++
    return reply
  }),
}
