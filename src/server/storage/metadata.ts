/** Metadata (protocol.md §3.5). */
import { STATUS } from '../../errors.js'
import { limits } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'
import { statBehind } from './link.js'
import { countRead } from './file-counts.js'
import { checkedName, metadataName } from './logic-name.js'
import { merged, packed } from './metadata-items.js'
import { readWhole } from './read-whole.js'

const { OVERWRITE, MERGE } = limits.METADATA_FLAGS

async function write({ store, journal }: StorageContext, name: string, metadata: Buffer): Promise<void> {
  const draft = await store.create(Number.parseInt(name.slice(1, 3), 16))
  const operation = (await store.stat(name)) === undefined ? 'C' : 'U'
  try {
    await draft.write(metadata)
    await journal.replace(operation, name, (timestamp) => draft.publish(name, timestamp))
  } catch (error) {
    await draft.discard()
    throw error
  }
}

async function change(context: StorageContext, name: string, flag: number, changes: Buffer) {
  if ((await context.store.stat(name)) === undefined) return STATUS.ENOENT
  const target = metadataName(name)
  if (flag === MERGE) {
    if (changes.length === 0) return {}
    const present = await readWhole(context.store, target)
    await write(context, target, merged(present ?? Buffer.alloc(0), changes))
  } else if (changes.length === 0) {
    const { journal, store } = context
    if ((await store.stat(target)) !== undefined) {
      await journal.replace('D', target, () => store.remove(target))
    }
  } else await write(context, target, packed(changes))
  context.stats.lastSourceUpdate = unixSeconds(context.clock)
  return {}
}

/** See the file's head. */
export const metadataHandlers: StorageHandlers = {
  setMetadata: counted('SetMetadata', ({ flag, group, name, metadata }, { context }) => {
    const checked = checkedName(name, context.storePathCount)
    if (group !== context.group || checked === undefined) return STATUS.EINVAL
    if (flag !== OVERWRITE && flag !== MERGE) return STATUS.EINVAL
    return context.lock.run(checked, () => change(context, checked, flag, metadata))
  }),

  getMetadata: counted('GetMetadata', async ({ group, name }, { context }) => {
    const checked = checkedName(name, context.storePathCount)
    if (group !== context.group || checked === undefined) return STATUS.EINVAL
    if ((await statBehind(context.store, checked)) === undefined) return STATUS.ENOENT
    const metadata = await readWhole(context.store, metadataName(checked))
    if (metadata === undefined) return STATUS.ENOENT
    countRead(context.stats, metadata.length)
    return { metadata }
  }),
}
