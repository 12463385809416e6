import type { GroupInfo } from '../client/index.js'
import { DataError } from './exceptions.js'
import { space } from './text.js'

/** A group, as {@link Fdfs_client.list_one_group} gives it. `String(group)` is the text that Python prints. */
export class Group_info {
  /** Its name. */
  readonly group_name: string
  /** Space of its smallest storage, for example `23.00GB`. */
  readonly totalMB: string
  /** Free space of the storage that has the least. */
  readonly freeMB: string
  /** Free space in trunk files. */
  readonly trunk_freeMB: string
  /** Its storages, whatever their state. */
  readonly count: number
  /** The port of its storages. */
  readonly storage_port: number
  /** The port of their HTTP servers; 0 where the record does not tell it for certain. */
  readonly store_http_port: number
  /** Storages that are active. */
  readonly active_count: number
  /** The storage that the next upload goes to. */
  readonly curr_write_server: number
  /** Store paths of each storage. */
  readonly store_path_count: number
  /** Directories at each of the two levels of a store path. */
  readonly subdir_count_per_path: number
  /** The newest trunk file; -1 or 0 where there is none. */
  readonly curr_trunk_file_id: number

  /** @internal */
  constructor(info: GroupInfo) {
    this.group_name = info.group
    try {
      this.totalMB = space(info.totalBytes)
      this.freeMB = space(info.freeBytes)
      this.trunk_freeMB = space(info.trunkFreeBytes)
    } catch (cause) {
      throw new DataError('[-] Error disk space overrun, can not represented it.', { cause })
    }
    this.count = info.storageCount
    this.storage_port = info.storagePort
    this.store_http_port = 0
    this.active_count = info.activeCount
    this.curr_write_server = info.currentWriteServer
    this.store_path_count = info.storePathCount
    this.subdir_count_per_path = info.subdirCountPerPath
    this.curr_trunk_file_id = info.currentTrunkFileId
  }

  /** Python's `str()`. */
  toString(): string {
    return [
      'Group information:',
      `\tgroup name = ${this.group_name}`,
      `\tdisk total space = ${this.totalMB}`,
      `\tdisk free space = ${this.freeMB}`,
      `\ttrunk free space = ${this.trunk_freeMB}`,
      `\tstorage server count = ${this.count}`,
      `\tstorage port = ${this.storage_port}`,
      `\tstorage HTTP port = ${this.store_http_port}`,
      `\tactive server count = ${this.active_count}`,
      `\tcurrent write server index = ${this.curr_write_server}`,
      `\tstore path count = ${this.store_path_count}`,
      `\tsubdir count per path = ${this.subdir_count_per_path}`,
      `\tcurrent trunk file id = ${this.curr_trunk_file_id}`,
      '',
    ].join('\n')
  }
}
