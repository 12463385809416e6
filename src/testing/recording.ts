import { writeFile } from 'node:fs/promises'
import type { Header } from '../protocol/index.js'
import type { Party } from './party.js'

/** One packet of a conversation. */
export interface CapturedPacket {
  /** Which way it went. */
  readonly dir: 'request' | 'response'
  /** The header's command; 100 in responses. */
  readonly cmd: number
  /** The header's status. */
  readonly status: number
  /** Bytes of the body, by the header. */
  readonly length: number
  /** Header and body. */
  readonly hex: string
  /** Set where not all of it was seen. */
  readonly cut?: true
}

/** One connection: the form of the conversations in test/fixtures/captures. */
export interface Conversation {
  /** Of the member that was asked: `V6.16.1`. */
  readonly version: string
  /** What was connected to. */
  readonly to: 'tracker' | 'storage'
  /** Who connected. */
  readonly from: 'client' | 'tracker' | 'storage'
  /** The address of the one that connected. */
  readonly client: string
  /** The address of the other. */
  readonly server: string
  /** All that was said, in order. */
  readonly packets: readonly CapturedPacket[]
}

/** What a recording knows of a connection. */
export interface RecordedConnection {
  readonly member: Party
  readonly peer: Party | undefined
  readonly client: string
  readonly server: string
}

/** Who says a packet: decides its direction, since one of each kind can be under way at a time. */
export type Direction = CapturedPacket['dir']

interface Packet {
  readonly dir: Direction
  readonly header: Header
  readonly chunks: Buffer[]
  complete: boolean
}

/** What passes between a cluster and its clients, and between its members. Made by {@link Cluster.record}. */
export class Recording implements Disposable {
  readonly #conversations = new Map<RecordedConnection, Packet[]>()
  readonly #onStop: (recording: Recording) => void

  /** @internal */
  constructor(onStop: (recording: Recording) => void) {
    this.#onStop = onStop
  }

  /** All that was said so far. A connection that was open before counts from its next request on. */
  conversations(): Conversation[] {
    return [...this.#conversations].map(([{ member, peer, client, server }, packets]) => ({
      version: `V${member.dialect.version}`,
      to: member.kind,
      from: peer?.kind ?? 'client',
      client,
      server,
      packets: packets.map(({ dir, header, chunks, complete }) => ({
        dir,
        cmd: header.command,
        status: header.status,
        length: header.length,
        hex: Buffer.concat(chunks).toString('hex'),
        ...(complete ? {} : { cut: true as const }),
      })),
    }))
  }

  /** Ends, and gives all that was said; where a path is named, also as a file of one line of JSON for each. */
  async stop(path?: string): Promise<Conversation[]> {
    this.#onStop(this)
    const conversations = this.conversations()
    if (path !== undefined) {
      await writeFile(path, conversations.map((line) => `${JSON.stringify(line)}\n`).join(''))
    }
    return conversations
  }

  /** Ends. */
  [Symbol.dispose](): void {
    this.#onStop(this)
  }

  /** @internal Takes a piece of a packet: its header is set where it begins. */
  take(
    connection: RecordedConnection,
    dir: Direction,
    piece: { readonly header: Header | undefined; readonly bytes: Buffer; readonly last: boolean },
  ): void {
    let packets = this.#conversations.get(connection)
    if (piece.header !== undefined) {
      // An answer to a question that was not heard says nothing.
      if (packets === undefined && dir === 'response') return
      if (packets === undefined) this.#conversations.set(connection, (packets = []))
      packets.push({ dir, header: piece.header, chunks: [Buffer.from(piece.bytes)], complete: piece.last })
      return
    }
    const packet = packets?.findLast((candidate) => candidate.dir === dir && !candidate.complete)
    if (packet === undefined) return
    packet.chunks.push(Buffer.from(piece.bytes))
    packet.complete = piece.last
  }
}
