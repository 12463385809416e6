import { randomOf } from '../differential/random.js'
import {
  appendBody,
  GROUP,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  truncateBody,
  uploadBody,
} from '../server/group.js'
import { bytes, RawClient, type RawResponse } from '../server/raw.js'
import { OWN_HOST } from '../support/own-host.js'
import type { Member } from './member.js'

/** What a file may hold: undefined where it may be gone. More than one after a request whose answer was cut off. */
type Contents = Set<string | undefined>

/** A file of one worker, changed only where it was uploaded, as the trackers would have it. */
interface File {
  name: string
  readonly storage: Member
  readonly appender: boolean
  contents: Contents
  metadata: Contents
}

/** Files that a worker still changes; the others stay as they are. */
const KEPT = 20

/** Sends requests until it is stopped, and keeps in mind what was acknowledged. */
export class Load {
  acknowledged = 0
  cut = 0
  /** By command and status. */
  readonly refused = new Map<string, number>()
  readonly #files: File[] = []
  /** Appenders that are changed at any storage: which change wins is not said, but all must agree. */
  readonly #shared: string[] = []
  #stopped = false

  /** Files that are known. */
  get size(): number {
    return this.#files.length + this.#shared.length
  }

  stop(): void {
    this.#stopped = true
  }

  async run(storages: readonly Member[], seed: number): Promise<void> {
    const worker = new Worker(randomOf(seed), storages, this, this.#files, this.#shared)
    while (!this.#stopped) {
      await worker.act()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** What is not as it was acknowledged. */
  faults(held: Record<string, string>): string[] {
    return this.#files.flatMap(({ name, contents, metadata }) => {
      const own = name.slice('M00/'.length)
      const faults: string[] = []
      if (!contents.has(held[own])) faults.push(`${name}: ${tell(held[own])} instead of ${tellAll(contents)}`)
      else if (held[own] !== undefined && !metadata.has(held[`${own}-m`])) {
        faults.push(`${name}: metadata ${tell(held[`${own}-m`])} instead of ${tellAll(metadata)}`)
      }
      return faults
    })
  }
}

/** One client. */
class Worker {
  readonly #random: (limit: number) => number
  readonly #storages: readonly Member[]
  readonly #load: Load
  readonly #all: File[]
  readonly #shared: string[]
  #own: File[] = []
  #count = 0

  constructor(
    random: (limit: number) => number,
    storages: readonly Member[],
    load: Load,
    all: File[],
    shared: string[],
  ) {
    this.#random = random
    this.#storages = storages
    this.#load = load
    this.#all = all
    this.#shared = shared
  }

  async act(): Promise<void> {
    const file = this.#pick(this.#own)
    const content = `${this.#count++} `.repeat(1 + this.#random(this.#random(20) === 0 ? 20_000 : 50))
    const kind = this.#random(12)
    if (file === undefined || kind < 3) await this.#upload(content, kind === 0)
    else if (kind === 3) await this.#slave(file, content)
    else if (kind === 4) await this.#delete(file)
    else if (kind < 7) await this.#setMetadata(file, content.slice(0, 200))
    else if (kind === 7) await this.#changeShared(content)
    else if (file.appender) await this.#changeAppender(file, content)
    this.#own = this.#own.slice(-KEPT)
  }

  async #upload(content: string, appender: boolean): Promise<void> {
    const storage = this.#pick(this.#storages) as Member
    const answer = await this.#ask(storage, appender ? 23 : 11, uploadBody(content))
    if (answer?.status !== 0) return
    const isShared = appender && this.#random(4) === 0
    if (isShared) this.#shared.push(nameIn(answer))
    else
      this.#add({ name: nameIn(answer), storage, appender, contents: new Set([content]), metadata: none() })
  }

  async #slave(file: File, content: string): Promise<void> {
    if (file.appender || !file.contents.has(undefined)) {
      const prefix = `_${this.#count}`
      const answer = await this.#ask(file.storage, 21, slaveBody(file.name, prefix, content))
      if (answer?.status !== 0) return
      const contents: Contents = new Set([content])
      this.#add({ name: nameIn(answer), storage: file.storage, appender: false, contents, metadata: none() })
    }
  }

  async #delete(file: File): Promise<void> {
    await this.#change(file, 'contents', 12, bytes(GROUP, file.name), () => undefined)
  }

  async #setMetadata(file: File, value: string): Promise<void> {
    const metadata = `k\x02${value}`
    await this.#change(file, 'metadata', 13, metadataBody(file.name, 'O', metadata), () => metadata)
  }

  async #changeAppender(file: File, content: string): Promise<void> {
    const size = Math.min(...[...file.contents].map((held) => held?.length ?? 0))
    const kind = this.#random(8)
    const at = this.#random(size + 1)
    if (kind < 4) {
      await this.#change(file, 'contents', 24, appendBody(file.name, content), (held) => held + content)
    } else if (kind < 6) {
      const next = (held: string): string => held.slice(0, at) + content + held.slice(at + content.length)
      await this.#change(file, 'contents', 34, modifyBody(file.name, at, content), next)
    } else if (kind === 6) {
      const next = (held: string): string => held.slice(0, at)
      await this.#change(file, 'contents', 36, truncateBody(file.name, at), next)
    } else await this.#rename(file)
  }

  async #rename(file: File): Promise<void> {
    const before = file.contents
    const answer = await this.#change(file, 'contents', 38, bytes(file.name), () => undefined)
    if (answer?.status !== 0) return
    this.#add({
      name: nameIn(answer),
      storage: file.storage,
      appender: false,
      contents: before,
      metadata: none(),
    })
  }

  async #changeShared(content: string): Promise<void> {
    const name = this.#pick(this.#shared)
    if (name === undefined) return
    const storage = this.#pick(this.#storages) as Member
    const [command, body] = this.#pick([
      [24, appendBody(name, content)],
      [34, modifyBody(name, 0, content)],
      [36, truncateBody(name, content.length)],
      [13, metadataBody(name, 'M', `k${content.length}\x02v`)],
    ] as const) as readonly [number, Buffer]
    await this.#ask(storage, command, body)
  }

  /** Asks for a change, and keeps in mind what may have become of the file. */
  async #change(
    file: File,
    part: 'contents' | 'metadata',
    command: number,
    body: Buffer,
    next: (held: string) => string | undefined,
  ): Promise<RawResponse | undefined> {
    const before = file[part]
    const after = new Set(
      [...before].map((held) => (held === undefined && part === 'contents' ? undefined : next(held ?? ''))),
    )
    // Until it is answered, both are possible.
    file[part] = new Set([...before, ...after])
    const answer = await this.#ask(file.storage, command, body)
    if (answer === undefined) return undefined
    file[part] = answer.status === 0 ? after : before
    return answer
  }

  #add(file: File): void {
    this.#own.push(file)
    this.#all.push(file)
  }

  /** Undefined where nobody knows whether it was done. */
  async #ask(storage: Member, command: number, body: Buffer): Promise<RawResponse | undefined> {
    try {
      const client = await RawClient.connect(storage.port, OWN_HOST)
      try {
        const answer = await client.ask(command, body)
        if (answer.status === 0) this.#load.acknowledged++
        else {
          const key = `${command}: ${answer.status}`
          this.#load.refused.set(key, (this.#load.refused.get(key) ?? 0) + 1)
        }
        return answer
      } finally {
        client.close()
      }
    } catch {
      this.#load.cut++
      return undefined
    }
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[this.#random(from.length)]
  }
}

function none(): Contents {
  return new Set([undefined])
}

function tell(content: string | undefined): string {
  return content === undefined ? 'nothing' : `${content.length} bytes ${JSON.stringify(content.slice(0, 40))}`
}

function tellAll(contents: Contents): string {
  return [...contents].map(tell).join(' or ')
}
