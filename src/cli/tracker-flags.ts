/** The rules of trackers as flags; each has the name of its option. */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { TrackerRules } from '../server/index.js'
import { integer, reservedSpace } from './flags.js'

const milliseconds = integer(1_000, Number.MAX_SAFE_INTEGER)

/** Adds a flag for each rule. */
export function addTrackerFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--store-lookup <rule>', 'the group of an upload').choices([
        'round-robin',
        'group',
        'load-balance',
      ]),
    )
    .option('--store-group <name>', 'that group, with --store-lookup group')
    .addOption(
      new Option('--store-server <rule>', 'the storage of an upload').choices([
        'round-robin',
        'first',
        'priority',
      ]),
    )
    .addOption(
      new Option('--store-path <rule>', 'the store path of an upload').choices([
        'round-robin',
        'load-balance',
      ]),
    )
    .addOption(
      new Option('--download-server <rule>', 'the storage of a download').choices(['round-robin', 'source']),
    )
    .option(
      '--reserved-storage-space <size>',
      'what uploads leave free on each storage: 20%, 500M, 2G',
      reservedSpace,
    )
    .option(
      '--check-active-interval <milliseconds>',
      'a storage that is silent for so long is OFFLINE',
      milliseconds,
    )
    .option(
      '--storage-sync-file-max-delay <milliseconds>',
      'after this time a file is taken to be on all storages of its group',
      milliseconds,
    )
    .option(
      '--storage-sync-file-max-time <milliseconds>',
      'after this time a file is taken to be where the one before it is',
      milliseconds,
    )
}

/** The rules among flags. */
export function trackerRulesIn(flags: TrackerRules): TrackerRules {
  const { storeLookup, storeGroup, storeServer, storePath, downloadServer } = flags
  const { reservedStorageSpace, checkActiveInterval, storageSyncFileMaxDelay, storageSyncFileMaxTime } = flags
  const rules = {
    ...{ storeLookup, storeGroup, storeServer, storePath, downloadServer },
    ...{ reservedStorageSpace, checkActiveInterval, storageSyncFileMaxDelay, storageSyncFileMaxTime },
  }
  // What was not given must not hide what a configuration says.
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined))
}
