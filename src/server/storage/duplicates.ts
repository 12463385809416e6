import { createHash } from 'node:crypto'
import { log } from '../../observe/log.js'
import { readName } from '../name-facts.js'
import type { Log, Store } from '../stores/store.js'

/** The names of the stored copies, one in each line. */
const FILE = 'sync/originals.log'

/** A stored copy: nobody is told its name, and clients get links to it. */
interface Original {
  /** Its size and CRC32. */
  readonly key: string
  readonly links: Set<string>
}

/**
 * The stored copies that this storage has made, so that one serves all files of equal content (protocol.md §3.7). Those
 * of other storages are theirs: they go with the last link, wherever that is deleted.
 */
export class Duplicates {
  readonly #store: Store
  readonly #originals = new Map<string, Original>()
  /** By size and CRC32: names of stored copies. */
  readonly #names = new Map<string, Set<string>>()
  #log: Log | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Takes in what is there. */
  async open(pathCount: number): Promise<void> {
    await this.close()
    this.#originals.clear()
    this.#names.clear()
    const { own } = this.#store
    for (const name of (await own.read(FILE))?.toString('latin1').split('\n') ?? []) {
      const stat = name === '' ? undefined : await this.#store.stat(name)
      if (stat !== undefined) this.#note(name, stat.size, readName(name).crc32)
    }
    const kept = [...this.#originals.keys()].map((name) => `${name}\n`)
    try {
      await own.write(FILE, Buffer.from(kept.join(''), 'latin1'))
    } catch (error) {
      // The old one does as well: what is not there any more is passed over.
      log.server('%s: %o', FILE, error)
    }
    this.#log = await own.log(FILE)
    if (kept.length === 0) return
    for (let index = 0; index < pathCount; index++) {
      for await (const name of this.#store.list(index)) {
        const source = (await this.#store.stat(name))?.source
        if (source !== undefined) this.addLink(source, name)
      }
    }
  }

  /** Ends. */
  async close(): Promise<void> {
    await this.#log?.close()
    this.#log = undefined
  }

  /** A stored copy of that content, in the same store path; undefined where there is none. */
  async find(storePathIndex: number, size: number, crc32: number, hash: string): Promise<string | undefined> {
    for (const name of this.#names.get(keyOf(size, crc32)) ?? []) {
      if (Number.parseInt(name.slice(1, 3), 16) !== storePathIndex) continue
      if ((await this.#hashOf(name)) === hash) return name
    }
    return undefined
  }

  /** Whether it is a stored copy. */
  has(name: string): boolean {
    return this.#originals.has(name)
  }

  /** Notes a stored copy, before it gets its name. */
  async add(name: string, size: number, crc32: number): Promise<void> {
    await this.#log?.append(Buffer.from(`${name}\n`, 'latin1'))
    this.#note(name, size, crc32)
  }

  /** Notes a link, to whatever it is. */
  addLink(source: string, link: string): void {
    this.#originals.get(source)?.links.add(link)
  }

  /** A link has been removed; whether it was the last one of a stored copy. */
  removeLink(source: string, link: string): boolean {
    const original = this.#originals.get(source)
    return original !== undefined && original.links.delete(link) && original.links.size === 0
  }

  /** Whether a stored copy has links. */
  isLinked(name: string): boolean {
    return (this.#originals.get(name)?.links.size ?? 0) > 0
  }

  /** A file has been removed: perhaps a stored copy. */
  remove(name: string): void {
    const original = this.#originals.get(name)
    if (original === undefined) return
    this.#originals.delete(name)
    const names = this.#names.get(original.key)
    names?.delete(name)
    if (names?.size === 0) this.#names.delete(original.key)
  }

  #note(name: string, size: number, crc32: number): void {
    const key = keyOf(size, crc32)
    this.#originals.set(name, { key, links: new Set() })
    let names = this.#names.get(key)
    if (names === undefined) this.#names.set(key, (names = new Set()))
    names.add(name)
  }

  async #hashOf(name: string): Promise<string | undefined> {
    const file = await this.#store.read(name)
    if (file === undefined) return undefined
    const hash = createHash('sha1')
    const content = await file.content(0, file.size)
    if (content instanceof Uint8Array) hash.update(content)
    else for await (const chunk of content) hash.update(chunk)
    return hash.digest('hex')
  }
}

function keyOf(size: number, crc32: number): string {
  return `${size}:${crc32}`
}
