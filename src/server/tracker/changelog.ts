import type { Clock } from '../clock.js'
import { unixSeconds } from '../clock.js'
import type { Member } from './member.js'

/** Bytes of lines in one reply at most: what real storages have room for. */
const MAX_READ = 8 * 1024 - 10

/** What became of storages that are gone for good, for the others to read (protocol.md §4.2, 77). */
export class Changelog {
  #text = ''
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** All lines. */
  get text(): string {
    return this.#text
  }

  /** Takes over lines that were kept. */
  set text(text: string) {
    this.#text = text
  }

  /** The offset behind the last line. */
  get end(): number {
    return this.#text.length
  }

  /** Notes the status that a storage has now; of one whose address has changed, what its ID is now. */
  add(group: string, { id, status }: Member, newId = ''): void {
    this.#text += `${unixSeconds(this.#clock)} ${group} ${id} ${status} ${newId}\n`
  }

  /** The lines that a storage has not read yet, as many as fit a reply. */
  readFor(member: Member): string {
    const rest = this.#text.slice(member.changelogOffset)
    const lines = rest.length <= MAX_READ ? rest : rest.slice(0, rest.lastIndexOf('\n', MAX_READ - 1) + 1)
    member.changelogOffset += lines.length
    return lines
  }
}
