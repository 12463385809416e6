/** How many operations went well, and how many failed. */
export interface Count {
  readonly done: number
  readonly failed: number
}

/** Before they are a share of anything. */
const FIRST_FAILED = 2

/**
 * Whether so few operations failed, one in a thousand, that they say nothing of the client: real storages refuse an
 * upload now and then (docs/protocol.md §12).
 */
export function isTolerable({ done, failed }: Count): boolean {
  return failed <= FIRST_FAILED + done / 1000
}

/** Counts operations, and lets some of them fail. */
export class Tally implements Count {
  done = 0
  failed = 0

  /** An operation failed. @throws `error`, when it is one too many */
  fail(error: unknown): void {
    this.failed++
    if (!isTolerable(this)) throw error
  }

  /** Makes an operation again until it goes well. @throws as {@link Tally.fail} does */
  async insist<T>(operation: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await operation()
        this.done++
        return result
      } catch (error) {
        this.fail(error)
      }
    }
  }

  add({ done, failed }: Count): void {
    this.done += done
    this.failed += failed
  }
}
