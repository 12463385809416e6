import type { Clock } from '../clock.js'
import type { MaybePromise } from '../maybe-promise.js'
import { Items } from '../items.js'
import type { Store } from '../stores/store.js'
import type { DiskSpace, ReservedSpace } from '../tracker/reserved-space.js'
import { reservedSpaceOf } from '../tracker/reserved-space.js'

/** Milliseconds for which what was found is believed: uploads do not ask the system each time. */
const FRESH = 1_000
const MB = 1024 * 1024

/** What a storage has from its trackers about where uploads may go (protocol.md §4.3). */
export interface SpaceRules {
  /** What is left free. */
  readonly reserved: ReservedSpace
  /** Whether a storage that may choose takes the path with the most free space, not each in turn. */
  readonly mostFree: boolean
}

/** Reads the answer to 75. */
export function spaceRulesOf(text: string): SpaceRules {
  const items = new Items(text)
  const reserved = items.text('reserved_storage_space')
  const megabytes = Number.parseInt(reserved, 10) || 0
  return {
    reserved: reservedSpaceOf(/^\d+(\.\d+)?%$/.test(reserved) && megabytes > 0 ? reserved : megabytes * MB),
    mostFree: items.text('store_path') === '2',
  }
}

/** The space of each store path, and which of them uploads go to. */
export class Space {
  readonly #store: Store
  readonly #pathCount: number
  readonly #readOnly: readonly number[]
  readonly #clock: Clock
  #rules: SpaceRules = { reserved: reservedSpaceOf(0), mostFree: false }
  #paths: readonly DiskSpace[] = []
  #askedAt = -Infinity
  #next = 0

  /** @param readOnly - the store paths that new files do not go to */
  constructor(store: Store, pathCount: number, readOnly: readonly number[], clock: Clock) {
    this.#store = store
    this.#pathCount = pathCount
    this.#readOnly = readOnly
    this.#clock = clock
  }

  /** A tracker has told the rules. */
  set rules(rules: SpaceRules) {
    this.#rules = rules
  }

  /** The space of all paths, as of now. */
  async report(): Promise<readonly DiskSpace[]> {
    const paths: DiskSpace[] = []
    for (let index = 0; index < this.#pathCount; index++) {
      const { total, free } = await this.#store.space(index)
      paths.push({ totalMb: Math.floor(total / MB), freeMb: Math.floor(free / MB) })
    }
    this.#askedAt = this.#clock.now()
    return (this.#paths = paths)
  }

  /** Whether new files go elsewhere than to a path, but for slaves, which stay beside their masters. */
  isReadOnly(index: number): boolean {
    return this.#readOnly.includes(index)
  }

  /** Whether a file of `size` bytes may go to a path. */
  allows(index: number, size: number): MaybePromise<boolean> {
    const age = this.#clock.now() - this.#askedAt
    // Negative where the clock was set back.
    if (age >= 0 && age < FRESH) return this.#fits(index, size)
    return this.report().then(() => this.#fits(index, size))
  }

  /** The path for a file that may go to any: undefined where none has room. */
  async choose(size: number): Promise<number | undefined> {
    await this.allows(0, size)
    const indexes = this.#paths.map((_, index) => index)
    if (this.#rules.mostFree) {
      indexes.sort((a, b) => (this.#paths[b]?.freeMb ?? 0) - (this.#paths[a]?.freeMb ?? 0))
    } else {
      indexes.push(...indexes.splice(0, this.#next))
      this.#next = (this.#next + 1) % this.#pathCount
    }
    return indexes.find((index) => !this.isReadOnly(index) && this.#fits(index, size))
  }

  #fits(index: number, size: number): boolean {
    const { totalMb, freeMb } = this.#paths[index] as DiskSpace
    const left = freeMb - Math.floor(size / MB)
    return this.#rules.reserved.allows({ totalMb, freeMb: left }, this.#pathCount)
  }
}
