/**
 * A client for FastDFS clusters.
 *
 * @packageDocumentation
 */
export type {
  CallOptions,
  ClientOptions,
  ClusterStatistics,
  ContentOptions,
  DownloadedFile,
  DownloadOptions,
  Endpoint,
  FileInfo,
  GroupInfo,
  ModifyOptions,
  Pieces,
  QueryStoreOptions,
  RegeneratedFile,
  SlaveOptions,
  Source,
  StatisticsTimes,
  StorageIdEntry,
  StorageInfo,
  StorageStatistics,
  StoreTarget,
  StoreTargets,
  TrackerStatus,
  UploadedFile,
  UploadOptions,
} from './client/index.js'
export { AdminClient, DEFAULTS, FastDfsClient, TrackerClient } from './client/index.js'
export type { ErrorCode, ErrorDetails, ErrorName } from './errors.js'
export {
  AbortError,
  ClosedError,
  ConfigError,
  ConnectError,
  ERROR_CODES,
  FastDfsError,
  FileExistsError,
  FileNotFoundError,
  IntegrityError,
  InvalidArgumentError,
  InvalidFileIdError,
  isFastDfsError,
  LocalIoError,
  NoSpaceError,
  NotSupportedError,
  PoolTimeoutError,
  ProtocolError,
  RetryError,
  ServerError,
  STATUS,
  TimeoutError,
  UnknownOutcomeError,
} from './errors.js'
export type { FileId, FileIdParts, FileIdSource, FileKind, TrunkSlot } from './file-id/index.js'
export { formatFileId, parseFileId, slaveName } from './file-id/index.js'
export type { Metadata } from './protocol/index.js'
