import { close, fstat, open, read, write } from 'node:fs'
import { connect } from 'node:net'
import type { OnReadOpts, Socket } from 'node:net'
import { promisify } from 'node:util'
import type { RawConnection } from './raw-connection.js'
import { bodyLength, HEADER_SIZE } from './raw-connection.js'
import type { Place } from './raw-packets.js'

/** The fastest way found for each direction (performance.md §4a, §4b). */

const BLOCK_SIZE = 1024 * 1024
/** Stays in the processor's cache: the fastest for bytes that nobody wants. */
const DISCARD_SIZE = 64 * 1024

const openFile = promisify(open)
const closeFile = promisify(close)

/** Sends a file from a ring of two blocks: one is read while the other is on its way. */
export async function sendPath(
  connection: RawConnection,
  path: string,
  head: (size: number) => Buffer,
): Promise<Buffer> {
  const file = await openFile(path, 'r')
  const { size } = await promisify(fstat)(file)
  const ring = [Buffer.allocUnsafeSlow(BLOCK_SIZE), Buffer.allocUnsafeSlow(BLOCK_SIZE)]
  const response = connection.request(head(size))
  let written: Promise<void> = Promise.resolve()
  for (let position = 0, turn = 0; position < size; turn = 1 - turn) {
    const block = ring[turn] as Buffer
    const bytesRead = await new Promise<number>((resolve, reject) =>
      read(file, block, 0, BLOCK_SIZE, position, (error, count) => (error ? reject(error) : resolve(count))),
    )
    position += bytesRead
    await written
    written = connection.write(bytesRead === BLOCK_SIZE ? block : block.subarray(0, bytesRead))
  }
  await written
  const body = await response
  await closeFile(file)
  return body
}

/** Counts what arrives and drops it. */
export function receiveDiscarded(place: Place, request: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.allocUnsafeSlow(DISCARD_SIZE)
    let total = -1
    let seen = 0
    const socket = begin(place, request, reject, {
      buffer,
      callback: (count) => {
        seen += count
        if (total < 0 && seen >= HEADER_SIZE) total = totalOf(buffer)
        if (seen === total) {
          socket.destroy()
          resolve(total - HEADER_SIZE)
        }
        return true
      },
    })
  })
}

/** Receives straight into a ring of two blocks: one is written to the file while the other fills. */
export async function receiveToPath(place: Place, request: Buffer, path: string): Promise<number> {
  const file = await openFile(path, 'w')
  const size = await new Promise<number>((resolve, reject) => {
    const ring = [Buffer.allocUnsafeSlow(BLOCK_SIZE), Buffer.allocUnsafeSlow(BLOCK_SIZE)]
    const current = (): Buffer => ring[turn] as Buffer
    let turn = 0
    /** Where the content begins in the current block: in the first one, behind the header. */
    let start = HEADER_SIZE
    let filled = 0
    let position = 0
    let total = -1
    let seen = 0
    let isWriting = false
    /** The current block is full or the last, and the other one is still being written. */
    let isWaiting = false
    const flush = (): void => {
      const count = filled - start
      isWriting = true
      write(file, current(), start, count, position, (error, written) => {
        isWriting = false
        if (error !== null || written !== count) return reject(error ?? new Error('short write'))
        if (isWaiting) {
          isWaiting = false
          flush()
          socket.resume()
        } else if (seen === total) {
          socket.destroy()
          resolve(total - HEADER_SIZE)
        }
      })
      position += count
      start = 0
      filled = 0
      turn = 1 - turn
    }
    const socket = begin(place, request, reject, {
      // Asked for after every read; while waiting, nothing is read before the other block is free.
      buffer: () => (isWaiting ? (ring[1 - turn] as Buffer) : current().subarray(filled)),
      callback: (count) => {
        seen += count
        filled += count
        if (total < 0 && seen >= HEADER_SIZE) total = totalOf(current())
        if (filled < BLOCK_SIZE && seen !== total) return true
        if (isWriting) isWaiting = true
        else flush()
        return !isWaiting
      },
    })
  })
  await closeFile(file)
  return size
}

function begin(place: Place, request: Buffer, reject: (error: Error) => void, onread: OnReadOpts): Socket {
  const socket = connect({ ...place, noDelay: true, onread })
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('connection closed')))
  socket.write(request)
  return socket
}

/** Bytes of the whole response. */
function totalOf(start: Buffer): number {
  const status = start[9] as number
  if (status !== 0) throw new Error(`status ${status}`)
  return HEADER_SIZE + bodyLength(start)
}
