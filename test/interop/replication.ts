/**
 * Real and embedded servers in one cluster: a real `fdfs_storaged` and an embedded storage in one group, under a real
 * tracker and under an embedded one, each joining when the other has files already. Files must flow both ways.
 *
 *   node --import tsx test/interop/replication.ts
 *
 * Takes the daemons from FDFS_TRACKERD and FDFS_STORAGED or from the PATH; FASTDFS_PROFILE names their version: V5.11,
 * V6.06, V6.12 or V6.16 (default), which the embedded servers speak then. They refuse loopback addresses and take every
 * local address for their own, so each gets a network namespace, which takes root and `ip`; "not run" without those.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiskStore, PROFILES, type Profile, Storage, Tracker } from '../../src/server/index.js'
import {
  appendBody,
  GROUP,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  truncateBody,
  uploadBody,
} from '../server/group.js'
import { bytes, RawClient, str } from '../server/raw.js'

const { FDFS_TRACKERD = 'fdfs_trackerd', FDFS_STORAGED = 'fdfs_storaged' } = process.env
const PROFILE = (process.env['FASTDFS_PROFILE'] ?? 'V6.16') as Profile
const dialect = PROFILES[PROFILE]
/** Appenders are renamed since V6.02. */
const RENAMES = PROFILE !== 'V5.11'
const NAMESPACE = `fdfs${process.pid}`
/** Addresses: of this process, of the real tracker, of the real storage. One port for all storages of the group. */
const NET = '10.213.77'
const [HERE, TRACKER, STORAGE] = [`${NET}.1`, `${NET}.2`, `${NET}.3`]
const PORT = 23_000
const TRACKER_PORT = 22_122
/** Milliseconds for each thing that is waited for. */
const LIMIT = 60_000
const [REAL_ID, OWN_ID] = [100_001, 100_002]

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
}

function missing(): string | undefined {
  for (const program of [FDFS_TRACKERD, FDFS_STORAGED]) {
    try {
      run('which', program)
    } catch {
      return `there is no ${program}`
    }
  }
  try {
    run('ip', 'netns', 'add', NAMESPACE)
    run('ip', 'netns', 'del', NAMESPACE)
  } catch {
    return 'network namespaces cannot be made'
  }
  return undefined
}

const folder = mkdtempSync(join(tmpdir(), 'fastdfs-interop-'))
const daemons: { program: string; conf: string }[] = []

/** A bridge here, with an address, and a namespace for each daemon. */
function makeNetwork(): void {
  run('ip', 'link', 'add', NAMESPACE, 'type', 'bridge')
  run('ip', 'addr', 'add', `${HERE}/24`, 'dev', NAMESPACE)
  run('ip', 'link', 'set', NAMESPACE, 'up')
  for (const [suffix, address] of [
    ['t', TRACKER],
    ['s', STORAGE],
  ] as const) {
    const name = `${NAMESPACE}${suffix}`
    run('ip', 'netns', 'add', name)
    run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    run('ip', 'link', 'set', name, 'master', NAMESPACE, 'up')
    run('ip', 'netns', 'exec', name, 'ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    run('ip', 'netns', 'exec', name, 'ip', 'link', 'set', 'eth0', 'up')
    run('ip', 'netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up')
  }
}

function removeNetwork(): void {
  for (const suffix of ['t', 's']) tryTo(() => run('ip', 'netns', 'del', `${NAMESPACE}${suffix}`))
  tryTo(() => run('ip', 'link', 'del', NAMESPACE))
}

function tryTo(task: () => unknown): void {
  try {
    task()
  } catch {
    // It may not be there.
  }
}

function startDaemon(suffix: string, program: string, name: string, conf: string): void {
  const base = join(folder, name)
  mkdirSync(base, { recursive: true })
  const path = join(base, 'daemon.conf')
  writeFileSync(path, `base_path = ${base}\n${conf}`)
  daemons.push({ program, conf: path })
  // Its output would stay open as long as the daemon runs.
  execFileSync('ip', ['netns', 'exec', `${NAMESPACE}${suffix}`, program, path, 'start'], { stdio: 'ignore' })
}

function stopDaemons(): void {
  for (const { program, conf } of daemons.splice(0).reverse()) tryTo(() => run(program, conf, 'stop'))
}

function startRealTracker(): void {
  const ids = join(folder, 'storage_ids.conf')
  writeFileSync(ids, `${REAL_ID} group1 ${STORAGE}\n${OWN_ID} group1 ${HERE}\n`)
  startDaemon(
    't',
    FDFS_TRACKERD,
    'tracker',
    `port = ${TRACKER_PORT}\nreserved_storage_space = 1%\nuse_storage_id = true\nid_type_in_filename = id\nstorage_ids_filename = ${ids}\n`,
  )
}

function startRealStorage(tracker: string): void {
  const base = join(folder, 'storage')
  startDaemon(
    's',
    FDFS_STORAGED,
    'storage',
    `group_name = group1\nport = ${PORT}\nstore_path_count = 1\nstore_path0 = ${base}\nsubdir_count_per_path = 8\n` +
      `buff_size = 256KB\nthread_stack_size = 512KB\nheart_beat_interval = 2\nstat_report_interval = 5\nsync_wait_msec = 10\n` +
      `sync_binlog_buff_interval = 1\nwrite_mark_file_freq = 1\ntracker_server = ${tracker}:${TRACKER_PORT}\n`,
  )
}

function ownStorage(tracker: string): Storage {
  return new Storage({
    group: 'group1',
    id: OWN_ID,
    dialect,
    host: HERE,
    port: PORT,
    subdirCount: 8,
    trackers: [{ host: tracker, port: TRACKER_PORT }],
    store: new DiskStore({ folder: join(folder, 'own') }),
  })
}

async function ask(host: string, port: number, command: number, body: Buffer) {
  const raw = await RawClient.connect(port, host)
  try {
    return await raw.ask(command, body)
  } finally {
    raw.close()
  }
}

/** Waits until a tracker counts a storage ACTIVE. */
async function active(tracker: string, id: number): Promise<void> {
  await until(`${id} is ACTIVE`, async () => {
    const { status, body } = await ask(tracker, TRACKER_PORT, 92, bytes(str('group1', 16), String(id)))
    return status === 0 && body[0] === 7
  })
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const start = Date.now()
  for (;;) {
    if (await Promise.resolve(holds())) break
    if (Date.now() - start > LIMIT) throw new Error(`not in time: ${what}`)
    await sleep(100)
  }
  console.log(`  ${what} after ${((Date.now() - start) / 1000).toFixed(1)} s`)
}

function filesIn(base: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(base.length + 1)
    if (entry.isFile() && /^[\dA-F]{2}\/[\dA-F]{2}\//.test(name)) found[name] = readFileSync(path, 'latin1')
  }
  return found
}

async function alike(what: string): Promise<void> {
  let count = 0
  await until(`both hold the same files: ${what}`, () => {
    const real = filesIn(join(folder, 'storage', 'data'))
    const own = filesIn(join(folder, 'own', 'store_path0', 'data'))
    count = Object.keys(own).length
    return Object.keys(real).length === count && Object.keys(own).every((name) => own[name] === real[name])
  })
  console.log(`  ${count} files`)
}

/** One of each kind of change at a storage. */
async function change(host: string): Promise<string> {
  const upload = async (command: number, content: string) =>
    nameIn(await ask(host, PORT, command, uploadBody(content)))
  const normal = await upload(11, 'normal')
  const gone = await upload(11, 'gone')
  const appender = await upload(23, 'appender')
  const renamed = await upload(23, 'renamed')
  await upload(11, 'x'.repeat(2_000_000))
  await upload(11, '')
  for (const [command, body] of [
    [21, slaveBody(normal, '_s', 'slave')],
    [24, appendBody(appender, ' and more')],
    [34, modifyBody(appender, 0, 'A')],
    [36, truncateBody(appender, 5)],
    [24, appendBody(appender, ' again')],
    [13, metadataBody(normal, 'O', 'a\x021\x01b\x022')],
    [13, metadataBody(normal, 'M', 'b\x023')],
    [13, metadataBody(gone, 'O', 'a\x021')],
    [12, bytes(GROUP, gone)],
    [38, bytes(renamed)],
  ] as const) {
    if (command === 38 && !RENAMES) continue
    const { status } = await ask(host, PORT, command, body)
    if (status !== 0) throw new Error(`${host} answers command ${command} with status ${status}`)
  }
  return appender
}

async function flow(): Promise<void> {
  await alike('those from before')
  const appender = await change(STORAGE)
  await change(HERE)
  await alike('new ones of both')
  await ask(HERE, PORT, 24, appendBody(appender, ' elsewhere'))
  await alike('a change at another storage')
}

async function realFirst(tracker: string): Promise<void> {
  startRealStorage(tracker)
  await active(tracker, REAL_ID)
  await change(STORAGE)
  await using own = ownStorage(tracker)
  await own.start()
  await active(tracker, OWN_ID)
  await flow()
  await own.stop()
  await change(STORAGE)
  await own.start()
  await alike('what came while it was away')
  stopDaemons()
}

async function ownFirst(tracker: string): Promise<void> {
  await using own = ownStorage(tracker)
  await own.start()
  await active(tracker, OWN_ID)
  await change(HERE)
  startRealStorage(tracker)
  await active(tracker, REAL_ID)
  await flow()
  stopDaemons()
}

async function embeddedTracker(): Promise<Tracker> {
  const storageIds = [
    { id: String(REAL_ID), group: 'group1', hosts: [STORAGE], port: PORT },
    { id: String(OWN_ID), group: 'group1', hosts: [HERE], port: PORT },
  ]
  const tracker = new Tracker({ host: HERE, port: TRACKER_PORT, storageIds, dialect })
  await tracker.start()
  return tracker
}

const cases: [string, () => Promise<void>][] = [
  [
    'an embedded storage joins a real one under a real tracker',
    async () => {
      startRealTracker()
      await realFirst(TRACKER)
    },
  ],
  [
    'a real storage joins an embedded one under a real tracker',
    async () => {
      startRealTracker()
      await ownFirst(TRACKER)
    },
  ],
  [
    'an embedded storage joins a real one under an embedded tracker',
    async () => {
      await using tracker = await embeddedTracker()
      await realFirst(tracker.host)
    },
  ],
  [
    'a real storage joins an embedded one under an embedded tracker',
    async () => {
      await using tracker = await embeddedTracker()
      await ownFirst(tracker.host)
    },
  ],
]

const reason = missing()
if (reason === undefined) {
  makeNetwork()
  try {
    for (const [title, test] of cases) {
      console.log(title)
      try {
        await test()
      } catch (error) {
        for (const name of ['tracker/logs/trackerd.log', 'storage/logs/storaged.log']) {
          tryTo(() => console.log(readFileSync(join(folder, name), 'utf8').slice(-2_000)))
        }
        throw error
      } finally {
        stopDaemons()
      }
      for (const name of ['own', 'storage', 'tracker'])
        rmSync(join(folder, name), { recursive: true, force: true })
    }
    console.log('all passed')
  } finally {
    removeNetwork()
    rmSync(folder, { recursive: true, force: true })
  }
} else console.log(`not run: ${reason}`)
