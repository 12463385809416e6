import type { FastDfsError } from '../errors.js'
import {
  ConnectError,
  IntegrityError,
  InvalidArgumentError,
  InvalidFileIdError,
  isFastDfsError,
  LocalIoError,
  PoolTimeoutError,
  ProtocolError,
  RetryError,
  STATUS,
  TimeoutError,
  UnknownOutcomeError,
} from '../errors.js'
import { ConnectionError, DataError, ResponseError } from './exceptions.js'
import { strerror } from './strerror.js'

/** How an operation words what goes wrong in it; Python's client has a form for each. */
export interface Wording {
  /** Before and after the number of a status that the operation itself is answered with. */
  readonly refused: readonly [before: string, after: string]
  /** What cannot be done with a local file. */
  readonly file: string
}

const READING = '[-] Error while reading local file'
/** Of most operations. */
export const USUAL: Wording = { refused: ['[-] Error: ', ', '], file: READING }
/** Of deleting. */
export const DELETING: Wording = { refused: ['Error: ', ', '], file: READING }
/** Of downloads. */
export const DOWNLOADING: Wording = {
  refused: ['Error: ', ' '],
  file: '[-] Error: while writting local file',
}
/** Of reading metadata. */
export const READING_METADATA: Wording = { refused: ['[-] Error:', ', '], file: READING }

/** Commands whose refusal is worded alike in every operation: they ask a tracker about a file. */
const QUERIES: readonly (string | undefined)[] = ['queryFetchOne', 'queryUpdate', 'queryStoreWithGroupOne']

/** Numbers and texts of the errors that system calls and resolving names end in, as Python has them on Linux. */
const SYSTEM_ERRORS: Readonly<Record<string, number>> = {
  ENOENT: 2,
  EIO: 5,
  EACCES: 13,
  ENOTDIR: 20,
  EISDIR: 21,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
}
const RESOLVER_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  ENOTFOUND: [-2, 'Name or service not known'],
  EAI_AGAIN: [-3, 'Temporary failure in name resolution'],
}

/**
 * The exception that fdfs_client-py would raise, with `error` as its cause; what is no error of this package is a
 * mistake in the call, and stays as it is.
 */
export function translate(error: unknown, wording: Wording): unknown {
  if (!isFastDfsError(error)) return error
  const last = decisive(error)
  const options = { cause: error }
  if (last instanceof InvalidFileIdError) return refusal(STATUS.EINVAL, DELETING, options)
  if (last instanceof LocalIoError || isAboutFile(last)) {
    return new DataError(`${wording.file}(${argumentsOf(last)}).`, options)
  }
  // Python sends it, and this is what servers answer.
  if (last instanceof InvalidArgumentError) return refusal(STATUS.EINVAL, wording, options)
  if (last.status !== undefined) {
    return refusal(last.status, QUERIES.includes(last.command) ? DELETING : wording, options)
  }
  if (last instanceof ConnectError || last instanceof TimeoutError) {
    return new ConnectionError(connectionText(last), options)
  }
  if (last instanceof PoolTimeoutError)
    return new ConnectionError('[-] Error: Too many connections.', options)
  if (last instanceof ProtocolError) return new ResponseError(`[-] Error: ${last.message}`, options)
  if (last instanceof IntegrityError) return new DataError(`[-] Error: ${last.message}`, options)
  return new ConnectionError(`[-] Error: ${last.message}`, options)
}

/** What a storage or tracker answered, in the operation's words. */
export function refusal(
  status: number,
  { refused: [before, after] }: Wording,
  options?: { cause?: unknown },
): DataError {
  return new DataError(`${before}${status}${after}${strerror(status)}`, options)
}

/** Of several attempts the last one; of a lost answer how it was lost. */
function decisive(error: FastDfsError): FastDfsError {
  const inner =
    error instanceof RetryError
      ? error.errors.at(-1)
      : error instanceof UnknownOutcomeError
        ? error.cause
        : undefined
  return isFastDfsError(inner) ? decisive(inner) : error
}

function isAboutFile(error: FastDfsError): boolean {
  return error instanceof InvalidArgumentError && codeOf(error) !== undefined
}

function codeOf({ cause }: FastDfsError): string | undefined {
  const { code } = (cause ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

function systemError(error: FastDfsError): readonly [number, string] | undefined {
  const code = codeOf(error) ?? ''
  const number = SYSTEM_ERRORS[code]
  return number === undefined ? RESOLVER_ERRORS[code] : [number, strerror(number)]
}

function argumentsOf(error: FastDfsError): string {
  const known = systemError(error)
  return known === undefined ? error.message : `${known[0]}, '${known[1]}'`
}

function connectionText(error: FastDfsError): string {
  const known = systemError(error)
  // A request that was made has its command in the error; without one, no connection could be made.
  if (error.command === undefined && error.endpoint !== undefined) {
    const text = error instanceof TimeoutError ? 'timed out' : (known?.[1] ?? error.reason)
    return `[-] Error: ${known === undefined ? '' : `${known[0]} `}connect to ${error.endpoint}. ${text}.`
  }
  if (error instanceof TimeoutError) return "[-] Error: while reading from socket: ('timed out',)"
  if (known === undefined) return 'Socket closed on remote end'
  const doing = codeOf(error) === 'EPIPE' ? 'writting to' : 'reading from'
  return `[-] Error: while ${doing} socket: (${known[0]}, '${known[1]}')`
}
