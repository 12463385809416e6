/** A part of a file. */
export interface ByteRange {
  /** Bytes from the file's start. */
  readonly offset: number
  /** At least 1. */
  readonly length: number
}

/** What nginx's module reads of one header (protocol.md §8.5). */
const MAX_RANGES = 5

/**
 * Reads a `Range` header.
 *
 * A header that is no list of one to five ranges is answered as one that lies outside of the file, as nginx's module
 * does; units other than bytes are ignored (RFC 9110 §14.2).
 *
 * @returns the ranges that lie within the file, cut to it, none where the answer is 416; undefined for all of the file
 */
export function parseRange(header: string | undefined, size: number): ByteRange[] | undefined {
  const list = /^bytes=(.*)$/is.exec(header ?? '')?.[1]
  if (list === undefined) return undefined
  const texts = list.split(',', MAX_RANGES + 1).map((text) => text.trim())
  if (texts.length > MAX_RANGES) return []
  const ranges: ByteRange[] = []
  for (const text of texts) {
    const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(text) ?? []
    if (first === '' && last === '') return []
    if (first !== '' && last !== '' && Number(last) < Number(first)) return []
    const offset = first === '' ? Math.max(0, size - Number(last)) : Number(first)
    const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
    if (offset < end) ranges.push({ offset, length: end - offset })
  }
  return ranges
}
