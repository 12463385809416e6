/** Lets callers wait for a condition: it is tested when they ask and after each change, never by polling. */
export class Watchers {
  readonly #checks = new Set<() => void>()

  /** Something has changed. */
  notify(): void {
    for (const check of this.#checks) check()
  }

  /** Resolves when `holds` does. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return
        this.#checks.delete(check)
        resolve()
      }
      this.#checks.add(check)
      check()
    })
  }
}
