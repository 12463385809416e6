import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastDfsError, RequestPhase } from '../errors.js'
import {
  AbortError,
  ClosedError,
  ConnectError,
  isFastDfsError,
  LocalIoError,
  locateError,
  ProtocolError,
  STATUS,
  statusToError,
  TimeoutError,
  UnknownOutcomeError,
} from '../errors.js'
import type { RequestTrace } from '../observe/channels.js'
import { channels, isTraced } from '../observe/channels.js'
import type { Log } from '../observe/log.js'
import type { Command, Header, ResponseOf } from '../protocol/index.js'
import { decodeResponseFields, encodeRequestHead, FrameReader, limits } from '../protocol/index.js'
import type { Watcher } from './call.js'
import type { PlacingSocket } from './connect.js'
import { READ_SIZE, RECEIVED } from './connect.js'
import type { ContentFlow, ContentSource } from './content.js'
import type { Request } from './request.js'

// As it is when this is loaded: a test that fakes it must not hold up what is sent.
const endOfTurn = setImmediate

/** No response of fields has this many bytes: the largest lists every storage of 512 groups (protocol.md §2.5). */
const MAX_RESPONSE = 4 * 1024 * 1024

/** Bytes that the system takes at once, or that soon follow. */
const SMALL = 64 * 1024

/** Content up to this many bytes is copied behind its head: two buffers at a time cost more to write than that. */
const COPIED_UP_TO = 16 * 1024

/** Content of which so much is to come is read to where it belongs; less is sooner copied than read by itself. */
const WORTH_PLACING = 64 * 1024

/** Read before large content, since its place is known only then. What is small fits in as well. */
const BEGINNING = RECEIVED.subarray(0, 16 * 1024)

/** Room for a head and the content behind it, of all sockets: nearly always the system has taken it all at once. */
const newPacket = (): Buffer => Buffer.allocUnsafeSlow(COPIED_UP_TO + 1024)
let sending = newPacket()

const NOTHING = Buffer.alloc(0)

/** Is told that bytes were written, or why not. */
type OnWritten = (error?: Error | null) => void

type Sent = 'nothing' | 'part' | 'all'

/** A request under way. */
class Exchange implements ContentFlow {
  readonly #connection: Connection
  readonly request: Request<Command>
  readonly head: Buffer
  readonly resolve: (fields: object) => void
  readonly reject: (error: FastDfsError) => void
  readonly trace: RequestTrace | undefined
  sent: Sent = 'nothing'
  /** Rejects what waits to write. */
  stopWriting: ((error: FastDfsError) => void) | undefined
  header: Header | undefined
  body: Buffer | undefined
  bodySize = 0

  constructor(
    connection: Connection,
    request: Request<Command>,
    head: Buffer,
    resolve: (fields: object) => void,
    reject: (error: FastDfsError) => void,
    trace: RequestTrace | undefined,
  ) {
    this.#connection = connection
    this.request = request
    this.head = head
    this.resolve = resolve
    this.reject = reject
    this.trace = trace
  }

  /** See {@link ContentFlow}. */
  resume(): void {
    this.#connection.goOn(this)
  }

  /** See {@link ContentFlow}. */
  fail(error: FastDfsError): void {
    this.#connection.giveUp(this, error)
  }
}

/**
 * One connection to a tracker or storage: one request at a time (protocol.md §1.1). After any doubt about what the
 * peer will send next it is destroyed.
 */
export class Connection implements Watcher {
  /** Requests under way, of all connections. */
  static #underWay = 0
  /** Whose requests wait for the end of the present turn of the event loop. */
  static #leaving: Connection[] = []
  /** The peer as `host:port`. */
  readonly endpoint: string
  /** When the last response ended, by `performance.now()`. */
  lastUsed = performance.now()
  /** Whether it was ended because a call was over: that says nothing about the server. */
  wasGivenUp = false
  /** Is told when the server ends it between two requests, as one does that is stopped. */
  onDropped: (() => void) | undefined
  readonly #socket: Duplex & Queueing
  /** Made by {@link connect}: what becomes of a chunk is known. */
  readonly #isOwn: boolean
  /** It is done with what it was given when it says so; other Duplexes may pass it on later. */
  readonly #isSocket: boolean
  readonly #idleTimeout: number
  readonly #log: Log | undefined
  readonly #reader: FrameReader
  #exchange: Exchange | undefined
  #lost: FastDfsError | undefined
  #lastMoved = 0
  /** What the system had not taken yet when somebody last looked. */
  #queued = 0
  /** Runs on from one request to the next: looking at it is rarer than making one for each. */
  #idleTimer: NodeJS.Timeout | undefined
  #paused = false
  /** Whether the last response was worth placing: the next one probably is too. */
  #wasLarge = false

  /**
   * @param socket - connected
   * @param endpoint - for errors
   * @param idleTimeout - milliseconds without a byte in either direction after which a request fails
   */
  constructor(socket: Duplex, endpoint: string, idleTimeout: number, log?: Log) {
    this.#socket = socket
    this.#log = log
    this.endpoint = endpoint
    this.#idleTimeout = idleTimeout
    this.#reader = new FrameReader({
      onHeader: (header) => this.#onHeader(header),
      onData: (chunk) => this.#onContent(chunk),
      onEnd: () => this.#onEnd(),
    })
    const { reading } = socket as Partial<PlacingSocket>
    this.#isOwn = reading !== undefined
    this.#isSocket = socket instanceof Socket
    if (reading === undefined) {
      socket.on('data', (chunk: Buffer) => this.#onData(chunk, chunk.length))
    } else {
      reading.place = () => this.#place()
      reading.take = (bytes, end) => this.#onData(bytes, end)
    }
    socket.on('error', (cause: NodeJS.ErrnoException) =>
      this.#onGone(new ConnectError(`connection lost: ${cause.code ?? cause.message}`, { cause, endpoint })),
    )
    socket.on('close', () => this.#onGone(new ConnectError('the server closed the connection', { endpoint })))
    // A server that closes its side sends nothing more: the same as closed.
    socket.on('end', () => this.#onGone(new ConnectError('the server closed the connection', { endpoint })))
  }

  /** Whether another request may be made on it. */
  get usable(): boolean {
    return this.#lost === undefined && this.#exchange === undefined && this.#reader.idle
  }

  /** The command of the request under way. */
  get command(): string | undefined {
    return this.#exchange?.request.command.name
  }

  /** When a byte last moved, or a request began, by `performance.now()`. */
  get lastMoved(): number {
    return this.#lastMoved
  }

  /** Keeps the process alive while a request is under way, and only then. */
  set referenced(value: boolean) {
    const socket = this.#socket as Partial<Record<'ref' | 'unref', () => void>>
    if (value) socket.ref?.()
    else socket.unref?.()
  }

  /** Ends it at once. A request under way is rejected with `reason`. */
  destroy(
    reason: FastDfsError = new ConnectError('the connection was closed', { endpoint: this.endpoint }),
  ): void {
    this.#lose(reason)
  }

  /**
   * Makes one request and reads its response.
   *
   * @throws {@link ServerError} for a status other than 0
   * @throws {@link ConnectError} or {@link TimeoutError} when the connection fails; `retriable` says that the request
   *   may be made again: nothing or not all of it was sent, or it is idempotent
   * @throws {@link UnknownOutcomeError} when a request that must not be repeated was sent and its answer is lost
   * @throws {@link ProtocolError} when the response is not what the protocol allows
   */
  request<C extends Command>(request: Request<C>): Promise<ResponseOf<C>> {
    if (!isTraced(channels.request)) return this.#request(request)
    const { command, fields, call, group } = request
    const trace: RequestTrace = {
      command: command.name,
      endpoint: this.endpoint,
      group: group ?? (fields as { group?: string }).group,
      attempt: call.attempt,
      bytesSent: 0,
      bytesReceived: 0,
    }
    return channels.request.tracePromise(() => this.#request(request, trace), trace)
  }

  #request<C extends Command>(request: Request<C>, trace?: RequestTrace): Promise<ResponseOf<C>> {
    if (this.#exchange !== undefined) {
      return Promise.reject(new TypeError('a connection carries one request at a time'))
    }
    return new Promise<ResponseOf<C>>((resolve, reject) => {
      const { command, fields, call, source } = request
      // Rejects what does not fit a field.
      const head = encodeRequestHead(command, fields, source?.size ?? 0, request)
      const exchange = new Exchange(this, request, head, resolve as (fields: object) => void, reject, trace)
      this.#exchange = exchange
      Connection.#underWay++
      this.#lastMoved = performance.now()
      this.#idleTimer ??= setTimeout(() => this.#onIdle(), this.#idleTimeout).unref()
      call.watch(this)
      if (this.#lost !== undefined) this.#fail(this.#lost)
      else if (call.isOver) this.#fail(call.endError())
      else if (source !== undefined && source.take === undefined) void this.#send(exchange, source)
      else if (this.#isOwn && Connection.#underWay > 1) this.#leaveLater()
      else this.#leave()
    })
  }

  /**
   * Among many, the requests of a turn leave one after the other at its end: between two of them nothing else passes
   * through the processor's caches, and a server on this machine that was woken by the first is awake for the next ones.
   */
  #leaveLater(): void {
    if (Connection.#leaving.push(this) === 1) endOfTurn(Connection.#leaveAll)
  }

  static #leaveAll(): void {
    const leaving = Connection.#leaving
    Connection.#leaving = []
    for (const connection of leaving) connection.#leave()
  }

  #leave(): void {
    const exchange = this.#exchange
    // It may have ended by now, as with its call.
    if (exchange?.sent !== 'nothing') return
    const { source } = exchange.request
    if (source?.take === undefined) return this.#writeHead(exchange)
    const bytes = source.take()
    // Nothing is sent that the server would wait for the rest of.
    if (bytes.length === source.size) this.#writeAll(exchange, bytes)
    else this.#fail(otherSize(source.size, bytes.length))
  }

  #writeHead(exchange: Exchange): void {
    exchange.sent = 'all'
    this.#socket.write(exchange.head)
  }

  #writeAll(exchange: Exchange, bytes: Uint8Array): void {
    const { head, trace } = exchange
    exchange.sent = 'all'
    exchange.request.call.hasMoved = bytes.length > 0
    if (trace !== undefined) trace.bytesSent = bytes.length
    if (bytes.length <= COPIED_UP_TO) return this.#writePacket(head, bytes)
    this.#writeBoth(head, bytes, this.#onWritten)
    this.#noteQueued(bytes.length)
  }

  /** The head leaves together with what follows it. */
  #writeBoth(head: Buffer, chunk: Uint8Array, onWritten: OnWritten): void {
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(chunk, onWritten)
    this.#socket.uncork()
  }

  #writePacket(head: Buffer, bytes: Uint8Array): void {
    const size = head.length + bytes.length
    // Another Duplex may keep what it is given.
    const isShared = this.#isOwn && size <= sending.length
    const packet = isShared ? sending.subarray(0, size) : Buffer.allocUnsafe(size)
    packet.set(head)
    packet.set(bytes, head.length)
    this.#socket.write(packet)
    // What the system has not taken is not written into again.
    if (isShared && this.#socket.writableLength > 0) sending = newPacket()
  }

  async #send(exchange: Exchange, source: ContentSource): Promise<void> {
    try {
      let given = 0
      await source.send((chunk) => {
        given += chunk.length
        return this.#write(exchange, chunk, given === source.size)
      })
      if (given !== source.size) throw otherSize(source.size, given)
      // By now it is certain that a source of size 0 gives nothing: the head is all.
      if (given === 0 && this.#exchange === exchange) this.#writeHead(exchange)
    } catch (error) {
      // The server still waits for bytes: the connection cannot be used for anything else.
      if (this.#exchange === exchange) this.#lose(typed(error))
    }
  }

  #write(exchange: Exchange, chunk: Uint8Array, isLast: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#exchange !== exchange) return reject(this.#lost ?? new ConnectError('the request has ended'))
      exchange.stopWriting = reject
      const isFirst = exchange.sent === 'nothing'
      exchange.sent = isLast ? 'all' : 'part'
      exchange.request.call.hasMoved = true
      const onWritten: OnWritten = (error) => {
        this.#onWritten(error)
        // After an error the socket closes, and `stopWriting` is called.
        if (error) return
        if (exchange.trace !== undefined) exchange.trace.bytesSent += chunk.length
        resolve()
      }
      // The source writes the next bytes into it.
      const piece = this.#isSocket ? chunk : Buffer.from(chunk)
      if (isFirst) this.#writeBoth(exchange.head, piece, onWritten)
      else this.#socket.write(piece, onWritten)
      this.#noteQueued(chunk.length)
    })
  }

  readonly #onWritten: OnWritten = (error) => {
    if (!error) this.#lastMoved = performance.now()
  }

  #noteQueued(written: number): void {
    if (written > SMALL) this.#queued = this.#socket._handle?.writeQueueSize ?? 0
  }

  /** Where the next bytes go, where that matters. */
  #place(): Uint8Array | undefined {
    const { missing } = this.#reader
    if (missing === 0 && this.#wasLarge) return BEGINNING
    if (missing < WORTH_PLACING) return undefined
    try {
      return this.#exchange?.request.sink?.space?.(missing)?.subarray(0, Math.min(missing, READ_SIZE))
    } catch (error) {
      this.#lose(typed(error))
      return undefined
    }
  }

  #onData(chunk: Buffer, end: number): void {
    this.#lastMoved = performance.now()
    try {
      this.#reader.push(chunk, end)
    } catch (error) {
      this.#lose(typed(error))
    }
  }

  #onHeader(header: Header): void {
    const exchange = this.#exchange
    if (exchange === undefined) throw new ProtocolError('the server sent bytes that nobody asked for')
    exchange.header = header
    this.#wasLarge = header.length >= BEGINNING.length + WORTH_PLACING
    if (exchange.trace !== undefined) exchange.trace.bytesReceived += limits.HEADER_SIZE
    if (header.command !== limits.RESPONSE_COMMAND) {
      throw new ProtocolError(
        `the header's command is ${header.command}, expected ${limits.RESPONSE_COMMAND}`,
      )
    }
    const { sink, call } = exchange.request
    if (header.status === STATUS.OK && sink !== undefined) {
      call.hasMoved = true
      sink.start(header.length, exchange)
      return
    }
    if (header.length > MAX_RESPONSE) {
      throw new ProtocolError(
        `the response says ${header.length} bytes, at most ${MAX_RESPONSE} are possible`,
      )
    }
  }

  #onContent(chunk: Buffer): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    if (exchange.trace !== undefined) exchange.trace.bytesReceived += chunk.length
    const { header } = exchange
    const { command, sink } = exchange.request
    if (sink !== undefined && header?.status === STATUS.OK) {
      if (sink.write(chunk)) return
      this.#paused = true
      this.#socket.pause()
    } else if (chunk.length === header?.length && !command.response.holdsBytes) {
      // It ends before the socket reads over it.
      exchange.body = chunk
    } else {
      exchange.body ??= Buffer.allocUnsafe(header?.length ?? 0)
      exchange.bodySize += chunk.copy(exchange.body, exchange.bodySize)
    }
  }

  /** Takes more of the content of a response, for {@link ContentFlow}. */
  goOn(exchange: Exchange): void {
    if (this.#exchange === exchange) this.#unpause()
  }

  /** Ends a request whose content cannot be taken, for {@link ContentFlow}. */
  giveUp(exchange: Exchange, error: FastDfsError): void {
    if (this.#exchange === exchange) this.#lose(error)
  }

  #unpause(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#lastMoved = performance.now()
    this.#socket.resume()
  }

  #onEnd(): void {
    const exchange = this.#exchange
    if (exchange?.header === undefined) return
    const { header } = exchange
    const { command, sink } = exchange.request
    if (header.status !== STATUS.OK) {
      const place = { command: command.name, endpoint: this.endpoint, phase: phaseOf(exchange) }
      const error = statusToError(header.status, place, command.notFound)
      // Storages and old trackers close after 22; the rest of a refused content is read as requests (§1.1).
      if (header.status === STATUS.EINVAL || command.content === 'request') this.#lose(error)
      else {
        this.#settle()
        exchange.reject(error)
      }
      return
    }
    if (exchange.sent !== 'all') {
      throw new ProtocolError('the server answered before it had the whole request')
    }
    const fields = sink === undefined ? decodeResponseFields(command, exchange.body ?? NOTHING) : {}
    this.#settle()
    exchange.resolve(fields)
  }

  /** See {@link Watcher}. */
  onCallOver(error: FastDfsError): void {
    this.wasGivenUp = true
    this.#lose(error)
  }

  /** A piece may take longer than the time limit, while the system takes some of it again and again. */
  #onIdle(): void {
    this.#idleTimer = undefined
    if (this.#exchange === undefined) return
    const queued = this.#socket._handle?.writeQueueSize ?? 0
    if (this.#paused || queued !== this.#queued) this.#lastMoved = performance.now()
    this.#queued = queued
    const waited = performance.now() - this.#lastMoved
    if (waited >= this.#idleTimeout) {
      this.#lose(new TimeoutError(`no byte moved for ${this.#idleTimeout} ms`, { endpoint: this.endpoint }))
    } else {
      this.#idleTimer = setTimeout(() => this.#onIdle(), this.#idleTimeout - waited).unref()
    }
  }

  #onGone(error: FastDfsError): void {
    const isDropped = this.#lost === undefined && this.#exchange === undefined
    this.#lose(error)
    if (isDropped) this.onDropped?.()
  }

  /** The connection is of no use any more, and a request under way fails. */
  #lose(error: FastDfsError): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#log?.debug('net', `${this.endpoint}: ${error.message}`, { endpoint: this.endpoint })
    clearTimeout(this.#idleTimer)
    this.#socket.destroy()
    if (this.#exchange !== undefined) this.#fail(error)
  }

  #fail(error: FastDfsError): void {
    const exchange = this.#exchange as Exchange
    const failure = withOutcome(error, exchange, this.endpoint)
    this.#settle()
    exchange.stopWriting?.(failure)
    exchange.reject(failure)
  }

  /** The request is over, and whoever made it to be told how it ended. */
  #settle(): void {
    const exchange = this.#exchange as Exchange
    exchange.request.call.unwatch(this)
    this.#exchange = undefined
    Connection.#underWay--
    // The last piece may have held it up; the next response has another sink.
    this.#unpause()
    // A response ends in bytes that have just moved.
    this.lastUsed = this.#lastMoved
  }
}

/** What sockets have beside what is public: how many bytes the system has not taken yet. Node goes by it as well. */
interface Queueing {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

/** Sources and sinks may throw anything. */
function typed(error: unknown): FastDfsError {
  if (isFastDfsError(error)) return error
  return new LocalIoError(`the content cannot be handled: ${(error as Partial<Error>)?.message}`, {
    cause: error,
  })
}

/** The error of bytes in memory that were handed on to a worker, say: nothing is left of them here. */
function otherSize(size: number, given: number): LocalIoError {
  return new LocalIoError(
    `the source gave ${given} of ${size} bytes: what is uploaded must not be changed or transferred before the upload has ended`,
  )
}

function phaseOf({ sent }: Exchange): RequestPhase {
  return sent === 'all' ? 'answer' : 'send'
}

/** What a failure means for the request: may it be made again, or may it have been carried out? */
function withOutcome(error: FastDfsError, exchange: Exchange, endpoint: string): FastDfsError {
  const { command, call } = exchange.request
  const place = { command: command.name, endpoint, phase: phaseOf(exchange) }
  const isLoss =
    error instanceof ConnectError || error instanceof TimeoutError || error instanceof ProtocolError
  const isUnknown = place.phase === 'answer' && !command.idempotent
  if (!isLoss) {
    // The caller ended it, and gets the error of that; but it is told what it cannot undo.
    const isEnded = isUnknown && (error instanceof AbortError || error instanceof ClosedError)
    return locateError(
      error,
      place,
      isEnded ? `${error.reason}; the request may have been carried out` : undefined,
    )
  }
  if (isUnknown) {
    return new UnknownOutcomeError(
      `the answer is lost, the request may have been carried out: ${error.reason}`,
      { ...place, cause: error },
    )
  }
  // After the time limit of the call, or of its attempts, there is no other attempt.
  const retriable = !(error instanceof TimeoutError) || !call.isOver
  return locateError(error, { ...place, retriable })
}
