import { extname } from 'node:path'
import { InvalidArgumentError } from '../errors.js'
import { limits } from '../protocol/index.js'
import { show } from './check.js'

/**
 * What happens to an extension that was given and that the protocol cannot hold: `error` refuses the call, `cut` takes
 * the first 6 of its characters that are allowed, `drop` takes none.
 */
export type ExtPolicy = 'error' | 'cut' | 'drop'

/** Every {@link ExtPolicy}. */
export const EXT_POLICIES: readonly ExtPolicy[] = ['error', 'cut', 'drop']

/** What extensions are held to. */
const EXT = new RegExp(`^[-.\\w]{0,${limits.EXT_SIZE}}$`)

/** An extension that was given, as the protocol holds it: without a leading dot. */
export function fitExt(ext: unknown, policy: ExtPolicy): string {
  const text = typeof ext === 'string' && ext.startsWith('.') ? ext.slice(1) : ext
  if (typeof text === 'string') {
    if (EXT.test(text)) return text
    if (policy === 'cut') return text.replace(/[^-.\w]/g, '').slice(0, limits.EXT_SIZE)
    if (policy === 'drop') return ''
  }
  throw new InvalidArgumentError(
    `an extension is at most ${limits.EXT_SIZE} of 0-9 A-Z a-z - _ . without the leading dot, not ${show(ext)}`,
  )
}

/** The last part of a file's name, or none if it does not fit: what the C client does (protocol.md §9). */
export function extOf(fileName: string | undefined): string {
  const ext = fileName === undefined ? '' : extname(fileName).slice(1)
  return EXT.test(ext) ? ext : ''
}
