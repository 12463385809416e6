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

class MemoryLog implements Log {
  #bytes: Buffer = Buffer.alloc(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  append(bytes: Buffer): void {
    const needed = this.#size + bytes.length
    if (needed > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(4096, needed * 2))
      this.#bytes.copy(grown, 0, 0, this.#size)
      this.#bytes = grown
    }
    bytes.copy(this.#bytes, this.#size)
    this.#size = needed
  }

  read(position: number, length: number): Buffer {
    return Buffer.from(this.#bytes.subarray(position, Math.min(position + length, this.#size)))
  }

  truncate(size: number): void {
    this.#size = size
  }

  close(): void {}
}
