import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { types } from 'node:util'
import { InvalidArgumentError, isFastDfsError, LocalIoError } from '../errors.js'
import type { ContentSource } from '../net/connection.js'
import { show } from './check.js'

/** Bytes in pieces. A piece must not be changed until the upload has ended. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

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
  /** Gives back what it holds; what it still reads is given up. */
  close(): Promise<void>
}

/** Bytes read from a file or handed to a socket at a time. */
const PIECE_SIZE = 1024 * 1024

/**
 * Opens a source and finds out its size.
 *
 * @param size - bytes; needed where the source itself does not know, else it must agree
 * @throws {@link InvalidArgumentError} when it is not a source, cannot be read, or has no or another size
 */
export async function openSource(source: Source, size: number | undefined): Promise<OpenSource> {
  if (typeof source === 'function') return openFunction(source, size)
  if (typeof source === 'string') return agree(await openPath(source), size)
  if (typeof source !== 'object' || source === null) throw noSource(source)
  if (ArrayBuffer.isView(source)) {
    return agree(fromBytes(new Uint8Array(source.buffer, source.byteOffset, source.byteLength)), size)
  }
  if (isBlob(source)) return agree(fromBlob(source), size)
  if (isWebStream(source)) return fromWebStream(source, needSize(size, 'a ReadableStream'))
  if (isReadable(source)) return fromReadable(source, needSize(size, 'a Readable'))
  if (Array.isArray(source)) return agree(fromArray(source as unknown[]), size)
  if (isIterable(source)) return fromIterable(source, needSize(size, 'an iterable'))
  throw noSource(source)
}

function noSource(value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `a source is a path, Buffer, Uint8Array, Blob, Readable, ReadableStream, iterable of bytes or a function, not ${show(value)}`,
  )
}

async function agree(source: OpenSource, size: number | undefined): Promise<OpenSource> {
  if (size === undefined || size === source.size) return source
  await source.close()
  throw new InvalidArgumentError(`size is ${size}, the source has ${source.size} bytes`)
}

function needSize(size: number | undefined, what: string): number {
  if (size === undefined)
    throw new InvalidArgumentError(`the size of ${what} must be given, as the option size`)
  return size
}

function fromBytes(bytes: Uint8Array): OpenSource {
  return {
    size: bytes.length,
    repeatable: true,
    fileName: undefined,
    send: (write) => sendBytes(bytes, write),
    close: async () => {},
  }
}

/** In pieces, so that the connection sees bytes move. */
async function sendBytes(bytes: Uint8Array, write: (piece: Uint8Array) => Promise<void>): Promise<void> {
  for (let start = 0; start < bytes.length; start += PIECE_SIZE) {
    await write(bytes.subarray(start, start + PIECE_SIZE))
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

function fromWebStream(stream: ReadableStream<Uint8Array>, size: number): OpenSource {
  if (stream.locked) throw new InvalidArgumentError('the ReadableStream is locked: something else reads it')
  return fromReadable(Readable.fromWeb(stream), size)
}

function fromReadable(readable: Readable, size: number): OpenSource {
  // It may fail before it is read, while a tracker is asked; reading it tells the error then.
  readable.on('error', () => {})
  return {
    ...fromIterable(readable as AsyncIterable<Uint8Array>, size),
    // Also when it is stuck: an iterator's return would wait for the piece that never comes.
    close: async () => void readable.destroy(),
  }
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

async function openFunction(make: () => SourceOrPromise, size: number | undefined): Promise<OpenSource> {
  const first = await openSource(await callSource(make), size)
  let current = first
  let isRead = false
  return {
    size: first.size,
    repeatable: true,
    fileName: first.fileName,
    send: async (write) => {
      if (isRead) current = await openSource(await callSource(make), first.size)
      isRead = true
      const opened = current
      try {
        await opened.send(write)
      } finally {
        await opened.close()
      }
    },
    // Also when it is being read, and stuck.
    close: () => current.close(),
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

async function openPath(path: string): Promise<OpenSource> {
  // Opening a named pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new InvalidArgumentError(`cannot read ${show(path)}: ${messageOf(cause)}`, { cause })
  })
  const stats = await file.stat()
  if (!stats.isFile()) {
    await file.close()
    throw new InvalidArgumentError(`cannot upload ${show(path)}: it is not a regular file`)
  }
  const { size } = stats
  let closed: Promise<void> | undefined
  return {
    size,
    repeatable: true,
    fileName: basename(path),
    send: (write) => sendFile(file, path, size, write),
    // A handle that is being closed would answer a second call at once.
    close: () => (closed ??= file.close()),
  }
}

/** Reads into one buffer while the other is on its way: all the memory that a file of any size takes. */
async function sendFile(
  file: FileHandle,
  path: string,
  size: number,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  const buffers = [newPiece(size), newPiece(size - PIECE_SIZE)]
  let position = 0
  let written: Promise<void> = Promise.resolve()
  if (size === 0) await checkEnd(file, path, size)
  for (let turn = 0; position < size; turn = 1 - turn) {
    const piece = await readPiece(file, path, buffers[turn] as Buffer, position)
    position += piece.length
    if (piece.length === 0 || position > size) throw sizeChanged(path, size)
    if (position === size) await checkEnd(file, path, size)
    await written
    written = write(piece)
    // Awaited below; a rejection meanwhile is not unhandled.
    written.catch(() => {})
  }
  await written
}

async function checkEnd(file: FileHandle, path: string, size: number): Promise<void> {
  if ((await readPiece(file, path, Buffer.allocUnsafe(1), size)).length > 0) throw sizeChanged(path, size)
}

function newPiece(size: number): Buffer {
  return Buffer.allocUnsafe(Math.max(0, Math.min(PIECE_SIZE, size)))
}

async function readPiece(file: FileHandle, path: string, buffer: Buffer, position: number): Promise<Buffer> {
  try {
    let filled = 0
    for (let bytesRead = -1; bytesRead !== 0 && filled < buffer.length; filled += bytesRead) {
      ;({ bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled))
    }
    return buffer.subarray(0, filled)
  } catch (cause) {
    throw new LocalIoError(`cannot read ${show(path)}: ${messageOf(cause)}`, { cause })
  }
}

function sizeChanged(path: string, size: number): LocalIoError {
  return new LocalIoError(
    `${show(path)} changed while it was read: it had ${size} bytes when the upload began`,
  )
}

/** Hands pieces on, holding back the last one until it is certain that it is the last. */
async function sendPieces(
  pieces: Pieces,
  size: number,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  let given = 0
  let last: Uint8Array | undefined
  try {
    for await (const item of pieces) {
      const piece = checkPiece(item)
      if (piece.length === 0) continue
      given += piece.length
      if (given > size) throw wrongSize(size, `${given} or more`)
      if (given === size) last = piece
      else await sendBytes(piece, write)
    }
  } catch (cause) {
    if (isFastDfsError(cause)) throw cause
    throw new LocalIoError(`the source failed after ${given} of ${size} bytes: ${messageOf(cause)}`, {
      cause,
    })
  }
  if (given < size) throw wrongSize(size, String(given))
  if (last !== undefined) await sendBytes(last, write)
}

function wrongSize(size: number, given: string): InvalidArgumentError {
  return new InvalidArgumentError(`the source gave ${given} bytes, size is ${size}`)
}

function checkPiece(piece: unknown): Uint8Array {
  if (!types.isUint8Array(piece)) {
    throw new InvalidArgumentError(
      `a source gives pieces of type Uint8Array, not ${typeof piece}: ${show(piece)}`,
    )
  }
  return piece
}

function isBlob(value: object): value is Blob {
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

function messageOf(error: unknown): string {
  return (error as Partial<Error> | undefined)?.message ?? String(error)
}
