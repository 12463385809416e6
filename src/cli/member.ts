/** `fastdfs tracker` and `fastdfs storage`: one member in the foreground, beside others in other processes. */
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { parseEndpoint } from '../net/endpoint.js'
import type { Dialect } from '../protocol/index.js'
import { limits } from '../protocol/index.js'
import type { Profile, ServerEndpoint, StorageOptions, Store, TrackerRules } from '../server/index.js'
import { dialectOf, DiskStore, MemoryStore, PROFILES, Storage, Tracker } from '../server/index.js'
import { ConfigError } from '../errors.js'
import { addressSize, gathered, integer } from './flags.js'
import type { MemberConf, StorageConf, TrackerConf } from './member-conf.js'
import { readStorageConf, readTrackerConf } from './member-conf.js'
import { endingSignal } from './signals.js'
import { storageIdentity } from './storage-identity.js'
import { addTrackerFlags, trackerRulesIn } from './tracker-flags.js'

const TRACKER_PORT = 22_122
const STORAGE_PORT = 23_000
/** As real storages where their configuration says nothing. */
const SUBDIR_COUNT = 256

interface MemberFlags {
  config?: string
  host?: string
  port?: number
  dir?: string
  profile?: Profile
  addressSize?: 16 | 46
}

interface StorageFlags extends MemberFlags {
  group?: string
  id?: number
  tracker?: string[]
  storePaths?: number
}

function memberCommand(name: 'tracker' | 'storage', defaultPort: number): Command {
  const version = name === 'tracker' ? 'V6.16' : 'that of its trackers'
  return new Command(name)
    .option('--config <file>', `a ${name}.conf of the real daemon; flags count more`)
    .option('--host <address>', 'the address to listen on (default: all)')
    .option(
      '--port <number>',
      `the port to listen on; 0: any free one (default: ${defaultPort})`,
      integer(0, 65_535),
    )
    .option('--dir <folder>', 'keep everything below this folder; without it, in memory')
    .addOption(
      new Option('--profile <version>', `the version to answer as (default: ${version})`).choices(
        Object.keys(PROFILES),
      ),
    )
    .option(
      '--address-size <bytes>',
      `bytes of an address in answers: 16, or 46 for IPv6 (default: as ${name === 'tracker' ? 'the version has it' : 'its trackers'})`,
      addressSize,
    )
}

/** `fastdfs tracker` */
export function trackerCommand(): Command {
  return addTrackerFlags(memberCommand('tracker', TRACKER_PORT))
    .description('run one embedded tracker until SIGINT or SIGTERM')
    .action(async (flags: MemberFlags & TrackerRules) => {
      const { addressSize, ...conf } = confOf(flags.config, readTrackerConf) ?? {}
      const dir = flags.dir === undefined ? conf.dir : join(flags.dir, 'data')
      const dialect = dialectOf(flags.profile, flags.addressSize ?? addressSize)
      const place = placeOf(flags, conf, TRACKER_PORT)
      const tracker = new Tracker({ ...conf, ...trackerRulesIn(flags), ...place, dir, dialect })
      await run(tracker, () => `tracker ${tracker.host}:${tracker.port}`)
    })
}

/** `fastdfs storage` */
export function storageCommand(): Command {
  return memberCommand('storage', STORAGE_PORT)
    .description('run one embedded storage until SIGINT or SIGTERM')
    .option('--group <name>', 'the group it belongs to (default: group1)')
    .option(
      '--id <number>',
      'its storage ID; each storage needs its own (default: what its trackers have for its address, else 100001)',
      integer(1, limits.MAX_STORAGE_ID),
    )
    .option('--tracker <host:port>', 'a tracker to join; may be given several times', gathered)
    .option('--store-paths <count>', 'how many store paths (default: 1)', integer(1, 256))
    .action(async (flags: StorageFlags) => {
      const storage = new Storage(await storageOptionsOf(flags))
      await run(storage, () => `storage ${storage.host}:${storage.port} of ${storage.group}`)
    })
}

async function storageOptionsOf(flags: StorageFlags): Promise<StorageOptions> {
  const conf = confOf(flags.config, readStorageConf)
  const trackers = flags.tracker?.map((text) => parseEndpoint(text, TRACKER_PORT)) ?? conf?.trackers ?? []
  if (trackers.length === 0) {
    throw new ConfigError(
      'no tracker is known: name one by --tracker host:port, or by tracker_server in --config',
    )
  }
  const place = placeOf(flags, conf ?? {}, STORAGE_PORT)
  const group = flags.group ?? conf?.group ?? 'group1'
  return {
    ...place,
    ...(await identityOf(flags, trackers, group, place.port)),
    group,
    trackers,
    storePathCount: flags.storePaths ?? conf?.storePathCount,
    readOnlyStorePaths: conf?.readOnlyStorePaths,
    uploadPriority: conf?.uploadPriority,
    subdirCount: conf?.subdirCount ?? SUBDIR_COUNT,
    checkFileDuplicate: conf?.checkFileDuplicate,
    networkTimeout: conf?.networkTimeout,
    allowHosts: conf?.allowHosts,
    maxConnections: conf?.maxConnections,
    fileDistributePathMode: conf?.fileDistributePathMode,
    fileDistributeRotateCount: conf?.fileDistributeRotateCount,
    syncStartTime: conf?.syncStartTime,
    syncEndTime: conf?.syncEndTime,
    heartBeatInterval: conf?.heartBeatInterval,
    statReportInterval: conf?.statReportInterval,
    syncStatFileInterval: conf?.syncStatFileInterval,
    store: storeOf(flags.dir, conf),
  }
}

/** What it is told; of what it is not told, what its trackers say. One with an ID can do without them at first. */
async function identityOf(
  { id, profile, addressSize }: StorageFlags,
  trackers: readonly ServerEndpoint[],
  group: string,
  port: number,
): Promise<{ id: number | string; dialect: Dialect }> {
  if (id !== undefined && profile !== undefined) return { id, dialect: dialectOf(profile, addressSize) }
  try {
    const said = await storageIdentity(trackers, group, port)
    const dialect =
      profile === undefined
        ? dialectOf(said.profile, addressSize ?? said.addressSize)
        : dialectOf(profile, addressSize)
    return { id: id ?? said.id, dialect }
  } catch (error) {
    if (id === undefined) throw error
    return { id, dialect: dialectOf(profile, addressSize) }
  }
}

function storeOf(flag: string | undefined, conf: StorageConf | undefined): Store {
  if (flag !== undefined) return new DiskStore({ folder: flag })
  if (conf?.dir === undefined) return new MemoryStore()
  // The real daemon may have had this folder, or have it next.
  const { dir, storePaths, subdirCount = SUBDIR_COUNT } = conf
  return new DiskStore({ folder: dir, storePaths, subdirCount })
}

/** Reads a configuration, and says what of it has no effect here. */
function confOf<T>(path: string | undefined, read: (path: string) => MemberConf<T>): T | undefined {
  if (path === undefined) return undefined
  const { options, unknown } = read(path)
  if (unknown.length > 0) console.error(`fastdfs: ${path}: without effect here: ${unknown.join(', ')}`)
  return options
}

/** Where a member listens: on all addresses where it is told none, as real daemons. */
function placeOf(
  flags: MemberFlags,
  conf: Pick<TrackerConf, 'host' | 'port'>,
  defaultPort: number,
): { host: string; port: number } {
  return {
    host: flags.host ?? conf.host ?? '0.0.0.0',
    port: flags.port ?? conf.port ?? defaultPort,
  }
}

async function run(
  member: { start(): Promise<void>; stop(): Promise<void> },
  describe: () => string,
): Promise<void> {
  await member.start()
  console.log(`FastDFS is ready: ${describe()}`)
  await endingSignal()
  await member.stop()
}
