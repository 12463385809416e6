/** What one storage has of a file, whatever the trackers and the other storages say. */
import { splitFileId } from '../../src/file-id/index.js'
import { encodeRequest, storageCommands } from '../../src/protocol/index.js'
import { open } from '../conformance/raw.js'

/** A file's content, or that there is no such file, or why nobody can know. */
export type Held = Buffer | 'gone' | Error

/** Asks a storage for the whole of a file (protocol.md §3.4). */
export async function heldBy(storage: string, id: string): Promise<Held> {
  const { group, name } = splitFileId(id)
  try {
    await using connection = await open(storage)
    const { packet, status } = await connection.ask(
      encodeRequest(storageCommands.downloadFile, { offset: 0, count: 0, group, name }),
    )
    if (status === 2) return 'gone'
    // What an empty file is answered from V6.15.4 on.
    if (status === 22) return Buffer.alloc(0)
    return status === 0 ? packet.subarray(10) : new Error(`status ${status}`)
  } catch (error) {
    return error as Error
  }
}
