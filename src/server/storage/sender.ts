import { STATUS } from '../../errors.js'
import { isAtLeast } from '../../protocol/dialect.js'
import { storageClusterCommands } from '../../protocol/index.js'
import { readName } from '../name-facts.js'
import type { ServerConnection } from '../server-connection.js'
import type { Binlog, Entry } from './binlog.js'
import { contentOf } from './content-of.js'
import type { StorageContext } from './context.js'
import { infoOf } from './fetch.js'

const {
  syncCreateFile,
  syncCreateLink,
  syncUpdateFile,
  syncDeleteFile,
  syncAppendFile,
  syncModifyFile,
  syncTruncateFile,
  syncRenameFile,
} = storageClusterCommands

/** Has single changes made at one other storage of the group (protocol.md §4.8), by the content that is here now. */
export class Sender {
  readonly #context: StorageContext
  readonly #binlog: Binlog
  /** By file, in their order: up to where its records were in the content that the peer has got as a whole. */
  readonly #whole = new Map<string, number>()
  /** Whether the peer is an embedded storage as well. */
  toEmbedded = false

  constructor(context: StorageContext, binlog: Binlog) {
    this.#context = context
    this.#binlog = binlog
  }

  /** The peer may have lost what it has got. */
  clear(): void {
    this.#whole.clear()
  }

  /** All records before a position have been passed on. */
  forget(position: number): void {
    for (const [name, until] of this.#whole) {
      if (until > position) break
      this.#whole.delete(name)
    }
  }

  /** Whether the peer has it now. */
  async send(connection: ServerConnection, entry: Entry): Promise<boolean> {
    const { name, timestamp } = entry
    if (this.#isSent(entry)) {
      if (this.#context.journal.hasLaterChange(name, entry.start)) return true
      // Whole once more, and as the newest: the peer may not have taken the first for the age that it was told.
      return isOneOf(await this.sendWhole(connection, syncUpdateFile, name, timestamp))
    }
    switch (entry.operation) {
      case 'C':
      case 'L':
        return isOneOf(await this.sendWhole(connection, syncCreateFile, name, timestamp), STATUS.EEXIST)
      case 'U':
        return isOneOf(await this.sendWhole(connection, syncUpdateFile, name, timestamp))
      case 'D':
        return isOneOf(await this.sendDelete(connection, name, timestamp), STATUS.ENOENT)
      case 'A':
        return this.#sendPiece(connection, syncAppendFile, entry)
      case 'M':
        return this.#sendPiece(connection, syncModifyFile, entry)
      case 'T':
        return this.#sendTruncation(connection, entry)
      case 'R':
        return this.#sendRename(connection, entry)
    }
  }

  /** Whether a change in place is in what the peer has been sent as a whole. */
  #isSent({ name, start, operation }: Entry): boolean {
    const until = this.#whole.get(name)
    if (until === undefined) return false
    if (start >= until) {
      this.#whole.delete(name)
      return false
    }
    return 'AMT'.includes(operation)
  }

  /** The file or link as it is now; undefined where there is none: what became of it is told by a later record. */
  async sendWhole(
    connection: ServerConnection,
    command: typeof syncCreateFile,
    name: string,
    timestamp: number,
  ): Promise<number | undefined> {
    const [context, binlog] = [this.#context, this.#binlog]
    const until = binlog.end
    const source = this.#takesLinks ? (await context.store.stat(name))?.source : undefined
    if (source !== undefined) {
      const fields = { timestamp, group: context.group, linkName: name, sourceName: source }
      const status = await connection.status(syncCreateLink, fields)
      // A real one makes no link to what it has not got, and says that it has.
      if (this.toEmbedded || (await this.sizeThere(connection, name)) !== undefined) return status
    }
    const sent = await contentOf(context.store, context.changing, name)
    if (sent === undefined) return undefined
    const fields = { size: sent.size, timestamp, group: context.group, name }
    context.stats.totalSyncOutBytes += sent.size
    const status = await connection.status(command, fields, sent)
    context.stats.successSyncOutBytes += sent.size
    if (readName(name).appender) {
      this.#whole.delete(name)
      this.#whole.set(name, until)
    }
    return status
  }

  /** Real ones from V6.13 on do not bear links (protocol.md §12, 19), and get files. */
  get #takesLinks(): boolean {
    return this.toEmbedded || !isAtLeast(this.#context.dialect, '6.13')
  }

  /** Removes a file there, whatever is here. */
  async sendDelete(connection: ServerConnection, name: string, timestamp: number): Promise<number> {
    return connection.status(syncDeleteFile, { timestamp, group: this.#context.group, name })
  }

  async #sendPiece(
    connection: ServerConnection,
    command: typeof syncAppendFile,
    { name, timestamp, extra }: Entry,
  ): Promise<boolean> {
    const context = this.#context
    const [start = 0, size = 0] = extra.map(Number)
    const sent = await contentOf(context.store, context.changing, name, { start, size })
    if (sent !== undefined) {
      context.stats.totalSyncOutBytes += size
      const fields = { start, size, timestamp, group: context.group, name }
      const status = await connection.status(command, fields, sent)
      context.stats.successSyncOutBytes += size
      if (status === STATUS.OK || status === STATUS.EEXIST) return true
      if (status !== STATUS.ENOENT) return false
    }
    // The peer has something else, or the file has become shorter since.
    return isOneOf(await this.sendWhole(connection, syncUpdateFile, name, timestamp))
  }

  /** A real storage takes 37 for done whatever it has (§12): it is asked before. */
  async #sendTruncation(connection: ServerConnection, { name, timestamp, extra }: Entry): Promise<boolean> {
    const context = this.#context
    const [oldSize = 0, newSize = 0] = extra.map(Number)
    if ((await context.store.stat(name)) === undefined) return true
    if ((await this.sizeThere(connection, name)) === oldSize) {
      const fields = { oldSize, newSize, timestamp, group: context.group, name }
      return isOneOf(await connection.status(syncTruncateFile, fields), STATUS.EEXIST)
    }
    return isOneOf(await this.sendWhole(connection, syncUpdateFile, name, timestamp))
  }

  async #sendRename(connection: ServerConnection, { name, timestamp, extra }: Entry): Promise<boolean> {
    const context = this.#context
    const oldName = extra[0] ?? ''
    if ((await context.store.stat(name)) === undefined) {
      return isOneOf(await this.sendDelete(connection, oldName, timestamp), STATUS.ENOENT)
    }
    const fields = { timestamp, group: context.group, newName: name, oldName }
    const status = await connection.status(syncRenameFile, fields)
    if (status !== STATUS.ENOENT) return isOneOf(status, STATUS.EEXIST)
    return isOneOf(await this.sendWhole(connection, syncCreateFile, name, timestamp), STATUS.EEXIST)
  }

  /** Bytes of a file at the peer; undefined where it has none. */
  async sizeThere(connection: ServerConnection, name: string): Promise<number | undefined> {
    return (await infoOf(connection, this.#context.group, name))?.size
  }
}

/** Whether a status is success, or as good. There being nothing to send any more is as well. */
function isOneOf(status: number | undefined, ...others: readonly number[]): boolean {
  return status === undefined || status === STATUS.OK || others.includes(status)
}
