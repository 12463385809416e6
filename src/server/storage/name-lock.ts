import { fileOfMetadata } from './logic-name.js'

/** Lets changes of one file and of its metadata happen one after the other, while others go on. */
export class NameLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs `task` when all earlier ones of that file have ended. */
  async run<T>(fileName: string, task: () => T | Promise<T>): Promise<T> {
    const name = fileOfMetadata(fileName)
    const turn = (this.#tails.get(name) ?? Promise.resolve()).then(task, task)
    this.#tails.set(name, turn)
    try {
      return await turn
    } finally {
      if (this.#tails.get(name) === turn) this.#tails.delete(name)
    }
  }
}
