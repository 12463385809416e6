/** Lines of `key=value`: what storages keep of themselves, and what trackers tell them. */
export class Items {
  readonly #values: ReadonlyMap<string, string>

  /** Takes in a text; what is no item is passed over. */
  constructor(text: string) {
    this.#values = new Map(text.split('\n').map((line) => line.split('=', 2) as [string, string]))
  }

  /** A value; empty where there is none. */
  text(key: string): string {
    return this.#values.get(key)?.trim() ?? ''
  }

  /** A whole number of at most fifteen digits; undefined where there is none: files may be damaged. */
  number(key: string): number | undefined {
    const text = this.text(key)
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }
}
