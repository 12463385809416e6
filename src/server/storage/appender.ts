/** Changes of appender files (protocol.md §3.2). */
import { STATUS } from '../../errors.js'
import { isAtLeast } from '../../protocol/dialect.js'
import type { Command, RequestOf } from '../../protocol/index.js'
import { encodeRequestHead, limits, storageCommands } from '../../protocol/index.js'
import { unixSeconds } from '../clock.js'
import type { Content } from '../content.js'
import { readName } from '../name-facts.js'
import type { Edit } from '../stores/store.js'
import { contentCrc32 } from './content-crc32.js'
import type { StorageContext, StorageHandlers } from './context.js'
import { counted } from './counted.js'
import { countOpen, countRead, countWrite, countWritten } from './file-counts.js'
import type { Changed } from './journal.js'
import { checkedName, metadataName } from './logic-name.js'

const MIN_NAME_SIZE = 44

/** Names of files that change are whole ones, with their store path (§3.2). */
function checkedAppender(name: string, { storePathCount }: StorageContext): string | undefined {
  const isWhole = name.length >= MIN_NAME_SIZE && name.startsWith('M')
  return isWhole ? checkedName(name, storePathCount) : undefined
}

/**
 * Runs `change` on an appender file, alone; its answer is a status, or what it has come to: undefined where nothing has
 * changed.
 */
async function changing(
  context: StorageContext,
  name: string,
  change: (edit: Edit) => Promise<Changed | number | undefined>,
): Promise<Record<string, never> | number> {
  const checked = checkedAppender(name, context)
  if (checked === undefined) return STATUS.EINVAL
  return context.lock.run(checked, async () => {
    const edit = await context.store.edit(checked)
    if (edit === undefined) {
      return (await context.store.stat(checked)) === undefined ? STATUS.ENOENT : STATUS.EINVAL
    }
    try {
      if (!readName(checked).appender) return STATUS.EINVAL
      context.changing.set(checked, edit.size)
      let status: number | undefined
      let failure: { error: unknown } | undefined
      const apply = async (): Promise<Changed | undefined> => {
        try {
          const changed = await change(edit)
          if (typeof changed !== 'number') return changed
          status = changed
        } catch (error) {
          failure = { error }
          if (error instanceof PartlyChanged) return error.changed
        }
        return undefined
      }
      await context.journal.change(checked, apply, (timestamp) => edit.touch(timestamp))
      if (failure !== undefined)
        throw failure.error instanceof PartlyChanged ? failure.error.cause : failure.error
      if (status !== undefined) return status
      context.stats.lastSourceUpdate = unixSeconds(context.clock)
      return {}
    } finally {
      context.changing.delete(checked)
      await edit.close()
    }
  })
}

/** Something was changed before it failed. */
class PartlyChanged extends Error {
  readonly changed: Changed

  constructor(changed: Changed, cause: unknown) {
    super('the file was changed in part', { cause })
    this.changed = changed
  }
}

/** Writes content to a file, from `position` on. */
async function write(
  edit: Edit,
  content: Content,
  position: number,
  { stats }: StorageContext,
): Promise<void> {
  if (content.size > 0) {
    countOpen(stats)
    countWrite(stats, content.size)
  }
  let at = position
  try {
    for await (const chunk of content) {
      await edit.write(chunk, at)
      at += chunk.length
    }
    if (content.size > 0) countWritten(stats, content.size)
  } catch (error) {
    throw at === position
      ? error
      : new PartlyChanged({ operation: 'M', extra: [position, at - position] }, error)
  }
}

/** What changes nothing is answered with the request's body, as the C daemons do (§3.2). */
function echoOf<C extends Command>(command: C, request: RequestOf<C>): { echo: Buffer } {
  return { echo: encodeRequestHead(command, request, 0).subarray(limits.HEADER_SIZE) }
}

/** See the file's head. */
export const appenderHandlers: StorageHandlers = {
  appendFile: counted('Append', async (request, { content, context }) => {
    const { stats } = context
    const answer = await changing(context, request.name, async (edit) => {
      stats.totalAppendBytes += content.size
      try {
        await write(edit, content, edit.size, context)
      } catch (error) {
        // A client that goes away leaves the file as it was. Where that fails, the others get it as it is.
        try {
          await edit.truncate(edit.size)
        } catch (cause) {
          throw new PartlyChanged({ operation: 'U', extra: [] }, cause)
        }
        throw error instanceof PartlyChanged ? error.cause : error
      }
      stats.successAppendBytes += content.size
      if (content.size === 0) return undefined
      return {
        operation: 'A',
        extra: [edit.size, content.size],
        undo: () => edit.truncate(edit.size),
      }
    })
    return content.size === 0 && typeof answer !== 'number'
      ? echoOf(storageCommands.appendFile, request)
      : answer
  }),

  modifyFile: counted('Modify', async (request, { content, context }) => {
    const { stats } = context
    const { offset } = request
    if (offset < 0) return STATUS.EINVAL
    const answer = await changing(context, request.name, async (edit) => {
      if (offset > edit.size) return STATUS.EINVAL
      stats.totalModifyBytes += content.size
      await write(edit, content, offset, context)
      stats.successModifyBytes += content.size
      return content.size === 0 ? undefined : { operation: 'M', extra: [offset, content.size] }
    })
    return content.size === 0 && typeof answer !== 'number'
      ? echoOf(storageCommands.modifyFile, request)
      : answer
  }),

  truncateFile: counted('Truncate', async (request, { context }) => {
    if (request.newSize < 0) return STATUS.EINVAL
    let same = false
    const answer = await changing(context, request.name, async (edit) => {
      const tooMuch = request.newSize > edit.size && !isAtLeast(context.dialect, '5.12')
      if (tooMuch) return STATUS.EINVAL
      same = request.newSize === edit.size
      if (same) return undefined
      countOpen(context.stats)
      await edit.truncate(request.newSize)
      return { operation: 'T', extra: [edit.size, request.newSize] }
    })
    return same && typeof answer !== 'number' ? echoOf(storageCommands.truncateFile, request) : answer
  }),

  regenerateAppenderFilename: async ({ name }, { context }) => {
    const { group, naming, store } = context
    const checked = checkedAppender(name, context)
    if (checked === undefined) return STATUS.EINVAL
    return context.lock.run(checked, async () => {
      const stat = await store.stat(checked)
      if (stat === undefined) return STATUS.ENOENT
      if (stat.source !== undefined || !readName(checked).appender) return STATUS.EINVAL
      const crc = await contentCrc32(store, checked)
      if (crc === undefined) return STATUS.ENOENT
      countRead(context.stats, stat.size)
      const newName = naming.redraw(checked, { size: stat.size, crc32: crc })
      const { journal } = context
      if (!(await journal.rename(checked, newName, () => store.rename(checked, newName))))
        return STATUS.ENOENT
      // Real storages leave metadata behind under the old name, where nobody can read it.
      const metadata = metadataName(checked)
      if ((await store.stat(metadata)) !== undefined) {
        await journal.replace('D', metadata, () => store.remove(metadata))
      }
      context.stats.lastSourceUpdate = unixSeconds(context.clock)
      return { group, name: newName }
    })
  },
}
