import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isFastDfsError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import { formatEndpoint } from '../net/endpoint.js'
import type { AddressLookup } from './config/address-map.js'
import { parseIp } from './config/ip.js'
import type { StorageId } from './config/storage-ids.js'
import type { StorageEndpoint } from './trackers.js'

/** Where storages are connected to: some have more addresses than the one that trackers give (protocol.md §8.2). */
export class StorageAddresses {
  readonly #addressOf: AddressLookup
  #storages: readonly StorageId[] | undefined
  readonly #load: (call: Call) => Promise<readonly StorageId[]>
  /** What worked last for a storage of several addresses, by what the trackers call it. */
  readonly #last = new Map<string, Endpoint>()

  /**
   * @param addressOf - what `storageAddressMap` makes of each of them
   * @param storages - undefined where they are to be asked for, when a storage cannot be connected to
   * @param load - asks for them
   */
  constructor(
    addressOf: AddressLookup,
    storages: readonly StorageId[] | undefined,
    load: (call: Call) => Promise<readonly StorageId[]>,
  ) {
    this.#addressOf = addressOf
    this.#storages = storages
    this.#load = load
  }

  /** The address to try first. */
  first(storage: StorageEndpoint): Endpoint {
    if (this.#storages === undefined || this.#storages.length === 0) {
      return this.#addressOf(storage.group, storage)
    }
    const last = this.#last.get(keyOf(storage))
    if (last !== undefined) return last
    return this.#addressOf(storage.group, storage, this.idOf(storage))
  }

  /** The ID of a storage that is known by one of its addresses; nobody is asked. */
  idOf(storage: StorageEndpoint): string | undefined {
    return this.#storages?.find((one) => isOf(one, storage) && one.hosts.some((host) => same(host, storage)))
      ?.id
  }

  /** The addresses to try after `tried`. Host names are resolved each time, to find out whose the tracker's address is. */
  async others(storage: StorageEndpoint, tried: Endpoint, call: Call): Promise<readonly Endpoint[]> {
    const endpoints: Endpoint[] = []
    const seen = new Set([formatEndpoint(tried)])
    const add = (host: string, id: string): void => {
      const endpoint = this.#addressOf(storage.group, { host, port: storage.port }, id)
      const text = formatEndpoint(endpoint)
      if (!seen.has(text)) endpoints.push(endpoint)
      seen.add(text)
    }
    for (const one of await this.#all(call)) {
      if (!isOf(one, storage) || !(await call.wait(hasAddress(one, storage)))) continue
      for (const host of [storage.host, ...one.hosts]) add(host, one.id)
    }
    return endpoints
  }

  /** A storage by its ID, where that is known. */
  async withId(group: string, id: string, call: Call): Promise<StorageEndpoint | undefined> {
    const known = (await this.#all(call)).find((one) => one.group === group && one.id === id)
    return known && { group, host: known.hosts[0], port: known.port }
  }

  async #all(call: Call): Promise<readonly StorageId[]> {
    try {
      return (this.#storages ??= await this.#load(call))
    } catch (error) {
      // There is an error to tell already: of the address that was tried.
      if (!isFastDfsError(error)) throw error
      return []
    }
  }

  /** Remembers what worked, where it was not what is tried first. */
  worked(storage: StorageEndpoint, endpoint: Endpoint): void {
    this.#last.set(keyOf(storage), endpoint)
  }
}

function keyOf(storage: StorageEndpoint): string {
  return `${storage.group}/${formatEndpoint(storage)}`
}

function isOf({ group, port }: StorageId, storage: StorageEndpoint): boolean {
  return group === storage.group && port === storage.port
}

/** Whether a storage has the address that a tracker gave, or a name for it. */
async function hasAddress({ hosts }: StorageId, storage: StorageEndpoint): Promise<boolean> {
  if (hosts.some((host) => same(host, storage))) return true
  for (const host of hosts) {
    if (isIP(host) !== 0) continue
    const found = await lookup(host, { all: true }).catch(() => [])
    if (found.some(({ address }) => same(address, storage))) return true
  }
  return false
}

function same(host: string, storage: StorageEndpoint): boolean {
  const [one, other] = [parseIp(host), parseIp(storage.host)]
  if (one === undefined || other === undefined) return host.toLowerCase() === storage.host.toLowerCase()
  return one.bits === other.bits && one.value === other.value
}
