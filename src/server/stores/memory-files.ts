import type { Log, OwnFiles } from './store.js'

/** A storage's own files in memory. */
export class MemoryFiles implements OwnFiles {
  readonly #logs = new Map<string, MemoryLog>()

  read(name: string): Buffer | undefined {
    const log = this.#logs.get(name)
    return log?.read(0, log.size)
  }

  write(name: string, bytes: Buffer): void {
    const log = new MemoryLog()
    log.append(bytes)
    this.#logs.set(name, log)
  }

  remove(name: string): boolean {
    return this.#logs.delete(name)
  }

  names(folder: string): string[] {
    const start = `${folder}/`
    return [...this.#logs.keys()]
      .filter((name) => name.startsWith(start))
      .map((name) => name.slice(start.length))
  }

  log(name: string): Log {
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = new MemoryLog()
      this.#logs.set(name, log)
    }
    return log
  }
}

/** So many bytes that nobody reads are freed at one time. */
const DROPPED = 256 * 1024

class MemoryLog implements Log {
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  get start(): number {
    return this.#start
  }

  append(bytes: Buffer): void {
    const needed = this.#size - this.#start + bytes.length
    if (needed > this.#bytes.length) this.#move(this.#start, Math.max(4096, needed * 2))
    bytes.copy(this.#bytes, this.#size - this.#start)
    this.#size += bytes.length
  }

  read(position: number, length: number): Buffer {
    const end = Math.min(position + length, this.#size)
    return Buffer.from(this.#bytes.subarray(position - this.#start, end - this.#start))
  }

  truncate(size: number): void {
    this.#size = size
  }

  drop(position: number): void {
    if (position - this.#start >= DROPPED) this.#move(position, this.#size - position)
  }

  close(): void {}

  /** Keeps what is behind `start`, with room for so many bytes. */
  #move(start: number, room: number): void {
    const moved = Buffer.allocUnsafeSlow(room)
    this.#bytes.copy(moved, 0, start - this.#start, this.#size - this.#start)
    this.#bytes = moved
    this.#start = start
  }
}
