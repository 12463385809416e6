import { ConfigError } from '../../errors.js'
import { show } from '../check.js'

/** Refuses what is no group name (protocol.md §1.2). */
export function checkGroupName(name: unknown): string {
  if (typeof name !== 'string' || !/^[0-9A-Za-z]{1,16}$/.test(name)) {
    throw new ConfigError(`a group's name is 1 to 16 letters and digits, not ${show(name)}`)
  }
  return name
}
