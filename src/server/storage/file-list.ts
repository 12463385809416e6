/** The list of a storage's files, for another one that has lost its own (protocol.md §4.8: 26). */
import { ProtocolError, STATUS } from '../../errors.js'
import { encodeRequestHead, limits, storageClusterCommands } from '../../protocol/index.js'
import type { Caller, ServerEndpoint } from '../server-connection.js'
import type { Log, OwnFiles } from '../stores/store.js'
import type { StorageConnection, StorageContext, StorageHandlers } from './context.js'
import { checkedName } from './logic-name.js'

const { reportServerId, fetchOnePathBinlog } = storageClusterCommands
const { HEADER_SIZE } = limits

/** What the header announces: the length is not known yet. */
const UNKNOWN_LENGTH = 2n ** 58n
/** Bytes of the answer to command 9 and of the header of that to 26, and of the count behind the lines. */
const HEADERS_SIZE = 2 * HEADER_SIZE
const COUNT_SIZE = 8
/** Bytes of lines that are read or sent at once. */
const PIECE = 64 * 1024
/** Milliseconds without a byte after which a storage is taken for lost. */
const SILENCE = 60_000
const LINE = /^(\d{1,10}) [CcLlRr] (\S+)(?: (\S+))?/

/** A storage of the group that has files. */
export interface Helper extends ServerEndpoint {
  readonly id: string
}

/** A file of a list. */
export interface Listed {
  readonly name: string
  /** Unix seconds of its last change. */
  readonly timestamp: number
  /** Of a link: what it stands for. */
  readonly source: string | undefined
}

/** The list of another storage's files. It is kept in a file: there may be more of them than fit memory. */
export class FileList {
  /** Whose files they are. */
  readonly helper: Helper
  readonly #own: OwnFiles
  readonly #fileName: string
  readonly #log: Log
  readonly #storePathCount: number

  private constructor(helper: Helper, { store, storePathCount }: StorageContext, log: Log, fileName: string) {
    this.helper = helper
    this.#own = store.own
    this.#storePathCount = storePathCount
    this.#log = log
    this.#fileName = fileName
  }

  /**
   * Gets the list from a storage; to be dropped.
   *
   * @throws Error when that storage cannot be asked, or is lost on the way
   */
  static async fetch(
    helper: Helper,
    context: StorageContext,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<FileList> {
    const { own } = context.store
    const fileName = `sync/files-of-${helper.id}`
    // What a kill may have left.
    await own.remove(fileName)
    const list = new FileList(helper, context, await own.log(fileName), fileName)
    try {
      for (let index = 0; index < context.storePathCount; index++) {
        await fetchPath(helper, index, context, caller, signal, list.#log)
      }
      return list
    } catch (error) {
      await list.drop()
      throw error
    }
  }

  /** The files. What is none is passed over. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Listed> {
    for (let position = 0; position < this.#log.size;) {
      const bytes = await this.#log.read(position, PIECE)
      const length = bytes.lastIndexOf('\n') + 1
      if (length === 0) return
      for (const line of bytes.toString('latin1', 0, length).split('\n')) {
        const [, timestamp, text = '', behind = ''] = LINE.exec(line) ?? []
        const name = checkedName(text, this.#storePathCount)
        const source = checkedName(behind, this.#storePathCount)
        if (name !== undefined) yield { name, timestamp: Number(timestamp), source }
      }
      position += length
    }
  }

  /** Ends. */
  async drop(): Promise<void> {
    await this.#log.close()
    await this.#own.remove(this.#fileName)
  }
}

/** The answer is no packet: lines, then their count of bytes, then the end of the connection. */
async function fetchPath(
  helper: Helper,
  storePathIndex: number,
  { group, journal }: StorageContext,
  { network, localAddress, dialect }: Caller,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  const socket = network.connect({
    host: helper.host,
    port: helper.port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  })
  socket.setTimeout(SILENCE, () => socket.destroy(new Error('it is silent')))
  const end = (): void => void socket.destroy()
  signal.addEventListener('abort', end)
  // Said first: the other one passes on again what may have been lost.
  socket.write(encodeRequestHead(reportServerId, { id: journal.id }, 0, { dialect }))
  let headers = Buffer.alloc(0)
  let held = Buffer.alloc(0)
  let size = 0
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const greeted = headers.length >= HEADER_SIZE
      const taken = Math.min(HEADERS_SIZE - headers.length, chunk.length)
      headers = Buffer.concat([headers, chunk.subarray(0, taken)])
      if (!greeted && headers.length >= HEADER_SIZE) {
        socket.write(encodeRequestHead(fetchOnePathBinlog, { group, storePathIndex }, 0, { dialect }))
      }
      held = Buffer.concat([held, chunk.subarray(taken)])
      // The last bytes may be the count.
      const lines = held.subarray(0, Math.max(0, held.length - COUNT_SIZE))
      if (lines.length > 0) await log.append(lines)
      size += lines.length
      held = held.subarray(lines.length)
    }
  } finally {
    signal.removeEventListener('abort', end)
    socket.destroy()
  }
  const status = headers[HEADERS_SIZE - 1]
  if (status !== STATUS.OK || held.length < COUNT_SIZE || held.readBigInt64BE() !== BigInt(size)) {
    throw new ProtocolError('the list of its files is not whole')
  }
}

/** Writes the names of all files in a store path, as lines of a binlog. */
async function sendLines(
  { store, stream, versions }: StorageConnection,
  storePathIndex: number,
): Promise<void> {
  const head = Buffer.alloc(HEADER_SIZE)
  head.writeBigInt64BE(UNKNOWN_LENGTH)
  head[8] = limits.RESPONSE_COMMAND
  stream.write(head)
  let total = 0
  let lines = ''
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(lines, 'latin1')
    lines = ''
    total += bytes.length
    await new Promise<void>((resolve, reject) => {
      stream.write(bytes, (error) => (error ? reject(error) : resolve()))
    })
  }
  for await (const name of store.list(storePathIndex)) {
    const stat = await store.stat(name)
    if (stat === undefined) continue
    const { timestamp } = versions.of(name)
    // Also of one that leads nowhere, which real storages leave out: all members are to be alike.
    lines +=
      stat.source === undefined ? `${timestamp} C ${name}\n` : `${timestamp} L ${name} ${stat.source}\n`
    if (lines.length >= PIECE) await flush()
  }
  await flush()
  const count = Buffer.alloc(COUNT_SIZE)
  count.writeBigInt64BE(BigInt(total))
  await new Promise<void>((resolve) => stream.end(count, () => resolve()))
}

/** See the file's head. */
export const fileListHandlers: StorageHandlers = {
  fetchOnePathBinlog: async ({ group, storePathIndex }, { context }) => {
    if (group !== context.group || storePathIndex >= context.storePathCount) return STATUS.EINVAL
    context.replication.onRecovery(context.senderId)
    await sendLines(context, storePathIndex)
    context.stream.destroy()
    return STATUS.OK
  },
}
