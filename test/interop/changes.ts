/** Requests to the members of a group, by their addresses. */
import {
  appendBody,
  GROUP,
  linkBody,
  metadataBody,
  modifyBody,
  nameIn,
  slaveBody,
  truncateBody,
  uploadBody,
} from '../server/group.js'
import { bytes, RawClient, type RawResponse, str } from '../server/raw.js'
import { until } from './daemons.js'

/** One for all storages of the group. */
export const PORT = 23_000
export const TRACKER_PORT = 22_122
/** Appenders are renamed since V6.02. */
const RENAMES = process.env['FASTDFS_PROFILE'] !== 'V5.11'

/** One request, on a connection of its own. */
export async function ask(host: string, port: number, command: number, body: Buffer): Promise<RawResponse> {
  const raw = await RawClient.connect(port, host)
  try {
    return await raw.ask(command, body)
  } finally {
    raw.close()
  }
}

/** A request to a storage that must succeed; the name in its answer. */
export async function make(host: string, command: number, body: Buffer): Promise<string> {
  const { status, ...answer } = await ask(host, PORT, command, body)
  if (status !== 0) throw new Error(`${host} answers command ${command} with status ${status}`)
  return nameIn({ status, ...answer })
}

/** Waits until a tracker counts a storage ACTIVE. */
export async function active(tracker: string, id: number | string): Promise<void> {
  await until(`${id} is ACTIVE`, async () => {
    // One that is still starting may take a connection and close it.
    const asked = ask(tracker, TRACKER_PORT, 92, bytes(str('group1', 16), String(id)))
    const { status, body } = await asked.catch(() => ({ status: -1, body: Buffer.alloc(0) }))
    return status === 0 && body[0] === 7
  })
}

/** Files that are there after a change, to be changed again. */
export interface Changed {
  readonly normal: string
  readonly slave: string
  readonly appender: string
}

/** Real storages from V6.13 on do not bear links that are passed on (protocol.md §12, 19): to them they go as files. */
export const LINKS_PASS = (process.env['FASTDFS_PROFILE'] ?? 'V6.16') !== 'V6.16'

/**
 * One of each kind of change at a storage.
 *
 * @param amongReal - whether a real storage may have to pass all of it on to a real one that is away: then nothing of
 * what these lose (protocol.md §12)
 */
export async function change(host: string, amongReal = false): Promise<Changed> {
  const upload = (command: number, content: string): Promise<string> =>
    make(host, command, uploadBody(content))
  const normal = await upload(11, 'normal')
  const gone = await upload(11, 'gone')
  const appender = await upload(23, 'appender')
  const renamed = await upload(23, 'renamed')
  await upload(11, 'x'.repeat(2_000_000))
  await upload(11, '')
  if (!amongReal || LINKS_PASS) await make(host, 20, linkBody(normal))
  const slave = await make(host, 21, slaveBody(normal, '_s', 'slave'))
  for (const [command, body] of [
    [24, appendBody(appender, ' and more')],
    [34, modifyBody(appender, 0, 'A')],
    ...(amongReal
      ? []
      : ([
          [36, truncateBody(appender, 5)],
          [24, appendBody(appender, ' again')],
        ] as const)),
    [13, metadataBody(normal, 'O', 'a\x021\x01b\x022')],
    [13, metadataBody(normal, 'M', 'b\x023')],
    [13, metadataBody(gone, 'O', 'a\x021')],
    [12, bytes(GROUP, gone)],
    [38, bytes(renamed)],
  ] as const) {
    if (command !== 38 || RENAMES) await make(host, command, body)
  }
  return { normal, slave, appender }
}
