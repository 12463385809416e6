/** A group of storages under trackers, driven by raw requests. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DiskStore,
  MemoryStore,
  Storage,
  type StorageOptions,
  type Store,
  Tracker,
} from '../../src/server/index.js'
import { bytes, i64, RawClient, type RawResponse, str } from './raw.js'

export const GROUP = str('group1', 16)

/** Trackers, and storages of one group. */
export class TestGroup {
  readonly trackers: Tracker[] = []
  readonly storages: Storage[] = []
  readonly stores: Store[] = []
  readonly folder: string | undefined
  readonly options: Partial<StorageOptions>

  /** @param folder - where the files are kept; in memory without it */
  constructor(folder?: string, options: Partial<StorageOptions> = {}) {
    this.folder = folder
    this.options = options
  }

  async start(trackers: number, storages: number): Promise<void> {
    for (let i = 0; i < trackers; i++) {
      const tracker = new Tracker()
      await tracker.start()
      this.trackers.push(tracker)
    }
    for (let i = 0; i < storages; i++) await this.add()
  }

  /** Adds a storage, and waits until it is ACTIVE. */
  async add(): Promise<Storage> {
    const index = this.storages.length
    this.stores.push(this.#store(index))
    this.storages.push(this.#storage(index, 0))
    await this.#begin(index)
    return this.storages[index] as Storage
  }

  /** Ends a storage without its files, and starts it again. */
  async replace(index: number): Promise<void> {
    const { port } = this.storages[index] as Storage
    await this.storages[index]?.stop()
    if (this.folder !== undefined) await rm(join(this.folder, String(index)), { recursive: true })
    this.stores[index] = this.#store(index)
    this.storages[index] = this.#storage(index, port)
    await this.#begin(index)
  }

  async stop(): Promise<void> {
    for (const storage of this.storages) await storage.stop()
    for (const tracker of this.trackers) await tracker.stop()
  }

  /** One request to a storage, on a connection of its own. */
  async ask(index: number, command: number, body: Buffer): Promise<RawResponse> {
    const raw = await RawClient.connect((this.storages[index] as Storage).port)
    try {
      return await raw.ask(command, body)
    } finally {
      raw.close()
    }
  }

  /** The files of a storage, with their content. */
  async files(index: number): Promise<Record<string, string>> {
    const store = this.stores[index] as Store
    const found: Record<string, string> = {}
    for await (const name of store.list(0)) {
      const file = await store.read(name)
      if (file === undefined) continue
      const content = await file.content(0, file.size)
      const chunks: Buffer[] = []
      if (content instanceof Uint8Array) chunks.push(content)
      else for await (const chunk of content) chunks.push(Buffer.from(chunk))
      found[name] = Buffer.concat(chunks).toString('latin1')
    }
    return found
  }

  /** Resolves when every storage has told the others everything, in both directions. */
  async settle(): Promise<void> {
    // What one is told may make it tell something itself.
    for (let round = 0; round < 3; round++) {
      await Promise.all(this.storages.map((storage) => storage.replicate()))
    }
  }

  async #begin(index: number): Promise<void> {
    await this.storages[index]?.start()
    await this.storages[index]?.whenActive()
  }

  #store(index: number): Store {
    return this.folder === undefined
      ? new MemoryStore()
      : new DiskStore({ folder: join(this.folder, String(index)) })
  }

  #storage(index: number, port: number): Storage {
    return new Storage({
      group: 'group1',
      id: 100001 + index,
      port,
      trackers: this.trackers.map((tracker) => ({ host: '127.0.0.1', port: tracker.port })),
      store: this.stores[index] as Store,
      ...this.options,
    })
  }
}

export const uploadBody = (content: string, ext = 'txt'): Buffer =>
  bytes(0, i64(content.length), str(ext, 6), content)

export const appendBody = (name: string, content: string): Buffer =>
  bytes(i64(name.length), i64(content.length), name, content)

export const modifyBody = (name: string, offset: number, content: string): Buffer =>
  bytes(i64(name.length), i64(offset), i64(content.length), name, content)

export const truncateBody = (name: string, size: number): Buffer => bytes(i64(name.length), i64(size), name)

export const metadataBody = (name: string, flag: string, metadata: string): Buffer =>
  bytes(i64(name.length), i64(metadata.length), flag, GROUP, name, metadata)

export const slaveBody = (master: string, prefix: string, content: string, ext = 'txt'): Buffer =>
  bytes(i64(master.length), i64(content.length), str(prefix, 16), str(ext, 6), master, content)

export const linkBody = (source: string, master = '', prefix = ''): Buffer =>
  bytes(
    i64(master.length),
    i64(source.length),
    i64(1),
    GROUP,
    str(prefix, 16),
    str('txt', 6),
    master,
    source,
    's',
  )

export const nameIn = ({ status, body }: RawResponse): string => {
  if (status !== 0) throw new Error(`status ${status}`)
  return body.subarray(16).toString('latin1')
}
