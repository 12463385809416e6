import { ConfigError } from '../../errors.js'

/** A value in a configuration file, and where it stands. */
export interface Setting {
  readonly name: string
  readonly value: string
  /** `file:line`. */
  readonly place: string
  /** Why the value cannot be used; no matter as long as nobody asks for it. */
  readonly fault?: string | undefined
}

/** What a configuration file, or a section of one, says. */
export class Settings {
  readonly #byName = new Map<string, Setting[]>()

  constructor(settings: Iterable<Setting>) {
    for (const setting of settings) {
      const same = this.#byName.get(setting.name)
      if (same === undefined) this.#byName.set(setting.name, [setting])
      else same.push(setting)
    }
  }

  /** All names, in the order in which they come first. */
  get names(): readonly string[] {
    return [...this.#byName.keys()]
  }

  /** Every value that a name is given, in order. */
  all(name: string): readonly Setting[] {
    const settings = this.#byName.get(name) ?? []
    for (const { place, fault } of settings) {
      if (fault !== undefined) throw new ConfigError(`${place}: ${name} ${fault}`)
    }
    return settings
  }

  /** The value of a name; the last one where it has several, as in libfastcommon and in Java's properties. */
  get(name: string): Setting | undefined {
    return this.all(name).at(-1)
  }
}
