import type { Tally } from './tally.js'

/** What one contender did in one slice of time. */
export interface Slice {
  /** Those that went well. */
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

/**
 * Milliseconds of each kind of work before it is counted, with {@link WARM_UP_CALLERS} calls at a time. The smaller a
 * client is, the sooner all of it is compiled and optimised; one call at a time takes seconds of its slices to get there.
 */
export const WARM_UP = 600
export const WARM_UP_CALLERS = 16

/** Milliseconds of a slice in a round, of which the first is not counted. */
export function durationOf(round: number, duration: number): number {
  return round === 0 ? Math.max(WARM_UP, duration) : duration
}

/**
 * Runs operations, `concurrency` at a time, for `duration` milliseconds. As many before that are not counted: they open
 * connections, and test those that rested while others were measured. What fails is left out.
 *
 * @throws the error of an operation, when too many fail for `tally`
 */
export async function measureSlice(
  next: Next,
  concurrency: number,
  duration: number,
  tally: Tally,
): Promise<Slice> {
  let warmups = concurrency
  await runAll(next, concurrency, () => warmups-- > 0, tally, [])

  const latencies: number[] = []
  const usage = process.cpuUsage()
  const start = performance.now()
  const end = start + duration
  await runAll(next, concurrency, (now) => now < end, tally, latencies)
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
  tally: Tally,
  latencies: number[],
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let begun = performance.now(); goesOn(begun);) {
      const operation = next()
      if (operation === undefined) return
      let now: number
      try {
        await operation()
        now = performance.now()
        latencies.push(now - begun)
        tally.done++
      } catch (error) {
        tally.fail(error)
        now = performance.now()
      }
      begun = now
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
