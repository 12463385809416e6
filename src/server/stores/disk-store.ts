import { dirname, join } from 'node:path'
import { DiskFiles } from './disk-files.js'
import * as files from './files.js'
import type { Draft, Edit, FileStat, OwnFiles, Store, StoredFile, StoreSpace } from './store.js'

/** Options of a {@link DiskStore}. */
export interface DiskStoreOptions {
  /**
   * The storage's base path, made where it is missing: it holds `data`, the storage's own files, and the store paths
   * `store_path0`, `store_path1`…
   */
  readonly folder: string
  /** Where the store paths are; those that are missing here are below `folder`. @defaultValue none */
  readonly storePaths?: readonly string[] | undefined
}

/** Reading goes in pieces of this size: one buffer for each download. */
const PIECE = 512 * 1024
/** Emptied at each start: a name that nobody else gives a folder in a store path. */
const DRAFTS = '.fastdfs-tmp'

/**
 * Keeps files in a folder, laid out as a real storage lays them out (protocol.md §5): `store_pathN/data/HH/HH/name`.
 * What is not finished stands in `store_pathN/.fastdfs-tmp`, so that no half file is ever seen.
 */
export class DiskStore implements Store {
  /** See {@link Store}. */
  readonly own: OwnFiles
  readonly #folder: string
  readonly #storePaths: readonly string[]
  #drafts = 0

  /** Touches nothing yet. */
  constructor({ folder, storePaths = [] }: DiskStoreOptions) {
    this.#folder = folder
    this.#storePaths = storePaths
    this.own = new DiskFiles(join(folder, 'data'))
  }

  /** See {@link Store}. */
  async open(pathCount: number): Promise<void> {
    await files.makeFolder(join(this.#folder, 'data', 'sync'))
    for (let index = 0; index < pathCount; index++) {
      const path = this.#storePath(index)
      await files.removeFolder(join(path, DRAFTS))
      await files.makeFolder(join(path, DRAFTS))
      await files.makeFolder(join(path, 'data'))
    }
  }

  /** See {@link Store}. */
  async create(storePathIndex: number): Promise<Draft> {
    const path = join(this.#storePath(storePathIndex), DRAFTS, String(this.#drafts++))
    return new DiskDraft(path, await files.open(path, 'wx'), (name) => this.#path(name))
  }

  /** See {@link Store}. */
  async read(name: string): Promise<StoredFile | undefined> {
    const fd = await files.unlessMissing(files.open(this.#path(name), 'r'))
    if (fd === undefined) return undefined
    try {
      const stats = await files.statOpen(fd)
      if (stats.isFile()) return openedFile(fd, stats.size, Math.floor(stats.mtimeMs / 1000))
    } catch (error) {
      await files.close(fd)
      throw error
    }
    await files.close(fd)
    return undefined
  }

  /** See {@link Store}. */
  async stat(name: string): Promise<FileStat | undefined> {
    const stats = await files.stat(this.#path(name))
    return stats?.isFile() ? { size: stats.size, modifiedAt: Math.floor(stats.mtimeMs / 1000) } : undefined
  }

  /** See {@link Store}. */
  async edit(name: string): Promise<Edit | undefined> {
    const fd = await files.unlessMissing(files.open(this.#path(name), 'r+'))
    if (fd === undefined) return undefined
    const { size } = await files.statOpen(fd)
    return {
      size,
      write: (chunk, position) => files.writeAll(fd, [chunk], position),
      truncate: (length) => files.truncate(fd, length),
      touch: (modifiedAt) => files.touch(fd, modifiedAt),
      close: () => files.close(fd),
    }
  }

  /** See {@link Store}. */
  async rename(from: string, to: string): Promise<boolean> {
    const renamed = files.rename(this.#path(from), this.#path(to)).then(() => true)
    return (await files.unlessMissing(renamed)) ?? false
  }

  /** See {@link Store}. */
  async link(from: string, to: string): Promise<boolean> {
    const path = this.#path(to)
    if ((await files.stat(this.#path(from))) === undefined) return false
    await files.makeFolder(dirname(path))
    const linked = files.link(this.#path(from), path).then(() => true)
    return (await files.unlessMissing(linked)) ?? false
  }

  /** See {@link Store}. */
  remove(name: string): Promise<boolean> {
    return files.remove(this.#path(name))
  }

  /** See {@link Store}. */
  space(storePathIndex: number): Promise<StoreSpace> {
    return files.space(this.#storePath(storePathIndex))
  }

  /** See {@link Store}. */
  async *list(storePathIndex: number): AsyncGenerator<string> {
    const data = join(this.#storePath(storePathIndex), 'data')
    const prefix = `M${storePathIndex.toString(16).toUpperCase().padStart(2, '0')}`
    for (const high of await foldersOf(data)) {
      for (const low of await foldersOf(join(data, high))) {
        for (const entry of await files.entries(join(data, high, low))) {
          if (!entry.isDirectory()) yield `${prefix}/${high}/${low}/${entry.name}`
        }
      }
    }
  }

  #storePath(index: number): string {
    return this.#storePaths[index] ?? join(this.#folder, `store_path${index}`)
  }

  /** `M01/HH/HH/name` → `store_path1/data/HH/HH/name` */
  #path(name: string): string {
    return join(this.#storePath(Number.parseInt(name.slice(1, 3), 16)), 'data', name.slice(4))
  }
}

async function foldersOf(path: string): Promise<string[]> {
  return (await files.entries(path)).filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function openedFile(fd: number, size: number, modifiedAt: number): StoredFile {
  return {
    size,
    modifiedAt,
    content: (offset, length) =>
      length <= PIECE ? readPiece(fd, offset, length) : readPieces(fd, offset, length),
    close: () => files.close(fd),
  }
}

async function readPiece(fd: number, offset: number, length: number): Promise<Buffer> {
  try {
    const piece = Buffer.allocUnsafe(length)
    await files.readAll(fd, piece, offset)
    return piece
  } finally {
    await files.close(fd)
  }
}

async function* readPieces(fd: number, offset: number, length: number): AsyncGenerator<Buffer> {
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE)
    for (let done = 0; done < length; done += PIECE) {
      const piece = buffer.subarray(0, Math.min(PIECE, length - done))
      await files.readAll(fd, piece, offset + done)
      yield piece
    }
  } finally {
    await files.close(fd)
  }
}

/** Writes behind: while one piece is on its way, chunks gather for the next. */
class DiskDraft implements Draft {
  readonly #path: string
  readonly #fd: number
  readonly #pathOf: (name: string) => string
  #open = true
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #position = 0
  #writing: Promise<void> | undefined
  #failure: Error | undefined

  constructor(path: string, fd: number, pathOf: (name: string) => string) {
    this.#path = path
    this.#fd = fd
    this.#pathOf = pathOf
  }

  write(chunk: Buffer): Promise<void> | undefined {
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
    this.#writing ??= this.#writeGathered()
    return this.#gatheredBytes >= PIECE ? this.#written() : undefined
  }

  async publish(name: string, modifiedAt?: number): Promise<void> {
    await this.#written()
    if (modifiedAt !== undefined) await files.touch(this.#fd, modifiedAt)
    await this.#close()
    const path = this.#pathOf(name)
    try {
      await files.rename(this.#path, path)
    } catch (error) {
      if (!files.isMissing(error)) throw error
      // The first file of a directory makes it.
      await files.makeFolder(dirname(path))
      await files.rename(this.#path, path)
    }
  }

  async discard(): Promise<void> {
    await this.#writing
    await this.#close()
    await files.remove(this.#path)
  }

  /** Once only: by then the number may be that of another file. */
  async #close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await files.close(this.#fd)
  }

  async #written(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Fails later, when somebody waits for it. */
  async #writeGathered(): Promise<void> {
    try {
      while (this.#gathered.length > 0) {
        const chunks = this.#gathered
        const position = this.#position
        this.#gathered = []
        this.#position += this.#gatheredBytes
        this.#gatheredBytes = 0
        await files.writeAll(this.#fd, chunks, position)
      }
    } catch (error) {
      this.#failure = error as Error
    }
    this.#writing = undefined
  }
}
