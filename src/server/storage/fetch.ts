import type { FastDfsError } from '../../errors.js'
import { STATUS } from '../../errors.js'
import { crc32 } from '../../file-id/index.js'
import { limits, storageCommands } from '../../protocol/index.js'
import type { Draft } from '../stores/store.js'
import type { StorageContext } from './context.js'
import type { ServerConnection } from '../server-connection.js'

const { FILE_INFO_FLAGS } = limits
/** What asks for nothing that has to be looked for in a file. */
const NO_MORE = FILE_INFO_FLAGS.NO_CRC | FILE_INFO_FLAGS.SILENT

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
  const info = await infoOf(connection, group, name)
  if (info === undefined) return undefined
  const draft = await store.create(Number.parseInt(name.slice(1, 3), 16))
  let crc = 0
  try {
    if (info.size > 0) {
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
    return { draft, size: info.size, crc32: crc }
  } catch (error) {
    await draft.discard()
    if ((error as FastDfsError).status === STATUS.ENOENT) return undefined
    throw error
  }
}

/** Size and time of the last change of a file at another storage; undefined where there is none. */
export async function infoOf(
  connection: ServerConnection,
  group: string,
  name: string,
): Promise<{ size: number; modifiedAt: number } | undefined> {
  try {
    return await connection.request(storageCommands.queryFileInfo, { group, name }, NO_MORE)
  } catch (error) {
    if ((error as FastDfsError).status === STATUS.ENOENT) return undefined
    throw error
  }
}
