import { dirname, join } from 'node:path'
import type { MaybePromise } from '../maybe-promise.js'
import * as files from './files.js'
import type { Log, OwnFiles } from './store.js'

/** A storage's own files in a folder. */
export class DiskFiles implements OwnFiles {
  readonly #folder: string

  /** @param folder - must be there, with the folders that names lead to */
  constructor(folder: string) {
    this.#folder = folder
  }

  read(name: string): Promise<Buffer | undefined> {
    return files.readFile(join(this.#folder, name))
  }

  write(name: string, bytes: Buffer): void {
    const path = join(this.#folder, name)
    files.writeFile(`${path}.tmp`, bytes)
    files.rename(`${path}.tmp`, path)
  }

  remove(name: string): boolean {
    return files.remove(join(this.#folder, name))
  }

  async names(folder: string): Promise<string[]> {
    const entries = await files.entries(join(this.#folder, folder))
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }

  log(name: string): DiskLog {
    const path = join(this.#folder, name)
    files.makeFolder(dirname(path))
    // Not for appending: what a failed write has left is overwritten by the next one.
    const fd = files.unlessMissing(() => files.open(path, 'r+')) ?? files.open(path, 'wx+')
    const { size } = files.statOpen(fd)
    return new DiskLog(fd, size)
  }
}

class DiskLog implements Log {
  readonly #fd: number
  #size: number

  constructor(fd: number, size: number) {
    this.#fd = fd
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  get start(): number {
    return 0
  }

  append(bytes: Buffer): MaybePromise<void> {
    try {
      files.writeSmall(this.#fd, [bytes], this.#size)
      this.#size += bytes.length
    } catch (error) {
      return files.truncate(this.#fd, this.#size).then(() => {
        throw error
      })
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.#size - position)))
    return target.subarray(0, await files.readUpTo(this.#fd, target, position))
  }

  async truncate(size: number): Promise<void> {
    await files.truncate(this.#fd, size)
    this.#size = size
  }

  /** They are kept, as real storages keep them. */
  drop(): void {}

  close(): void {
    files.close(this.#fd)
  }
}
