import type { Call } from '../net/call.js'
import type { NamedFile } from './named-file.js'
import type { MayBePending } from './pending.js'
import type { StorageAddresses } from './storage-addresses.js'
import type { StorageEndpoint } from './trackers.js'

/**
 * Leads from a file ID to the storage that the file was uploaded to, without a tracker. An ID holds an address without a
 * port, which may be no more than a part of an IPv6 address (protocol.md §5): only addresses that a tracker has named
 * are used. Or it holds a storage ID, which `storageIds` must know.
 */
export class NamedSources {
  readonly #addresses: StorageAddresses
  /** By group, then address. */
  readonly #named = new Map<string, Map<string, StorageEndpoint>>()

  constructor(addresses: StorageAddresses) {
    this.#addresses = addresses
  }

  /** Takes a storage that a tracker has named. */
  learn(storage: StorageEndpoint): void {
    const { group, host } = storage
    const ofGroup = this.#named.get(group)
    if (ofGroup === undefined) this.#named.set(group, new Map([[host, storage]]))
    else ofGroup.set(host, storage)
  }

  /** It could not be read from: it counts again when a tracker names it again. */
  forget({ group, host }: StorageEndpoint): void {
    this.#named.get(group)?.delete(host)
  }

  /** The source of a file; undefined where its ID does not lead there. */
  of({ source, group }: NamedFile, call: Call): MayBePending<StorageEndpoint | undefined> {
    if (source === undefined) return undefined
    return source.kind === 'ip'
      ? this.#named.get(group)?.get(source.ip)
      : this.#addresses.withId(group, String(source.id), call)
  }
}
