import { freemem, totalmem } from 'node:os'
import type { Clock } from '../clock.js'
import { SYSTEM_CLOCK, unixSeconds } from '../clock.js'
import { MemoryFiles } from './memory-files.js'
import type { Draft, Edit, FileStat, OwnFiles, Store, StoredFile, StoreSpace } from './store.js'

/** A file as the chunks it came in, each with the offset behind its last byte. */
interface MemoryFile extends FileStat {
  readonly chunks: readonly Buffer[]
  readonly ends: readonly number[]
}

interface MemoryLink extends FileStat {
  readonly source: string
}

/** Options of a {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** Where the times of changes come from. @defaultValue the machine's own */
  readonly clock?: Clock | undefined
}

/** Keeps files in memory, for as long as the object lives. */
export class MemoryStore implements Store {
  /** See {@link Store}. */
  readonly own: OwnFiles = new MemoryFiles()
  readonly #files = new Map<string, MemoryFile>()
  readonly #links = new Map<string, MemoryLink>()
  readonly #clock: Clock

  /** Makes an empty store. */
  constructor({ clock = SYSTEM_CLOCK }: MemoryStoreOptions = {}) {
    this.#clock = clock
  }

  /** See {@link Store}. */
  async open(): Promise<void> {}

  /** See {@link Store}. */
  create(): Draft {
    return new MemoryDraft(this.#files, this.#links, this.#clock)
  }

  /** See {@link Store}. */
  read(name: string): StoredFile | undefined {
    const file = this.#files.get(this.#links.get(name)?.source ?? name)
    return file && new StoredMemoryFile(file)
  }

  /** See {@link Store}. */
  stat(name: string): FileStat | undefined {
    return this.#files.get(name) ?? this.#links.get(name)
  }

  /** See {@link Store}. */
  edit(name: string): Edit | undefined {
    const file = this.#files.get(name)
    return file && new MemoryEdit(this.#files, this.#clock, name, file)
  }

  /** See {@link Store}. */
  rename(from: string, to: string): boolean {
    const file = this.#files.get(from)
    if (file === undefined) return false
    this.#files.delete(from)
    this.#links.delete(to)
    this.#files.set(to, file)
    return true
  }

  /** See {@link Store}. */
  link(source: string, name: string, modifiedAt = unixSeconds(this.#clock)): void {
    this.#files.delete(name)
    this.#links.set(name, { size: 0, modifiedAt, source })
  }

  /** See {@link Store}. */
  remove(name: string): boolean {
    return this.#files.delete(name) || this.#links.delete(name)
  }

  /** See {@link Store}. */
  async *list(storePathIndex: number): AsyncGenerator<string> {
    const prefix = `M${storePathIndex.toString(16).toUpperCase().padStart(2, '0')}/`
    for (const name of [...this.#files.keys(), ...this.#links.keys()]) if (name.startsWith(prefix)) yield name
  }

  /** The machine's memory: all store paths share it. */
  space(): StoreSpace {
    return { total: totalmem(), free: freemem() }
  }
}

class MemoryDraft implements Draft {
  readonly #files: Map<string, MemoryFile>
  readonly #links: Map<string, MemoryLink>
  readonly #clock: Clock
  readonly #chunks: Buffer[] = []
  readonly #ends: number[] = []
  #size = 0

  constructor(files: Map<string, MemoryFile>, links: Map<string, MemoryLink>, clock: Clock) {
    this.#files = files
    this.#links = links
    this.#clock = clock
  }

  write(chunk: Buffer): void {
    this.#size += chunk.length
    this.#chunks.push(compact(chunk))
    this.#ends.push(this.#size)
  }

  publish(name: string, modifiedAt = unixSeconds(this.#clock)): void {
    this.#links.delete(name)
    this.#files.set(name, {
      size: this.#size,
      modifiedAt,
      chunks: this.#chunks,
      ends: this.#ends,
    })
  }

  discard(): void {}
}

/** Changes a file by putting another in its place: who reads the old one goes on with it. */
class MemoryEdit implements Edit {
  readonly size: number
  readonly #files: Map<string, MemoryFile>
  readonly #clock: Clock
  readonly #name: string
  #file: MemoryFile

  constructor(files: Map<string, MemoryFile>, clock: Clock, name: string, file: MemoryFile) {
    this.#files = files
    this.#clock = clock
    this.#name = name
    this.#file = file
    this.size = file.size
  }

  write(chunk: Buffer, position: number): void {
    const behind = this.#parts(position + chunk.length, this.#file.size)
    this.#replace([...this.#parts(0, position), compact(chunk), ...behind])
  }

  truncate(size: number): void {
    const zeros = Buffer.alloc(Math.max(0, size - this.#file.size))
    this.#replace([...this.#parts(0, size), zeros])
  }

  touch(modifiedAt: number): void {
    this.#file = { ...this.#file, modifiedAt }
    this.#files.set(this.#name, this.#file)
  }

  close(): void {}

  /** The chunks that hold the bytes from `start` to `end`. */
  #parts(start: number, end: number): Buffer[] {
    return this.#file.chunks.flatMap((chunk, index) => {
      const from = (this.#file.ends[index] as number) - chunk.length
      const part = chunk.subarray(Math.max(0, start - from), Math.max(0, end - from))
      return part.length > 0 ? [part] : []
    })
  }

  #replace(chunks: Buffer[]): void {
    let size = 0
    const ends = chunks.map((chunk) => (size += chunk.length))
    this.#file = { size, modifiedAt: unixSeconds(this.#clock), chunks, ends }
    this.#files.set(this.#name, this.#file)
  }
}

/** A chunk as it is, unless it would keep much more memory than its own. */
function compact(chunk: Buffer): Buffer {
  if (chunk.length * 2 >= chunk.buffer.byteLength) return chunk
  const copy = Buffer.allocUnsafeSlow(chunk.length)
  chunk.copy(copy)
  return copy
}

class StoredMemoryFile implements StoredFile {
  readonly size: number
  readonly modifiedAt: number
  readonly #file: MemoryFile

  constructor(file: MemoryFile) {
    this.size = file.size
    this.modifiedAt = file.modifiedAt
    this.#file = file
  }

  content(offset: number, length: number): Buffer | AsyncIterable<Buffer> {
    const first = indexOf(this.#file.ends, offset)
    const end = this.#file.ends[first]
    const single = end === undefined || offset + length <= end
    return single ? this.#part(first, offset, length) : this.#parts(first, offset, length)
  }

  close(): void {}

  /** Bytes from `offset` on, of one chunk. */
  #part(index: number, offset: number, length: number): Buffer {
    const start = this.#file.ends[index - 1] ?? 0
    return this.#file.chunks[index]?.subarray(offset - start, offset - start + length) ?? EMPTY
  }

  async *#parts(first: number, offset: number, length: number): AsyncGenerator<Buffer> {
    for (let index = first, done = 0; done < length; index++) {
      const part = this.#part(index, offset + done, length - done)
      done += part.length
      yield part
    }
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

/** The chunk that holds the byte at `offset`. */
function indexOf(ends: readonly number[], offset: number): number {
  let low = 0
  let high = ends.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ends[middle] as number) <= offset) low = middle + 1
    else high = middle
  }
  return low
}
