import type { MaybePromise } from '../maybe-promise.js'
import { isPromise } from '../maybe-promise.js'
import type { Exchange } from '../routes.js'
import type { StorageStats } from '../storage-stats.js'
import type { StorageContext } from './context.js'

/** What is counted by requests: `totalUpload` and `successUpload`, and so on. */
type Counted = {
  [K in keyof StorageStats]: K extends `total${infer Name}`
    ? `success${Name}` extends keyof StorageStats
      ? Name
      : never
    : never
}[keyof StorageStats]

/**
 * A handler whose requests, and those of them that succeed, are counted: as real storages do, without those that are
 * refused with a status, those that change nothing (§3.2: their echo), and those whose sender has gone.
 */
export function counted<Q, R>(
  name: Counted,
  handle: (request: Q, exchange: Exchange<StorageContext>) => MaybePromise<R | number>,
): (request: Q, exchange: Exchange<StorageContext>) => MaybePromise<R | number> {
  const answered = (reply: R | number, stats: StorageStats): R | number => {
    if (typeof reply === 'number' || isEcho(reply)) return reply
    stats[`total${name}`]++
    stats[`success${name}`]++
    return reply
  }
  const failed = (error: unknown, { content, context }: Exchange<StorageContext>): never => {
    if (!content.aborted) context.stats[`total${name}`]++
    throw error
  }
  return (request, exchange) => {
    const { stats } = exchange.context
    const reply = handle(request, exchange)
    if (!isPromise(reply)) return answered(reply, stats)
    return reply.then(
      (value) => answered(value, stats),
      (error: unknown) => failed(error, exchange),
    )
  }
}

function isEcho(reply: unknown): boolean {
  return typeof reply === 'object' && reply !== null && 'echo' in reply
}
