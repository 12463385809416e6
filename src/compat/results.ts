/** What the methods of {@link Fdfs_client} return: Python's dictionaries, with their keys. */

/** Of uploads. */
export interface UploadResult {
  /** The group it is in. */
  'Group name': string
  /** The file ID. */
  'Remote file_id': string
  /** `Upload successed.`, or `Upload slave file successed.` */
  Status: string
  /** The path as it was given; `''` for buffers. */
  'Local file name': string
  /** For example `6.00KB`. */
  'Uploaded size': string
  /** The storage that took it, as the tracker names it. */
  'Storage IP': string
}

/** Of downloads. */
export interface DownloadResult<Content> {
  /** The file ID. */
  'Remote file_id': string
  /** The path as it was given, or the bytes. */
  Content: Content
  /** For example `6.00KB`. */
  'Download size': string
  /** The storage that it came from, as the tracker names it. */
  'Storage IP': string
}

/** Of appending. */
export interface AppendResult {
  /** `Append file successed.` */
  Status: string
  /** The file ID. */
  'Appender file name': string
  /** For example `6.00KB`. */
  'Appended size': string
  /** The storage that was asked, as the tracker names it. */
  'Storage IP': string
}

/** Of other changes. */
export interface StatusResult {
  /** For example `Modify successed.` */
  Status: string
  /** The storage that was asked, as the tracker names it. */
  'Storage IP': string
}

/** Of deleting: Python's tuple of the status, the file ID and the storage. */
export type DeleteResult = ['Delete file successed.', string, string]
