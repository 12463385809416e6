import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Tracker } from '../../src/server/index.js'
import { OWN_HOST } from '../support/own-host.js'
import { bytes, RawClient } from './raw.js'
import {
  appendBody,
  GROUP,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  truncateBody,
  uploadBody,
} from './group.js'

const STORAGES = 3
const KILLS = 6
const PROGRAM = join(__dirname, 'plain-node', 'storage.mts')

/** A storage in a process of its own. */
class Process {
  readonly #id: number
  readonly #folder: string
  readonly #trackerPort: number
  #child: ChildProcess | undefined
  #lines: AsyncIterator<string> | undefined
  port = 0

  constructor(id: number, folder: string, trackerPort: number) {
    this.#id = id
    this.#folder = folder
    this.#trackerPort = trackerPort
  }

  async start(): Promise<void> {
    const args = ['--import', 'tsx', PROGRAM, this.#id, OWN_HOST, this.port, this.#folder, this.#trackerPort]
    this.#child = spawn(process.execPath, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface(this.#child.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]()
    this.port = Number((await this.#line()).split(' ')[1])
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async replicate(): Promise<void> {
    this.#child?.stdin?.write('replicate\n')
    await this.#line()
  }

  async files(): Promise<Record<string, string>> {
    const folder = join(this.#folder, 'store_path0', 'data')
    const found: Record<string, string> = {}
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) found[path.slice(folder.length + 1)] = (await readFile(path)).toString('latin1')
    }
    return found
  }

  async #line(): Promise<string> {
    const { value } = (await this.#lines?.next()) as IteratorResult<string, undefined>
    if (value === undefined) throw new Error('the storage has ended')
    return value
  }
}

/** Sends requests until it is stopped, and keeps in mind what was acknowledged. */
class Load {
  readonly kept = new Map<string, string>()
  readonly removed = new Set<string>()
  acknowledged = 0
  #stopped = false
  readonly #appenders: string[] = []

  async run(processes: readonly Process[], worker: number): Promise<void> {
    for (let i = worker; !this.#stopped; i++) {
      const { port } = processes[i % processes.length] as Process
      try {
        await this.#act(port, i)
        this.acknowledged++
      } catch {
        // The storage was killed: nobody knows whether this one was done.
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async #act(port: number, i: number): Promise<void> {
    const raw = await RawClient.connect(port, OWN_HOST)
    try {
      const ask = (command: number, body: Buffer) => raw.ask(command, body)
      const content = `${i} `.repeat(1 + (i % 50))
      const name = nameIn(await ask(11, uploadBody(content)))
      this.kept.set(name, content)
      if (i % 3 === 0) await ask(13, metadataBody(name, 'O', `i\x02${i}`))
      if (i % 5 === 0) await ask(21, slaveBody(name, '_s', content))
      if (i % 7 === 0) {
        this.kept.delete(name)
        if ((await ask(12, bytes(GROUP, name))).status === 0) this.removed.add(name)
      }
      if (i % 4 === 0) this.#appenders.push(nameIn(await ask(23, uploadBody(content))))
      const appender = this.#appenders[i % (this.#appenders.length + 1)]
      if (appender !== undefined) {
        await ask(24, appendBody(appender, content))
        await ask(34, modifyBody(appender, 1, 'modified'))
        if (i % 2 === 0) await ask(36, truncateBody(appender, i % 40))
      }
    } finally {
      raw.close()
    }
  }
}

it('loses nothing that was acknowledged, and converges, while its members are killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-crash-'))
  const tracker = new Tracker()
  await tracker.start()
  const processes = Array.from(
    { length: STORAGES },
    (_, i) => new Process(100001 + i, join(folder, String(i)), tracker.port),
  )
  try {
    for (const each of processes) await each.start()
    const load = new Load()
    const workers = [0, 1, 2, 3].map((worker) => load.run(processes, worker))
    for (let i = 0; i < KILLS; i++) {
      const before = load.acknowledged
      while (load.acknowledged < before + 100) await new Promise((resolve) => setImmediate(resolve))
      const victim = processes[i % STORAGES] as Process
      await victim.kill()
      await victim.start()
    }
    load.stop()
    await Promise.all(workers)
    for (let round = 0; round < 3; round++) await Promise.all(processes.map((each) => each.replicate()))
    const [first = {}, ...others] = await Promise.all(processes.map((each) => each.files()))
    for (const files of others) expect(files).toEqual(first)
    for (const [name, content] of load.kept) expect(first[name.slice(4)]).toBe(content)
    for (const name of load.removed) expect(first[name.slice(4)]).toBeUndefined()
    expect(load.acknowledged).toBeGreaterThan(KILLS * 100)
  } finally {
    for (const each of processes) await each.kill()
    await tracker.stop()
    await rm(folder, { recursive: true })
  }
}, 400_000)
