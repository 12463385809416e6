import { inspect } from 'node:util'
import type { ErrorDetails } from '../errors.js'
import { InvalidArgumentError } from '../errors.js'

/** Makes the error of a check; options of a client and arguments of a call differ in it. */
export type Refuse = (message: string, details?: ErrorDetails) => Error

/** The error of a wrong argument. */
export const refuseArgument: Refuse = (message, details) => new InvalidArgumentError(message, details)

/** Refuses names that are none of `known`, with the one that may have been meant. */
export function checkNames(
  given: object,
  known: readonly string[],
  what: string,
  refuse = refuseArgument,
): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const similar = known.find((candidate) => distance(name.toLowerCase(), candidate.toLowerCase()) <= 2)
    const hint = similar === undefined ? `known are ${known.join(', ')}` : `did you mean ${similar}?`
    throw refuse(`${what} has no option ${JSON.stringify(name)}: ${hint}`)
  }
}

/** Refuses what is no whole number of at least `min`. */
export function checkInteger(value: unknown, name: string, min: number, refuse = refuseArgument): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    throw refuse(`${name} must be a whole number of at least ${min}, not ${show(value)}`)
  }
  return value
}

/** Refuses what is no number of milliseconds above 0; Infinity is one. */
export function checkDuration(value: unknown, name: string, refuse = refuseArgument): number {
  if (typeof value !== 'number' || !(value > 0)) {
    throw refuse(`${name} must be a number of milliseconds above 0, not ${show(value)}`)
  }
  // Node's timers fire at once for anything longer.
  return value > MAX_TIMER ? MAX_TIMER : value
}

const MAX_TIMER = 2 ** 31 - 1

/** Refuses what is none of some words. */
export function checkWord<T extends string>(
  value: unknown,
  name: string,
  words: readonly T[],
  refuse = refuseArgument,
): T {
  if (words.includes(value as T)) return value as T
  throw refuse(`${name} must be ${words.join(', ')}, not ${show(value)}`)
}

/** Refuses what is neither true nor false. */
export function checkBoolean(value: unknown, name: string, refuse = refuseArgument): boolean {
  if (typeof value !== 'boolean') throw refuse(`${name} must be true or false, not ${show(value)}`)
  return value
}

/** Refuses what is no function. */
export function checkFunction<F>(value: F, name: string, refuse = refuseArgument): F {
  if (typeof value !== 'function') throw refuse(`${name} must be a function, not ${show(value)}`)
  return value
}

/** Refuses what is no AbortSignal; looks at what it can do, since another realm's has another class. */
export function checkSignal(value: unknown): void {
  if (value === undefined) return
  const signal = (value ?? {}) as Partial<AbortSignal>
  if (typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    throw new InvalidArgumentError(`signal must be an AbortSignal, not ${show(value)}`)
  }
}

/** Refuses what is no group name. */
export function checkGroup(group: unknown): void {
  if (typeof group !== 'string' || !/^[0-9A-Za-z]{1,16}$/.test(group)) {
    throw new InvalidArgumentError(`a group is 1 to 16 letters and digits, not ${show(group)}`)
  }
}

/** Refuses what is no storage ID, nor an address in the place of one. */
export function checkStorageId(id: unknown): void {
  if (typeof id !== 'string' || !/^[-.:\w]{1,15}$/.test(id)) {
    throw new InvalidArgumentError(`a storage ID is 1 to 15 letters, digits and - . : _, not ${show(id)}`)
  }
}

/** A value as it stands in messages. */
export function show(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 60 })
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** A path as it stands in messages: whole, since a path cut short leads nobody to the file. */
export const showPath = (path: string): string => JSON.stringify(path)

/** How many letters must be added, removed or replaced to make `a` from `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
