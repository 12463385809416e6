import { lookup } from 'mime-types'

/** Of what has no extension, or one that nobody knows. */
const UNKNOWN = 'application/octet-stream'

/**
 * The media type for a name.
 *
 * @param name - only what is behind its last dot counts
 * @param types - by extension, in lower case; count more than those that are known
 */
export function contentTypeOf(name: string, types: ReadonlyMap<string, string>): string {
  const ext = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase()
  if (ext === undefined) return UNKNOWN
  return types.get(ext) ?? (lookup(ext) || UNKNOWN)
}
