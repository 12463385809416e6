import { randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFastDfsError, LocalIoError } from '../errors.js'
import type { Call } from '../net/call.js'
import { sendFile } from './file-content.js'
import type { Pieces, Write } from './pieces.js'
import { checkPiece, messageOf, PIECE_SIZE, sourceFailed } from './pieces.js'

/** Content that was read to its end; it can be sent as often as needed. */
export interface Spooled {
  /** Bytes in all. */
  readonly size: number
  /** Hands it on. */
  send(write: Write): Promise<void>
  /** Lets it go. */
  close(): Promise<void>
}

/** Bytes that are kept in memory; what is more goes to a file. */
const MEMORY_LIMIT = 8 * 1024 * 1024
/** The first block in memory; the blocks grow with the content. */
const FIRST_BLOCK = 64 * 1024

/**
 * Reads pieces to their end, to find out how many bytes there are: into memory, and from 8 MiB on into a temporary
 * file without a name, of which nothing is left however the process ends.
 *
 * @param call - ends it wherever it is
 * @throws {@link LocalIoError} when the pieces fail, or the file cannot be written
 * @throws {@link InvalidArgumentError} when what comes is no piece
 */
export async function spool(pieces: Pieces, call: Call): Promise<Spooled> {
  const content = new Content()
  try {
    await call.wait(readAll(pieces, content, call))
  } catch (error) {
    await content.close()
    throw error
  }
  const file = content.file
  return {
    size: content.size,
    send: (write) =>
      file === undefined
        ? sendBlocks(content.blocks, write)
        : sendFile(file, `the file in ${tmpdir()} that keeps the content`, content.size, write),
    close: () => content.close(),
  }
}

async function readAll(pieces: Pieces, content: Content, call: Call): Promise<void> {
  try {
    for await (const item of pieces) {
      // Pieces that are there at once let no timer and no signal in between.
      call.check()
      await content.add(checkPiece(item))
    }
    await content.end()
  } catch (cause) {
    throw isFastDfsError(cause) ? cause : sourceFailed(String(content.size), cause)
  }
}

async function sendBlocks(blocks: readonly Buffer[], write: Write): Promise<void> {
  for (const block of blocks) await write(block)
}

/** Collects bytes in blocks: many small pieces take no more memory than a few large ones. */
class Content {
  size = 0
  blocks: Buffer[] = []
  file: FileHandle | undefined
  #block = Buffer.allocUnsafe(FIRST_BLOCK)
  #filled = 0
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  async add(piece: Uint8Array): Promise<void> {
    for (let offset = 0; offset < piece.length;) {
      if (this.#filled === this.#block.length) await this.#turn()
      const part = piece.subarray(offset, offset + this.#block.length - this.#filled)
      this.#block.set(part, this.#filled)
      this.#filled += part.length
      this.size += part.length
      offset += part.length
    }
  }

  /** There is no more to come. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#keep()
    this.#block = Buffer.alloc(0)
  }

  /** What is being written is given up: a disk that is stuck holds nobody up. */
  close(): Promise<void> {
    this.blocks = []
    this.#closing ??= this.file?.close() ?? Promise.resolve()
    this.#closing.catch(() => {})
    return this.#writing === undefined ? this.#closing : Promise.resolve()
  }

  /** Makes room when the block is full. */
  async #turn(): Promise<void> {
    if (this.size === MEMORY_LIMIT) this.file = await this.#openFile()
    await this.#keep()
    if (this.file === undefined) this.#block = Buffer.allocUnsafe(Math.min(this.size, PIECE_SIZE))
  }

  async #keep(): Promise<void> {
    const bytes = this.#block.subarray(0, this.#filled)
    this.#filled = 0
    if (this.file === undefined) return void this.blocks.push(bytes)
    for (const block of [...this.blocks.splice(0), bytes]) await this.#write(this.file, block)
  }

  async #write(file: FileHandle, bytes: Buffer): Promise<void> {
    try {
      // From where the last one ended.
      this.#writing = file.writeFile(bytes)
      await this.#writing
    } catch (cause) {
      throw cannotKeep(cause)
    } finally {
      this.#writing = undefined
    }
  }

  async #openFile(): Promise<FileHandle> {
    const file = await openUnnamed()
    // The call may have ended meanwhile.
    if (this.#closing !== undefined) await file.close()
    return file
  }
}

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `fastdfs-${randomBytes(8).toString('hex')}.spool`)
  try {
    const file = await open(path, 'wx+', 0o600)
    // Windows keeps the name while the file is open, and drops it then.
    await unlink(path).catch(async (error: unknown) => {
      await file.close()
      throw error
    })
    return file
  } catch (cause) {
    throw cannotKeep(cause)
  }
}

function cannotKeep(cause: unknown): LocalIoError {
  return new LocalIoError(`cannot keep content of unknown size in ${tmpdir()}: ${messageOf(cause)}`, {
    cause,
  })
}
