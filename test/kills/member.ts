import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { OWN_HOST } from '../support/own-host.js'

const ROOT = join(import.meta.dirname, '../..')

/** A tracker or a storage in a process of its own; it comes back to the port it had. */
export class Member {
  port = 0
  readonly #args: readonly string[]
  #child: ChildProcess | undefined

  constructor(args: readonly string[]) {
    this.#args = args
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const args = [...this.#args, '--host', OWN_HOST, '--port', String(this.port)]
    this.#child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(this.#child.stdout as NodeJS.ReadableStream)
    const [line] = (await Promise.race([once(lines, 'line'), once(this.#child, 'exit')])) as [unknown]
    const port = typeof line === 'string' ? /:(\d+)/.exec(line)?.[1] : undefined
    if (port === undefined) throw new Error(`${args.join(' ')} has ended: ${String(line)}`)
    this.port = Number(port)
  }

  /** Kills it (-9). */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}
