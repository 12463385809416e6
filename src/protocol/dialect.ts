import { InvalidArgumentError } from '../errors.js'

/**
 * What the layout of a packet depends on: the server's version and the width of its address fields.
 *
 * A server writes in its own dialect. A client does not know it and reads by length: the layouts of every dialect
 * in {@link DIALECTS} are tried (protocol.md §1.3).
 */
export interface Dialect {
  /** The server's version as `major.minor` or `major.minor.patch`, without the V. */
  readonly version: string
  /** Bytes of an address field in records; one less in replies (§1.3). */
  readonly addressSize: 16 | 46
}

/** What this package writes when nobody asks for something else: the newest version, addresses that every client knows. */
export const LATEST: Dialect = { version: '6.16.1', addressSize: 16 }

/** Bytes of an IPv4 address field, a NUL included. */
export const IPV4_SIZE = 16
/** Bytes of an IPv6 address field, a NUL included. */
export const IPV6_SIZE = 46

/** One dialect for every layout there is (§11), in the order in which a reader tries them. */
export const DIALECTS: readonly Dialect[] = [
  LATEST,
  { version: '6.16.1', addressSize: IPV6_SIZE },
  { version: '6.15.0', addressSize: IPV4_SIZE },
  { version: '6.15.0', addressSize: IPV6_SIZE },
  { version: '6.13.1', addressSize: IPV6_SIZE },
  { version: '6.12.0', addressSize: IPV6_SIZE },
  { version: '6.11.0', addressSize: IPV6_SIZE },
  { version: '6.03', addressSize: IPV4_SIZE },
  { version: '6.00', addressSize: IPV4_SIZE },
  { version: '5.11', addressSize: IPV4_SIZE },
  { version: '6.13.0', addressSize: IPV6_SIZE },
  // Should anyone have built these two without IPv6 (§2.4).
  { version: '6.12.0', addressSize: IPV4_SIZE },
  { version: '6.13.0', addressSize: IPV4_SIZE },
]

const ranks = new Map<string, number>()

/** A version as one comparable number: `6.12.2` → 61202, `5.11` → 51100. Minor versions are decimal text (6.03 < 6.1 never occurs). */
function rank(version: string): number {
  let value = ranks.get(version)
  if (value === undefined) {
    const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
    value = major * 10_000 + minor * 100 + patch
    if (Number.isNaN(value)) {
      throw new InvalidArgumentError(
        `${JSON.stringify(version)} is no version: expected major.minor or major.minor.patch`,
      )
    }
    ranks.set(version, value)
  }
  return value
}

/** Whether a dialect's version is `version` or newer. */
export function isAtLeast(dialect: Dialect, version: string): boolean {
  return rank(dialect.version) >= rank(version)
}
