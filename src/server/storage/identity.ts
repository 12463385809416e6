import { Items } from '../items.js'
import type { OwnFiles } from '../stores/store.js'
import type { OldFiles } from './tracker-link.js'

/** What a storage knows of itself over restarts. */
export interface Identity {
  /** Unix seconds of its first start. */
  readonly joinTime: number
  /** Who sends it old files; undefined while no tracker has said. */
  readonly oldFiles: OldFiles | undefined
  /** The IDs of storages that could not be asked for the files that were lost here. */
  readonly helpers: readonly string[]
  /** What a real storage has noted that means nothing here, such as the marks of its store paths: kept for it. */
  readonly others: ReadonlyMap<string, string>
}

const FILE = '.data_init_flag'
/** Those of the items of a real storage that are not written anew. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  ['current_trunk_file_id', '0'],
  ['trunk_last_compress_time', '0'],
  ['trunk_binlog_compress_stage', '0'],
])

/** Reads it; undefined at the first start, or when the folder was lost. */
export async function readIdentity(own: OwnFiles): Promise<Identity | undefined> {
  const text = (await own.read(FILE))?.toString()
  if (text === undefined) return undefined
  const items = new Items(text)
  const done = items.text('sync_old_done') === '1'
  return {
    joinTime: items.number('storage_join_time') ?? 0,
    oldFiles: done
      ? { sourceId: items.text('sync_src_server'), until: items.number('sync_until_timestamp') ?? 0 }
      : undefined,
    others: new Map([...items].filter(([item]) => item.startsWith('store_path_mark') || OTHERS.has(item))),
    helpers: items
      .text('recovery_helpers')
      .split(',')
      .filter((id) => id !== ''),
  }
}

/** Writes it, in the items of the C daemon. */
export async function writeIdentity(
  own: OwnFiles,
  {
    joinTime,
    oldFiles,
    helpers,
    others,
    ip,
    port,
  }: Identity & { readonly ip: string; readonly port: number },
): Promise<void> {
  const text = [
    `storage_join_time=${joinTime}`,
    `sync_old_done=${oldFiles === undefined ? 0 : 1}`,
    `sync_src_server=${oldFiles?.sourceId ?? ''}`,
    `sync_until_timestamp=${oldFiles?.until ?? 0}`,
    `last_ip_addr=${ip}`,
    `last_server_port=${port}`,
    `recovery_helpers=${helpers.join(',')}`,
    ...[...new Map([...OTHERS, ...others])].map(([item, value]) => `${item}=${value}`),
    '',
  ].join('\n')
  await own.write(FILE, Buffer.from(text))
}
