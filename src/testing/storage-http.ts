/** The HTTP side of embedded storages: what nginx with the FastDFS module is beside a real one (protocol.md §8.5). */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkInteger, checkWord } from '../client/check.js'
import { ConnectError, FileNotFoundError, InvalidFileIdError } from '../errors.js'
import type { FileHandler, FileHandlerOptions, FileStore, ServedFile } from '../http/index.js'
import { fileHandler } from '../http/index.js'
import type { Clock, Store } from '../server/index.js'
import { SYSTEM_CLOCK } from '../server/index.js'
import { readName } from '../server/name-facts.js'
import { checkedName } from '../server/storage/logic-name.js'

/** How the HTTP sides of storages answer. */
export interface HttpOptions extends Omit<FileHandlerOptions, 'group' | 'prefix'> {
  /** The port of the first storage's HTTP side, the others follow; 0 lets the system choose. @defaultValue 0 */
  readonly port?: number | undefined
  /**
   * What is done about a file that is still on its way from another storage: `proxy` hands on what that one answers,
   * `redirect` sends the client there. @defaultValue 'proxy'
   */
  readonly responseMode?: 'proxy' | 'redirect' | undefined
}

/** A storage, as far as its HTTP side needs it. */
export interface HttpStorage {
  readonly group: string
  readonly id: number | string
  /** The address to listen on. */
  readonly host: string
  /** The address that it is reached at. */
  readonly address: string
  readonly store: Store
  readonly storePathCount: number
  /** Where the time comes from by which files are old. The machine's own where it is absent. */
  readonly clock?: Clock | undefined
}

/** The tracker's `storage_sync_file_max_delay`, in milliseconds: older files have arrived wherever they are. */
const MAX_DELAY = 86_400_000

/** The HTTP server of one storage. */
export class StorageHttp {
  readonly #storage: HttpStorage
  readonly #handler: FileHandler
  #server: Server | undefined
  #port: number

  /** @internal */
  constructor(storage: HttpStorage, port: number, handler: FileHandler) {
    this.#storage = storage
    this.#port = port
    this.#handler = handler
  }

  /** The group of the storage. */
  get group(): string {
    return this.#storage.group
  }

  /** The ID of the storage. */
  get id(): number | string {
    return this.#storage.id
  }

  /** The address it is reached at. */
  get host(): string {
    return this.#storage.address
  }

  /** The port it listens on; the same over stops and starts. 0 before the first start if the system is to choose. */
  get port(): number {
    return this.#port
  }

  /** Where it is: `http://host:port`. */
  get url(): string {
    const { host } = this
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.#port}`
  }

  /**
   * Begins to listen. Does nothing when it does.
   *
   * @throws ConnectError when the address cannot be listened on
   */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer(this.#handler)
    this.#server = server
    try {
      await once(server.listen(this.#port, this.#storage.host), 'listening')
    } catch (cause) {
      this.#server = undefined
      throw new ConnectError(`cannot listen: ${(cause as Error).message}`, {
        cause,
        endpoint: this.url.slice(7),
      })
    }
    this.#port = (server.address() as AddressInfo).port
  }

  /** Ends all connections and stops listening. Does nothing when stopped. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server.close(), 'close')
    server.closeAllConnections()
    await closed
  }
}

/**
 * Gives a storage an HTTP side.
 *
 * @param all - those of the cluster, by which the sources of files are found; the new one is added
 * @throws ConfigError or InvalidArgumentError for an option that is wrong, or its name unknown
 */
export function addHttp(all: StorageHttp[], storage: HttpStorage, options: HttpOptions): void {
  const { port = 0, responseMode = 'proxy', ...handling } = options
  checkInteger(port, 'http.port', 0)
  checkWord(responseMode, 'http.responseMode', ['proxy', 'redirect'])
  const files = storageFiles(
    storage,
    responseMode,
    (source) => all.find((http) => isSource(http.id, http.host, source))?.url,
  )
  const handler = fileHandler(files, { ...handling, group: storage.group })
  all.push(new StorageHttp(storage, port === 0 ? 0 : port + all.length, handler))
}

/** Whether the source in a file's name is a storage: its ID, or its address. */
function isSource(id: number | string, address: string, source: string): boolean {
  return source === String(id) || source === address
}

/**
 * The files of a storage. Of others it tells where they come from, unless they must have arrived (protocol.md §8.5).
 *
 * @param urlOf - the HTTP side of a source, which is a storage ID or an address
 */
export function storageFiles(
  storage: HttpStorage,
  mode: 'proxy' | 'redirect',
  urlOf: (source: string) => string | undefined,
): FileStore {
  const { clock = SYSTEM_CLOCK } = storage
  return {
    open: async ({ group, name }) => {
      const { source, createdAt } = readName(name)
      if (group === storage.group) {
        const checked = checkedName(name, storage.storePathCount)
        if (checked === undefined) throw new InvalidFileIdError('there is no such store path here')
        const file = await openLocal(storage.store, checked)
        if (file !== undefined) return file
        const isLate = createdAt > 0 && clock.now() - createdAt * 1000 > MAX_DELAY
        if (isLate || isSource(storage.id, storage.address, source)) return undefined
      }
      return { source: urlOf(source), mode }
    },
  }
}

async function openLocal(store: Store, name: string): Promise<ServedFile | undefined> {
  const stat = await store.stat(name)
  if (stat === undefined) return undefined
  const { normal, createdAt, crc32 } = readName(name)
  return {
    size: stat.size,
    // A normal file's time is in its name, and the same at every storage.
    modifiedAt: new Date((normal ? createdAt : stat.modifiedAt) * 1000),
    crc32: normal ? crc32 : undefined,
    read: (offset, length) => readLocal(store, name, offset, length),
  }
}

async function* readLocal(
  store: Store,
  name: string,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  const file = await store.read(name)
  if (file === undefined) throw new FileNotFoundError('the file was deleted')
  if (offset + length > file.size) {
    await file.close()
    throw new Error('the file became shorter')
  }
  const content = await file.content(offset, length)
  if (content instanceof Uint8Array) yield content
  // The store may use one buffer for all pieces.
  else for await (const piece of content) yield Uint8Array.prototype.slice.call(piece)
}
