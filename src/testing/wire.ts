import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Header } from '../protocol/index.js'
import { encodeStatus } from '../protocol/index.js'
import type { Timer } from '../server/clock.js'
import { turn } from '../server/clock.js'
import { plainAddress } from '../server/listener.js'
import { delays } from './delays.js'
import { Exchange } from './exchange.js'
import type { Fault } from './faults.js'
import type { Piece } from './packets.js'
import { Packets } from './packets.js'
import type { Party } from './party.js'
import type { Direction } from './recording.js'
import { Shaper } from './shaper.js'

/** What a wire tells, and asks what to do. */
export interface Observer {
  /** A request begins. Returns the fault that strikes it. */
  onRequest(wire: Wire, exchange: Exchange): Fault | undefined
  /** The fields of a request are here. */
  onFields(exchange: Exchange): void
  /** A piece of a packet passes. */
  onPiece(wire: Wire, dir: Direction, piece: Piece): void
}

/** A request under way, with the fault that struck it. */
interface Open {
  readonly exchange: Exchange
  readonly fault: Fault | undefined
  /** What shapes the bytes of the request, and those of the answer; undefined: nothing. */
  readonly inward: Shaper | undefined
  readonly outward: Shaper | undefined
  told: boolean
  /** Whether all of the request has come. */
  whole: boolean
  /** Whether the answer was asked for where the fault itself gives it, and whether it has begun. */
  answering: boolean
  begun: boolean
}

type Callback = (error?: Error | null) => void

/**
 * A connection between a member's session and its socket. It watches requests and answers go by, and does to them what
 * faults say; without one, bytes pass as they are, in the same turn.
 */
export class Wire extends Duplex {
  readonly member: Party
  readonly peer: Party | undefined
  readonly id: number
  /** The addresses of both ends: the peer's, and the member's. */
  readonly client: string
  readonly server: string
  readonly clientPort: number | undefined
  readonly #socket: Socket
  readonly #observer: Observer
  readonly #requests = new Packets()
  readonly #responses = new Packets()
  /** Requests not answered yet, the oldest first. */
  readonly #open: Open[] = []
  #arriving: Open | undefined
  #bytesRead = 0
  #bytesWritten = 0
  #requestCount = 0
  /** Why nothing passes at the moment. */
  readonly #silencers = new Set<object>()
  #stopped = false
  /** Shaped requests on their way to the session. */
  #intake: Promise<void> | undefined
  /** Called when the session takes more bytes. */
  #wanted: (() => void) | undefined
  readonly #timers = new Set<() => void>()
  readonly #silenced = new Set<() => void>()

  constructor(socket: Socket, id: number, member: Party, peer: Party | undefined, observer: Observer) {
    super({ readableHighWaterMark: 64 * 1024, writableHighWaterMark: 64 * 1024, decodeStrings: true })
    this.#socket = socket
    this.id = id
    this.member = member
    this.peer = peer
    this.client = plainAddress(socket.remoteAddress)
    this.server = plainAddress(socket.localAddress)
    this.clientPort = socket.remotePort
    this.#observer = observer
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.#afterIntake(() => void this.push(null)))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  /** Bytes that came from the peer. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes that went to the peer. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** Requests that came. */
  get requestCount(): number {
    return this.#requestCount
  }

  /** The command that waits for its answer. */
  get running(): string | undefined {
    return this.#open[0]?.exchange.command
  }

  /** Whether a part of a request is still to come. */
  get isReceiving(): boolean {
    return this.#arriving !== undefined
  }

  /** Whether what the peer sends is read. */
  get isRead(): boolean {
    return !this.#stopped
  }

  /** Whether nothing passes at the moment. */
  get isSilent(): boolean {
    return this.#silencers.size > 0
  }

  /** Nothing passes, until `reason` is taken back. */
  silence(reason: object): void {
    this.#silencers.add(reason)
    this.#socket.pause()
  }

  /** See {@link Wire.silence}. */
  unsilence(reason: object): void {
    if (!this.#silencers.delete(reason) || this.#silencers.size > 0) return
    wakeAll(this.#silenced)
    this._read()
  }

  /** Ends the connection as a process that dies does. */
  cut(): void {
    this.#socket.destroy()
    this.destroy()
  }

  /** Ends the connection with a reset. */
  reset(): void {
    const socket = this.#socket
    // While a FIN is on its way the system refuses a reset, and the socket would never be closed.
    if (socket.writableEnded && !socket.writableFinished) socket.destroy()
    else socket.resetAndDestroy()
    this.destroy()
  }

  override _read(): void {
    this.#wanted?.()
    this.#wanted = undefined
    if (this.#silencers.size === 0 && !this.#stopped && this.#intake === undefined) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    const open = this.#open[0]
    if (this.#silencers.size === 0 && open?.fault === undefined) {
      this.#answering(chunk)
      this.#emit(chunk, done)
      return
    }
    this.#answerFaulty(chunk, open).then(() => done(), done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Callback): void {
    this.#socket.cork()
    let left = chunks.length
    let failure: Error | null | undefined
    const each: Callback = (error) => {
      failure ??= error
      if (--left === 0) done(failure)
    }
    // One after the other: an answer that is shaped must not be overtaken.
    if (this.#silencers.size === 0 && this.#open.every(({ fault }) => fault === undefined)) {
      for (const { chunk } of chunks) {
        this.#answering(chunk)
        this.#emit(chunk, each)
      }
    } else void this.#writeInTurn(chunks, each)
    this.#socket.uncork()
  }

  override _final(done: Callback): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: Callback): void {
    this.#socket.destroy()
    wakeAll(this.#timers)
    wakeAll(this.#silenced)
    this.#wanted?.()
    for (const { exchange } of this.#open) exchange.end()
    done(error)
  }

  async #writeInTurn(chunks: readonly { chunk: Buffer }[], each: Callback): Promise<void> {
    for (const { chunk } of chunks) {
      await new Promise<void>((resolve) => {
        this._write(chunk, 'utf8', (error) => {
          each(error)
          resolve()
        })
      })
    }
  }

  #emit(chunk: Buffer, done: Callback): void {
    this.#bytesWritten += chunk.length
    this.#socket.write(chunk, done)
  }

  /** Requests: what is read goes to the session, request by request where a fault wants it. */
  #receive(chunk: Buffer): void {
    this.#bytesRead += chunk.length
    let clean: Buffer | undefined
    // What belongs together is handed on together: mostly, that is the chunk as it came.
    const flush = (): void => {
      if (clean !== undefined) this.#hand(clean)
      clean = undefined
    }
    for (const piece of this.#requests.cut(chunk)) {
      const open = this.#arrive(piece)
      if (open?.fault === undefined) clean = clean === undefined ? piece.bytes : joined(clean, piece.bytes)
      else {
        flush()
        this.#handFaulty(piece.bytes, open)
        if (this.#stopped) return
      }
      if (piece.last) this.#arrived(open)
    }
    flush()
  }

  #arrive(piece: Piece): Open | undefined {
    if (piece.header !== undefined) this.#arriving = this.#begin(piece.header)
    const open = this.#arriving
    if (open === undefined) return undefined
    open.exchange.takeRequest(piece)
    if (!open.told && open.exchange.hasFields) {
      open.told = true
      this.#observer.onFields(open.exchange)
    }
    this.#observer.onPiece(this, 'request', piece)
    return open
  }

  #begin(header: Header): Open {
    this.#requestCount++
    const exchange = new Exchange(this.member, this.peer, this.id, header)
    const fault = this.#observer.onRequest(this, exchange)
    const open: Open = {
      exchange,
      fault,
      inward: fault && this.#shaperOf(fault, 'request'),
      outward: fault && this.#shaperOf(fault, 'response'),
      told: false,
      whole: false,
      answering: false,
      begun: false,
    }
    if (exchange.isAnswered) this.#open.push(open)
    return open
  }

  #arrived(open: Open | undefined): void {
    this.#arriving = undefined
    if (open === undefined) return
    open.whole = true
    if (!open.exchange.isAnswered) open.exchange.end()
    this.#answerItself()
  }

  #shaperOf({ effect }: Fault, dir: Direction): Shaper | undefined {
    if (effect.dir !== 'both' && (effect.dir ?? 'response') !== dir) return undefined
    const { delay, chunk, bytesPerSecond, cutAfter = Infinity, halfCloseAfter = Infinity } = effect
    const shape = { delay, chunk, bytesPerSecond, limit: Math.min(cutAfter, halfCloseAfter) }
    return new Shaper(shape, (time) => this.#wait(time), dir === 'response')
  }

  /** To the session, now or behind what is still on its way there. */
  #hand(bytes: Buffer): void {
    this.#afterIntake(() => {
      if (!this.push(bytes)) this.#socket.pause()
    })
  }

  #afterIntake(task: () => void): void {
    if (this.#intake === undefined) task()
    else this.#queueIntake(async () => task())
  }

  #queueIntake(task: () => Promise<void>): void {
    this.#socket.pause()
    const intake = (this.#intake ?? Promise.resolve()).then(async () => {
      if (!this.destroyed) await task()
      if (this.#intake !== intake) return
      this.#intake = undefined
      this._read()
    })
    this.#intake = intake
  }

  /** Bytes of a request that a fault has struck. */
  #handFaulty(bytes: Buffer, open: Open): void {
    const fault = open.fault as Fault
    const { effect } = fault
    if (effect.stopReading === true) {
      this.#stopped = true
      this.#socket.pause()
      this.#resetWith(fault)
    } else if (effect.status !== undefined) return
    else if (open.inward !== undefined) {
      const shaper = open.inward
      this.#queueIntake(async () => {
        await shaper.pass(bytes, (piece) => this.#pushSlowly(piece))
        if (shaper.exhausted || (open.whole && effect.cutAfter !== undefined)) this.reset()
      })
    } else this.#hand(bytes)
  }

  /** Resolves when the session takes more. */
  #pushSlowly(piece: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.push(piece)) return undefined
    return new Promise((resolve) => (this.#wanted = resolve))
  }

  /** A connection that a fault leaves hanging does not outlive it. */
  #resetWith(fault: Fault): void {
    this.once(
      'close',
      fault.onRemoved(() => this.reset()),
    )
  }

  /** Answers: they are framed as they pass. */
  #answering(chunk: Buffer): void {
    for (const piece of this.#responses.cut(chunk)) {
      const open = this.#open[0]
      if (piece.header !== undefined) open?.exchange.beginResponse(piece.header)
      open?.exchange.takeResponse(piece)
      this.#observer.onPiece(this, 'response', piece)
      if (piece.last) this.#answered()
    }
  }

  #answered(): void {
    this.#open.shift()?.exchange.end()
    this.#answerItself()
  }

  /** A request that a fault answers is answered in its turn. */
  #answerItself(): void {
    const open = this.#open[0]
    if (open?.fault?.effect.status === undefined || !open.whole || open.answering) return
    open.answering = true
    // A peer that has ended its side may have made the session end ours.
    if (!this.writableEnded) this.write(encodeStatus(open.fault.effect.status))
  }

  async #answerFaulty(chunk: Buffer, open: Open | undefined): Promise<void> {
    while (this.#silencers.size > 0 && !this.destroyed) {
      await new Promise<void>((resolve) => this.#silenced.add(resolve))
    }
    if (this.destroyed) return
    const fault = open?.fault
    if (open === undefined || fault === undefined) {
      this.#answering(chunk)
      return this.#put(chunk)
    }
    const { effect } = fault
    const first = !open.begun
    open.begun = true
    // It stays open: nothing that is said on this connection passes any more.
    if (effect.hang === true) return first ? this.#resetWith(fault) : undefined
    this.#answering(chunk)
    // The session has said all of it, when this request is no longer the first of those open.
    const last = this.#open[0] !== open
    if (effect.garbage !== undefined) {
      if (first) await this.#shaped(open, Buffer.from(effect.garbage))
    } else await this.#shaped(open, first ? withLength(chunk, effect.length) : chunk)
    await this.#endShaped(open, fault, last)
  }

  async #shaped({ outward }: Open, bytes: Buffer): Promise<void> {
    if (outward === undefined) return this.#put(bytes)
    await outward.pass(bytes, (piece) => this.#put(piece))
  }

  async #endShaped({ outward }: Open, fault: Fault, last: boolean): Promise<void> {
    const { cutAfter, halfCloseAfter } = fault.effect
    if (outward === undefined || !(last || outward.exhausted)) return
    if (cutAfter !== undefined) {
      // A peer that finds a reset together with bytes may take it for a normal end: libuv does.
      await turn()
      await turn()
      this.reset()
    } else if (halfCloseAfter !== undefined && !this.#socket.writableEnded) {
      this.#socket.end()
      this.#resetWith(fault)
    }
  }

  #put(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.destroyed || this.#socket.writableEnded) return resolve()
      this.#emit(bytes, () => resolve())
    })
  }

  #wait(delay: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.destroyed) return resolve()
      const done = (): void => {
        delays.stop(timer)
        this.#timers.delete(done)
        resolve()
      }
      const timer: Timer = delays.start(delay, done)
      this.#timers.add(done)
    })
  }
}

function wakeAll(waiting: Set<() => void>): void {
  const all = [...waiting]
  waiting.clear()
  for (const wake of all) wake()
}

/** Two pieces that lie one behind the other in the same memory. */
function joined(one: Buffer, next: Buffer): Buffer {
  return Buffer.from(one.buffer, one.byteOffset, one.length + next.length)
}

/** An answer's first bytes with another length in the header. */
function withLength(chunk: Buffer, length: number | undefined): Buffer {
  if (length === undefined) return chunk
  const changed = Buffer.from(chunk)
  changed.writeBigInt64BE(BigInt(length))
  return changed
}
