import { STATUS } from '../../errors.js'
import { storageClusterCommands } from '../../protocol/index.js'
import { readName } from '../name-facts.js'
import type { ServerConnection } from '../server-connection.js'
import type { StorageContext } from './context.js'
import type { Sender } from './sender.js'
import type { Version } from './versions.js'

const { syncCreateFile, syncUpdateFile } = storageClusterCommands

/** A file that the peer has not taken. */
export interface RefusedFile {
  readonly name: string
  /** Unix seconds: those that the peer was told. */
  readonly timestamp: number
}

/** Sends a storage that has joined all that was here before it, as it is (protocol.md §4.8). */
export class OldFilesSender {
  readonly #context: StorageContext
  readonly #sender: Sender
  /** Whether the last file was there already. */
  #asksFirst = false

  constructor(context: StorageContext, sender: Sender) {
    this.#context = context
    this.#sender = sender
  }

  /** Sends until all is there, or the connection ends; gives what was refused. */
  async *send(connection: ServerConnection): AsyncGenerator<RefusedFile> {
    const context = this.#context
    for (let index = 0; index < context.storePathCount; index++) {
      let hasLinks = false
      // Links come behind what they lead to: real storages make none to what they have not got.
      for (const sendsLinks of [false, true]) {
        if (sendsLinks && !hasLinks) break
        for await (const name of context.store.list(index)) {
          if (connection.ended) return
          const isLink = (await context.store.stat(name))?.source !== undefined
          hasLinks ||= isLink
          if (isLink !== sendsLinks) continue
          const timestamp = this.#claimed(context.versions.of(name))
          if (!(await this.#sendFile(connection, name, timestamp))) yield { name, timestamp }
        }
      }
    }
    for (const [name, version] of context.versions.removals()) {
      if (connection.ended) return
      await this.#sender.sendDelete(connection, name, this.#claimed(version))
    }
  }

  /** False where the peer refuses it. */
  async #sendFile(connection: ServerConnection, name: string, timestamp: number): Promise<boolean> {
    const { store, versions } = this.#context
    if (versions.find(name) !== undefined || !readName(name).normal)
      return (await this.#sender.sendWhole(connection, syncUpdateFile, name, timestamp)) === STATUS.OK
    // It is as it always was: if it is there, it is the same.
    const stat = await store.stat(name)
    if (stat === undefined) return true
    // Asking costs as much as sending a small file: only while the peer turns out to have them.
    this.#asksFirst &&= (await this.#sender.sizeThere(connection, name)) === stat.size
    if (this.#asksFirst) return true
    const status = await this.#sender.sendWhole(connection, syncCreateFile, name, timestamp)
    this.#asksFirst = status === STATUS.EEXIST
    return status === STATUS.OK || status === STATUS.EEXIST
  }

  /**
   * The moment that the peer is told of a change which another storage may have made: it takes all that comes from here
   * for changes of this one, and none may be greater than the other one's.
   */
  #claimed({ timestamp, origin }: Version): number {
    return origin < this.#context.journal.id ? Math.max(0, timestamp - 1) : timestamp
  }
}
