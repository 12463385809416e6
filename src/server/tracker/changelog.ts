import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import type { Member } from './member.js'

/** Bytes of lines in one reply at most: what real storages have room for. */
const MAX_READ = 8 * 1024 - 10

/** What became of storages that are gone for good, for the others to read (protocol.md §4.2, 77). */
export class Changelog {
  readonly #lines: string[] = []
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The offset behind the last line. */
  get end(): number {
    return this.#lines.length
  }

  /** Notes the status that a storage has now. */
  add(group: string, { id, status }: Member): void {
    // The last field is for the new ID of one whose address has changed, which IDs make impossible.
    this.#lines.push(`${unixSeconds(this.#clock)} ${group} ${id} ${status} \n`)
  }

  /** The lines that a storage has not read yet, as many as fit a reply. */
  readFor(member: Member): string {
    let lines = ''
    for (let line; (line = this.#lines[member.changelogOffset]) !== undefined; member.changelogOffset++) {
      if (lines.length + line.length > MAX_READ) break
      lines += line
    }
    return lines
  }
}
