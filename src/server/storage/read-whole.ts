import type { Store } from '../stores/store.js'

/** All bytes of a small file; undefined where there is none. */
export async function readWhole(store: Store, name: string): Promise<Buffer | undefined> {
  const file = await store.read(name)
  if (file === undefined) return undefined
  const content = await file.content(0, file.size)
  if (content instanceof Uint8Array) return content
  const chunks: Buffer[] = []
  for await (const chunk of content) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
