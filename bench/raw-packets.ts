import { METADATA } from './client.js'
import { HEADER_SIZE } from './raw-connection.js'

/** The packets of protocol.md §2 and §3, by hand: what a program that knows only these would write. */

const GROUP_SIZE = 16
export const QUERY_STORE = 101
export const QUERY_FETCH = 102
export const QUERY_UPDATE = 103
export const DELETE_FILE = 12
export const GET_METADATA = 15
export const FILE_INFO = 22

export interface Place {
  readonly host: string
  readonly port: number
}

const metadata = METADATA.map(([name, value]) => `${name}\x02${value}`).join('\x01')

/** A header, and room for `size` bytes of a body whose length is `length`. */
function packet(command: number, size: number, length = size): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_SIZE + size)
  writeNumber(bytes, length, 0)
  bytes[8] = command
  bytes[9] = 0
  return bytes
}

function writeNumber(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset)
  bytes.writeUInt32BE(value >>> 0, offset + 4)
}

/** The group padded with zeros, then the name. */
function writeFile(bytes: Buffer, id: string, offset: number): void {
  const slash = id.indexOf('/')
  bytes.fill(0, offset, offset + GROUP_SIZE)
  bytes.write(id.slice(0, slash), offset, 'latin1')
  bytes.write(id.slice(slash + 1), offset + GROUP_SIZE, 'latin1')
}

const nameSize = (id: string): number => id.length - id.indexOf('/') - 1

/** `host:port`. */
export function placeOf(text: string): Place {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

export function activeTest(): Buffer {
  return packet(111, 0)
}

export function queryStore(): Buffer {
  return packet(QUERY_STORE, 0)
}

/** A request whose body is a group and a name. */
export function aboutFile(command: number, id: string): Buffer {
  const bytes = packet(command, GROUP_SIZE + nameSize(id))
  writeFile(bytes, id, HEADER_SIZE)
  return bytes
}

/** The head of an upload with the extension `bin`. */
export function uploadHead(storePathIndex: number, size: number): Buffer {
  const bytes = packet(11, 15, 15 + size)
  bytes[10] = storePathIndex
  writeNumber(bytes, size, 11)
  bytes.write('bin\0\0\0', 19, 'latin1')
  return bytes
}

export function download(id: string): Buffer {
  const bytes = packet(14, 16 + GROUP_SIZE + nameSize(id))
  bytes.fill(0, HEADER_SIZE, HEADER_SIZE + 16)
  writeFile(bytes, id, HEADER_SIZE + 16)
  return bytes
}

export function setMetadata(id: string): Buffer {
  const length = nameSize(id)
  const bytes = packet(13, 17 + GROUP_SIZE + length + metadata.length)
  writeNumber(bytes, length, HEADER_SIZE)
  writeNumber(bytes, metadata.length, HEADER_SIZE + 8)
  bytes.write('O', HEADER_SIZE + 16, 'latin1')
  writeFile(bytes, id, HEADER_SIZE + 17)
  bytes.write(metadata, bytes.length - metadata.length, 'latin1')
  return bytes
}

export function countMetadata(body: Buffer): number {
  return body.toString('latin1').split('\x01').length
}

/** The storage in a tracker's answer; `behind` bytes follow the port. The address has what is left of the length. */
export function readPlace(body: Buffer, behind: number): Place {
  const port = body.length - behind - 8
  return { host: textOf(body, GROUP_SIZE, port), port: body.readUInt32BE(port + 4) }
}

export function readFileId(body: Buffer): string {
  return `${textOf(body, 0, GROUP_SIZE)}/${body.toString('latin1', GROUP_SIZE)}`
}

/** The head of a response with status 0. */
export function header(length: number): Buffer {
  return packet(100, 0, length)
}

/** A tracker's answer: a storage of group1, and for an upload its store path. */
export function place(host: string, port: number, forUpload: boolean): Buffer {
  const bytes = packet(100, GROUP_SIZE + 23 + (forUpload ? 1 : 0)).fill(0, HEADER_SIZE)
  bytes.write('group1', HEADER_SIZE, 'latin1')
  bytes.write(host, HEADER_SIZE + GROUP_SIZE, 'latin1')
  writeNumber(bytes, port, HEADER_SIZE + GROUP_SIZE + 15)
  return bytes
}

/** A storage's answer to an upload. */
export function fileName(id: string): Buffer {
  const bytes = packet(100, GROUP_SIZE + nameSize(id))
  writeFile(bytes, id, HEADER_SIZE)
  return bytes
}

function textOf(body: Buffer, start: number, end: number): string {
  const zero = body.indexOf(0, start)
  return body.toString('latin1', start, zero < 0 || zero > end ? end : zero)
}
