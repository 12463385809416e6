/** How fdfs_client-py writes sizes and times, and reads names. */

const SUFFIXES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB']

/**
 * A size as Python's client prints it: whole numbers that are divided without a rest, so that 2000 is `1.00KB`.
 *
 * @param base - the unit of `size`: 0 for bytes, 2 for MiB
 * @throws RangeError when the size is negative, or beyond the last unit
 */
export function appromix(size: number, base = 0): string {
  if (size < 0) throw new RangeError('[-] Error: number must be non-negative.')
  if (size < 1024) return `${size}${SUFFIXES[base]}`
  for (const suffix of SUFFIXES.slice(base)) {
    if (size < 1024) return `${size.toFixed(2)}${suffix}`
    size = Math.floor(size / 1024)
  }
  throw new RangeError('[-] Error: number too big.')
}

/** Bytes that are a whole number of MiB, as {@link appromix} prints them. */
export function space(bytes: number): string {
  return appromix(bytes / (1024 * 1024), 2)
}

/** Bytes of an extension on the wire (protocol.md §1.2); Python's client cuts there. */
const EXT_LENGTH = 6

/**
 * The extension that Python's client sends for a file: of three dotted parts or more the last two, cut to what fits.
 * `a.tar.gz` has `tar.gz`, and `my.photo.jpeg` has `photo.`
 */
export function extOfFile(filename: string): string {
  const parts = filename.split('.')
  const last = parts.at(-1) as string
  if (parts.length === 1 || last.includes('/')) return ''
  const before = parts.at(-2) as string
  return cutExt(parts.length > 2 && !before.includes('/') ? `${before}.${last}` : last)
}

/** What of an extension goes over the wire. */
export function cutExt(ext: string): string {
  return ext.slice(0, EXT_LENGTH)
}

/** Python's `datetime.fromtimestamp(seconds).isoformat()`: the local time without its zone. */
export function isoformat(time: Date | undefined): string {
  const date = time ?? new Date(0)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = [String(date.getFullYear()).padStart(4, '0'), two(date.getMonth() + 1), two(date.getDate())]
  return `${day.join('-')}T${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}
