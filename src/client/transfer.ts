import { isFastDfsError, locateError } from '../errors.js'
import { crc32 } from '../file-id/index.js'
import type { Call } from '../net/call.js'
import type { ContentSource } from '../net/connection.js'
import { retry } from '../net/retry.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import type { ProgressListener } from './progress.js'
import { report } from './progress.js'
import type { OpenSource } from './sources.js'
import type { StorageEndpoint } from './trackers.js'

/** Where content goes, and with which fields. */
export interface Target<C extends Command> {
  readonly storage: StorageEndpoint
  readonly fields: RequestOf<C>
}

/** Content that was taken. */
export interface Sent<R> {
  readonly reply: R
  readonly storage: StorageEndpoint
  /** CRC32 of what was sent. */
  readonly crc32: number
}

/**
 * Sends a source's content with a request. A failed attempt is made again, each time where `findTarget` says, as long
 * as the storage cannot have carried it out and the source can be read again.
 *
 * @param onProgress - is told of all pieces but the last: that one is the caller's to report, see `reportEnd`
 */
export function sendContent<C extends Command>(
  context: Context,
  command: C,
  source: OpenSource,
  call: Call,
  findTarget: () => Promise<Target<C>>,
  onProgress?: ProgressListener,
): Promise<Sent<ResponseOf<C>>> {
  return retry(context.options, call, async () => {
    const { storage, fields } = await findTarget()
    const counted = countCrc(onProgress === undefined ? source : reporting(source, onProgress))
    try {
      const reply = await askStorage(context, storage, command, fields, call, { source: counted })
      return { reply, storage, crc32: counted.crc32 }
    } catch (error) {
      // What a stream gave is gone; only a source that can be read again can be sent again.
      if (isFastDfsError(error) && counted.started && !source.repeatable)
        throw locateError(error, { retriable: false })
      throw error
    }
  })
}

/** A source that tells what was sent of it. */
function reporting(source: OpenSource, listener: ProgressListener): OpenSource {
  return {
    ...source,
    send: (write) => {
      let transferred = 0
      return source.send(async (piece) => {
        await write(piece)
        transferred += piece.length
        if (transferred < source.size) report(listener, transferred, source.size)
      })
    },
  }
}

interface CountedSource extends ContentSource {
  readonly crc32: number
  readonly started: boolean
}

/** Counts the CRC32 of what passes. */
function countCrc(source: OpenSource): CountedSource {
  let crc = 0
  let started = false
  return {
    size: source.size,
    get crc32() {
      return crc
    },
    get started() {
      return started
    },
    send: (write) => {
      started = true
      return source.send((piece) => {
        crc = crc32(piece, crc)
        return write(piece)
      })
    },
  }
}
