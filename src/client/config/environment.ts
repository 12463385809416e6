import { ConfigError } from '../../errors.js'
import { parseAddressMap } from './address-map.js'
import type { ConfiguredOptions } from './configured-options.js'
import { loadClientConf } from './client-conf.js'
import { isConnectionString, parseConnectionString } from './connection-string.js'
import { readConfigFile } from './file.js'
import type { ReadFile } from './file.js'
import { checkGroupName } from './group-name.js'
import { within } from './place.js'
import { parseTrackers, uniqueTrackers } from './trackers.js'

/**
 * Reads a client's options from the environment:
 *
 * - `FASTDFS_TRACKERS`: trackers separated by commas, or a connection string
 * - `FASTDFS_CONFIG`: the path of a `client.conf` or `.properties`; what the other variables say counts more
 * - `FASTDFS_GROUP`: the group to upload to
 * - `FASTDFS_STORAGE_MAP`: a {@link StorageAddressMap} as a text: `10.0.0.0/8=gateway:23000,10.1.1.1=10.2.2.2`
 *
 * One of the first two is needed. Empty ones count as not set.
 *
 * @param read - gives the bytes of a file
 * @throws {@link ConfigError} that names the variable
 */
export function optionsFromEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
  read: ReadFile = readConfigFile,
): ConfiguredOptions {
  const set = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const text = env[name]?.trim()
    return text ? within(name, () => parse(text)) : undefined
  }
  const base = {
    ...set('FASTDFS_CONFIG', (path) => loadClientConf(path, read).options),
    ...set('FASTDFS_TRACKERS', (text) =>
      isConnectionString(text)
        ? parseConnectionString(text)
        : { trackers: uniqueTrackers(parseTrackers(text)) },
    ),
  }
  const { trackers } = base
  if (trackers === undefined) {
    throw new ConfigError(
      'no tracker is known: set FASTDFS_TRACKERS to host:port,host:port or FASTDFS_CONFIG to the path of a client.conf',
    )
  }
  const group = set('FASTDFS_GROUP', checkGroupName)
  const storageAddressMap = set('FASTDFS_STORAGE_MAP', parseAddressMap)
  return {
    ...base,
    trackers,
    ...(group !== undefined && { group }),
    ...(storageAddressMap !== undefined && { storageAddressMap }),
  }
}
