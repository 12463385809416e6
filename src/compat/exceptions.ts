/** The exceptions of fdfs_client-py. Its callers tell them apart by class and text; they have no code. */

/**
 * The base of what `fastdfs/compat` throws.
 *
 * @example
 * ```ts
 * try {
 *   await client.delete_file(id)
 * } catch (error) {
 *   if (error instanceof DataError) console.log(error.message) // Error: 2, No such file or directory
 * }
 * ```
 */
export class FDFSError extends Error {
  /** The class's name, as Python has it. */
  override readonly name: string = 'FDFSError'

  /**
   * @param message - word for word what fdfs_client-py says
   * @param options - `cause`: the error of `fastdfs` that led to it, with code, endpoint and what to do about it. An
   *   addition: Python's exceptions hold a text only
   */
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
  }
}

/** A server could not be reached, or the connection to it was lost. */
export class ConnectionError extends FDFSError {
  override readonly name = 'ConnectionError'
}

/** A server's answer could not be understood. */
export class ResponseError extends FDFSError {
  override readonly name = 'ResponseError'
}

/** Never thrown, as in Python; spelled as there. */
export class InvaildResponse extends FDFSError {
  override readonly name = 'InvaildResponse'
}

/** A server refused a request, or an argument or local file is wrong. */
export class DataError extends FDFSError {
  override readonly name = 'DataError'
}

/** A configuration file lacks what is needed: Python's `configparser.NoOptionError`. No {@link FDFSError}, as there. */
export class NoOptionError extends Error {
  /** The class's name, as Python has it. */
  override readonly name = 'NoOptionError'
  /** The name that is missing. */
  readonly option: string

  /** The message is that of Python, whose parser calls the file's only section `__config__`. */
  constructor(option: string, options?: { cause?: unknown }) {
    super(`No option '${option}' in section: '__config__'`, options)
    this.option = option
  }
}
