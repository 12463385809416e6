import {
  FileNotFoundError,
  InvalidArgumentError,
  isFastDfsError,
  locateError,
  ProtocolError,
  ServerError,
} from '../errors.js'
import type { Call, CallOptions } from '../net/call.js'
import { formatEndpoint } from '../net/endpoint.js'
import type { Operation } from '../net/retry.js'
import { retry } from '../net/retry.js'
import type { Metadata, ResponseOf } from '../protocol/index.js'
import { decodeMetadata, encodeMetadata, storageCommands, trackerCommands } from '../protocol/index.js'
import { refuseArgument } from './check.js'
import { checkMetadataEncoding } from './config/encoding.js'
import type { Context } from './context.js'
import type { NamedFile } from './named-file.js'
import { Reading } from './replicas.js'
import { askStorage } from './context.js'
import type { StorageEndpoint } from './trackers.js'

/** What a storage says about a file. */
export interface FileInfo {
  /** Bytes, as they are on the storage's disk. */
  readonly size: number
  /** When the content was last changed. */
  readonly modifiedAt: Date
  /**
   * CRC32, unsigned. Old storages give the one in the file's name, which is the master's for a slave (before V6.15.1)
   * and the first upload's for an appender (before V6.02); V5's is no standard CRC32 (protocol.md §3.6, §5).
   */
  readonly crc32: number
  /** The address of the storage that the file was uploaded to; absent where the storage does not know it. */
  readonly sourceIp: string | undefined
}

/** Asks one storage about a file. */
export function fileInfoFrom(
  context: Context,
  storage: StorageEndpoint,
  { group, name }: NamedFile,
  call: Call,
): Promise<FileInfo> {
  return askStorage(context, storage, storageCommands.queryFileInfo, { group, name }, call).then(toFileInfo)
}

function toFileInfo(reply: ResponseOf<typeof storageCommands.queryFileInfo>): FileInfo {
  return {
    size: reply.size,
    modifiedAt: new Date(reply.modifiedAt * 1000),
    crc32: reply.crc32,
    sourceIp: reply.sourceIp === '' ? undefined : reply.sourceIp,
  }
}

/** Asks about a file (protocol.md §3.6). */
export function fileInfo(context: Context, file: NamedFile, call: Call): Promise<FileInfo> {
  return new InfoReading(context, file, call).run()
}

class InfoReading extends Reading<FileInfo> {
  protected override read(storage: StorageEndpoint): Promise<FileInfo> {
    return fileInfoFrom(this.context, storage, this.file, this.call)
  }
}

/** Whether a file exists: a storage has to say so, or that it does not. */
export async function fileExists(context: Context, file: NamedFile, call: Call): Promise<boolean> {
  try {
    await fileInfo(context, file, call)
    return true
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) throw error
    // A tracker says the same where no storage of the group can be asked at present.
    if (error.command !== storageCommands.queryFileInfo.name && (await groupExists(context, file, call)))
      throw error
    return false
  }
}

async function groupExists({ trackers }: Context, { group }: NamedFile, call: Call): Promise<boolean> {
  try {
    await trackers.ask(trackerCommands.listOneGroup, { group }, call)
    return true
  } catch (error) {
    if (error instanceof FileNotFoundError) return false
    throw error
  }
}

/** Deletes a file (protocol.md §3.3). */
export function deleteFile(context: Context, file: NamedFile, call: Call): Promise<void> {
  return retry(context.options, call, new Deletion(context, file, call))
}

class Deletion implements Operation<void> {
  readonly #context: Context
  readonly #file: NamedFile
  readonly #call: Call
  #answerLost = false

  constructor(context: Context, file: NamedFile, call: Call) {
    this.#context = context
    this.#file = file
    this.#call = call
  }

  async attempt(): Promise<void> {
    const { group, name } = this.#file
    const storage = await this.#context.trackers.queryUpdate(this.#file, this.#call)
    try {
      await askStorage(this.#context, storage, storageCommands.deleteFile, { group, name }, this.#call)
    } catch (error) {
      // The answer to an earlier attempt was lost: that one deleted it.
      if (error instanceof FileNotFoundError && this.#answerLost) return
      const wasSent = isFastDfsError(error) && error.phase === 'answer'
      if (wasSent && !(error instanceof ServerError)) this.#answerLost = true
      throw error
    }
  }
}

/** How metadata is read and written. */
export interface MetadataOptions extends CallOptions {
  /**
   * What its names and values are in: `utf8`, another label of TextDecoder such as `gbk`, or `raw`, which gives a
   * character for each byte. Default: the client's.
   */
  metadataEncoding?: string | undefined
}

/** The encoding that a call uses for metadata. */
export function encodingOf(context: Context, { metadataEncoding }: MetadataOptions): string {
  return metadataEncoding === undefined
    ? context.options.metadataEncoding
    : checkMetadataEncoding(metadataEncoding, refuseArgument)
}

/** A request with its metadata must be smaller than the storage's buffer; 256 KiB in the sample configuration (§1.2). */
const MAX_METADATA_BYTES = 256 * 1024 - 256

/**
 * Metadata to bytes.
 *
 * @throws {@link InvalidArgumentError} when it is more than a request can hold, or an item does not fit
 */
export function packMetadata(metadata: Metadata, encoding: string): Buffer {
  const bytes = encodeMetadata(metadata, encoding)
  if (bytes.length > MAX_METADATA_BYTES) {
    throw new InvalidArgumentError(
      `the metadata is ${bytes.length} bytes in all, storages take at most ${MAX_METADATA_BYTES}`,
    )
  }
  return bytes
}

/** Replaces a file's metadata, or with the other flag merges into it (protocol.md §3.5). */
export function setMetadata(
  context: Context,
  file: NamedFile,
  metadata: Buffer,
  flag: number,
  call: Call,
): Promise<void> {
  return retry(context.options, call, new MetadataChange(context, file, metadata, flag, call))
}

class MetadataChange implements Operation<void> {
  readonly #context: Context
  readonly #file: NamedFile
  readonly #metadata: Buffer
  readonly #flag: number
  readonly #call: Call

  constructor(context: Context, file: NamedFile, metadata: Buffer, flag: number, call: Call) {
    this.#context = context
    this.#file = file
    this.#metadata = metadata
    this.#flag = flag
    this.#call = call
  }

  async attempt(): Promise<void> {
    const { group, name } = this.#file
    const storage = await this.#context.trackers.queryUpdate(this.#file, this.#call)
    const fields = { group, name, flag: this.#flag, metadata: this.#metadata }
    await askStorage(this.#context, storage, storageCommands.setMetadata, fields, this.#call)
  }
}

/** Reads a file's metadata; a file without any has `{}` (protocol.md §3.5). */
export async function getMetadata(
  context: Context,
  file: NamedFile,
  encoding: string,
  call: Call,
): Promise<Record<string, string>> {
  try {
    return await new MetadataReading(context, file, encoding, call).run()
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) throw error
    // "No metadata" and "no file" are the same status.
    await fileInfo(context, file, call)
    return {}
  }
}

class MetadataReading extends Reading<Record<string, string>> {
  readonly #encoding: string

  constructor(context: Context, file: NamedFile, encoding: string, call: Call) {
    super(context, file, call)
    this.#encoding = encoding
  }

  /** Metadata reaches replicas after its file. */
  protected override get prefersSource(): boolean {
    return true
  }

  protected override async read(storage: StorageEndpoint): Promise<Record<string, string>> {
    const { group, name } = this.file
    const command = storageCommands.getMetadata
    const { metadata } = await askStorage(this.context, storage, command, { group, name }, this.call)
    return unpackMetadata(metadata, this.#encoding, storage)
  }
}

function unpackMetadata(
  metadata: Buffer,
  encoding: string,
  storage: StorageEndpoint,
): Record<string, string> {
  try {
    return decodeMetadata(metadata, encoding)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    const hint = 'if it was written in another encoding, name that as metadataEncoding'
    const place = { command: storageCommands.getMetadata.name, endpoint: formatEndpoint(storage) }
    throw locateError(error, place, `${error.reason}: ${hint}`)
  }
}
