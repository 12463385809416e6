import { FastDfsClient } from './client.js'

let shared: FastDfsClient | undefined

/**
 * The client that the bare functions use: made from the environment at first use, see
 * {@link FastDfsClient.fromEnvironment}.
 *
 * @throws {@link ConfigError} when the environment names no tracker
 */
export function getDefaultClient(): FastDfsClient {
  return (shared ??= FastDfsClient.fromEnvironment())
}

/** Makes the bare functions use `client` from now on. The one they used before is not closed. */
export function setDefaultClient(client: FastDfsClient): void {
  shared = client
}

/** Closes the client that the bare functions use, if there is one. Their next use makes another. */
export async function closeDefaultClient(): Promise<void> {
  const client = shared
  shared = undefined
  await client?.close()
}

/** A method of the default client as a function; without a client it rejects, as the method would. */
function bare<M extends keyof FastDfsClient>(method: M): FastDfsClient[M] {
  const call = async (...args: unknown[]): Promise<unknown> => {
    const client = getDefaultClient()
    return (client[method] as (...args: unknown[]) => unknown).apply(client, args)
  }
  return call as unknown as FastDfsClient[M]
}

/** {@link FastDfsClient.uploadFile} of the default client. */
export const uploadFile = bare('uploadFile')
/** {@link FastDfsClient.uploadFiles} of the default client. */
export const uploadFiles = bare('uploadFiles')
/** {@link FastDfsClient.uploadAppenderFile} of the default client. */
export const uploadAppenderFile = bare('uploadAppenderFile')
/** {@link FastDfsClient.uploadSlaveFile} of the default client. */
export const uploadSlaveFile = bare('uploadSlaveFile')
/** {@link FastDfsClient.resumableUpload} of the default client. */
export const resumableUpload = bare('resumableUpload')
/** {@link FastDfsClient.resumeUpload} of the default client. */
export const resumeUpload = bare('resumeUpload')
/** {@link FastDfsClient.appendFile} of the default client. */
export const appendFile = bare('appendFile')
/** {@link FastDfsClient.modifyFile} of the default client. */
export const modifyFile = bare('modifyFile')
/** {@link FastDfsClient.truncateFile} of the default client. */
export const truncateFile = bare('truncateFile')
/** {@link FastDfsClient.regenerateAppenderFile} of the default client. */
export const regenerateAppenderFile = bare('regenerateAppenderFile')
/** {@link FastDfsClient.downloadFile} of the default client. */
export const downloadFile = bare('downloadFile')
/** {@link FastDfsClient.downloadFiles} of the default client. */
export const downloadFiles = bare('downloadFiles')
/** {@link FastDfsClient.downloadStream} of the default client. */
export const downloadStream: FastDfsClient['downloadStream'] = (id, options) =>
  getDefaultClient().downloadStream(id, options)
/** {@link FastDfsClient.deleteFile} of the default client. */
export const deleteFile = bare('deleteFile')
/** {@link FastDfsClient.deleteFiles} of the default client. */
export const deleteFiles = bare('deleteFiles')
/** {@link FastDfsClient.fileInfo} of the default client. */
export const fileInfo = bare('fileInfo')
/** {@link FastDfsClient.fileExists} of the default client. */
export const fileExists = bare('fileExists')
/** {@link FastDfsClient.getFilename} of the default client. */
export const getFilename = bare('getFilename')
/** {@link FastDfsClient.getMetadata} of the default client. */
export const getMetadata = bare('getMetadata')
/** {@link FastDfsClient.setMetadata} of the default client. */
export const setMetadata = bare('setMetadata')
/** {@link FastDfsClient.mergeMetadata} of the default client. */
export const mergeMetadata = bare('mergeMetadata')
