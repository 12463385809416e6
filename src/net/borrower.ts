import type { Call } from './call.js'
import type { Connection } from './connection.js'

/**
 * What a connection is lent to. An object and no function: V8 keeps the compiled code of what lives long only, and would
 * compile that of a function anew which is made for every call.
 */
export interface Borrower<T> {
  /** On whose behalf. */
  readonly call: Call
  /** Whether the connection has to have been used or tested within the last second. */
  readonly mustLive: boolean
  /** Uses it until its promise settles. Does not throw. */
  use(connection: Connection): Promise<T>
}
