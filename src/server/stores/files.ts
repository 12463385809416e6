/**
 * File system calls. What ends in the system's caches, and moves no more than a small file, blocks for some 2 µs: a hop
 * to a thread and back takes five times as much of this thread, and a small file needs four (docs/design.md). What may
 * wait for a disk, reading and writing much, does not block; for that callbacks take a third of the CPU of
 * `fs/promises`.
 */
import * as fs from 'node:fs'
import { ConfigError } from '../../errors.js'

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void

function promised<T>(call: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    call((error, value) => (error === null ? resolve(value) : reject(error))),
  )
}

/** Opens a file, as `fs.open` does. */
export function open(path: string, flags: string): number {
  return fs.openSync(path, flags)
}

/** Closes a file. */
export function close(fd: number): void {
  fs.closeSync(fd)
}

/** Writes all of some chunks. */
export async function writeAll(fd: number, chunks: readonly Buffer[], position: number): Promise<void> {
  const written = await promised<number>((callback) => fs.writev(fd, chunks, position, callback))
  let end = 0
  // A disk that is filling up takes a part: the rest, chunk by chunk, tells the reason.
  for (const chunk of chunks) {
    const start = end
    end += chunk.length
    if (end > written) await writeRest(fd, chunk, Math.max(0, written - start), position + start)
  }
}

async function writeRest(fd: number, chunk: Buffer, from: number, position: number): Promise<void> {
  for (let done = from; done < chunk.length;) {
    done += await promised<number>((callback) =>
      fs.write(fd, chunk, done, chunk.length - done, position + done, callback),
    )
  }
}

/** Fills a buffer from a file. */
export async function readAll(fd: number, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length;) {
    const read = await promised<number>((callback) =>
      fs.read(fd, target, done, target.length - done, position + done, callback),
    )
    if (read === 0) throw new Error('a file became shorter while it was read')
    done += read
  }
}

/** Fills a small buffer from a file. */
export function readSmall(fd: number, target: Buffer, position: number): void {
  for (let done = 0; done < target.length;) {
    const read = fs.readSync(fd, target, done, target.length - done, position + done)
    if (read === 0) throw new Error('a file became shorter while it was read')
    done += read
  }
}

/** Cuts a file, or adds zeros. */
export function truncate(fd: number, size: number): Promise<void> {
  return promised((callback) => fs.ftruncate(fd, size, callback))
}

/** Writes all of some chunks that are few and small. */
export function writeSmall(fd: number, chunks: readonly Buffer[], position: number): void {
  let at = position
  for (const chunk of chunks) {
    // A disk that is filling up takes a part: the rest tells the reason.
    for (let done = 0; done < chunk.length;) {
      const written = fs.writeSync(fd, chunk, done, chunk.length - done, at)
      done += written
      at += written
    }
  }
}

/** Sets the time of the last change of an open file, in Unix seconds. */
export function touch(fd: number, modifiedAt: number): void {
  fs.futimesSync(fd, modifiedAt, modifiedAt)
}

/** Reads up to as many bytes as the target holds; returns how many came. */
export async function readUpTo(fd: number, target: Buffer, position: number): Promise<number> {
  let done = 0
  while (done < target.length) {
    const read = await promised<number>((callback) =>
      fs.read(fd, target, done, target.length - done, position + done, callback),
    )
    if (read === 0) break
    done += read
  }
  return done
}

/** All of a small file; undefined where there is none. */
export async function readFile(path: string): Promise<Buffer | undefined> {
  try {
    return await promised<Buffer>((callback) => fs.readFile(path, callback))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Writes a small file. */
export function writeFile(path: string, bytes: Buffer): void {
  fs.writeFileSync(path, bytes)
}

/** The entries of a folder. */
export function entries(path: string): Promise<fs.Dirent[]> {
  return promised((callback) => fs.readdir(path, { withFileTypes: true }, callback))
}

/** What is known of an open file. */
export function statOpen(fd: number): fs.Stats {
  return fs.fstatSync(fd)
}

/** What is known of a file, or of a link itself; undefined where there is none. */
export function stat(path: string): fs.Stats | undefined {
  return fs.lstatSync(path, { throwIfNoEntry: false })
}

/** Moves a file. */
export function rename(from: string, to: string): void {
  fs.renameSync(from, to)
}

/** Makes a symbolic link. */
export function link(target: string, path: string): void {
  fs.symlinkSync(target, path, 'file')
}

/** Where a symbolic link leads. */
export function targetOf(path: string): string {
  return fs.readlinkSync(path)
}

/** Sets the time of the last change of a symbolic link, in Unix seconds. */
export function touchLink(path: string, modifiedAt: number): void {
  fs.lutimesSync(path, modifiedAt, modifiedAt)
}

/** Removes a file; false where there was none. */
export function remove(path: string): boolean {
  return succeeds(() => fs.unlinkSync(path))
}

/** Makes a folder and those above it. */
export function makeFolder(path: string): void {
  fs.mkdirSync(path, { recursive: true })
}

/**
 * Makes a folder that somebody has named, and those above it, where they are missing.
 *
 * @throws ConfigError when that is not possible, or nothing can be read or written there
 */
export function makeNamedFolder(path: string): void {
  try {
    makeFolder(path)
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ConfigError(
      `files cannot be kept in ${path} (${code}): name a folder that can be made, read and written`,
      { cause },
    )
  }
}

/** Removes a folder with all that it holds. */
export function removeFolder(path: string): Promise<void> {
  return promised((callback) => fs.rm(path, { recursive: true, force: true }, callback))
}

/** Bytes of the file system that holds a folder. */
export async function space(path: string): Promise<{ total: number; free: number }> {
  const { bsize, blocks, bavail } = await promised<fs.StatsFs>((callback) => fs.statfs(path, callback))
  return { total: bsize * blocks, free: bsize * bavail }
}

/** Undefined in place of the error that says that there is no such file. */
export function unlessMissing<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Whether a call finds its file. */
export function succeeds(call: () => void): boolean {
  return (
    unlessMissing(() => {
      call()
      return true
    }) ?? false
  )
}

/** Whether an error says that a file or a folder on the way to it is not there. */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
