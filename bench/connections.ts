import { FastDfsClient } from '../src/index.js'
import { IN_PARALLEL } from './agent-protocol.js'
import { CORE } from './contenders.js'
import type { Peer } from './contenders.js'
import type { Options } from './options.js'
import { RawConnection } from './raw-connection.js'
import type { Place } from './raw-packets.js'
import { activeTest, placeOf } from './raw-packets.js'
import { fieldOf, SMALL_SIZES } from './small-files.js'

/**
 * Opens as many connections to every server as the contenders will hold at the same time: none can close its own when
 * another's turn comes. What a server refuses then would be measured, or hang.
 *
 * @throws when a server answers on fewer of them
 */
export async function checkConnections(
  trackers: readonly string[],
  peers: readonly Peer[],
  options: Options,
): Promise<void> {
  const wanted = connectionsOf(peers, options)
  for (const place of [...trackers.map(placeOf), ...(await storagesOf(trackers))]) {
    const connections = Array.from({ length: wanted }, () => new RawConnection(place.host, place.port))
    const answers = await Promise.allSettled(
      connections.map((connection) => connection.request(activeTest())),
    )
    for (const connection of connections) connection.destroy()
    const refused = answers.filter((answer) => answer.status === 'rejected')
    if (refused.length > 0) {
      throw new Error(
        `${place.host}:${place.port} answers on ${wanted - refused.length} of the ${wanted} connections that all clients hold ` +
          `at the same time: raise max_connections in tracker.conf and storage.conf, or measure with fewer peers ` +
          `or a smaller --concurrency`,
        { cause: refused[0]?.reason },
      )
    }
  }
}

/** Each client has as many as calls that it ever makes at the same time. */
function connectionsOf(peers: readonly Peer[], options: Options): number {
  const most = (fields: readonly string[]): number =>
    Math.max(
      IN_PARALLEL,
      ...SMALL_SIZES.flatMap((size) =>
        options.concurrency.filter((each) => fields.includes(fieldOf(size, each, options))),
      ),
    )
  const scripts = peers.filter(({ script }) => script !== undefined).length
  return (
    CORE.length * most(['core', 'scripts', 'all']) +
    scripts * most(['scripts', 'all']) +
    (peers.length - scripts) * most(['all'])
  )
}

async function storagesOf(trackers: readonly string[]): Promise<Place[]> {
  const client = new FastDfsClient({ trackers: [...trackers] })
  try {
    const groups = await client.admin.listGroups()
    const targets = await Promise.all(groups.map(({ group }) => client.tracker.queryStoreAll({ group })))
    return targets.flatMap(({ storages }) => storages)
  } finally {
    await client.close()
  }
}
