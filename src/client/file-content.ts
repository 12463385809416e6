import type { FileHandle } from 'node:fs/promises'
import { LocalIoError } from '../errors.js'
import { giveBlock, takeBlock } from './blocks.js'
import type { Write } from './pieces.js'
import { messageOf } from './pieces.js'

/**
 * Hands a file on, reading into one buffer while the other is on its way: all the memory that a file of any size takes.
 *
 * @param name - of the file, as it stands in messages
 * @throws {@link LocalIoError} when it cannot be read, or has another size by now
 */
export async function sendFile(file: FileHandle, name: string, size: number, write: Write): Promise<void> {
  const first = takeBlock(size)
  const blocks = [first, takeBlock(size - first.length)]
  let position = 0
  let written: Promise<void> = Promise.resolve()
  if (size === 0) await checkEnd(file, name, size)
  for (let turn = 0; position < size; turn = 1 - turn) {
    const piece = await readPiece(file, name, blocks[turn] as Buffer, position)
    position += piece.length
    if (piece.length === 0 || position > size) throw sizeChanged(name, size)
    if (position === size) await checkEnd(file, name, size)
    await written
    written = write(piece)
    // Awaited below; a rejection meanwhile is not unhandled.
    written.catch(() => {})
  }
  await written
  // Where it fails, something may still use them.
  blocks.forEach(giveBlock)
}

async function checkEnd(file: FileHandle, name: string, size: number): Promise<void> {
  if ((await readPiece(file, name, Buffer.allocUnsafe(1), size)).length > 0) throw sizeChanged(name, size)
}

async function readPiece(file: FileHandle, name: string, buffer: Buffer, position: number): Promise<Buffer> {
  try {
    let filled = 0
    for (let bytesRead = -1; bytesRead !== 0 && filled < buffer.length; filled += bytesRead) {
      ;({ bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled))
    }
    return buffer.subarray(0, filled)
  } catch (cause) {
    throw new LocalIoError(`cannot read ${name}: ${messageOf(cause)}`, { cause })
  }
}

function sizeChanged(name: string, size: number): LocalIoError {
  return new LocalIoError(`${name} changed while it was read: it had ${size} bytes when the upload began`)
}
