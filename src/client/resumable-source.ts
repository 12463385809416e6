import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { types } from 'node:util'
import { InvalidArgumentError } from '../errors.js'
import type { Call } from '../net/call.js'
import { checkInteger, show } from './check.js'
import { pathFailed } from './path-failure.js'
import { PIECE_SIZE } from './pieces.js'
import type { Source } from './sources.js'
import { isBlob, sizeOfFile } from './sources.js'

/**
 * What can be uploaded with interruptions: a source that can be read again from any place. A path, bytes, a Blob or
 * File, or a function that gives `length` bytes from `offset` on, as a stream, an iterable or bytes; it needs the option
 * `size`.
 */
export type ResumableSource = string | Uint8Array | Blob | RangeSource

/** Gives a part of a source; called again when the part is sent again. */
export type RangeSource = (offset: number, length: number) => ReturnType<Extract<Source, () => unknown>>

/** A source of which parts can be read. */
export interface Ranges {
  /** Bytes in all. */
  readonly size: number
  /** The name of the file it comes from, if it has one. */
  readonly fileName: string | undefined
  /** The part of `length` bytes, at least one, from `offset` on. */
  range(offset: number, length: number): Source
}

/**
 * Finds out the size of a source.
 *
 * @param size - bytes, for a function; else it must agree
 * @throws {@link InvalidArgumentError} when it is no such source, cannot be read, or has another size
 */
export async function openRanges(
  source: ResumableSource,
  size: number | undefined,
  call: Call,
): Promise<Ranges> {
  if (size !== undefined) checkInteger(size, 'size', 0)
  const ranges = await rangesOf(source, size, call)
  if (size === undefined || size === ranges.size) return ranges
  throw new InvalidArgumentError(`size is ${size}, the source has ${ranges.size} bytes`)
}

async function rangesOf(source: ResumableSource, size: number | undefined, call: Call): Promise<Ranges> {
  if (typeof source === 'string') return fromPath(source, call)
  if (types.isUint8Array(source)) {
    return {
      size: source.length,
      fileName: undefined,
      range: (offset, length) => source.subarray(offset, offset + length),
    }
  }
  if (typeof source === 'function') {
    if (size === undefined) throw new InvalidArgumentError('a function as the source needs the option size')
    return { size, fileName: undefined, range: (offset, length) => () => source(offset, length) }
  }
  if (typeof source === 'object' && source !== null && isBlob(source)) {
    const { name } = source as Partial<File>
    return {
      size: source.size,
      fileName: typeof name === 'string' ? name : undefined,
      range: (offset, length) => source.slice(offset, offset + length),
    }
  }
  throw new InvalidArgumentError(
    `a source that can be read again from any place is a path, Uint8Array, Blob or a function, not ${show(source)}`,
  )
}

async function fromPath(path: string, call: Call): Promise<Ranges> {
  const stats = await call.wait(stat(path)).catch((error: unknown) => {
    call.check()
    throw pathFailed('read', path, error)
  })
  return {
    size: sizeOfFile(path, stats),
    fileName: basename(path),
    range: (offset, length) => () =>
      createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: PIECE_SIZE }),
  }
}
