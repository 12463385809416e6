import { ConfigError } from '../../errors.js'
import { checkNames, show } from '../check.js'
import { parseAddressMap } from './address-map.js'
import type { ConfiguredOptions } from './configured-options.js'
import { checkMetadataEncoding } from './encoding.js'
import { checkGroupName } from './group-name.js'
import { within } from './place.js'
import { parseTrackers, uniqueTrackers } from './trackers.js'

function number(text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new ConfigError(`expected a number, not ${show(text)}`)
  return Number(text)
}

function boolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new ConfigError(`expected true or false, not ${show(text)}`)
  return text === 'true'
}

function extPolicy(text: string): 'error' | 'cut' | 'drop' {
  if (text === 'error' || text === 'cut' || text === 'drop') return text
  throw new ConfigError(`expected error, cut or drop, not ${show(text)}`)
}

function readFrom(text: string): 'tracker' | 'source' {
  if (text === 'tracker' || text === 'source') return text
  throw new ConfigError(`expected tracker or source, not ${show(text)}`)
}

/** The options that a query may name, and how each is read. Whether a number fits is the client's to say. */
const OPTIONS = {
  connectTimeout: number,
  idleTimeout: number,
  timeout: number,
  retries: number,
  retryDeadline: number,
  maxConnections: number,
  minConnections: number,
  maxQueue: number,
  queueTimeout: number,
  idleConnectionTtl: number,
  maxConnectionAge: number,
  maxBufferBytes: number,
  verify: boolean,
  trackerCache: number,
  readFrom,
  extPolicy,
  metadataEncoding: (text) => checkMetadataEncoding(text),
  storageAddressMap: parseAddressMap,
} satisfies {
  [K in Exclude<keyof ConfiguredOptions, 'trackers' | 'group' | 'storageIds'>]-?: (text: string) => unknown
}

type QueryOptions = { [K in keyof typeof OPTIONS]?: ReturnType<(typeof OPTIONS)[K]> }

/** Whether a text is meant to be a connection string. */
export function isConnectionString(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text.trim())
}

/**
 * Reads `fdfs://host:port,host:port/group?option=value&option=value`: trackers, the default group, and options by the
 * names they have in code. Ports and all behind the trackers may be absent. IPv6 addresses, and the two addresses of
 * one tracker, stand in brackets.
 *
 * @throws {@link ConfigError} when it is none, or names an option that there is not
 * @example
 * ```ts
 * parseConnectionString('fdfs://10.0.0.1,10.0.0.2:22122/group3?connectTimeout=2000')
 * ```
 */
export function parseConnectionString(text: string): ConfiguredOptions {
  // Not shown in what follows: someone may have put a password before the hosts.
  const [, trackers, path = '', query = ''] =
    /^fdfs:\/\/([^/?#@]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text.trim()) ?? []
  if (trackers === undefined) {
    throw new ConfigError(
      'a connection string is fdfs://host:port,host:port/group?option=value, without a user',
    )
  }
  return {
    ...within('connection string', () => ({
      trackers: uniqueTrackers(parseTrackers(trackers)),
      ...(path !== '' && { group: checkGroupName(decode(path)) }),
    })),
    ...queryOptions(new URLSearchParams(query)),
  }
}

function queryOptions(query: URLSearchParams): QueryOptions {
  const names = [...query.keys()]
  checkNames(Object.fromEntries(query), Object.keys(OPTIONS), 'the connection string', refuse)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new ConfigError(`the connection string has the option ${twice} twice`)
  const options = [...query].map(([name, value]): [string, unknown] => [
    name,
    within(`connection string: ${name}`, () => OPTIONS[name as keyof typeof OPTIONS](value)),
  ])
  return Object.fromEntries<unknown>(options)
}

const refuse = (message: string): ConfigError => new ConfigError(message)

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** The options that a text gives: a connection string, or trackers separated by commas. */
export function optionsFromText(text: string): ConfiguredOptions | { trackers: string } {
  return isConnectionString(text) ? parseConnectionString(text) : { trackers: text }
}
