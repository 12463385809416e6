/** What other storages of the group pass on (protocol.md §4.8). */
import { STATUS } from '../../errors.js'
import type { Content } from '../content.js'
import { readName } from '../name-facts.js'
import type { MaybePromise } from '../maybe-promise.js'
import type { Exchange } from '../routes.js'
import type { Draft, Edit } from '../stores/store.js'
import type { Operation } from './binlog.js'
import type { StorageConnection, StorageHandlers } from './context.js'
import { contentCrc32 } from './content-crc32.js'
import { fetchFile } from './fetch.js'
import { releaseOriginal } from './files.js'
import { EMBEDDED } from './hello.js'
import { checkedName, isPlain } from './logic-name.js'
import type { Version } from './versions.js'
import { isGreater } from './versions.js'

/** A source that knows that the file is there sends this as the header's status, and no content. */
const ALREADY_THERE = STATUS.EEXIST

interface Told {
  readonly timestamp: number
  readonly group: string
  readonly name: string
}

/** A change that another storage tells of. */
interface Change extends Version {
  readonly name: string
}

function changeOf({ timestamp, group, name }: Told, context: StorageConnection): Change | undefined {
  const checked = isPlain(name) ? checkedName(name, context.storePathCount) : undefined
  if (group !== context.group || checked === undefined) return undefined
  const origin = context.replication.originOf(context)
  context.replication.received(origin, timestamp)
  return { name: checked, timestamp, origin, deleted: false }
}

/** Whether a file, or its removal, is newer than a change. */
function isStale(change: Change, { versions }: StorageConnection): boolean {
  const present = versions.find(change.name)
  return present !== undefined && isGreater(present, change)
}

/**
 * The version of the file that is there under the name of a new one: two storages may have made the same slave, or the
 * first metadata of a file, at one time. What a source of old files sends may come from anybody, and tells nothing.
 */
function presentOf(
  { name, origin }: Change,
  { replication, versions }: StorageConnection,
): Version | undefined {
  return replication.isOldSource(origin) ? versions.find(name) : versions.of(name)
}

/**
 * A change has come that is older than this storage's own. Embedded storages end up with the greater one by themselves;
 * a real one has made its change to whatever it had, and knows no order.
 */
async function contend(change: Change, context: StorageConnection): Promise<void> {
  const { journal, replication, store, versions } = context
  const { name, origin } = change
  const present = versions.find(name)
  if (present?.origin !== journal.id) return
  const position = journal.lastChangeOf(name)
  if (!replication.hasBeenTold(origin, position)) {
    // Sent whole, whatever the other one does with the record that it will get.
    await replication.assertOnce(name, () => journal.replace(present.deleted ? 'D' : 'U', name, () => {}))
    return
  }
  // It had the change of this storage when this one came: what it has holds both.
  const fetched = await fetchFile(context, origin, name)
  if (fetched === undefined) {
    if (!present.deleted) await journal.replace('D', name, () => store.remove(name))
    return
  }
  const { draft, size, crc32 } = fetched
  if ((await store.stat(name))?.size === size && (await contentCrc32(store, name)) === crc32) {
    await draft.discard()
  } else await journal.replace('U', name, (timestamp) => draft.publish(name, timestamp))
}

/** Writes content to a draft beside the file that it is to replace. */
async function draftOf(content: Content, name: string, { store, stats }: StorageConnection): Promise<Draft> {
  stats.totalSyncInBytes += content.size
  const draft = await store.create(Number.parseInt(name.slice(1, 3), 16))
  try {
    for await (const chunk of content) await draft.write(chunk)
  } catch (error) {
    await draft.discard()
    throw error
  }
  stats.successSyncInBytes += content.size
  return draft
}

async function replace(change: Change, draft: Draft, operation: Operation, context: StorageConnection) {
  try {
    await place(change, operation, () => draft.publish(change.name, change.timestamp), context)
  } catch (error) {
    await draft.discard()
    throw error
  }
}

/** Puts something in the place of what has its name. */
async function place(
  change: Change,
  operation: Operation,
  apply: () => MaybePromise<void>,
  context: StorageConnection,
  extra: readonly string[] = [],
): Promise<void> {
  const { name, timestamp } = change
  const { store, versions, journal } = context
  const own = context.replication.isOldSource(change.origin)
  const { source, createdAt } = readName(name)
  // Of a file that is as it was made its name tells enough.
  const original = (operation === 'C' || operation === 'L') && versions.find(name) === undefined
  const versioned = !original || own || source !== change.origin || createdAt !== timestamp
  // Until the new version is written, a restart must not take the new content for that of the old one.
  const replaces = versioned && (await store.stat(name)) !== undefined
  try {
    if (replaces) await versions.begin(name, change.origin)
    await apply()
  } catch (error) {
    if (replaces) versions.cancel(name)
    throw error
  }
  // What a source of old files sends may come from anybody: every change of the file is greater.
  await journal.copy(operation, name, { timestamp, origin: own ? '' : change.origin, versioned }, extra)
}

/** Takes a whole file. */
async function takeWhole(
  request: Told & { size: number },
  { content, context, flags }: Exchange<StorageConnection>,
  operation: 'C' | 'U',
): Promise<number | Record<string, never>> {
  const change = changeOf(request, context)
  if (change === undefined || request.size < 0) return STATUS.EINVAL
  if (flags === ALREADY_THERE) return STATUS.EEXIST
  if (request.size !== content.size) return STATUS.EINVAL
  const refused = async (): Promise<number | undefined> => {
    const there = await context.store.stat(change.name)
    if (isStale(change, context)) {
      if (there === undefined) context.replication.passOnRemoval(change.name)
      await context.lock.run(change.name, () => contend(change, context))
      return operation === 'C' ? STATUS.EEXIST : STATUS.OK
    }
    if (operation === 'U' || there === undefined) return undefined
    const present = presentOf(change, context)
    if (present !== undefined && isGreater(present, change)) return STATUS.EEXIST
    const isNewer = present !== undefined && isGreater(change, present)
    return isNewer || (there.size !== request.size && there.source === undefined) ? undefined : STATUS.EEXIST
  }
  const status = await refused()
  if (status !== undefined) return status === STATUS.OK ? {} : status
  const draft = await draftOf(content, change.name, context)
  return context.lock.run(change.name, async () => {
    const late = isStale(change, context) ? STATUS.EEXIST : await refused()
    if (late === undefined) await replace(change, draft, operation, context)
    else await draft.discard()
    return late === undefined || late === STATUS.OK || operation === 'U' ? {} : late
  })
}

/** Where a file is changed in place: its opened copy, if that is the one which the change was made to. */
async function changing(
  request: Told,
  context: StorageConnection,
  fits: (size: number) => boolean,
  apply: (edit: Edit, change: Change) => Promise<void>,
  otherwise: (change: Change) => Promise<number>,
): Promise<number | Record<string, never>> {
  const change = changeOf(request, context)
  if (change === undefined) return STATUS.EINVAL
  const { name, origin } = change
  const { store, versions, lock } = context
  return lock.run(name, async () => {
    if (isStale(change, context)) {
      await contend(change, context)
      return STATUS.EEXIST
    }
    const edit = await store.edit(name)
    if (edit === undefined) return otherwise(change)
    try {
      if (versions.of(name).origin !== origin || !fits(edit.size)) return await otherwise(change)
      context.changing.set(name, edit.size)
      await versions.begin(name, origin)
      try {
        await apply(edit, change)
        await edit.touch(change.timestamp)
      } catch (error) {
        // Half of it may be there: nothing fits any more but the whole file.
        await versions.set(name, { timestamp: 0, origin: '', deleted: false })
        throw error
      }
      return {}
    } finally {
      context.changing.delete(name)
      await edit.close()
    }
  })
}

const askForWhole = (): Promise<number> => Promise.resolve(STATUS.ENOENT)

function takePiece(operation: 'A' | 'M'): NonNullable<StorageHandlers['syncAppendFile']> {
  return (request, { content, context }) => {
    const { start, size } = request
    if (size !== content.size || start < 0) return STATUS.EINVAL
    const fits = (present: number): boolean => (operation === 'A' ? start === present : start <= present)
    const apply = async (edit: Edit, change: Change): Promise<void> => {
      context.stats.totalSyncInBytes += size
      let at = start
      for await (const chunk of content) {
        await edit.write(chunk, at)
        at += chunk.length
      }
      context.stats.successSyncInBytes += size
      await context.journal.copy(operation, change.name, change, [start, size])
    }
    return changing(request, context, fits, apply, askForWhole)
  }
}

/** Fetches a file from the storage that has told of its change. */
async function fetch(change: Change, context: StorageConnection): Promise<number> {
  const fetched = await fetchFile(context, change.origin, change.name)
  if (fetched !== undefined) await replace(change, fetched.draft, 'U', context)
  return STATUS.EEXIST
}

/** See the file's head. */
export const syncHandlers: StorageHandlers = {
  reportServerId: ({ id }, { context, flags }) => {
    if (id === '') return STATUS.EINVAL
    context.senderId = id
    context.replication.onHello(id)
    return flags === EMBEDDED ? EMBEDDED : {}
  },

  syncCreateFile: (request, exchange) => takeWhole(request, exchange, 'C'),
  syncUpdateFile: (request, exchange) => takeWhole(request, exchange, 'U'),
  syncAppendFile: takePiece('A'),
  syncModifyFile: takePiece('M'),

  // Not 2: a real source would send it again for ever (§12).
  syncTruncateFile: (request, { context }) => {
    const { oldSize, newSize } = request
    if (oldSize < 0 || newSize < 0) return STATUS.EINVAL
    return changing(
      request,
      context,
      (size) => size === oldSize,
      async (edit, change) => {
        await edit.truncate(newSize)
        await context.journal.copy('T', change.name, change, [oldSize, newSize])
      },
      (change) => fetch(change, context),
    )
  },

  syncDeleteFile: (request, { context }) => {
    const change = changeOf(request, context)
    if (change === undefined) return STATUS.EINVAL
    const { name } = change
    return context.lock.run(name, async () => {
      if (isStale(change, context)) {
        await contend(change, context)
        return {}
      }
      const source = context.duplicates && (await context.store.stat(name))?.source
      const removed = await context.store.remove(name)
      await context.journal.copy('D', name, change)
      if (source === undefined) context.duplicates?.remove(name)
      else await releaseOriginal(name, source, context)
      return removed ? {} : STATUS.ENOENT
    })
  },

  syncRenameFile: ({ oldName, newName, ...request }, { context }) => {
    const change = changeOf({ ...request, name: newName }, context)
    const old = changeOf({ ...request, name: oldName }, context)
    if (change === undefined || old === undefined) return STATUS.EINVAL
    const { lock, store, versions, journal } = context
    return lock.run(old.name, async () => {
      const there = (await store.stat(change.name)) !== undefined || isStale(change, context)
      // The name tells what it is a name for: the old one may hold something else here.
      const alike = (await contentCrc32(store, old.name)) === readName(change.name).crc32
      const fits = alike && !there && !isStale(old, context) && versions.of(old.name).origin === old.origin
      const renamed = fits && (await store.rename(old.name, change.name))
      if (!renamed && !isStale(old, context)) await store.remove(old.name)
      if (!isStale(old, context)) await versions.set(old.name, { ...old, deleted: true })
      if (there) return STATUS.EEXIST
      if (!renamed) return STATUS.ENOENT
      await journal.copy('R', change.name, { ...change, versioned: false }, [old.name])
      return {}
    })
  },

  // The source may be gone, or not be here yet: whoever has made the link has one all the same.
  syncCreateLink: ({ linkName, sourceName, ...request }, { context }) => {
    const change = changeOf({ ...request, name: linkName }, context)
    const source = checkedName(sourceName, context.storePathCount)
    if (change === undefined || source?.slice(0, 3) !== linkName.slice(0, 3)) return STATUS.EINVAL
    const { name, timestamp } = change
    return context.lock.run(name, async () => {
      if (isStale(change, context)) {
        await contend(change, context)
        return {}
      }
      const present = presentOf(change, context)
      const isNewer = present === undefined || isGreater(change, present)
      if ((await context.store.stat(name)) !== undefined && !isNewer) return {}
      await place(change, 'L', () => context.store.link(source, name, timestamp), context, [source])
      context.duplicates?.addLink(source, name)
      return {}
    })
  },
}
