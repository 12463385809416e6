import type { FastDfsError } from '../../errors.js'
import { STATUS } from '../../errors.js'
import { crc32 } from '../../file-id/index.js'
import { limits, storageCommands } from '../../protocol/index.js'
import type { Draft } from '../stores/store.js'
import type { StorageContext } from './context.js'
import type { ServerConnection } from '../server-connection.js'

const { FILE_INFO_FLAGS } = limits

/** A file that was fetched, and is not published. */
export interface Fetched {
  readonly draft: Draft
  readonly size: number
  readonly crc32: number
}

/** Gets a file from another storage of the group; undefined where that has none. */
export async function fetchFile(
  context: StorageContext,
  peerId: string,
  name: string,
): Promise<Fetched | undefined> {
  const connection = await context.replication.connect(peerId)
  try {
    return await fetchOver(connection, context, name)
  } finally {
    connection.destroy()
  }
}

/** As {@link fetchFile}, over a connection that is there. */
export async function fetchOver(
  connection: ServerConnection,
  { group, store }: StorageContext,
  name: string,
): Promise<Fetched | undefined> {
  // An empty file cannot be downloaded (protocol.md §3.4).
  const size = await sizeOf(connection, group, name)
  if (size === undefined) return undefined
  const draft = await store.create(Number.parseInt(name.slice(1, 3), 16))
  let crc = 0
  try {
    if (size > 0) {
      const content = await connection.content(storageCommands.downloadFile, {
        offset: 0,
        count: 0,
        group,
        name,
      })
      for await (const chunk of content) {
        crc = crc32(chunk, crc)
        await draft.write(chunk)
      }
    }
    return { draft, size, crc32: crc }
  } catch (error) {
    await draft.discard()
    if ((error as FastDfsError).status === STATUS.ENOENT) return undefined
    throw error
  }
}

async function sizeOf(
  connection: ServerConnection,
  group: string,
  name: string,
): Promise<number | undefined> {
  try {
    const flags = FILE_INFO_FLAGS.NO_CRC | FILE_INFO_FLAGS.SILENT
    return (await connection.request(storageCommands.queryFileInfo, { group, name }, flags)).size
  } catch (error) {
    if ((error as FastDfsError).status === STATUS.ENOENT) return undefined
    throw error
  }
}
