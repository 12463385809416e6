import type { Socket } from 'node:net'
import { ConnectError, ProtocolError, statusToError } from '../errors.js'
import type { Command, Dialect, Header, RequestOf, ResponseOf } from '../protocol/index.js'
import {
  connectionCommands,
  decodeResponseFields,
  encodeRequestHead,
  FrameReader,
  LATEST,
  limits,
} from '../protocol/index.js'
import { formatAddress } from './address.js'
import { Collector } from './collector.js'
import { ArrivingContent } from './content.js'
import { NETWORK_TIMEOUT, plainAddress } from './listener.js'
import type { Network } from './network.js'

/** Longer replies are not believed, but for content. */
const MAX_REPLY = 256 * 1024

/** Where a server listens. */
export interface ServerEndpoint {
  readonly host: string
  readonly port: number
}

/** Who connects. */
export interface Caller {
  readonly network: Network
  /** The address to connect from; undefined where any will do. */
  readonly localAddress: string | undefined
  /** How it and the servers of its cluster write; the newest where absent. */
  readonly dialect?: Dialect | undefined
  /** Milliseconds after which a server that owes an answer and is silent is taken for lost. @defaultValue 60_000 */
  readonly networkTimeout?: number | undefined
}

/** Content of a request: exactly `size` bytes. */
export interface SentContent {
  /** Bytes in all. */
  readonly size: number
  /** The bytes; each chunk is valid until the next is asked for. */
  readonly content: Buffer | AsyncIterable<Buffer>
}

/** An answer as it came: where `status` is 0 and the command's response has content, that is still arriving. */
interface Answer {
  readonly status: number
  readonly body: Buffer
  readonly content: ArrivingContent | undefined
}

interface Pending {
  readonly command: Command
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** A storage's connection to a tracker, or to another storage: one request at a time. */
export class ServerConnection {
  readonly #socket: Socket
  readonly #endpoint: string
  readonly #dialect: Dialect
  readonly #collector = new Collector()
  #pending: Pending | undefined
  #status = 0
  #arriving: ArrivingContent | undefined
  #failure: Error | undefined

  /** Resolves when the connection has ended, however it did. */
  readonly closed: Promise<void>

  private constructor(
    endpoint: ServerEndpoint,
    { network, localAddress, dialect = LATEST, networkTimeout = NETWORK_TIMEOUT }: Caller,
  ) {
    this.#endpoint = formatAddress(endpoint.host, endpoint.port)
    this.#dialect = dialect
    this.#socket = network.connect({
      ...endpoint,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    this.#socket.setTimeout(networkTimeout)
    this.#socket.on('timeout', () => {
      // Who is asked nothing may be silent: beats may be far apart.
      const owes = this.#socket.connecting || this.#pending !== undefined || this.#arriving !== undefined
      if (owes) this.#socket.destroy(new Error('the server is silent'))
    })
    const reader = new FrameReader({
      onHeader: (header) => this.#onHeader(header),
      onData: (chunk) => this.#onData(chunk),
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
        this.#arriving?.abort()
        resolve()
      })
    })
  }

  /** Begins to connect. Requests may be made at once. */
  static open(endpoint: ServerEndpoint, caller: Caller): ServerConnection {
    return new ServerConnection(endpoint, caller)
  }

  /** The address that the server sees, once connected. */
  get localAddress(): string {
    return plainAddress(this.#socket.localAddress)
  }

  /** The server's address, once connected. */
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

  /** Whether the connection has ended, or is ending. */
  get ended(): boolean {
    return this.#socket.destroyed
  }

  /**
   * Asks the server.
   *
   * @param flags - the header's status byte
   * @throws ServerError for a status other than 0
   * @throws ConnectError when the connection is lost
   */
  async request<C extends Command>(command: C, values: RequestOf<C>, flags = 0): Promise<ResponseOf<C>> {
    const { status, body } = await this.#ask(command, values, flags)
    if (status !== 0) throw statusToError(status, { command: command.name, endpoint: this.#endpoint })
    return decodeResponseFields(command, body, this.#dialect)
  }

  /**
   * Asks the server something whose answer is a status.
   *
   * @param sent - content behind the fields
   * @param flags - the header's status byte
   * @throws ConnectError when the connection is lost
   */
  async status<C extends Command>(
    command: C,
    values: RequestOf<C>,
    sent?: SentContent,
    flags = 0,
  ): Promise<number> {
    return (await this.#ask(command, values, flags, sent)).status
  }

  /**
   * Asks the server for content, which must be read to its end.
   *
   * @throws ServerError for a status other than 0
   * @throws ConnectError when the connection is lost
   */
  async content<C extends Command>(command: C, values: RequestOf<C>): Promise<ArrivingContent> {
    const { status, content } = await this.#ask(command, values, 0)
    if (content !== undefined) return content
    throw statusToError(status, { command: command.name, endpoint: this.#endpoint })
  }

  async #ask(command: Command, values: object, flags: number, sent?: SentContent): Promise<Answer> {
    const answered = new Promise<Answer>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(this.#lost())
      this.#pending = { command, resolve, reject }
    })
    // Seen to below, once all is sent.
    answered.catch(() => {})
    const head = encodeRequestHead(command, values as never, sent?.size ?? 0, {
      dialect: this.#dialect,
      status: flags,
    })
    try {
      await this.#send(head, sent)
    } catch (error) {
      // What was announced will never come: nothing else can be said on this connection.
      this.#socket.destroy(error as Error)
      throw error
    }
    return answered
  }

  async #send(head: Buffer, sent: SentContent | undefined): Promise<void> {
    this.#socket.cork()
    this.#socket.write(head)
    try {
      if (sent === undefined) return
      if (sent.content instanceof Uint8Array) {
        this.#socket.write(sent.content)
        return
      }
      let missing = sent.size
      for await (const chunk of sent.content) {
        missing -= chunk.length
        const written = this.#write(chunk)
        this.#socket.uncork()
        await written
      }
      if (missing !== 0) throw new Error(`${missing} of ${sent.size} bytes are missing`)
    } finally {
      this.#socket.uncork()
    }
  }

  #write(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(chunk, (error) => (error ? reject(this.#lost()) : resolve()))
    })
  }

  /** Says goodbye and ends. */
  close(): void {
    if (this.#socket.connecting) this.#socket.destroy()
    else if (this.#socket.writable) this.#socket.write(encodeRequestHead(connectionCommands.quit, {}, 0))
    // Not waiting for the server to close.
    this.#socket.destroySoon()
  }

  /** Ends at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  #onHeader(header: Header): void {
    if (this.#pending === undefined) throw new ProtocolError('an answer without a question')
    // Who connects to a port of its own machine where nobody listens may be given that very port, and hear itself.
    if (header.command !== limits.RESPONSE_COMMAND) {
      throw new ProtocolError(
        `the header's command is ${header.command}, expected ${limits.RESPONSE_COMMAND}`,
      )
    }
    this.#status = header.status
    if (header.status === 0 && this.#pending.command.content === 'response') {
      this.#arriving = new ArrivingContent(header.length, () => this.#socket.resume())
      this.#settle(this.#arriving)
      return
    }
    if (header.length > MAX_REPLY) throw new ProtocolError(`a reply of ${header.length} bytes`)
    this.#collector.start(header.length)
  }

  #onData(chunk: Buffer): void {
    if (this.#arriving === undefined) {
      this.#collector.take(chunk)
      return
    }
    this.#arriving.push(chunk)
    if (this.#arriving.full) this.#socket.pause()
  }

  #onEnd(): void {
    if (this.#arriving === undefined) this.#settle(undefined)
    this.#arriving?.end()
    this.#arriving = undefined
  }

  #settle(content: ArrivingContent | undefined): void {
    const { resolve } = this.#pending as Pending
    this.#pending = undefined
    resolve({ status: this.#status, body: this.#collector.bytes, content })
  }

  #lost(): ConnectError {
    const cause = this.#failure
    const message = cause === undefined ? 'the server closed the connection' : cause.message
    return new ConnectError(message, {
      cause,
      endpoint: this.#endpoint,
      command: this.#pending?.command.name,
    })
  }
}
