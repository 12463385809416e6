import { lstat, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { InvalidArgumentError } from '../errors.js'
import type { Call } from '../net/call.js'
import { showPath } from './check.js'
import type { Context } from './context.js'
import type { DownloadedFile, SinkOptions } from './download.js'
import { checkSinkOptions, downloadTo } from './download.js'
import { filenameOf } from './filename.js'
import type { NamedFile } from './named-file.js'
import { messageOf } from './pieces.js'
import { alreadyThere, fileSink } from './sinks.js'

/** Downloads to a path, or into a folder under the name that was kept with the file. */
export async function downloadToPath(
  context: Context,
  file: NamedFile,
  target: string,
  options: SinkOptions,
  call: Call,
): Promise<DownloadedFile> {
  const plan = checkSinkOptions(options, target)
  const { fsync } = options
  if (!(await isFolder(target))) {
    return downloadTo(context, file, plan, call, await fileSink(target, { fsync }))
  }
  const name = await filenameOf(context, file, context.options.metadataEncoding, call)
  const path = await pathInFolder(target, name)
  const sink = await fileSink(path, { fsync, isNew: true })
  return { ...(await downloadTo(context, file, plan, call, sink)), path }
}

/**
 * Whether a download goes into a folder, under a name of its own: one that exists, or a path that ends with a slash.
 *
 * @throws {@link InvalidArgumentError} when there is no such folder
 */
async function isFolder(path: string): Promise<boolean> {
  const isNamedSo = path.endsWith('/') || path.endsWith(sep)
  try {
    return (await stat(path)).isDirectory()
  } catch (cause) {
    // What is wrong with the path of a file is said when that is made.
    if (!isNamedSo) return false
    throw new InvalidArgumentError(`cannot write to the folder ${showPath(path)}: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/**
 * Where a file goes in a folder.
 *
 * @throws {@link InvalidArgumentError} when something of that name is there: whoever uploaded the file chose the name
 */
async function pathInFolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  const isTaken = await lstat(path).then(
    () => true,
    () => false,
  )
  if (isTaken) throw alreadyThere(path)
  return path
}
