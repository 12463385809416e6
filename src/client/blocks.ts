import { PIECE_SIZE } from './pieces.js'

/** For each of 8 transfers two are kept. */
const KEPT = 16
const pieces: Buffer[] = []

/** Each block costs a hop to a thread and back, whatever its size: see docs/design.md. */
const LARGE_SIZE = 4 * PIECE_SIZE
const LARGE_FROM = 64 * PIECE_SIZE
/** For one transfer: sixteen at a time would take 128 MiB otherwise. The others get blocks of the common size meanwhile. */
const LARGE_COUNT = 2
const large: Buffer[] = []
/** Those that there are. One of a transfer that failed is not given back, and another takes its place. */
const allLarge: WeakRef<Buffer>[] = []

/**
 * Memory for a piece of a file, less where less is left of it. What is given back is used again, by the next file too: it
 * lies in the processor's caches, and a new one would become garbage, of which V8 lets 32 MiB lie about. With 16 calls at
 * a time, downloads of 1 MiB to a path cost a third less so.
 *
 * @param missing - bytes of the file that are still to come
 */
export function takeBlock(missing: number): Buffer {
  if (missing < PIECE_SIZE) return Buffer.allocUnsafeSlow(Math.max(0, missing))
  const block = missing < LARGE_FROM ? undefined : takeLarge()
  return block ?? pieces.pop() ?? Buffer.allocUnsafeSlow(PIECE_SIZE)
}

function takeLarge(): Buffer | undefined {
  const idle = large.pop()
  if (idle !== undefined) return idle
  for (let i = 0; i < LARGE_COUNT; i++) {
    if (allLarge[i]?.deref() !== undefined) continue
    const block = Buffer.allocUnsafeSlow(LARGE_SIZE)
    allLarge[i] = new WeakRef(block)
    return block
  }
  return undefined
}

/** Takes back what {@link takeBlock} gave, when nothing reads or writes it any more. */
export function giveBlock(block: Buffer): void {
  if (block.length === LARGE_SIZE) large.push(block)
  else if (block.length === PIECE_SIZE && pieces.length < KEPT) pieces.push(block)
}
