import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { ClosedError } from '../errors.js'
import { plainAddress } from '../server/listener.js'
import type { Network } from '../server/network.js'
import type { Exchange } from './exchange.js'
import type { Fault } from './faults.js'
import { Faults } from './faults.js'
import { Requests } from './history.js'
import type { Piece } from './packets.js'
import type { Party } from './party.js'
import type { Direction } from './recording.js'
import { Recording } from './recording.js'
import type { Observer } from './wire.js'
import { Wire } from './wire.js'

/** What a cluster's members are to each other: all their connections, and what happens on them. */
export class ClusterNetwork implements Observer {
  readonly faults = new Faults()
  readonly requests = new Requests()
  readonly #recordings = new Set<Recording>()
  readonly #wires = new Set<Wire>()
  /** Connections that members have made, and who did. */
  readonly #made = new Map<Socket, Party>()
  /** Why connections between two are silent, also those that are still to come. */
  readonly #silences = new Map<object, (wire: Wire) => boolean>()
  readonly #onSilence = new Set<() => void>()
  readonly #within: string
  readonly #told: string | undefined
  #connections = 0
  #isClosed = false
  /** Is rejected when the cluster is stopped. */
  readonly #closed: Promise<never>
  #tellClosed: (reason: ClosedError) => void = () => {}

  /** @param addresses - where members reach each other, and what others are told of them; undefined: what they see */
  constructor({ within, told }: { readonly within: string; readonly told: string | undefined }) {
    this.#within = within
    this.#told = told
    this.#closed = new Promise((_, reject) => (this.#tellClosed = reject))
    this.#closed.catch(() => {})
  }

  /** Connections that members have taken. */
  get wires(): ReadonlySet<Wire> {
    return this.#wires
  }

  /** Those of clients. */
  clientWires(): Wire[] {
    return [...this.#wires].filter(({ peer }) => peer === undefined)
  }

  /** The network as a member sees it. */
  of(member: Party): Network {
    return {
      connect: ({ host, ...options }) => {
        return this.#connect(member, connect({ ...options, host: host === this.#told ? this.#within : host }))
      },
      take: (socket) => {
        const peer = this.#peerOf(socket)
        const stream = this.#take(member, peer, socket)
        return { stream, peerIp: (peer && this.#told) ?? plainAddress(socket.remoteAddress) }
      },
    }
  }

  /** Begins to record. */
  record(): Recording {
    const recording = new Recording((stopped) => this.#recordings.delete(stopped))
    this.#recordings.add(recording)
    return recording
  }

  /** Lets a fault begin on the connections that there are. */
  apply(fault: Fault): void {
    const { silence } = fault.effect
    if (silence !== true) return
    this.silence(fault, (wire) => fault.strikes(wire.member, wire.peer, undefined))
    fault.onRemoved(() => this.unsilence(fault))
  }

  /** Nothing passes on connections that `meets` names, until the reason is taken back. */
  silence(reason: object, meets: (wire: Wire) => boolean): void {
    this.#silences.set(reason, meets)
    for (const wire of this.#wires) if (meets(wire)) wire.silence(reason)
    this.#tellSilence()
  }

  /** Whether a connection that `from` has made to `to` is silent. */
  isSilent(from: Party, to: Party): boolean {
    return [...this.#wires].some(({ peer, member, isSilent }) => peer === from && member === to && isSilent)
  }

  /** Calls `listener` whenever connections have become silent; returns what ends that. */
  onSilence(listener: () => void): () => void {
    this.#onSilence.add(listener)
    return () => this.#onSilence.delete(listener)
  }

  #tellSilence(): void {
    for (const listener of this.#onSilence) listener()
  }

  /** See {@link ClusterNetwork.silence}. */
  unsilence(reason: object): void {
    this.#silences.delete(reason)
    for (const wire of this.#wires) wire.unsilence(reason)
  }

  /** Lets everything pass again that a fault holds back. */
  endSilence(): void {
    for (const reason of [...this.#silences.keys()]) this.unsilence(reason)
  }

  /** Resets the connections that there are, where a fault refuses new ones. */
  resetOpen(fault: Fault): void {
    for (const wire of this.#wires) if (fault.strikes(wire.member, wire.peer, undefined)) wire.reset()
  }

  /** Ends all connections of a member as those of a process that was killed. */
  kill(member: Party): void {
    for (const [socket, maker] of this.#made) if (maker === member) socket.destroy()
    for (const wire of this.#wires) if (wire.member === member) wire.cut()
  }

  /** From now on no member starts, and nobody waits for one that does. */
  close(): void {
    this.#isClosed = true
    this.#tellClosed(closedError())
  }

  /** @throws ClosedError when the cluster is stopping, or was stopped */
  checkOpen(): void {
    if (this.#isClosed) throw closedError()
  }

  /** Waits for something that may never be when the cluster is stopped: then it rejects. */
  whileOpen(event: Promise<void>): Promise<void> {
    return Promise.race([event, this.#closed])
  }

  /** Drops faults, history and recordings. */
  clear(): void {
    this.faults.clear()
    this.requests.clear()
    this.#recordings.clear()
  }

  /** See {@link Observer}. */
  onRequest(wire: Wire, exchange: Exchange): Fault | undefined {
    return this.faults.find(wire.member, wire.peer, { name: exchange.command })
  }

  /** See {@link Observer}. */
  onFields(exchange: Exchange): void {
    this.requests.add(exchange)
  }

  /** See {@link Observer}. */
  onPiece(wire: Wire, dir: Direction, piece: Piece): void {
    for (const recording of this.#recordings) recording.take(wire, dir, piece)
  }

  #connect(member: Party, socket: Socket): Socket {
    this.#made.set(socket, member)
    socket.once('close', () => this.#made.delete(socket))
    return socket
  }

  #take(member: Party, peer: Party | undefined, socket: Socket): Wire | Socket {
    const fault = this.faults.find(member, peer)
    if (fault?.effect.refuse === true) return socket.resetAndDestroy()
    const wire = new Wire(socket, ++this.#connections, member, peer, this)
    this.#wires.add(wire)
    wire.once('close', () => this.#wires.delete(wire))
    if (fault?.effect.silence === true) wire.silence(fault)
    for (const [reason, meets] of this.#silences) if (reason !== fault && meets(wire)) wire.silence(reason)
    if (wire.isSilent) this.#tellSilence()
    return wire
  }

  /** Who is at the other end: a member, or undefined. */
  #peerOf({ remoteAddress, remotePort }: Socket): Party | undefined {
    for (const [made, member] of this.#made) {
      if (made.localPort === remotePort && plainAddress(made.localAddress) === plainAddress(remoteAddress)) {
        return member
      }
    }
    return undefined
  }
}

const closedError = (): ClosedError => new ClosedError('the cluster was stopped: start another one')
