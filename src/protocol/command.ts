/** A command: one definition for both sides, and the four ways to use it. */
import { InvalidArgumentError, ProtocolError } from '../errors.js'
import type { Dialect } from './dialect.js'
import { LATEST } from './dialect.js'
import type { Shape, ValuesOf } from './fields.js'
import type { Header } from './frame.js'
import { decodeHeader, writeHeader } from './frame.js'
import { HEADER_SIZE, RESPONSE_COMMAND } from './limits.js'
import { Struct } from './struct.js'

/** Which daemon a command is sent to. */
export type Server = 'tracker' | 'storage' | 'any'

/** What a command is declared with. */
export interface Declaration<Q extends Shape, R extends Shape> {
  /** The number in the request header. */
  readonly number: number
  /** True when a repetition does no harm: after a lost answer the request may be sent again. */
  readonly idempotent: boolean
  /** The fields of the request. */
  readonly request: Q
  /** The fields of the response. */
  readonly response: R
  /** Which of the two ends with bytes that are a file's content or as long as one, and are streamed. */
  readonly content?: 'request' | 'response'
  /** False for the one command that is not answered. */
  readonly answered?: boolean
  /** What status 2 says in answer to it. */
  readonly notFound?: string
}

/** A declared command. */
export interface Command<Q extends Shape = Shape, R extends Shape = Shape, C extends Content = Content> {
  /** The name, the same as that of the constant that holds it. */
  readonly name: string
  /** Which daemon it is sent to. */
  readonly server: Server
  /** The number in the request header. */
  readonly number: number
  /** Whether a repetition does no harm. */
  readonly idempotent: boolean
  /** The request's fields. */
  readonly request: Struct<Q>
  /** The response's fields. */
  readonly response: Struct<R>
  /** Which of the two ends with streamed bytes. */
  readonly content: C
  /** Whether there is a response. */
  readonly answered: boolean
  /** What status 2 says in answer to it. */
  readonly notFound: string
}

/** Where a command carries content. */
export type Content = 'request' | 'response' | undefined

/** The fields of a command's request. */
export type RequestOf<C> = C extends Command<infer Q, Shape, Content> ? ValuesOf<Q> : never
/** The fields of a command's response. */
export type ResponseOf<C> = C extends Command<Shape, infer R, Content> ? ValuesOf<R> : never

type WithContent<V, C, Side> = C extends Side ? V & { content: Uint8Array } : V
type WithContentRead<V, C, Side> = C extends Side ? V & { content: Buffer } : V

/** What {@link encodeRequest} takes: the fields, and `content` where the request carries one. */
export type RequestPacket<C> =
  C extends Command<infer Q, Shape, infer K> ? WithContent<ValuesOf<Q>, K, 'request'> : never
/** What {@link encodeResponse} takes. */
export type ResponsePacket<C> =
  C extends Command<Shape, infer R, infer K> ? WithContent<ValuesOf<R>, K, 'response'> : never
/** What {@link decodeRequest} returns. */
export type DecodedRequest<C> =
  C extends Command<infer Q, Shape, infer K> ? WithContentRead<ValuesOf<Q>, K, 'request'> : never
/** What {@link decodeResponse} returns. */
export type DecodedResponse<C> =
  C extends Command<Shape, infer R, infer K> ? WithContentRead<ValuesOf<R>, K, 'response'> : never

/** Options of the four functions below. */
export interface PacketOptions {
  /** The dialect of the server. Writing: the newest where absent. Reading: told by the length where absent. */
  readonly dialect?: Dialect | undefined
  /** The header's status byte, for the requests and responses that use it beside their fields. Default 0. */
  readonly status?: number | undefined
}

/** Declares the commands of one daemon; each gets the name of its key. */
export function declare<D extends Record<string, Declaration<Shape, Shape>>>(
  server: Server,
  declarations: D,
): Declared<D> {
  return Object.fromEntries(
    Object.entries(declarations).map(([name, declaration]) => [
      name,
      Object.freeze({
        name,
        server,
        number: declaration.number,
        idempotent: declaration.idempotent,
        request: new Struct(declaration.request),
        response: new Struct(declaration.response),
        content: declaration.content,
        answered: declaration.answered ?? true,
        notFound:
          declaration.notFound ?? (server === 'storage' ? 'no such file' : 'no such group or storage'),
      }),
    ]),
  ) as unknown as Declared<D>
}

type Declared<D extends Record<string, Declaration<Shape, Shape>>> = {
  readonly [K in keyof D]: Command<
    D[K]['request'],
    D[K]['response'],
    D[K] extends { content: infer C extends Content } ? C : undefined
  >
}

/**
 * A whole request: header, fields, content.
 *
 * @throws InvalidArgumentError when a value does not fit its field
 * @example
 * ```ts
 * encodeRequest(storageCommands.deleteFile, { group: 'group1', name: 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt' })
 * ```
 */
export function encodeRequest<C extends Command>(
  command: C,
  packet: RequestPacket<C>,
  options: PacketOptions = {},
): Buffer {
  const content = contentOf(command, 'request', packet)
  const head = encodeRequestHead(command, packet as RequestOf<C>, content?.length ?? 0, options)
  return content === undefined ? head : Buffer.concat([head, content])
}

/**
 * A whole response with status 0 (or the one given): header, fields, content.
 *
 * @throws InvalidArgumentError when a value does not fit its field
 */
export function encodeResponse<C extends Command>(
  command: C,
  packet: ResponsePacket<C>,
  options: PacketOptions = {},
): Buffer {
  const content = contentOf(command, 'response', packet)
  const head = encodeResponseHead(command, packet as ResponseOf<C>, content?.length ?? 0, options)
  return content === undefined ? head : Buffer.concat([head, content])
}

/** The header and fields of a request whose content of `contentSize` bytes follows on its own. */
export function encodeRequestHead<C extends Command>(
  command: C,
  values: RequestOf<C>,
  contentSize: number,
  options: PacketOptions = {},
): Buffer {
  return encodeHead(command, command.request, values, command.number, contentSize, options)
}

/** The header and fields of a response whose content of `contentSize` bytes follows on its own. */
export function encodeResponseHead<C extends Command>(
  command: C,
  values: ResponseOf<C>,
  contentSize: number,
  options: PacketOptions = {},
): Buffer {
  return encodeHead(command, command.response, values, RESPONSE_COMMAND, contentSize, options)
}

/**
 * A response that is a status alone.
 *
 * @throws InvalidArgumentError when it is no byte
 */
export function encodeStatus(status: number): Buffer {
  const packet = Buffer.allocUnsafe(HEADER_SIZE)
  writeHeader(packet, { length: 0, command: RESPONSE_COMMAND, status })
  return packet
}

/**
 * The fields of a whole request, and its content where it carries one. Both `content` and fields of bytes are views
 * of `packet`.
 *
 * @throws ProtocolError when the packet is not one of this command, or bytes are missing or left over
 */
export function decodeRequest<C extends Command>(
  command: C,
  packet: Uint8Array,
  options: PacketOptions = {},
): DecodedRequest<C> {
  const { header, body } = open(packet, command)
  if (header.command !== command.number) throw wrongCommand(command, header.command, command.number)
  return decodeBody(
    command,
    command.request,
    body,
    command.content === 'request',
    options,
  ) as DecodedRequest<C>
}

/**
 * The fields of a whole response, and its content where it carries one. Says nothing about the status: a response
 * whose status is not 0 has no fields; see {@link decodeHeader} and `statusToError`.
 *
 * @throws ProtocolError when the packet is not a response of this command, or bytes are missing or left over
 */
export function decodeResponse<C extends Command>(
  command: C,
  packet: Uint8Array,
  options: PacketOptions = {},
): DecodedResponse<C> {
  const { header, body } = open(packet, command)
  if (header.command !== RESPONSE_COMMAND) throw wrongCommand(command, header.command, RESPONSE_COMMAND)
  return decodeBody(
    command,
    command.response,
    body,
    command.content === 'response',
    options,
  ) as DecodedResponse<C>
}

/**
 * The fields of a request before its content, when the content is still to come: as a server reads them, whose texts
 * end at a NUL (protocol.md §1.1).
 */
export function decodeRequestFields<C extends Command>(
  command: C,
  fields: Buffer,
  contentSize: number,
  dialect?: Dialect,
): RequestOf<C> {
  const context = { command: command.name, contentSize, endsAtNul: true }
  return command.request.read(fields, context, dialect) as RequestOf<C>
}

/** The fields of a response's body. */
export function decodeResponseFields<C extends Command>(
  command: C,
  body: Buffer,
  dialect?: Dialect,
): ResponseOf<C> {
  return command.response.read(body, { command: command.name, contentSize: 0 }, dialect) as ResponseOf<C>
}

function encodeHead(
  command: Command,
  struct: Struct<Shape>,
  values: object,
  number: number,
  contentSize: number,
  { dialect = LATEST, status = 0 }: PacketOptions,
): Buffer {
  try {
    if (!Number.isSafeInteger(contentSize) || contentSize < 0) {
      throw new InvalidArgumentError('the size of the content must be a whole number of bytes')
    }
    const size = struct.measure(values, dialect)
    const packet = Buffer.allocUnsafe(HEADER_SIZE + size)
    writeHeader(packet, { length: size + contentSize, command: number, status })
    struct.write(values, packet, HEADER_SIZE, dialect, contentSize)
    return packet
  } catch (error) {
    if (error instanceof InvalidArgumentError) {
      throw new InvalidArgumentError(error.message, { command: command.name, cause: error })
    }
    throw error
  }
}

function decodeBody(
  command: Command,
  struct: Struct<Shape>,
  body: Buffer,
  hasContent: boolean,
  { dialect }: PacketOptions,
): object {
  const context = { command: command.name, contentSize: 0 }
  if (!hasContent) return struct.read(body, context, dialect)
  // No layout with content depends on the server, so any dialect tells where the content begins.
  const prefix = struct.prefixSize(dialect ?? LATEST)
  if (body.length < prefix) {
    throw new ProtocolError(`a body of ${body.length} bytes is shorter than its ${prefix} bytes of fields`, {
      command: command.name,
    })
  }
  const fieldsSize = struct.sizeBeforeContent(body.subarray(0, prefix), dialect ?? LATEST)
  if (body.length < fieldsSize) {
    throw new ProtocolError(`a body of ${body.length} bytes ends within its ${fieldsSize} bytes of fields`, {
      command: command.name,
    })
  }
  const contentSize = body.length - fieldsSize
  const values = struct.read(body.subarray(0, fieldsSize), { ...context, contentSize }, dialect)
  return { ...values, content: body.subarray(fieldsSize) }
}

function open(packet: Uint8Array, command: Command): { header: Header; body: Buffer } {
  const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
  const header = decodeHeader(buffer)
  const body = buffer.subarray(HEADER_SIZE)
  if (header.length !== body.length) {
    throw new ProtocolError(`the header says ${header.length} bytes of body, here are ${body.length}`, {
      command: command.name,
    })
  }
  return { header, body }
}

function contentOf(command: Command, side: Content, packet: object): Uint8Array | undefined {
  if (command.content !== side) return undefined
  const content: unknown = (packet as { content: unknown } | null)?.content
  if (!(content instanceof Uint8Array)) {
    throw new InvalidArgumentError(`content must be a Uint8Array, not ${typeof content}`, {
      command: command.name,
    })
  }
  return content
}

function wrongCommand(command: Command, found: number, expected: number): ProtocolError {
  return new ProtocolError(`the header's command is ${found}, expected ${expected}`, {
    command: command.name,
  })
}
