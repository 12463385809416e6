/**
 * The whole fault suite:
 *
 *     npm run test:faults -- [part of the names of cases]
 *
 * Every operation of the client, with every fault, at each of its requests. Clusters work side by side, since most of a
 * case is waiting. Prints how many cases ran, and ends with exit code 1 when one failed or something was left behind.
 */
import process from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { CLUSTER } from './cluster.js'
import type { Case } from './run-case.js'
import { CASES, runCase } from './run-case.js'

/** Turns of the event loop in which everything that has been closed is gone. */
const TURNS = 1_000
/** Clusters that work side by side. */
const LANES = 12

const [part = ''] = process.argv.slice(2)
const cases = CASES.filter(({ name }) => name.includes(part))
const before = handles()
const beganAt = performance.now()
const failures: string[] = []
const queue: Case[] = [...cases]

await Promise.all(Array.from({ length: Math.min(LANES, cases.length) }, work))

// The system closes what has been closed here a few turns later.
for (let turn = 0; turn < TURNS && handles() !== before; turn++) await nextTurn()
const after = handles()
if (after !== before) failures.push(`left behind: ${after}, before: ${before || 'nothing'}`)
for (const failure of failures) console.error(`FAILED ${failure}`)
const seconds = Math.round((performance.now() - beganAt) / 1000)
console.log(`${cases.length} cases of ${new Set(cases.map(({ operation }) => operation)).size} operations`)
console.log(`${cases.length - failures.length} passed, ${failures.length} failed in ${seconds} s`)
process.exitCode = failures.length === 0 ? 0 : 1

async function work(): Promise<void> {
  let cluster = await startCluster(CLUSTER)
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const failure = await failureOf(cluster, next)
    if (failure !== undefined) failures.push(failure)
    // What a failed case leaves behind is not the next one's.
    if (failure === undefined && next.operation.spoils !== true) await cluster.reset()
    else {
      await cluster.stop()
      cluster = await startCluster(CLUSTER)
    }
  }
  await cluster.stop()
}

async function failureOf(cluster: Cluster, one: Case): Promise<string | undefined> {
  try {
    await runCase(cluster, one)
    return undefined
  } catch (error) {
    return `${one.name}\n  ${error instanceof Error ? error.message : String(error)}`
  }
}

/** What keeps the process, or could: sockets, servers and timers. */
function handles(): string {
  const kinds = process
    .getActiveResourcesInfo()
    .filter((kind) => !/^(TTYWrap|PipeWrap|FSReqPromise|CloseReq|Immediate)$/.test(kind))
  return kinds.sort().join(' ')
}
