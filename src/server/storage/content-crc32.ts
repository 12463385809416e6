import { crc32 } from '../../file-id/index.js'
import type { Store } from '../stores/store.js'

/** The CRC32 of a file as it is now; undefined where there is none. */
export async function contentCrc32(store: Store, name: string): Promise<number | undefined> {
  const file = await store.read(name)
  if (file === undefined) return undefined
  const content = await file.content(0, file.size)
  if (content instanceof Uint8Array) return crc32(content)
  let crc = 0
  for await (const chunk of content) crc = crc32(chunk, crc)
  return crc
}
