import type { FastDfsError } from '../errors.js'
import { ConnectError, isFastDfsError, TimeoutError } from '../errors.js'
import type { Budget } from '../net/budget.js'
import type { Call, CallOptions } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import type { ConnectionPool } from '../net/pool.js'
import type { RequestOptions } from '../net/request.js'
import { Request } from '../net/request.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import { explainAddress } from './config/explain-address.js'
import type { OldCrcs } from './integrity.js'
import type { NamedSources } from './named-sources.js'
import type { ResolvedOptions } from './options.js'
import type { Outliving } from './outliving.js'
import type { Serial } from './serial.js'
import type { StorageAddresses } from './storage-addresses.js'
import type { StoreCache } from './store-cache.js'
import type { StorageEndpoint, Trackers } from './trackers.js'

/** What an operation works with. */
export interface Context {
  readonly options: ResolvedOptions
  readonly trackers: Trackers
  readonly pool: ConnectionPool
  /** Where storages are connected to. */
  readonly addresses: StorageAddresses
  /** Where uploads go, where that is remembered. */
  readonly stores: StoreCache | undefined
  /** Where files were uploaded to, where that is of interest. */
  readonly sources: NamedSources | undefined
  /** Changes of appender files, by file ID. */
  readonly serial: Serial
  /** Requests whose calls have ended. */
  readonly outliving: Outliving
  /** Storages whose names hold CRC32s of before V5.12. */
  readonly oldCrcs: OldCrcs
  /** How often a "no such file" may be checked at the file's source. */
  readonly doubts: Budget
}

/** Runs a call of a public method: checks its options, and knows of it until it ends. */
export type Run = <T>(options: CallOptions, operation: (call: Call) => Promise<T>) => Promise<T>

/**
 * Makes one request to a storage, at the address that `storageAddressMap` has for it; where no connection can be made,
 * at its other ones. One that must not be repeated gets a connection that is known to live.
 *
 * @throws {@link ConnectError} that says which address the tracker gave, and how to map it
 */
export function askStorage<C extends Command>(
  context: Context,
  storage: StorageEndpoint,
  command: C,
  fields: RequestOf<C>,
  call: Call,
  options?: Omit<RequestOptions, 'dialect' | 'group'>,
): Promise<ResponseOf<C>> {
  const { addresses, pool } = context
  const asked = new Request(command, fields, call, {
    status: options?.status,
    source: options?.source,
    sink: options?.sink,
    group: storage.group,
  })
  const first = addresses.first(storage)
  // On a connection that there is, no connect can fail.
  return pool.useAtOnce(first, asked) ?? askAnywhere(context, storage, first, asked)
}

function askAnywhere<C extends Command>(
  context: Context,
  storage: StorageEndpoint,
  first: Endpoint,
  request: Request<C>,
): Promise<ResponseOf<C>> {
  return context.pool.use(first, request).catch((error: unknown) => {
    if (!isConnectFailure(error)) throw error
    return askOthers(context, storage, request, first, explained(error, storage, first))
  })
}

/** Asks a storage at its addresses after `tried`, which failed with `failure`. */
async function askOthers<C extends Command>(
  { addresses, pool }: Context,
  storage: StorageEndpoint,
  request: Request<C>,
  tried: Endpoint,
  failure: FastDfsError,
): Promise<ResponseOf<C>> {
  const { call } = request
  for (const other of await addresses.others(storage, tried, call)) {
    try {
      call.check()
      const response = await pool.use(other, request)
      addresses.worked(storage, other)
      return response
    } catch (error) {
      if (!isConnectFailure(error)) throw error
    }
  }
  throw failure
}

/** Whether a storage worked when it was last asked, or was not asked yet. */
export function isHealthy({ addresses, pool }: Context, storage: StorageEndpoint): boolean {
  return pool.isHealthy(addresses.first(storage))
}

function isConnectFailure(error: unknown): error is FastDfsError {
  return isFastDfsError(error) && error.phase === 'connect' && error.retriable
}

function explained(error: FastDfsError, storage: StorageEndpoint, used: Endpoint): FastDfsError {
  const Kind = error instanceof TimeoutError ? TimeoutError : ConnectError
  return new Kind(`${error.reason}: ${explainAddress(storage.group, storage, used)}`, {
    cause: error.cause ?? error,
    endpoint: error.endpoint,
    phase: 'connect',
    retriable: true,
  })
}
