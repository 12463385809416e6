/** Uploads, appends, downloads and deletions that go on whatever happens, and are written down. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastDfsClient } from '../../src/index.js'
import {
  AbortError,
  IntegrityError,
  InvalidArgumentError,
  isFastDfsError,
  LocalIoError,
  ProtocolError,
  UnknownOutcomeError,
} from '../../src/index.js'
import { Asked } from './asked.js'
import type { Change, Entry, Piece } from './ledger.js'
import { bytesOf, holds, Ledger } from './ledger.js'
import { Random } from './random.js'

/** Milliseconds that a worker rests between two operations. */
const REST = 20
const MOST_BYTES = 48 * 1024
/** Milliseconds that a call may take: attempts, their time limits and pauses, and a machine that is busy. */
const CALL_LIMIT = 60_000

/** Errors that no failing server excuses. */
const NEVER = [IntegrityError, ProtocolError, InvalidArgumentError, LocalIoError, AbortError]

/** Workers on one client. */
export class Workload {
  readonly ledger = new Ledger()
  /** How often each operation went well, and how often each error came of it. */
  readonly counts = new Map<string, number>()
  /** What must never happen. */
  readonly violations: string[] = []
  /**
   * Until when the members have told each other of all changes, by `performance.now()`. A file that can be changed is
   * changed again only then: two changes of one file at two members have no order on the wire, and one of them counts.
   */
  settledUntil = -Infinity
  readonly #client: FastDfsClient
  readonly #random: Random
  #over = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(client: FastDfsClient, seed: number) {
    this.#client = client
    this.#random = new Random(seed)
  }

  /** Begins, with so many workers. */
  start(workers: number): void {
    const seeds = Array.from({ length: workers }, () => this.#random.below(2 ** 32))
    this.#running = Promise.all(seeds.map((seed) => this.#work(new Random(seed))))
  }

  /** Ends when every operation has. */
  async stop(): Promise<void> {
    this.#over = true
    await this.#running
  }

  async #work(random: Random): Promise<void> {
    while (!this.#over) {
      const draw = random.below(100)
      if (draw < 30) await this.#upload(random, draw < 8)
      else if (draw < 55) await this.#append(random)
      else if (draw < 90) await this.#download(random)
      else await this.#delete(random)
      await sleep(random.below(2 * REST))
    }
  }

  async #upload(random: Random, isAppender: boolean): Promise<void> {
    const piece = pieceOf(random)
    await this.#count(isAppender ? 'uploadAppenderFile' : 'uploadFile', async () => {
      const { id, endpoint } = isAppender
        ? await this.#client.uploadAppenderFile(bytesOf(piece), { ext: 'log' })
        : await this.#client.uploadFile(bytesOf(piece), { ext: 'bin' })
      this.ledger.add(id, isAppender, piece, endpoint)
    })
  }

  async #append(random: Random): Promise<void> {
    const fits = (entry: Entry): boolean =>
      entry.isAppender && entry.versions.length === 1 && this.#mayChange(entry)
    await this.#with(random, fits, 'appendFile', async (entry) => {
      entry.changedAt = performance.now()
      const piece = { ...pieceOf(random), size: random.between(1, 2_000) }
      const [before = []] = entry.versions
      const asked = new Asked('appendFile')
      let outcome: Change['outcome'] = 'failed'
      try {
        await asked.by(() => this.#client.appendFile(entry.id, bytesOf(piece)))
        outcome = 'acknowledged'
        entry.versions = [[...before, piece]]
      } catch (error) {
        if (error instanceof UnknownOutcomeError) {
          outcome = 'unknown'
          entry.versions = [before, [...before, piece]]
        }
        throw error
      } finally {
        entry.changes.push({ piece, storage: asked.storage, outcome })
      }
    })
  }

  async #download(random: Random): Promise<void> {
    await this.#with(
      random,
      ({ fate }) => fate === 'kept',
      'downloadFile',
      async (entry) => {
        const content = await this.#client.downloadFile(entry.id)
        // A replica may lag behind with what is appended.
        if (!entry.isAppender && !holds(entry, content)) {
          this.violations.push(`${entry.id}: other content was read than was stored`)
        }
      },
    )
  }

  async #delete(random: Random): Promise<void> {
    await this.#with(
      random,
      ({ fate }) => fate === 'kept',
      'deleteFile',
      async (entry) => {
        entry.fate = 'unknown'
        const asked = new Asked('deleteFile')
        let outcome: Change['outcome'] = 'unknown'
        try {
          await asked.by(() => this.#client.deleteFile(entry.id))
          outcome = 'acknowledged'
          entry.fate = 'deleted'
        } finally {
          entry.changes.push({ piece: undefined, storage: asked.storage, outcome })
        }
      },
    )
  }

  #mayChange({ fate, isAppender, changedAt }: Entry): boolean {
    return fate === 'kept' && (!isAppender || changedAt < this.settledUntil)
  }

  async #with(
    random: Random,
    fits: (entry: Entry) => boolean,
    name: string,
    use: (entry: Entry) => Promise<void>,
  ): Promise<void> {
    const entry = this.ledger.pick(random, fits)
    if (entry === undefined) return
    entry.busy = true
    await this.#count(name, () => use(entry))
    entry.busy = false
  }

  async #count(name: string, operation: () => Promise<void>): Promise<void> {
    const beganAt = performance.now()
    let ending = 'done'
    try {
      await operation()
    } catch (error) {
      ending = isFastDfsError(error) ? error.name : 'foreign error'
      const isExcused = isFastDfsError(error) && !NEVER.some((Kind) => error instanceof Kind)
      if (!isExcused) this.violations.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
    }
    const took = performance.now() - beganAt
    if (took > CALL_LIMIT) this.violations.push(`${name} took ${Math.round(took)} ms`)
    const key = `${name}: ${ending}`
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
  }
}

function pieceOf(random: Random): Piece {
  return { seed: random.below(2 ** 32), size: random.below(MOST_BYTES) }
}
