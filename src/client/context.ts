import type { Call, CallOptions } from '../net/call.js'
import type { RequestOptions } from '../net/connection.js'
import type { Endpoint } from '../net/endpoint.js'
import type { ConnectionPool } from '../net/pool.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import type { OldCrcs } from './integrity.js'
import type { ResolvedOptions } from './options.js'
import type { Serial } from './serial.js'
import type { Trackers } from './trackers.js'

/** What an operation works with. */
export interface Context {
  readonly options: ResolvedOptions
  readonly trackers: Trackers
  readonly pool: ConnectionPool
  /** Changes of appender files, by file ID. */
  readonly serial: Serial
  /** Storages whose names hold CRC32s of before V5.12. */
  readonly oldCrcs: OldCrcs
}

/** Runs a call of a public method: checks its options, and knows of it until it ends. */
export type Run = <T>(options: CallOptions, operation: (call: Call) => Promise<T>) => Promise<T>

/** Makes one request to a storage. One that must not be repeated gets a connection that is known to live. */
export function askStorage<C extends Command>(
  { pool }: Context,
  storage: Endpoint,
  command: C,
  fields: RequestOf<C>,
  call: Call,
  options?: RequestOptions,
): Promise<ResponseOf<C>> {
  return pool.use(storage, call, (connection) => connection.request(command, fields, call, options), {
    mustLive: !command.idempotent,
  })
}
