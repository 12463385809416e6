/** Which storage is asked, when one has failed or does not know a file yet. */
import type { FastDfsError } from '../errors.js'
import { FileNotFoundError, isFastDfsError, PoolTimeoutError, ServerError } from '../errors.js'
import type { Call } from '../net/call.js'
import { retry } from '../net/retry.js'
import type { Context } from './context.js'
import { isHealthy } from './context.js'
import { isPending } from './pending.js'
import type { NamedFile } from './named-file.js'
import type { StorageEndpoint } from './trackers.js'

/** The storages that have failed in one operation. */
export class Failed {
  #endpoints: StorageEndpoint[] | undefined

  /** It failed. */
  add(storage: StorageEndpoint): void {
    this.#endpoints = [...(this.#endpoints ?? []), storage]
  }

  /** Whether there is one. */
  get any(): boolean {
    return this.#endpoints !== undefined
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
 * @param first - which one is asked first
 */
export function readAnywhere<T>(
  context: Context,
  file: NamedFile,
  call: Call,
  read: (storage: StorageEndpoint) => Promise<T>,
  first: 'replica' | 'source' = 'replica',
): Promise<T> {
  const { options, sources, trackers } = context
  const failed = new Failed()
  const readAndNote = (storage: StorageEndpoint): Promise<T> =>
    read(storage).catch((error: unknown) => {
      if (isFastDfsError(error) && error.retriable) failed.add(storage)
      throw error
    })
  return retry(options, call, async () => {
    const looking = sources?.of(file, call)
    const known = isPending(looking) ? await looking : looking
    if (known !== undefined && isUsable(context, known, failed)) {
      try {
        return await read(known)
      } catch (error) {
        if (error instanceof FileNotFoundError)
          return readAtSource(context, file, call, known, undefined, error, readAndNote)
        if (!isOthers(error) || call.isOver) throw error
        failed.add(known)
        sources?.forget(known)
      }
    }
    const source = first === 'source' ? await trackers.queryUpdate(file, call) : undefined
    const named = source ?? (await trackers.queryFetch(file, call))
    sources?.learn(named)
    const storage = isUsable(context, named, failed)
      ? named
      : await otherThan(context, named, file, call, failed)
    try {
      return await read(storage)
    } catch (error) {
      if (error instanceof FileNotFoundError)
        return readAtSource(context, file, call, storage, source, error, readAndNote)
      if (isFastDfsError(error) && error.retriable) failed.add(storage)
      throw error
    }
  })
}

/** Whether a tracker may know a storage that does better than the one that no tracker was asked about. */
function isOthers(error: unknown): error is FastDfsError {
  if (!isFastDfsError(error)) return false
  return error.retriable || error instanceof ServerError || error instanceof PoolTimeoutError
}

/** Another storage to read a file from, that has failed neither in this operation nor lately; if there is one. */
async function otherThan(
  context: Context,
  named: StorageEndpoint,
  file: NamedFile,
  call: Call,
  failed: Failed,
): Promise<StorageEndpoint> {
  const all = await orNone(context.trackers.queryFetchAll(file, call), call)
  return all.find((storage) => isUsable(context, storage, failed)) ?? named
}

/** A choice that is no must: where it cannot be had, there is none. */
export async function orNone<T>(choice: Promise<readonly T[]>, call: Call): Promise<readonly T[]> {
  try {
    return await choice
  } catch (error) {
    call.check()
    if (!isFastDfsError(error)) throw error
    return []
  }
}

/**
 * Asks the storage that changes of a file go to: it is the file's source, or stands in for it (protocol.md §6). A
 * tracker that was killed may take the source for one that is not ready, for good (§12): then another one knows better.
 */
async function readAtSource<T>(
  { trackers, doubts }: Context,
  file: NamedFile,
  call: Call,
  replica: StorageEndpoint,
  known: StorageEndpoint | undefined,
  answer: FileNotFoundError,
  read: (storage: StorageEndpoint) => Promise<T>,
): Promise<T> {
  if (known === undefined && !doubts.take()) throw answer
  const source = known ?? (await trackers.queryUpdate(file, call))
  if (!isSame(source, replica)) return read(source)
  if (trackers.all.length === 1 || isSourceByName(file, replica)) throw answer
  if (known !== undefined && !doubts.take()) throw answer
  for (const other of await trackers.queryUpdateOfEach(file, call)) {
    if (!isSame(other, replica)) return read(other)
  }
  throw answer
}

/** Whether a file's ID says that this is its source; with storage IDs it does not say. */
function isSourceByName({ source }: NamedFile, storage: StorageEndpoint): boolean {
  return source?.kind === 'ip' && source.ip === storage.host
}

/** Whether a storage has failed neither in this operation nor lately. */
export function isUsable(context: Context, storage: StorageEndpoint, failed: Failed): boolean {
  return !failed.has(storage) && isHealthy(context, storage)
}

function isSame(one: StorageEndpoint, other: StorageEndpoint): boolean {
  return one.host === other.host && one.port === other.port
}
