import { once } from 'node:events'
import { connect } from 'node:net'
import { FastDfsClient } from '../client/index.js'
import { ConnectError } from '../errors.js'
import type { ServerEndpoint } from '../server/index.js'
import { plainAddress } from '../server/listener.js'

/** As the first storage of an embedded cluster. */
const DEFAULT_ID = 100_001
const TIMEOUT = 5_000

/**
 * Finds out who a storage is that has not been told: what its trackers have for its address; where they give no IDs, the
 * address by which they see it.
 *
 * @param port - that the storage listens on
 * @throws ConnectError when no tracker answers
 */
export async function storageIdentity(
  trackers: readonly ServerEndpoint[],
  group: string,
  port: number,
): Promise<number | string> {
  const names = trackers.map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  )
  await using client = new FastDfsClient({ trackers: names, connectTimeout: TIMEOUT })
  const [address, parameters] = await Promise.all([ownAddress(trackers), client.admin.parameters()])
  if (parameters['use_storage_id'] !== '1') return address
  const storages = await client.admin.storageIds()
  const found = storages.find(
    (storage) => storage.group === group && storage.hosts.includes(address) && storage.port === port,
  )
  return Number(found?.id ?? DEFAULT_ID)
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
