const LINE = /^\s*(\w+)\s*=\s*(.*?)\s*$/

/** Lines of `key=value`: what servers keep of themselves, and what trackers tell storages. */
export class Items {
  readonly #values = new Map<string, string>()

  /** Takes in a text; what is no item is passed over. */
  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, key, value] = LINE.exec(line) ?? []
      if (key !== undefined && value !== undefined) this.#values.set(key, value)
    }
  }

  /** All of them. */
  [Symbol.iterator](): Iterator<[key: string, value: string]> {
    return this.#values.entries()
  }

  /** A value; empty where there is none. */
  text(key: string): string {
    return this.#values.get(key) ?? ''
  }

  /** A whole number of at most fifteen digits; undefined where there is none: files may be damaged. */
  number(key: string): number | undefined {
    const text = this.text(key)
    return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined
  }
}
