import { storageClusterCommands } from '../../protocol/index.js'
import type { ServerConnection } from '../server-connection.js'

/**
 * In the header's status of command 9, where real storages neither look nor put anything: an embedded one says so what
 * it is, and is answered alike by another. They pass links on to each other as links (protocol.md §4.8).
 */
export const EMBEDDED = 40

/** Tells another storage who it is that has connected; whether the other one is embedded too. */
export async function sayHello(connection: ServerConnection, id: string): Promise<boolean> {
  const status = await connection.status(storageClusterCommands.reportServerId, { id }, undefined, EMBEDDED)
  return status === EMBEDDED
}
