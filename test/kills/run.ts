/**
 * A cluster of two trackers and one group of three storages, each `fastdfs` in a process of its own, that are killed
 * (-9) and started again one after another while clients change files. Afterwards nothing that was acknowledged may be
 * missing, and all storages must hold the same files, bytes and metadata.
 *
 *   node --import tsx test/kills/run.ts [--seed 1] [--seconds 300] [--workers 6] [--pause 2000]
 *     [--profile V6.16] [--address-size 16]
 *
 * `--pause`: milliseconds between two kills, at most; `--profile` and `--address-size`: as which every member answers.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { randomOf } from '../differential/random.js'
import { RawClient, str } from '../server/raw.js'
import { Load } from './load.js'
import { OWN_HOST } from '../support/own-host.js'
import { Member } from './member.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '300' },
    workers: { type: 'string', default: '6' },
    pause: { type: 'string', default: '2000' },
    profile: { type: 'string', default: 'V6.16' },
    'address-size': { type: 'string', default: '16' },
  },
})
const [seed, seconds, workers, pause] = [values.seed, values.seconds, values.workers, values.pause].map(
  Number,
) as [number, number, number, number]
const answers = ['--profile', values.profile, '--address-size', values['address-size']]
/** Milliseconds for the members to come to the same. */
const LIMIT = 120_000
const [TRACKERS, STORAGES] = [2, 3]

const random = randomOf(seed)
const folder = mkdtempSync(join(tmpdir(), 'fastdfs-kills-'))
const trackers: Member[] = []
const storages: Member[] = []
const load = new Load()
let passed = false
try {
  for (let i = 0; i < TRACKERS; i++) {
    const tracker = new Member(['tracker', ...answers, '--dir', join(folder, `tracker${i}`)])
    await tracker.start()
    trackers.push(tracker)
  }
  for (let i = 0; i < STORAGES; i++) {
    const known = trackers.flatMap(({ port }) => ['--tracker', `${OWN_HOST}:${port}`])
    const own = ['--id', String(100_001 + i), '--dir', join(folder, `storage${i}`)]
    const storage = new Member(['storage', ...answers, ...known, ...own])
    await storage.start()
    storages.push(storage)
  }
  await until('all are ACTIVE', async () => (await activeCount()) === STORAGES)
  console.log(`seed ${seed}, ${seconds} s, ${workers} workers, files below ${folder}`)

  const running = Array.from({ length: workers }, (_, i) => load.run(storages, seed * 100 + i))
  const end = Date.now() + seconds * 1000
  const kills = { tracker: 0, storage: 0 }
  while (Date.now() < end) {
    await sleep(random(pause))
    const isTracker = random(5) === 0
    const victim = (isTracker ? trackers : storages)[random(isTracker ? TRACKERS : STORAGES)] as Member
    await victim.kill()
    kills[isTracker ? 'tracker' : 'storage']++
    // Now and then others change much in the meantime.
    await sleep(random(4) === 0 ? random(3000) : random(100))
    await victim.start()
  }
  load.stop()
  await Promise.all(running)
  const { acknowledged, cut, refused } = load
  console.log(
    `${acknowledged} operations acknowledged, ${cut} cut off, ${kills.storage} storages and ${kills.tracker} trackers killed`,
  )
  console.log(`refused: ${JSON.stringify(Object.fromEntries(refused))}`)

  await until('all are ACTIVE again', async () => (await activeCount()) === STORAGES)
  let held: Record<string, string>[] = []
  await until('all hold the same', () => {
    held = Array.from({ length: STORAGES }, (_, i) =>
      filesIn(join(folder, `storage${i}`, 'store_path0', 'data')),
    )
    const [first, ...others] = held
    return others.every((other) => differences(first as Record<string, string>, other).length === 0)
  }).catch((error: unknown) => {
    const [first, ...others] = held as [Record<string, string>]
    for (const other of others) console.log(differences(first, other).slice(0, 20))
    throw error
  })
  const files = held[0] as Record<string, string>
  const faults = load.faults(files)
  console.log(`${Object.keys(files).length} files at each storage, ${load.size} known to the clients`)
  for (const fault of faults.slice(0, 20)) console.log(fault)
  if (faults.length > 0) throw new Error(`${faults.length} files are not as acknowledged`)
  passed = true
  console.log('nothing lost, all alike')
} finally {
  load.stop()
  await Promise.all([...storages, ...trackers].map((member) => member.kill()))
  if (passed) rmSync(folder, { recursive: true })
}

/** ACTIVE storages as the tracker with the fewest knows them. */
async function activeCount(): Promise<number> {
  const counts = trackers.map(async ({ port }) => {
    const client = await RawClient.connect(port, OWN_HOST)
    try {
      const { status, body } = await client.ask(92, str('group1', 16))
      if (status !== 0) return 0
      return Array.from({ length: STORAGES }, (_, i) => body[i * (body.length / STORAGES)]).filter(
        (s) => s === 7,
      ).length
    } finally {
      client.close()
    }
  })
  return Math.min(...(await Promise.all(counts)))
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const start = Date.now()
  while (!(await Promise.resolve(holds()))) {
    if (Date.now() - start > LIMIT) throw new Error(`not in time: ${what}`)
    await sleep(200)
  }
  console.log(`${what} after ${((Date.now() - start) / 1000).toFixed(1)} s`)
}

function filesIn(base: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
    const name = join(entry.parentPath, entry.name).slice(base.length + 1)
    if (/^[\dA-F]{2}\/[\dA-F]{2}\//.test(name) && !entry.isDirectory()) {
      try {
        found[name] = readFileSync(join(base, name), 'latin1')
      } catch (error) {
        // It was removed since its folder was read.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
  }
  return found
}

function differences(first: Record<string, string>, other: Record<string, string>): string[] {
  return [...new Set([...Object.keys(first), ...Object.keys(other)])]
    .filter((name) => first[name] !== other[name])
    .map((name) => `${name}: ${summary(first[name])} and ${summary(other[name])}`)
}

function summary(content: string | undefined): string {
  return content === undefined ? 'nothing' : `${content.length} bytes ${JSON.stringify(content.slice(0, 40))}`
}
