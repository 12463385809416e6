/** What tracker.conf and storage.conf of the real daemons say, as options of the embedded ones. */
import { readIni } from '../client/config/ini.js'
import { parseServerAddress } from '../client/config/server-address.js'
import type { Settings } from '../client/config/settings.js'
import { readInteger } from '../client/config/values.js'
import type { StorageOptions, ServerEndpoint, TrackerOptions } from '../server/index.js'

const TRACKER_PORT = 22_122

/** What a storage.conf says. */
export interface StorageConf {
  readonly options?: Partial<StorageOptions>
  readonly trackers?: readonly ServerEndpoint[]
  /** `base_path`. */
  readonly dir?: string | undefined
}

/**
 * Reads a tracker.conf.
 *
 * @throws ConfigError that names file and line
 */
export function readTrackerConf(path: string): TrackerOptions {
  return addressIn(readIni(path).section())
}

/**
 * Reads a storage.conf.
 *
 * @throws ConfigError that names file and line
 */
export function readStorageConf(path: string): StorageConf {
  const settings = readIni(path).section()
  const group = textIn(settings, 'group_name')
  const storePathCount = integerIn(settings, 'store_path_count')
  const subdirCount = integerIn(settings, 'subdir_count_per_path')
  return {
    dir: textIn(settings, 'base_path'),
    trackers: settings.all('tracker_server').map(({ value }) => {
      const { hosts, port } = parseServerAddress(value, TRACKER_PORT)
      return { host: hosts[0], port }
    }),
    options: {
      ...addressIn(settings),
      ...(group === undefined ? {} : { group }),
      ...(storePathCount === undefined ? {} : { storePathCount }),
      ...(subdirCount === undefined ? {} : { subdirCount }),
    },
  }
}

/** An empty `bind_addr` is all addresses. */
function addressIn(settings: Settings): Pick<TrackerOptions, 'host' | 'port'> {
  const host = textIn(settings, 'bind_addr')
  const port = integerIn(settings, 'port')
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) }
}

function textIn(settings: Settings, name: string): string | undefined {
  return settings.get(name)?.value.trim() || undefined
}

function integerIn(settings: Settings, name: string): number | undefined {
  const setting = settings.get(name)
  return setting && readInteger(setting)
}
