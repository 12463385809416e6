import type { Socket } from 'node:net'
import { ConnectError, ProtocolError, statusToError } from '../../errors.js'
import type { Command, Dialect, Header, RequestOf, ResponseOf } from '../../protocol/index.js'
import {
  connectionCommands,
  decodeResponseFields,
  encodeRequestHead,
  FrameReader,
  LATEST,
} from '../../protocol/index.js'
import { Collector } from '../collector.js'
import { plainAddress } from '../listener.js'
import type { Network } from '../network.js'

/** Replies of trackers are lists of at most 32 records; a longer one is not believed. */
const MAX_REPLY = 64 * 1024
/** After this long without a byte a tracker is taken for lost: two beats' time. */
const IDLE_TIMEOUT = 60_000

/** Where a tracker listens. */
export interface TrackerEndpoint {
  readonly host: string
  readonly port: number
}

/** Who connects. */
export interface Caller {
  readonly network: Network
  /** The address to connect from; undefined where any will do. */
  readonly localAddress: string | undefined
  /** How both sides write; the newest where absent. */
  readonly dialect?: Dialect | undefined
}

interface Pending {
  readonly command: Command
  readonly resolve: (body: Buffer) => void
  readonly reject: (error: Error) => void
}

/** A storage's connection to one tracker: one request at a time. */
export class TrackerConnection {
  readonly #socket: Socket
  readonly #endpoint: string
  readonly #dialect: Dialect
  readonly #collector = new Collector()
  #pending: Pending | undefined
  #status = 0
  #failure: Error | undefined

  /** Resolves when the connection has ended, however it did. */
  readonly closed: Promise<void>

  private constructor(endpoint: TrackerEndpoint, { network, localAddress, dialect = LATEST }: Caller) {
    this.#dialect = dialect
    this.#endpoint = `${endpoint.host}:${endpoint.port}`
    this.#socket = network.connect({
      ...endpoint,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    this.#socket.setTimeout(IDLE_TIMEOUT, () => this.#socket.destroy(new Error('the tracker is silent')))
    const reader = new FrameReader({
      onHeader: (header) => this.#onHeader(header),
      onData: (chunk) => void this.#collector.take(chunk),
      onEnd: () => this.#onEnd(),
    })
    this.#socket.on('data', (chunk) => {
      try {
        reader.push(chunk)
      } catch (error) {
        this.#socket.destroy(error as Error)
      }
    })
    this.#socket.on('error', (error) => (this.#failure ??= error))
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#pending?.reject(this.#lost())
        resolve()
      })
    })
  }

  /** Begins to connect. Requests may be made at once. */
  static open(endpoint: TrackerEndpoint, caller: Caller): TrackerConnection {
    return new TrackerConnection(endpoint, caller)
  }

  /** The address that the tracker sees, once connected. */
  get localAddress(): string {
    return plainAddress(this.#socket.localAddress)
  }

  /** The tracker's address, once connected. */
  get remoteAddress(): string {
    return plainAddress(this.#socket.remoteAddress)
  }

  /** Resolves when connected. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('connect', resolve)
      this.#socket.once('close', () => reject(this.#lost()))
    })
  }

  /**
   * Asks the tracker.
   *
   * @throws ServerError for a status other than 0
   * @throws ConnectError when the connection is lost
   */
  async request<C extends Command>(command: C, values: RequestOf<C>): Promise<ResponseOf<C>> {
    const body = await new Promise<Buffer>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(this.#lost())
      this.#pending = { command, resolve, reject }
      this.#socket.write(encodeRequestHead(command, values, 0, { dialect: this.#dialect }))
    })
    return decodeResponseFields(command, body, this.#dialect)
  }

  /** Says goodbye and ends. */
  close(): void {
    if (this.#socket.connecting) this.#socket.destroy()
    else if (this.#socket.writable) this.#socket.write(encodeRequestHead(connectionCommands.quit, {}, 0))
    // Not waiting for the tracker to close.
    this.#socket.destroySoon()
  }

  #onHeader(header: Header): void {
    if (this.#pending === undefined) throw new ProtocolError('the tracker answers without a question')
    if (header.length > MAX_REPLY) throw new ProtocolError(`a reply of ${header.length} bytes`)
    this.#status = header.status
    this.#collector.start(header.length)
  }

  #onEnd(): void {
    const { command, resolve, reject } = this.#pending as Pending
    this.#pending = undefined
    if (this.#status === 0) resolve(this.#collector.bytes)
    else reject(statusToError(this.#status, { command: command.name, endpoint: this.#endpoint }))
  }

  #lost(): ConnectError {
    const cause = this.#failure
    const message = cause === undefined ? 'the tracker closed the connection' : cause.message
    return new ConnectError(message, {
      cause,
      endpoint: this.#endpoint,
      command: this.#pending?.command.name,
    })
  }
}
