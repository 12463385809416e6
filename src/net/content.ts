import type { FastDfsError } from '../errors.js'

/** The content of a request, written piece by piece. */
export interface ContentSource {
  /** Bytes in all. */
  readonly size: number
  /** Gives all of it, where it is in memory and can be written at once: in the place of `send`. */
  readonly take?: (() => Uint8Array) | undefined
  /**
   * Gives the content to `write`, whose promise settles when the buffer may be used again. Gives exactly `size` bytes,
   * the last of them only when it is certain that no more will come, or rejects; stops when `write` rejects.
   */
  send(write: (chunk: Uint8Array) => Promise<void>): Promise<void>
}

/** What takes the content of a response. */
export interface ContentSink {
  /** The content has `size` bytes; none of them is here yet. An error thrown here ends the request. */
  start(size: number, flow: ContentFlow): void
  /**
   * Room for the next bytes, so that they need not be copied there: what {@link ContentSink.write} is given then lies at
   * its start. Asked for before each read while many bytes are still to come; not of every connection.
   *
   * @param missing - how many that are; room for fewer will do
   */
  space?(missing: number): Uint8Array | undefined
  /**
   * The next bytes, in a buffer that is used again afterwards. Answer false to be given no more until
   * {@link ContentFlow.resume}.
   */
  write(chunk: Buffer): boolean
}

/** By which a sink steers what it is given. */
export interface ContentFlow {
  /** Goes on after `write` answered false. */
  resume(): void
  /** Ends the request with `error`. */
  fail(error: FastDfsError): void
}
