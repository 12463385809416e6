/**
 * fdfs_client-py for Node: the same methods, dictionaries, texts and exceptions.
 *
 * @packageDocumentation
 */
export type { FileBuffer, MetaDict } from './client.js'
export { Fdfs_client } from './client.js'
export {
  ConnectionError,
  DataError,
  FDFSError,
  InvaildResponse,
  NoOptionError,
  ResponseError,
} from './exceptions.js'
export { Group_info } from './group-info.js'
export type { AppendResult, DeleteResult, DownloadResult, StatusResult, UploadResult } from './results.js'
export type { Storage_server } from './storage-client.js'
export { Storage_client } from './storage-client.js'
export { Storage_info } from './storage-info.js'
export type { TrackerConf } from './tracker-conf.js'
export { get_tracker_conf } from './tracker-conf.js'
