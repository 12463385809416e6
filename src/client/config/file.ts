import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../../errors.js'

/** Gives the bytes of a configuration file, or throws a ConfigError; tests have one without a disk. */
export type ReadFile = (path: string) => Uint8Array

/**
 * Reads a whole configuration file. Not asynchronous, since a client is made by a constructor.
 *
 * @throws {@link ConfigError} when it cannot be read, or is not a regular file
 */
export const readConfigFile: ReadFile = (path) => {
  try {
    // Reading a pipe or a device could take for ever.
    if (statSync(path).isFile()) return readFileSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigError(`cannot read ${path}: ${code === 'ENOENT' ? 'no such file' : (code ?? message)}`, {
      cause: error,
    })
  }
  throw new ConfigError(`cannot read ${path}: not a regular file`)
}

/**
 * A path without the `file://` that libfastcommon takes.
 *
 * @throws {@link ConfigError} for a URL
 */
export function localFile(path: string): string {
  if (/^https?:\/\//i.test(path)) {
    throw new ConfigError(
      `${path} is not read: only local files are, since whoever answers would set the trackers`,
    )
  }
  return path.replace(/^file:\/\//i, '')
}

/** The text of a file in UTF-8, without a byte order mark; what is not UTF-8 becomes {@link NOT_UTF8}. */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  // No byte of a text is 0, but every second one of UTF-16.
  if (bytes.includes(0)) throw new ConfigError(`${path} is not a text in UTF-8`)
  return new TextDecoder('utf-8').decode(bytes)
}

/** What stands in a decoded text where the bytes were not UTF-8. */
export const NOT_UTF8 = '\uFFFD'
