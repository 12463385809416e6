import { InvalidArgumentError } from 'commander'
import type { ReplicationMode } from '../server/index.js'

/** Reads a flag that is a whole number within a range. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`it must be a whole number from ${min} to ${max}.`)
    }
    return value
  }
}

const UNITS = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const

/** Reads a flag that is a size: a number of bytes, or with K, M, G or T behind it. */
export function size(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([KMGT]?)B?$/i.exec(text) ?? []
  const bytes = Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS]
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError('it must be a size such as 500M or 2G.')
  return bytes
}

/** Reads a flag that is a size or a share of one: `20%`. */
export function reservedSpace(text: string): number | `${number}%` {
  const [, share] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? []
  return share === undefined ? size(text) : `${Number(share)}%`
}

/** Reads a flag that is a time. */
export function time(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('it must be a time such as 2026-01-31 or 2026-01-31T12:00:00Z.')
  }
  return date
}

/** Reads how many bytes an address has. */
export function addressSize(text: string): 16 | 46 {
  if (text !== '16' && text !== '46') throw new InvalidArgumentError('it must be 16 or 46.')
  return Number(text) as 16 | 46
}

/** Reads when storages tell each other of changes. */
export function replication(text: string): ReplicationMode {
  if (text === 'now' || text === 'manual') return text
  if (!/^\d+$/.test(text))
    throw new InvalidArgumentError('it must be now, manual, or a number of milliseconds.')
  return { delay: Number(text) }
}

/** Gathers a flag that may be given several times. */
export function gathered(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}
