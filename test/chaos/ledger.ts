/** What the cluster has acknowledged. Contents are made again from what they were drawn from, and take no memory. */
import { Random } from './random.js'

/** Bytes that a number decides. */
export interface Piece {
  readonly seed: number
  readonly size: number
}

/** A storage was asked to put a piece at the end of a file, or to delete the file. */
export interface Change {
  /** Undefined for a deletion. */
  readonly piece: Piece | undefined
  /** The storage that was asked, as `host:port`; undefined where none was reached. */
  readonly storage: string | undefined
  /** `acknowledged`: it said that it has done so; `unknown`: its answer was lost; `failed`: it has not done so. */
  readonly outcome: 'acknowledged' | 'unknown' | 'failed'
}

/** A file that was acknowledged. */
export interface Entry {
  readonly id: string
  readonly isAppender: boolean
  /** All that was asked for, in order. */
  readonly changes: Change[]
  /** What it may hold: more than one, where the outcome of an append is not known. */
  versions: (readonly Piece[])[]
  /** Whether a deletion has begun: the file is there or gone; or has been acknowledged: it is gone. */
  fate: 'kept' | 'unknown' | 'deleted'
  /** When it was changed, by `performance.now()`. */
  changedAt: number
  /** Whether an operation is under way on it. */
  busy: boolean
}

/** The bytes of a piece. */
export function bytesOf({ seed, size }: Piece): Buffer {
  const random = new Random(seed)
  const bytes = Buffer.allocUnsafe(size)
  // By words: the content only has to be another one for each seed.
  for (let at = 0; at < size; at += 4) {
    const left = Math.min(4, size - at)
    bytes.writeUIntBE(random.below(256 ** left), at, left)
  }
  return bytes
}

/** Whether content is one of those that an entry may have. */
export function holds({ versions }: Entry, content: Buffer): boolean {
  return versions.some((pieces) => content.equals(Buffer.concat(pieces.map(bytesOf))))
}

/** All that was acknowledged. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()

  /** All files, deleted ones too. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  /** A new file, and the storage that took it. Throws when its ID is that of another one. */
  add(id: string, isAppender: boolean, piece: Piece, storage: string): void {
    if (this.#entries.has(id)) throw new Error(`the ID ${id} was given twice`)
    this.#entries.set(id, {
      id,
      isAppender,
      changes: [{ piece, storage, outcome: 'acknowledged' }],
      versions: [[piece]],
      fate: 'kept',
      changedAt: performance.now(),
      busy: false,
    })
  }

  /** A file that nothing is being done with; undefined where there is none. */
  pick(random: Random, fits: (entry: Entry) => boolean): Entry | undefined {
    const entries = this.entries
    // Not all are looked at: any will do.
    for (let i = 0; i < 50; i++) {
      const entry = random.one(entries)
      if (entry !== undefined && !entry.busy && fits(entry)) return entry
    }
    return undefined
  }
}
