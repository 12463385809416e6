/** What the handler serves from: a cluster through a client, or the storage that it belongs to. */
import type { FileUrl } from './url.js'

/** Where a handler gets files from. */
export interface FileStore {
  /**
   * Finds a file. What it throws is mapped to a status.
   *
   * @param url - what the request asks for; a token in it is right
   * @param signal - is aborted when the client leaves
   * @returns undefined where there is none
   */
  open(url: FileUrl, signal: AbortSignal): Promise<ServedFile | FileElsewhere | undefined>
}

/** A file that can be read. It holds nothing that would have to be closed. */
export interface ServedFile {
  /** Bytes. */
  readonly size: number
  /** The last change: `Last-Modified`, which tells whole seconds. */
  readonly modifiedAt: Date
  /** Of the content or, like the time and the size, of something that is another one when the content is. */
  readonly crc32?: number | undefined
  /** The name that the file had before it was uploaded. */
  readonly filename?: string | undefined
  /** Tells whether the file is there, before an answer that reads none of it. Absent: opening it has told. */
  exists?(signal: AbortSignal): Promise<boolean>
  /**
   * Reads a part, which lies within the file. A reader that ends early says so by `return`, as `for await` does.
   *
   * @param signal - ends the reading with an error
   */
  read(offset: number, length: number, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** A file that has not arrived here yet, and where it comes from (protocol.md §8.5). */
export interface FileElsewhere {
  /** The HTTP server of the storage that took it, as `http://host:port`; undefined where it is not known. */
  readonly source: string | undefined
  /** Whether the client is sent there, or what is there is handed on. */
  readonly mode: 'redirect' | 'proxy'
}
