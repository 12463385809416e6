import type { Store } from '../stores/store.js'
import type { SentContent } from '../server-connection.js'

/**
 * Opens a file to pass it on as it is, without what a change that has not ended has put behind it; undefined where
 * there is none. Its content must be read.
 *
 * @param range - the part that is meant; undefined is given as well where the file has not got it
 */
export async function contentOf(
  store: Store,
  changing: ReadonlyMap<string, number>,
  name: string,
  range?: { start: number; size: number },
): Promise<SentContent | undefined> {
  const file = await store.read(name)
  if (file === undefined) return undefined
  const settled = Math.min(file.size, changing.get(name) ?? file.size)
  const { start, size } = range ?? { start: 0, size: settled }
  if (start + size > settled) {
    await file.close()
    return undefined
  }
  return { size, content: await file.content(start, size) }
}
