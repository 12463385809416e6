import { dirname, join, resolve } from 'node:path'
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
  /**
   * Directories at each of the two levels of a store path, 1 to 256, that are made when it is opened. A real storage
   * takes a store path without them for one that has lost its files, and writes to none that is missing.
   *
   * @defaultValue none: each is made for its first file
   */
  readonly subdirCount?: number | undefined
}

/** Reading goes in pieces of this size: one buffer for each download. */
const PIECE = 512 * 1024
/** So many bytes block while they are read or written: see `files.ts`. */
const SMALL = 64 * 1024
/** So many bytes of a draft are written at once: each call costs a hop to a thread and back, and holds up what comes. */
const GATHERED = 8 * 1024 * 1024
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
  readonly #subdirCount: number
  #drafts = 0

  /** Touches nothing yet. */
  constructor({ folder, storePaths = [], subdirCount = 0 }: DiskStoreOptions) {
    this.#folder = folder
    this.#storePaths = storePaths
    this.#subdirCount = subdirCount
    this.own = new DiskFiles(join(folder, 'data'))
  }

  /** See {@link Store}. */
  async open(pathCount: number): Promise<void> {
    files.makeNamedFolder(join(this.#folder, 'data', 'sync'))
    for (let index = 0; index < pathCount; index++) {
      const path = this.#storePath(index)
      files.makeNamedFolder(join(path, 'data'))
      await makeDirectories(join(path, 'data'), this.#subdirCount)
      await files.removeFolder(join(path, DRAFTS))
      files.makeNamedFolder(join(path, DRAFTS))
    }
  }

  /** See {@link Store}. */
  create(storePathIndex: number): Draft {
    const path = `${this.#storePath(storePathIndex)}/${DRAFTS}/${this.#drafts++}`
    return new DiskDraft(path, (name) => this.#path(name))
  }

  /** See {@link Store}. */
  read(name: string): StoredFile | undefined {
    const fd = files.unlessMissing(() => files.open(this.#path(name), 'r'))
    if (fd === undefined) return undefined
    let opened: StoredFile | undefined
    try {
      const stats = files.statOpen(fd)
      if (stats.isFile()) opened = openedFile(fd, stats.size, Math.floor(stats.mtimeMs / 1000))
    } finally {
      if (opened === undefined) files.close(fd)
    }
    return opened
  }

  /** See {@link Store}. */
  stat(name: string): FileStat | undefined {
    const path = this.#path(name)
    const stats = files.stat(path)
    if (stats === undefined) return undefined
    const modifiedAt = Math.floor(stats.mtimeMs / 1000)
    if (stats.isFile()) return { size: stats.size, modifiedAt }
    if (!stats.isSymbolicLink()) return undefined
    const target = files.unlessMissing(() => files.targetOf(path))
    return target === undefined ? undefined : { size: 0, modifiedAt, source: sourceOf(name, target) }
  }

  /** See {@link Store}. */
  edit(name: string): Edit | undefined {
    const path = this.#path(name)
    if (files.stat(path)?.isSymbolicLink()) return undefined
    const fd = files.unlessMissing(() => files.open(path, 'r+'))
    if (fd === undefined) return undefined
    const { size } = files.statOpen(fd)
    return {
      size,
      write: (chunk, position) => files.writeAll(fd, [chunk], position),
      truncate: (length) => files.truncate(fd, length),
      touch: (modifiedAt) => files.touch(fd, modifiedAt),
      close: () => files.close(fd),
    }
  }

  /** See {@link Store}. */
  rename(from: string, to: string): boolean {
    return files.succeeds(() => files.rename(this.#path(from), this.#path(to)))
  }

  /** See {@link Store}. */
  link(source: string, name: string, modifiedAt?: number): void {
    const path = this.#path(name)
    const draft = `${this.#storePath(storePathOf(name))}/${DRAFTS}/${this.#drafts++}`
    // As a real storage makes it: with the whole path.
    files.link(resolve(this.#path(source)), draft)
    if (modifiedAt !== undefined) files.touchLink(draft, modifiedAt)
    moveInto(draft, path)
  }

  /** See {@link Store}. */
  remove(name: string): boolean {
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
    return this.#storePaths[index] ?? `${this.#folder}/store_path${index}`
  }

  /** `M01/HH/HH/name` to `store_path1/data/HH/HH/name`. */
  #path(name: string): string {
    return `${this.#storePath(storePathOf(name))}/data/${name.slice(4)}`
  }
}

function storePathOf(name: string): number {
  return Number.parseInt(name.slice(1, 3), 16)
}

/** `…/data/HH/HH/name`, where a link of a store path leads → `M01/HH/HH/name` */
function sourceOf(link: string, target: string): string {
  return `${link.slice(0, 4)}${target.replaceAll('\\', '/').split('/').slice(-3).join('/')}`
}

/** Gives a draft its place, whose directory may not be there: its first file makes it. */
function moveInto(draft: string, path: string): void {
  if (files.succeeds(() => files.rename(draft, path))) return
  files.makeFolder(dirname(path))
  files.rename(draft, path)
}

/** Those that are missing of so many at each of two levels. */
async function makeDirectories(data: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => i.toString(16).toUpperCase().padStart(2, '0'))
  for (const high of names) {
    files.makeFolder(join(data, high))
    const there = new Set(await foldersOf(join(data, high)))
    for (const low of names) if (!there.has(low)) files.makeFolder(`${data}/${high}/${low}`)
  }
}

async function foldersOf(path: string): Promise<string[]> {
  return (await files.entries(path)).filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function openedFile(fd: number, size: number, modifiedAt: number): StoredFile {
  return {
    size,
    modifiedAt,
    content: (offset, length) => {
      if (length <= SMALL) return readSmall(fd, offset, length)
      return length <= PIECE ? readPiece(fd, offset, length) : readPieces(fd, offset, length)
    },
    close: () => files.close(fd),
  }
}

function readSmall(fd: number, offset: number, length: number): Buffer {
  try {
    const piece = Buffer.allocUnsafe(length)
    files.readSmall(fd, piece, offset)
    return piece
  } finally {
    files.close(fd)
  }
}

async function readPiece(fd: number, offset: number, length: number): Promise<Buffer> {
  try {
    const piece = Buffer.allocUnsafe(length)
    await files.readAll(fd, piece, offset)
    return piece
  } finally {
    files.close(fd)
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
    files.close(fd)
  }
}

/** Gathers chunks to write them behind, in large pieces; a small file is written as a whole when it gets its name. */
class DiskDraft implements Draft {
  readonly #path: string
  readonly #pathOf: (name: string) => string
  /** Once there is something to write. */
  #fd: number | undefined
  #made = false
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #position = 0
  #writing: Promise<void> | undefined
  #failure: Error | undefined

  constructor(path: string, pathOf: (name: string) => string) {
    this.#path = path
    this.#pathOf = pathOf
  }

  write(chunk: Buffer): Promise<void> | undefined {
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
    if (this.#gatheredBytes < GATHERED) return undefined
    // One piece is on its way, and the next is whole.
    if (this.#writing !== undefined || this.#failure !== undefined) return this.#written()
    this.#writing = this.#writeGathered()
    return undefined
  }

  publish(name: string, modifiedAt?: number): Promise<void> | undefined {
    if (this.#writing !== undefined || this.#failure !== undefined || this.#gatheredBytes > SMALL)
      return this.#writeLarge().then(() => this.#publish(name, modifiedAt))
    this.#publish(name, modifiedAt)
    return undefined
  }

  async discard(): Promise<void> {
    await this.#writing
    this.#close()
    if (this.#made) files.remove(this.#path)
  }

  #publish(name: string, modifiedAt: number | undefined): void {
    const fd = this.#open()
    files.writeSmall(fd, this.#gathered, this.#position)
    if (modifiedAt !== undefined) files.touch(fd, modifiedAt)
    this.#close()
    moveInto(this.#path, this.#pathOf(name))
    this.#made = false
  }

  #open(): number {
    this.#fd ??= files.open(this.#path, 'wx')
    this.#made = true
    return this.#fd
  }

  /** Once only: by then the number may be that of another file. */
  #close(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined) files.close(fd)
  }

  /** All but what may block. */
  async #writeLarge(): Promise<void> {
    await this.#written()
    if (this.#gatheredBytes <= SMALL) return
    this.#writing = this.#writeGathered()
    await this.#written()
  }

  async #written(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Fails later, when somebody waits for it. */
  async #writeGathered(): Promise<void> {
    try {
      const fd = this.#open()
      do {
        const chunks = this.#gathered
        const position = this.#position
        this.#gathered = []
        this.#position += this.#gatheredBytes
        this.#gatheredBytes = 0
        await files.writeAll(fd, chunks, position)
      } while (this.#gatheredBytes >= GATHERED)
    } catch (error) {
      this.#failure = error as Error
    }
    this.#writing = undefined
  }
}
