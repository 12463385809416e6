/** What one contender did in one slice of time. */
export interface Slice {
  readonly operations: number
  /** Seconds. */
  readonly wall: number
  /** Seconds of this process on all its threads. */
  readonly cpu: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Gives the next operation, or undefined when there is nothing left to do. */
export type Next = () => (() => Promise<void>) | undefined

/** Milliseconds of the first slices, at least: code is compiled, and caches and connections are filled. */
const WARM_UP = 250

/** Milliseconds of a slice in a round, of which the first is not counted. */
export function durationOf(round: number, duration: number): number {
  return round === 0 ? Math.max(WARM_UP, duration) : duration
}

/**
 * Runs operations, `concurrency` at a time, for `duration` milliseconds. As many before that are not counted: they open
 * connections, and test those that rested while others were measured.
 */
export async function measureSlice(next: Next, concurrency: number, duration: number): Promise<Slice> {
  let warmups = concurrency
  await runAll(next, concurrency, () => warmups-- > 0, [])

  const latencies: number[] = []
  const usage = process.cpuUsage()
  const start = performance.now()
  const end = start + duration
  await runAll(next, concurrency, (now) => now < end, latencies)
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(usage)
  if (latencies.length === 0) throw new Error('there was nothing to do')
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
  return { operations: latencies.length, wall, cpu: (user + system) / 1e6, p50: at(0.5), p99: at(0.99) }
}

async function runAll(
  next: Next,
  concurrency: number,
  goesOn: (now: number) => boolean,
  latencies: number[],
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let begun = performance.now(); goesOn(begun);) {
      const operation = next()
      if (operation === undefined) return
      await operation()
      const now = performance.now()
      latencies.push(now - begun)
      begun = now
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
