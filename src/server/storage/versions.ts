import { log } from '../../observe/log.js'
import { readName } from '../name-facts.js'
import type { Log, OwnFiles } from '../stores/store.js'

/** Which of the changes of a file it has come from last. */
export interface Version {
  /** Unix seconds of that change, by the clock of the storage that made it. */
  readonly timestamp: number
  /** That storage. Empty where a change was not taken over as a whole: any other one is greater. */
  readonly origin: string
  /** Whether the change was the file's removal. */
  readonly deleted: boolean
}

const FILE = 'sync/versions.log'
const LINE = /^(\d+) (\S*) ([-+?!]) (\S+)$/
/** The file is written anew when it has so many more lines than twice the versions. */
const STALE_LINES = 10_000

/** Whether `a` wins over `b`: two changes of one file at two storages have no other order. */
export function isGreater(a: Version, b: Version): boolean {
  return a.timestamp !== b.timestamp ? a.timestamp > b.timestamp : a.origin > b.origin
}

/**
 * The version of each file that was changed after it was made, or removed. Of all other files it is told by the name: a
 * name is given once, by one storage. Kept over restarts, with the names of the files that were being changed.
 */
export class Versions {
  readonly #own: OwnFiles
  /** Of files that are there. */
  readonly #present = new Map<string, Version>()
  /** Of files that are not, in the order in which they were removed. */
  readonly #removed = new Map<string, Version>()
  /** Files whose change has begun and not ended, with the storage that it comes from. */
  readonly #changing = new Map<string, string>()
  #log: Log | undefined
  /** Lines in the file. */
  #lineCount = 0
  /** The lines of the next write, and its promise. */
  #lines: string[] = []
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(own: OwnFiles) {
    this.#own = own
  }

  /** Opens the file; returns those that were being changed when this storage was killed, with where that came from. */
  async open(): Promise<ReadonlyMap<string, string>> {
    this.#present.clear()
    this.#removed.clear()
    this.#changing.clear()
    const file = await this.#own.log(FILE)
    this.#log = file
    const text = (await file.read(0, file.size)).toString('latin1')
    const lines = text.split('\n')
    // What follows the last line feed was not finished.
    const torn = (lines.pop() ?? '').length
    for (const line of lines) this.#read(line)
    if (torn > 0) await file.truncate(file.size - torn)
    this.#lineCount = lines.length
    await this.#tidy()
    return new Map(this.#changing)
  }

  /** Closes the file, once all is written. */
  async close(): Promise<void> {
    // Whoever has added a line hears that it could not be written.
    await this.#next?.catch(() => {})
    await this.#last
    await this.#log?.close()
    this.#log = undefined
  }

  /** Forgets all versions. No file may be being changed. */
  async clear(): Promise<void> {
    const wasOpen = this.#log !== undefined
    await this.close()
    await this.#own.remove(FILE)
    if (wasOpen) await this.open()
  }

  /** The version of a file, also of one that was removed; undefined where nothing but its name can tell. */
  find(name: string): Version | undefined {
    return this.#present.get(name) ?? this.#removed.get(name)
  }

  /** The version of a file that is there. */
  of(name: string): Version {
    return this.find(name) ?? originalOf(name)
  }

  /** Notes a version; resolves when that is written. */
  set(name: string, version: Version): Promise<void> {
    this.#put(name, version)
    return this.#append(format(name, version, version.deleted ? '-' : '+'))
  }

  /** Forgets a file that nobody else knows of. */
  async forget(name: string): Promise<void> {
    const version = this.find(name)
    if (version === undefined) return
    this.#present.delete(name)
    this.#removed.delete(name)
    await this.#append(format(name, version, '!'))
  }

  /** The files that were removed, as far as somebody may not have heard of it, the oldest first. */
  removals(): Iterable<readonly [name: string, version: Version]> {
    return this.#removed
  }

  /** Forgets the oldest removals, up to the first that somebody may not have heard of. */
  forgetRemovals(isHeard: (name: string, version: Version) => boolean): void {
    for (const [name, version] of this.#removed) {
      if (!isHeard(name, version)) return
      this.#removed.delete(name)
      // Where this is not written it is remembered a little longer.
      this.#append(format(name, version, '!')).catch(() => {})
    }
  }

  /** Notes that a file is about to be changed by `origin`; resolves when that is written. */
  begin(name: string, origin: string): Promise<void> {
    this.#changing.set(name, origin)
    return this.#append(format(name, { timestamp: 0, origin }, '?'))
  }

  /** Notes that a file has not been changed after all. */
  cancel(name: string): void {
    this.#changing.delete(name)
    const version = this.of(name)
    // Only to take back the line of `begin`: without this one a restart finds that the file was being changed.
    void this.#append(format(name, version, '+')).catch(() => {})
  }

  #read(line: string): void {
    const [, timestamp, origin = '', state, name = ''] = LINE.exec(line) ?? []
    if (name === '') return
    if (state === '?') this.#changing.set(name, origin)
    else this.#put(name, { timestamp: Number(timestamp), origin, deleted: state === '-' })
    if (state !== '!') return
    this.#present.delete(name)
    this.#removed.delete(name)
  }

  #put(name: string, version: Version): void {
    this.#changing.delete(name)
    this.#removed.delete(name)
    if (version.deleted) {
      this.#present.delete(name)
      this.#removed.set(name, version)
    } else this.#present.set(name, version)
  }

  /** Writes the file anew once most of its lines say nothing any more. */
  async #tidy(): Promise<void> {
    if (this.#lineCount <= 2 * (this.#present.size + this.#removed.size) + STALE_LINES) return
    try {
      await this.#rewrite()
    } catch (error) {
      log.server('%s: %o', FILE, error)
      // The old one does as well, for so many lines more.
      this.#lineCount = 0
    }
  }

  async #rewrite(): Promise<void> {
    const lines: string[] = []
    for (const [name, version] of this.#present) lines.push(format(name, version, '+'))
    for (const [name, version] of this.#removed) lines.push(format(name, version, '-'))
    for (const [name, origin] of this.#changing) lines.push(format(name, { timestamp: 0, origin }, '?'))
    await this.#own.write(FILE, Buffer.from(lines.join(''), 'latin1'))
    const stale = this.#log
    this.#log = undefined
    await stale?.close()
    this.#log = await this.#own.log(FILE)
    this.#lineCount = lines.length
  }

  /** Lines that come while others are written go together. */
  #append(line: string): Promise<void> {
    this.#lines.push(line)
    this.#next ??= this.#last.then(async () => {
      const lines = this.#lines
      this.#lines = []
      this.#last = this.#next?.catch(() => {}) ?? this.#last
      this.#next = undefined
      if (this.#log === undefined) throw new Error(`${FILE} is closed`)
      await this.#log.append(Buffer.from(lines.join(''), 'latin1'))
      this.#lineCount += lines.length
      await this.#tidy()
    })
    return this.#next
  }
}

/** The version that a file has before its first change. */
function originalOf(name: string): Version {
  const { source, createdAt } = readName(name)
  return { timestamp: createdAt, origin: source, deleted: false }
}

function format(
  name: string,
  { timestamp, origin }: Pick<Version, 'timestamp' | 'origin'>,
  state: string,
): string {
  return `${timestamp} ${origin} ${state} ${name}\n`
}
