/** A cluster behind a proxy that cuts, and all that a transfer could leave behind: on the storage, here, and open. */
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ClientOptions } from '../../../src/index.js'
import { FastDfsClient } from '../../../src/index.js'
import type { Cluster } from '../../../src/testing/index.js'
import { startCluster } from '../../../src/testing/index.js'
import type { Passage } from '../../support/cutting-proxy.js'
import { CuttingProxy } from '../../support/cutting-proxy.js'
import { bytesOf } from '../fakes.js'

/** What the storage holds, or the client's folder: names and contents. */
export type Files = ReadonlyMap<string, Buffer>

/** How what is held differs from what was held before. */
export interface Difference {
  readonly added: Buffer[]
  readonly removed: string[]
  readonly changed: { readonly before: Buffer; readonly after: Buffer }[]
}

/** Of the files there are from the start, and of what is sent. More than a server takes in one piece. */
export const CONTENT = bytesOf(150_000)
/** Too much to be kept in memory where its size is not known. */
export const LARGE = bytesOf(8 * 1024 * 1024 + 1)
/** What an appender file holds. */
export const BEFORE = bytesOf(100_000)
export const METADATA = { author: 'someone', width: '1024' }

const SOURCE = 'source.bin'

/** Milliseconds; fake ones. */
export const LIMIT = 100

export class World implements AsyncDisposable {
  readonly proxy: CuttingProxy
  /** The folder for all that the client writes: temporary files too. */
  readonly folder: string
  readonly #cluster: Cluster
  readonly #root: string
  readonly #environment = process.env['TMPDIR']
  #ids = { normal: '', plain: '', appender: '' }
  #stored: Files = new Map()
  #handles: string[] = []

  private constructor(cluster: Cluster, proxy: CuttingProxy, root: string, folder: string) {
    this.#cluster = cluster
    this.proxy = proxy
    this.#root = root
    this.folder = folder
    process.env['TMPDIR'] = folder
  }

  static async open(): Promise<World> {
    const root = await mkdtemp(join(tmpdir(), 'fastdfs-cuts-'))
    const cluster = await startCluster({ store: { dir: root } })
    const [tracker, storage] = [cluster.trackers[0], cluster.storages[0]]
    const proxy = await CuttingProxy.to({ tracker: tracker?.port ?? 0, storage: storage?.port ?? 0 })
    const world = new World(cluster, proxy, root, await mkdtemp(join(tmpdir(), 'fastdfs-cuts-')))
    world.#handles = openHandles()
    await world.#fill()
    return world
  }

  /** A normal file with metadata, another without, and an appender file with metadata. */
  get ids(): Readonly<{ normal: string; plain: string; appender: string }> {
    return this.#ids
  }

  async #fill(): Promise<void> {
    writeFileSync(this.source, CONTENT)
    const client = this.client()
    const [normal, plain, appender] = [
      await client.uploadFile(CONTENT, { ext: 'bin', metadata: METADATA }),
      await client.uploadFile(CONTENT, { ext: 'bin' }),
      await client.uploadAppenderFile(BEFORE, { ext: 'log', metadata: METADATA }),
    ]
    this.#ids = { normal: normal.id, plain: plain.id, appender: appender.id }
    await this.close(client)
    this.#stored = this.stored()
    await this.quiet()
  }

  /** One that knows the cluster by the proxy only. */
  client(options: Partial<ClientOptions> = {}): FastDfsClient {
    return new FastDfsClient({
      trackers: `127.0.0.1:${this.proxy.portOf('tracker')}`,
      storageAddressMap: () => `127.0.0.1:${this.proxy.portOf('storage')}`,
      ...options,
    })
  }

  /** Closes a client; afterwards all of its connections are gone. */
  async close(client: FastDfsClient, grace?: number): Promise<void> {
    await client.close({ grace })
    await Promise.all(this.proxy.passages.map((passage: Passage) => passage.closed()))
  }

  /** What the storage holds; that which is not finished too. */
  stored(): Files {
    const files = new Map<string, Buffer>()
    for (const entry of readdirSync(this.#storePath, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      files.set(file, readFileSync(file))
    }
    return files
  }

  /** Waits until nothing is under way: no socket, no file, and no request to the file system. */
  async quiet(): Promise<void> {
    let turns = 0
    await until(() => {
      const isBusy = process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))
      turns = isBusy || this.leaked().length > 0 ? 0 : turns + 1
      // What a closed socket sets off comes a turn later.
      return turns === 3
    })
  }

  get #storePath(): string {
    return join(this.#root, 'group1-storage1', 'store_path0')
  }

  /** How it differs from what there was from the start. */
  difference(): Difference {
    const [before, now] = [this.#stored, this.stored()]
    return {
      added: [...now].filter(([name]) => !before.has(name)).map(([, content]) => content),
      removed: [...before.keys()].filter((name) => !now.has(name)),
      changed: [...now].flatMap(([name, after]) => {
        const old = before.get(name)
        return old === undefined || old.equals(after) ? [] : [{ before: old, after }]
      }),
    }
  }

  /** Makes the storage, and the client's folder, hold what they held from the start. */
  restore(): void {
    const stored = this.stored()
    for (const name of stored.keys()) if (!this.#stored.has(name)) rmSync(name)
    for (const [name, content] of this.#stored) {
      if (stored.get(name)?.equals(content) !== true) writeFileSync(name, content)
    }
    for (const name of this.local()) rmSync(join(this.folder, name))
  }

  /** The files in the client's folder, but for the one that is uploaded. */
  local(): string[] {
    return readdirSync(this.folder).filter((name) => name !== SOURCE)
  }

  /** The path of a file that holds {@link CONTENT}. */
  get source(): string {
    return join(this.folder, SOURCE)
  }

  /** The files and sockets that are open and were not from the start. */
  leaked(): string[] {
    const now = openHandles()
    return now.filter((name) => !this.#handles.includes(name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]()
    await this.#cluster.stop()
    if (this.#environment === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = this.#environment
    for (const folder of [this.#root, this.folder]) await rm(folder, { recursive: true, force: true })
  }
}

/** Files and sockets of this process; where the system does not list them, sockets only. */
function openHandles(): string[] {
  if (process.platform !== 'linux') {
    return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')
  }
  const folder = '/proc/self/fd'
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(join(folder, fd))]
    } catch {
      // That of the folder itself, which is closed by now.
      return []
    }
  })
}

/** Waits for what becomes true in a moment, at most `limit` ms; the assertion that follows says what did not. */
export async function until(condition: () => boolean, limit = 5_000): Promise<void> {
  const end = process.hrtime.bigint() + BigInt(limit) * 1_000_000n
  while (!condition() && process.hrtime.bigint() < end) await nextTurn()
}
