import { ConfigError } from '../errors.js'
import { readIni } from '../client/config/ini.js'
import { parseServerAddress } from '../client/config/server-address.js'
import { TRACKER_PORT } from '../client/config/trackers.js'
import { readInteger } from '../client/config/values.js'
import { within } from '../client/config/place.js'
import { NoOptionError } from './exceptions.js'

/** What fdfs_client-py reads from a `client.conf`; what {@link get_tracker_conf} returns. */
export interface TrackerConf {
  /** The trackers; ports are texts. py3Fdfs has the hosts only. */
  host_tuple: readonly (readonly [host: string, port: string | number] | string)[]
  /** The port of trackers that are given without one: py3Fdfs's form. */
  port?: string | number | undefined
  /** Seconds to connect, and to wait for each piece of an answer. */
  timeout: number
  /** Of no meaning. */
  name?: string | undefined
}

/**
 * Reads `connect_timeout` and every `tracker_server` of a configuration file; nothing else of it counts.
 *
 * @throws {@link NoOptionError} when there is no such file, or one of the two is missing
 * @throws ConfigError that names the line when a value cannot be read
 * @example
 * ```ts
 * get_tracker_conf('/etc/fdfs/client.conf')
 * // { host_tuple: [['10.0.0.1', '22122'], ['10.0.0.2', '22122']], timeout: 30, name: 'Tracker Pool' }
 * ```
 */
export function get_tracker_conf(conf_path = 'client.conf'): TrackerConf {
  const settings = settingsOf(conf_path)
  const timeout = settings.get('connect_timeout')
  if (timeout === undefined) throw new NoOptionError('connect_timeout')
  const servers = settings.all('tracker_server')
  if (servers.length === 0) throw new NoOptionError('tracker_server')
  return {
    host_tuple: servers.flatMap(({ place, value }) => {
      const { hosts, port } = within(place, () => parseServerAddress(value, TRACKER_PORT))
      return hosts.map((host) => [host, String(port)] as const)
    }),
    timeout: readInteger(timeout),
    name: 'Tracker Pool',
  }
}

/** Python's parser passes over a file that is not there, and then misses the first thing that it looks for. */
function settingsOf(path: string): ReturnType<ReturnType<typeof readIni>['section']> {
  try {
    return readIni(path).section()
  } catch (error) {
    const isMissing =
      error instanceof ConfigError && (error.cause as { code?: unknown } | undefined)?.code === 'ENOENT'
    throw isMissing ? new NoOptionError('connect_timeout', { cause: error }) : error
  }
}

/** The trackers of either form. */
export function trackersOf({ host_tuple, port }: TrackerConf): { host: string; port: number }[] {
  return host_tuple.map((tracker) => {
    const [host, own] = typeof tracker === 'string' ? [tracker, port ?? TRACKER_PORT] : tracker
    return { host, port: Number(own) }
  })
}
