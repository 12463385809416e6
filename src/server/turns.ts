/** Lets tasks happen one after the other: a stop waits for the start before it. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Runs `task` when all earlier ones have ended. */
  take(task: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(task, task)
    return this.#last
  }
}
