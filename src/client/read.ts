import { isFastDfsError, locateError, ProtocolError, ServerError, STATUS } from '../errors.js'
import type { Call } from '../net/call.js'
import type { ContentFlow, ContentSink } from '../net/content.js'
import { formatEndpoint } from '../net/endpoint.js'
import { storageCommands } from '../protocol/index.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import { fileInfoFrom } from './files.js'
import type { NamedFile } from './named-file.js'
import type { StorageEndpoint } from './trackers.js'

/** A part of a file. */
export interface Range {
  readonly offset: number
  /** Absent: up to the end. */
  readonly length: number | undefined
  /** What is left of content that has begun: its sink knows how long that is. */
  readonly isRest?: boolean
}

/** All of a file. */
export const WHOLE: Range = { offset: 0, length: undefined }

/** For content that no connection gives. */
export const NO_FLOW: ContentFlow = { resume: () => {}, fail: () => {} }

/** Reads a part of a file from one storage, in the same way from every version (protocol.md §3.4). */
export function readFrom(
  context: Context,
  storage: StorageEndpoint,
  file: NamedFile,
  range: Range,
  call: Call,
  sink: ContentSink,
): Promise<unknown> {
  const isWhole = range.offset === 0 && range.length === undefined && file.size !== 0
  return isWhole
    ? ask(context, storage, file, 0, TO_THE_END, call, sink)
    : readRange(context, storage, file, range, call, sink)
}

async function readRange(
  context: Context,
  storage: StorageEndpoint,
  file: NamedFile,
  range: Range,
  call: Call,
  sink: ContentSink,
): Promise<void> {
  const count = await countOf(context, storage, file, range, call)
  if (count === NOTHING) return startEmpty(sink, storage)
  const taking = count === TO_THE_END || range.isRest === true ? sink : new ExactSink(sink, count, file)
  await ask(context, storage, file, range.offset, count, call, taking)
}

function ask(
  context: Context,
  storage: StorageEndpoint,
  file: NamedFile,
  offset: number,
  count: number,
  call: Call,
  sink: ContentSink,
): Promise<unknown> {
  const { group, name } = file
  const fields = { offset, count, group, name }
  return askStorage(context, storage, storageCommands.downloadFile, fields, call, { sink }).catch(
    async (error: unknown) => {
      // From V6.15.4 on an empty file is refused like a range past the end.
      const isEmpty =
        error instanceof ServerError &&
        error.status === STATUS.EINVAL &&
        (await fileInfoFrom(context, storage, file, call)).size === 0
      if (!isEmpty) throw error
      startEmpty(sink, storage)
    },
  )
}

/** Refuses an answer of another length than was asked for; but a file that can be changed may have become shorter. */
class ExactSink implements ContentSink {
  readonly #sink: ContentSink
  readonly #count: number
  readonly #file: NamedFile

  constructor(sink: ContentSink, count: number, file: NamedFile) {
    this.#sink = sink
    this.#count = count
    this.#file = file
  }

  start(size: number, flow: ContentFlow): void {
    const count = this.#count
    const isShorter = size < count && this.#file.canChange
    if (size !== count && !isShorter) {
      throw new ProtocolError(`the storage gives ${size} bytes where ${count} were asked for`)
    }
    this.#sink.start(size, flow)
  }

  space(missing: number): Uint8Array | undefined {
    return this.#sink.space?.(missing)
  }

  write(chunk: Buffer): boolean {
    return this.#sink.write(chunk)
  }
}

function startEmpty(sink: ContentSink, storage: StorageEndpoint): void {
  try {
    sink.start(0, NO_FLOW)
  } catch (error) {
    if (!isFastDfsError(error)) throw error
    // What a connection throws says where it was, and may be made again.
    throw locateError(error, {
      command: storageCommands.downloadFile.name,
      endpoint: formatEndpoint(storage),
      retriable: error.retriable || error instanceof ProtocolError,
    })
  }
}

/** The count that means all the rest. */
const TO_THE_END = 0
/** Told instead of a count where the range holds no byte. */
const NOTHING = -1

/**
 * How many bytes of a range to ask for. Ranges are cut to the file here: up to V6.15.3 a storage refuses one that
 * reaches past the end, and never answers one that begins there (protocol.md §3.4).
 */
async function countOf(
  context: Context,
  storage: StorageEndpoint,
  file: NamedFile,
  range: Range,
  call: Call,
): Promise<number> {
  const named = file.size
  // Where nothing is to be read, the storage still has to say that the file exists.
  const size =
    named !== undefined && reaches(range, named)
      ? named
      : (await fileInfoFrom(context, storage, file, call)).size
  if (!reaches(range, size)) return NOTHING
  const { offset, length } = range
  // Of what can be changed there may be more by now.
  if (length === undefined && file.canChange) return TO_THE_END
  return Math.min(length ?? Infinity, size - offset)
}

/** Whether a range holds a byte of a file. */
function reaches({ offset, length }: Range, size: number): boolean {
  return offset < size && length !== 0
}
