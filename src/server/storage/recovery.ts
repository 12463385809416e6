/** How a storage that has lost its files gets them back from its group (protocol.md §4.6). */
import { log } from '../../observe/log.js'
import { readName } from '../name-facts.js'
import type { Caller } from '../server-connection.js'
import { ServerConnection } from '../server-connection.js'
import type { StorageContext } from './context.js'
import { fetchOver, infoOf } from './fetch.js'
import type { Helper, Listed } from './file-list.js'
import { FileList } from './file-list.js'

/**
 * Gets all files that other storages have and this one has not, each as whoever has the newest has it. Nothing is kept
 * in memory of files: there may be any number of them.
 *
 * @param signal - ends it early
 * @returns the storages that could not be asked
 * @throws ConnectError when one is lost that has been asked, or at an early end
 */
export async function recoverFrom(
  helpers: readonly Helper[],
  context: StorageContext,
  caller: Caller,
  signal: AbortSignal,
): Promise<Helper[]> {
  const lists: FileList[] = []
  const missing: Helper[] = []
  const recovery = new Recovery(context, caller, signal)
  try {
    for (const helper of helpers) {
      try {
        lists.push(await FileList.fetch(helper, context, caller, signal))
      } catch (error) {
        signal.throwIfAborted()
        log.server('storage %s cannot help: %s', helper.id, (error as Error).message)
        missing.push(helper)
      }
    }
    const asked = lists.map(({ helper }) => helper)
    for (const list of lists) {
      const others = asked.filter((helper) => helper !== list.helper)
      for await (const listed of list) await recovery.restore(listed, list.helper, others)
    }
  } finally {
    recovery.end()
    for (const list of lists) await list.drop()
  }
  return missing
}

/** Takes files over, over one connection to each storage that has them. */
class Recovery {
  readonly #context: StorageContext
  readonly #caller: Caller
  readonly #signal: AbortSignal
  readonly #connections = new Map<Helper, ServerConnection>()
  readonly #end = (): void => this.end()

  constructor(context: StorageContext, caller: Caller, signal: AbortSignal) {
    this.#context = context
    this.#caller = caller
    this.#signal = signal
    signal.addEventListener('abort', this.#end)
  }

  /** Ends; what is under way fails. */
  end(): void {
    this.#signal.removeEventListener('abort', this.#end)
    for (const connection of this.#connections.values()) connection.destroy()
  }

  /**
   * Takes a file over, unless it is here already, as new as there.
   *
   * @param others - the other storages that have lists
   */
  async restore(listed: Listed, helper: Helper, others: readonly Helper[]): Promise<void> {
    const { name, timestamp, source } = listed
    const { store, versions, journal, lock } = this.#context
    await lock.run(name, async () => {
      const facts = readName(name)
      const known = versions.find(name)
      const isThere = (await store.stat(name)) !== undefined
      // What one storage has given another one may have changed since. All other changes here are told of by who made them.
      const isOlder = !facts.normal && known?.origin === '' && known.timestamp < timestamp
      if (known?.deleted || (isThere && (source !== undefined || !isOlder))) return
      if (source !== undefined) {
        await journal.copy('L', name, { timestamp, origin: '', versioned: !facts.normal }, [source])
        await store.link(source, name, timestamp)
      } else if (facts.source === journal.id) await this.#restoreOwn(name, timestamp, helper, others)
      else await this.#take(name, timestamp, helper, isThere)
    })
  }

  /** What was uploaded here may have been on its way to the others when it was lost: all of them are to get it then. */
  async #restoreOwn(
    name: string,
    timestamp: number,
    helper: Helper,
    others: readonly Helper[],
  ): Promise<void> {
    const { store, journal } = this.#context
    const here = await this.#infoAt(helper, name)
    if (here === undefined) return
    let isEverywhere = true
    for (const other of others) {
      const there = await this.#infoAt(other, name)
      // That one has a turn as well.
      if (there !== undefined && there.modifiedAt > here.modifiedAt) return
      isEverywhere &&= there?.modifiedAt === here.modifiedAt && there.size === here.size
    }
    const isThere = (await store.stat(name)) !== undefined
    if (isEverywhere) return this.#take(name, timestamp, helper, isThere)
    const fetched = await fetchOver(await this.#connectionTo(helper), this.#context, name)
    if (fetched === undefined) return
    const { draft } = fetched
    try {
      await journal.replace('U', name, (stamp) => draft.publish(name, stamp))
    } catch (error) {
      await draft.discard()
      throw error
    }
  }

  async #take(name: string, timestamp: number, helper: Helper, isThere: boolean): Promise<void> {
    const { versions, journal } = this.#context
    const fetched = await fetchOver(await this.#connectionTo(helper), this.#context, name)
    if (fetched === undefined) return
    const { draft } = fetched
    const versioned = !readName(name).normal
    try {
      // A restart must not take it for what its name alone tells of, nor for the one that was here before.
      if (versioned) await versions.begin(name, '')
      await draft.publish(name, timestamp)
    } catch (error) {
      if (versioned) versions.cancel(name)
      await draft.discard()
      throw error
    }
    await journal.copy(isThere ? 'U' : 'C', name, { timestamp, origin: '', versioned })
  }

  async #infoAt(helper: Helper, name: string): ReturnType<typeof infoOf> {
    return infoOf(await this.#connectionTo(helper), this.#context.group, name)
  }

  /** Storages end connections on which nothing is asked for some time. */
  async #connectionTo(helper: Helper): Promise<ServerConnection> {
    this.#signal.throwIfAborted()
    const present = this.#connections.get(helper)
    if (present?.ended === false) return present
    const connection = ServerConnection.open(helper, this.#caller)
    this.#connections.set(helper, connection)
    await connection.connected()
    return connection
  }
}
