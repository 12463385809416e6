import type { CallOptions } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import { retry } from '../net/retry.js'
import { checkGroup, checkNames } from './check.js'
import type { Context, Run } from './context.js'
import { NamedFile } from './named-file.js'
import type { StoreTargets } from './store-target.js'
import { queryStoreAll } from './store-target.js'
import type { StoreTarget } from './trackers.js'

/** How to ask for a storage to upload to. */
export interface QueryStoreOptions extends CallOptions {
  /** The group. Default: the client's, or the tracker chooses. */
  group?: string | undefined
}

/** Where files go and where they are: `client.tracker`. Every method takes `{ signal, timeout }`. */
export class TrackerClient {
  readonly #context: Context
  readonly #run: Run

  /** @internal */
  constructor(context: Context, run: Run) {
    this.#context = context
    this.#run = (options, operation) =>
      run(options, (call) => retry(context.options, call, { attempt: () => operation(call) }))
  }

  /**
   * A storage to upload to (protocol.md §2.1).
   *
   * @throws {@link FileNotFoundError} when there is no such group, or none of its storages can be uploaded to
   * @throws {@link NoSpaceError} when none has room
   */
  queryStore(options: QueryStoreOptions = {}): Promise<StoreTarget> {
    return this.#run(options, async (call) => {
      checkQuery(options, 'tracker.queryStore')
      return this.#context.trackers.queryStore(options.group ?? this.#context.options.group, call)
    })
  }

  /** All storages of a group to upload to (protocol.md §2.1). Throws what {@link TrackerClient.queryStore} does. */
  queryStoreAll(options: QueryStoreOptions = {}): Promise<StoreTargets> {
    return this.#run(options, async (call) => {
      checkQuery(options, 'tracker.queryStoreAll')
      const wanted = options.group ?? this.#context.options.group
      return queryStoreAll(this.#context, wanted, call)
    })
  }

  /**
   * A storage to read a file from (protocol.md §2.2). It does not prove that the file exists.
   *
   * @throws {@link FileNotFoundError} when there is no such group, or none of its storages has the file for certain
   */
  queryFetch(id: string, options: CallOptions = {}): Promise<Endpoint> {
    return this.#run(options, async (call) => {
      checkNames(options, CALL_OPTIONS, 'tracker.queryFetch')
      return this.#context.trackers.queryFetch(new NamedFile(id), call)
    })
  }

  /** All storages to read a file from. Throws what {@link TrackerClient.queryFetch} does. */
  queryFetchAll(id: string, options: CallOptions = {}): Promise<Endpoint[]> {
    return this.#run(options, async (call) => {
      checkNames(options, CALL_OPTIONS, 'tracker.queryFetchAll')
      return this.#context.trackers.queryFetchAll(new NamedFile(id), call)
    })
  }

  /** The storage to change a file at (protocol.md §2.2). Throws what {@link TrackerClient.queryFetch} does. */
  queryUpdate(id: string, options: CallOptions = {}): Promise<Endpoint> {
    return this.#run(options, async (call) => {
      checkNames(options, CALL_OPTIONS, 'tracker.queryUpdate')
      return this.#context.trackers.queryUpdate(new NamedFile(id), call)
    })
  }
}

const CALL_OPTIONS = ['signal', 'timeout']

function checkQuery(options: QueryStoreOptions, what: string): void {
  checkNames(options, ['group', ...CALL_OPTIONS], what)
  if (options.group !== undefined) checkGroup(options.group)
}
