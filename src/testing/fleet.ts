import { join } from 'node:path'
import { show } from '../client/check.js'
import { InvalidArgumentError } from '../errors.js'
import type { Dialect } from '../protocol/index.js'
import type { Store, ServerEndpoint } from '../server/index.js'
import { dialectOf, DiskStore, MemoryStore, Storage, Tracker } from '../server/index.js'
import { reachableFromOutside, reachableWithin } from './addresses.js'
import { ClusterNetwork } from './cluster-network.js'
import { HarnessStore } from './harness-store.js'
import type { Member } from './members.js'
import { StorageHandle, TrackerHandle } from './members.js'
import type { ClusterOptions, GroupPlan } from './options.js'
import { portOf, trackerRules } from './options.js'
import type { HttpOptions, StorageHttp } from './storage-http.js'
import { addHttp } from './storage-http.js'

/** The first storage ID; every further storage has the next one. */
const FIRST_STORAGE_ID = 100_001
/** Longer addresses do not fit the narrow fields (protocol.md §1.3). */
const MAX_NARROW_ADDRESS = 15

/** The members of a cluster: makes them, and lets each know of the others. */
export class Fleet {
  readonly network: ClusterNetwork
  readonly #options: ClusterOptions
  readonly #host: string
  readonly #within: string
  readonly #outside: string
  readonly #dialect: Dialect
  readonly #groups = new Map<string, GroupPlan>()
  #trackers: readonly TrackerHandle[] = []
  #storages: readonly StorageHandle[] = []
  /** The HTTP sides of the storages, where they were asked for. */
  readonly https: StorageHttp[] = []
  readonly #http: HttpOptions | undefined
  #trackersMade = 0
  #storagesMade = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#host = options.host ?? '127.0.0.1'
    this.#http = options.http === true ? {} : options.http || undefined
    this.#within = reachableWithin(this.#host)
    this.#outside = options.advertise ?? reachableFromOutside(this.#host)
    const { profile, addressSize = this.#outside.length > MAX_NARROW_ADDRESS ? 46 : undefined } = options
    this.#dialect = dialectOf(profile, addressSize)
    const told = this.#outside === this.#host ? undefined : this.#outside
    this.network = new ClusterNetwork({ within: this.#within, told })
  }

  get trackers(): readonly TrackerHandle[] {
    return this.#trackers
  }

  get storages(): readonly StorageHandle[] {
    return this.#storages
  }

  get members(): readonly (TrackerHandle | StorageHandle)[] {
    return [...this.#trackers, ...this.#storages]
  }

  /** The first trackers: no storage is there yet. */
  async startTrackers(count: number): Promise<void> {
    const trackers = Array.from({ length: count }, () => this.#makeTracker())
    await Promise.all(trackers.map((tracker) => tracker.start()))
  }

  /** One more tracker, which all storages join. */
  async addTracker(): Promise<TrackerHandle> {
    const tracker = this.#makeTracker()
    await tracker.start()
    await this.#tellTrackers()
    await this.whenActive()
    return tracker
  }

  /** A group with its storages; resolves when they are ACTIVE. */
  async addGroup(name: string, plan: GroupPlan): Promise<readonly StorageHandle[]> {
    if (this.#groups.has(name)) throw new InvalidArgumentError(`there is a group ${show(name)} already`)
    this.#groups.set(name, plan)
    const storages = [this.#makeStorage(name, plan)]
    // Where addresses tell storages apart, the port that the first gets is that of all.
    if (this.#options.storageIds === false) await storages[0]?.start()
    while (storages.length < plan.storages) storages.push(this.#makeStorage(name, plan))
    await this.#startAll(storages)
    return storages
  }

  /** One more storage of a group; resolves when it is ACTIVE. */
  async addStorage(group: string): Promise<StorageHandle> {
    const plan = this.#groups.get(group)
    if (plan === undefined) throw new InvalidArgumentError(`there is no group ${show(group)}`)
    const storage = this.#makeStorage(group, plan)
    await this.#startAll([storage])
    return storage
  }

  /** Stops a member and forgets it; returns the storage that it was. */
  async remove(member: Member): Promise<StorageHandle | undefined> {
    const storage = this.#storages.find((other) => other === member)
    if (storage === undefined && !this.#trackers.some((other) => other === member)) {
      throw new InvalidArgumentError(`${member.name} is no member of this cluster`)
    }
    await member.stop()
    this.#storages = this.#storages.filter((other) => other !== member)
    this.#trackers = this.#trackers.filter((other) => other !== member)
    if (storage === undefined) await this.#tellTrackers()
    else await this.#removeHttp(storage.id)
    return storage
  }

  async #removeHttp(id: number | string): Promise<void> {
    const index = this.https.findIndex((http) => http.id === id)
    if (index >= 0) await Promise.all(this.https.splice(index, 1).map((http) => http.stop()))
  }

  /** Resolves when all storages that run are ACTIVE. */
  async whenActive(): Promise<void> {
    const running = this.#storages.filter(({ state }) => state === 'running')
    await Promise.all(running.map((storage) => storage.whenActive()))
  }

  /** Starts storages that were just made; resolves when they are ACTIVE. */
  async #startAll(storages: readonly StorageHandle[]): Promise<void> {
    await Promise.all(storages.map((storage) => storage.start()))
    await Promise.all(this.https.map((http) => http.start()))
    await Promise.all(storages.map((storage) => storage.whenActive()))
  }

  #makeTracker(): TrackerHandle {
    const index = this.#trackersMade++
    const { ports, clock, store = 'memory' } = this.#options
    const dialect = this.#dialect
    const party = { name: `tracker${index + 1}`, kind: 'tracker', dialect } as const
    const tracker = new TrackerHandle(party, this.network, {
      host: this.#outside,
      port: portOf(ports?.trackers, index),
      make: (port) =>
        new Tracker({
          ...trackerRules(this.#options),
          useStorageId: this.#options.storageIds,
          host: this.#host,
          port,
          dialect,
          clock,
          dir: store === 'memory' ? undefined : join(store.dir, party.name, 'data'),
          network: this.network.of(party),
        }),
    })
    this.#trackers = [...this.#trackers, tracker]
    return tracker
  }

  #makeStorage(group: string, { storePaths, disk }: GroupPlan): StorageHandle {
    const index = this.#storagesMade++
    const { ports, clock, replication } = this.#options
    const dialect = this.#dialect
    const siblings = this.#storages.filter((other) => other.group === group)
    const place = siblings.length
    const party = { name: `${group}-storage${place + 1}`, kind: 'storage', dialect } as const
    const address = this.#options.storageIds === false ? loopbackAddress(index) : undefined
    const id = address ?? FIRST_STORAGE_ID + index
    const firstPort =
      address === undefined
        ? portOf(ports?.storages, index)
        : (siblings[0]?.port ?? portOf(ports?.storages, this.#groups.size - 1))
    const store = new HarnessStore(() => this.#makeStore(party.name), disk)
    const storage = new StorageHandle(party, this.network, {
      group,
      id,
      host: address ?? this.#outside,
      port: firstPort,
      store,
      trackers: () => this.#trackers,
      make: (port, mortalStore) =>
        new Storage({
          group,
          id,
          host: address ?? this.#host,
          port,
          trackers: this.#endpoints(),
          store: mortalStore,
          storePathCount: storePaths,
          replication,
          dialect,
          clock,
          network: this.network.of(party),
        }),
    })
    this.#storages = [...this.#storages, storage]
    if (this.#http !== undefined) {
      const places = {
        host: address ?? this.#host,
        address: address ?? this.#outside,
        storePathCount: storePaths,
      }
      addHttp(this.https, { group, id, ...places, store, clock }, this.#http)
    }
    return storage
  }

  #makeStore(name: string): Store {
    const { store = 'memory', clock } = this.#options
    return store === 'memory' ? new MemoryStore({ clock }) : new DiskStore({ folder: join(store.dir, name) })
  }

  #endpoints(): ServerEndpoint[] {
    return this.#trackers.map(({ port }) => ({ host: this.#within, port }))
  }

  async #tellTrackers(): Promise<void> {
    await Promise.all(this.#storages.map((storage) => storage.setTrackers(this.#endpoints())))
  }
}

/** An address of this machine for each storage: 127.0.0.1, 127.0.0.2… */
function loopbackAddress(index: number): string {
  return `127.0.${Math.floor(index / 254)}.${(index % 254) + 1}`
}
