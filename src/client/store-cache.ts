import type { StoreTarget } from './trackers.js'

/** The storages of one group, as a tracker has listed them. */
export interface StoreGroup {
  readonly group: string
  readonly targets: readonly StoreTarget[]
}

/** What trackers have said about one question. */
interface Answers {
  /** When it is forgotten, by `performance.now()`. */
  readonly until: number
  readonly groups: StoreGroup[]
  /** Answers in a row that named no further group. */
  repeated: number
  /** Whose turn it is. */
  next: number
}

/**
 * Remembers for a moment where uploads can go, and sends them there in turn: to each group, and within a group to each
 * storage, as a tracker does. It asks on until no tracker names a further group, so a tracker that balances by free
 * space keeps naming the one that it wants.
 */
export class StoreCache {
  readonly #ttl: number
  readonly #isUsable: (target: StoreTarget) => boolean
  /** By the group that was asked about; undefined where the trackers choose one. */
  readonly #answers = new Map<string | undefined, Answers>()
  /** Whose turn it is in each group, also when what was remembered of it is forgotten. */
  readonly #turns = new Map<string, number>()
  #clearedAt = -Infinity

  /**
   * @param ttl - milliseconds that an answer is used for
   * @param isUsable - leaves out storages that have failed
   */
  constructor(ttl: number, isUsable: (target: StoreTarget) => boolean) {
    this.#ttl = ttl
    this.#isUsable = isUsable
  }

  /**
   * Where the next upload goes; undefined where a tracker is to be asked.
   *
   * @param trackers - how many there are: each goes through the groups by itself
   */
  next(group: string | undefined, trackers: number): StoreTarget | undefined {
    const answers = this.#answers.get(group)
    if (answers === undefined) return undefined
    if (performance.now() >= answers.until) {
      this.#answers.delete(group)
      return undefined
    }
    const { groups, repeated } = answers
    if (group === undefined && repeated < trackers) return undefined
    for (let i = 0; i < groups.length; i++) {
      const target = this.nextOf(groups[answers.next++ % groups.length] as StoreGroup)
      if (target !== undefined) return target
    }
    return undefined
  }

  /** The storage of a group whose turn it is; undefined where none is usable. */
  nextOf({ group, targets }: StoreGroup): StoreTarget | undefined {
    // Many clients that start together must not all begin with the same one.
    const turn = this.#turns.get(group) ?? Math.floor(Math.random() * targets.length)
    this.#turns.set(group, turn + 1)
    for (let i = 0; i < targets.length; i++) {
      const target = targets[(turn + i) % targets.length] as StoreTarget
      if (this.#isUsable(target)) return target
    }
    return undefined
  }

  /**
   * Takes a tracker's answer, unless all was forgotten since it was asked.
   *
   * @param group - that was asked about
   * @param askedAt - by `performance.now()`
   */
  add(group: string | undefined, answer: StoreGroup, askedAt: number): void {
    if (askedAt <= this.#clearedAt) return
    let answers = this.#answers.get(group)
    if (answers === undefined) {
      answers = { until: askedAt + this.#ttl, groups: [], repeated: 0, next: 0 }
      this.#answers.set(group, answers)
    }
    if (answers.groups.some((known) => known.group === answer.group)) {
      answers.repeated++
    } else {
      answers.repeated = 0
      answers.groups.push(answer)
    }
  }

  /** Forgets everything: some of it was wrong. */
  clear(): void {
    this.#answers.clear()
    this.#clearedAt = performance.now()
  }
}
