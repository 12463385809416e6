import { createHash, timingSafeEqual } from 'node:crypto'
import { InvalidArgumentError } from '../errors.js'
import { splitFileId } from '../file-id/index.js'

/** What a token is made with. */
export interface TokenOptions {
  /** The key that is shared with the web servers, 1 to 128 bytes in UTF-8: `http.anti_steal.secret_key`. */
  readonly secret: string
  /** When the token was made, in whole Unix seconds up to 2 147 483 647; 0 makes one that never expires. */
  readonly timestamp: number
}

/** What a token is checked with. */
export interface VerifyOptions {
  /** The key that is shared with whoever makes tokens, 1 to 128 bytes in UTF-8. */
  readonly secret: string
  /** How long a token is valid, in milliseconds. @defaultValue 600 000, as `http.anti_steal.token_ttl` */
  readonly ttl?: number | undefined
  /** How far the clock of whoever makes tokens may be behind this one, in milliseconds. @defaultValue 0 */
  readonly clockSkew?: number | undefined
}

/** A token as it stands in a URL. */
export interface GivenToken {
  /** 32 lower-case hex digits; undefined where there is none. */
  readonly token: string | undefined
  /** The Unix seconds that came with it; undefined where there are none. */
  readonly timestamp: number | undefined
}

/** Milliseconds that a token is valid for, unless an option says else (protocol.md §8.3). */
const TTL = 600_000
/** nginx's module reads timestamps into a C `int`. */
const MAX_TIMESTAMP = 0x7fffffff
const MAX_SECRET = 128

/**
 * The token that nginx's FastDFS module asks for: MD5 of the file's name without its group, the secret and the
 * timestamp (protocol.md §8.4).
 *
 * @param fileId - a file ID, also with a leading slash, or the URL of the file
 * @returns 32 lower-case hex digits
 * @throws InvalidFileIdError when it is no file ID
 * @throws InvalidArgumentError for a secret or timestamp out of its range
 * @example
 * antiStealToken('group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt', { secret: 'FastDFS1234567890', timestamp: 1700000000 })
 * // 'aba3c8b1c8a3b0beba8a03cc7b07e5f9'
 */
export function antiStealToken(fileId: string, { secret, timestamp }: TokenOptions): string {
  checkSecret(secret)
  if (!isTimestamp(timestamp)) {
    throw new InvalidArgumentError(
      `timestamp must be whole Unix seconds from 0 to ${MAX_TIMESTAMP}, not ${String(timestamp)}`,
    )
  }
  return hash(splitFileId(fileId).name, secret, timestamp)
}

/**
 * Whether a token is the file's and has not expired, by the rules of nginx's module (protocol.md §8.4): a timestamp of 0
 * never expires, one in the future counts as fresh. The comparison takes the same time wherever tokens differ.
 *
 * @param fileId - a file ID, also with a leading slash, or the URL of the file
 * @param given - what came with the request; anything that is no token is false
 * @throws InvalidFileIdError when it is no file ID
 * @throws InvalidArgumentError for an option out of its range
 * @example
 * const { id, token, timestamp } = parseFileUrl(request.url)
 * if (!verifyToken(id, { token, timestamp }, { secret })) response.writeHead(400).end()
 */
export function verifyToken(fileId: string, given: GivenToken, options: VerifyOptions): boolean {
  const { secret, ttl = TTL, clockSkew = 0 } = options
  const { token, timestamp } = given
  const { name } = splitFileId(fileId)
  checkSecret(secret)
  checkTime(ttl, 'ttl')
  checkTime(clockSkew, 'clockSkew')
  if (typeof token !== 'string' || token.length !== 32 || !isTimestamp(timestamp)) return false
  const age = Math.floor(Date.now() / 1000) - timestamp
  if (timestamp !== 0 && age * 1000 > ttl + clockSkew) return false
  return isSameText(token, hash(name, secret, timestamp))
}

/** Compares texts in a time that does not depend on where they differ. */
export function isSameText(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

/**
 * Refuses what is no secret.
 *
 * @throws InvalidArgumentError that does not show it
 */
export function checkSecret(secret: unknown): void {
  const size = typeof secret === 'string' ? Buffer.byteLength(secret) : 0
  if (size < 1 || size > MAX_SECRET) {
    throw new InvalidArgumentError(
      `secret must be a text of 1 to ${MAX_SECRET} bytes, not ${typeof secret === 'string' ? `${size} bytes` : typeof secret}`,
    )
  }
}

/** Refuses what is no number of milliseconds from 0 on. */
export function checkTime(value: unknown, name: string): void {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new InvalidArgumentError(`${name} must be a number of milliseconds from 0 on, not ${String(value)}`)
  }
}

function isTimestamp(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_TIMESTAMP
}

function hash(name: string, secret: string, timestamp: number): string {
  return createHash('md5').update(`${name}${secret}${timestamp}`).digest('hex')
}

/** As many bytes for every text. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
