import { storageClusterCommands } from '../../protocol/index.js'
import type { ServerConnection } from '../server-connection.js'

/**
 * In the header's status of command 9, where real storages neither look nor put anything: an embedded one says so that
 * it takes links as links, and is answered alike by another. Real ones do not bear that (protocol.md §12, 19).
 */
export const TAKES_LINKS = 40

/** Tells another storage who it is that has connected; whether the other one takes links as links. */
export async function sayHello(connection: ServerConnection, id: string): Promise<boolean> {
  const status = await connection.status(
    storageClusterCommands.reportServerId,
    { id },
    undefined,
    TAKES_LINKS,
  )
  return status === TAKES_LINKS
}
