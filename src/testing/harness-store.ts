import type { Draft, Edit, OwnFiles, Store, StoreSpace } from '../server/index.js'
import type { MaybePromise } from '../server/maybe-promise.js'
import { readWhole } from '../server/storage/read-whole.js'

/** Bytes of each store path. */
export interface Disk {
  /** In all. */
  readonly total: number
  /** Free before anything is stored. */
  readonly free: number
}

/** A store that a test can empty, fill up, and take back to how it was. */
export class HarnessStore implements Store {
  readonly #make: () => Store
  readonly #disk: Disk | undefined
  #store: Store
  #pathCount = 1
  /** By store path: what is free; empty where the store itself tells. */
  #free: number[] = []
  /** Files that a reset brings back, and links by what they stand for. */
  #base: readonly (readonly [name: string, content: Buffer | string])[] = []

  /**
   * @param make - makes the store that keeps the files, anew after each loss
   * @param disk - the size of each store path; what the store says where absent
   */
  constructor(make: () => Store, disk?: Disk) {
    this.#make = make
    this.#disk = disk
    this.#store = make()
  }

  /** The names of all files, metadata included. */
  async names(): Promise<string[]> {
    const names: string[] = []
    for (let index = 0; index < this.#pathCount; index++) {
      for await (const name of this.list(index)) names.push(name)
    }
    return names
  }

  /** All of a file; undefined where there is none. */
  content(name: string): Promise<Buffer | undefined> {
    return readWhole(this, name)
  }

  /** What is free in each store path from now on. */
  setFree(bytes: number): void {
    this.#free = Array.from({ length: this.#pathCount }, () => bytes)
  }

  /** What is there now comes back with every reset. */
  async keepAsBase(): Promise<void> {
    this.#base = await Promise.all(
      (await this.names()).map(async (name) => {
        const source = (await this.stat(name))?.source
        return [name, source ?? ((await this.content(name)) as Buffer)] as const
      }),
    )
  }

  /** Goes back to the base: with nothing but it, and all of the disks free. */
  async reset(): Promise<void> {
    for (const name of await this.names()) await this.#store.remove(name)
    this.#fill()
    for (const [name, content] of this.#base) {
      if (typeof content === 'string') {
        await this.link(content, name)
        continue
      }
      const draft = await this.create(indexOf(name))
      await draft.write(content)
      await draft.publish(name)
    }
  }

  /** Forgets all files that the store does not keep outside of this process. */
  lose(): void {
    this.#store = this.#make()
  }

  /** See {@link Store}. */
  async open(pathCount: number): Promise<void> {
    this.#pathCount = pathCount
    await this.#store.open(pathCount)
    if (this.#free.length === 0) this.#fill()
  }

  /** See {@link Store}. */
  create(index: number): MaybePromise<Draft> {
    return this.#free[index] === undefined ? this.#store.create(index) : this.#createSized(index)
  }

  async #createSized(index: number): Promise<Draft> {
    const draft = await this.#store.create(index)
    let size = 0
    return {
      write: (chunk) => {
        this.#take(index, chunk.length)
        size += chunk.length
        return draft.write(chunk)
      },
      publish: async (...args) => {
        this.#give(index, (await this.stat(args[0]))?.size ?? 0)
        await draft.publish(...args)
      },
      discard: () => {
        this.#give(index, size)
        return draft.discard()
      },
    }
  }

  /** See {@link Store}. */
  read(name: string): ReturnType<Store['read']> {
    return this.#store.read(name)
  }

  /** See {@link Store}. */
  stat(name: string): ReturnType<Store['stat']> {
    return this.#store.stat(name)
  }

  /** See {@link Store}. */
  async edit(name: string): Promise<Edit | undefined> {
    const edit = await this.#store.edit(name)
    const index = indexOf(name)
    if (edit === undefined || this.#free[index] === undefined) return edit
    let { size } = edit
    const resize = (to: number): void => {
      this.#take(index, to - size)
      size = to
    }
    return {
      size,
      write: (chunk, position) => {
        resize(Math.max(size, position + chunk.length))
        return edit.write(chunk, position)
      },
      truncate: (to) => {
        resize(to)
        return edit.truncate(to)
      },
      touch: (modifiedAt) => edit.touch(modifiedAt),
      close: () => edit.close(),
    }
  }

  /** See {@link Store}. */
  get own(): OwnFiles {
    return this.#store.own
  }

  /** See {@link Store}. */
  link(...args: Parameters<Store['link']>): ReturnType<Store['link']> {
    return this.#store.link(...args)
  }

  /** See {@link Store}. */
  rename(from: string, to: string): ReturnType<Store['rename']> {
    return this.#store.rename(from, to)
  }

  /** See {@link Store}. */
  async remove(name: string): Promise<boolean> {
    const size = (await this.stat(name))?.size ?? 0
    const removed = await this.#store.remove(name)
    if (removed) this.#give(indexOf(name), size)
    return removed
  }

  /** See {@link Store}. */
  async space(index: number): Promise<StoreSpace> {
    const free = this.#free[index]
    if (free === undefined) return this.#store.space(index)
    return { total: this.#disk?.total ?? (await this.#store.space(index)).total, free }
  }

  /** See {@link Store}. */
  list(index: number): AsyncIterable<string> {
    return this.#store.list(index)
  }

  #fill(): void {
    this.#free = []
    if (this.#disk !== undefined) this.setFree(this.#disk.free)
  }

  #take(index: number, bytes: number): void {
    const free = this.#free[index]
    if (free === undefined) return
    // As the system says it: storages answer 28.
    if (bytes > free) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
    this.#free[index] = free - bytes
  }

  #give(index: number, bytes: number): void {
    this.#take(index, -bytes)
  }
}

/** `M01/HH/HH/…` → 1 */
function indexOf(name: string): number {
  return Number.parseInt(name.slice(1, 3), 16)
}
