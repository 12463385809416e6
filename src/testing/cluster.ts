import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkInteger, checkNames, show } from '../client/check.js'
import type { ClientOptions } from '../client/index.js'
import { FastDfsClient } from '../client/index.js'
import { InvalidArgumentError } from '../errors.js'
import { limits } from '../protocol/index.js'
import { DiskStore, MemoryStore, Storage, Tracker } from '../server/index.js'
import type { HttpOptions, StorageHttp } from './storage-http.js'
import { addHttp } from './storage-http.js'

/** What a cluster is made of. */
export interface ClusterOptions {
  /** How many trackers, 1 to 16. @defaultValue 1 */
  trackers?: number | undefined
  /** How many groups, 1 to 512; they are named group1, group2, … @defaultValue 1 */
  groups?: number | undefined
  /** How many storages in each group, 1 to 32. @defaultValue 1 */
  storages?: number | undefined
  /** The address that every member listens on. @defaultValue '127.0.0.1' */
  host?: string | undefined
  /** The port of the first tracker, the others follow; 0 lets the system choose. @defaultValue 0 */
  port?: number | undefined
  /** Where files are kept: in memory, or below a folder that outlives the cluster. @defaultValue 'memory' */
  store?: 'memory' | { readonly dir: string } | undefined
  /** Whether every storage serves its files over HTTP too, and how. @defaultValue false */
  http?: boolean | HttpOptions | undefined
}

/** A tracker or storage of a cluster. */
export interface Member {
  /** The address it listens on. */
  readonly host: string
  /** The port it listens on; the same over stops and starts. */
  readonly port: number
  /** Starts it again after a stop. */
  start(): Promise<void>
  /** Ends all its connections and stops listening. What it knows and keeps is there again after a start. */
  stop(): Promise<void>
}

/** A storage of a cluster. */
export interface StorageMember extends Member {
  /** The group it belongs to. */
  readonly group: string
  /** Its storage ID. */
  readonly id: number
  /** Resolves when every tracker that can be reached counts it ACTIVE. */
  whenActive(): Promise<void>
}

/** The first storage ID; every further storage has the next one. */
const FIRST_STORAGE_ID = 100_001

/** Trackers and storages in this process, joined to one cluster. Made by {@link startCluster}. */
export class Cluster {
  /** The trackers. */
  readonly trackers: readonly Member[]
  /** The storages of all groups. */
  readonly storages: readonly StorageMember[]
  readonly #https: readonly StorageHttp[]
  readonly #clients: FastDfsClient[] = []

  /** @internal */
  constructor(
    trackers: readonly Member[],
    storages: readonly StorageMember[],
    https: readonly StorageHttp[] = [],
  ) {
    this.trackers = trackers
    this.storages = storages
    this.#https = https
  }

  /**
   * One storage.
   *
   * @param group - its group, `group1`…
   * @param index - its place in the group, from 0 on
   * @throws InvalidArgumentError when there is none
   */
  storage(group: string, index: number): StorageMember {
    const storage = this.storages.filter((candidate) => candidate.group === group)[index]
    if (storage === undefined)
      throw new InvalidArgumentError(`there is no storage ${index} in ${show(group)}`)
    return storage
  }

  /**
   * The HTTP side of one storage. As nginx beside a real one, it goes on when the storage stops.
   *
   * @param group - the storage's group, `group1`…
   * @param index - its place in the group, from 0 on
   * @throws InvalidArgumentError when there is none: the cluster was not started with `http`
   */
  http(group: string, index: number): StorageHttp {
    const { id } = this.storage(group, index)
    const http = this.#https.find((candidate) => candidate.id === id)
    if (http === undefined) throw new InvalidArgumentError('the cluster was started without the option http')
    return http
  }

  /** The options of a client for this cluster. */
  clientOptions(): { trackers: string[] } {
    return {
      trackers: this.trackers.map(({ host, port }) =>
        host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      ),
    }
  }

  /** A client for this cluster; closed with it. */
  client(options: Partial<ClientOptions> = {}): FastDfsClient {
    const client = new FastDfsClient({ ...this.clientOptions(), ...options })
    this.#clients.push(client)
    return client
  }

  /** Environment variables that tell other processes of this cluster. */
  env(): { FASTDFS_TRACKERS: string } {
    return { FASTDFS_TRACKERS: this.clientOptions().trackers.join(',') }
  }

  /** A client.conf for this cluster, as every FastDFS client reads it (protocol.md §8.2). */
  clientConf(): string {
    const trackers = this.clientOptions().trackers.map((tracker) => `tracker_server = ${tracker}\n`)
    return `connect_timeout = 5\nnetwork_timeout = 30\nbase_path = ${tmpdir()}\n${trackers.join('')}`
  }

  /** Closes its clients and stops all members. Nothing is left running; files in a folder stay there. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ grace: 0 })))
    await Promise.all(this.#https.map((http) => http.stop()))
    await Promise.all(this.storages.map((storage) => storage.stop()))
    await Promise.all(this.trackers.map((tracker) => tracker.stop()))
  }

  /** `await using cluster = await startCluster()` stops it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/**
 * Starts a FastDFS cluster in this process, on real sockets.
 *
 * @returns when every storage is ACTIVE
 * @throws InvalidArgumentError when an option is wrong, or its name unknown
 * @throws ConnectError when an address cannot be listened on
 * @example
 * ```ts
 * await using cluster = await startCluster({ trackers: 2, groups: 2 })
 * const { id } = await cluster.client().uploadFile(Buffer.from('hello'), { ext: 'txt' })
 * ```
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  checkNames(options, ['trackers', 'groups', 'storages', 'host', 'port', 'store', 'http'], 'startCluster')
  const {
    trackers: trackerCount = 1,
    groups = 1,
    storages: storageCount = 1,
    host = '127.0.0.1',
    port = 0,
  } = options
  checkCount(trackerCount, 'trackers', limits.MAX_TRACKERS)
  checkCount(groups, 'groups', limits.MAX_GROUPS)
  checkCount(storageCount, 'storages', limits.MAX_STORAGES)
  checkInteger(port, 'port', 0)
  const http = httpOptions(options.http)
  const trackers = upTo(trackerCount).map((i) => new Tracker({ host, port: port === 0 ? 0 : port + i }))
  const storages: Storage[] = []
  const https: StorageHttp[] = []
  const cluster = new Cluster(trackers, storages, https)
  try {
    await Promise.all(trackers.map((tracker) => tracker.start()))
    // Storages tell trackers of each other, so they need the ports that the trackers got.
    const endpoints = trackers.map((tracker) => ({ host, port: tracker.port }))
    for (const group of upTo(groups).map((i) => `group${i + 1}`)) {
      for (const index of upTo(storageCount)) {
        const store = storeOf(options.store, `${group}-storage${index + 1}`)
        const id = FIRST_STORAGE_ID + storages.length
        if (http !== undefined) addHttp(https, { group, id, host, store, storePathCount: 1 }, http)
        storages.push(new Storage({ group, id, host, trackers: endpoints, store }))
      }
    }
    await Promise.all(storages.map((storage) => storage.start()))
    await Promise.all(https.map((http) => http.start()))
    await Promise.all(storages.map((storage) => storage.whenActive()))
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

function httpOptions(http: ClusterOptions['http']): HttpOptions | undefined {
  if (http === undefined || typeof http === 'boolean') return http === true ? {} : undefined
  return http
}

function storeOf(store: ClusterOptions['store'], name: string): MemoryStore | DiskStore {
  if (store === undefined || store === 'memory') return new MemoryStore()
  if (typeof store.dir !== 'string') {
    throw new InvalidArgumentError(`store must be 'memory' or { dir }, not ${show(store)}`)
  }
  return new DiskStore({ folder: join(store.dir, name) })
}

/** What a cluster of more members sends, no client and no server takes. */
function checkCount(value: number, name: string, most: number): void {
  if (checkInteger(value, name, 1) > most) {
    throw new InvalidArgumentError(`${name} must be ${most} at most, not ${value}`)
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
