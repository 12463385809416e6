/** A random sequence of what clients, storages, operators and people who mean ill send to a tracker. */
import { isDeepStrictEqual } from 'node:util'
import { bytes, i64, str } from '../../server/raw.js'
import type { Answer, Both, Pair } from './pair.js'
import { i32, type JoinFields, Packets } from './packets.js'

/** A storage that is played here. */
export interface Played {
  readonly group: string
  readonly source: string
  /** What tells it apart: its address, where there are no IDs. */
  readonly id: string
  readonly port: number
  pair?: Pair | undefined
  joined?: boolean
  /** Whether it was ACTIVE since it joined last. */
  wasActive?: boolean
}

/** The files' last changes that names tell of, in seconds before now, away from where a second more or less decides. */
const AGES = [1, 200, 400, 4000, 100_000]
/** Store paths of a group's storages, and what they change to: up to 3, for which real trackers always have room. */
const PATHS = 2
const OTHER_PATHS = [1, 2, 3]
/** Looks after which a connection that has ended should be noticed. */
const PATIENCE = 1000
const OFFLINE = 5
const ACTIVE = 7
const GONE: readonly number[] = [3, 4]
const EMPTY = Buffer.alloc(0)

function G(group: string): Buffer {
  return str(group, 16)
}

/** Plays with both; fails at the first difference. */
export class Play {
  readonly #both: Both
  readonly #packets: Packets
  readonly #random: (limit: number) => number
  readonly #storages: readonly Played[]
  readonly #usesIds: boolean
  readonly #isCalm: boolean
  readonly #keepsPaths: boolean
  readonly #groups: readonly string[]
  /** By group. */
  readonly #paths = new Map<string, number>()
  readonly #now = Math.floor(Date.now() / 1000)
  /** Those that are gone for good somewhere. */
  readonly #gone = new Set<string>()
  /** Whoever belongs to no group. */
  #client: Pair | undefined

  /**
   * @param isCalm - whether storages are never said to be gone for good: a real tracker does not start again where one
   * that is gone stands for a source of old files (protocol.md §12)
   * @param keepsPaths - whether no store path is ever taken away: a real tracker that looks for the one with the most
   * space compares the others with one that is gone, and so with what lies in its place
   */
  constructor(
    both: Both,
    storages: readonly Played[],
    { usesIds, isCalm, keepsPaths }: { usesIds: boolean; isCalm: boolean; keepsPaths: boolean },
    random: (limit: number) => number,
  ) {
    this.#both = both
    this.#packets = new Packets(both.dialect)
    this.#storages = storages
    this.#usesIds = usesIds
    this.#isCalm = isCalm
    this.#keepsPaths = keepsPaths
    this.#random = random
    this.#groups = [...new Set(storages.map(({ group }) => group))]
  }

  /** Both lead themselves from here on; before, nobody knows when the real one begins to. */
  async begin(): Promise<void> {
    this.#client = await this.#both.open(this.#source())
    const [first] = this.#storages as [Played]
    const joining = await this.#both.open(first.source)
    await joining.ask(81, this.#joinBodies({ ...this.#usual(first), status: 0, initFlag: 1 }))
    joining.close()
    for (let lead = false; !lead;) {
      const answers = await this.#asking().answers(64)
      lead = answers.every((answer) => JSON.stringify(answer).includes('"isLeader":true'))
    }
    await this.#goes(first)
  }

  /** One more step. */
  async step(): Promise<void> {
    const storage = this.#pick(this.#storages)
    if (this.#random(80) === 0) await this.#changePaths(storage.group)
    if (this.#random(3) > 0) await this.#query()
    else if (!storage.joined || storage.pair === undefined) await this.#outside(storage)
    else await this.#inside(storage, storage.pair)
    if (this.#asking().ended) this.#client = await this.#both.open(this.#source())
    await this.look(storage.group)
  }

  /** All that a client can see of a group. */
  async look(group: string): Promise<Answer> {
    await this.#asking().ask(90, G(group))
    const answer = await this.#asking().ask(92, G(group))
    for (const { id, status } of recordsOf(answer)) if (GONE.includes(status)) this.#gone.add(id)
    return answer
  }

  /** All that a client can see. */
  async lookAtAll(): Promise<void> {
    await this.#asking().ask(91)
    for (const group of this.#groups) await this.look(group)
  }

  /** All connections have ended, and both have another life: they lead again after the first JOIN. */
  async restarted(): Promise<void> {
    for (const storage of this.#storages) {
      storage.pair = undefined
      storage.joined = false
      storage.wasActive = false
    }
    this.#client?.close()
    this.#client = await this.#both.open(this.#source())
    await this.lookAtAll()
    await this.begin()
  }

  #asking(): Pair {
    return this.#client as Pair
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random(from.length)] as T
  }

  #source(): string {
    return this.#pick(this.#storages).source
  }

  #group(): Buffer {
    return G(
      this.#random(8) === 0 ? this.#pick(['nope', '', 'group1\0x', 'GROUP1']) : this.#pick(this.#groups),
    )
  }

  #id(): string {
    return this.#random(8) === 0 ? this.#pick(['10.9.9.9', '999999', 'x']) : this.#pick(this.#storages).id
  }

  /** One of another group: real ones take a storage for gone when any connection ends on which it has joined. */
  #stranger({ group }: Played): string {
    return this.#storages.find((other) => other.group !== group)?.id ?? ''
  }

  #ip(): string {
    return this.#random(8) === 0 ? '10.9.9.9' : this.#source()
  }

  #usual(storage: Played): Omit<JoinFields, 'trackers'> {
    const { group, port } = storage
    const id = this.#usesIds && this.#random(2) === 0 ? storage.id : ''
    const paths = this.#pathsOf(group)
    return { group, id, port, paths, subdirs: 256, priority: this.#random(5), initFlag: 1, status: 0 }
  }

  #pathsOf(group: string): number {
    return this.#paths.get(group) ?? PATHS
  }

  /** The storages of a group have more or fewer from now on: the group follows once all of them have joined so. */
  async #changePaths(group: string): Promise<void> {
    const least = this.#keepsPaths ? this.#pathsOf(group) : 0
    this.#paths.set(group, Math.max(least, this.#pick(OTHER_PATHS)))
    for (const storage of this.#storages) if (storage.group === group) await this.#join(storage)
  }

  #joinBodies(fields: Omit<JoinFields, 'trackers'>): [Buffer, Buffer] {
    return this.#both.bodies((tracker) => this.#packets.join({ ...fields, trackers: [tracker] }))
  }

  async #join(storage: Played): Promise<void> {
    storage.pair ??= await this.#both.open(storage.source)
    // One that has joined keeps its name: real ones forget who else it was.
    const odd = this.#random(14) + (storage.joined === true ? 2 : 0)
    const fields = {
      ...this.#usual(storage),
      ...(odd === 0 ? { group: this.#pick(['no_group', '']) } : {}),
      ...(odd === 1 ? { id: this.#pick(['999999', 'x', this.#stranger(storage)]) } : {}),
      ...(odd === 2 ? { paths: this.#pick([1, 0, 3, 257]) } : {}),
      ...(odd === 3 ? { subdirs: this.#pick([16, 0, 257]) } : {}),
      ...(odd === 4 ? { port: this.#pick([storage.port + 1, 0, -1]) } : {}),
      initFlag: odd > 9 ? 0 : 1,
      status: this.#pick([0, 1, 2, 5, 6, 7, 9, -1, 3, 4, 99]),
    }
    const answer = await storage.pair.ask(81, this.#joinBodies(fields))
    if (isGood(answer)) storage.joined = true
    // A connection whose JOIN was refused may have joined in part: it starts anew.
    else await this.#leave(storage)
  }

  /** @param id - what it is called by now */
  async #leave(storage: Played, id = storage.id): Promise<void> {
    // Real ones go on to give out one that was ACTIVE and is not when it goes (protocol.md §12).
    if (storage.wasActive === true && storage.pair?.ended === false && this.#packets.since(3)) {
      await storage.pair.ask(59, Buffer.of(OFFLINE))
    }
    storage.pair?.close()
    await this.#left(storage, id)
  }

  async #left(storage: Played, id = storage.id): Promise<void> {
    storage.pair = undefined
    storage.joined = false
    storage.wasActive = false
    await this.#goes({ ...storage, id })
  }

  /** Both see the end of a connection a moment later: then its start counts for nothing. */
  async #goes({ id, group }: Pick<Played, 'id' | 'group'>): Promise<void> {
    this.#both.note(`${id} has gone`)
    for (let away = false, tries = 0; !away; tries++) {
      if (tries > PATIENCE) {
        await this.#asking().ask(92, G(group))
        throw new Error(`neither sees that ${id} has gone\n${this.#both.story}`)
      }
      const lists = await this.#asking().answers(92, G(group))
      away =
        isDeepStrictEqual(lists[0], lists[1]) &&
        recordsOf(lists[0]).every((record) => record.id !== id || record.upTime === 0)
    }
  }

  /** By whoever is not in a group: one that joins, one that tells of others. */
  async #outside(storage: Played): Promise<void> {
    if (this.#random(4) > 0) return this.#join(storage)
    const { group } = storage
    const asking = this.#asking()
    switch (this.#random(3)) {
      case 0:
        await asking.ask(76, bytes(G(group), this.#brief(group)))
        break
      case 1:
        await this.#changeAddress(storage)
        break
      default:
        // Real ones read IDs past a body that is shorter than the one before.
        await asking.ask(93, bytes(G(group), str(this.#id(), 15)))
    }
  }

  async #changeAddress({ group, source }: Played): Promise<void> {
    const [former, now] = [this.#ip(), this.#pick([source, '10.9.9.9'])]
    const own = await this.#both.open(source)
    const answer = await own.ask(
      78,
      bytes(G(group), this.#packets.address(former), this.#packets.address(now)),
    )
    own.close()
    const moved = this.#storages.find((storage) => storage.group === group && storage.id === former)
    // Whoever has another address has no connection from the old one; real ones take its end for that of the new one.
    if (isGood(answer) && moved?.joined === true) await this.#leave(moved, now)
  }

  /** By a storage that has joined. */
  async #inside(storage: Played, pair: Pair): Promise<void> {
    switch (this.#random(14)) {
      case 0:
        return this.#leave(storage)
      case 1:
        return this.#join(storage)
      case 2:
      case 3:
        await pair.ask(83, this.#pick([EMPTY, this.#stats(), Buffer.alloc(347)]))
        break
      case 4:
      case 5:
      case 6: {
        const own = this.#pathsOf(storage.group)
        const paths = this.#pick([own, own, own, own, 1, 3])
        const reports = Array.from({ length: paths }, () => bytes(i64(1000), i64(this.#free())))
        await pair.ask(84, this.#random(12) === 0 ? Buffer.alloc(3) : bytes(...reports))
        break
      }
      case 7: {
        const reports = Array.from({ length: this.#random(4) }, () =>
          bytes(str(this.#id(), 16), i32(this.#time())),
        )
        await pair.ask(89, bytes(...reports))
        break
      }
      case 8:
        await pair.ask(this.#isSteady(storage) ? 79 : this.#pick([87, 79, 79]))
        break
      case 9:
      case 10:
        await pair.ask(88, this.#pick([Buffer.alloc(24), bytes(str(this.#syncSource(), 16), i64(9)), G('')]))
        break
      case 11:
        if (!this.#isSteady(storage))
          await pair.ask(59, Buffer.of(this.#status([0, 1, 2, 3, 4, 5, 6, 7, 9, 99, 200])))
        break
      case 12:
        await pair.ask(this.#pick([77, 85, 72, 73, 74, 60]), Buffer.alloc(this.#pick([0, 0, 4, 8])))
        break
      default:
        await pair.ask(85, bytes(this.#brief(storage.group), this.#brief(storage.group)))
    }
    if (pair.ended) return this.#left(storage)
    const records = recordsOf(await this.look(storage.group))
    storage.wasActive ||= records.some(({ id, status }) => id === storage.id && status === ACTIVE)
  }

  /** Whether it had better stay ACTIVE: where 22 ends connections nobody can take it back in time; see `#leave`. */
  #isSteady({ wasActive }: Played): boolean {
    return wasActive === true && !this.#packets.since(9)
  }

  #brief(group: string): Buffer {
    const { id, source } = this.#pick(this.#storages.filter((storage) => storage.group === group))
    const strange = this.#id()
    // A V5 crashes where it cannot take in a storage; by another address a real one would not know it after a restart.
    const [said, ip] = this.#packets.since(0)
      ? [strange, this.#isCalm ? strange : this.#pick([strange, this.#ip(), ''])]
      : [id, source]
    return this.#packets.brief(this.#status([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), said, ip)
  }

  #status(from: readonly number[]): number {
    return this.#pick(this.#isCalm ? from.filter((status) => !GONE.includes(status)) : from)
  }

  #syncSource(): string {
    const id = this.#id()
    return this.#isCalm && this.#gone.has(id) ? '' : id
  }

  #free(): number {
    return this.#pick([0, 5, 10, 11, 49, 50, 51, 99, 100, 101, 500, 900])
  }

  #time(): number {
    return this.#now - this.#pick([0, 3, 150, 199, 200, 201, 350, 399, 401, 5000, this.#now])
  }

  #stats(): Buffer {
    const counter = (): number => this.#random(1000)
    return bytes(
      ...Array.from({ length: 3 }, () => i32(counter())),
      ...Array.from({ length: 42 }, () => i64(counter())),
    )
  }

  /** By anybody. */
  async #query(): Promise<void> {
    const pair = this.#asking()
    const group = this.#group()
    const address = `${this.#ip()}:${this.#pick(this.#storages).port}`
    const pick = <T>(...from: T[]): T => this.#pick(from)
    switch (this.#random(28)) {
      case 0:
      case 24:
      case 25:
        return void (await pair.ask(pick(101, 106)))
      case 1:
      case 26:
      case 27:
        return void (await pair.ask(pick(104, 107), group))
      case 2:
      case 3:
      case 4:
        return void (await pair.ask(pick(102, 103, 105), bytes(group, this.#name())))
      case 5:
        return void (await pair.ask(pick(90, 91), pick(group, EMPTY)))
      case 6:
        return void (await pair.ask(92, bytes(group, this.#id())))
      case 7:
        return void (await pair.ask(94, bytes(group, str(pick('', this.#id()), 15))))
      case 8:
        return void (await pair.ask(97, Buffer.of(this.#random(4), pick(0x3d, 0x21, 0), this.#random(8), 1)))
      case 9:
        return void (await pair.ask(98, Buffer.of(pick(0, 1, 2, 4, 7), pick(0, 1), pick(0, 1), pick(0, 1))))
      case 10:
        return void (await pair.ask(71, bytes(group, pick(address, this.#ip(), '', ':', '[::1]:1'))))
      case 11:
        return void (await pair.ask(70, bytes(group, pick(address, this.#ip(), '', ':', '[::1]:1'))))
      case 12:
        return void (await pair.ask(109, pick(i32(23000), bytes(this.#ip(), i32(23000)), Buffer.alloc(2))))
      case 13:
        return void (await pair.ask(60, pick(bytes(str('group1', 17), i32(23000)), G('group1'), EMPTY)))
      case 14:
        return void (await pair.ask(69, pick(bytes(i32(this.#random(12) - 1), pick(0, 1)), i32(0), EMPTY)))
      case 15:
        return void (await pair.ask(86, bytes(group, str(this.#id(), 16))))
      case 16:
        return void (await pair.ask(77, pick(bytes(group, str(this.#id(), 16)), Buffer.alloc(3))))
      case 17:
        return void (await pair.ask(pick(64, 62, 63), Buffer.alloc(pick(0, 0, 1))))
      case 18:
        return void (await pair.ask(pick(66, 67), Buffer.from(pick('', 'x', '10.9.9.9:1', '1'.repeat(60)))))
      case 19:
        return void (await pair.ask(pick(58, 65), Buffer.alloc(pick(24, 23, 12, 0))))
      case 20:
        return void (await pair.ask(pick(111, 75, 95, 96), Buffer.alloc(pick(0, 0, 1, 3))))
      case 21:
        return void (await pair.ask(
          pick(0, 1, 11, 57, 80, 99, 110, 112, 255),
          Buffer.alloc(this.#random(40)),
        ))
      case 22:
        // Whoever has not joined.
        return void (await pair.ask(pick(83, 84, 89, 85, 87, 59, 72, 73, 74), Buffer.alloc(this.#random(30))))
      default: {
        const command = pick(101, 104, 107, 90, 91, 108, 95, 96, 97, 98, 75, 76, 86, 78, 81)
        await pair.ask(command, Buffer.alloc(pick(1, 2, 5, 15, 17, 18, 31), pick('a', '\0')))
      }
    }
  }

  #name(): string {
    const id = Number(this.#usesIds ? this.#id() : NaN)
    const source =
      id > 0 && this.#random(4) > 0 ? reversed(i32(id)) : Buffer.from(this.#ip().split('.').map(Number))
    const encoded = bytes(
      source,
      i32(this.#now - this.#pick(AGES)),
      Buffer.from([this.#pick([0x80, 0x80, 0x84, 0x88]), 0x6a, 0xc9, 0x25, 0, 0, 0, 9, 1, 2, 3, 4]),
    ).toString('base64url')
    const name = `M00/00/00/${encoded}${this.#pick(['123.txt', '123.txt', '_150x150123.txt', '123.txt\0\0'])}`
    const odd = this.#random(20)
    // Of a name that is shorter or no base64 real ones read what lies behind it.
    if (odd === 0) return name.padEnd(this.#pick([60, 61, 127, 128]), 'x')
    return odd === 1 ? name.slice(0, this.#pick([21, 37, 43])) : name
  }
}

function reversed(number: Buffer): Buffer {
  return Buffer.from(number).reverse()
}

function isGood(answer: Answer): boolean {
  return answer !== 'closed' && answer.status === 0
}

interface SeenStorage {
  readonly id: string
  readonly status: number
  readonly upTime: number
}

function recordsOf(answer: Answer): readonly SeenStorage[] {
  if (answer === 'closed') return []
  return (answer.body as { storages: SeenStorage[] } | undefined)?.storages ?? []
}
