import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** What a child answers to each request. */
export type Reply<A> = { readonly result: A } | { readonly error: string }

/** Milliseconds that a child has for an answer, and to end: far more than it takes, but some clients never do. */
const LIMIT = 120_000
const END_LIMIT = 20_000
/** Asks a child for the CPU it has used. */
const USAGE = 'usage'

/** A process that answers one request at a time. */
export class Child<Q extends object, A> {
  readonly #process: ChildProcess

  constructor(script: string, args: readonly string[], execArgv: readonly string[] = []) {
    // Nothing of tsx, which runs this process, in the one that is measured.
    const env = { ...process.env, NODE_OPTIONS: '' }
    this.#process = fork(script, [...args], { execArgv: [...execArgv], env })
  }

  /** Whether it has ended, or was killed because it did not answer. */
  get isGone(): boolean {
    const { exitCode, signalCode, killed } = this.#process
    return exitCode !== null || signalCode !== null || killed
  }

  ask(request: Q): Promise<A> {
    return this.#ask(request)
  }

  /** Seconds of CPU that it has used, on all its threads. */
  usage(): Promise<number> {
    return this.#ask(USAGE)
  }

  #ask<R>(request: Q | typeof USAGE): Promise<R> {
    return new Promise((resolve, reject) => {
      const what = `the process that was to ${JSON.stringify(request)}`
      if (!this.#process.connected) return reject(new Error(`${what} is gone`))
      const end = (settle: () => void) => (): void => {
        clearTimeout(timer)
        this.#process.off('exit', onExit)
        this.#process.off('message', onMessage)
        settle()
      }
      const onExit = end(() => reject(new Error(`${what} is gone`)))
      const onMessage = (reply: Reply<R>): void =>
        end(() => ('error' in reply ? reject(new Error(reply.error)) : resolve(reply.result)))()
      const timer = setTimeout(
        end(() => {
          this.#process.kill('SIGKILL')
          reject(new Error(`${what} has not answered for ${LIMIT / 1000} s`))
        }),
        LIMIT,
      )
      this.#process.once('exit', onExit)
      this.#process.once('message', onMessage)
      this.#process.send(request)
    })
  }

  /** It ends by itself when nobody listens any more. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_LIMIT)
    await exited
    clearTimeout(timer)
  }
}

/** Answers requests in the child, and calls `end` when the parent is gone. */
export function answer<Q, A>(handle: (request: Q) => Promise<A>, end: () => Promise<void>): void {
  // A Ctrl-C reaches the whole group; the parent decides when its children end.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  process.on('message', (request: Q | typeof USAGE) => {
    if (request === USAGE) {
      const { user, system } = process.cpuUsage()
      process.send?.({ result: (user + system) / 1e6 } satisfies Reply<number>)
      return
    }
    handle(request).then(
      (result) => process.send?.({ result } satisfies Reply<A>),
      (error: Error) => process.send?.({ error: error.stack ?? error.message } satisfies Reply<A>),
    )
  })
  process.on('disconnect', () => {
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
}
