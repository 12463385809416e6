import { ConfigError } from '../../errors.js'
import { show } from '../check.js'

/** Refuses what is no encoding that TextDecoder knows; its names for the common ones are Java's too. */
export function checkEncoding(label: string): string {
  try {
    new TextDecoder(label)
  } catch (cause) {
    throw new ConfigError(`${show(label)} is not the name of a known encoding`, { cause })
  }
  return label
}
