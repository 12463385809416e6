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
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
import {
  FDFS_STORAGED,
  FDFS_TRACKERD,
  filesIn,
  folder,
  HERE,
  missing,
  runCases,
  startDaemon,
  STORAGE,
  stopDaemons,
  TRACKER,
  until,
} from './daemons.js'

const PROFILE = (process.env['FASTDFS_PROFILE'] ?? 'V6.16') as Profile
const dialect = PROFILES[PROFILE]
/** Appenders are renamed since V6.02. */
const RENAMES = PROFILE !== 'V5.11'
/** One for all storages of the group. */
const PORT = 23_000
const TRACKER_PORT = 22_122
const [REAL_ID, OWN_ID] = [100_001, 100_002]

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
    // One that is still starting may take a connection and close it.
    const asked = ask(tracker, TRACKER_PORT, 92, bytes(str('group1', 16), String(id)))
    const { status, body } = await asked.catch(() => ({ status: -1, body: Buffer.alloc(0) }))
    return status === 0 && body[0] === 7
  })
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
if (reason === undefined) await runCases(cases)
else console.log(`not run: ${reason}`)
