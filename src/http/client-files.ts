/** Files of a cluster, through a client: the one place that knows of both. */
import type { FastDfsClient } from '../client/index.js'
import { FILENAME_KEY } from '../client/index.js'
import { ProtocolError } from '../errors.js'
import { parseFileId } from '../file-id/index.js'
import type { FileStore, ServedFile } from './store.js'

/** What of files is asked from the cluster. */
export interface ClientFilesOptions {
  /**
   * Whether files carry the names that they were uploaded under with `keepFilename`; it takes one more request for each.
   * @defaultValue false
   */
  readonly keptFilenames?: boolean | undefined
}

/**
 * The files of a cluster, for {@link fileHandler}. What a file's name tells is not asked for: a normal file is read
 * with one request, and its time is that of its upload. Content that is damaged is never sent whole: its last piece is
 * held back until all of it was compared with the name.
 *
 * @param client - is used, and not closed
 */
export function clientFiles(
  client: FastDfsClient,
  { keptFilenames = false }: ClientFilesOptions = {},
): FileStore {
  return {
    open: async ({ id }, signal) => {
      const filename = keptFilenames ? await keptFilename(client, id, signal) : undefined
      return { ...(await factsOf(client, id, signal)), filename }
    },
  }
}

async function factsOf(client: FastDfsClient, id: string, signal: AbortSignal): Promise<ServedFile> {
  const named = namedFacts(id)
  if (named !== undefined) {
    const exists = (ended: AbortSignal): Promise<boolean> => client.fileExists(id, { signal: ended })
    return { ...named, exists, read: lastHeldBack(reader(client, id, named.size)) }
  }
  const { size, modifiedAt, crc32 } = await client.fileInfo(id, { signal })
  return { size, modifiedAt, crc32, read: lastHeldBack(reader(client, id, size)) }
}

/** What the name of a normal file says of it; it never changes. */
function namedFacts(id: string): Pick<ServedFile, 'size' | 'modifiedAt' | 'crc32'> | undefined {
  try {
    const { size, createdAt, crc32 } = parseFileId(id)
    return size === undefined ? undefined : { size, modifiedAt: createdAt, crc32 }
  } catch {
    // Legal, but of a form that tells nothing.
    return undefined
  }
}

async function keptFilename(
  client: FastDfsClient,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await client.getMetadata(id, { signal }))[FILENAME_KEY]
  } catch (error) {
    // Metadata in another encoding is no reason to keep the file back.
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

/** Reads a part of a file. */
type Read = (offset: number, length: number, signal: AbortSignal) => AsyncIterable<Buffer>

/** All of a file is compared with its name while it is read, a part is not. */
function reader(client: FastDfsClient, id: string, size: number): Read {
  return (offset, length, signal) => {
    const range = length === size ? {} : { offset, length }
    return client.downloadStream(id, { ...range, signal })
  }
}

/** Gives each piece when there is another one behind it, or the end. */
function lastHeldBack(read: Read): Read {
  return async function* (...part) {
    let held: Buffer | undefined
    for await (const piece of read(...part)) {
      if (held !== undefined) yield held
      held = piece
    }
    if (held !== undefined) yield held
  }
}
