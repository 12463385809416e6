import { extname } from 'node:path'
import { InvalidArgumentError, isFastDfsError, locateError, ProtocolError } from '../errors.js'
import { crc32, splitFileId } from '../file-id/index.js'
import type { CallOptions } from '../net/call.js'
import { Call } from '../net/call.js'
import type { ContentSource } from '../net/connection.js'
import { formatEndpoint } from '../net/endpoint.js'
import { retry } from '../net/retry.js'
import { log } from '../observe/log.js'
import type { Metadata } from '../protocol/index.js'
import { encodeMetadata, limits, storageCommands } from '../protocol/index.js'
import { checkInteger, checkNames, show } from './check.js'
import type { Context } from './context.js'
import { askStorage } from './context.js'
import { deleteFile, setMetadata } from './files.js'
import type { OpenSource, Source } from './sources.js'
import { openSource } from './sources.js'

/** How a file is uploaded. */
export interface UploadOptions extends CallOptions {
  /**
   * The extension, at most 6 of `0-9 A-Z a-z - _ .`; a leading dot is dropped, and `''` means none. Default: that of
   * `filename` or of the source's own name, if it fits.
   */
  ext?: string | undefined
  /** A name to take the extension from. */
  filename?: string | undefined
  /** Stored with the file: names up to 64 bytes, values up to 256. */
  metadata?: Metadata | undefined
  /** The group to store in. Default: the tracker chooses. */
  group?: string | undefined
  /** The size in bytes of a source that does not know it: a stream or an iterable. */
  size?: number | undefined
}

/** A file that was stored. */
export interface UploadedFile {
  /** The file ID: what every other method takes. */
  readonly id: string
  /** The group it is in. */
  readonly group: string
  /** The logic filename: the ID without the group. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** CRC32 of the bytes that were sent, unsigned. */
  readonly crc32: number
  /** The storage that took it, as `host:port`. */
  readonly endpoint: string
}

const UPLOAD_OPTIONS = ['ext', 'filename', 'metadata', 'group', 'size', 'signal', 'timeout']

/** Stores a new file (protocol.md §3.1). Everything is checked before anything is sent. */
export async function upload(
  context: Context,
  source: Source,
  options: UploadOptions,
  call: Call,
): Promise<UploadedFile> {
  checkNames(options, UPLOAD_OPTIONS, 'uploadFile')
  if (options.group !== undefined) checkGroup(options.group)
  if (options.size !== undefined) checkInteger(options.size, 'size', 0)
  const ext = options.ext === undefined ? undefined : checkExt(options.ext)
  const metadata = options.metadata === undefined ? undefined : encodeMetadata(options.metadata)
  const opened = await openSource(source, options.size)
  try {
    const file = await send(
      context,
      opened,
      ext ?? extOf(options.filename ?? opened.fileName),
      options.group,
      call,
    )
    if (metadata !== undefined && metadata.length > 0) await addMetadata(context, file, metadata, call)
    return file
  } finally {
    await opened.close()
  }
}

function send(
  context: Context,
  source: OpenSource,
  ext: string,
  group: string | undefined,
  call: Call,
): Promise<UploadedFile> {
  return retry(context.options, call, async () => {
    const target = await context.trackers.queryStore(group, call)
    const counted = countCrc(source)
    try {
      const fields = { storePathIndex: target.storePathIndex, ext }
      const reply = await askStorage(context, target, storageCommands.uploadFile, fields, call, {
        source: counted,
      })
      return {
        ...newFileOf(reply),
        size: source.size,
        crc32: counted.crc32,
        endpoint: formatEndpoint(target),
      }
    } catch (error) {
      // What a stream gave is gone; only a source that can be read again can be sent again.
      if (isFastDfsError(error) && counted.started && !source.repeatable)
        throw locateError(error, { retriable: false })
      throw error
    }
  })
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

function newFileOf({ group, name }: { group: string; name: string }): {
  id: string
  group: string
  name: string
} {
  try {
    return splitFileId(`${group}/${name}`)
  } catch (cause) {
    throw new ProtocolError(
      `the storage named the new file ${show(`${group}/${name}`)}, which is no file ID`,
      {
        command: storageCommands.uploadFile.name,
        cause,
      },
    )
  }
}

/** Milliseconds to delete a file that is not whole. */
const CLEANUP_TIMEOUT = 5_000

/** A file whose metadata cannot be set is deleted again: it is whole or not there. */
async function addMetadata(
  context: Context,
  file: UploadedFile,
  metadata: Buffer,
  call: Call,
): Promise<void> {
  try {
    await setMetadata(context, file, metadata, limits.METADATA_FLAGS.OVERWRITE, call)
  } catch (error) {
    // The call itself may be over: deleting has a time of its own.
    await deleteFile(context, file, new Call({ timeout: CLEANUP_TIMEOUT })).catch((cause: Error) => {
      log.net('%s is left behind without its metadata: %s', file.id, cause.message)
    })
    throw isFastDfsError(error) ? locateError(error, { fileId: file.id }) : error
  }
}

function checkGroup(group: unknown): void {
  if (typeof group !== 'string' || !/^[0-9A-Za-z]{1,16}$/.test(group)) {
    throw new InvalidArgumentError(`a group is 1 to 16 letters and digits, not ${show(group)}`)
  }
}

/** What {@link checkExt} and file names are held to. */
const EXT = new RegExp(`^[-.\\w]{0,${limits.EXT_SIZE}}$`)

function checkExt(ext: unknown): string {
  const text = typeof ext === 'string' && ext.startsWith('.') ? ext.slice(1) : ext
  if (typeof text !== 'string' || !EXT.test(text)) {
    throw new InvalidArgumentError(
      `an extension is at most ${limits.EXT_SIZE} of 0-9 A-Z a-z - _ . without the leading dot, not ${show(ext)}`,
    )
  }
  return text
}

/** The last part of a file's name, or none if it does not fit: what the C client does (protocol.md §9). */
function extOf(fileName: string | undefined): string {
  const ext = fileName === undefined ? '' : extname(fileName).slice(1)
  return EXT.test(ext) ? ext : ''
}
