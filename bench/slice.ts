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

/**
 * Begins the next operation; undefined when there is nothing left to do. One function for all of a kind: what is made for
 * each slice or operation is compiled anew each time, and that would be counted as the contender's.
 */
export type Operation = () => Promise<void> | undefined

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
  operation: Operation,
  concurrency: number,
  duration: number,
  tally: Tally,
): Promise<Slice> {
  await runAll(new Run(operation, tally, { count: concurrency, end: Infinity }), concurrency)

  const usage = process.cpuUsage()
  const start = performance.now()
  const run = new Run(operation, tally, { count: Infinity, end: start + duration })
  await runAll(run, concurrency)
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(usage)
  if (run.latencies.length === 0) throw new Error('there was nothing to do')
  const latencies = Float64Array.from(run.latencies).sort()
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
  return { operations: latencies.length, wall, cpu: (user + system) / 1e6, p50: at(0.5), p99: at(0.99) }
}

async function runAll(run: Run, concurrency: number): Promise<void> {
  await Promise.all(Array.from({ length: concurrency }, () => run.work()))
}

/** What the callers of a slice do together. */
class Run {
  /** Milliseconds of each operation that went well. */
  readonly latencies: number[] = []
  readonly #operation: Operation
  readonly #tally: Tally
  readonly #end: number
  #left: number

  /** @param limit - operations that begin at most, and until when, by `performance.now()` */
  constructor(operation: Operation, tally: Tally, limit: { count: number; end: number }) {
    this.#operation = operation
    this.#tally = tally
    this.#left = limit.count
    this.#end = limit.end
  }

  /** One caller. */
  async work(): Promise<void> {
    let begun = performance.now()
    while (begun < this.#end && this.#left-- > 0) {
      const running = this.#operation()
      if (running === undefined) return
      let now: number
      try {
        await running
        now = performance.now()
        this.latencies.push(now - begun)
        this.#tally.done++
      } catch (error) {
        this.#tally.fail(error)
        now = performance.now()
      }
      begun = now
    }
  }
}
