import { locateError, UnknownOutcomeError } from '../errors.js'
import type { Call } from '../net/call.js'
import { retry } from '../net/retry.js'
import { storageCommands } from '../protocol/index.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import type { NamedFile } from './named-file.js'
import { newFileOf } from './store.js'

/** Gives an appender file the name of a normal one (protocol.md §3.2, since V6.02). Its metadata does not follow. */
export async function rename(context: Context, file: NamedFile, call: Call): Promise<NamedFile> {
  const { name } = file
  const attempt = async (): Promise<NamedFile> => {
    const storage = await context.trackers.queryUpdate(file, call)
    const command = storageCommands.regenerateAppenderFilename
    try {
      return newFileOf(await askStorage(context, storage, command, { name }, call))
    } catch (error) {
      if (!(error instanceof UnknownOutcomeError)) throw error
      const text = 'the file may have a new ID, which nobody knows, and may not have its metadata any more'
      throw locateError(error, { fileId: file.id }, `${error.reason}; ${text}`)
    }
  }
  return retry(context.options, call, { attempt })
}
