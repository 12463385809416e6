/**
 * Uploads, appends, downloads and deletions go on while members of the cluster are killed, stopped, paused and parted.
 * At the end everything that was acknowledged must be there, byte for byte:
 *
 *     npm run chaos -- [--seconds 120] [--seed N]
 *
 * By default on an embedded cluster whose files are on disk. On a real one, with the commands of its operator, each run
 * in a shell with a number in CHAOS_DRAW to choose a member by:
 *
 *     FASTDFS_TRACKERS=… npm run chaos -- --strike 'docker kill storage$((CHAOS_DRAW % 4))' \
 *       --heal 'docker start storage$((CHAOS_DRAW % 4))'
 *
 * There it tells apart what only a client can have done (a piece twice, one that it said had failed, bytes that nobody
 * sent) or what the one member that acknowledged it has lost, which are failures; what was changed at two members in
 * turn, as the trackers name another one while the first is down; and what members hold in different states. The last
 * two are known faults of real daemons (protocol.md §12); embedded ones must not have them.
 *
 * The seed decides what is done and to whom; what meets what depends on the machine.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { ClientOptions } from '../../src/index.js'
import { FastDfsClient } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { Random } from './random.js'
import type { Striker } from './strikes.js'
import { commandStriker, strikerOf } from './strikes.js'
import { verify } from './verify.js'
import { Workload } from './workload.js'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    workers: { type: 'string', default: '8' },
    strike: { type: 'string' },
    heal: { type: 'string' },
  },
})
/** After so many strikes there is a long calm. */
const STRIKES_TO_CALM = 3
/** Milliseconds in which members that can reach each other again tell each other of all that has changed. */
const LONG_CALM = 4_000

const [seconds, seed, workers] = [values.seconds, values.seed, values.workers].map(Number) as [
  number,
  number,
  number,
]
const trackers = process.env['FASTDFS_TRACKERS']

if (trackers === undefined) {
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-chaos-'))
  const cluster = await startCluster({ trackers: 2, groups: 2, storages: 2, store: { dir } })
  try {
    await storm(cluster.clientOptions(), strikerOf(cluster), false)
  } finally {
    await cluster.stop()
    await rm(dir, { recursive: true })
  }
} else {
  if (values.strike === undefined) throw new Error('FASTDFS_TRACKERS is set: --strike must say how to strike')
  await storm({ trackers }, commandStriker(values.strike, values.heal), true)
}

/** @param isReal - made of real daemons: what they are known to get wrong is told, and is no failure */
async function storm(options: ClientOptions, striker: Striker, isReal: boolean): Promise<void> {
  console.log(`seed ${seed}, ${seconds} s, ${workers} workers`)
  const random = new Random(seed)
  const client = new FastDfsClient({ ...options, connectTimeout: 1_000, idleTimeout: 2_000 })
  const workload = new Workload(client, random.below(2 ** 32))
  workload.start(workers)
  const until = performance.now() + seconds * 1000
  for (let strikes = 0; performance.now() < until; strikes++) {
    const calmAt = performance.now()
    const isLong = strikes % STRIKES_TO_CALM === 0
    await sleep(isLong ? LONG_CALM : random.between(100, 1_000))
    if (isLong) workload.settledUntil = calmAt
    const strike = await striker(random)
    console.log(strike.text)
    await sleep(random.between(200, 3_000))
    await strike.heal()
  }
  await workload.stop()
  await client.close()

  await using reader = new FastDfsClient(options)
  const { ledger, counts, violations } = workload
  const { wrong, lost, crossed, differing } = await verify(reader, ledger)
  const others = [...crossed, ...differing]
  const failures = [...violations, ...wrong, ...lost, ...(isReal ? [] : others)]
  for (const [name, count] of [...counts].sort()) console.log(`${String(count).padStart(8)}  ${name}`)
  if (isReal) {
    for (const text of differing) console.log(`DIFFERS ${text}`)
    for (const text of crossed) console.log(`CROSSED ${text}`)
  }
  for (const text of failures) console.error(`FAILED ${text}`)
  console.log(
    `${ledger.entries.length} files were acknowledged; of ${differing.length} the members hold different states, ` +
      `${crossed.length} were changed at two members and are lost; ${failures.length} failures; seed ${seed}`,
  )
  if (failures.length > 0) process.exitCode = 1
}
