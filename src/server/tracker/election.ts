import { ServerError, STATUS } from '../../errors.js'
import { log } from '../../observe/log.js'
import type { Command, Dialect, RequestOf, ResponseOf } from '../../protocol/index.js'
import { trackerClusterCommands, trackerCommands } from '../../protocol/index.js'
import { isAtLeast } from '../../protocol/dialect.js'
import { formatAddress } from '../address.js'
import type { Timer } from '../clock.js'
import { startTimer, stopTimer } from '../clock.js'
import type { Caller } from '../server-connection.js'
import { ServerConnection } from '../server-connection.js'
import type { TrackerAddress, Trackers } from './trackers.js'
import { compare } from './trackers.js'

const { trackerNotifyNextLeader, trackerCommitNextLeader, trackerJoinLeader, trackerPingLeader } =
  trackerClusterCommands

/** Milliseconds that another tracker has for an answer. */
const ANSWER_TIMEOUT = 2_000
/** Milliseconds between pings of the leader, and after an election without result at most. */
const INTERVAL = 1_000
/** Milliseconds after the first election without result: the others may not know each other yet. */
const FIRST_DELAY = 20
/** After this many pings without an answer a leader is given up (protocol.md §4.7). */
const MAX_FAILURES = 3

/** What trackers are compared by; see 64. */
type Standing = ResponseOf<typeof trackerCommands.trackerGetStatus>

/** What a tracker is to its election. */
export interface Elector extends Caller {
  readonly trackers: Trackers
  readonly dialect: Dialect
  /** How it stands; undefined while it has no groups. */
  readonly standing: () => Standing | undefined
  /** What it tells the leader of itself. */
  readonly report: () => { version: string; upTime: number; allocated: number; current: number; max: number }
}

interface Candidate {
  readonly tracker: TrackerAddress
  readonly standing: Standing
}

/**
 * Finds out who leads, by the rules of real trackers (protocol.md §4.7): one without a leader asks all how they stand,
 * and if none stands better, tells all that it leads. The others ping the leader. One that says it does not lead, and
 * one that nobody listens for any more, is given up at once; time alone brings what is not seen otherwise.
 */
export class Election {
  readonly #elector: Elector
  readonly #open = new Set<ServerConnection>()
  #leader: ServerConnection | undefined
  #failures = 0
  #delay = FIRST_DELAY
  #stopped = true
  #wake: (() => void) | undefined
  #woken = false
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(elector: Elector) {
    this.#elector = elector
  }

  /** Begins. */
  start(): void {
    this.#stopped = false
    this.#running = this.#run()
  }

  /** Ends; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const connection of this.#open) connection.close()
    this.wake()
    await this.#running
    await Promise.all([...this.#open].map((connection) => connection.closed))
  }

  /** Something has changed: looks at once. */
  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false
      await this.#wait(await this.#step())
    }
    this.#leave()
  }

  #leave(): void {
    this.#leader?.close()
    this.#leader = undefined
  }

  /** @returns milliseconds until the next step; undefined where only a change calls for one */
  async #step(): Promise<number | undefined> {
    const { trackers } = this.#elector
    if (trackers.own === undefined || trackers.leads) {
      this.#leave()
      return undefined
    }
    try {
      if (trackers.leader !== undefined) return await this.#ping(trackers.leader)
      if (await this.#elect(trackers.own)) {
        this.#delay = FIRST_DELAY
        return 0
      }
    } catch (error) {
      log.server('election: %s', (error as Error).message)
    }
    this.#delay = Math.min(2 * this.#delay, INTERVAL)
    return this.#delay
  }

  /** @returns whether there is a leader now */
  async #elect(own: TrackerAddress): Promise<boolean> {
    const { trackers, standing } = this.#elector
    const ownStanding = standing()
    const answers = await Promise.all(trackers.others.map((tracker) => this.#standingOf(tracker)))
    const candidates = answers.filter((answer) => answer !== undefined)
    if (ownStanding !== undefined) candidates.push({ tracker: own, standing: ownStanding })
    const best = candidates.sort(compareCandidates).at(-1)
    if (best === undefined || this.#stopped) return false
    if (best.tracker !== own) {
      if (best.standing.isLeader) trackers.follow(best.tracker)
      return best.standing.isLeader
    }
    await this.#tellAll(trackerNotifyNextLeader, own)
    trackers.announce(own)
    await this.#tellAll(trackerCommitNextLeader, own)
    return trackers.commit(own)
  }

  async #standingOf(tracker: TrackerAddress): Promise<Candidate | undefined> {
    try {
      return { tracker, standing: await this.#ask(tracker, trackerCommands.trackerGetStatus, {}) }
    } catch (error) {
      log.server('tracker %s: %s', nameOf(tracker), (error as Error).message)
      return undefined
    }
  }

  /** Whoever cannot be reached need not be told; who refuses ends the election. */
  async #tellAll(
    command: typeof trackerNotifyNextLeader | typeof trackerCommitNextLeader,
    own: TrackerAddress,
  ): Promise<void> {
    for (const tracker of this.#elector.trackers.others) {
      try {
        await this.#ask(tracker, command, { leader: nameOf(own) })
      } catch (error) {
        if (error instanceof ServerError) throw error
      }
    }
  }

  /** @returns milliseconds until the next ping */
  async #ping(leader: TrackerAddress): Promise<number> {
    const { trackers, dialect, report } = this.#elector
    try {
      const { allocated, current, max } = report()
      const connections = isAtLeast(dialect, '6.15.5') ? { allocated, current, max } : undefined
      const connection = (this.#leader ??= await this.#join(leader))
      await withTimeout(connection, () => connection.request(trackerPingLeader, { connections }))
      this.#failures = 0
      return INTERVAL
    } catch (error) {
      log.server('leader %s: %s', nameOf(leader), (error as Error).message)
      this.#leave()
      this.#failures++
      if (this.#failures < MAX_FAILURES && !isOver(error)) return INTERVAL * 2 ** this.#failures
      this.#failures = 0
      if (trackers.leader === leader) trackers.follow(undefined)
      return FIRST_DELAY
    }
  }

  async #join(leader: TrackerAddress): Promise<ServerConnection> {
    const { trackers, dialect, report } = this.#elector
    const connection = await this.#connect(leader)
    const { version, upTime } = report()
    if (isAtLeast(dialect, '6.15.5')) {
      const port = trackers.own?.port ?? 0
      await withTimeout(connection, () => connection.request(trackerJoinLeader, { upTime, version, port }))
    }
    void connection.closed.then(() => {
      if (this.#leader !== connection) return
      this.#leader = undefined
      this.wake()
    })
    return connection
  }

  async #ask<C extends Command>(
    tracker: TrackerAddress,
    command: C,
    values: RequestOf<C>,
  ): Promise<ResponseOf<C>> {
    const connection = await this.#connect(tracker)
    try {
      return await withTimeout(connection, () => connection.request(command, values))
    } finally {
      connection.close()
    }
  }

  async #connect({ ips, port }: TrackerAddress): Promise<ServerConnection> {
    const connection = ServerConnection.open({ host: ips[0], port }, this.#elector)
    this.#open.add(connection)
    void connection.closed.then(() => this.#open.delete(connection))
    await withTimeout(connection, () => connection.connected())
    return connection
  }

  #wait(delay: number | undefined): Promise<void> {
    if (this.#woken || this.#stopped || delay === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        stopTimer(this.#timer)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      if (delay !== undefined) this.#timer = startTimer(delay, done)
    })
  }
}

/** Closes the connection when the answer takes too long. */
async function withTimeout<T>(connection: ServerConnection, work: () => Promise<T>): Promise<T> {
  const timer = startTimer(ANSWER_TIMEOUT, () => connection.close())
  try {
    return await work()
  } finally {
    stopTimer(timer)
  }
}

/** Who stands better comes later: the leader, who runs longer, who was away for less, then by address. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    Number(a.standing.isLeader) - Number(b.standing.isLeader) ||
    a.standing.runningTime - b.standing.runningTime ||
    b.standing.restartInterval - a.standing.restartInterval ||
    compare(a.tracker, b.tracker)
  )
}

function nameOf({ ips, port }: TrackerAddress): string {
  return formatAddress(ips[0], port)
}

/** Whether nobody listens there any more, or someone who does not lead. */
function isOver(error: unknown): boolean {
  const { cause } = error as { cause?: NodeJS.ErrnoException }
  return (
    cause?.code === 'ECONNREFUSED' || (error instanceof ServerError && error.status === STATUS.EOPNOTSUPP)
  )
}
