import { InvalidArgumentError } from '../errors.js'
import { parseFileId } from '../file-id/index.js'
import type { Metadata } from '../protocol/index.js'
import { checkInteger, checkNames, show } from './check.js'

/**
 * An upload as it can be written down, for example with `JSON.stringify`, and resumed from, also by another process.
 * Holds nothing of the source.
 */
export interface ResumableUploadState {
  /** Of this form. */
  readonly version: 1
  /** The name of what is stored so far; null before the first chunk. It changes when the file is made a normal one. */
  readonly id: string | null
  /** Bytes of the source. */
  readonly size: number
  /** Bytes that are stored for certain. */
  readonly transferred: number
  /** CRC32 of these. */
  readonly crc32: number
  /** Bytes of a chunk. */
  readonly chunkSize: number
  /** The options that were given, and what was taken from the source's name. */
  readonly options: {
    /** The extension; `''` for none. */
    readonly ext: string
    /** Whether the result is compared with what was sent. */
    readonly verify: boolean
    /** Stored with the file, the kept name included. */
    readonly metadata?: Metadata
    /** What that is written in. */
    readonly metadataEncoding?: string
    /** The group to store in. */
    readonly group?: string
    /** The storage to store at. */
    readonly storage?: string
    /** The store path. */
    readonly storePathIndex?: number
  }
}

const NAMES = ['version', 'id', 'size', 'transferred', 'crc32', 'chunkSize', 'options']

/**
 * Refuses what was not written down by this version of the package. What the options hold is checked with the options
 * of an upload.
 */
export function checkState(value: unknown): ResumableUploadState {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgumentError(
      `what is resumed must be the state of an upload, as toJSON() gives it, not ${show(value)}`,
    )
  }
  const state = value as ResumableUploadState
  if (state.version !== 1) {
    throw new InvalidArgumentError(`the state's version must be 1, not ${show(state.version)}`)
  }
  checkNames(state, NAMES, "an upload's state")
  checkInteger(state.size, 'size', 0)
  checkInteger(state.chunkSize, 'chunkSize', 1)
  checkInteger(state.crc32, 'crc32', 0)
  if (checkInteger(state.transferred, 'transferred', 0) > state.size) {
    throw new InvalidArgumentError(`transferred is ${state.transferred}, more than size, ${state.size}`)
  }
  if (state.id !== null) checkId(state.id, state)
  if (typeof state.options !== 'object' || state.options === null) {
    throw new InvalidArgumentError(`the state's options must be an object, not ${show(state.options)}`)
  }
  return state
}

/** A file that is whole has its size and CRC32 in its name: one that is not this upload's must not be taken for it. */
function checkId(id: string, { size, transferred, crc32 }: ResumableUploadState): void {
  const named = parseFileId(id)
  if (named.kind === 'appender') return
  if (named.size === size && transferred === size && named.crc32 === crc32) return
  throw new InvalidArgumentError(`the state's id is that of another file: ${show(id)}`)
}
