import { checkInteger, checkWord, show } from '../client/check.js'
import { FileNotFoundError, InvalidArgumentError } from '../errors.js'
import { parseFileId } from '../file-id/index.js'
import { limits } from '../protocol/index.js'
import type { Storage, Store, Tracker, ServerEndpoint } from '../server/index.js'
import type { ClusterNetwork } from './cluster-network.js'
import type { HarnessStore } from './harness-store.js'
import { MortalStore } from './mortal-store.js'
import type { Party } from './party.js'

/** Whether a member runs. */
export type MemberState = 'running' | 'paused' | 'stopped'

/** A tracker or storage of a cluster. */
export interface Member {
  /** `tracker1`, `group1-storage1`… */
  readonly name: string
  /** The address it is reached at. */
  readonly host: string
  /** The port it listens on; the same over stops and starts. */
  readonly port: number
  /** Whether it runs. */
  readonly state: MemberState
  /**
   * Starts it again after `stop` or `kill`.
   *
   * @throws ClosedError when the cluster was stopped
   */
  start(): Promise<void>
  /** Ends all its connections and stops listening. What it knows and keeps is there again after a start. */
  stop(): Promise<void>
  /**
   * Ends it as `kill -9` would: its connections are gone at once, it says no goodbye and writes nothing more. A start
   * begins with what was on disk; a storage in memory has lost its files.
   */
  kill(): Promise<void>
  /** Stops it as SIGSTOP would: connections can still be made, but nothing is read, answered or sent. */
  pause(): void
  /** Goes on after `pause`: all that has waited is read and answered. */
  resume(): void
}

/** A tracker of a cluster. */
export type TrackerMember = Member

/** The names of the seven statuses of a storage, and `NONE`. */
export type StorageStatus = keyof typeof limits.STORAGE_STATUS

/** A file of a storage. */
export interface StoredFileInfo {
  /** Its file ID. */
  readonly id: string
  /** Bytes. */
  readonly size: number
  /** When it was changed last. */
  readonly modifiedAt: Date
}

/** A storage of a cluster. */
export interface StorageMember extends Member {
  /** The group it belongs to. */
  readonly group: string
  /** Its storage ID; with `storageIds: false` its address. */
  readonly id: number | string
  /**
   * Resolves when every tracker that can be reached counts it ACTIVE.
   *
   * @throws ClosedError when the cluster is stopped before
   */
  whenActive(): Promise<void>
  /**
   * The trackers hold it to this status, whatever it reports; undefined lets go of it. At a reset too.
   *
   * @throws InvalidArgumentError when there is no such status
   */
  setStatus(status: StorageStatus | undefined): void
  /**
   * Leaves this many bytes free in each of its store paths. Resolves when the trackers know it: one that is paused, when it
   * goes on.
   */
  setFreeSpace(bytes: number): Promise<void>
  /** The files it holds, by name; metadata is no file of its own. */
  files(): Promise<StoredFileInfo[]>
  /** What is known of a file; undefined where it holds none of that ID. */
  stat(id: string): Promise<StoredFileInfo | undefined>
  /**
   * The content of a file as it is stored.
   *
   * @throws FileNotFoundError when it holds none of that ID
   */
  read(id: string): Promise<Buffer>
  /**
   * Turns the bits of one byte of a file over, behind the storage's back.
   *
   * @param offset - which byte; the first where absent
   * @throws FileNotFoundError when it holds none of that ID
   * @throws InvalidArgumentError when the file is shorter
   */
  corrupt(id: string, offset?: number): Promise<void>
  /**
   * Removes a file and its metadata, behind the storage's back.
   *
   * @throws FileNotFoundError when it holds none of that ID
   */
  delete(id: string): Promise<void>
}

/** What both kinds of servers are to a handle. */
interface Server {
  readonly port: number
  start(): Promise<void>
  stop(): Promise<void>
  /** Ends it: nothing is written any more. */
  kill(): Promise<void>
}

/** Starts and ends a server, and makes it anew after it was killed. */
class Lifecycle<S extends Server> {
  readonly party: Party
  readonly #network: ClusterNetwork
  readonly #make: (port: number) => S
  #server: S
  /** Resolves when the one that was killed has let go of its port, and is replaced; undefined: none is dying. */
  #dying: Promise<void> | undefined
  state: MemberState = 'stopped'

  constructor(party: Party, network: ClusterNetwork, port: number, make: (port: number) => S) {
    this.party = party
    this.#network = network
    this.#make = make
    this.#server = make(port)
  }

  get server(): S {
    return this.#server
  }

  async start(): Promise<void> {
    if (this.#dying !== undefined) await this.#dying
    if (this.state !== 'stopped') return
    this.#network.checkOpen()
    this.state = 'running'
    try {
      await this.#server.start()
    } catch (error) {
      this.state = 'stopped'
      throw error
    }
  }

  async stop(): Promise<void> {
    this.resume()
    this.state = 'stopped'
    await this.#server.stop()
  }

  kill(): Promise<void> {
    this.#network.kill(this.party)
    this.resume()
    this.state = 'stopped'
    const dead = this.#server
    this.#dying ??= dead.kill().then(() => {
      this.#server = this.#make(dead.port)
      this.#dying = undefined
    })
    return this.#dying
  }

  pause(): void {
    if (this.state !== 'running') {
      throw new InvalidArgumentError(`${this.party.name} is ${this.state}: it cannot be paused`)
    }
    this.state = 'paused'
    const { name } = this.party
    this.#network.silence(this, (wire) => wire.member.name === name || wire.peer?.name === name)
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.state = 'running'
    this.#network.unsilence(this)
  }
}

/** A tracker. */
export class TrackerHandle implements Member {
  readonly #life: Lifecycle<Tracker>
  readonly host: string

  constructor(
    party: Party,
    network: ClusterNetwork,
    { host, port, make }: { host: string; port: number; make: (port: number) => Tracker },
  ) {
    this.#life = new Lifecycle(party, network, port, make)
    this.host = host
  }

  get party(): Party {
    return this.#life.party
  }

  get name(): string {
    return this.#life.party.name
  }

  get port(): number {
    return this.#life.server.port
  }

  get state(): MemberState {
    return this.#life.state
  }

  start(): Promise<void> {
    return this.#life.start()
  }

  stop(): Promise<void> {
    return this.#life.stop()
  }

  kill(): Promise<void> {
    return this.#life.kill()
  }

  pause(): void {
    this.#life.pause()
  }

  resume(): void {
    this.#life.resume()
  }

  /** Holds a storage to a status; see {@link StorageMember.setStatus}. */
  holdStatus(group: string, id: number | string, status: number | undefined): void {
    this.#life.server.holdStatus(group, String(id), status)
  }
}

/** What a storage handle is made with. */
export interface StorageHandleOptions {
  readonly group: string
  readonly id: number | string
  readonly host: string
  readonly port: number
  readonly store: HarnessStore
  readonly make: (port: number, store: Store) => Storage
  /** The trackers of the cluster. */
  readonly trackers: () => readonly TrackerHandle[]
}

/** A storage with the store that it can be parted from. */
class MortalStorage implements Server {
  readonly storage: Storage
  readonly #immortal: HarnessStore
  readonly #mortal: MortalStore

  constructor(immortal: HarnessStore, make: (store: Store) => Storage) {
    this.#immortal = immortal
    this.#mortal = new MortalStore(immortal)
    this.storage = make(this.#mortal)
  }

  get port(): number {
    return this.storage.port
  }

  start(): Promise<void> {
    return this.storage.start()
  }

  stop(): Promise<void> {
    return this.storage.stop()
  }

  kill(): Promise<void> {
    this.#mortal.die()
    this.#immortal.lose()
    return this.storage.stop()
  }
}

/** A storage. */
export class StorageHandle implements StorageMember {
  readonly #life: Lifecycle<MortalStorage>
  readonly #network: ClusterNetwork
  readonly #options: StorageHandleOptions
  #held = false
  /** Whether its free space was set since the last reset. */
  #sized = false

  constructor(party: Party, network: ClusterNetwork, options: StorageHandleOptions) {
    this.#options = options
    this.#network = network
    this.#life = new Lifecycle(
      party,
      network,
      options.port,
      (port) => new MortalStorage(options.store, (store) => options.make(port, store)),
    )
  }

  get party(): Party {
    return this.#life.party
  }

  get name(): string {
    return this.#life.party.name
  }

  get group(): string {
    return this.#options.group
  }

  get id(): number | string {
    return this.#options.id
  }

  get host(): string {
    return this.#options.host
  }

  get port(): number {
    return this.#life.server.port
  }

  get state(): MemberState {
    return this.#life.state
  }

  start(): Promise<void> {
    return this.#life.start()
  }

  stop(): Promise<void> {
    return this.#life.stop()
  }

  kill(): Promise<void> {
    return this.#life.kill()
  }

  pause(): void {
    this.#life.pause()
  }

  resume(): void {
    this.#life.resume()
  }

  whenActive(): Promise<void> {
    return this.#network.whileOpen(this.#life.server.storage.whenActive())
  }

  setTrackers(endpoints: readonly ServerEndpoint[]): Promise<void> {
    return this.#life.server.storage.setTrackers(endpoints)
  }

  setStatus(status: StorageStatus | undefined): void {
    const names = Object.keys(limits.STORAGE_STATUS) as StorageStatus[]
    if (status !== undefined) checkWord(status, 'status', names)
    this.#held = status !== undefined
    const number = status === undefined ? undefined : limits.STORAGE_STATUS[status]
    for (const tracker of this.#options.trackers()) tracker.holdStatus(this.group, this.id, number)
  }

  async setFreeSpace(bytes: number): Promise<void> {
    checkInteger(bytes, 'the free space', 0)
    this.#sized = true
    this.#options.store.setFree(bytes)
    await this.#life.server.storage.reportDisks()
  }

  async files(): Promise<StoredFileInfo[]> {
    const names = (await this.#options.store.names()).filter((name) => !name.endsWith('-m')).sort()
    const files = await Promise.all(names.map((name) => this.#stat(name)))
    return files.filter((file) => file !== undefined)
  }

  stat(id: string): Promise<StoredFileInfo | undefined> {
    return this.#stat(this.#nameOf(id))
  }

  async read(id: string): Promise<Buffer> {
    return (await this.#options.store.content(this.#nameOf(id))) ?? this.#missing(id)
  }

  async corrupt(id: string, offset = 0): Promise<void> {
    const content = Buffer.from(await this.read(id))
    const byte = content[checkInteger(offset, 'offset', 0)]
    if (byte === undefined) {
      throw new InvalidArgumentError(`the file has ${content.length} bytes, none at ${offset}`, {
        fileId: id,
      })
    }
    const edit = await this.#options.store.edit(this.#nameOf(id))
    await edit?.write(Buffer.of(byte ^ 0xff), offset)
    await edit?.close()
  }

  async delete(id: string): Promise<void> {
    const name = this.#nameOf(id)
    if (!(await this.#options.store.remove(name))) this.#missing(id)
    await this.#options.store.remove(`${name}-m`)
  }

  /** What is stored now comes back with every reset. */
  keepFiles(): Promise<void> {
    return this.#options.store.keepAsBase()
  }

  /** Passes nothing on until a reset; resolves when nothing is on its way to the others of its group. */
  rest(): Promise<void> {
    return this.#life.server.storage.rest()
  }

  /** Goes back to how it began, but for its connections. */
  async reset(): Promise<void> {
    if (this.#held) this.setStatus(undefined)
    await this.#options.store.reset()
    await this.#life.server.storage.reset()
    // Trackers that were told of a full disk would go on to refuse uploads.
    if (this.#sized) await this.#life.server.storage.reportDisks()
    this.#sized = false
  }

  /**
   * Tells the others of its group what they have not got yet; resolves when those have it that can be reached.
   *
   * @param others - the storages of the cluster: nobody waits for those that a silent connection leads to
   */
  async replicate(others: readonly StorageHandle[]): Promise<void> {
    const { storage } = this.#life.server
    const unheard = (id: string): boolean => {
      const other = others.find((candidate) => candidate.group === this.group && String(candidate.id) === id)
      return other !== undefined && this.#network.isSilent(this.party, other.party)
    }
    const forget = this.#network.onSilence(() => storage.recheck())
    try {
      await storage.replicate(unheard)
    } finally {
      forget()
    }
  }

  async #stat(name: string): Promise<StoredFileInfo | undefined> {
    const stat = await this.#options.store.stat(name)
    if (stat === undefined) return undefined
    return { id: `${this.group}/${name}`, size: stat.size, modifiedAt: new Date(stat.modifiedAt * 1000) }
  }

  #nameOf(id: string): string {
    const { group, name } = parseFileId(id)
    if (group !== this.group) {
      throw new InvalidArgumentError(`${this.name} holds files of ${this.group}, not of ${show(group)}`, {
        fileId: id,
      })
    }
    return name
  }

  #missing(id: string): never {
    throw new FileNotFoundError(`${this.name} does not hold this file`, { fileId: id })
  }
}
