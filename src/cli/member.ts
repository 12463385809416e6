/** `fastdfs tracker` and `fastdfs storage`: one member in the foreground, beside others in other processes. */
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { parseEndpoint } from '../net/endpoint.js'
import type { Profile, StorageOptions, TrackerOptions } from '../server/index.js'
import { DiskStore, MemoryStore, PROFILES, Storage, Tracker } from '../server/index.js'
import { ConfigError } from '../errors.js'
import { gathered, integer } from './flags.js'
import { readStorageConf, readTrackerConf } from './member-conf.js'
import { endingSignal } from './signals.js'

const TRACKER_PORT = 22_122
const STORAGE_PORT = 23_000
/** As the first storage of an embedded cluster. */
const STORAGE_ID = 100_001

interface MemberFlags {
  config?: string
  host?: string
  port?: number
  dir?: string
  profile?: Profile
}

interface StorageFlags extends MemberFlags {
  group?: string
  id?: number
  tracker?: string[]
  storePaths?: number
}

function memberCommand(name: 'tracker' | 'storage', defaultPort: number): Command {
  return new Command(name)
    .option('--config <file>', `a ${name}.conf of the real daemon; flags count more`)
    .option('--host <address>', 'the address to listen on (default: all)')
    .option(
      '--port <number>',
      `the port to listen on; 0: any free one (default: ${defaultPort})`,
      integer(0, 65_535),
    )
    .option('--dir <folder>', 'keep everything below this folder; without it, in memory')
    .addOption(new Option('--profile <version>', 'the version to answer as').choices(Object.keys(PROFILES)))
}

/** `fastdfs tracker` */
export function trackerCommand(): Command {
  return memberCommand('tracker', TRACKER_PORT)
    .description('run one embedded tracker until SIGINT or SIGTERM')
    .action(async (flags: MemberFlags) => {
      const conf: TrackerOptions = flags.config === undefined ? {} : readTrackerConf(flags.config)
      const tracker = new Tracker({ port: TRACKER_PORT, ...conf, ...commonOf(flags, conf) })
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
      `its storage ID; each storage needs its own (default: ${STORAGE_ID})`,
      integer(1, 0xffffff),
    )
    .option('--tracker <host:port>', 'a tracker to join; may be given several times', gathered)
    .option('--store-paths <count>', 'how many store paths (default: 1)', integer(1, 256))
    .action(async (flags: StorageFlags) => {
      const storage = new Storage(storageOptionsOf(flags))
      await run(storage, () => `storage ${storage.host}:${storage.port} of ${storage.group}`)
    })
}

function storageOptionsOf(flags: StorageFlags): StorageOptions {
  const conf = flags.config === undefined ? {} : readStorageConf(flags.config)
  const dir = flags.dir ?? conf.dir
  const trackers = flags.tracker?.map((text) => parseEndpoint(text, TRACKER_PORT)) ?? conf.trackers ?? []
  if (trackers.length === 0) {
    throw new ConfigError(
      'no tracker is known: name one by --tracker host:port, or by tracker_server in --config',
    )
  }
  return {
    port: STORAGE_PORT,
    ...conf.options,
    ...commonOf(flags, conf.options ?? {}),
    group: flags.group ?? conf.options?.group ?? 'group1',
    id: flags.id ?? STORAGE_ID,
    trackers,
    storePathCount: flags.storePaths ?? conf.options?.storePathCount,
    store: dir === undefined ? new MemoryStore() : new DiskStore({ folder: join(dir) }),
  }
}

/** What both kinds of members take. Real daemons listen on all addresses where they are told none. */
function commonOf(
  flags: MemberFlags,
  conf: { readonly host?: string | undefined; readonly port?: number | undefined },
): Pick<TrackerOptions, 'host' | 'port' | 'dialect'> {
  const port = flags.port ?? conf.port
  return {
    host: flags.host ?? conf.host ?? '0.0.0.0',
    ...(port === undefined ? {} : { port }),
    ...(flags.profile === undefined ? {} : { dialect: PROFILES[flags.profile] }),
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
