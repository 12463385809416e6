/** One of the processes of the fault suite: runs every so manieth case, and tells its parent what came of them. */
import process from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { Clock } from './clock.js'
import { CLUSTER } from './cluster.js'
import type { Case } from './run-case.js'
import { CASES, runCase } from './run-case.js'

/** What came of the cases of a process. */
export interface Report {
  readonly ran: number
  readonly failures: readonly string[]
}

/** Turns of the event loop in which everything that has been closed is gone. */
const TURNS = 1_000

const [part = '', index, lanes] = process.argv.slice(2)
const cases = CASES.filter(({ name }) => name.includes(part)).filter(
  (_, i) => i % Number(lanes) === Number(index),
)
const before = handles()
const failures: string[] = []
await runAll()
// The system closes what has been closed here a few turns later.
for (let turn = 0; turn < TURNS && handles() !== before; turn++) await nextTurn()
const after = handles()
if (after !== before) failures.push(`left behind: ${after}, before: ${before || 'nothing'}`)
const report: Report = { ran: cases.length, failures }
process.send?.(report, () => process.disconnect())

async function runAll(): Promise<void> {
  let clock = await Clock.install()
  let cluster = await startCluster(CLUSTER)
  for (const one of cases) {
    const failure = await failureOf(cluster, clock, one)
    if (failure !== undefined) failures.push(failure)
    if (failure === undefined && one.operation.spoils !== true) {
      await cluster.reset()
      continue
    }
    // What a failed case leaves behind is not the next one's.
    await cluster.stop()
    await clock[Symbol.asyncDispose]()
    clock = await Clock.install()
    cluster = await startCluster(CLUSTER)
  }
  await cluster.stop()
  await clock[Symbol.asyncDispose]()
}

async function failureOf(cluster: Cluster, clock: Clock, one: Case): Promise<string | undefined> {
  try {
    await runCase(cluster, clock, one)
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
