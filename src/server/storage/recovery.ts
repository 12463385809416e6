/** How a storage that has lost its files gets them back from its group (protocol.md §4.6, §4.8: 26). */
import { ProtocolError } from '../../errors.js'
import { log } from '../../observe/log.js'
import { encodeRequestHead, storageClusterCommands } from '../../protocol/index.js'
import { readName } from '../name-facts.js'
import type { StorageConnection, StorageContext, StorageHandlers } from './context.js'
import { STATUS } from '../../errors.js'
import { fetchOver } from './fetch.js'
import { checkedName } from './logic-name.js'
import type { Caller, ServerEndpoint } from '../server-connection.js'
import { ServerConnection } from '../server-connection.js'

const { reportServerId, fetchOnePathBinlog } = storageClusterCommands

/** What the header announces: the length is not known yet. */
const UNKNOWN_LENGTH = 2n ** 58n
/** Bytes of the header, and of the count behind the lines. */
const HEADER_SIZE = 10
const COUNT_SIZE = 8
/** Milliseconds without a byte after which a helper is taken for lost. */
const SILENCE = 60_000
const LINE = /^(\d{1,10}) [CcLlRr] (\S+)(?: (\S+))?/

/** A storage of the group that has files. */
export interface Helper extends ServerEndpoint {
  readonly id: string
}

/** A file in the list of a storage. */
interface Listed {
  readonly timestamp: number
  /** Of a link: what it stands for. */
  readonly source: string | undefined
}

/** A file as another storage has it. */
interface Copy extends Listed {
  readonly helper: Helper
}

/**
 * Gets all files that other storages have and this one has not, each from whoever has the newest.
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
  const lists = new Map<Helper, Map<string, Listed>>()
  const missing: Helper[] = []
  for (const helper of helpers) {
    try {
      lists.set(helper, await listOf(helper, context, caller, signal))
    } catch (error) {
      signal.throwIfAborted()
      log.server('storage %s cannot help: %s', helper.id, (error as Error).message)
      missing.push(helper)
    }
  }
  const newest = new Map<string, Copy>()
  for (const [helper, list] of lists) {
    for (const [name, listed] of list) {
      const known = newest.get(name)
      if (known === undefined || listed.timestamp > known.timestamp) newest.set(name, { helper, ...listed })
    }
  }
  for (const helper of lists.keys()) {
    const names = [...newest].filter(([, copy]) => copy.helper === helper).map(([name]) => name)
    if (names.length === 0) continue
    const connection = ServerConnection.open(helper, caller)
    const end = (): void => connection.destroy()
    signal.addEventListener('abort', end)
    try {
      signal.throwIfAborted()
      await connection.connected()
      for (const name of names) {
        const timestamps = [...lists.values()].map((list) => list.get(name)?.timestamp)
        const alike = timestamps.every((timestamp) => timestamp === timestamps[0])
        await restore(connection, context, name, newest.get(name) as Copy, alike)
      }
    } finally {
      signal.removeEventListener('abort', end)
      connection.destroy()
    }
  }
  return missing
}

async function restore(
  connection: ServerConnection,
  context: StorageContext,
  name: string,
  { timestamp, source }: Copy,
  alike: boolean,
): Promise<void> {
  const { store, versions, journal, lock } = context
  await lock.run(name, async () => {
    const removed = versions.find(name)?.deleted === true
    if (removed || (await store.stat(name)) !== undefined) return
    const facts = readName(name)
    if (source !== undefined) {
      await journal.copy('L', name, { timestamp, origin: '', versioned: !facts.normal }, [source])
      await store.link(source, name, timestamp)
      return
    }
    const fetched = await fetchOver(connection, context, name)
    if (fetched === undefined) return
    const { draft } = fetched
    try {
      // What not all have, and what came from here, may have been on its way from here when it was lost.
      if (!alike && facts.source === journal.id) {
        await journal.replace('U', name, (stamp) => draft.publish(name, stamp))
        return
      }
      // First its version: no other storage sends the file again after a restart.
      await journal.copy('C', name, { timestamp, origin: '', versioned: !facts.normal })
      await draft.publish(name, timestamp)
    } catch (error) {
      await draft.discard()
      throw error
    }
  })
}

/** The files of a storage, with the time of their last change. */
async function listOf(
  helper: Helper,
  context: StorageContext,
  caller: Caller,
  signal: AbortSignal,
): Promise<Map<string, Listed>> {
  const names = new Map<string, Listed>()
  for (let index = 0; index < context.storePathCount; index++) {
    const lines = await linesOf(helper, index, context, caller, signal)
    for (const line of lines.split('\n')) {
      const [, timestamp, text = '', behind = ''] = LINE.exec(line) ?? []
      const name = checkedName(text, context.storePathCount)
      const source = checkedName(behind, context.storePathCount)
      if (name !== undefined) names.set(name, { timestamp: Number(timestamp), source })
    }
  }
  return names
}

/** The answer is no packet: lines, then their count of bytes, then the end of the connection. */
async function linesOf(
  helper: Helper,
  storePathIndex: number,
  { group, journal }: StorageContext,
  { network, localAddress, dialect }: Caller,
  signal: AbortSignal,
): Promise<string> {
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
  const chunks: Buffer[] = []
  let asked = false
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      if (asked || sizeOf(chunks) < HEADER_SIZE) continue
      asked = true
      socket.write(encodeRequestHead(fetchOnePathBinlog, { group, storePathIndex }, 0, { dialect }))
    }
  } finally {
    signal.removeEventListener('abort', end)
    socket.destroy()
  }
  const answer = Buffer.concat(chunks).subarray(HEADER_SIZE)
  const size = answer.length - HEADER_SIZE - COUNT_SIZE
  if (size < 0 || answer[9] !== STATUS.OK || Number(answer.readBigInt64BE(HEADER_SIZE + size)) !== size) {
    throw new ProtocolError('the list of its files is not whole')
  }
  return answer.toString('latin1', HEADER_SIZE, HEADER_SIZE + size)
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

/** Writes the names of all files in a store path, as lines of a binlog. */
async function sendLines(context: StorageConnection, storePathIndex: number): Promise<void> {
  const { store, stream, versions } = context
  const head = Buffer.alloc(HEADER_SIZE)
  head.writeBigInt64BE(UNKNOWN_LENGTH)
  head[8] = 100
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
    const version = versions.find(name)
    const timestamp =
      version === undefined || version.timestamp === 0 ? versions.of(name).timestamp : version.timestamp
    // Also of one that leads nowhere, which real storages leave out: all members are to be alike.
    lines +=
      stat.source === undefined ? `${timestamp} C ${name}\n` : `${timestamp} L ${name} ${stat.source}\n`
    if (lines.length >= 64 * 1024) await flush()
  }
  await flush()
  const count = Buffer.alloc(COUNT_SIZE)
  count.writeBigInt64BE(BigInt(total))
  await new Promise<void>((resolve) => stream.end(count, () => resolve()))
}

/** See the file's head. */
export const recoveryHandlers: StorageHandlers = {
  fetchOnePathBinlog: async ({ group, storePathIndex }, { context }) => {
    if (group !== context.group || storePathIndex >= context.storePathCount) return STATUS.EINVAL
    context.replication.onRecovery(context.senderId)
    await sendLines(context, storePathIndex)
    context.stream.destroy()
    return STATUS.OK
  },
}
