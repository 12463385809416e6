/** What a server does about each command: handlers by the command's name, looked up by its number. */
import type { Command, RequestOf, ResponseOf, Shape } from '../protocol/index.js'
import { findCommand, LATEST } from '../protocol/index.js'
import type { Content } from './content.js'
import type { MaybePromise } from './maybe-promise.js'

/** Bytes of a file that answer a request: in one piece, or chunks that are each valid until the next is asked for. */
export interface ContentReply {
  /** Exactly how many bytes there are. */
  readonly size: number
  /** The bytes. */
  readonly content: Buffer | AsyncIterable<Buffer>
}

/** An answer: the fields of a response with status 0, or a status other than 0 alone. */
export type Reply<C> =
  C extends Command<Shape, Shape, 'response'> ? ContentReply | number : ResponseOf<C> | number

/** What a handler may know beside the request's fields. */
export interface Exchange<X> {
  /** What the server keeps about this connection. */
  readonly context: X
  /** The header's status byte. */
  readonly flags: number
  /** Bytes of the request, header excluded: texts that end at a NUL are shorter than what they came in. */
  readonly bodySize: number
  /** The bytes behind the fields, for commands that carry content. */
  readonly content: Content
}

/** Answers one command. What it throws becomes status 5. */
export type Handler<C, X> = (request: RequestOf<C>, exchange: Exchange<X>) => MaybePromise<Reply<C>>

/** Handlers of some of the commands of `T`, by name. */
export type HandlersOf<T, X> = { readonly [K in keyof T]?: Handler<T[K], X> }

/** A command with its handler. */
export interface Route<X> {
  readonly command: Command
  readonly handle: (request: never, exchange: Exchange<X>) => MaybePromise<object | number>
  /** Bytes of a request's fields before those whose length they tell. */
  readonly prefixSize: number
  /** Answers instead, before the request is read, whatever its length; undefined where there is nothing against it. */
  readonly refuse: ((context: X) => number | undefined) | undefined
  /** Whether peers of every version send it: its layout is told by its length. */
  readonly anyVersion: boolean
}

/** What some routes have beside a handler, by the command's name. */
export interface RouteOptions<X> {
  /** See {@link Route}. */
  readonly refuse?: Readonly<Record<string, (context: X) => number | undefined>>
  /** See {@link Route}. */
  readonly anyVersion?: readonly string[]
}

/** Routes by the command's number. */
export type Routes<X> = readonly (Route<X> | undefined)[]

/** Puts handlers in the order of their numbers. */
export function routesOf<X>(
  server: 'tracker' | 'storage',
  handlers: Readonly<Record<string, Route<X>['handle'] | undefined>>,
  { refuse = {}, anyVersion = [] }: RouteOptions<X> = {},
): Routes<X> {
  return Array.from({ length: 256 }, (_, number) => {
    const command = findCommand(server, number)
    const handle = command && handlers[command.name]
    return (
      handle && {
        command,
        handle,
        prefixSize: command.request.prefixSize(LATEST),
        refuse: refuse[command.name],
        anyVersion: anyVersion.includes(command.name),
      }
    )
  })
}
