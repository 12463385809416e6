import { posix } from 'node:path'
import { InvalidArgumentError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Metadata } from '../protocol/index.js'
import { isMetadata } from '../protocol/metadata.js'
import type { Context } from './context.js'
import { getMetadata } from './files.js'
import type { NamedFile } from './named-file.js'

/** The name of the metadata item that holds a file's name, where an upload was told to keep it. */
export const FILENAME_KEY = 'filename'

/**
 * Metadata together with a file's name: the part of it behind the last slash.
 *
 * @throws {@link InvalidArgumentError} when there is no name, or such an item already
 */
export function withFilename(metadata: Metadata | undefined, fileName: string): Metadata {
  const name = posix.basename(fileName)
  if (name === '') {
    throw new InvalidArgumentError('keepFilename needs a name: the source has none, give one as filename')
  }
  if (metadata === undefined) return { [FILENAME_KEY]: name }
  // What is no metadata is refused when it is packed.
  if (!isMetadata(metadata)) return metadata
  if (Object.hasOwn(metadata, FILENAME_KEY)) {
    throw new InvalidArgumentError(
      `keepFilename cannot keep the name: metadata has an item "${FILENAME_KEY}"`,
    )
  }
  return { ...metadata, [FILENAME_KEY]: name }
}

/**
 * The name that was kept with a file, or the last part of its ID where none was, or one that is no plain name: whoever
 * uploaded it may have meant harm.
 */
export async function filenameOf(
  context: Context,
  file: NamedFile,
  encoding: string,
  call: Call,
): Promise<string> {
  const { [FILENAME_KEY]: kept = '' } = await getMetadata(context, file, encoding, call)
  return isPlainName(kept) ? kept : posix.basename(file.name)
}

/** The longest name that file systems take, in bytes. */
const MAX_NAME_SIZE = 255

/**
 * Whether a name makes a file in whichever folder it is written to: nowhere else, not hidden, and no device.
 *
 * @param platform - Windows takes less
 */
export function isPlainName(name: string, platform: string = process.platform): boolean {
  if (name === '' || name.startsWith('.') || /[\p{Cc}/\\]/u.test(name)) return false
  if (Buffer.byteLength(name) > MAX_NAME_SIZE) return false
  if (platform !== 'win32') return true
  const isDevice = /^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])\s*(\.|$)/i.test(name)
  return !isDevice && !/[<>:"|?*]|[. ]$/.test(name)
}
