import { types } from 'node:util'
import { InvalidArgumentError, isFastDfsError, LocalIoError } from '../errors.js'
import { show } from './check.js'

/** Bytes in pieces. A piece must not be changed until the upload has ended. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Bytes read from a file or handed to a socket at a time. */
export const PIECE_SIZE = 1024 * 1024

/** Takes a piece; its promise settles when the next one may come. */
export type Write = (piece: Uint8Array) => Promise<void>

/** Refuses what is no piece. */
export function checkPiece(piece: unknown): Uint8Array {
  if (!types.isUint8Array(piece)) {
    throw new InvalidArgumentError(
      `a source gives pieces of type Uint8Array, not ${typeof piece}: ${show(piece)}`,
    )
  }
  return piece
}

/** In pieces, so that the connection sees bytes move. */
export async function sendBytes(bytes: Uint8Array, write: Write): Promise<void> {
  for (let start = 0; start < bytes.length; start += PIECE_SIZE) {
    await write(bytes.subarray(start, start + PIECE_SIZE))
  }
}

/** Hands pieces on, holding back the last one until it is certain that it is the last. */
export async function sendPieces(pieces: Pieces, size: number, write: Write): Promise<void> {
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
    throw sourceFailed(`${given} of ${size}`, cause)
  }
  if (given < size) throw wrongSize(size, String(given))
  if (last !== undefined) await sendBytes(last, write)
}

function wrongSize(size: number, given: string): InvalidArgumentError {
  return new InvalidArgumentError(`the source gave ${given} bytes, size is ${size}`)
}

/** The error of pieces that ended in one. */
export function sourceFailed(given: string, cause: unknown): LocalIoError {
  return new LocalIoError(`the source failed after ${given} bytes: ${messageOf(cause)}`, { cause })
}

/** What anything that was thrown says. */
export function messageOf(error: unknown): string {
  return (error as Partial<Error> | undefined)?.message ?? String(error)
}
