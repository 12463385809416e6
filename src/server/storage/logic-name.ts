import { sep } from 'node:path'
import { limits } from '../../protocol/index.js'

/** `Mxx/`, which names older than V1.12 do not have, two directories, and a name of its own (protocol.md §3). */
const NAME = /^(?:M([0-9A-Fa-f]{2})\/)?([0-9A-F]{2}\/[0-9A-F]{2}\/)([^/]+)$/
/** Shorter names are refused before they are looked at. */
const MIN_NAME_SIZE = 11

/**
 * Checks a logic filename from the wire: nothing that passes leads out of its directory.
 *
 * @returns the name with its store path, `M00/HH/HH/…`; undefined for one that is answered 22
 */
export function checkedName(name: string, storePathCount: number): string | undefined {
  if (name.length < MIN_NAME_SIZE || name.length > limits.MAX_FILENAME_SIZE) return undefined
  const [, storePath = '00', directories, own] = NAME.exec(name) ?? []
  if (directories === undefined || own === undefined || own === '.' || own === '..') return undefined
  // On Windows a backslash leads out as a slash does.
  if (own.includes(sep)) return undefined
  if (Number.parseInt(storePath, 16) >= storePathCount) return undefined
  return `M${storePath.toUpperCase()}/${directories}${own}`
}

/** Whether a name fits a line of the binlog. */
export function isPlain(name: string): boolean {
  return /^[\x21-\x7e]+$/.test(name)
}

/** The file that holds a file's metadata. */
export function metadataName(name: string): string {
  return `${name}-m`
}

/** The file whose metadata a file holds; of another one its own name. */
export function fileOfMetadata(name: string): string {
  return name.endsWith('-m') ? name.slice(0, -2) : name
}
