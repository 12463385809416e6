import { ConfigError } from '../../errors.js'
import { show } from '../check.js'
import type { Setting } from './settings.js'

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
