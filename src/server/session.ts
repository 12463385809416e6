/** One connection to a server: requests in, answers out, strictly one after the other. */
import type { Duplex } from 'node:stream'
import { ProtocolError, STATUS } from '../errors.js'
import { log } from '../observe/log.js'
import type { Dialect, Header, ResponsePacket } from '../protocol/index.js'
import {
  connectionCommands,
  decodeRequestFields,
  encodeResponse,
  encodeStatus,
  FrameReader,
  limits,
} from '../protocol/index.js'
import { Collector } from './collector.js'
import type { Content } from './content.js'
import { ArrivingContent, DisconnectedError, WholeContent } from './content.js'
import type { Served } from './listener.js'
import type { MaybePromise } from './maybe-promise.js'
import { isPromise } from './maybe-promise.js'
import type { ContentReply, Exchange, Route, Routes } from './routes.js'
import { sendContent } from './send-content.js'

/** What a server is to its sessions. */
export interface Service<X> {
  /** The commands it knows. */
  readonly routes: Routes<X>
  /** How it writes. */
  readonly dialect: Dialect
  /** A request without content, header included, is smaller than this many bytes. */
  readonly maxRequest: number
  /** Whether lengths have 32 bits, and a request that is too long ends the connection unanswered (protocol.md §1.1). */
  readonly isTracker: boolean
  /** Whether status 22 ends the connection, as storages do (protocol.md §1.1). */
  readonly closesOnInvalid: boolean
}

/** Up to this size content is handed to its handler when all of it is here, which takes one chunk in general. */
const SMALL_CONTENT = 64 * 1024
/** Bytes of names that may stand between the fixed fields and content: no command has more than one name. */
const MAX_NAMES = 256
const NO_CONTENT = new WholeContent(Buffer.alloc(0))

/** What arrives is: gathered as a body, or as the fields before content; passed on as content; dropped. */
type Receiving = 'body' | 'fields' | 'content' | 'nothing'

/** Serves one connection until it ends. */
export class Session<X> implements Exchange<X>, Served {
  readonly context: X
  readonly #stream: Duplex
  readonly #service: Service<X>
  readonly #reader: FrameReader
  readonly #collector = new Collector()
  #route: Route<X> | undefined
  #flags = 0
  #content: Content = NO_CONTENT
  #arriving: ArrivingContent | undefined
  #bodySize = 0
  #receiving: Receiving = 'nothing'
  /** Whether bytes of the current request are still to come. */
  #open = false
  /** Whether a request has come as a whole. */
  #asked = false
  /** Whether the current request's answer is still to be made or sent. */
  #busy = false
  #held = false
  /** The handler that runs, or the last one. */
  #handled: Promise<unknown> = Promise.resolve()
  #peerEnded = false
  #closing = false

  /** @param context - what the server keeps about this connection */
  constructor(stream: Duplex, service: Service<X>, context: X) {
    this.context = context
    this.#stream = stream
    this.#service = service
    this.#reader = new FrameReader(
      {
        onHeader: (header) => this.#onHeader(header),
        onData: (chunk) => this.#onData(chunk),
        onEnd: () => this.#onEnd(),
      },
      service.isTracker ? 32 : 64,
    )
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    stream.on('end', () => this.#onPeerEnd())
    stream.on('close', () => this.#arriving?.abort())
    stream.on('error', (error) => log.server('connection: %s', error.message))
  }

  /** See {@link Exchange}. */
  get flags(): number {
    return this.#flags
  }

  /** See {@link Exchange}. */
  get bodySize(): number {
    return this.#bodySize
  }

  /** See {@link Exchange}. */
  get content(): Content {
    return this.#content
  }

  /** See {@link Served}: what is held back here is no fault of the peer's. */
  get awaitsPeer(): boolean {
    if (this.#stream.writableLength > 0) return true
    return !this.#held && (!this.#asked || this.#open || !this.#reader.idle)
  }

  /** Resolves when no handler runs; after the connection has ended none begins any more. */
  async settled(): Promise<void> {
    let handled: unknown
    do await (handled = this.#handled)
    while (handled !== this.#handled)
  }

  #read(chunk: Buffer): void {
    // Not before: most answers are there when the next request comes.
    if (this.#held) this.#stream.pause()
    this.#guard(() => this.#reader.push(chunk))
  }

  /** A header that is none: nothing can be read after it, and it is not answered (protocol.md §1.1). */
  #guard(read: () => void): void {
    try {
      read()
    } catch (error) {
      log.server('connection closed: %s', (error as Error).message)
      this.#stream.destroy()
    }
  }

  #hold(): void {
    this.#held = true
    this.#reader.pause()
  }

  #release(): void {
    this.#held = false
    this.#guard(() => this.#reader.resume())
    if (!this.#held && this.#stream.isPaused()) this.#stream.resume()
  }

  #onHeader(header: Header): void {
    if (this.#closing) return this.#hold()
    const isTooLong = header.length + limits.HEADER_SIZE >= this.#service.maxRequest
    if (isTooLong && this.#service.isTracker) throw new ProtocolError(`a request of ${header.length} bytes`)
    const route = this.#service.routes[header.command]
    this.#open = true
    this.#route = route
    this.#flags = header.status
    this.#bodySize = header.length
    this.#content = NO_CONTENT
    this.#arriving = undefined
    this.#receiving = 'nothing'
    if (header.command === connectionCommands.quit.number) this.#close()
    else if (route === undefined) this.#answer(STATUS.EINVAL)
    else if (route.command.content === 'request' && header.length > SMALL_CONTENT) {
      this.#receiving = 'fields'
      this.#collector.start(route.prefixSize)
    } else if (route.command.content === 'request' || !isTooLong) {
      this.#receiving = 'body'
      this.#collector.start(header.length)
    } else this.#answer(STATUS.EINVAL)
  }

  #onData(chunk: Buffer): void {
    if (this.#receiving === 'body') this.#collector.take(chunk)
    else if (this.#receiving === 'fields') this.#onFields(chunk)
    else if (this.#receiving === 'content') this.#onContent(chunk)
  }

  #onFields(chunk: Buffer): void {
    const { command, prefixSize } = this.#route as Route<X>
    let taken = this.#collector.take(chunk)
    if (this.#collector.complete && this.#collector.bytes.length === prefixSize) {
      const size = this.#sizeOfFields(this.#collector.bytes)
      if (size === undefined) return this.#answer(STATUS.EINVAL)
      if (size > prefixSize) {
        this.#collector.extend(size)
        taken += this.#collector.take(chunk.subarray(taken))
      }
    }
    if (!this.#collector.complete) return
    const fields = this.#collector.bytes
    this.#arriving = new ArrivingContent(this.#bodySize - fields.length, () => {
      if (this.#open) this.#release()
    })
    this.#content = this.#arriving
    this.#receiving = 'content'
    this.#handle(command.name, fields)
    if (taken < chunk.length) this.#onData(chunk.subarray(taken))
  }

  /** Bytes of the fields before content, if the names among them are not too long to be true. */
  #sizeOfFields(bytes: Buffer): number | undefined {
    const { command, prefixSize } = this.#route as Route<X>
    try {
      const size = command.request.sizeBeforeContent(bytes.subarray(0, prefixSize), this.#service.dialect)
      return size <= Math.min(prefixSize + MAX_NAMES, this.#bodySize) ? size : undefined
    } catch (error) {
      if (error instanceof ProtocolError) return undefined
      throw error
    }
  }

  #onContent(chunk: Buffer): void {
    this.#arriving?.push(chunk)
    if (this.#arriving?.full) this.#hold()
  }

  #onEnd(): void {
    this.#open = false
    this.#asked = true
    if (this.#closing) return this.#endClosing()
    if (this.#receiving === 'body') this.#onBody()
    else this.#arriving?.end()
    this.#receiving = 'nothing'
    if (this.#busy) this.#hold()
  }

  #onBody(): void {
    const { command, prefixSize } = this.#route as Route<X>
    let fields = this.#collector.bytes
    if (command.content === 'request') {
      const size = fields.length < prefixSize ? undefined : this.#sizeOfFields(fields)
      if (size === undefined) return this.#answer(STATUS.EINVAL)
      this.#content = new WholeContent(fields.subarray(size))
      fields = fields.subarray(0, size)
    }
    this.#handle(command.name, fields)
  }

  #handle(name: string, fields: Buffer): void {
    const { command, handle, refuse, anyVersion } = this.#route as Route<X>
    const dialect = anyVersion ? undefined : this.#service.dialect
    let reply: MaybePromise<object | number>
    try {
      reply =
        refuse?.(this.context) ??
        handle(decodeRequestFields(command, fields, this.#content.size, dialect) as never, this)
    } catch (error) {
      reply = this.#failure(name, error)
    }
    if (!isPromise(reply)) return this.#answer(reply)
    this.#busy = true
    this.#handled = reply.then(
      (value) => this.#answerLater(value),
      (error: unknown) => this.#answerLater(this.#failure(name, error)),
    )
  }

  #failure(name: string, error: unknown): number {
    if (error instanceof ProtocolError) return STATUS.EINVAL
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return STATUS.ENOSPC
    if (!(error instanceof DisconnectedError)) log.server('%s failed: %o', name, error)
    return STATUS.EIO
  }

  #answerLater(reply: object | number): void {
    this.#busy = false
    this.#answer(reply)
    if (!this.#busy) this.#next()
  }

  /** Sends an answer. What is left of the request is read and dropped, and never taken for another one. */
  #answer(reply: object | number): void {
    this.#receiving = 'nothing'
    this.#arriving = undefined
    if (typeof reply === 'object' && this.#route?.command.content === 'response') {
      return this.#answerWithContent(reply as ContentReply)
    }
    if (this.#stream.destroyed || this.#closing) return
    if (typeof reply === 'number') {
      this.#stream.write(encodeStatus(reply))
      if (reply === STATUS.EINVAL && this.#service.closesOnInvalid) this.#close()
    } else this.#stream.write(this.#encode(reply))
    this.#awaitDrain()
  }

  /** Not every value that a handler may answer with fits its field: an IPv6 address has no room in 16 bytes. */
  #encode(reply: object): Buffer {
    const { command } = this.#route as Route<X>
    try {
      return encodeResponse(command, reply as ResponsePacket<typeof command>, {
        dialect: this.#service.dialect,
      })
    } catch (error) {
      return encodeStatus(this.#failure(command.name, error))
    }
  }

  /** Goes on when the peer has read enough of what was written; with one that never reads, when it has gone. */
  #awaitDrain(): void {
    if (!this.#stream.writableNeedDrain || this.#closing) return
    this.#busy = true
    this.#stream.once('drain', () => this.#next())
  }

  /** Also to a peer that has gone: whoever reads the content learns of it and ends. */
  #answerWithContent(reply: ContentReply): void {
    const { command } = this.#route as Route<X>
    const sent = sendContent(this.#stream, command, reply)
    if (sent === undefined) return this.#awaitDrain()
    this.#busy = true
    this.#handled = sent.then(
      () => this.#next(),
      (error: unknown) => {
        // The size is announced: closing is all that is left (protocol.md §3.4).
        if (!this.#stream.destroyed) log.server('%s failed on the way: %o', command.name, error)
        this.#stream.destroy()
      },
    )
  }

  /** The answer is sent: goes on to what came in the meantime. */
  #next(): void {
    this.#busy = false
    if (this.#stream.destroyed) return
    this.#release()
    if (this.#peerEnded && !this.#busy) this.#close()
  }

  #onPeerEnd(): void {
    this.#peerEnded = true
    if (this.#open) this.#arriving?.abort()
    // A request that came as a whole is answered, also to a peer that sends nothing more.
    if (!this.#busy || this.#open) this.#close()
  }

  /** Sends what is written and ends. The rest of a request is read first: closing earlier could destroy the answer. */
  #close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#receiving = 'nothing'
    this.#stream.end(() => {
      if (!this.#open || this.#peerEnded) this.#stream.destroy()
    })
  }

  #endClosing(): void {
    this.#hold()
    if (this.#stream.writableFinished) this.#stream.destroy()
  }
}
