import { freemem, totalmem } from 'node:os'
import { unixSeconds } from '../clock.js'
import type { Draft, FileStat, Store, StoredFile, StoreSpace } from './store.js'

/** A file as the chunks it came in, each with the offset behind its last byte. */
interface MemoryFile extends FileStat {
  readonly chunks: readonly Buffer[]
  readonly ends: readonly number[]
}

/** Keeps files in memory, for as long as the object lives. */
export class MemoryStore implements Store {
  readonly #files = new Map<string, MemoryFile>()

  /** See {@link Store}. */
  async open(): Promise<void> {}

  /** See {@link Store}. */
  create(): Draft {
    return new MemoryDraft(this.#files)
  }

  /** See {@link Store}. */
  read(name: string): StoredFile | undefined {
    const file = this.#files.get(name)
    return file && new StoredMemoryFile(file)
  }

  /** See {@link Store}. */
  stat(name: string): FileStat | undefined {
    return this.#files.get(name)
  }

  /** See {@link Store}. */
  remove(name: string): boolean {
    return this.#files.delete(name)
  }

  /** The machine's memory: all store paths share it. */
  space(): StoreSpace {
    return { total: totalmem(), free: freemem() }
  }
}

class MemoryDraft implements Draft {
  readonly #files: Map<string, MemoryFile>
  readonly #chunks: Buffer[] = []
  readonly #ends: number[] = []
  #size = 0

  constructor(files: Map<string, MemoryFile>) {
    this.#files = files
  }

  write(chunk: Buffer): void {
    this.#size += chunk.length
    this.#chunks.push(compact(chunk))
    this.#ends.push(this.#size)
  }

  publish(name: string): void {
    this.#files.set(name, {
      size: this.#size,
      modifiedAt: unixSeconds(),
      chunks: this.#chunks,
      ends: this.#ends,
    })
  }

  discard(): void {}
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
