/**
 * Files over HTTP: the URLs and anti-steal tokens of nginx's FastDFS module, and a request handler that serves what that
 * module serves.
 *
 * @packageDocumentation
 */
export { clientFiles, type ClientFilesOptions } from './client-files.js'
export {
  type FastifyReplyLike,
  type FastifyRequestLike,
  type FileHandler,
  fileHandler,
  forFastify,
} from './handler.js'
export type { FileHandlerOptions } from './options.js'
export type { FileElsewhere, FileStore, ServedFile } from './store.js'
export {
  antiStealToken,
  type GivenToken,
  type TokenOptions,
  verifyToken,
  type VerifyOptions,
} from './token.js'
export {
  type FileUrl,
  fileUrl,
  type FileUrlOptions,
  parseFileUrl,
  type ParseUrlOptions,
  signUrl,
  type SignUrlOptions,
} from './url.js'
