import { basename } from 'node:path'
import { InvalidArgumentError } from '../errors.js'
import type { Metadata } from '../protocol/index.js'

/** The name of the metadata item that holds a file's name, where an upload was told to keep it. */
export const FILENAME_KEY = 'filename'

/**
 * Metadata together with a file's name: the part of it behind the last slash.
 *
 * @throws {@link InvalidArgumentError} when there is no name, or such an item already
 */
export function withFilename(metadata: Metadata | undefined, fileName: string): Metadata {
  const name = basename(fileName)
  if (name === '') {
    throw new InvalidArgumentError('keepFilename needs a name: the source has none, give one as filename')
  }
  if (metadata === undefined) return { [FILENAME_KEY]: name }
  // What is no metadata is refused when it is packed.
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return metadata
  if (Object.hasOwn(metadata, FILENAME_KEY)) {
    throw new InvalidArgumentError(
      `keepFilename cannot keep the name: metadata has an item "${FILENAME_KEY}"`,
    )
  }
  return { ...metadata, [FILENAME_KEY]: name }
}
