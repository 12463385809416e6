/** Whether a cluster has all that it acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastDfsClient } from '../../src/index.js'
import { FileNotFoundError, isFastDfsError } from '../../src/index.js'
import type { Entry, Ledger } from './ledger.js'
import { holds } from './ledger.js'

const CONCURRENCY = 8
/** Milliseconds that members have to tell each other of everything, after the last strike. */
const CONVERGENCE = 30_000

/** What is not as it was acknowledged; asked again and again, until the members have had time to agree. */
export async function differences(client: FastDfsClient, ledger: Ledger): Promise<string[]> {
  const until = performance.now() + CONVERGENCE
  let doubtful: readonly Entry[] = ledger.entries
  for (;;) {
    const found = await allOf(client, doubtful)
    doubtful = [...found.keys()]
    if (doubtful.length === 0 || performance.now() > until) return [...found.values()]
    await sleep(1_000)
  }
}

async function allOf(client: FastDfsClient, entries: readonly Entry[]): Promise<Map<Entry, string>> {
  const found = new Map<Entry, string>()
  const queue = [...entries]
  const work = async (): Promise<void> => {
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const difference = await differenceOf(client, entry)
      if (difference !== undefined) found.set(entry, `${entry.id}: ${difference}`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return found
}

async function differenceOf(client: FastDfsClient, entry: Entry): Promise<string | undefined> {
  try {
    const content = await client.downloadFile(entry.id)
    if (entry.fate === 'deleted') return 'it was deleted, and is there'
    return holds(entry, content) ? undefined : `other content, of ${content.length} bytes`
  } catch (error) {
    if (!isFastDfsError(error)) throw error
    if (error instanceof FileNotFoundError) return entry.fate === 'kept' ? 'it is gone' : undefined
    return `it cannot be read: ${error.message}`
  }
}
