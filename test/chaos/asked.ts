/** Which storage a call has asked: the client does not tell its caller, but whoever listens to its channels. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestTrace } from '../../src/observe/channels.js'
import { channels } from '../../src/observe/channels.js'

const current = new AsyncLocalStorage<Asked>()

channels.request.start.subscribe((trace) => current.getStore()?.note(trace as RequestTrace))

/** The storage that was asked last to carry out a command. */
export class Asked {
  /** As `host:port`; undefined before any was. */
  storage: string | undefined
  readonly #command: string

  constructor(command: string) {
    this.#command = command
  }

  /** Makes a call, and notes whom it asks. */
  by<T>(call: () => Promise<T>): Promise<T> {
    return current.run(this, call)
  }

  /** A request begins. */
  note({ command, endpoint }: RequestTrace): void {
    if (command === this.#command) this.storage = endpoint
  }
}
