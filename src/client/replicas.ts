/** Which storage is asked, when one has failed or does not know a file yet. */
import { FileNotFoundError, isFastDfsError } from '../errors.js'
import type { SplitFileId } from '../file-id/index.js'
import type { Call } from '../net/call.js'
import { retry } from '../net/retry.js'
import type { Context } from './context.js'
import { isHealthy } from './context.js'
import type { StorageEndpoint, StoreTarget } from './trackers.js'

/** The storages that have failed in one operation. */
export class Failed {
  #endpoints: StorageEndpoint[] | undefined

  /** It failed. */
  add(storage: StorageEndpoint): void {
    this.#endpoints = [...(this.#endpoints ?? []), storage]
  }

  /** Whether it did. */
  has(storage: StorageEndpoint): boolean {
    return this.#endpoints?.some((one) => isSame(one, storage)) ?? false
  }
}

/**
 * Reads from a storage that has a file: from another one after a failure, if there is one. Where a replica says that
 * there is no such file, its source is asked before that is believed: the replica may not have it yet.
 *
 * @param read - asks one storage
 */
export function readAnywhere<T>(
  context: Context,
  file: SplitFileId,
  call: Call,
  read: (storage: StorageEndpoint) => Promise<T>,
): Promise<T> {
  const failed = new Failed()
  return retry(context.options, call, async () => {
    const storage = await findReplica(context, file, call, failed)
    try {
      return await read(storage)
    } catch (error) {
      if (error instanceof FileNotFoundError) return readAtSource(context, file, call, storage, error, read)
      if (isFastDfsError(error) && error.retriable) failed.add(storage)
      throw error
    }
  })
}

/** Where to read a file: not where that has failed, in this operation or lately, if it can be read elsewhere. */
async function findReplica(
  context: Context,
  file: SplitFileId,
  call: Call,
  failed: Failed,
): Promise<StorageEndpoint> {
  const { trackers } = context
  const first = await trackers.queryFetch(file, call)
  if (isUsable(context, first, failed)) return first
  const all = await trackers.queryFetchAll(file, call)
  return all.find((storage) => isUsable(context, storage, failed)) ?? first
}

/** Asks the storage that changes of a file go to: it is the file's source, or stands in for it (protocol.md §6). */
async function readAtSource<T>(
  { trackers, doubts }: Context,
  file: SplitFileId,
  call: Call,
  replica: StorageEndpoint,
  answer: FileNotFoundError,
  read: (storage: StorageEndpoint) => Promise<T>,
): Promise<T> {
  if (!doubts.take()) throw answer
  const source = await trackers.queryUpdate(file, call)
  if (isSame(source, replica)) throw answer
  return read(source)
}

/** Where to upload to: not where that has failed, in this operation or lately, if another storage can take it. */
export async function findStore(
  context: Context,
  group: string | undefined,
  call: Call,
  failed: Failed,
): Promise<StoreTarget> {
  const { trackers } = context
  const first = await trackers.queryStore(group, call)
  if (isUsable(context, first, failed)) return first
  // A question without a group is about the next group each time.
  for (let i = 0; i < (group === undefined ? GROUPS_TRIED : 1); i++) {
    const all = await trackers.queryStoreAll(group, call)
    const other = all.find((storage) => isUsable(context, storage, failed))
    if (other !== undefined) return other
  }
  return first
}

const GROUPS_TRIED = 3

function isUsable(context: Context, storage: StorageEndpoint, failed: Failed): boolean {
  return !failed.has(storage) && isHealthy(context, storage)
}

function isSame(one: StorageEndpoint, other: StorageEndpoint): boolean {
  return one.host === other.host && one.port === other.port
}
