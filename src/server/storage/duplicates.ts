import { createHash } from 'node:crypto'
import { readName } from '../name-facts.js'
import type { Log, Store } from '../stores/store.js'

/** Names with a CRC32 that means nothing, each behind the CRC32 of its content. */
const FILE = 'sync/links.log'

/** Finds files of equal content, so that one copy serves all of them (protocol.md §3.7). */
export class Duplicates {
  readonly #store: Store
  /** Names of files, by size and CRC32. */
  readonly #names = new Map<string, Set<string>>()
  readonly #keys = new Map<string, string>()
  #links: Log | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Takes in what is there: the name of a file that never changes tells its CRC32. */
  async open(pathCount: number): Promise<void> {
    this.#names.clear()
    this.#keys.clear()
    const { own } = this.#store
    const links = readLinks((await own.read(FILE))?.toString('latin1') ?? '')
    const kept: string[] = []
    for (let index = 0; index < pathCount; index++) {
      for await (const name of this.#store.list(index)) {
        const facts = readName(name)
        const stat = facts.normal ? await this.#store.stat(name) : undefined
        if (stat === undefined) continue
        const crc32 = links.get(name)
        if (crc32 !== undefined) kept.push(lineOf(name, crc32))
        this.add(name, stat.size, crc32 ?? facts.crc32)
      }
    }
    await own.write(FILE, Buffer.from(kept.join(''), 'latin1'))
    this.#links = await own.log(FILE)
  }

  /** Ends. */
  async close(): Promise<void> {
    await this.#links?.close()
    this.#links = undefined
  }

  /** A file of that content, in the same store path; undefined where there is none. */
  async find(storePathIndex: number, size: number, crc32: number, hash: string): Promise<string | undefined> {
    for (const name of this.#names.get(`${size}:${crc32}`) ?? []) {
      if (Number.parseInt(name.slice(1, 3), 16) !== storePathIndex) continue
      if ((await this.#hashOf(name)) === hash) return name
    }
    return undefined
  }

  /** Notes a file. */
  add(name: string, size: number, crc32: number): void {
    const key = `${size}:${crc32}`
    this.#keys.set(name, key)
    let names = this.#names.get(key)
    if (names === undefined) this.#names.set(key, (names = new Set()))
    names.add(name)
  }

  /** Notes a link to a file. */
  async addLink(name: string, size: number, crc32: number): Promise<void> {
    this.add(name, size, crc32)
    await this.#links?.append(Buffer.from(lineOf(name, crc32), 'latin1'))
  }

  /** A file has been removed. */
  remove(name: string): void {
    const key = this.#keys.get(name)
    if (key === undefined) return
    this.#keys.delete(name)
    const names = this.#names.get(key)
    names?.delete(name)
    if (names?.size === 0) this.#names.delete(key)
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

function lineOf(name: string, crc32: number): string {
  return `${crc32} ${name}\n`
}

function readLinks(text: string): Map<string, number> {
  const links = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, crc32, name] = /^(\d+) (\S+)$/.exec(line) ?? []
    if (name !== undefined) links.set(name, Number(crc32))
  }
  return links
}
