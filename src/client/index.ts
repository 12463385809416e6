export type { CallOptions } from '../net/call.js'
export type { Connect } from '../net/connect-by.js'
export type { Endpoint } from '../net/endpoint.js'
export type { EndpointStats } from '../net/endpoint-pool.js'
export type { HealthState } from '../net/health.js'
export type { ConnectTrace, PoolTrace, RequestTrace, RetryTrace } from '../observe/channels.js'
export { CHANNELS } from '../observe/channels.js'
export type { Logger } from '../observe/log.js'
export { AdminClient } from './admin.js'
export type { GroupInfo, StatisticsTimes, StorageInfo, StorageStatistics } from './admin-types.js'
export type { ModifyOptions, RegeneratedFile } from './appender.js'
export type { BatchItems, BatchOptions, BatchResult, DownloadItem, UploadItem } from './batch.js'
export { FastDfsClient } from './client.js'
export type {
  Diagnosis,
  Finding,
  FindingCode,
  ServerDiagnosis,
  Severity,
  StorageDiagnosis,
  TrackerDiagnosis,
} from './diagnosis-types.js'
export type { DownloadedFile, DownloadOptions, SinkOptions } from './download.js'
export type { ExtPolicy } from './ext.js'
export { FILENAME_KEY } from './filename.js'
export type { FileInfo, MetadataOptions } from './files.js'
export type { ClientOptions, ReadFrom } from './options.js'
export { DEFAULTS } from './options.js'
export type { Pieces } from './pieces.js'
export type { Progress, ProgressListener } from './progress.js'
export type { ResumableUploadOptions, ResumeOptions } from './resumable.js'
export { ResumableUpload } from './resumable.js'
export type { RangeSource, ResumableSource } from './resumable-source.js'
export type { ResumableUploadState } from './resumable-state.js'
export type { Sink } from './sinks.js'
export type { DeleteOptions } from './slave-family.js'
export type { Source } from './sources.js'
export type { ClientStats } from './stats.js'
export type { ClusterStatistics, ServerStatistics, StorageIdEntry, TrackerStatus } from './cluster-types.js'
export type { PlaceOptions, StoreTargets } from './store-target.js'
export type { QueryStoreOptions } from './tracker-client.js'
export { TrackerClient } from './tracker-client.js'
export type { StorageEndpoint, StoreTarget } from './trackers.js'
export type {
  ContentOptions,
  SlaveOptions,
  SlaveUpload,
  UnknownLength,
  UploadedFile,
  UploadOptions,
} from './upload.js'
export {
  appendFile,
  closeDefaultClient,
  deleteFile,
  deleteFiles,
  downloadFile,
  downloadFiles,
  downloadStream,
  fileExists,
  fileInfo,
  getDefaultClient,
  getFilename,
  getMetadata,
  mergeMetadata,
  modifyFile,
  regenerateAppenderFile,
  resumableUpload,
  resumeUpload,
  setDefaultClient,
  setMetadata,
  truncateFile,
  uploadAppenderFile,
  uploadFile,
  uploadFiles,
  uploadSlaveFile,
} from './default-client.js'
export type { StorageAddress, StorageAddressMap } from './config/address-map.js'
export type { AntiSteal, ClientConf } from './config/client-conf.js'
export { loadClientConf } from './config/client-conf.js'
export type { ConfiguredOptions } from './config/configured-options.js'
export type { ServerAddress } from './config/server-address.js'
export type { StorageId, StorageMode } from './config/storage-ids.js'
export type { TrackerOption } from './config/trackers.js'
