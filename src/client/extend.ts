import { IntegrityError, locateError, UnknownOutcomeError } from '../errors.js'
import type { Call } from '../net/call.js'
import { formatEndpoint } from '../net/endpoint.js'
import { retry } from '../net/retry.js'
import { limits, storageCommands } from '../protocol/index.js'
import { ContentSum } from './content-sum.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import type { Transferred } from './integrity.js'
import type { NamedFile } from './named-file.js'
import type { OpenSource } from './sources.js'
import type { StorageEndpoint } from './trackers.js'

/**
 * Adds a chunk to the end of an appender file that nobody else changes (protocol.md §3.2). An append must not be made
 * twice: where one was begun and its outcome is not known, the storage is asked how much it has, and what is missing
 * is written at its place, which may be done as often as need be.
 *
 * @param before - of what the file holds
 * @param chunk - can be sent more than once
 * @param onPiece - is told what the file holds with the pieces that were handed over
 * @returns the storage, and the sum of what the file holds now
 * @throws {@link IntegrityError} when the storage has less than there was, or more than there can be
 */
export async function extend(
  context: Context,
  file: NamedFile,
  before: ContentSum,
  chunk: OpenSource,
  call: Call,
  onPiece: (size: number) => void = () => {},
): Promise<Transferred> {
  const { name } = file
  const end = before.size + chunk.size
  let isBegun = false
  let whole: ContentSum | undefined
  const attempt = async (): Promise<Transferred> => {
    const storage = await context.trackers.queryUpdate(file, call)
    if (isBegun) {
      const size = await settledSize(context, storage, file, before.size, end, call)
      if (size === end && whole !== undefined) return { storage, sum: whole }
      checkSize(storage, file, size, before.size, end)
    }
    const sum = new ContentSum(false, before.size, before.crc32)
    const source = {
      size: chunk.size,
      send: (write: (piece: Uint8Array) => Promise<void>) =>
        chunk.send(async (piece) => {
          sum.update(piece)
          await write(piece)
          if (sum.size < end) onPiece(sum.size)
        }),
    }
    try {
      if (isBegun) {
        const fields = { name, offset: before.size }
        await askStorage(context, storage, storageCommands.modifyFile, fields, call, { source })
      } else {
        await askStorage(context, storage, storageCommands.appendFile, { name }, call, { source })
      }
    } catch (error) {
      isBegun ||= sum.size > before.size
      if (sum.size === end) whole = sum
      throw error instanceof UnknownOutcomeError ? locateError(error, { retriable: true }) : error
    }
    return { storage, sum }
  }
  return retry(context.options, call, { attempt })
}

/** Milliseconds between two questions about the size, at first and at most. */
const FIRST_PAUSE = 50
const LAST_PAUSE = 1_000
/** Milliseconds after which what has not changed is what the storage had when it was killed. */
const LONG_PAUSE = 400

/**
 * What a storage has of a file after an append of which nobody knows how it ended: it may still be writing, or be about
 * to take back what it wrote (protocol.md §3.2).
 *
 * @param before - bytes without what was appended
 * @param end - bytes with all of it
 */
export async function settledSize(
  context: Context,
  storage: StorageEndpoint,
  file: NamedFile,
  before: number,
  end: number,
  call: Call,
): Promise<number> {
  const { group, name } = file
  let last: number | undefined
  for (let pause = FIRST_PAUSE; ; pause *= 2) {
    // Nobody wants a CRC32 of all of it here.
    const request = { status: limits.FILE_INFO_FLAGS.NO_CRC }
    const fields = { group, name }
    const reply = await askStorage(context, storage, storageCommands.queryFileInfo, fields, call, request)
    const { size } = reply
    const isSettled = size === last && (size <= before || pause >= LONG_PAUSE)
    if (size === end || isSettled || pause > LAST_PAUSE) return size
    last = size
    await call.sleep(pause)
  }
}

function checkSize(
  storage: StorageEndpoint,
  { id }: NamedFile,
  size: number,
  least: number,
  most: number,
): void {
  if (size >= least && size <= most) return
  throw new IntegrityError(`the storage has ${size} bytes of the file, not ${least} to ${most}`, {
    command: storageCommands.queryFileInfo.name,
    endpoint: formatEndpoint(storage),
    fileId: id,
  })
}
