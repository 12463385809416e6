import { randomBytes } from 'node:crypto'
import { link, open, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Writable } from 'node:stream'
import type { WritableStream } from 'node:stream/web'
import { types } from 'node:util'
import { InvalidArgumentError, isFastDfsError, LocalIoError } from '../errors.js'
import type { ContentFlow, ContentSink } from '../net/content.js'
import { giveBlock, takeBlock } from './blocks.js'
import { show, showPath } from './check.js'
import { pathFailed } from './path-failure.js'
import type { MayBePending } from './pending.js'
import { messageOf } from './pieces.js'
import { isIn } from './space.js'

/**
 * What a download can be written to: a path, a Writable, a web WritableStream, or a Uint8Array or Buffer that is filled
 * from its start.
 */
export type Sink = string | Uint8Array | Writable | WritableStream<Uint8Array>

/** Takes a download as a whole. */
export interface WholeSink<T> extends ContentSink {
  /** Whether it can start again after its first byte: what an attempt left behind is dropped then. */
  readonly restarts: boolean
  /** All content is here: gives the result. */
  finish(): MayBePending<T>
  /** The download failed: leaves nothing behind. */
  abandon(): Promise<void>
}

/** Whether a value is a sink, and not the options of a download to a Buffer. */
export function isSink(value: unknown): value is Sink {
  return typeof value === 'string' || types.isUint8Array(value) || isWritable(value) || isWebWritable(value)
}

/** By what it can do: responses of `node:http` are no instances of Writable. */
export function isWritable(value: unknown): value is Writable {
  const { write, end, on, destroy } = (value ?? {}) as Partial<Writable>
  return (
    typeof write === 'function' &&
    typeof end === 'function' &&
    typeof on === 'function' &&
    typeof destroy === 'function'
  )
}

/** Whether a value is a web stream that can be written to, of any realm. */
export function isWebWritable(value: unknown): value is WritableStream<Uint8Array> {
  const { getWriter, abort } = (value ?? {}) as Partial<WritableStream>
  return typeof getWriter === 'function' && typeof abort === 'function'
}

/** The error of what is no sink. */
export function noSink(value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `a sink is a path, Writable, WritableStream, Uint8Array or Buffer, not ${show(value)}`,
  )
}

const EMPTY: Buffer = Buffer.alloc(0)

/** A sink that becomes a Buffer of at most so many bytes. */
export class BufferSink implements WholeSink<Buffer> {
  /** See {@link WholeSink}. */
  readonly restarts = true
  readonly #maxBytes: number
  #buffer = EMPTY
  #filled = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** See {@link ContentSink}. */
  start(size: number): void {
    if (size > this.#maxBytes) {
      throw new InvalidArgumentError(
        `${size} bytes are more than maxBufferBytes (${this.#maxBytes}): download to a path, or as a stream`,
      )
    }
    this.#buffer = Buffer.allocUnsafe(size)
    this.#filled = 0
  }

  /** See {@link ContentSink}. */
  space(): Buffer {
    return this.#buffer.subarray(this.#filled)
  }

  /** See {@link ContentSink}. */
  write(chunk: Buffer): boolean {
    if (!isIn(chunk, this.#buffer, this.#filled)) chunk.copy(this.#buffer, this.#filled)
    this.#filled += chunk.length
    return true
  }

  /** See {@link WholeSink}. */
  finish(): Buffer {
    return this.#buffer
  }

  /** See {@link WholeSink}. */
  async abandon(): Promise<void> {}
}

/** A sink that fills a caller's bytes from their start; gives how many it filled. */
export class BytesSink implements WholeSink<number> {
  /** See {@link WholeSink}. */
  readonly restarts = true
  readonly #bytes: Uint8Array
  #filled = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** See {@link ContentSink}. */
  start(size: number): void {
    if (size > this.#bytes.length) {
      throw new InvalidArgumentError(`${size} bytes do not fit into a buffer of ${this.#bytes.length}`)
    }
    this.#filled = 0
  }

  /** See {@link ContentSink}. */
  space(): Uint8Array {
    return this.#bytes.subarray(this.#filled)
  }

  /** See {@link ContentSink}. */
  write(chunk: Buffer): boolean {
    if (!isIn(chunk, this.#bytes, this.#filled)) this.#bytes.set(chunk, this.#filled)
    this.#filled += chunk.length
    return true
  }

  /** See {@link WholeSink}. */
  finish(): number {
    return this.#filled
  }

  /** See {@link WholeSink}. */
  async abandon(): Promise<void> {}
}

/** How a file is written. */
interface FileSinkOptions {
  /** Bring the content and the name to the disk before it is finished. */
  readonly fsync?: boolean | undefined
  /** Replace nothing. */
  readonly isNew?: boolean
}

/**
 * A sink that becomes the file at `path`: written beside it under another name, and renamed when it is whole. Where a
 * file is replaced, its permissions are kept; where a symbolic link leads to it, the link is.
 *
 * @throws {@link InvalidArgumentError} when no file can be made there
 * @throws {@link LocalIoError} when that is not the path's fault: no space, too many open files
 */
export async function fileSink(
  path: string,
  { fsync = false, isNew = false }: FileSinkOptions = {},
): Promise<WholeSink<number>> {
  const present = await stat(path).catch(() => undefined)
  // A rename would replace a device or a pipe.
  if (present?.isFile() === false || path === '' || path.endsWith('/') || path.endsWith(sep)) {
    throw new InvalidArgumentError(`cannot write ${showPath(path)}: it is not a regular file`)
  }
  // And it would replace a symbolic link, not what that leads to.
  const target = present === undefined ? path : await realpath(path).catch(() => path)
  const temporary = join(dirname(target), `.fastdfs-${randomBytes(8).toString('hex')}.part`)
  // Nobody reads what comes who may not read what was there.
  const file = await open(temporary, 'wx', present && present.mode & PERMISSIONS).catch((cause: unknown) => {
    throw pathFailed('write', path, cause)
  })
  return new FileSink(file, {
    path,
    temporary,
    target,
    mode: present && present.mode & PERMISSIONS,
    fsync,
    isNew,
  })
}

/** Where a file comes to be, and how. */
interface FilePlan {
  /** As it stands in messages. */
  readonly path: string
  /** Where it is written. */
  readonly temporary: string
  /** Where it is when it is whole. */
  readonly target: string
  /** The permissions of the file that it replaces, if there is one. */
  readonly mode: number | undefined
  readonly fsync: boolean
  readonly isNew: boolean
}

class FileSink implements WholeSink<number> {
  readonly restarts = true
  readonly #file: FileHandle
  readonly #plan: FilePlan
  readonly #writer: BlockWriter

  constructor(file: FileHandle, plan: FilePlan) {
    this.#file = file
    this.#plan = plan
    this.#writer = new BlockWriter(file, plan.path)
  }

  start(size: number, flow: ContentFlow): void {
    this.#writer.restart(size, flow)
  }

  space(): Buffer | undefined {
    return this.#writer.space()
  }

  write(chunk: Buffer): boolean {
    return this.#writer.write(chunk)
  }

  async finish(): Promise<number> {
    const file = this.#file
    const { path, temporary, target, mode, fsync, isNew } = this.#plan
    const size = await this.#writer.end()
    try {
      // Of an earlier attempt there may be more.
      if (this.#writer.reached > size) await file.truncate(size)
      if (mode !== undefined) await file.chmod(mode)
      if (fsync) await file.sync()
      await file.close()
      await (isNew ? renameToNew(temporary, target) : rename(temporary, target))
      if (fsync) await syncFolder(dirname(target))
    } catch (cause) {
      throw isFastDfsError(cause) ? cause : writeFailed(path, cause)
    }
    return size
  }

  async abandon(): Promise<void> {
    await this.#writer.settled()
    await this.#file.close().catch(() => {})
    // There is an error to tell already.
    await rm(this.#plan.temporary, { force: true }).catch(() => {})
  }
}

/** In a file's mode. */
const PERMISSIONS = 0o777

/**
 * Gives a file a name that no other has. A rename would replace one that came meanwhile, as of another download.
 *
 * @throws {@link InvalidArgumentError} when there is one of that name
 */
async function renameToNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (cause) {
    if (isExisting(cause)) throw alreadyThere(path)
    // A file system without links.
    await (await open(path, 'wx')).close()
    return rename(temporary, path)
  }
  await rm(temporary, { force: true })
}

function isExisting(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'EEXIST'
}

/** The error of a name that is taken. */
export function alreadyThere(path: string): InvalidArgumentError {
  return new InvalidArgumentError(`${showPath(path)} is there already: name it as the path to replace it`)
}

/** Brings a folder's names to the disk. Windows does so by itself, and opens no folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Collects pieces into two blocks: one is written while the other fills. Both full, they hold the download up. */
class BlockWriter {
  readonly #file: FileHandle
  readonly #path: string
  /** Of the content. */
  #size = 0
  /** The one that fills; undefined until there are bytes for it. */
  #block: Buffer | undefined
  #filled = 0
  /** Where the current block belongs. */
  #position = 0
  /** How far any attempt has come. */
  reached = 0
  #waiting = 0
  #writing: Promise<void> = Promise.resolve()
  #failure: LocalIoError | undefined
  #flow: ContentFlow | undefined

  constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** Begins again at the file's start. Blocks of an earlier attempt are written before those to come. */
  restart(size: number, flow: ContentFlow): void {
    this.#size = size
    this.#flow = flow
    this.#filled = 0
    this.#position = 0
  }

  /** The rest of the present block; nothing while both are full. */
  space(): Buffer | undefined {
    return this.#waiting < 2 ? this.#present().subarray(this.#filled) : undefined
  }

  write(chunk: Buffer): boolean {
    for (let offset = 0; offset < chunk.length;) {
      const block = this.#present()
      const isThere = isIn(chunk, block, this.#filled)
      const taken = isThere ? chunk.length : chunk.copy(block, this.#filled, offset)
      offset += taken
      this.#filled += taken
      if (this.#filled === block.length) this.#flush(block)
    }
    return this.#waiting < 2
  }

  /** Writes what is left; gives the size of all. */
  async end(): Promise<number> {
    if (this.#filled > 0) this.#flush(this.#present())
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
    return this.#position
  }

  /** Waits until nothing is being written. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #present(): Buffer {
    return (this.#block ??= takeBlock(this.#size))
  }

  #flush(block: Buffer): void {
    const bytes = block.subarray(0, this.#filled)
    const position = this.#position
    this.#position += bytes.length
    this.reached = Math.max(this.reached, this.#position)
    this.#filled = 0
    this.#block = undefined
    this.#waiting++
    this.#writing = this.#writeOut(this.#writing, block, bytes, position)
  }

  /** Writes a block when the ones before it are written. */
  async #writeOut(before: Promise<void>, block: Buffer, bytes: Buffer, position: number): Promise<void> {
    await before
    try {
      if (this.#failure === undefined) await writeAll(this.#file, bytes, position)
    } catch (cause) {
      this.#failure = writeFailed(this.#path, cause)
      this.#flow?.fail(this.#failure)
    }
    giveBlock(block)
    this.#waiting--
    this.#flow?.resume()
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset, position + offset)
    offset += bytesWritten
  }
}

function writeFailed(path: string, cause: unknown): LocalIoError {
  return new LocalIoError(`cannot write ${showPath(path)}: ${messageOf(cause)}`, { cause })
}
