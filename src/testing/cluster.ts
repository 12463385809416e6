import { tmpdir } from 'node:os'
import timers from 'node:timers/promises'
import { show } from '../client/check.js'
import type { ClientOptions, UploadedFile } from '../client/index.js'
import { FastDfsClient } from '../client/index.js'
import { AbortError, InvalidArgumentError } from '../errors.js'
import type { Fault, FaultEffect, FaultMatch } from './faults.js'
import { Fleet } from './fleet.js'
import type { Requests } from './history.js'
import type { LeakReport } from './leaks.js'
import { reportLeaks } from './leaks.js'
import type { Member, StorageMember, TrackerMember } from './members.js'
import { StorageHandle } from './members.js'
import type { ClusterOptions, GroupOptions, SeedFile } from './options.js'
import { checkOptions, planGroup, planGroups } from './options.js'
import type { Recording } from './recording.js'
import type { StorageHttp } from './storage-http.js'
import type { Wire } from './wire.js'

const { setImmediate: nextTurn } = timers
/** After so many turns of the event loop the end of a connection that was closed has come through. */
const TURNS = 20
/** After so many that of one whose last request had not been read yet: the system holds some MiB of it. */
const READING_TURNS = 1000
/** What a storage is told may make it tell something itself: its change of a file wins over another's. */
const REPLICATION_ROUNDS = 3

/** A member in numbers. */
export interface MemberStats {
  /** `tracker1`, `group1-storage1`… */
  readonly member: string
  /** Connections open now: of clients, and of other members. */
  readonly connections: { readonly clients: number; readonly members: number }
  /** Requests under way: not answered yet. */
  readonly running: number
  /** Files, metadata apart; 0 for a tracker. */
  readonly files: number
}

/** Trackers and storages in this process, joined to one cluster. Made by {@link startCluster}. */
export class Cluster implements AsyncDisposable {
  readonly #options: ClusterOptions
  readonly #fleet: Fleet
  readonly #clients: FastDfsClient[] = []
  #seeded: readonly UploadedFile[] = []
  #stopping: Promise<LeakReport> | undefined

  /** @internal */
  constructor(options: ClusterOptions) {
    this.#options = options
    this.#fleet = new Fleet(options)
  }

  /** The trackers. */
  get trackers(): readonly TrackerMember[] {
    return this.#fleet.trackers
  }

  /** The storages of all groups. */
  get storages(): readonly StorageMember[] {
    return this.#fleet.storages
  }

  /** The files of the option `seed`, in its order. */
  get seeded(): readonly UploadedFile[] {
    return this.#seeded
  }

  /** What the members were asked. */
  get requests(): Requests {
    return this.#fleet.network.requests
  }

  /**
   * One storage.
   *
   * @param group - its group, such as `group1`
   * @param index - its place in the group, from 0 on
   * @throws InvalidArgumentError when there is none
   */
  storage(group: string, index = 0): StorageMember {
    const storage = this.#fleet.storages.filter((candidate) => candidate.group === group)[index]
    if (storage === undefined)
      throw new InvalidArgumentError(`there is no storage ${index} in ${show(group)}`)
    return storage
  }

  /**
   * The HTTP side of one storage. As nginx beside a real one, it goes on when the storage stops.
   *
   * @param group - the storage's group, such as `group1`
   * @param index - its place in the group, from 0 on
   * @throws InvalidArgumentError when there is none: the cluster was not started with `http`
   */
  http(group: string, index = 0): StorageHttp {
    const { id } = this.storage(group, index)
    const http = this.#fleet.https.find((candidate) => candidate.id === id)
    if (http === undefined) throw new InvalidArgumentError('the cluster was started without the option http')
    return http
  }

  /** Whether its storages have an HTTP side. */
  get hasHttp(): boolean {
    return this.#fleet.https.length > 0
  }

  /** The options of a client for this cluster. */
  clientOptions(): { trackers: string[] } {
    return {
      trackers: this.#fleet.trackers.map(({ host, port }) =>
        host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      ),
    }
  }

  /**
   * A client for this cluster; closed with it.
   *
   * @throws ClosedError when the cluster was stopped
   */
  client(options: Partial<ClientOptions> = {}): FastDfsClient {
    this.#fleet.network.checkOpen()
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

  /**
   * Lets something go wrong: from now on, until the fault is removed or has happened often enough. Of several that
   * match, the one made first happens.
   *
   * @throws InvalidArgumentError when the match or the effect makes no sense
   * @example
   * ```ts
   * using full = cluster.fault({ on: 'storage', command: 'uploadFile', times: 1 }, { status: 28 })
   * cluster.fault({ on: cluster.trackers[0], from: 'clients' }, { silence: true })
   * cluster.fault({ command: 'downloadFile' }, { cutAfter: 1000 })
   * ```
   */
  fault(match: FaultMatch, effect: FaultEffect): Fault {
    const names = this.#fleet.members.map(({ name }) => name)
    const fault = this.#fleet.network.faults.add(match, effect, names)
    this.#fleet.network.apply(fault)
    return fault
  }

  /**
   * Parts two members, or a member and the clients. Connections between them are reset, and new ones too; with
   * `silent`, nothing passes on them any more, as if the cable were out.
   *
   * @returns what ends it
   * @throws InvalidArgumentError when both are the same
   */
  partition(
    one: Member | 'clients',
    other: Member | 'clients',
    { silent = false }: { readonly silent?: boolean | undefined } = {},
  ): Disposable & { remove(): void } {
    if (one === other) throw new InvalidArgumentError('a partition is between two: name another one')
    const effect: FaultEffect = silent ? { silence: true } : { refuse: true }
    const ways = [
      { on: one, from: other },
      { on: other, from: one },
    ].filter((way): way is { on: Member; from: Member | 'clients' } => way.on !== 'clients')
    const faults = ways.map((way) => this.fault(way, effect))
    if (!silent) for (const fault of faults) this.#fleet.network.resetOpen(fault)
    const remove = (): void => {
      for (const fault of faults) fault.remove()
    }
    return { remove, [Symbol.dispose]: remove }
  }

  /** The faults that never happened, since the start or the last reset. */
  unusedFaults(): readonly Fault[] {
    return this.#fleet.network.faults.unused()
  }

  /** Records what passes between members and clients, and among members, from now on. */
  record(): Recording {
    return this.#fleet.network.record()
  }

  /** Each member in numbers. */
  async stats(): Promise<MemberStats[]> {
    const wires = [...this.#fleet.network.wires]
    return Promise.all(
      this.#fleet.members.map(async (member) => {
        const own = wires.filter((wire) => wire.member === member.party)
        const clients = own.filter(({ peer }) => peer === undefined).length
        return {
          member: member.name,
          connections: { clients, members: own.length - clients },
          running: own.filter(({ running }) => running !== undefined).length,
          files: member instanceof StorageHandle ? (await member.files()).length : 0,
        }
      }),
    )
  }

  /**
   * Adds a tracker; resolves when every storage that runs has joined it.
   *
   * @throws ClosedError when the cluster was stopped
   */
  addTracker(): Promise<TrackerMember> {
    return this.#fleet.addTracker()
  }

  /**
   * Adds a group with its storages; resolves when they are ACTIVE.
   *
   * @throws InvalidArgumentError when there is one of that name
   * @throws ClosedError when the cluster was stopped
   */
  async addGroup(name: string, options: GroupOptions = {}): Promise<readonly StorageMember[]> {
    return this.#fleet.addGroup(name, planGroup(name, { storages: this.#options.storages, ...options }))
  }

  /**
   * Adds a storage to a group; resolves when it is ACTIVE.
   *
   * @throws InvalidArgumentError when there is no such group
   * @throws ClosedError when the cluster was stopped
   */
  addStorage(group: string): Promise<StorageMember> {
    return this.#fleet.addStorage(group)
  }

  /** Takes a member out for good. A storage is also deleted at the trackers: they list it as DELETED (protocol.md §2.5). */
  async remove(member: Member): Promise<void> {
    const storage = await this.#fleet.remove(member)
    if (storage === undefined) return
    await using client = new FastDfsClient(this.clientOptions())
    await client.admin.deleteStorage(storage.group, String(storage.id))
  }

  /**
   * Lets the storages of each group tell each other what they have not told yet, in every mode of `replication`.
   * Resolves when all members that can be reached hold the same files: nobody waits for those that were stopped or
   * paused, or are parted from a storage by a partition, silent or not.
   */
  async replicate(): Promise<void> {
    const running = this.#fleet.storages.filter(({ state }) => state !== 'stopped')
    for (let round = 0; round < REPLICATION_ROUNDS; round++) {
      await Promise.all(running.map((storage) => storage.replicate(running)))
    }
  }

  /**
   * Goes back to how the cluster began: without files but those of `seed`, faults, held statuses, history, recordings and
   * counters. Members that were stopped or paused run again. Ports and clients stay.
   *
   * @throws ClosedError when the cluster was stopped
   */
  async reset(): Promise<void> {
    this.#fleet.network.checkOpen()
    this.#fleet.network.clear()
    const { members, storages } = this.#fleet
    for (const member of members) member.resume()
    // What one is sent while it is reset would be there afterwards.
    await Promise.all(storages.map((storage) => storage.rest()))
    await Promise.all(storages.map((storage) => storage.reset()))
    const stopped = members.filter(({ state }) => state === 'stopped')
    if (stopped.length === 0) return
    await Promise.all(stopped.map((member) => member.start()))
    await this.#fleet.whenActive()
  }

  /**
   * Closes its clients and stops all members. Nothing is left running; files in a folder stay there.
   *
   * @returns what the tests have left behind
   */
  stop(): Promise<LeakReport> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** `await using cluster = await startCluster()` stops it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** @internal */
  async start(): Promise<void> {
    const { trackers = 1, seed = [] } = this.#options
    this.#checkSignal()
    await this.#fleet.startTrackers(trackers)
    this.#checkSignal()
    const groups = [...planGroups(this.#options)]
    await Promise.all(groups.map(([name, plan]) => this.#fleet.addGroup(name, plan)))
    this.#checkSignal()
    if (seed.length > 0) await this.#sow(seed)
  }

  #checkSignal(): void {
    const { signal } = this.#options
    if (!signal?.aborted) return
    throw new AbortError('the start of the cluster was aborted', { cause: signal.reason })
  }

  async #sow(seed: readonly SeedFile[]): Promise<void> {
    const { signal } = this.#options
    await using client = new FastDfsClient(this.clientOptions())
    const seeded: UploadedFile[] = []
    // One after the other: with a clock that is not the machine's, the same IDs come of it each time.
    for (const { data, ...options } of seed) {
      const source = typeof data === 'string' ? Buffer.from(data) : data
      seeded.push(await client.uploadFile(source, { ...options, signal }))
    }
    this.#seeded = seeded
    await this.replicate()
    await Promise.all(this.#fleet.storages.map((storage) => storage.keepFiles()))
    this.requests.clear()
  }

  async #stop(): Promise<LeakReport> {
    const { network, trackers, storages, members, https } = this.#fleet
    const unusedFaults = network.faults.unused().map((fault) => fault.toString())
    const waits = network.requests.waiting
    // A request that goes on may be another client's, which may be gone: its end has not come through then.
    const isWaiting = this.#clients.some((client) => client.stats().calls > 0)
    const running = network.clientWires().filter((wire) => wire.running !== undefined)
    const calls = running.map((wire) => ({ wire, member: wire.member.name, command: wire.running as string }))
    network.close()
    for (const member of members) member.resume()
    network.endSilence()
    await Promise.all(this.#clients.map((client) => client.close({ grace: 0 })))
    // What is not read does not learn of its end.
    const stillOpen = (): Wire[] => network.clientWires().filter(({ isRead }) => isRead)
    const isClosing = (turn: number): boolean =>
      stillOpen().some(({ isReceiving }) => turn < (isReceiving ? READING_TURNS : TURNS))
    for (let turn = 0; isClosing(turn); turn++) await nextTurn()
    const open = stillOpen()
    network.clear()
    await Promise.all(storages.map((storage) => storage.stop()))
    await Promise.all(trackers.map((tracker) => tracker.stop()))
    // Last: a storage that was just starting has started its HTTP side.
    await Promise.all(https.map((http) => http.stop()))
    return reportLeaks({
      connections: open.map((wire) => ({
        member: wire.member.name,
        client: `${wire.client}:${wire.clientPort}`,
        requests: wire.requestCount,
        running: calls.find((call) => call.wire === wire)?.command,
      })),
      calls: calls
        .filter(({ wire }) => isWaiting && !open.includes(wire))
        .map(({ member, command }) => ({ member, command })),
      waits,
      unusedFaults,
    })
  }
}

/**
 * Starts a FastDFS cluster in this process, on real sockets.
 *
 * @returns when every storage is ACTIVE
 * @throws InvalidArgumentError when an option is wrong, or its name unknown
 * @throws ConnectError when an address cannot be listened on
 * @throws AbortError when the signal is aborted; nothing is left running
 * @example
 * ```ts
 * await using cluster = await startCluster({ trackers: 2, groups: 2 })
 * const { id } = await cluster.client().uploadFile(Buffer.from('hello'), { ext: 'txt' })
 * ```
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  checkOptions(options)
  const cluster = new Cluster(options)
  try {
    await cluster.start()
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}
