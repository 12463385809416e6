/**
 * The fields that packets are made of, as plain data. `layout.ts` reads and writes them.
 *
 * All numbers are big-endian. Text is latin1, so that any byte comes back as it was; NUL ends a fixed-width text
 * field, and what stands behind it is ignored (protocol.md §1.1).
 */
import type { Dialect } from './dialect.js'
import { IPV4_SIZE, IPV6_SIZE, isAtLeast } from './dialect.js'

/** A width in bytes, where it differs from server to server as a function of the dialect. */
export type Size = number | ((dialect: Dialect) => number)

/** What a field is to the caller: a value, a value that may be absent, or derived from others and not seen. */
export type Role = 'value' | 'optional' | 'derived'

/** How a field is read and written. */
export type Kind =
  | 'u8'
  | 'i8'
  | 'bool'
  | 'i32'
  | 'i64'
  | 'port'
  | 'crc32'
  | 'str'
  | 'text'
  | 'textz'
  | 'bytes'
  | 'lengthOf'
  | 'countOf'
  | 'contentSize'
  | 'flagsOf'
  | 'struct'
  | 'list'
  | 'slots'

/** The fields of a packet or record, in the order of the wire. */
export type Shape = Readonly<Record<string, Field>>

/** One field. Made by the functions of this module only. */
export interface Field<out T = unknown, out R extends Role = Role> {
  /** How it is read and written. */
  readonly kind: Kind
  /** Bytes; 0 where the value or the rest of the body decides. */
  readonly size: Size
  /** For `lengthOf` and `countOf`: the field whose length or count this is. */
  readonly ref?: string
  /** For `flagsOf`: the bit that says that a field is there. */
  readonly bits?: Readonly<Record<string, number>>
  /** For `struct` and `list`: the fields within. */
  readonly shape?: Shape
  /** For `list` and `slots`: the most items there can be. */
  readonly max?: number
  /** In layouts of this version and newer only. */
  readonly since?: string
  /** In layouts older than this version only. */
  readonly before?: string
  /** Absent when the body ends before it. */
  readonly trailing?: boolean
  /** Type only. */
  readonly type?: T
  /** Type only. */
  readonly role?: R
}

type Value<T> = Field<T, 'value'>

/** The object that a shape stands for. */
export type ValuesOf<S extends Shape> = Simplify<
  { [K in keyof S as S[K] extends Value<unknown> ? K : never]: TypeOf<S[K]> } & {
    [K in keyof S as S[K] extends Field<unknown, 'optional'> ? K : never]?: TypeOf<S[K]> | undefined
  }
>
type TypeOf<F> = F extends Field<infer T> ? T : never
type Simplify<T> = { [K in keyof T]: T[K] } & {}

/** An unsigned byte. */
export const u8 = (): Value<number> => ({ kind: 'u8', size: 1 })
/** A signed byte. */
export const i8 = (): Value<number> => ({ kind: 'i8', size: 1 })
/** A byte, 0 or 1. */
export const bool = (): Value<boolean> => ({ kind: 'bool', size: 1 })
/** A signed 32-bit number. */
export const i32 = (): Value<number> => ({ kind: 'i32', size: 4 })
/** A signed 64-bit number; one outside the safe integers is a ProtocolError. */
export const i64 = (): Value<number> => ({ kind: 'i64', size: 8 })
/** A CRC32 as servers send it: sign-extended to 64 bits (§3.6); the value is the unsigned number. */
export const crc32Field = (): Value<number> => ({ kind: 'crc32', size: 8 })
/** Text of a fixed width, padded with NUL. */
export const str = (size: Size): Value<string> => ({ kind: 'str', size })
/** A 64-bit number from 1 to 65535; any other is a ProtocolError, and tells layouts of the same length apart. */
export const port = (): Value<number> => ({ kind: 'port', size: 8 })
/**
 * Text up to the end of the body, or as long as a {@link lengthOf} says.
 *
 * @param size - a fixed width in the dialects where it is not 0
 */
export const text = (size: Size = 0): Value<string> => ({ kind: 'text', size })
/** Text up to the end of the body, with a NUL behind it. */
export const terminatedText = (): Value<string> => ({ kind: 'textz', size: 0 })
/** Bytes up to the end of the body, or as many as a {@link lengthOf} says. */
export const bytes = (): Value<Buffer> => ({ kind: 'bytes', size: 0 })
/** A 64-bit number, the length in bytes of the field `ref`. */
export const lengthOf = (ref: string): Field<never, 'derived'> => ({ kind: 'lengthOf', size: 8, ref })
/** A number of `size` bytes, the count of items of the field `ref`. */
export const countOf = (ref: string, size: 1 | 4 | 8): Field<never, 'derived'> => ({
  kind: 'countOf',
  size,
  ref,
})
/** A 64-bit number, the size of the content that follows the fields: exactly what is left of the body. */
export const contentSize = (): Field<never, 'derived'> => ({ kind: 'contentSize', size: 8 })
/** A byte that says by its bits which of the fields named are there. */
export const flagsOf = (bits: Readonly<Record<string, number>>): Field<never, 'derived'> => ({
  kind: 'flagsOf',
  size: 1,
  bits,
  trailing: true,
})
/** Fields within a field. */
export const struct = <S extends Shape>(shape: S): Value<ValuesOf<S>> => ({ kind: 'struct', size: 0, shape })
/** Records of one layout, up to the end of the body or as many as a {@link countOf} says. */
export const list = <S extends Shape>(shape: S, max: number): Value<ValuesOf<S>[]> => ({
  kind: 'list',
  size: 0,
  shape,
  max,
})
/** Texts in slots of `size` bytes each, padded with NUL; where `size` is 0, lines ended by `\n`. Counted by a {@link countOf}. */
export const slots = (size: Size, max: number): Value<string[]> => ({ kind: 'slots', size, max })

/** A field of layouts of `version` and newer. */
export const since = <T>(version: string, field: Value<T>): Field<T, 'optional'> => ({
  ...(field as Field<T> as Field<T, 'optional'>),
  since: version,
})
/** A field of layouts older than `version`. */
export const before = <T>(version: string, field: Value<T> | Field<T, 'optional'>): Field<T, 'optional'> => ({
  ...(field as Field<T> as Field<T, 'optional'>),
  before: version,
})
/** A field that a body may end before. */
export const trailing = <T>(field: Value<T>): Field<T, 'optional'> => ({
  ...(field as Field<T> as Field<T, 'optional'>),
  trailing: true,
})
/** A field whose presence a {@link flagsOf} tells. */
export const flagged = <T>(field: Value<T>): Field<T, 'optional'> => field as Field<T> as Field<T, 'optional'>

/** An address in a record: 16 or 46 bytes as the server is set (§1.3). */
export const recordAddress = (): Value<string> => str((dialect) => dialect.addressSize)
/** An address in a query's reply: one byte less than in a record. */
export const replyAddress = (): Value<string> => str((dialect) => dialect.addressSize - 1)
/** An address between servers: 46 bytes since V6.11, whatever the setting. */
export const serverAddress = (): Value<string> =>
  str((dialect) => (isAtLeast(dialect, '6.11') ? IPV6_SIZE : IPV4_SIZE))
/** A server's version: 6 bytes up to V6.11, then 8; may be without a NUL. */
export const versionText = (): Value<string> => str((dialect) => (isAtLeast(dialect, '6.12') ? 8 : 6))
