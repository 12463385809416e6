import { isIPv6 } from 'node:net'
import { ConfigError, isFastDfsError } from '../../errors.js'
import type { Endpoint } from '../../net/endpoint.js'
import { formatEndpoint, parseEndpoint } from '../../net/endpoint.js'
import { show } from '../check.js'
import { checkGroupName } from './group-name.js'
import { parseIp, parseNetwork, prefixOf } from './ip.js'
import { within } from './place.js'

/** A storage as a tracker names it. */
export interface StorageAddress extends Endpoint {
  /** The group's name. */
  readonly group: string
  /** The storage's ID, where the option `storageIds` tells it. */
  readonly id?: string | undefined
}

/**
 * Under which addresses storages are reached from here, where those that trackers give are not: clusters behind NAT, in
 * containers, seen through a tunnel.
 *
 * Keys are `group/host:port`, `host:port`, `host`, or a network `address/bits`, IPv4 or IPv6; the most specific one
 * counts, in this order, and of networks the smallest. IPv6 addresses stand in brackets where a port follows. Values
 * are `host` or `host:port`; without a port the storage's own remains.
 *
 * A function gets each storage and gives such a value, an endpoint, or undefined for the address as it is.
 *
 * @example
 * ```ts
 * { 'group1/10.1.1.1:23000': '127.0.0.1:30001', '10.1.1.2': 'storage2.example.org', '10.0.0.0/8': 'gateway:23000' }
 * ```
 */
export type StorageAddressMap =
  Readonly<Record<string, string>> | ((storage: StorageAddress) => string | Endpoint | undefined)

/** Where to connect to for a storage that a tracker named; the same object where nothing else is said. */
export type AddressLookup = (group: string, endpoint: Endpoint, id?: string) => Endpoint

/** What a key stands for: a host, and the port where the value names one. */
interface Target {
  readonly host: string
  readonly port: number | undefined
}

/**
 * Makes a lookup of a map, once: exact keys take a search in a table each, networks one for each length there is.
 *
 * @throws {@link ConfigError} for a key or a value that is wrong, and for two keys that mean the same. What a function
 *   gives is checked when it gives it
 */
export function compileAddressMap(map: StorageAddressMap): AddressLookup {
  if (typeof map === 'function') return (group, endpoint, id) => ask(map, group, endpoint, id)
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new ConfigError(`storageAddressMap must be an object or a function, not ${show(map)}`)
  }
  const exact = new Map<string, Target>()
  const networks = new Networks()
  for (const [key, value] of Object.entries(map)) {
    within(`storageAddressMap ${show(key)}`, () => {
      const target = parseTarget(value)
      if (!networks.add(key, target)) addExact(exact, key, target)
    })
  }
  // As nearly always: asked for every request.
  if (Object.keys(map).length === 0) return (_, endpoint) => endpoint
  return (group, endpoint) => {
    const host = normal(endpoint.host)
    const target =
      exact.get(`${group}/${host}:${endpoint.port}`) ??
      exact.get(`${host}:${endpoint.port}`) ??
      exact.get(host) ??
      networks.find(endpoint.host)
    return target === undefined ? endpoint : { host: target.host, port: target.port ?? endpoint.port }
  }
}

/**
 * Reads a map from a text: `10.0.0.0/8=gateway:23000,group1/10.1.1.1:23000=127.0.0.1:30001`.
 *
 * @throws {@link ConfigError} for a part that is no `key=value`, and for a key that is there twice
 */
export function parseAddressMap(text: string): Readonly<Record<string, string>> {
  const map = new Map<string, string>()
  for (const part of text.split(',')) {
    const [, key, value] = /^([^=]+)=([^=]+)$/.exec(part)?.map((side) => side.trim()) ?? []
    if (!key || !value)
      throw new ConfigError(`expected address=address, separated by commas, not ${show(part)}`)
    if (map.has(key)) throw new ConfigError(`${show(key)} is mapped twice`)
    map.set(key, value)
  }
  return Object.freeze(Object.fromEntries(map))
}

/** Storages by the network they are in. */
class Networks {
  /** By the length of the prefix, the longest first; IPv4 and IPv6 apart. */
  readonly #lengths: { bits: number; length: number; targets: Map<bigint, Target> }[] = []

  /** False when the key is no network. */
  add(key: string, target: Target): boolean {
    const network = parseNetwork(key)
    if (network === undefined) return false
    const { ip, length } = network
    if (length > ip.bits)
      throw new ConfigError(`a network of this kind has at most ${ip.bits} bits, not ${length}`)
    let entry = this.#lengths.find((one) => one.bits === ip.bits && one.length === length)
    if (entry === undefined) {
      entry = { bits: ip.bits, length, targets: new Map() }
      this.#lengths.push(entry)
      this.#lengths.sort((a, b) => b.length - a.length)
    }
    addOnce(entry.targets, prefixOf(ip, length), target)
    return true
  }

  find(host: string): Target | undefined {
    if (this.#lengths.length === 0) return undefined
    const ip = parseIp(host)
    if (ip === undefined) return undefined
    for (const { bits, length, targets } of this.#lengths) {
      const target = bits === ip.bits ? targets.get(prefixOf(ip, length)) : undefined
      if (target !== undefined) return target
    }
    return undefined
  }
}

function addExact(exact: Map<string, Target>, key: string, target: Target): void {
  const slash = key.indexOf('/')
  const { host, port } = parseTarget(key.slice(slash + 1))
  if (slash === -1)
    return addOnce(exact, port === undefined ? normal(host) : `${normal(host)}:${port}`, target)
  if (port === undefined) throw new ConfigError('expected group/host:port, host:port, host or address/bits')
  addOnce(exact, `${checkGroupName(key.slice(0, slash))}/${normal(host)}:${port}`, target)
}

function addOnce<K>(targets: Map<K, Target>, key: K, target: Target): void {
  if (targets.has(key)) throw new ConfigError('another key means the same')
  targets.set(key, target)
}

/** Reads `host` or `host:port`; an IPv6 address without a port needs no brackets. */
function parseTarget(text: unknown): Target {
  if (typeof text !== 'string') throw new ConfigError(`expected a text host or host:port, not ${show(text)}`)
  if (isIPv6(text)) return { host: text, port: undefined }
  const { host, port } = parseEndpoint(text, 1)
  return { host, port: /:\d+$/.test(text.trim()) ? port : undefined }
}

/** The one form of a host that has several: IPv6 addresses, and names in capitals. */
function normal(host: string): string {
  if (!host.includes(':')) return host.toLowerCase()
  const ip = parseIp(host)
  return ip === undefined ? host : `[${ip.bits}#${ip.value.toString(16)}]`
}

function ask(
  map: Exclude<StorageAddressMap, Readonly<Record<string, string>>>,
  group: string,
  endpoint: Endpoint,
  id: string | undefined,
): Endpoint {
  const { host, port } = endpoint
  return within(`storageAddressMap for ${group}/${formatEndpoint(endpoint)}`, () => {
    let given: unknown
    try {
      given = map({ group, host, port, id })
    } catch (cause) {
      if (isFastDfsError(cause)) throw cause
      throw new ConfigError(`the function threw ${show(cause)}`, { cause })
    }
    if (given === undefined) return endpoint
    const target = parseTarget(isEndpoint(given) ? formatEndpoint(given) : given)
    return { host: target.host, port: target.port ?? port }
  })
}

function isEndpoint(value: unknown): value is Endpoint {
  const { host, port } = (value ?? {}) as Partial<Endpoint>
  return typeof host === 'string' && typeof port === 'number'
}
