import { freemem, totalmem } from 'node:os'
import { unixSeconds } from '../clock.js'
import type { Draft, FileStat, Store, StoredFile, StoreSpace } from './store.js'

/** Larger files are kept in blocks of this size, so that none grows by copying. */
const BLOCK = 256 * 1024

/** A file: all blocks but the last are full. */
interface MemoryFile extends FileStat {
  readonly blocks: readonly Buffer[]
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
    return (
      file && {
        size: file.size,
        modifiedAt: file.modifiedAt,
        content: (...range) => slice(file, ...range),
        close() {},
      }
    )
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
  readonly #blocks: Buffer[] = []
  #size = 0

  constructor(files: Map<string, MemoryFile>) {
    this.#files = files
  }

  /** Copies: a view of a chunk would keep all that the socket read with it. */
  write(chunk: Buffer): void {
    for (let from = 0; from < chunk.length;) {
      const used = this.#size % BLOCK
      if (used === 0) this.#blocks.push(newBlock(this.#size === 0 ? chunk.length : BLOCK))
      const last = this.#blocks.length - 1
      let block = this.#blocks[last] as Buffer
      if (block.length === used) this.#blocks[last] = block = grown(block)
      const copied = chunk.copy(block, used, from)
      from += copied
      this.#size += copied
    }
  }

  publish(name: string): boolean {
    if (this.#files.has(name)) return false
    this.replace(name)
    return true
  }

  replace(name: string): void {
    const used = this.#size % BLOCK
    const last = this.#blocks.at(-1)
    // The last block as long as what it holds.
    if (last !== undefined && used !== 0 && used < last.length) {
      const fitting = Buffer.allocUnsafeSlow(used)
      last.copy(fitting)
      this.#blocks[this.#blocks.length - 1] = fitting
    }
    this.#files.set(name, { size: this.#size, modifiedAt: unixSeconds(), blocks: this.#blocks })
  }

  discard(): void {}
}

/** A buffer of its own, no part of node's pool, which would stay as long as any of its parts. */
function newBlock(size: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.min(size, BLOCK))
}

/** The first block was made as small as the first chunk; now it turns out that there are more. */
function grown(block: Buffer): Buffer {
  const larger = newBlock(BLOCK)
  block.copy(larger)
  return larger
}

function slice(file: MemoryFile, offset: number, length: number): Buffer | AsyncIterable<Buffer> {
  const end = offset + length
  const first = Math.floor(offset / BLOCK)
  const last = Math.floor(Math.max(offset, end - 1) / BLOCK)
  const part = (index: number): Buffer => {
    const start = index * BLOCK
    return (file.blocks[index] as Buffer).subarray(Math.max(0, offset - start), end - start)
  }
  if (first === last && length > 0) return part(first)
  return parts(first, last, part)
}

async function* parts(first: number, last: number, part: (index: number) => Buffer): AsyncGenerator<Buffer> {
  for (let index = first; index <= last; index++) yield part(index)
}
