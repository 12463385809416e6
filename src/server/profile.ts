import { ConfigError } from '../errors.js'
import { isAtLeast } from '../protocol/dialect.js'
import type { Dialect } from '../protocol/index.js'

/** Versions of FastDFS that an embedded server can answer as. */
export type Profile = 'V5.11' | 'V6.06' | 'V6.12' | 'V6.16'

/** How each of them writes (protocol.md §1.3, §11): V6.12 with wide addresses, as it is built by default. */
export const PROFILES: Readonly<Record<Profile, Dialect>> = {
  'V5.11': { version: '5.11', addressSize: 16 },
  'V6.06': { version: '6.06', addressSize: 16 },
  'V6.12': { version: '6.12.2', addressSize: 46 },
  'V6.16': { version: '6.16.1', addressSize: 16 },
}

/**
 * How a server writes that answers as a version.
 *
 * @param addressSize - bytes of an address; as many as that version has by default where it is left out
 * @throws ConfigError for wide addresses of a version that does not know them (protocol.md §1.3)
 */
export function dialectOf(profile: Profile = 'V6.16', addressSize?: Dialect['addressSize']): Dialect {
  const dialect = PROFILES[profile]
  if (addressSize === 46 && !isAtLeast(dialect, '6.11')) {
    throw new ConfigError(`addresses of 46 bytes came with V6.11: ${profile} has 16`)
  }
  return { ...dialect, addressSize: addressSize ?? dialect.addressSize }
}
