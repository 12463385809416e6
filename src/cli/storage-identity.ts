import { once } from 'node:events'
import { connect } from 'node:net'
import { FastDfsClient } from '../client/index.js'
import { ConfigError, ConnectError } from '../errors.js'
import type { Profile, ServerEndpoint } from '../server/index.js'
import { plainAddress } from '../server/listener.js'

/** As the first storage of an embedded cluster: where the trackers take any. */
const DEFAULT_ID = 100_001
const TIMEOUT = 5_000

/** Who a storage is to its trackers, and how it has to write for them. */
export interface StorageIdentity {
  /** What they have for its address; where they give no IDs, the address by which they see it. */
  readonly id: number | string
  /** The newest that is no newer than they are: the layout of JOIN is not the same in all (protocol.md §4.2). */
  readonly profile: Profile
  /** Bytes of an address; undefined where they say nothing of it. */
  readonly addressSize: 16 | 46 | undefined
}

/** Parameters by which trackers of a version are known, the newest first (protocol.md §4.3). */
const MARKS: readonly (readonly [parameter: string, since: Profile])[] = [
  ['response_ip_addr_size', 'V6.16'],
  ['trust_storage_server_id', 'V6.12'],
  ['trunk_alloc_alignment_size', 'V6.06'],
]

/**
 * Finds out what a storage has not been told.
 *
 * @param port - that the storage listens on; 0 where that is not known yet
 * @throws ConnectError when no tracker answers
 * @throws ConfigError when they give IDs, and have none for it
 */
export async function storageIdentity(
  trackers: readonly ServerEndpoint[],
  group: string,
  port: number,
): Promise<StorageIdentity> {
  const names = trackers.map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  )
  await using client = new FastDfsClient({ trackers: names, connectTimeout: TIMEOUT, idleTimeout: TIMEOUT })
  const [address, parameters] = await Promise.all([ownAddress(trackers), client.admin.parameters()])
  const size = parameters['response_ip_addr_size']
  const writes = {
    profile: MARKS.find(([name]) => name in parameters)?.[1] ?? 'V5.11',
    addressSize: size === undefined ? undefined : size === '16' ? 16 : 46,
  } as const
  if (parameters['use_storage_id'] !== '1') return { id: address, ...writes }
  const storages = await client.admin.storageIds()
  const own = storages.filter((storage) => storage.group === group && storage.hosts.includes(address))
  // Before V6.16 trackers tell no port where their list has none.
  const found =
    own.find((storage) => storage.port === port) ??
    own.find((storage) => port === 0 || storage.port === undefined)
  if (found === undefined && storages.length > 0) {
    throw new ConfigError(
      `the trackers have no storage ID for ${address}:${port} in ${group}: name it by --id, or put it into their storage_ids.conf`,
    )
  }
  return { id: Number(found?.id ?? DEFAULT_ID), ...writes }
}

/** The address by which the first tracker that can be reached sees this machine. */
async function ownAddress(trackers: readonly ServerEndpoint[]): Promise<string> {
  let cause: unknown
  for (const { host, port } of trackers) {
    const socket = connect({ host, port, timeout: TIMEOUT })
    socket.once('timeout', () => socket.destroy(new Error('the connection takes too long')))
    try {
      await once(socket, 'connect')
      return plainAddress(socket.localAddress)
    } catch (error) {
      cause = error
    } finally {
      socket.destroy()
    }
  }
  throw new ConnectError(
    'no tracker can be reached that would tell the ID of this storage: name it by --id',
    { cause },
  )
}
