/**
 * A client for FastDFS clusters.
 *
 * @packageDocumentation
 */
export type {
  CallOptions,
  ClientOptions,
  DownloadedFile,
  DownloadOptions,
  Endpoint,
  FileInfo,
  Pieces,
  Source,
  UploadedFile,
  UploadOptions,
} from './client/index.js'
export { DEFAULTS, FastDfsClient } from './client/index.js'
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
