import type { Command, Header } from '../protocol/index.js'
import { decodeRequestFields, decodeResponseFields, findCommand } from '../protocol/index.js'
import type { CommandName, RequestFields, ResponseFields } from './commands.js'
import type { Piece } from './packets.js'
import type { Party } from './party.js'

/** Bytes of a packet that are kept to be decoded later; no packet without content is longer. */
const KEPT = 256 * 1024
/** Bytes of names that may stand between the fixed fields and content. */
const MAX_NAMES = 256
const NOTHING: Buffer = Buffer.alloc(0)

/** A request that a member was asked, and what it answered. */
export interface HandledRequest<N extends CommandName = CommandName> {
  /** The member that was asked: `tracker1`, `group1-storage1`… */
  readonly member: string
  /** Who asked: `client`, or the name of a member. */
  readonly from: string
  /** The same for all requests of one connection. */
  readonly connection: number
  /** The command. */
  readonly command: N
  /** The fields of the request; undefined where the bytes are none of this command's. */
  readonly request: RequestFields<N> | undefined
  /** Bytes of content that came with the request, or with its answer. */
  readonly contentSize: number
  /** The status of the answer; undefined while there is none. */
  readonly status: number | undefined
  /** The fields of the answer; undefined while there is none, or where its status is not 0. */
  readonly response: ResponseFields<N> | undefined
  /** Resolves when the answer is there, or will never be: then its status is undefined. */
  readonly answered: Promise<HandledRequest<N>>
}

/** The bytes of one packet, as far as they are kept. */
class Packet {
  /** Not the header itself: thousands of packets are kept, and each object of theirs is moved by the collector. */
  readonly command: number
  readonly status: number
  readonly length: number
  readonly #wanted: number
  #bytes = NOTHING
  #kept = 0

  constructor({ command, status, length }: Header, wanted: number) {
    this.command = command
    this.status = status
    this.length = length
    this.#wanted = Math.min(wanted, length)
  }

  /** Whether all that is wanted is there. */
  get complete(): boolean {
    return this.#kept === this.#wanted
  }

  /** What is kept of the body. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#kept)
  }

  take({ bytes, bodyAt }: Piece): void {
    if (this.complete) return
    // A copy: a view would keep all that was read with it.
    if (this.#kept === 0) this.#bytes = Buffer.allocUnsafe(this.#wanted)
    this.#kept += bytes.copy(this.#bytes, this.#kept, bodyAt, bodyAt + this.#wanted - this.#kept)
  }
}

/** One request and its answer, as they pass by. Decoded when somebody looks. */
export class Exchange implements HandledRequest {
  readonly member: string
  readonly from: string
  readonly connection: number
  readonly #party: Party
  readonly #definition: Command | undefined
  readonly #request: Packet
  #response: Packet | undefined
  #over = false
  #tell: (() => void) | undefined
  #answered: Promise<this> | undefined

  constructor(party: Party, peer: Party | undefined, connection: number, header: Header) {
    this.member = party.name
    this.from = peer?.name ?? 'client'
    this.connection = connection
    this.#party = party
    this.#definition = findCommand(party.kind, header.command)
    const prefix = this.#definition?.request.prefixSize(party.dialect) ?? 0
    const content = this.#definition?.content === 'request'
    this.#request = new Packet(header, content ? prefix + MAX_NAMES : KEPT)
  }

  /** See {@link HandledRequest}. A number that is no command's is given as text. */
  get command(): CommandName {
    return (this.#definition?.name ?? String(this.#request.command)) as CommandName
  }

  /** Whether a response will come. */
  get isAnswered(): boolean {
    return this.#definition?.answered ?? true
  }

  /** Whether the fields of the request are here. */
  get hasFields(): boolean {
    return this.#request.complete
  }

  /** See {@link HandledRequest}. */
  get request(): RequestFields<CommandName> | undefined {
    const definition = this.#definition
    if (definition === undefined) return undefined
    try {
      const size = this.#fieldsSize
      const contentSize = this.#request.length - size
      const fields = this.#request.bytes.subarray(0, size)
      return decodeRequestFields(definition, fields, contentSize, this.#party.dialect)
    } catch {
      return undefined
    }
  }

  /** See {@link HandledRequest}. */
  get contentSize(): number {
    if (this.#definition?.content === 'response') return this.#response?.length ?? 0
    try {
      return this.#request.length - this.#fieldsSize
    } catch {
      return 0
    }
  }

  /** See {@link HandledRequest}. */
  get status(): number | undefined {
    return this.#response?.status
  }

  /** See {@link HandledRequest}. */
  get response(): ResponseFields<CommandName> | undefined {
    const definition = this.#definition
    if (definition === undefined || this.status !== 0 || !this.#over) return undefined
    const fields = definition.content === 'response' ? Buffer.alloc(0) : this.#response?.bytes
    try {
      return decodeResponseFields(definition, fields as Buffer, this.#party.dialect)
    } catch {
      return undefined
    }
  }

  /** See {@link HandledRequest}. */
  get answered(): Promise<this> {
    this.#answered ??= new Promise((resolve) => {
      if (this.#over) resolve(this)
      else this.#tell = () => resolve(this)
    })
    return this.#answered
  }

  /** Takes what a piece has of the request's body. */
  takeRequest(piece: Piece): void {
    this.#request.take(piece)
  }

  /** The answer's header is here. */
  beginResponse(header: Header): void {
    this.#response = new Packet(header, this.#definition?.content === 'response' ? 0 : KEPT)
  }

  /** Takes what a piece has of the answer's body. */
  takeResponse(piece: Piece): void {
    this.#response?.take(piece)
  }

  /** The answer has passed, or will never come. */
  end(): void {
    this.#over = true
    this.#tell?.()
  }

  get #fieldsSize(): number {
    const definition = this.#definition
    const { length, bytes } = this.#request
    if (definition?.content !== 'request') return length
    const prefix = definition.request.prefixSize(this.#party.dialect)
    return definition.request.sizeBeforeContent(bytes.subarray(0, prefix), this.#party.dialect)
  }
}
