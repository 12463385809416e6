import { log } from '../../observe/log.js'
import type { Entry } from './binlog.js'
import type { StorageContext } from './context.js'
import type { Version } from './versions.js'
import { isGreater } from './versions.js'

/**
 * Ends what was begun when a storage was killed: the binlog may tell of removals that were not made yet, and files may
 * have been changed without it.
 *
 * @param changing - the files that were being changed, with the storage that the change came from
 * @param tail - the last records of the binlog
 */
export async function redo(
  { store, versions, journal, replication }: StorageContext,
  changing: ReadonlyMap<string, string>,
  tail: readonly Entry[],
): Promise<void> {
  // The disk may be full. What is not written is found again by the next start.
  const note = (name: string, version: Version): Promise<void> =>
    versions.set(name, version).catch((error: unknown) => log.server('%s: %o', name, error))
  const last = new Map(tail.map(({ name, start }) => [name, start]))
  for (const { source, operation, name, timestamp, extra, start } of tail) {
    if (!source) continue
    if (operation === 'D') {
      // A real storage may have had the folder, have made it anew, and noted no version.
      if (last.get(name) !== start) continue
      const removed = { timestamp, origin: journal.id, deleted: true }
      const known = versions.find(name)
      if (known !== undefined && isGreater(known, removed)) continue
      await note(name, removed)
      await store.remove(name)
    } else if (operation === 'U') {
      const changed = { timestamp, origin: journal.id, deleted: false }
      const known = versions.find(name)
      if (known === undefined || isGreater(changed, known)) await note(name, changed)
    } else if (operation === 'C') {
      const isThere = versions.find(name)?.deleted === true && (await store.stat(name)) !== undefined
      if (isThere) await note(name, { timestamp, origin: journal.id, deleted: false })
    } else if (operation === 'R') {
      const [oldName = ''] = extra
      if ((await store.stat(name)) === undefined && versions.find(name)?.deleted !== true) {
        const renamed = await store.rename(oldName, name)
        if (renamed) await note(oldName, { timestamp, origin: journal.id, deleted: true })
      }
    }
  }
  for (const [name, origin] of changing) {
    if ((await store.stat(name)) === undefined) continue
    // The others get the file as it is. What came from another storage is sent again by it, and only whole will do.
    if (origin === journal.id)
      await journal.replace('U', name, () => {}).catch(() => replication.passOn(name))
    else await note(name, { timestamp: 0, origin: '', deleted: false })
  }
}
