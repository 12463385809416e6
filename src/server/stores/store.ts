import type { MaybePromise } from '../maybe-promise.js'

/**
 * Where a storage keeps its files. A name is a logic filename with its store path, `M00/HH/HH/…`, that was checked
 * before: stores need not look at it again. Metadata is a file too, named like its file with `-m` behind it.
 */
export interface Store {
  /** Makes ready: afterwards there are `pathCount` store paths, and nothing is left of what was never finished. */
  open(pathCount: number): Promise<void>
  /** Begins a file in a store path. It has no name until it is published. */
  create(storePathIndex: number): MaybePromise<Draft>
  /** Opens a file to read, that behind a link too; undefined where there is none. */
  read(name: string): MaybePromise<StoredFile | undefined>
  /** What is known of a file, or of a link itself, without reading it; undefined where there is none. */
  stat(name: string): MaybePromise<FileStat | undefined>
  /** Opens a file to change it in place; undefined where there is none, and for a link. */
  edit(name: string): MaybePromise<Edit | undefined>
  /** Gives a file another name in the same directory, in place of what had it; false where there was none. */
  rename(from: string, to: string): MaybePromise<boolean>
  /**
   * Makes a link to a file of the same store path, in place of what had its name. The file need not be there.
   *
   * @param modifiedAt - when the link was made, in Unix seconds; now where absent
   */
  link(source: string, name: string, modifiedAt?: number): MaybePromise<void>
  /** Removes a file, or a link and not what is behind it; false where there was none. */
  remove(name: string): MaybePromise<boolean>
  /** The space of a store path. */
  space(storePathIndex: number): MaybePromise<StoreSpace>
  /** The names of all files in a store path, metadata included, as of some moment while it is read. */
  list(storePathIndex: number): AsyncIterable<string>
  /** What the storage keeps for itself. */
  readonly own: OwnFiles
}

/**
 * The storage's own files: its binlog, marks and the like, in `data` of its base path (protocol.md §4.8). A name is a
 * path below it.
 */
export interface OwnFiles {
  /** All of a small file; undefined where there is none. */
  read(name: string): MaybePromise<Buffer | undefined>
  /** Puts a small file in place of what was there: a reader sees either, never a part. */
  write(name: string, bytes: Buffer): MaybePromise<void>
  /** Removes a file; false where there was none. */
  remove(name: string): MaybePromise<boolean>
  /** The names of the files in a folder. */
  names(folder: string): MaybePromise<string[]>
  /** Opens a file that grows at its end; made where it is missing. */
  log(name: string): MaybePromise<Log>
}

/** A file that grows at its end. */
export interface Log {
  /** Bytes, those that were dropped included. */
  readonly size: number
  /** Where the bytes begin that can be read. */
  readonly start: number
  /** Adds bytes at the end, all or none of them; one call at a time. */
  append(bytes: Buffer): MaybePromise<void>
  /** Bytes from `position` on: `length` of them, or fewer at the end. */
  read(position: number, length: number): MaybePromise<Buffer>
  /** Cuts it. */
  truncate(size: number): MaybePromise<void>
  /** Nobody reads the bytes before a position any more: what is kept in memory may be freed. */
  drop(position: number): void
  /** Ends. */
  close(): MaybePromise<void>
}

/** A file in the making, seen by nobody. Ends with `publish` or `discard`. */
export interface Draft {
  /** Adds bytes; one call at a time. The chunk may be kept: it must never change. */
  write(chunk: Buffer): MaybePromise<void>
  /**
   * Gives the file its name, in place of what had it.
   *
   * @param modifiedAt - the time of its last change in Unix seconds; now where absent
   */
  publish(name: string, modifiedAt?: number): MaybePromise<void>
  /** Drops it. */
  discard(): MaybePromise<void>
}

/** A file that is being changed, one call at a time. To be closed. What was done stays when a later step fails. */
export interface Edit {
  /** Bytes, as they were when it was opened. */
  readonly size: number
  /** Puts bytes at `position`, which is at most the file's size. The chunk may be kept: it must never change. */
  write(chunk: Buffer, position: number): MaybePromise<void>
  /** Cuts the file, or adds zeros. */
  truncate(size: number): MaybePromise<void>
  /** Sets the time of its last change, in Unix seconds. */
  touch(modifiedAt: number): MaybePromise<void>
  /** Ends. */
  close(): MaybePromise<void>
}

/** Size and age of a file. */
export interface FileStat {
  /** Bytes; none for a link. */
  readonly size: number
  /** Unix seconds of the last change. */
  readonly modifiedAt: number
  /** Of a link: the name of the file that it stands for. */
  readonly source?: string | undefined
}

/** A file that is open. To be ended by either `content` or `close`. */
export interface StoredFile extends FileStat {
  /** A range of its bytes, which must lie within it; see `ContentReply` for how long a chunk is valid. */
  content(offset: number, length: number): MaybePromise<Buffer | AsyncIterable<Buffer>>
  /** Ends without reading. */
  close(): MaybePromise<void>
}

/** Bytes in all, and bytes free. */
export interface StoreSpace {
  readonly total: number
  readonly free: number
}
