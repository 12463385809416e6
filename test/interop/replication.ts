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
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DiskStore,
  PROFILES,
  type Profile,
  Storage,
  type StorageOptions,
  Tracker,
} from '../../src/server/index.js'
import { appendBody, GROUP, linkBody, metadataBody, uploadBody } from '../server/group.js'
import { bytes } from '../server/raw.js'
import { active, change, LINKS_PASS, make, PORT, TRACKER_PORT } from './changes.js'
import {
  alike,
  FDFS_STORAGED,
  FDFS_TRACKERD,
  filesIn,
  folder,
  HERE,
  linksIn,
  missing,
  runCases,
  startDaemon,
  STORAGE,
  stopDaemons,
  TRACKER,
  until,
} from './daemons.js'

/** What the two storages keep their files in. */
const REAL_FILES = join(folder, 'storage', 'data')
const OWN_FILES = join(folder, 'own', 'store_path0', 'data')
const PROFILE = (process.env['FASTDFS_PROFILE'] ?? 'V6.16') as Profile
const dialect = PROFILES[PROFILE]
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

function ownStorage(tracker: string, options: Partial<StorageOptions> = {}): Storage {
  return new Storage({
    group: 'group1',
    id: OWN_ID,
    dialect,
    host: HERE,
    port: PORT,
    subdirCount: 8,
    trackers: [{ host: tracker, port: TRACKER_PORT }],
    store: new DiskStore({ folder: join(folder, 'own') }),
    ...options,
  })
}

async function settle(what: string): Promise<void> {
  await until(`both hold the same files: ${what}`, () => {
    const [real, own] = [linksIn(REAL_FILES), linksIn(OWN_FILES)]
    const linked = LINKS_PASS ? alike(real, own) : Object.keys(real).every((name) => own[name] === real[name])
    return linked && alike(filesIn(REAL_FILES), filesIn(OWN_FILES))
  })
  const counts = [filesIn(OWN_FILES), linksIn(OWN_FILES), linksIn(REAL_FILES)].map(
    (found) => Object.keys(found).length,
  )
  console.log(`  ${counts[0]} files, ${counts[1]} links, ${counts[2]} of them at the real one`)
}

/** What becomes of links that are made at one of the two. */
async function links(host: string): Promise<void> {
  const elsewhere = host === HERE ? STORAGE : HERE
  const passes = host === STORAGE || LINKS_PASS
  const remove = (at: string, name: string): Promise<string> => make(at, 12, bytes(GROUP, name))
  const expectThat = (what: string, holds: boolean): void => {
    if (!holds) throw new Error(`links of ${host}: ${what}`)
  }
  const below = (name: string): string => name.slice('M00/'.length)

  const original = await make(host, 11, uploadBody('original'))
  const [one, two] = [await make(host, 20, linkBody(original)), await make(host, 20, linkBody(original))]
  await make(host, 13, metadataBody(one, 'O', 'of\x02link'))
  const master = await make(host, 11, uploadBody('master'))
  const slave = await make(host, 20, linkBody(original, master, '_l'))
  const [source, kept] = [
    await make(host, 11, uploadBody('source')),
    await make(host, 11, uploadBody('kept')),
  ]
  const dead = await make(host, 20, linkBody(source))
  await settle('links')
  const made = [one, two, slave, dead].map(below)
  for (const base of [OWN_FILES, REAL_FILES]) {
    const count = made.filter((name) => name in linksIn(base)).length
    expectThat(`${count} links in ${base}`, count === (passes || base === OWN_FILES ? 4 : 0))
    expectThat(`metadata in ${base}`, filesIn(base)[`${below(one)}-m`] === 'of\x02link')
  }
  // The file behind a link stays, unless the link's name is a slave's.
  await remove(elsewhere, one)
  await remove(host, two)
  await settle('two links are removed')
  expectThat('the original is gone', below(original) in filesIn(REAL_FILES))
  await remove(host, slave)
  await settle('the link of a slave is removed')
  expectThat('the original has stayed', !(below(original) in filesIn(REAL_FILES)))
  // A link outlives what it leads to; what stands for one at a real storage is a file of its own.
  await remove(host, source)
  await until(
    'the source is gone',
    () => ![REAL_FILES, OWN_FILES].some((base) => existsSync(join(base, below(source)))),
  )
  for (const base of [OWN_FILES, REAL_FILES]) {
    const isLink = passes || base === OWN_FILES
    expectThat(
      `the dead link in ${base}`,
      linksIn(base)[below(dead)] === (isLink ? below(source) : undefined),
    )
    expectThat(`what is behind it in ${base}`, filesIn(base)[below(dead)] === (isLink ? undefined : 'source'))
  }
  await remove(host, dead)
  await remove(elsewhere, kept)
  await settle('the dead link is removed')
}

/** Contents that are kept once at the embedded storage. */
async function shared(): Promise<void> {
  const before = Object.keys(filesIn(REAL_FILES)).length
  const names = []
  for (let i = 0; i < 3; i++) names.push(await make(HERE, 11, uploadBody('one content')))
  await settle('equal contents')
  const count = (base: string): number =>
    Object.values(filesIn(base)).filter((content) => content === 'one content').length
  if (count(OWN_FILES) !== 4 || count(REAL_FILES) !== 4)
    throw new Error('not three links and what they lead to')
  for (const [i, at] of [STORAGE, HERE, STORAGE].entries())
    await make(at, 12, bytes(GROUP, names[i] as string))
  await settle('the last of them is removed')
  const after = Object.keys(filesIn(REAL_FILES)).length
  if (after !== before) throw new Error(`${after} files, not ${before}`)
}

async function flow(): Promise<void> {
  await settle('those from before')
  const { appender } = await change(STORAGE)
  await change(HERE)
  await settle('new ones of both')
  await make(HERE, 24, appendBody(appender, ' elsewhere'))
  await settle('a change at another storage')
  await links(STORAGE)
  await links(HERE)
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
  await settle('what came while it was away')
  await own.stop()
  await using sharing = ownStorage(tracker, { checkFileDuplicate: true })
  await sharing.start()
  await active(tracker, OWN_ID)
  await shared()
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
