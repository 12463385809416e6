import type { Duplex } from 'node:stream'
import type { Command } from '../protocol/index.js'
import { encodeResponseHead } from '../protocol/index.js'
import type { ContentReply } from './routes.js'

/** Up to this size copying a body behind its header is cheaper than a gathered write. */
const COPIED = 16 * 1024

/**
 * Answers with content.
 *
 * @returns undefined when all is written, else a promise of that
 */
export function sendContent(
  stream: Duplex,
  command: Command,
  { size, content }: ContentReply,
): Promise<void> | undefined {
  const head = encodeResponseHead(command, {}, size)
  if (!(content instanceof Uint8Array)) return sendChunks(stream, head, size, content)
  if (size <= COPIED) stream.write(Buffer.concat([head, content]))
  else {
    stream.cork()
    stream.write(head)
    stream.write(content)
    stream.uncork()
  }
  return undefined
}

/** Chunk by chunk, each only when the one before is out: so whoever reads them can use one buffer for all. */
async function sendChunks(
  stream: Duplex,
  head: Buffer,
  size: number,
  chunks: AsyncIterable<Buffer>,
): Promise<void> {
  let missing = size
  stream.cork()
  stream.write(head)
  try {
    for await (const chunk of chunks) {
      missing -= chunk.length
      const written = write(stream, chunk)
      stream.uncork()
      await written
    }
  } finally {
    stream.uncork()
  }
  if (missing !== 0) throw new Error(`${missing} of ${size} bytes are missing`)
}

function write(stream: Duplex, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()))
  })
}
