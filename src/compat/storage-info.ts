import type { StorageInfo } from '../client/index.js'
import { ResponseError } from './exceptions.js'
import { isoformat, space } from './text.js'

/** The states that Python's client knows, by number (protocol.md §4.6). */
const STATUSES: Readonly<Record<number, string>> = {
  0: 'INIT',
  1: 'WAIT_SYNC',
  2: 'SYNCING',
  3: 'IP_CHANGED',
  4: 'DELETED',
  5: 'OFFLINE',
  6: 'ONLINE',
  7: 'ACTIVE',
  9: 'RECOVERY',
}
/** The number of the state that Python's client has no word for. */
const NONE = 99

/** A storage, as {@link Fdfs_client.list_servers} gives it. `String(server)` is the text that Python prints. */
export class Storage_info {
  /** Its state: 7 is ACTIVE. */
  readonly status: number
  /** Its ID; the IP address where IDs are not used. */
  readonly id: string
  /** Its address. */
  readonly ip_addr: string
  /** Its domain name; `''` since V6.13, which does not tell. */
  readonly domain_name: string
  /** The storage that sent it the files that were there before it. */
  readonly src_ip_addr: string
  /** The server's version. */
  readonly version: string
  /** The space of its disks, for example `23.00GB`. */
  readonly totalMB: string
  /** What is free of it. */
  readonly freeMB: string
  /** Of lower numbers are preferred for uploads where the tracker goes by it. */
  readonly upload_prio: number
  /** When it first joined: local time, for example `2026-11-22T09:19:00`. */
  readonly join_time: string
  /** When it was started. */
  readonly up_time: string
  /** Its store paths. */
  readonly store_path_count: number
  /** Directories at each of the two levels of a store path. */
  readonly subdir_count_per_path: number
  /** Its port. */
  readonly storage_port: number
  /** The port of its HTTP server; 0 since V6.13, which does not tell. */
  readonly storage_http_port: number
  /** The store path that the next upload goes to. */
  readonly curr_write_path: number
  /** Uploads. */
  readonly total_upload_count: number
  /** Those of them that succeeded. */
  readonly success_upload_count: number
  /** Appends. */
  readonly total_append_count: number
  /** Those of them that succeeded. */
  readonly success_append_count: number
  /** Modifications. */
  readonly total_modify_count: number
  /** Those of them that succeeded. */
  readonly success_modify_count: number
  /** Truncations. */
  readonly total_truncate_count: number
  /** Those of them that succeeded. */
  readonly success_truncate_count: number
  /** Settings of metadata. */
  readonly total_setmeta_count: number
  /** Those of them that succeeded. */
  readonly success_setmeta_count: number
  /** Deletions. */
  readonly total_del_count: number
  /** Those of them that succeeded. */
  readonly success_del_count: number
  /** Downloads. */
  readonly total_download_count: number
  /** Those of them that succeeded. */
  readonly success_download_count: number
  /** Readings of metadata. */
  readonly total_getmeta_count: number
  /** Those of them that succeeded. */
  readonly success_getmeta_count: number
  /** Links made. */
  readonly total_create_link_count: number
  /** Those of them that succeeded. */
  readonly success_create_link_count: number
  /** Links deleted. */
  readonly total_del_link_count: number
  /** Those of them that succeeded. */
  readonly success_del_link_count: number
  /** Bytes uploaded. */
  readonly total_upload_bytes: number
  /** Those of them that were wholly handled. */
  readonly success_upload_bytes: number
  /** Bytes appended. */
  readonly total_append_bytes: number
  /** Those of them that were wholly handled. */
  readonly success_append_bytes: number
  /** Bytes written over. */
  readonly total_modify_bytes: number
  /** Those of them that were wholly handled. */
  readonly success_modify_bytes: number
  /** Bytes downloaded. */
  readonly total_download_bytes: number
  /** Those of them that were wholly handled. */
  readonly success_download_bytes: number
  /** Bytes taken from other storages. */
  readonly total_sync_in_bytes: number
  /** Those of them that were wholly handled. */
  readonly success_sync_in_bytes: number
  /** Bytes sent to other storages. */
  readonly total_sync_out_bytes: number
  /** Those of them that were wholly handled. */
  readonly success_sync_out_bytes: number
  /** Files opened. */
  readonly total_file_open_count: number
  /** Those of them that succeeded. */
  readonly success_file_open_count: number
  /** Reads of files. */
  readonly total_file_read_count: number
  /** Those of them that succeeded. */
  readonly success_file_read_count: number
  /** Writes to files. */
  readonly total_file_write_count: number
  /** Those of them that succeeded. */
  readonly success_file_write_count: number
  /** When a client last changed a file here. */
  readonly last_source_sync: string
  /** When another storage last changed a file here. */
  readonly last_sync_update: string
  /** Up to when the changes of other storages have arrived, by their clocks. */
  readonly last_synced_time: string
  /** When the tracker last heard of it. */
  readonly last_heartbeat_time: string
  /** 1 for the storage that allots the space in its group's trunk files, 0 for others. */
  readonly if_trunk_server: number

  /** @internal */
  constructor(info: StorageInfo) {
    const { statistics } = info
    this.status = statusNumber(info.status)
    this.id = info.id
    this.ip_addr = info.ip
    this.domain_name = info.domainName ?? ''
    this.src_ip_addr = info.syncSourceId
    this.version = info.version
    try {
      this.totalMB = space(info.totalBytes)
      this.freeMB = space(info.freeBytes)
    } catch (cause) {
      throw new ResponseError('[-] Error: disk space overrun, can not represented it.', { cause })
    }
    this.upload_prio = info.uploadPriority
    this.join_time = isoformat(info.joinTime)
    this.up_time = isoformat(info.upTime)
    this.store_path_count = info.storePathCount
    this.subdir_count_per_path = info.subdirCountPerPath
    this.storage_port = info.port
    this.storage_http_port = info.httpPort ?? 0
    this.curr_write_path = info.currentWritePath
    this.total_upload_count = statistics.totalUpload
    this.success_upload_count = statistics.successUpload
    this.total_append_count = statistics.totalAppend
    this.success_append_count = statistics.successAppend
    this.total_modify_count = statistics.totalModify
    this.success_modify_count = statistics.successModify
    this.total_truncate_count = statistics.totalTruncate
    this.success_truncate_count = statistics.successTruncate
    this.total_setmeta_count = statistics.totalSetMetadata
    this.success_setmeta_count = statistics.successSetMetadata
    this.total_del_count = statistics.totalDelete
    this.success_del_count = statistics.successDelete
    this.total_download_count = statistics.totalDownload
    this.success_download_count = statistics.successDownload
    this.total_getmeta_count = statistics.totalGetMetadata
    this.success_getmeta_count = statistics.successGetMetadata
    this.total_create_link_count = statistics.totalCreateLink
    this.success_create_link_count = statistics.successCreateLink
    this.total_del_link_count = statistics.totalDeleteLink
    this.success_del_link_count = statistics.successDeleteLink
    this.total_upload_bytes = statistics.totalUploadBytes
    this.success_upload_bytes = statistics.successUploadBytes
    this.total_append_bytes = statistics.totalAppendBytes
    this.success_append_bytes = statistics.successAppendBytes
    this.total_modify_bytes = statistics.totalModifyBytes
    this.success_modify_bytes = statistics.successModifyBytes
    this.total_download_bytes = statistics.totalDownloadBytes
    this.success_download_bytes = statistics.successDownloadBytes
    this.total_sync_in_bytes = statistics.totalSyncInBytes
    this.success_sync_in_bytes = statistics.successSyncInBytes
    this.total_sync_out_bytes = statistics.totalSyncOutBytes
    this.success_sync_out_bytes = statistics.successSyncOutBytes
    this.total_file_open_count = statistics.totalFileOpen
    this.success_file_open_count = statistics.successFileOpen
    this.total_file_read_count = statistics.totalFileRead
    this.success_file_read_count = statistics.successFileRead
    this.total_file_write_count = statistics.totalFileWrite
    this.success_file_write_count = statistics.successFileWrite
    this.last_source_sync = isoformat(statistics.lastSourceUpdate)
    this.last_sync_update = isoformat(statistics.lastSyncUpdate)
    this.last_synced_time = isoformat(statistics.lastSyncedTimestamp)
    this.last_heartbeat_time = isoformat(statistics.lastHeartBeat)
    this.if_trunk_server = Number(info.isTrunkServer)
  }

  /** Python's `str()`, its spelling included. */
  toString(): string {
    return [
      'Storage information:',
      `\tid = ${this.id}`,
      `\tip_addr = ${this.ip_addr} (${statusText(this.status)})`,
      `\thttp domain = ${this.domain_name}`,
      `\tversion = ${this.version}`,
      `\tjoin time = ${this.join_time}`,
      `\tup time = ${this.up_time}`,
      `\ttotal storage = ${this.totalMB}`,
      `\tfree storage = ${this.freeMB}`,
      `\tupload priority = ${this.upload_prio}`,
      `\tstore path count = ${this.store_path_count}`,
      `\tsubdir count per path = ${this.subdir_count_per_path}`,
      `\tstorage port = ${this.storage_port}`,
      `\tstorage HTTP port = ${this.storage_http_port}`,
      `\tcurrent write path = ${this.curr_write_path}`,
      `\tsource ip_addr = ${this.src_ip_addr}`,
      `\tif_trunk_server = ${this.if_trunk_server}`,
      `\ttotal upload count = ${this.total_upload_count}`,
      `\tsuccess upload count = ${this.success_upload_count}`,
      `\ttotal download count = ${this.total_download_count}`,
      `\tsuccess download count = ${this.success_download_count}`,
      `\ttotal append count = ${this.total_append_count}`,
      `\tsuccess append count = ${this.success_append_count}`,
      `\ttotal modify count = ${this.total_modify_count}`,
      `\tsuccess modify count = ${this.success_modify_count}`,
      `\ttotal truncate count = ${this.total_truncate_count}`,
      `\tsuccess truncate count = ${this.success_truncate_count}`,
      `\ttotal delete count = ${this.total_del_count}`,
      `\tsuccess delete count = ${this.success_del_count}`,
      `\ttotal set_meta count = ${this.total_setmeta_count}`,
      `\tsuccess set_meta count = ${this.success_setmeta_count}`,
      `\ttotal get_meta count = ${this.total_getmeta_count}`,
      `\tsuccess get_meta count = ${this.success_getmeta_count}`,
      `\ttotal create link count = ${this.total_create_link_count}`,
      `\tsuccess create link count = ${this.success_create_link_count}`,
      `\ttotal delete link count = ${this.total_del_link_count}`,
      `\tsuccess delete link count = ${this.success_del_link_count}`,
      `\ttotal upload bytes = ${this.total_upload_bytes}`,
      `\tsuccess upload bytes = ${this.success_upload_bytes}`,
      `\ttotal download bytes = ${this.total_download_bytes}`,
      `\tsuccess download bytes = ${this.success_download_bytes}`,
      `\ttotal append bytes = ${this.total_append_bytes}`,
      `\tsuccess append bytes = ${this.success_append_bytes}`,
      `\ttotal modify bytes = ${this.total_modify_bytes}`,
      `\tsuccess modify bytes = ${this.success_modify_bytes}`,
      `\ttotal sync_in bytes = ${this.total_sync_in_bytes}`,
      `\tsuccess sync_in bytes = ${this.success_sync_in_bytes}`,
      `\ttotal sync_out bytes = ${this.total_sync_out_bytes}`,
      `\tsuccess sync_out bytes = ${this.success_sync_out_bytes}`,
      `\ttotal file open count = ${this.total_file_open_count}`,
      `\tsuccess file open count = ${this.success_file_open_count}`,
      `\ttotal file read count = ${this.total_file_read_count}`,
      `\tsuccess file read count = ${this.success_file_read_count}`,
      `\ttotal file write count = ${this.total_file_write_count}`,
      `\tsucess file write count = ${this.success_file_write_count}`,
      `\tlast heartbeat time = ${this.last_heartbeat_time}`,
      `\tlast source update = ${this.last_source_sync}`,
      `\tlast sync update = ${this.last_sync_update}`,
      `\tlast synced time = ${this.last_synced_time}`,
      '',
    ].join('\n')
  }
}

function statusNumber(name: StorageInfo['status']): number {
  if (name === 'NONE') return NONE
  const known = Object.entries(STATUSES).find(([, text]) => text === name)
  return Number(known?.[0] ?? name)
}

function statusText(status: number): string {
  return STATUSES[status] ?? 'UNKNOW'
}
