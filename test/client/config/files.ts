import { resolve } from 'node:path'
import { ConfigError } from '../../../src/errors.js'
import type { ReadFile } from '../../../src/client/config/file.js'

/** A disk that holds these files and no others. */
export function disk(files: Readonly<Record<string, string | Uint8Array>>): ReadFile {
  return (path) => {
    const name = Object.keys(files).find((file) => resolve(file) === path)
    if (name === undefined) throw new ConfigError(`cannot read ${path}: no such file`)
    const content = files[name] as string | Uint8Array
    return typeof content === 'string' ? Buffer.from(content) : content
  }
}

/** The message of what `action` throws, which must be a ConfigError. */
export function configError(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}
