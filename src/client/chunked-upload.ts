import type { Call } from '../net/call.js'
import { storageCommands } from '../protocol/index.js'
import { Chunks } from './chunks.js'
import type { Context } from './context.js'
import { CHUNK_SIZE, GrowingFile } from './growing-file.js'
import type { NamedFile } from './named-file.js'
import type { Pieces } from './pieces.js'
import { fromBytes } from './sources.js'
import type { NewFileCommand, UploadPlan } from './store.js'
import { complete, discard, storeWhole } from './store.js'
import type { UploadedFile } from './upload.js'

/**
 * Stores content of unknown size as it comes: through an appender file, or in one request where it is not more than a
 * chunk. When it fails, nothing is left of it.
 *
 * @param command - whether it becomes a normal file, or stays an appender file
 */
export async function storeInChunks(
  context: Context,
  command: NewFileCommand,
  pieces: Pieces,
  plan: UploadPlan,
  call: Call,
): Promise<UploadedFile> {
  const chunks = new Chunks(pieces, CHUNK_SIZE, call)
  const growing = new GrowingFile(context, plan, Infinity)
  try {
    let chunk = await chunks.next()
    if (chunk.isLast) return await storeWhole(context, command, fromBytes(chunk.bytes), plan, call)
    for (;;) {
      const next = chunk.isLast ? undefined : chunks.next()
      // Awaited below; a rejection meanwhile is not unhandled.
      next?.catch(() => {})
      await growing.add(fromBytes(chunk.bytes), call)
      if (next === undefined) break
      chunk = await next
    }
    return await finishGrowth(context, growing, command === storageCommands.uploadFile, plan, call)
  } catch (error) {
    if (growing.file !== undefined) await discard(context, growing.file)
    throw error
  } finally {
    chunks.close()
  }
}

/**
 * Makes a file that has grown a normal one where it shall be and the storage can do that, and completes it.
 *
 * @param onRenamed - is waited for when it has its new name
 */
export async function finishGrowth(
  context: Context,
  growing: GrowingFile,
  shallBeNormal: boolean,
  plan: UploadPlan,
  call: Call,
  onRenamed: () => Promise<void> = async () => {},
): Promise<UploadedFile> {
  const isNormal = shallBeNormal && (await growing.becomeNormal(call))
  if (isNormal) await onRenamed()
  const file = growing.file as NamedFile
  const storage = await context.trackers.queryUpdate(file, call)
  const { sum } = growing
  const stored = await complete(context, file, { storage, size: sum.size, sum }, plan, call)
  return shallBeNormal && !isNormal ? { ...stored, appender: true } : stored
}
