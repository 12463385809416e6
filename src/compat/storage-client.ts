import type { FileBuffer, Fdfs_client, MetaDict } from './client.js'
import type { AppendResult, DeleteResult, DownloadResult, StatusResult, UploadResult } from './results.js'

/** A storage as the trackers name it: what Python's client has from them. */
export interface Storage_server {
  /** Its address. */
  readonly ip_addr: string
  /** Its port. */
  readonly port: number
  /** The group it is in. */
  readonly group_name: string
}

/** Python's `None` may stand for every argument that may be left out. */
type Optional<T> = T | null | undefined

/**
 * What {@link Fdfs_client.get_storage} gives: fdfs_client-py's class of this name, with its arguments in the same order.
 * Files are named without their group, which is that of `store_serv`; what is refused is thrown, and results are those
 * of {@link Fdfs_client}.
 *
 * New files go to this storage. Reading and changing goes to the storages that the trackers name for a file: in Python
 * that is where `store_serv` comes from.
 */
export class Storage_client {
  readonly #client: Fdfs_client

  /** @internal */
  constructor(client: Fdfs_client) {
    this.#client = client
  }

  /** See {@link Fdfs_client.upload_by_filename}. */
  storage_upload_by_filename(
    _tracker_client: unknown,
    _store_serv: Storage_server,
    filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.#client.upload_by_filename(filename, meta_dict)
  }

  /** See {@link Fdfs_client.upload_by_file}. */
  storage_upload_by_file(
    _tracker_client: unknown,
    _store_serv: Storage_server,
    filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.#client.upload_by_file(filename, meta_dict)
  }

  /** See {@link Fdfs_client.upload_by_buffer}. */
  storage_upload_by_buffer(
    _tracker_client: unknown,
    _store_serv: Storage_server,
    file_buffer: FileBuffer,
    file_ext_name?: Optional<string>,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.#client.upload_by_buffer(file_buffer, file_ext_name, meta_dict)
  }

  /** See {@link Fdfs_client.upload_slave_by_filename}; the Status is `Upload successed.`, as in Python. */
  async storage_upload_slave_by_filename(
    _tracker_client: unknown,
    store_serv: Storage_server,
    filename: string,
    prefix_name: string,
    remote_filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    const id = idOf(store_serv, remote_filename)
    const result = await this.#client.upload_slave_by_filename(filename, id, prefix_name, meta_dict)
    return { ...result, Status: 'Upload successed.' }
  }

  /** The same as {@link Storage_client.storage_upload_slave_by_filename}. */
  storage_upload_slave_by_file(
    tracker_client: unknown,
    store_serv: Storage_server,
    filename: string,
    prefix_name: string,
    remote_filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.storage_upload_slave_by_filename(
      tracker_client,
      store_serv,
      filename,
      prefix_name,
      remote_filename,
      meta_dict,
    )
  }

  /**
   * See {@link Fdfs_client.upload_slave_by_buffer}.
   *
   * @param prefix_name - an addition, as there
   */
  storage_upload_slave_by_buffer(
    _tracker_client: unknown,
    store_serv: Storage_server,
    filebuffer: FileBuffer,
    remote_filename: string,
    meta_dict: Optional<MetaDict>,
    file_ext_name: Optional<string>,
    prefix_name?: Optional<string>,
  ): Promise<UploadResult> {
    const id = idOf(store_serv, remote_filename)
    return this.#client.upload_slave_by_buffer(filebuffer, id, meta_dict, file_ext_name, prefix_name)
  }

  /** See {@link Fdfs_client.upload_appender_by_filename}. */
  storage_upload_appender_by_filename(
    _tracker_client: unknown,
    _store_serv: Storage_server,
    filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.#client.upload_appender_by_filename(filename, meta_dict)
  }

  /** See {@link Fdfs_client.upload_appender_by_file}. */
  storage_upload_appender_by_file(
    _tracker_client: unknown,
    _store_serv: Storage_server,
    filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.#client.upload_appender_by_file(filename, meta_dict)
  }

  /** See {@link Fdfs_client.upload_appender_by_buffer}; the metadata comes first here, as in Python. */
  storage_upload_appender_by_buffer(
    _tracker_client: unknown,
    _store_serv: Storage_server,
    file_buffer: FileBuffer,
    meta_dict?: Optional<MetaDict>,
    file_ext_name?: Optional<string>,
  ): Promise<UploadResult> {
    return this.#client.upload_appender_by_buffer(file_buffer, file_ext_name, meta_dict)
  }

  /** See {@link Fdfs_client.delete_file}. */
  storage_delete_file(
    _tracker_client: unknown,
    store_serv: Storage_server,
    remote_filename: string,
  ): Promise<DeleteResult> {
    return this.#client.delete_file(idOf(store_serv, remote_filename))
  }

  /** See {@link Fdfs_client.download_to_file}. */
  storage_download_to_file(
    _tracker_client: unknown,
    store_serv: Storage_server,
    local_filename: string,
    file_offset: number,
    download_bytes: number,
    remote_filename: string,
  ): Promise<DownloadResult<string>> {
    const id = idOf(store_serv, remote_filename)
    return this.#client.download_to_file(local_filename, id, file_offset, download_bytes)
  }

  /**
   * See {@link Fdfs_client.download_to_buffer}.
   *
   * @param _file_buffer - of no meaning, as in Python
   */
  storage_download_to_buffer(
    _tracker_client: unknown,
    store_serv: Storage_server,
    _file_buffer: unknown,
    file_offset: number,
    download_bytes: number,
    remote_filename: string,
  ): Promise<DownloadResult<Buffer>> {
    return this.#client.download_to_buffer(idOf(store_serv, remote_filename), file_offset, download_bytes)
  }

  /**
   * See {@link Fdfs_client.set_meta_data}.
   *
   * @returns 0, as in Python; a status that is none is thrown
   */
  async storage_set_metadata(
    _tracker_client: unknown,
    store_serv: Storage_server,
    remote_filename: string,
    meta_dict: MetaDict,
    op_flag: 'O' | 'M' = 'O',
  ): Promise<0> {
    await this.#client.set_meta_data(idOf(store_serv, remote_filename), meta_dict, op_flag)
    return 0
  }

  /** See {@link Fdfs_client.get_meta_data}. */
  storage_get_metadata(
    _tracker_client: unknown,
    store_serv: Storage_server,
    remote_file_name: string,
  ): Promise<Record<string, string>> {
    return this.#client.get_meta_data(idOf(store_serv, remote_file_name))
  }

  /** See {@link Fdfs_client.append_by_filename}. */
  storage_append_by_filename(
    _tracker_client: unknown,
    store_serv: Storage_server,
    local_filename: string,
    appended_filename: string,
  ): Promise<AppendResult> {
    return this.#client.append_by_filename(local_filename, idOf(store_serv, appended_filename))
  }

  /** See {@link Fdfs_client.append_by_file}. */
  storage_append_by_file(
    _tracker_client: unknown,
    store_serv: Storage_server,
    local_filename: string,
    appended_filename: string,
  ): Promise<AppendResult> {
    return this.#client.append_by_file(local_filename, idOf(store_serv, appended_filename))
  }

  /** See {@link Fdfs_client.append_by_buffer}. */
  storage_append_by_buffer(
    _tracker_client: unknown,
    store_serv: Storage_server,
    file_buffer: FileBuffer,
    appended_filename: string,
  ): Promise<AppendResult> {
    return this.#client.append_by_buffer(file_buffer, idOf(store_serv, appended_filename))
  }

  /** See {@link Fdfs_client.truncate_file}. */
  storage_truncate_file(
    _tracker_client: unknown,
    store_serv: Storage_server,
    truncated_filesize: number,
    appender_filename: string,
  ): Promise<StatusResult> {
    return this.#client.truncate_file(truncated_filesize, idOf(store_serv, appender_filename))
  }

  /**
   * See {@link Fdfs_client.modify_by_filename}.
   *
   * @param _filesize - of no meaning: the file's size is what it is
   */
  storage_modify_by_filename(
    _tracker_client: unknown,
    store_serv: Storage_server,
    filename: string,
    offset: number,
    _filesize: number,
    appender_filename: string,
  ): Promise<StatusResult> {
    return this.#client.modify_by_filename(filename, idOf(store_serv, appender_filename), offset)
  }

  /** The same as {@link Storage_client.storage_modify_by_filename}. */
  storage_modify_by_file(
    tracker_client: unknown,
    store_serv: Storage_server,
    filename: string,
    offset: number,
    filesize: number,
    appender_filename: string,
  ): Promise<StatusResult> {
    return this.storage_modify_by_filename(
      tracker_client,
      store_serv,
      filename,
      offset,
      filesize,
      appender_filename,
    )
  }

  /** See {@link Fdfs_client.modify_by_buffer} and {@link Storage_client.storage_modify_by_filename}. */
  storage_modify_by_buffer(
    _tracker_client: unknown,
    store_serv: Storage_server,
    filebuffer: FileBuffer,
    offset: number,
    _filesize: number,
    appender_filename: string,
  ): Promise<StatusResult> {
    return this.#client.modify_by_buffer(filebuffer, idOf(store_serv, appender_filename), offset)
  }
}

function idOf({ group_name }: Storage_server, remote_filename: string): string {
  return `${group_name}/${remote_filename}`
}
