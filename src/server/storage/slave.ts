/** Upload of slave files (protocol.md §3.1, §5). */
import { STATUS } from '../../errors.js'
import type { StorageHandlers } from './context.js'
import { counted } from './counted.js'
import { checkedName } from './logic-name.js'
import { NAME_PART } from './name-part.js'
import { slaveNameOf } from './slave-name.js'
import { publish, receive } from './upload.js'

/** See the file's head. */
export const slaveHandlers: StorageHandlers = {
  uploadSlaveFile: counted('Upload', async ({ masterName, prefix, ext }, { content, context }) => {
    const { lock, store, storePathCount } = context
    const master = checkedName(masterName, storePathCount)
    if (master === undefined || prefix === '' || !NAME_PART.test(prefix) || !NAME_PART.test(ext))
      return STATUS.EINVAL
    const index = Number.parseInt(master.slice(1, 3), 16)
    if (!(await context.space.allows(index, content.size))) return STATUS.ENOSPC
    if ((await store.stat(master)) === undefined) return STATUS.ENOENT
    const name = checkedName(slaveNameOf(master, prefix, ext) ?? '', storePathCount)
    if (name === undefined) return STATUS.EINVAL
    if ((await store.stat(name)) !== undefined) return STATUS.EEXIST
    const { draft } = await receive(context, content, index)
    return lock.run(name, async () => {
      // Another upload of the same slave may have come first.
      if ((await store.stat(name)) !== undefined) {
        await draft.discard()
        return STATUS.EEXIST
      }
      return publish(context, draft, name, content.size, (apply) => context.journal.replace('C', name, apply))
    })
  }),
}
