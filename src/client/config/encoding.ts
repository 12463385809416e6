import { ConfigError } from '../../errors.js'
import type { Refuse } from '../check.js'
import { show } from '../check.js'

/** Refuses what is no encoding that TextDecoder knows; its names for the common ones are Java's too. */
export function checkEncoding(label: string, refuse: Refuse = refuseOption): string {
  try {
    new TextDecoder(label)
  } catch (cause) {
    throw refuse(`${show(label)} is not the name of a known encoding`, { cause })
  }
  return label
}

/** Refuses what metadata cannot be in: all but the encodings and `raw`. */
export function checkMetadataEncoding(value: unknown, refuse: Refuse = refuseOption): string {
  if (typeof value !== 'string') throw refuse(`metadataEncoding must be a text, not ${show(value)}`)
  return value === 'raw' ? value : checkEncoding(value, refuse)
}

const refuseOption: Refuse = (message, details) => new ConfigError(message, details)
