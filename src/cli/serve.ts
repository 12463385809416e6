import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { Command, Option } from 'commander'
import { ConfigError } from '../errors.js'
import type { Profile, TrackerRules } from '../server/index.js'
import { PROFILES } from '../server/index.js'
import type { ClusterOptions, HttpOptions, ReplicationMode, SeedFile } from '../testing/index.js'
import { deterministicClock, startCluster } from '../testing/index.js'
import { Control } from './control.js'
import { describeCluster, describeInWords } from './describe.js'
import { addressSize, gathered, integer, replication, size, time } from './flags.js'
import { runWith } from './run-with.js'
import { endingSignal } from './signals.js'
import { addTrackerFlags, trackerRulesIn } from './tracker-flags.js'

interface ServeFlags extends TrackerRules {
  host: string
  advertise?: string
  port?: number
  storagePort: number
  trackers: number
  groups: readonly string[]
  storages: number
  storePaths: number
  totalSpace?: number
  freeSpace?: number
  profile: Profile
  addressSize?: 16 | 46
  replication: ReplicationMode
  storageIds: boolean
  dir?: string
  seed?: string[]
  clock?: Date
  httpPort?: number
  httpSecret?: string
  httpResponseMode?: 'proxy' | 'redirect'
  json?: true
  control?: number
}

const TRACKER_PORT = 22_122
const port = integer(0, 65_535)

/** `fastdfs serve`: the embedded cluster as a process. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run an embedded cluster until SIGINT or SIGTERM, or as long as a command runs')
    .argument(
      '[command...]',
      'behind --: run with FASTDFS_TRACKERS and FASTDFS_CONFIG set; its exit code is passed on',
    )
    .option('--host <address>', 'the address that every member listens on', '127.0.0.1')
    .option(
      '--advertise <ip>',
      'the address that clients are told, where it is another one (containers, NAT)',
    )
    .option(
      '--port <number>',
      `the port of the first tracker, the others follow; 0: any free ones (default: ${TRACKER_PORT}; 0 with a command)`,
      port,
    )
    .option(
      '--storage-port <number>',
      'the port of the first storage, the others follow; 0: any free ones',
      port,
      0,
    )
    .option('--trackers <count>', 'how many trackers', integer(1, 16), 1)
    .addOption(
      new Option('--groups <count or names>', 'how many groups, or their names, separated by commas')
        .argParser(groupNames)
        .default(['group1'], '1'),
    )
    .option('--storages <count>', 'how many storages in each group', integer(1, 32), 1)
    .option('--store-paths <count>', 'how many store paths in each storage', integer(1, 256), 1)
    .option('--total-space <size>', 'the size of each store path: 500M, 2G', size)
    .option('--free-space <size>', 'what of it is free at first', size)
    .addOption(
      new Option('--profile <version>', 'the version to answer as')
        .choices(Object.keys(PROFILES))
        .default('V6.16'),
    )
    .option(
      '--address-size <bytes>',
      'bytes of an address in answers: 16, or 46 for IPv6 (default: as the version has it)',
      addressSize,
    )
    .option(
      '--replication <mode>',
      'when storages of a group tell each other of changes: now, manual, or after so many milliseconds',
      replication,
      'now',
    )
    .option('--no-storage-ids', 'let addresses tell storages apart, from 127.0.0.1 on')
    .option('--dir <folder>', 'keep files below this folder; without it, in memory')
    .option('--seed <file>', 'a file to begin with; may be given several times', gathered)
    .option(
      '--clock <time>',
      'stand still at this time and draw the same numbers in every run: the same file IDs, with ports that stay the same',
      time,
    )
    .option(
      '--http-port <number>',
      'serve the files over HTTP too: the port of the first storage, the others follow; 0: any free ones',
      port,
    )
    .option('--http-secret <key>', 'with --http-port: ask for tokens that were made with this key')
    .addOption(
      new Option(
        '--http-response-mode <mode>',
        'with --http-port: what is done about a file that is still on its way from another storage',
      ).choices(['proxy', 'redirect']),
    )
    .option('--json', 'say in one line of JSON when it is ready, and nothing else')
    .option(
      '--control <port>',
      'serve requests about the cluster by HTTP on this port of 127.0.0.1; 0: any',
      port,
    )
    .action(serve)
  return addTrackerFlags(command)
}

async function serve(command: readonly string[], flags: ServeFlags): Promise<void> {
  await using cluster = await startCluster(await optionsOf(flags, command.length > 0))
  const control = new Control(cluster)
  try {
    if (flags.control !== undefined) await control.start(flags.control)
    const url = flags.control === undefined ? undefined : control.url
    if (flags.json) console.log(JSON.stringify({ ...describeCluster(cluster), control: url }))
    else if (command.length === 0) {
      console.log(describeInWords(cluster, flags.dir))
      if (url !== undefined) console.log(`FASTDFS_CONTROL=${url}`)
    }
    if (command.length === 0) await endingSignal()
    else process.exitCode = await runWith(cluster, command, url)
  } finally {
    if (flags.control !== undefined) await control.stop()
  }
}

async function optionsOf(flags: ServeFlags, hasCommand: boolean): Promise<ClusterOptions> {
  const { host, advertise, trackers, storages, profile, addressSize, dir, seed = [] } = flags
  const group = { storePaths: flags.storePaths, totalBytes: flags.totalSpace, freeBytes: flags.freeSpace }
  return {
    ...trackerRulesIn(flags),
    host: flags.storageIds ? host : undefined,
    storageIds: flags.storageIds,
    replication: flags.replication,
    advertise,
    trackers,
    storages,
    profile,
    addressSize,
    clock: flags.clock && deterministicClock(flags.clock),
    http: httpOf(flags),
    groups: Object.fromEntries(flags.groups.map((name) => [name, group])),
    ports: { trackers: flags.port ?? (hasCommand ? 0 : TRACKER_PORT), storages: flags.storagePort },
    store: dir === undefined ? 'memory' : { dir },
    seed: await Promise.all(seed.map(readSeed)),
  }
}

function httpOf({ httpPort, httpSecret, httpResponseMode }: ServeFlags): HttpOptions | false {
  if (httpPort === undefined) {
    if (httpSecret === undefined && httpResponseMode === undefined) return false
    throw new ConfigError('--http-secret and --http-response-mode need --http-port')
  }
  const secret = httpSecret === undefined ? {} : { secret: httpSecret }
  return { port: httpPort, responseMode: httpResponseMode, ...secret }
}

function groupNames(text: string): string[] {
  if (!/^\d+$/.test(text)) return text.split(',')
  return Array.from({ length: integer(1, 512)(text) }, (_, i) => `group${i + 1}`)
}

async function readSeed(path: string): Promise<SeedFile> {
  try {
    return { data: await readFile(path), ext: extname(path).slice(1, 7) }
  } catch (cause) {
    throw new ConfigError(`--seed ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
