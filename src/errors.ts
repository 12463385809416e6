/** Every error class of this package, its code, and the status numbers that servers answer with. */

/** One code for each class; the table that ties them together. */
export const ERROR_CODES = {
  FastDfsError: 'FDFS_ERROR',
  ConfigError: 'FDFS_CONFIG',
  InvalidArgumentError: 'FDFS_INVALID_ARGUMENT',
  InvalidFileIdError: 'FDFS_INVALID_FILE_ID',
  ConnectError: 'FDFS_CONNECT',
  TimeoutError: 'FDFS_TIMEOUT',
  AbortError: 'FDFS_ABORTED',
  ClosedError: 'FDFS_CLOSED',
  PoolTimeoutError: 'FDFS_POOL_TIMEOUT',
  ProtocolError: 'FDFS_PROTOCOL',
  LocalIoError: 'FDFS_LOCAL_IO',
  ServerError: 'FDFS_SERVER',
  FileNotFoundError: 'FDFS_FILE_NOT_FOUND',
  FileExistsError: 'FDFS_FILE_EXISTS',
  NoSpaceError: 'FDFS_NO_SPACE',
  NotSupportedError: 'FDFS_NOT_SUPPORTED',
  IntegrityError: 'FDFS_INTEGRITY',
  UnknownOutcomeError: 'FDFS_UNKNOWN_OUTCOME',
  RetryError: 'FDFS_RETRY',
} as const

/** The name of an error class of this package. */
export type ErrorName = keyof typeof ERROR_CODES
/** The value of `error.code`. */
export type ErrorCode = (typeof ERROR_CODES)[ErrorName]

/**
 * How far a request had come when it failed: `connect`: there was no connection for it yet, so nothing was sent;
 * `send`: not all of it was sent; `answer`: all of it was sent, and possibly carried out.
 */
export type RequestPhase = 'connect' | 'send' | 'answer'

/** Where an error happened, as far as it is known. */
export interface ErrorDetails {
  /** What led to this error: a system error, the reason of an aborted signal, an earlier error. */
  cause?: unknown
  /** The command's name as in `fastdfs/protocol`, for example `uploadFile`. */
  command?: string | undefined
  /** The server as `host:port` (`[host]:port` for IPv6). */
  endpoint?: string | undefined
  /** The file ID the call was about. */
  fileId?: string | undefined
  /** The status byte of the answer, a Linux errno number. */
  status?: number | undefined
  /** How far the request had come. */
  phase?: RequestPhase | undefined
  /** True when the same call may succeed if it is made again. */
  retriable?: boolean | undefined
}

const brand = (name: string): symbol => Symbol.for(`fastdfs.error.${name}`)

/**
 * The base of all errors of this package.
 *
 * `instanceof` works across the ESM and the CJS copy of the package and across realms (jest runs tests in one):
 * it looks for a mark under a registered symbol, not for the prototype.
 */
export class FastDfsError extends Error {
  /** The class's name; a literal, since bundlers rename classes. */
  static readonly errorName: ErrorName = 'FastDfsError'
  /** The class's name. */
  override readonly name: ErrorName
  /** The message without command, endpoint and file ID. */
  readonly reason: string
  /** One code for each class, see {@link ERROR_CODES}. */
  readonly code: ErrorCode
  /** The command's name as in `fastdfs/protocol`. */
  readonly command: string | undefined
  /** The server as `host:port`. */
  readonly endpoint: string | undefined
  /** The file ID the call was about. */
  readonly fileId: string | undefined
  /** The status byte that the server answered with. */
  readonly status: number | undefined
  /** How far the request had come; absent where the error is about none. */
  readonly phase: RequestPhase | undefined
  /** True when the same call may succeed if it is made again. */
  readonly retriable: boolean

  /** Appends the command, endpoint and file ID of `details` to `message`. */
  constructor(message: string, details: ErrorDetails = {}) {
    super(withPlace(message, details), details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.errorName
    this.reason = message
    this.code = ERROR_CODES[this.name]
    this.command = details.command
    this.endpoint = details.endpoint
    this.fileId = details.fileId
    this.status = details.status
    this.phase = details.phase
    this.retriable = details.retriable ?? false
  }

  static {
    markClass(this)
  }

  /** See the class's description. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class that a user derives from ours has no mark of its own and is told by its prototype as usual.
    if (!Object.hasOwn(this, 'errorName')) return Function.prototype[Symbol.hasInstance].call(this, value)
    return (
      typeof value === 'object' &&
      value !== null &&
      (value as Record<symbol, unknown>)[brand(this.errorName)] === true
    )
  }
}

function markClass(target: typeof FastDfsError): void {
  Object.defineProperty(target.prototype, brand(target.errorName), { value: true })
}

function withPlace(message: string, { command, endpoint, fileId }: ErrorDetails): string {
  const place = [command, endpoint && `at ${endpoint}`, fileId && `for ${fileId}`].filter(Boolean).join(' ')
  return place === '' ? message : `${message} (${place})`
}

/** An option, a `client.conf` or an environment variable is wrong. Nothing was sent. */
export class ConfigError extends FastDfsError {
  static override readonly errorName: ErrorName = 'ConfigError'
  static {
    markClass(this)
  }
}

/** An argument of a call is wrong. Nothing was sent. */
export class InvalidArgumentError extends FastDfsError {
  static override readonly errorName: ErrorName = 'InvalidArgumentError'
  static {
    markClass(this)
  }
}

/** A text is not a FastDFS file ID. Nothing was sent. */
export class InvalidFileIdError extends InvalidArgumentError {
  static override readonly errorName: ErrorName = 'InvalidFileIdError'
  static {
    markClass(this)
  }
}

/** A connection could not be made, or was lost. */
export class ConnectError extends FastDfsError {
  static override readonly errorName: ErrorName = 'ConnectError'
  static {
    markClass(this)
  }
}

/** A time limit passed: while connecting, without a byte moving, or for the whole call. */
export class TimeoutError extends FastDfsError {
  static override readonly errorName: ErrorName = 'TimeoutError'
  static {
    markClass(this)
  }
}

/** The caller's signal was aborted; `cause` is the signal's reason. */
export class AbortError extends FastDfsError {
  static override readonly errorName: ErrorName = 'AbortError'
  static {
    markClass(this)
  }
}

/** The client was closed before or during the call. */
export class ClosedError extends FastDfsError {
  static override readonly errorName: ErrorName = 'ClosedError'
  static {
    markClass(this)
  }
}

/** No connection became free in time, or too many callers were waiting for one. */
export class PoolTimeoutError extends FastDfsError {
  static override readonly errorName: ErrorName = 'PoolTimeoutError'
  static {
    markClass(this)
  }
}

/** A peer sent bytes that the protocol does not allow. The connection they came from was destroyed. */
export class ProtocolError extends FastDfsError {
  static override readonly errorName: ErrorName = 'ProtocolError'
  static {
    markClass(this)
  }
}

/** Reading the source or writing the sink failed on this side after the transfer began; `cause` is the system's error. */
export class LocalIoError extends FastDfsError {
  static override readonly errorName: ErrorName = 'LocalIoError'
  static {
    markClass(this)
  }
}

/** A server answered with a status other than 0. */
export class ServerError extends FastDfsError {
  static override readonly errorName: ErrorName = 'ServerError'
  static {
    markClass(this)
  }
}

/** Status 2: no such file, metadata, group or storage, or no server that could take the request. */
export class FileNotFoundError extends ServerError {
  static override readonly errorName: ErrorName = 'FileNotFoundError'
  static {
    markClass(this)
  }
}

/** Status 17: the file exists already. */
export class FileExistsError extends ServerError {
  static override readonly errorName: ErrorName = 'FileExistsError'
  static {
    markClass(this)
  }
}

/** Status 28: no space left, or the reserved space is reached. */
export class NoSpaceError extends ServerError {
  static override readonly errorName: ErrorName = 'NoSpaceError'
  static {
    markClass(this)
  }
}

/** Status 95: this server does not do that, or not in its configuration. */
export class NotSupportedError extends ServerError {
  static override readonly errorName: ErrorName = 'NotSupportedError'
  static {
    markClass(this)
  }
}

/** Size or CRC32 of what was transferred is not what it should be. */
export class IntegrityError extends FastDfsError {
  static override readonly errorName: ErrorName = 'IntegrityError'
  static {
    markClass(this)
  }
}

/**
 * The request was sent whole and its answer lost: it may or may not have been carried out. The message says what may
 * exist now; `fileId` is its file ID where that is known. `cause` tells how the answer was lost.
 */
export class UnknownOutcomeError extends FastDfsError {
  static override readonly errorName: ErrorName = 'UnknownOutcomeError'
  static {
    markClass(this)
  }
}

/** All attempts failed. `cause` is the last error, `errors` holds all of them in order; none of them is a RetryError. */
export class RetryError extends FastDfsError {
  static override readonly errorName: ErrorName = 'RetryError'
  static {
    markClass(this)
  }
  /** Every error there was, first to last: of an attempt that asked several servers, one for each. */
  readonly errors: readonly FastDfsError[]

  /** `details.errors` are the errors there were, the last of them is the cause; those of a RetryError count singly. */
  constructor(message: string, details: ErrorDetails & { errors: readonly FastDfsError[] }) {
    const errors = details.errors.flatMap((error) => (error instanceof RetryError ? error.errors : [error]))
    super(message, { ...details, cause: errors.at(-1) })
    this.errors = errors
  }
}

/**
 * The same error, knowing more about where it happened. What it knew already stays.
 *
 * @param reason - what it says instead
 */
export function locateError(
  error: FastDfsError,
  place: Omit<ErrorDetails, 'cause'>,
  reason = error.reason,
): FastDfsError {
  const known: ErrorDetails = {
    cause: error.cause,
    command: error.command ?? place.command,
    endpoint: error.endpoint ?? place.endpoint,
    fileId: error.fileId ?? place.fileId,
    status: error.status ?? place.status,
    phase: error.phase ?? place.phase,
    retriable: place.retriable ?? error.retriable,
  }
  const located =
    error instanceof RetryError
      ? new RetryError(reason, { ...known, errors: error.errors })
      : new CLASSES[error.name](reason, known)
  if (error.stack !== undefined) located.stack = error.stack.replace(error.message, () => located.message)
  return located
}

/** Every class that is made from a message and details alone, by name. */
const CLASSES: Record<ErrorName, new (message: string, details: ErrorDetails) => FastDfsError> = {
  FastDfsError,
  ConfigError,
  InvalidArgumentError,
  InvalidFileIdError,
  ConnectError,
  TimeoutError,
  AbortError,
  ClosedError,
  PoolTimeoutError,
  ProtocolError,
  LocalIoError,
  ServerError,
  FileNotFoundError,
  FileExistsError,
  NoSpaceError,
  NotSupportedError,
  IntegrityError,
  UnknownOutcomeError,
  RetryError: FastDfsError,
}

/** The status numbers in use (protocol.md §1.4): Linux errno values, whatever the client's platform. */
export const STATUS = {
  OK: 0,
  ENOENT: 2,
  EIO: 5,
  EAGAIN: 11,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  ENAMETOOLONG: 36,
  ENONET: 64,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  EALREADY: 114,
} as const

const STATUS_TEXT: Readonly<Record<number, string>> = {
  [STATUS.EIO]: 'disk error on the server',
  [STATUS.EAGAIN]: 'the server is busy, try again',
  [STATUS.EACCES]: 'not allowed on this connection',
  [STATUS.EFAULT]: 'bad state',
  [STATUS.EBUSY]: 'busy',
  [STATUS.EEXIST]: 'exists already',
  [STATUS.EISDIR]: 'not a regular file',
  [STATUS.EINVAL]: 'the server refused the request as invalid',
  [STATUS.ENOSPC]: 'not enough free space',
  [STATUS.ENAMETOOLONG]: 'name too long',
  [STATUS.ENONET]: 'the storage is not active',
  [STATUS.EOPNOTSUPP]: 'not supported by this server or its configuration',
  [STATUS.ETIMEDOUT]: 'timed out on the server',
  [STATUS.EALREADY]: 'done already',
}

const STATUS_NAME = new Map<number, string>(Object.entries(STATUS).map(([name, number]) => [number, name]))

/**
 * The error for a status other than 0.
 *
 * @param status - the status byte of a response header
 * @param details - the command, endpoint and file ID of the request
 * @param notFound - what status 2 says in answer to the command
 */
export function statusToError(
  status: number,
  details: ErrorDetails = {},
  notFound = 'not found',
): ServerError {
  const meaning =
    status === STATUS.ENOENT ? notFound : (STATUS_TEXT[status] ?? 'the server answered with an error')
  const text = `${meaning}: status ${status}${STATUS_NAME.has(status) ? ` ${STATUS_NAME.get(status)}` : ''}`
  const all = { ...details, status, retriable: status === STATUS.EAGAIN || status === STATUS.EBUSY }
  switch (status) {
    case STATUS.ENOENT:
      return new FileNotFoundError(text, all)
    case STATUS.EEXIST:
      return new FileExistsError(text, all)
    case STATUS.ENOSPC:
      return new NoSpaceError(text, all)
    case STATUS.EOPNOTSUPP:
      return new NotSupportedError(text, all)
    default:
      return new ServerError(text, all)
  }
}

/** Whether a value is an error of this package, from whichever copy of it. */
export function isFastDfsError(value: unknown): value is FastDfsError {
  return value instanceof FastDfsError
}
