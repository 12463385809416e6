import type { Command, Dialect, RequestOf, ResponseOf } from '../protocol/index.js'
import type { Borrower } from './borrower.js'
import type { Call } from './call.js'
import type { Connection } from './connection.js'
import type { ContentSink, ContentSource } from './content.js'

/** What a request may have beside its fields. */
export interface RequestOptions {
  /** The header's status byte. */
  readonly status?: number | undefined
  /** The dialect to write in, for the few requests whose layout depends on the server. */
  readonly dialect?: Dialect | undefined
  /** The content of the request. */
  readonly source?: ContentSource | undefined
  /** Takes the content of the response. */
  readonly sink?: ContentSink | undefined
  /** The group that it is about, where no field says so. */
  readonly group?: string | undefined
}

/** What a server is asked on behalf of a call; it may be asked of one server after the other. */
export class Request<C extends Command> implements RequestOptions, Borrower<ResponseOf<C>> {
  readonly command: C
  readonly fields: RequestOf<C>
  readonly call: Call
  readonly status: number | undefined
  readonly dialect: Dialect | undefined
  readonly source: ContentSource | undefined
  readonly sink: ContentSink | undefined
  readonly group: string | undefined

  constructor(command: C, fields: RequestOf<C>, call: Call, options: RequestOptions = NOTHING_MORE) {
    this.command = command
    this.fields = fields
    this.call = call
    this.status = options.status
    this.dialect = options.dialect
    this.source = options.source
    this.sink = options.sink
    this.group = options.group
  }

  /** One that must not be repeated is made only on a connection that is known to live. */
  get mustLive(): boolean {
    return !this.command.idempotent
  }

  /** See {@link Borrower}. */
  use(connection: Connection): Promise<ResponseOf<C>> {
    return connection.request(this)
  }
}

const NOTHING_MORE: RequestOptions = {}
