import { PIECE_SIZE } from './pieces.js'

/** Memory of one size. */
interface Pool {
  readonly size: number
  /** How many are kept. */
  readonly kept: number
  readonly idle: Buffer[]
}

/** Two for each of 8 transfers. */
const PIECES: Pool = { size: PIECE_SIZE, kept: 16, idle: [] }
/** Two for a transfer. Each block costs a hop to a thread and back, whatever its size: see docs/design.md. */
const LARGE: Pool = { size: 4 * PIECE_SIZE, kept: 2, idle: [] }
const LARGE_FROM = 64 * PIECE_SIZE

/**
 * Memory for a piece of a file, less where less is left of it. What is given back is used again, by the next file too: it
 * lies in the processor's caches, and a new one would become garbage, of which V8 lets 32 MiB lie about. With 16 calls at
 * a time, downloads of 1 MiB to a path cost a third less so.
 *
 * @param missing - bytes of the file that are still to come
 */
export function takeBlock(missing: number): Buffer {
  if (missing < PIECE_SIZE) return Buffer.allocUnsafeSlow(Math.max(0, missing))
  const { size, idle } = missing < LARGE_FROM ? PIECES : LARGE
  return idle.pop() ?? Buffer.allocUnsafeSlow(size)
}

/** Takes back what {@link takeBlock} gave, when nothing reads or writes it any more. */
export function giveBlock(block: Buffer): void {
  for (const { size, kept, idle } of [PIECES, LARGE]) {
    if (block.length === size && idle.length < kept) idle.push(block)
  }
}
