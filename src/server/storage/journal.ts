import { log } from '../../observe/log.js'
import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import type { Binlog, Entry, Operation } from './binlog.js'
import type { Version, Versions } from './versions.js'
import { isGreater } from './versions.js'

/** What a change in place has come to. */
export interface Changed {
  readonly operation: Operation
  readonly extra: readonly (string | number)[]
  /** Takes it back, where that is possible: its record could not be written. */
  readonly undo?: () => unknown
}

/** Seconds that other storages' clocks may be ahead and move this one's. */
const MAX_STEP = 60

/**
 * Through this every change of a file goes, so that the binlog, the versions and the files never contradict each other,
 * whenever the process is killed. Changes of one name must come one after the other.
 */
export class Journal {
  /** This storage, as the others know it. */
  readonly id: string
  readonly #binlog: Binlog
  readonly #versions: Versions
  readonly #clock: Clock
  readonly #isAlone: () => boolean
  readonly #onDoubt: (name: string) => void
  /** By file, in their order: where the record of its last change here begins in the binlog. */
  readonly #lastChanges = new Map<string, number>()
  #start = 0
  #lastTimestamp = 0

  /**
   * @param isAlone - whether no other storage of the group can tell of older changes
   * @param onDoubt - called with a file that may not be what the others are told: a step of its change has failed
   */
  constructor(
    id: string,
    binlog: Binlog,
    versions: Versions,
    clock: Clock,
    isAlone: () => boolean,
    onDoubt: (name: string) => void,
  ) {
    this.#isAlone = isAlone
    this.#onDoubt = onDoubt
    this.id = id
    this.#binlog = binlog
    this.#versions = versions
    this.#clock = clock
  }

  /** Where the record of a file's last change here begins in the binlog; of those before the start, not before it. */
  lastChangeOf(name: string): number {
    return this.#lastChanges.get(name) ?? this.#start
  }

  /** Whether a change of a file here is known that has come after the record at a position. */
  hasLaterChange(name: string, start: number): boolean {
    return (this.#lastChanges.get(name) ?? 0) > start
  }

  /**
   * The binlog is open.
   *
   * @param tail - its last records
   */
  open(tail: readonly Entry[]): void {
    this.#start = this.#binlog.end
    this.#lastChanges.clear()
    // The clock may have been set back in the meantime; where it was far ahead, that is not to go on.
    const last = tail.reduce((latest, { timestamp }) => Math.max(latest, timestamp), 0)
    if (last - unixSeconds(this.#clock) <= MAX_STEP) this.#lastTimestamp = Math.max(this.#lastTimestamp, last)
    for (const { source, operation, name, start } of tail) {
      if (source && operation !== 'C') this.#noteChange(name, start)
    }
  }

  /** All other storages have been told of the records before a position: what is kept for them is forgotten. */
  drop(position: number): void {
    for (const [name, start] of this.#lastChanges) {
      if (start >= position) break
      this.#lastChanges.delete(name)
    }
    this.#binlog.drop(position)
  }

  /**
   * A file gets its name here for the first time: that needs no version. The record is written first: a file without
   * one would be here alone for good.
   */
  async create(name: string, apply: () => unknown): Promise<void> {
    await this.#record(this.#now(), 'C', name, [], apply)
  }

  /** A link gets its name here for the first time, which is like that of a file. */
  async createLink(name: string, source: string, apply: (timestamp: number) => unknown): Promise<void> {
    const timestamp = this.#now()
    await this.#record(timestamp, 'L', name, [source], () => apply(timestamp))
  }

  /** A file or a link is put in the place of another, or removed, as a whole. */
  async replace<T>(
    operation: Operation,
    name: string,
    apply: (timestamp: number) => T | Promise<T>,
    extra: readonly string[] = [],
  ): Promise<T> {
    const timestamp = this.#timestampFor(name)
    const version = { timestamp, origin: this.id, deleted: operation === 'D' }
    return this.#record(timestamp, operation, name, extra, async () => {
      await this.#note(name, version)
      return this.#done([name], () => apply(timestamp))
    })
  }

  /** A file gets another name, which nothing had before. */
  async rename<T>(oldName: string, newName: string, apply: () => T | Promise<T>): Promise<T> {
    const timestamp = this.#timestampFor(oldName)
    return this.#record(timestamp, 'R', newName, [oldName], async () => {
      await this.#note(oldName, { timestamp, origin: this.id, deleted: true })
      return this.#done([oldName, newName], apply)
    })
  }

  /**
   * A file is changed in place. Its name is noted first: a restart passes on whatever was done by then.
   *
   * @param apply - gives undefined where it has changed nothing
   * @param touch - sets the time of the file's last change
   */
  async change(
    name: string,
    apply: () => Promise<Changed | undefined>,
    touch: (timestamp: number) => unknown,
  ): Promise<void> {
    await this.#versions.begin(name, this.id)
    const changed = await apply()
    if (changed === undefined) return this.#versions.cancel(name)
    // On top of another storage's change, which not all may have yet, only the whole file will do.
    const ownBefore = this.#versions.of(name).origin === this.id
    const { operation, extra } = ownBefore ? changed : { operation: 'U' as const, extra: [] }
    const timestamp = this.#timestampFor(name)
    try {
      await touch(timestamp)
      await this.#record(timestamp, operation, name, extra.map(String), () => {})
    } catch (error) {
      this.#onDoubt(name)
      await changed.undo?.()
      throw error
    }
    // Once the record is there: until then a restart must find that the file was being changed.
    this.#versions.set(name, { timestamp, origin: this.id, deleted: false }).catch(() => {})
  }

  /** A change that came from another storage, which is told that it is done only afterwards. */
  async copy(
    operation: Operation,
    name: string,
    { timestamp, origin, versioned = true }: { timestamp: number; origin: string; versioned?: boolean },
    extra: readonly (string | number)[] = [],
  ): Promise<void> {
    if (versioned) await this.#versions.set(name, { timestamp, origin, deleted: operation === 'D' })
    const pending = this.#binlog.append({
      timestamp,
      operation,
      source: false,
      name,
      extra: extra.map(String),
    })
    // Nobody depends on this one: the source has its own.
    pending.written.catch(() => {})
    pending.show()
  }

  /**
   * Notes the version that a record makes. Where that fails the record is done all the same: the others get it, and so
   * does a restart.
   */
  async #note(name: string, version: Version): Promise<void> {
    const forgotten = version.deleted && this.#isAlone()
    try {
      await (forgotten ? this.#versions.forget(name) : this.#versions.set(name, version))
    } catch (error) {
      log.server('%s: %o', name, error)
    }
  }

  /** Does what a record says already. */
  async #done<T>(names: readonly string[], apply: () => T | Promise<T>): Promise<T> {
    try {
      return await apply()
    } catch (error) {
      for (const name of names) this.#onDoubt(name)
      throw error
    }
  }

  async #record<T>(
    timestamp: number,
    operation: Operation,
    name: string,
    extra: readonly string[],
    apply: () => T | Promise<T>,
  ): Promise<T> {
    const pending = this.#binlog.append({ timestamp, operation, source: true, name, extra })
    if (operation !== 'C' && !this.#isAlone()) this.#noteChange(name, pending.start)
    try {
      await pending.written
      return await apply()
    } finally {
      pending.show()
    }
  }

  #noteChange(name: string, start: number): void {
    this.#lastChanges.delete(name)
    this.#lastChanges.set(name, start)
  }

  /** A clock that is set back stands still here: the binlog is in the order of its timestamps. */
  #now(): number {
    this.#lastTimestamp = Math.max(this.#lastTimestamp, unixSeconds(this.#clock))
    return this.#lastTimestamp
  }

  /** Makes this change greater than the one before, wherever that came from. */
  #timestampFor(name: string): number {
    const before = this.#versions.of(name)
    let timestamp = this.#now()
    const own = { timestamp, origin: this.id, deleted: false }
    if (isGreater(before, own)) timestamp = before.timestamp + (before.origin > this.id ? 1 : 0)
    // A name that was made up may tell of any time: that must not move the clock.
    if (timestamp - this.#lastTimestamp <= MAX_STEP) this.#lastTimestamp = timestamp
    return timestamp
  }
}
