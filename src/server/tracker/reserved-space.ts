import { ConfigError } from '../../errors.js'

const BYTES_PER_MB = 1024 * 1024

/** Space in MB. */
export interface DiskSpace {
  readonly totalMb: number
  readonly freeMb: number
}

/** What uploads leave free on a storage (protocol.md §6). */
export interface ReservedSpace {
  /** As in a tracker.conf, and in the answer to 75. */
  readonly text: string
  /** MB of a storage with that much space in all. */
  mbOf(totalMb: number): number
  /** Whether uploads may go to where so much is left: to one of `paths` paths, or to all together. */
  allows(space: DiskSpace, paths?: number): boolean
}

/** Reads the option: bytes, or a share as `'20%'`. */
export function reservedSpaceOf(value: number | string): ReservedSpace {
  if (typeof value === 'string') return share(value)
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(value)
  const reservedMb = Math.floor(value / BYTES_PER_MB)
  return {
    text: `${reservedMb}MB`,
    mbOf: () => reservedMb,
    allows: ({ freeMb }, paths = 1) => freeMb > Math.floor(reservedMb / paths),
  }
}

function share(text: string): ReservedSpace {
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1])
  if (!(percent > 0 && percent < 100)) throw invalid(text)
  const ratio = percent / 100
  return {
    text: `${percent.toFixed(2)}%`,
    mbOf: (totalMb) => Math.floor(totalMb * ratio),
    allows: ({ totalMb, freeMb }) => totalMb > 0 && freeMb / totalMb > ratio,
  }
}

function invalid(value: unknown): ConfigError {
  return new ConfigError(
    `reservedStorageSpace must be a number of bytes, or a share above 0% and below 100% such as '20%', not ${JSON.stringify(value)}`,
  )
}
