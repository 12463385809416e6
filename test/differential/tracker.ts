/**
 * One random sequence of requests, good and bad, is sent to the embedded tracker and to a real one; their answers must
 * be the same. The storages are played here, so the real tracker must have none of its own, and is left with those:
 *
 *     FASTDFS_TEST_DESTRUCTIVE=1 FASTDFS_TRACKERS=10.77.0.1:22122 FASTDFS_TRACKER_CONF=…/tracker.conf \
 *       FASTDFS_SOURCES=10.77.0.101,10.77.0.102 npm run test:differential -- tracker
 *
 * FASTDFS_TRACKER_CONF: that of the real tracker; the embedded one is made by it. FASTDFS_SOURCES: addresses of this
 * machine, one for each storage of a group; with storage IDs those of storage_ids.conf are played instead.
 * FASTDFS_PROFILE names the version of an older tracker (`V5.11`, `V6.9.5`), FASTDFS_RESTART a command that stops the real one and starts it
 * again: both are restarted now and then. FASTDFS_SEED and FASTDFS_STEPS choose the sequence.
 */
import assert from 'node:assert/strict'
import { execSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTrackerConf } from '../../src/cli/member-conf.js'
import { isAtLeast } from '../../src/protocol/dialect.js'
import type { Dialect } from '../../src/protocol/index.js'
import { PROFILES, type Profile, Tracker, type TrackerOptions } from '../../src/server/index.js'
import { RawClient } from '../server/raw.js'
import { randomOf } from './random.js'
import { type Endpoint, realTracker, seed, steps } from './settings.js'
import { Both } from './tracker/pair.js'
import { Play, type Played } from './tracker/play.js'

export const needs: readonly string[] = ['FASTDFS_TRACKER_CONF', 'FASTDFS_SOURCES']

const { FASTDFS_TRACKER_CONF = '', FASTDFS_SOURCES, FASTDFS_PROFILE, FASTDFS_RESTART } = process.env
const GROUPS = ['group1', 'group2', 'alpha']
/** Steps between two restarts. */
const LIFE = 500

/** The first difference between what the two answer, and what led to it. */
export async function compare(): Promise<readonly string[]> {
  const real = realTracker()
  const sources = FASTDFS_SOURCES?.split(',') ?? []
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-differential-'))
  const dialect = await dialectOf(real)
  const conf = readTrackerConf(FASTDFS_TRACKER_CONF).options
  // Read with the port that newer versions take where none is given.
  const storageIds =
    FASTDFS_PROFILE === undefined
      ? conf.storageIds
      : conf.storageIds?.map((entry) => ({ ...entry, port: undefined }))
  const options = { ...conf, storageIds, dialect, dir, host: '0.0.0.0', port: 0 }
  await using tracker = new Tracker(options)
  await tracker.start()
  const both = new Both([{ host: sources[0] as string, port: tracker.port }, real], dialect)
  try {
    const how = {
      usesIds: options.useStorageId === true,
      isCalm: FASTDFS_RESTART !== undefined,
      keepsPaths: options.storePath === 'load-balance',
    }
    await run(new Play(both, storagesOf(options, sources), how, randomOf(seed)), tracker)
  } catch (error) {
    if (error instanceof Error) return [error.stack ?? error.message]
    throw error
  } finally {
    both.close()
    await rm(dir, { recursive: true })
  }
  return []
}

async function run(play: Play, tracker: Tracker): Promise<void> {
  await play.begin()
  for (let step = 1; step <= steps; step++) {
    await play.step()
    if (FASTDFS_RESTART === undefined || step % LIFE !== 0) continue
    await tracker.stop()
    await tracker.start()
    execSync(FASTDFS_RESTART)
    await play.restarted()
  }
  await play.lookAtAll()
}

/** Those of the configuration, else one of each group at each source. */
function storagesOf({ storageIds }: TrackerOptions, sources: readonly string[]): readonly Played[] {
  if (storageIds !== undefined) {
    return storageIds.map(({ group, id, hosts, port = 23_000 }) => ({
      group,
      id,
      source: hosts[0] ?? '',
      port,
    }))
  }
  return GROUPS.flatMap((group) => sources.map((source) => ({ group, source, id: source, port: 23_000 })))
}

/** How a version writes by default. */
function versionNamed(name: string): Dialect {
  if (Object.hasOwn(PROFILES, name)) return PROFILES[name as Profile]
  const narrow: Dialect = { version: name.slice(1), addressSize: 16 }
  return isAtLeast(narrow, '6.11') ? { ...narrow, addressSize: 46 } : narrow
}

/** How the real one writes: only the width of its addresses is not told by its version. */
async function dialectOf({ host, port }: Endpoint): Promise<Dialect> {
  const dialect = versionNamed(FASTDFS_PROFILE ?? 'V6.16')
  const client = await RawClient.connect(port, host)
  assert.equal((await client.ask(91)).body.length, 0, 'the real tracker has groups already')
  const text = (await client.ask(75)).body.toString()
  client.close()
  const size = /^response_ip_addr_size=(\d+)$/m.exec(text)?.[1]
  return size === undefined ? dialect : { ...dialect, addressSize: size === '46' ? 46 : 16 }
}
