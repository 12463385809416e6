import { ConfigError } from '../../errors.js'
import { show } from '../check.js'
import type { Setting } from './settings.js'

/** A time of day in a configuration file. */
export interface TimeOfDay {
  readonly hour: number
  readonly minute: number
  readonly second: number
}

const refuse = ({ place, name, value }: Setting, expected: string): ConfigError =>
  new ConfigError(`${place}: ${name} must be ${expected}, not ${show(value)}`)

/** True for true, yes, on and 1, in any case of letters; false for everything else, as in libfastcommon. */
export function readBoolean({ value }: Setting): boolean {
  return /^(?:true|yes|on|1)$/i.test(value.trim())
}

/**
 * Reads a whole number. What follows it is ignored, as in libfastcommon, where a line may end in `5 # seconds`;
 * a value without a number, which is 0 there, is refused.
 */
export function readInteger(setting: Setting): number {
  const number = Number(/^\s*([+-]?\d+)/.exec(setting.value)?.[1] ?? NaN)
  if (!Number.isSafeInteger(number)) throw refuse(setting, 'a whole number')
  return number
}

const UNITS = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const

/**
 * Reads a size in bytes: a number, and K, M, G or T with or without B, in any case of letters.
 *
 * @param defaultUnit - the bytes of a unit where none is named; each name has its own
 */
export function readBytes(setting: Setting, defaultUnit = 1): number {
  const match = /^\+?(\d+)[ \t]*(?:([KMGT])B?)?$/i.exec(setting.value.trim())
  const unit = match?.[2]?.toUpperCase() as keyof typeof UNITS | undefined
  const bytes = Number(match?.[1] ?? NaN) * (unit === undefined ? defaultUnit : UNITS[unit])
  if (!Number.isSafeInteger(bytes)) throw refuse(setting, 'a size such as 256K, 64 MB or 1G')
  return bytes
}

/** Reads a time of day: `HH:MM` or `HH:MM:SS`. */
export function readTimeOfDay(setting: Setting): TimeOfDay {
  const match = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?$/.exec(setting.value.trim())
  const [hour = NaN, minute = NaN, second = NaN] = match?.slice(1).map((part) => Number(part ?? 0)) ?? []
  if (!(hour < 24 && minute < 60 && second < 60)) throw refuse(setting, 'a time HH:MM or HH:MM:SS')
  return { hour, minute, second }
}
