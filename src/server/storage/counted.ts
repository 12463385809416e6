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

/** A handler whose requests, and those of them that succeed, are counted. */
export function counted<Q, R>(
  name: Counted,
  handle: (request: Q, exchange: Exchange<StorageContext>) => MaybePromise<R | number>,
): (request: Q, exchange: Exchange<StorageContext>) => MaybePromise<R | number> {
  const succeeded = (reply: R | number, stats: StorageStats): R | number => {
    if (typeof reply !== 'number') stats[`success${name}`]++
    return reply
  }
  return (request, exchange) => {
    const { stats } = exchange.context
    stats[`total${name}`]++
    const reply = handle(request, exchange)
    return isPromise(reply) ? reply.then((value) => succeeded(value, stats)) : succeeded(reply, stats)
  }
}
