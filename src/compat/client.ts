import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Writable } from 'node:stream'
import type { ClientOptions, DownloadOptions, UploadedFile, UploadOptions } from '../client/index.js'
import { FastDfsClient } from '../client/index.js'
import { STATUS } from '../errors.js'
import { DataError } from './exceptions.js'
import type { Wording } from './failure.js'
import { DELETING, DOWNLOADING, READING_METADATA, refusal, translate, USUAL } from './failure.js'
import { Group_info } from './group-info.js'
import type { AppendResult, DeleteResult, DownloadResult, StatusResult, UploadResult } from './results.js'
import { strerror } from './strerror.js'
import type { Storage_server } from './storage-client.js'
import { Storage_client } from './storage-client.js'
import { Storage_info } from './storage-info.js'
import { appromix, cutExt, extOfFile } from './text.js'
import type { TrackerConf } from './tracker-conf.js'
import { get_tracker_conf, trackersOf } from './tracker-conf.js'

/** Names and values of metadata; numbers are written as texts. */
export type MetaDict = Readonly<Record<string, string | number>>

/** Bytes, or a text that is sent in UTF-8. */
export type FileBuffer = Uint8Array | string

/** Python's `None` may stand for every argument that may be left out. */
type Optional<T> = T | null | undefined

/**
 * fdfs_client-py for Node: its methods, with their arguments in the same order, and what they return and throw. All of
 * them are awaited. What differs, and why, is told in docs/migration/fdfs_client-py.md.
 *
 * Below it is a {@link FastDfsClient}: connections are pooled, trackers and storages fail over, and every server version
 * is understood.
 *
 * @example
 * ```ts
 * const client = new Fdfs_client('/etc/fdfs/client.conf')
 * const ret = await client.upload_by_filename('test.py')
 * ret['Status'] // 'Upload successed.'
 * ret['Uploaded size'] // '6.00KB'
 * await client.download_to_file('copy.py', ret['Remote file_id'])
 * ```
 */
export class Fdfs_client {
  /** What was read from the configuration; undefined where a {@link FastDfsClient} was given. */
  readonly trackers: TrackerConf | undefined
  /** Seconds to connect, and to wait for each piece of an answer; undefined where a {@link FastDfsClient} was given. */
  readonly timeout: number | undefined
  /** What {@link Fdfs_client.get_storage} has made, by `host:port`. */
  readonly storages = new Map<string, Storage_client>()
  readonly #client: FastDfsClient
  readonly #isOwner: boolean
  /** Where new files go; anywhere if it is empty. */
  readonly #place: Pick<UploadOptions, 'group' | 'storage'>

  /**
   * Reads the configuration at once, and connects when it must.
   *
   * @param conf_path - the path of a `client.conf`, or what {@link get_tracker_conf} returns. Default
   *   `/etc/fdfs/client.conf`
   * @param client - an addition; Python has the class of its pool here. Options that count more than the configuration,
   *   for example `storageAddressMap` or `idleTimeout`; or a {@link FastDfsClient} that does the work: then no
   *   configuration is read
   * @param store_serv - of {@link Fdfs_client.get_storage} alone: where new files go
   * @throws {@link NoOptionError} when the file does not exist, or lacks `connect_timeout` or `tracker_server`
   * @throws ConfigError when a value cannot be read, or an option is wrong
   */
  constructor(
    conf_path: Optional<string | TrackerConf> = '/etc/fdfs/client.conf',
    client: FastDfsClient | Partial<ClientOptions> = {},
    store_serv?: Storage_server,
  ) {
    this.#isOwner = !isClient(client)
    this.#place = store_serv ? { group: store_serv.group_name, storage: endpointOf(store_serv) } : {}
    if (isClient(client)) {
      this.#client = client
      return
    }
    const conf = conf_path ?? '/etc/fdfs/client.conf'
    this.trackers = typeof conf === 'string' ? get_tracker_conf(conf) : conf
    this.timeout = this.trackers.timeout
    const timeout = this.timeout * 1000
    this.#client = new FastDfsClient({
      trackers: trackersOf(this.trackers),
      connectTimeout: timeout,
      idleTimeout: timeout,
      ...client,
    })
  }

  /**
   * Closes all connections; calls that are under way have five seconds to end. An addition. A {@link FastDfsClient} that
   * was given stays open: it belongs to whoever made it.
   */
  async close(): Promise<void> {
    if (this.#isOwner) await this.#client.close()
  }

  /**
   * What works on one storage: new files go there.
   *
   * @param store_serv - the storage, as the trackers name it
   * @returns always the same object for a storage
   * @example
   * ```ts
   * const [info] = (await client.list_servers('group1')).Servers
   * const store_serv = { ip_addr: info.ip_addr, port: info.storage_port, group_name: 'group1' }
   * await client.get_storage(store_serv).storage_upload_by_filename(null, store_serv, 'photo.jpg')
   * ```
   */
  get_storage(store_serv: Storage_server): Storage_client {
    const endpoint = endpointOf(store_serv)
    const known = this.storages.get(endpoint)
    if (known !== undefined) return known
    const storage = new Storage_client(new Fdfs_client(null, this.#client, store_serv))
    this.storages.set(endpoint, storage)
    return storage
  }

  /**
   * Stores a local file. When its metadata cannot be set, it is deleted again.
   *
   * @throws {@link DataError} when there is no such local file, or the storage refuses it
   */
  async upload_by_filename(filename: string, meta_dict?: Optional<MetaDict>): Promise<UploadResult> {
    await checkFile(filename, '(uploading)')
    return this.#upload(filename, () =>
      this.#client.uploadFile(filename, {
        ...this.#place,
        ...extOption(extOfFile(filename)),
        metadata: metadataOf(meta_dict),
      }),
    )
  }

  /** The same as {@link Fdfs_client.upload_by_filename}, not on Linux only. */
  upload_by_file(filename: string, meta_dict?: Optional<MetaDict>): Promise<UploadResult> {
    return this.upload_by_filename(filename, meta_dict)
  }

  /**
   * Stores bytes.
   *
   * @throws {@link DataError} when there are none, or the storage refuses them
   */
  async upload_by_buffer(
    filebuffer: Optional<FileBuffer>,
    file_ext_name?: Optional<string>,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    const bytes = bytesOf(filebuffer, '[-] Error: argument filebuffer can not be null.')
    const options = { ...this.#place, ...extOption(file_ext_name), metadata: metadataOf(meta_dict) }
    return this.#upload('', () => this.#client.uploadFile(bytes, options))
  }

  /**
   * Stores a local file under the name of another, its master, with a prefix behind it.
   *
   * @throws {@link DataError} when an argument is wrong, there is no such master, or such a slave already
   */
  async upload_slave_by_filename(
    filename: string,
    remote_file_id: string,
    prefix_name: Optional<string>,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    await checkFile(filename, '(uploading slave)')
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(uploading slave)')
    if (!prefix_name) throw new DataError('[-] Error: prefix_name can not be null.')
    const slave = { prefix: prefix_name, ...extOption(extOfFile(filename)), metadata: metadataOf(meta_dict) }
    const result = await this.#upload(filename, () =>
      this.#client.uploadSlaveFile(remote_file_id, filename, slave),
    )
    return { ...result, Status: 'Upload slave file successed.' }
  }

  /** The same as {@link Fdfs_client.upload_slave_by_filename}, not on Linux only. */
  upload_slave_by_file(
    filename: string,
    remote_file_id: string,
    prefix_name: Optional<string>,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    return this.upload_slave_by_filename(filename, remote_file_id, prefix_name, meta_dict)
  }

  /**
   * Stores bytes under the name of another file, its master, with a prefix behind it.
   *
   * @param prefix_name - an addition: without it no storage takes a slave, and in Python this method never worked
   * @throws {@link DataError} when an argument is wrong, there is no such master, or such a slave already
   */
  async upload_slave_by_buffer(
    filebuffer: Optional<FileBuffer>,
    remote_file_id: string,
    meta_dict?: Optional<MetaDict>,
    file_ext_name?: Optional<string>,
    prefix_name?: Optional<string>,
  ): Promise<UploadResult> {
    const bytes = bytesOf(filebuffer, '[-] Error: argument filebuffer can not be null.')
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(uploading slave)')
    const slave = { prefix: prefix_name ?? '', ...extOption(file_ext_name), metadata: metadataOf(meta_dict) }
    return this.#upload('', () => this.#client.uploadSlaveFile(remote_file_id, bytes, slave))
  }

  /**
   * Stores a local file that can be changed afterwards.
   *
   * @throws {@link DataError} when there is no such local file, or the storage refuses it
   */
  async upload_appender_by_filename(
    local_filename: string,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    await checkFile(local_filename, '(uploading appender)')
    const options = {
      ...this.#place,
      ...extOption(extOfFile(local_filename)),
      metadata: metadataOf(meta_dict),
    }
    return this.#upload(local_filename, () => this.#client.uploadAppenderFile(local_filename, options))
  }

  /** The same as {@link Fdfs_client.upload_appender_by_filename}, not on Linux only. */
  upload_appender_by_file(local_filename: string, meta_dict?: Optional<MetaDict>): Promise<UploadResult> {
    return this.upload_appender_by_filename(local_filename, meta_dict)
  }

  /**
   * Stores bytes that can be changed afterwards.
   *
   * @throws {@link DataError} when there are none, or the storage refuses them
   */
  async upload_appender_by_buffer(
    filebuffer: Optional<FileBuffer>,
    file_ext_name?: Optional<string>,
    meta_dict?: Optional<MetaDict>,
  ): Promise<UploadResult> {
    const bytes = bytesOf(filebuffer, '[-] Error: argument filebuffer can not be null.')
    const options = { ...this.#place, ...extOption(file_ext_name), metadata: metadataOf(meta_dict) }
    return this.#upload('', () => this.#client.uploadAppenderFile(bytes, options))
  }

  /**
   * Deletes a file and its metadata.
   *
   * @returns Python's tuple: the status, the file ID, the storage
   * @throws {@link DataError} when there is no such file
   */
  async delete_file(remote_file_id: string): Promise<DeleteResult> {
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(in delete file)')
    const storage = await this.#change(remote_file_id, DELETING, () =>
      this.#client.deleteFile(remote_file_id),
    )
    return ['Delete file successed.', remote_file_id, storage]
  }

  /**
   * Writes a file, or a part of it, to a local file: whole or not at all.
   *
   * @param offset - bytes from the file's start. Default 0
   * @param down_bytes - how many bytes; 0, the default, for all up to the end
   * @throws {@link DataError} when there is no such file, or the local one cannot be written
   */
  async download_to_file(
    local_filename: string,
    remote_file_id: string,
    offset = 0,
    down_bytes = 0,
  ): Promise<DownloadResult<string>> {
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(in download file)')
    await checkTarget(local_filename)
    const { size, endpoint } = await attempt(DOWNLOADING, () =>
      this.#client.downloadFile(remote_file_id, local_filename, rangeOf(offset, down_bytes)),
    )
    return downloaded(remote_file_id, local_filename, size, endpoint)
  }

  /**
   * Reads a file, or a part of it, into memory, whatever its size.
   *
   * @param offset - bytes from the file's start. Default 0
   * @param down_bytes - how many bytes; 0, the default, for all up to the end
   * @throws {@link DataError} when there is no such file
   */
  async download_to_buffer(
    remote_file_id: string,
    offset = 0,
    down_bytes = 0,
  ): Promise<DownloadResult<Buffer>> {
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(in download file)')
    const chunks: Buffer[] = []
    // Downloads to a sink tell which storage the content came from, those to a Buffer do not.
    const sink = new Writable({
      write: (chunk: Buffer, _, done) => {
        chunks.push(chunk)
        done()
      },
    })
    const { size, endpoint } = await attempt(DOWNLOADING, () =>
      this.#client.downloadFile(remote_file_id, sink, rangeOf(offset, down_bytes)),
    )
    return downloaded(remote_file_id, Buffer.concat(chunks), size, endpoint)
  }

  /**
   * One group.
   *
   * @throws {@link DataError} when there is no such group
   */
  list_one_group(group_name: string): Promise<Group_info> {
    return attempt(USUAL, async () => new Group_info(await this.#client.admin.listGroup(group_name)))
  }

  /** All groups. */
  list_all_groups(): Promise<{ 'Groups count': number; Groups: Group_info[] }> {
    return attempt(USUAL, async () => {
      const groups = await this.#client.admin.listGroups()
      return { 'Groups count': groups.length, Groups: groups.map((group) => new Group_info(group)) }
    })
  }

  /**
   * The storages of a group, or the one that is named.
   *
   * @param storage_ip - its address; its ID where the cluster uses IDs
   * @throws {@link DataError} when there is no such group or storage
   */
  list_servers(
    group_name: string,
    storage_ip?: Optional<string>,
  ): Promise<{ 'Group name': string; Servers: Storage_info[] }> {
    return attempt(USUAL, async () => {
      const options = storage_ip ? { id: storage_ip } : {}
      const storages = await this.#client.admin.listStorages(group_name, options)
      return { 'Group name': group_name, Servers: storages.map((storage) => new Storage_info(storage)) }
    })
  }

  /**
   * A file's metadata.
   *
   * @throws {@link DataError} when there is no such file, or it has none: servers do not tell the two apart
   */
  async get_meta_data(remote_file_id: string): Promise<Record<string, string>> {
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(in get meta data)')
    const metadata = await attempt(READING_METADATA, () => this.#client.getMetadata(remote_file_id))
    if (Object.keys(metadata).length === 0) throw refusal(STATUS.ENOENT, READING_METADATA)
    return metadata
  }

  /**
   * Sets a file's metadata.
   *
   * @param op_flag - `'O'`, the default, replaces all of it; `'M'` merges
   * @throws {@link DataError} when there is no such file, or the metadata does not fit
   */
  async set_meta_data(
    remote_file_id: string,
    meta_dict: MetaDict,
    op_flag: 'O' | 'M' = 'O',
  ): Promise<StatusResult> {
    checkId(remote_file_id, '[-] Error: remote_file_id is invalid.(in set meta data)')
    if (!['O', 'M'].includes(op_flag)) throw refusal(STATUS.EINVAL, USUAL)
    const metadata = textsOf(meta_dict)
    const storage = await this.#change(remote_file_id, USUAL, () =>
      op_flag === 'M'
        ? this.#client.mergeMetadata(remote_file_id, metadata)
        : this.#client.setMetadata(remote_file_id, metadata),
    )
    return { Status: 'Set meta data success.', 'Storage IP': storage }
  }

  /**
   * Adds a local file to the end of an appender file.
   *
   * @throws {@link DataError} when there is no such local file, or the other is no appender file
   */
  async append_by_filename(local_filename: string, remote_fileid: string): Promise<AppendResult> {
    const { size } = await checkFile(local_filename, '(append)')
    return this.#append(local_filename, size, remote_fileid)
  }

  /** The same as {@link Fdfs_client.append_by_filename}, not on Linux only. */
  append_by_file(local_filename: string, remote_fileid: string): Promise<AppendResult> {
    return this.append_by_filename(local_filename, remote_fileid)
  }

  /**
   * Adds bytes to the end of an appender file.
   *
   * @throws {@link DataError} when there are none, or it is no appender file
   */
  async append_by_buffer(file_buffer: Optional<FileBuffer>, remote_fileid: string): Promise<AppendResult> {
    const bytes = bytesOf(file_buffer, '[-] Error: file_buffer can not be null.')
    return this.#append(bytes, bytes.length, remote_fileid)
  }

  /**
   * Cuts an appender file. The size comes first, as in Python.
   *
   * @throws {@link DataError} when it is no appender file
   */
  async truncate_file(truncated_filesize: number, appender_fileid: string): Promise<StatusResult> {
    checkId(appender_fileid, '[-] Error: appender_fileid is invalid.(truncate)')
    const storage = await this.#change(appender_fileid, USUAL, () =>
      this.#client.truncateFile(appender_fileid, truncated_filesize),
    )
    return { Status: 'Truncate successed.', 'Storage IP': storage }
  }

  /**
   * Writes a local file over a part of an appender file.
   *
   * @param offset - bytes from the appender file's start. Default 0
   * @throws {@link DataError} when there is no such local file, or the other is no appender file
   */
  async modify_by_filename(filename: string, appender_fileid: string, offset = 0): Promise<StatusResult> {
    await checkFile(filename, '(modify)')
    return this.#modify(filename, appender_fileid, offset)
  }

  /** The same as {@link Fdfs_client.modify_by_filename}, not on Linux only. */
  modify_by_file(filename: string, appender_fileid: string, offset = 0): Promise<StatusResult> {
    return this.modify_by_filename(filename, appender_fileid, offset)
  }

  /**
   * Writes bytes over a part of an appender file.
   *
   * @param offset - bytes from the appender file's start. Default 0
   * @throws {@link DataError} when there are none, or it is no appender file
   */
  async modify_by_buffer(
    filebuffer: Optional<FileBuffer>,
    appender_fileid: string,
    offset = 0,
  ): Promise<StatusResult> {
    const bytes = bytesOf(filebuffer, '[-] Error: filebuffer can not be null.(modify)')
    return this.#modify(bytes, appender_fileid, offset)
  }

  async #upload(local: string, upload: () => Promise<UploadedFile>): Promise<UploadResult> {
    const { group, id, size, endpoint } = await attempt(USUAL, upload)
    return {
      'Group name': group,
      'Remote file_id': id,
      Status: 'Upload successed.',
      'Local file name': local,
      'Uploaded size': appromix(size),
      'Storage IP': hostOf(endpoint),
    }
  }

  async #append(source: string | Uint8Array, size: number, remote_fileid: string): Promise<AppendResult> {
    checkId(remote_fileid, '[-] Error: remote_file_id is invalid.(append)')
    const storage = await this.#change(remote_fileid, USUAL, () =>
      this.#client.appendFile(remote_fileid, source),
    )
    return {
      Status: 'Append file successed.',
      'Appender file name': remote_fileid,
      'Appended size': appromix(size),
      'Storage IP': storage,
    }
  }

  async #modify(source: string | Uint8Array, appender_fileid: string, offset: number): Promise<StatusResult> {
    checkId(appender_fileid, '[-] Error: remote_fileid is invalid.(modify)')
    const storage = await this.#change(appender_fileid, USUAL, () =>
      this.#client.modifyFile(appender_fileid, source, { offset }),
    )
    return { Status: 'Modify successed.', 'Storage IP': storage }
  }

  /**
   * Changes a file, and asks, as Python does, which storage is to change it; its address. The change does not wait for
   * that: it has its place in the order of the calls.
   */
  #change(id: string, wording: Wording, change: () => Promise<void>): Promise<string> {
    return attempt(wording, async () => {
      const [changed, asked] = await Promise.allSettled([change(), this.#client.tracker.queryUpdate(id)])
      if (changed.status === 'rejected') throw changed.reason
      if (asked.status === 'rejected') throw asked.reason
      return asked.value.host
    })
  }
}

/** By what it can do: it may come from the package's other format. */
function isClient(client: FastDfsClient | Partial<ClientOptions>): client is FastDfsClient {
  return 'uploadFile' in client
}

async function attempt<T>(wording: Wording, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    throw translate(error, wording)
  }
}

/** Python looks before it asks a server: a folder is no file, and neither is what cannot be looked at. */
async function checkFile(filename: string, suffix: string): Promise<Stats> {
  const found = await look(filename)
  if (found?.isFile() !== true) throw new DataError(`[-] Error: ${filename} is not a file.${suffix}`)
  return found
}

/** A FastDfsClient would choose a name in a folder; Python's client writes to the path that it is given. */
async function checkTarget(filename: string): Promise<void> {
  checkText(filename, 'local_filename')
  const isFolder = filename.endsWith('/') || (await look(filename))?.isDirectory() === true
  if (isFolder) throw new DataError(`${DOWNLOADING.file}(${STATUS.EISDIR}, '${strerror(STATUS.EISDIR)}').`)
}

async function look(filename: string): Promise<Stats | undefined> {
  try {
    return await stat(filename)
  } catch (error) {
    // A path of a wrong type is a mistake in the call.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    return undefined
  }
}

function checkId(id: string, text: string): void {
  checkText(id, 'the file ID')
  if (!id.includes('/')) throw new DataError(text)
}

/** Of a wrong type, an argument is a mistake in the call: a TypeError, as in Python. */
function checkText(value: unknown, name: string): void {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${String(value)}`)
}

function bytesOf(buffer: Optional<FileBuffer>, text: string): Uint8Array {
  if (!buffer || buffer.length === 0) throw new DataError(text)
  return typeof buffer === 'string' ? Buffer.from(buffer) : buffer
}

function metadataOf(meta_dict: Optional<MetaDict>): Record<string, string> | undefined {
  return meta_dict ? textsOf(meta_dict) : undefined
}

function textsOf(meta_dict: MetaDict): Record<string, string> {
  return Object.fromEntries(
    Object.entries(meta_dict).map(([name, value]) => [
      name,
      typeof value === 'number' ? String(value) : value,
    ]),
  )
}

/** An extension is cut as Python's client does it; one that no storage takes is refused, whatever the client's policy. */
function extOption(ext: Optional<string>): { ext: string; extPolicy: 'error' } {
  checkText(ext ?? '', 'file_ext_name')
  return { ext: cutExt(ext ?? ''), extPolicy: 'error' }
}

function rangeOf(offset: number, down_bytes: number): Pick<DownloadOptions, 'offset' | 'length'> {
  return { offset, length: down_bytes === 0 ? undefined : down_bytes }
}

function downloaded<Content>(
  id: string,
  content: Content,
  size: number,
  endpoint: string,
): DownloadResult<Content> {
  return {
    'Remote file_id': id,
    Content: content,
    'Download size': appromix(size),
    'Storage IP': hostOf(endpoint),
  }
}

function endpointOf({ ip_addr, port }: Storage_server): string {
  return ip_addr.includes(':') ? `[${ip_addr}]:${port}` : `${ip_addr}:${port}`
}

/** The host of `host:port` or `[host]:port`. */
function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}
