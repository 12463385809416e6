import { lstat, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { InvalidArgumentError } from '../errors.js'
import { showPath } from './check.js'
import { messageOf } from './pieces.js'
import { alreadyThere } from './sinks.js'

/**
 * Whether a download goes into a folder, under a name of its own: one that exists, or a path that ends with a slash.
 *
 * @throws {@link InvalidArgumentError} when there is no such folder
 */
export async function isFolder(path: string): Promise<boolean> {
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
export async function pathInFolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  const isTaken = await lstat(path).then(
    () => true,
    () => false,
  )
  if (isTaken) throw alreadyThere(path)
  return path
}
