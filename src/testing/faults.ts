import { checkDuration, checkInteger, checkNames, checkWord, show } from '../client/check.js'
import { InvalidArgumentError } from '../errors.js'
import type { CommandName } from './commands.js'
import { COMMAND_NAMES } from './commands.js'
import type { Party } from './party.js'

/** Where and when a fault happens; what is left out does not matter. */
export interface FaultMatch {
  /** The member that is asked: all of a kind, one of the cluster's members, or one by its name (`tracker1`). */
  readonly on?: 'tracker' | 'storage' | { readonly name: string } | (string & {}) | undefined
  /** Who asks: those outside the cluster, its own members, or one of these. */
  readonly from?: 'clients' | 'members' | { readonly name: string } | (string & {}) | undefined
  /** The command, or several. */
  readonly command?: CommandName | readonly CommandName[] | undefined
  /** How many matches go by unharmed first. @defaultValue 0 */
  readonly skip?: number | undefined
  /** How often it happens. @defaultValue Infinity */
  readonly times?: number | undefined
}

/**
 * What happens. `refuse` and `silence` are about connections, all others about single requests; those may be combined.
 * Where nothing is said to the contrary the request is carried out, and only its answer suffers.
 */
export interface FaultEffect {
  /** Is answered with this status, 1 to 255, and not carried out. */
  readonly status?: number | undefined
  /** New connections are reset as soon as they are made. */
  readonly refuse?: true | undefined
  /**
   * Nothing passes any more, in both directions, on connections old and new, as if the cable were out; when the fault
   * is removed, all that has waited arrives.
   */
  readonly silence?: true | undefined
  /** Is never answered; the connection stays open. */
  readonly hang?: true | undefined
  /** Nothing is read any more from the request's first byte on; the connection stays open. */
  readonly stopReading?: true | undefined
  /** Milliseconds until the first byte. */
  readonly delay?: number | undefined
  /** The connection is reset behind this many bytes, header included, or behind the last one. */
  readonly cutAfter?: number | undefined
  /** The member's side is ended (FIN) behind this many bytes of the answer; it reads on, and says nothing more. */
  readonly halfCloseAfter?: number | undefined
  /** Bytes are delivered in pieces of this many, each on its own. */
  readonly chunk?: number | undefined
  /** Bytes are delivered at this rate at most. */
  readonly bytesPerSecond?: number | undefined
  /** These bytes are sent in the answer's place. */
  readonly garbage?: Uint8Array | undefined
  /** The answer's header says that this many bytes follow. */
  readonly length?: number | undefined
  /**
   * Of what `delay`, `cutAfter`, `chunk` and `bytesPerSecond` speak: the answer, or the request on its way to the
   * member, or both. @defaultValue 'response'
   */
  readonly dir?: 'request' | 'response' | 'both' | undefined
}

const EFFECTS = [
  'status',
  'refuse',
  'silence',
  'hang',
  'stopReading',
  'delay',
  'cutAfter',
  'halfCloseAfter',
  'chunk',
  'bytesPerSecond',
  'garbage',
  'length',
] as const satisfies readonly (keyof FaultEffect)[]
/** They are about the answer alone. */
const OF_ANSWERS = ['status', 'hang', 'halfCloseAfter', 'garbage', 'length'] as const

/** One rule of {@link Cluster.fault}. Counts how often it happened; `remove` ends it, and so does the end of `using`. */
export class Fault implements Disposable {
  /** Where and when it happens. */
  readonly match: FaultMatch
  /** What happens. */
  readonly effect: FaultEffect
  readonly #drop: (fault: Fault) => void
  readonly #undo = new Set<() => void>()
  #seen = 0
  #hits = 0

  /** @internal */
  constructor(match: FaultMatch, effect: FaultEffect, drop: (fault: Fault) => void) {
    this.match = match
    this.effect = effect
    this.#drop = drop
  }

  /** How often it happened. */
  get hits(): number {
    return this.#hits
  }

  /** @internal Whether it is about connections, not requests. */
  get ofConnections(): boolean {
    return this.effect.refuse === true || this.effect.silence === true
  }

  /** Ends it. Connections that it has left hanging are reset; those that it silenced go on. */
  remove(): void {
    this.#drop(this)
    for (const undo of this.#undo) undo()
    this.#undo.clear()
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    this.remove()
  }

  /** The fault in words. */
  toString(): string {
    const { on, from, ...match } = this.match
    const where = { on: on && nameOf(on), from: from && nameOf(from), ...match }
    return `${JSON.stringify(where)} → ${JSON.stringify(this.effect)}`
  }

  /** @internal Whether it happens now; counts it if it does. */
  strikes(member: Party, peer: Party | undefined, command: string | undefined): boolean {
    const { on, from, skip = 0, times = Infinity } = this.match
    if (on !== undefined && on !== member.kind && nameOf(on) !== member.name) return false
    if (from !== undefined && !isFrom(from, peer)) return false
    if (this.match.command !== undefined && !listOf(this.match.command).some((name) => name === command))
      return false
    if (this.#hits >= times || ++this.#seen <= skip) return false
    this.#hits++
    return true
  }

  /** @internal Calls `undo` when the fault is removed. Returns what forgets that. */
  onRemoved(undo: () => void): () => void {
    this.#undo.add(undo)
    return () => this.#undo.delete(undo)
  }
}

function nameOf(member: string | { readonly name: string }): string {
  return typeof member === 'string' ? member : member.name
}

function listOf(command: CommandName | readonly CommandName[]): readonly CommandName[] {
  return typeof command === 'string' ? [command] : command
}

function isFrom(from: NonNullable<FaultMatch['from']>, peer: Party | undefined): boolean {
  if (from === 'clients') return peer === undefined
  if (from === 'members') return peer !== undefined
  return peer?.name === nameOf(from)
}

/** The faults of a cluster. The first that matches strikes. */
export class Faults {
  #active: readonly Fault[] = []
  /** Those not struck since the last reset, removed or not. */
  readonly #all = new Set<Fault>()

  /**
   * Adds a fault behind those there are.
   *
   * @param names - the cluster's members
   */
  add(match: FaultMatch, effect: FaultEffect, names: readonly string[]): Fault {
    checkMatch(match, names)
    checkEffect(match, effect)
    const fault = new Fault(match, effect, (removed) => {
      this.#active = this.#active.filter((other) => other !== removed)
    })
    this.#active = [...this.#active, fault]
    this.#all.add(fault)
    return fault
  }

  /** The fault that strikes a connection, or a request of a connection. */
  find(
    member: Party,
    peer: Party | undefined,
    command?: { readonly name: string | undefined },
  ): Fault | undefined {
    return this.#active.find(
      (fault) =>
        fault.ofConnections === (command === undefined) && fault.strikes(member, peer, command?.name),
    )
  }

  /** Those that never happened. */
  unused(): readonly Fault[] {
    return [...this.#all].filter(({ hits }) => hits === 0)
  }

  /** Removes and forgets all. */
  clear(): void {
    for (const fault of this.#all) fault.remove()
    this.#all.clear()
  }
}

function checkMatch(match: FaultMatch, names: readonly string[]): void {
  checkNames(match, ['on', 'from', 'command', 'skip', 'times'], 'a fault')
  const { on, from, command, skip, times } = match
  if (on !== undefined) checkWord(nameOf(on), 'on', ['tracker', 'storage', ...names])
  if (from !== undefined) checkWord(nameOf(from), 'from', ['clients', 'members', ...names])
  for (const name of command === undefined ? [] : listOf(command)) {
    if (!COMMAND_NAMES.includes(name)) throw new InvalidArgumentError(`there is no command ${show(name)}`)
  }
  if (skip !== undefined) checkInteger(skip, 'skip', 0)
  if (times !== undefined && times !== Infinity) checkInteger(times, 'times', 1)
}

function checkEffect(match: FaultMatch, effect: FaultEffect): void {
  checkNames(effect, [...EFFECTS, 'dir'], 'the effect of a fault')
  const given = EFFECTS.filter((name) => effect[name] !== undefined)
  if (given.length === 0) throw new InvalidArgumentError(`a fault needs one of ${EFFECTS.join(', ')}`)
  const alone = given.find((name) => name === 'refuse' || name === 'silence')
  if (alone !== undefined && (given.length > 1 || match.command !== undefined)) {
    throw new InvalidArgumentError(`${alone} is about whole connections: no command and no other effect`)
  }
  const { status, delay, chunk, bytesPerSecond, cutAfter, halfCloseAfter, length, garbage, dir } = effect
  if (status !== undefined && checkInteger(status, 'status', 1) > 255) {
    throw new InvalidArgumentError(`status must be 255 at most, not ${status}`)
  }
  if (delay !== undefined) checkDuration(delay, 'delay')
  if (chunk !== undefined) checkInteger(chunk, 'chunk', 1)
  if (bytesPerSecond !== undefined) checkInteger(bytesPerSecond, 'bytesPerSecond', 1)
  for (const [name, value] of Object.entries({ cutAfter, halfCloseAfter })) {
    if (value !== undefined && value !== Infinity) checkInteger(value, name, 0)
  }
  if (length !== undefined) checkInteger(length, 'length', 0)
  if (garbage !== undefined && !ArrayBuffer.isView(garbage)) {
    throw new InvalidArgumentError(`garbage must be bytes, not ${show(garbage)}`)
  }
  if (dir !== undefined) checkWord(dir, 'dir', ['request', 'response', 'both'])
  const misplaced = OF_ANSWERS.find(
    (name) => (dir ?? 'response') !== 'response' && effect[name] !== undefined,
  )
  if (dir === 'both' && cutAfter !== undefined) {
    throw new InvalidArgumentError('cutAfter is about the request or the answer, not both')
  }
  if (misplaced !== undefined) throw new InvalidArgumentError(`${misplaced} is not about requests`)
}
