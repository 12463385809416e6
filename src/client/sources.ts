import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { InvalidArgumentError, isFastDfsError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { ContentSource } from '../net/content.js'
import { show, showPath } from './check.js'
import { sendFile } from './file-content.js'
import { pathFailed } from './path-failure.js'
import type { Pieces, Write } from './pieces.js'
import { checkPiece, messageOf, sendBytes, sendPieces, PIECE_SIZE } from './pieces.js'
import { spool } from './spool.js'

/**
 * What can be uploaded: a path, bytes, a Blob or File, a Readable, a web ReadableStream, an (async) iterable of
 * bytes, or a function that returns one of these: it is called again when the upload is made again.
 */
export type Source =
  string | Uint8Array | Blob | Readable | ReadableStream<Uint8Array> | Pieces | (() => SourceOrPromise)

type SourceOrPromise = Source | Promise<Source>

/** A source whose size is known. */
export interface OpenSource extends ContentSource {
  /** Whether {@link ContentSource.send} can be called more than once. */
  readonly repeatable: boolean
  /** The name of the file it comes from, if it has one. */
  readonly fileName: string | undefined
  /** Its size was not known: it was read to its end, and what it gave is kept. */
  readonly spooled?: true
  /** Gives back what it holds; what it still reads is given up. Undefined where there is nothing to wait for. */
  close(): Promise<void> | undefined
}

/** A source whose size nobody knows before its end. */
export interface UnsizedSource {
  /** What it gives; can be read once. */
  readonly pieces: Pieces
  /** Such a source has none. */
  readonly fileName: undefined
  /** Gives back what it holds. */
  close(): Promise<void>
}

/** What becomes of pieces whose size nobody knows; `release` lets go what they come from. */
type OpenUnsized<T> = (pieces: Pieces, release: () => void, call: Call) => Promise<T>

/**
 * Opens a source and finds out its size: a source that does not know it is read to its end.
 *
 * @param size - bytes, for a source that does not know; else it must agree
 * @param call - ends it wherever it is
 * @throws {@link InvalidArgumentError} when it is not a source, cannot be read, or has another size
 * @throws {@link LocalIoError} when it fails while it is read to its end
 */
export function openSource(source: Source, size: number | undefined, call: Call): Promise<OpenSource> {
  return openWith(source, size, call, spooled)
}

/** Opens a source as {@link openSource} does, but leaves one that does not know its size as it is. */
export function openUnread(
  source: Source,
  size: number | undefined,
  call: Call,
): Promise<OpenSource | UnsizedSource> {
  return openWith(source, size, call, unsized)
}

async function openWith<T extends object>(
  source: Source,
  size: number | undefined,
  call: Call,
  openUnsized: OpenUnsized<T>,
): Promise<OpenSource | T> {
  if (typeof source === 'function') return openFunction(source, size, call, openUnsized)
  if (typeof source === 'string') {
    return agree(await call.wait(openPath(source), closeLate), size)
  }
  if (typeof source !== 'object' || source === null) throw noSource(source)
  if (ArrayBuffer.isView(source)) return openView(source, size)
  if (isBlob(source)) return agree(fromBlob(source), size)
  if (isWebStream(source)) return fromWebStream(source, size, call, openUnsized)
  if (isReadable(source)) return fromReadable(source, size, call, openUnsized)
  if (Array.isArray(source)) return agree(fromArray(source as unknown[]), size)
  if (isIterable(source)) {
    return size === undefined ? openUnsized(source, () => {}, call) : fromIterable(source, size)
  }
  throw noSource(source)
}

const spooled: OpenUnsized<OpenSource> = async (pieces, release, call) => {
  try {
    return { ...(await spool(pieces, call)), repeatable: true, fileName: undefined, spooled: true }
  } finally {
    release()
  }
}

const unsized: OpenUnsized<UnsizedSource> = async (pieces, release) => ({
  pieces,
  fileName: undefined,
  close: async () => release(),
})

function noSource(value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `a source is a path, Buffer, Uint8Array, Blob, Readable, ReadableStream, iterable of bytes or a function, not ${show(value)}`,
  )
}

function agree(source: OpenSource, size: number | undefined): OpenSource | Promise<never> {
  return size === undefined || size === source.size ? source : refuse(source, size)
}

async function refuse(source: OpenSource, size: number): Promise<never> {
  await source.close()
  throw otherSize(size, source.size)
}

function otherSize(size: number, found: number): InvalidArgumentError {
  return new InvalidArgumentError(`size is ${size}, the source has ${found} bytes`)
}

/** Whether a source is bytes: there is nothing to let go. */
export function isInMemory(source: Source): source is Uint8Array {
  return ArrayBuffer.isView(source)
}

/**
 * A source of what is in memory. There is nothing to wait for, and nothing to close.
 *
 * @throws {@link InvalidArgumentError} when it has another size than `size`
 */
export function openView(view: ArrayBufferView, size: number | undefined): OpenSource {
  if (size !== undefined && size !== view.byteLength) throw otherSize(size, view.byteLength)
  return fromBytes(Buffer.isBuffer(view) ? view : Buffer.from(view.buffer, view.byteOffset, view.byteLength))
}

/** A source of bytes that are in memory. */
export function fromBytes(bytes: Uint8Array): OpenSource {
  // What is larger goes in pieces, so that the connection sees bytes move.
  return bytes.length <= PIECE_SIZE ? new OnePiece(bytes) : new Bytes(bytes)
}

class Bytes implements OpenSource {
  readonly size: number
  readonly repeatable = true
  readonly fileName = undefined
  protected readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.size = bytes.length
    this.bytes = bytes
  }

  send(write: Write): Promise<void> {
    return sendBytes(this.bytes, write)
  }

  close(): undefined {}
}

class OnePiece extends Bytes {
  take(): Uint8Array {
    return this.bytes
  }
}

function fromBlob(blob: Blob): OpenSource {
  const { name } = blob as Partial<File>
  return {
    size: blob.size,
    repeatable: true,
    fileName: typeof name === 'string' ? name : undefined,
    send: (write) => sendPieces(slicesOf(blob), blob.size, write),
    close: async () => {},
  }
}

async function* slicesOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < blob.size; start += PIECE_SIZE) {
    yield new Uint8Array(await blob.slice(start, start + PIECE_SIZE).arrayBuffer())
  }
}

function fromArray(pieces: readonly unknown[]): OpenSource {
  const size = pieces.reduce<number>((sum, piece) => sum + checkPiece(piece).length, 0)
  return { ...fromIterable(pieces as Uint8Array[], size), repeatable: true }
}

async function fromWebStream<T>(
  stream: ReadableStream<Uint8Array>,
  size: number | undefined,
  call: Call,
  openUnsized: OpenUnsized<T>,
): Promise<OpenSource | T> {
  if (stream.locked) throw new InvalidArgumentError('the ReadableStream is locked: something else reads it')
  // What is left of it may be nothing, which would be stored as an empty file.
  if (Readable.isDisturbed(stream as unknown as Readable))
    throw new InvalidArgumentError('the ReadableStream was read before')
  return fromReadable(Readable.fromWeb(stream), size, call, openUnsized)
}

async function fromReadable<T>(
  readable: Readable,
  size: number | undefined,
  call: Call,
  openUnsized: OpenUnsized<T>,
): Promise<OpenSource | T> {
  // At its end there is nothing, which would be stored as an empty file.
  if (readable.readableEnded) throw new InvalidArgumentError('the Readable was read to its end before')
  // It may fail before it is read, while a tracker is asked; reading it tells the error then.
  readable.on('error', () => {})
  const pieces = readable as AsyncIterable<Uint8Array>
  // Also when it is stuck: an iterator's return would wait for the piece that never comes.
  const release = (): void => void readable.destroy()
  if (size === undefined) return openUnsized(pieces, release, call)
  return { ...fromIterable(pieces, size), close: async () => release() }
}

function fromIterable(pieces: Pieces, size: number): OpenSource {
  return {
    size,
    repeatable: false,
    fileName: undefined,
    send: (write) => sendPieces(pieces, size, write),
    close: async () => {},
  }
}

async function openFunction<T extends object>(
  make: () => SourceOrPromise,
  size: number | undefined,
  call: Call,
  openUnsized: OpenUnsized<T>,
): Promise<OpenSource | T> {
  // It may take its time, or never give a source.
  const first = await openWith(await call.wait(callSource(make), discard), size, call, openUnsized)
  // There is no need to call it again.
  if (!('send' in first) || first.spooled) return first
  let current: OpenSource = first
  let isRead = false
  let isClosed = false
  return {
    size: first.size,
    repeatable: true,
    fileName: first.fileName,
    send: async (write) => {
      if (isRead) {
        // The earlier one may be stuck in a read that nobody waits for any more.
        await current.close()
        current = await openSource(await call.wait(callSource(make), discard), first.size, call)
        if (isClosed) await current.close()
      }
      isRead = true
      const opened = current
      try {
        await opened.send(write)
      } finally {
        await opened.close()
      }
    },
    // Also when it is being read, and stuck.
    close: () => {
      isClosed = true
      return current.close()
    },
  }
}

async function callSource(make: () => SourceOrPromise): Promise<Source> {
  try {
    return await make()
  } catch (cause) {
    throw new InvalidArgumentError(`the function that makes the source failed: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Runs what takes a source. When it fails before the source is open, a stream is let go all the same. */
export async function owning<T>(source: Source, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    discard(source)
    throw error
  }
}

/** Lets go what nobody will read. */
export function discard(source: Source): void {
  if (typeof source !== 'object' || source === null) return
  if (isReadable(source)) source.on('error', () => {}).destroy()
  else if (isWebStream(source) && !source.locked) source.cancel().catch(() => {})
}

async function openPath(path: string): Promise<OpenSource> {
  // Opening a named pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw pathFailed('read', path, cause)
  })
  let size: number
  try {
    size = sizeOfFile(path, await file.stat())
  } catch (error) {
    await file.close()
    throw isFastDfsError(error) ? error : pathFailed('read', path, error)
  }
  return new FileSource(file, path, size)
}

class FileSource implements OpenSource {
  readonly size: number
  readonly repeatable = true
  readonly fileName: string
  readonly #file: FileHandle
  readonly #path: string
  #closed: Promise<void> | undefined

  constructor(file: FileHandle, path: string, size: number) {
    this.size = size
    this.fileName = basename(path)
    this.#file = file
    this.#path = path
  }

  send(write: Write): Promise<void> {
    return sendFile(this.#file, showPath(this.#path), this.size, write)
  }

  /** A handle that is being closed would answer a second call at once. */
  close(): Promise<void> {
    return (this.#closed ??= this.#file.close())
  }
}

/** The call has ended by now. */
function closeLate(source: OpenSource): void {
  void source.close()
}

/** The size of a file that can be uploaded. */
export function sizeOfFile(path: string, stats: Stats): number {
  if (!stats.isFile()) {
    throw new InvalidArgumentError(`cannot upload ${showPath(path)}: it is not a regular file`)
  }
  return stats.size
}

/** Whether a value is a Blob or File, of any realm. */
export function isBlob(value: object): value is Blob {
  return 'arrayBuffer' in value && 'slice' in value && 'size' in value
}

function isReadable(value: object): value is Readable {
  return 'pipe' in value && 'destroy' in value && Symbol.asyncIterator in value
}

function isWebStream(value: object): value is ReadableStream<Uint8Array> {
  return 'getReader' in value && 'tee' in value
}

function isIterable(value: unknown): value is Pieces {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  )
}
