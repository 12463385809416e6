/** Which storage is asked, when one has failed or does not know a file yet. */
import type { FastDfsError } from '../errors.js'
import { FileNotFoundError, isFastDfsError, PoolTimeoutError, ServerError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Operation } from '../net/retry.js'
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
 */
export abstract class Reading<T> implements Operation<T> {
  /** What it works with. */
  protected readonly context: Context
  /** What is read. */
  protected readonly file: NamedFile
  /** For whom. */
  protected readonly call: Call
  readonly #failed = new Failed()

  constructor(context: Context, file: NamedFile, call: Call) {
    this.context = context
    this.file = file
    this.call = call
  }

  /** Asks one storage. */
  protected abstract read(storage: StorageEndpoint): Promise<T>

  /** Whether the file's source is asked first. */
  protected get prefersSource(): boolean {
    return false
  }

  /** Reads it. */
  run(): Promise<T> {
    return retry(this.context.options, this.call, this)
  }

  /** See {@link Operation}. */
  async attempt(): Promise<T> {
    const { context, file, call } = this
    const { sources, trackers } = context
    const looking = sources?.of(file, call)
    const known = isPending(looking) ? await looking : looking
    if (known !== undefined && isUsable(context, known, this.#failed)) {
      try {
        return await this.read(known)
      } catch (error) {
        if (error instanceof FileNotFoundError) return this.#readAtSource(known, undefined, error)
        if (!isOthers(error) || call.isOver) throw error
        this.#failed.add(known)
        sources?.forget(known)
      }
    }
    const source = this.prefersSource ? await trackers.queryUpdate(file, call) : undefined
    const named = source ?? (await trackers.queryFetch(file, call))
    sources?.learn(named)
    const storage = isUsable(context, named, this.#failed) ? named : await this.#otherThan(named)
    try {
      return await this.read(storage)
    } catch (error) {
      if (error instanceof FileNotFoundError) return this.#readAtSource(storage, source, error)
      this.#note(storage, error)
      throw error
    }
  }

  #note(storage: StorageEndpoint, error: unknown): void {
    if (isFastDfsError(error) && error.retriable) this.#failed.add(storage)
  }

  /** Another storage to read from, that has failed neither in this operation nor lately; if there is one. */
  async #otherThan(named: StorageEndpoint): Promise<StorageEndpoint> {
    const { context, file, call } = this
    const all = await orNone(context.trackers.queryFetchAll(file, call), call)
    return all.find((storage) => isUsable(context, storage, this.#failed)) ?? named
  }

  /**
   * Asks the storage that changes of the file go to: it is its source, or stands in for it (protocol.md §6). A
   * tracker that was killed may take the source for one that is not ready, for good (§12): then another one knows better.
   */
  async #readAtSource(
    replica: StorageEndpoint,
    known: StorageEndpoint | undefined,
    answer: FileNotFoundError,
  ): Promise<T> {
    const { file, call } = this
    const { trackers, doubts } = this.context
    if (known === undefined && !doubts.take()) throw answer
    const source = known ?? (await trackers.queryUpdate(file, call))
    if (!isSame(source, replica)) return this.#readAndNote(source)
    if (trackers.all.length === 1 || isSourceByName(file, replica)) throw answer
    if (known !== undefined && !doubts.take()) throw answer
    for (const other of await trackers.queryUpdateOfEach(file, call)) {
      if (!isSame(other, replica)) return this.#readAndNote(other)
    }
    throw answer
  }

  async #readAndNote(storage: StorageEndpoint): Promise<T> {
    try {
      return await this.read(storage)
    } catch (error) {
      this.#note(storage, error)
      throw error
    }
  }
}

/** Whether a tracker may know a storage that does better than the one that no tracker was asked about. */
function isOthers(error: unknown): error is FastDfsError {
  if (!isFastDfsError(error)) return false
  return error.retriable || error instanceof ServerError || error instanceof PoolTimeoutError
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
