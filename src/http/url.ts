import { InvalidArgumentError, InvalidFileIdError } from '../errors.js'
import { splitFileId } from '../file-id/index.js'
import { antiStealToken } from './token.js'

/** What the URL of a file is made with. */
export interface FileUrlOptions {
  /**
   * What stands in front of the file ID: `http://host:8888`, `https://cdn.example.org/files`, or a path on the same
   * site, `/files`.
   */
  readonly base: string
  /** The name to save the file under. */
  readonly filename?: string | undefined
  /** Whether the group is part of the URL: nginx's `url_have_group_name`. @defaultValue true */
  readonly withGroup?: boolean | undefined
}

/** What the URL of a file is signed with. */
export interface SignUrlOptions extends FileUrlOptions {
  /** The key that is shared with the web servers, 1 to 128 bytes in UTF-8: `http.anti_steal.secret_key`. */
  readonly secret: string
  /** Unix seconds; the servers' `token_ttl` counts from here. 0: for ever. @defaultValue now */
  readonly timestamp?: number | undefined
}

/** What the URL of a file says. */
export interface FileUrl {
  /** The file ID. */
  readonly id: string
  /** Its group. */
  readonly group: string
  /** The logic filename: the ID without the group. */
  readonly name: string
  /** The anti-steal token. */
  readonly token: string | undefined
  /** When it was made, in Unix seconds. */
  readonly timestamp: number | undefined
  /** The name to save the file under. */
  readonly filename: string | undefined
  /** `start` and `end`: the part of a Flash video that is asked for, in bytes. */
  readonly start: string | undefined
  /** See `start`. */
  readonly end: string | undefined
  /** Whether a storage that does not have the file has sent the client on already. */
  readonly redirected: boolean
}

/** What the path of a URL is read with. */
export interface ParseUrlOptions {
  /** The group of URLs without one, `/M00/…`. Without it there must be one. */
  readonly group?: string | undefined
  /** What stands in front of the file ID, as a path without a slash at its end: `/files`. */
  readonly prefix?: string | undefined
}

/**
 * The URL of a file on nginx with the FastDFS module, or on anything else that serves file IDs.
 *
 * @throws InvalidFileIdError when it is no file ID
 * @throws InvalidArgumentError when the base is neither a http(s) URL nor a path
 * @example
 * fileUrl(file.id, { base: 'https://cdn.example.org' })
 * // 'https://cdn.example.org/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
 */
export function fileUrl(fileId: string, options: FileUrlOptions): string {
  return urlOf(fileId, options, {})
}

/**
 * The same URL with a token and its timestamp (protocol.md §8.4).
 *
 * @throws InvalidFileIdError when it is no file ID
 * @throws InvalidArgumentError for a base, secret or timestamp that is none
 * @example
 * signUrl(file.id, { base: 'http://10.0.0.5:8888', secret: 'FastDFS1234567890' })
 * // 'http://10.0.0.5:8888/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt?token=…&ts=…'
 */
export function signUrl(fileId: string, options: SignUrlOptions): string {
  const { secret, timestamp = Math.floor(Date.now() / 1000) } = options
  return urlOf(fileId, options, {
    token: antiStealToken(fileId, { secret, timestamp }),
    ts: String(timestamp),
  })
}

function urlOf(fileId: string, options: FileUrlOptions, signature: Record<string, string>): string {
  const { base, filename, withGroup = true } = options
  const { id, name } = splitFileId(fileId)
  const query = new URLSearchParams({ ...signature, ...(filename !== undefined && { filename }) })
  return `${checkBase(base)}/${withGroup ? id : name}${query.size === 0 ? '' : `?${query.toString()}`}`
}

/** The base without a slash at its end. */
function checkBase(base: string): string {
  const isPath = typeof base === 'string' && /^\/(?!\/)/.test(base)
  const url = URL.canParse(base, isPath ? 'http://here' : undefined)
    ? new URL(base, 'http://here')
    : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    `${url.search}${url.hash}${url.username}` !== ''
  ) {
    throw new InvalidArgumentError(
      `base must be a http(s) URL without query and user, or a path that begins with a slash, not ${JSON.stringify(base)}`,
    )
  }
  return `${isPath ? '' : url.origin}${url.pathname.replace(/\/$/, '')}`
}

/**
 * Reads the URL of a file, or its path and query as a request has them (protocol.md §8.5). It says nothing about
 * whether the token is right: see {@link verifyToken}.
 *
 * @param url - `http(s)://host/group1/M00/…?token=…&ts=…`, `/group1/M00/…` or, with a group in the options, `/M00/…`
 * @throws InvalidFileIdError when its path is no file ID
 * @example
 * parseFileUrl('/files/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt', { group: 'group1', prefix: '/files' }).id
 * // 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
 */
export function parseFileUrl(url: string, { group, prefix = '' }: ParseUrlOptions = {}): FileUrl {
  if (typeof url !== 'string')
    throw new InvalidFileIdError(`the URL of a file is a string, not ${typeof url}`)
  const [, rawPath = '', query = ''] = PARTS.exec(url) ?? []
  const path = decode(rawPath)
  if (!rawPath.startsWith('/') || !path.startsWith(`${prefix}/`)) {
    throw new InvalidFileIdError(`${show(path)} does not begin with ${prefix}/`)
  }
  const given = path.slice(prefix.length + 1)
  const { id, name, ...rest } = splitFileId(
    group !== undefined && NAME.test(given) ? `${group}/${given}` : given,
  )
  // A file ID may also be given as a URL, but not as one within another.
  if (id !== given && name !== given) throw new InvalidFileIdError(`${show(path)} is not the path of a file`)
  const parameters = new URLSearchParams(query)
  const timestamp = parameters.get('ts') ?? ''
  return {
    id,
    name,
    group: rest.group,
    token: parameters.get('token') ?? undefined,
    timestamp: /^\d{1,10}$/.test(timestamp) ? Number(timestamp) : undefined,
    filename: parameters.get('filename') ?? undefined,
    start: parameters.get('start') ?? undefined,
    end: parameters.get('end') ?? undefined,
    redirected: parameters.has('redirect'),
  }
}

/** The path and the query of a URL, or of what stands in the first line of a request. */
const PARTS = /^(?:https?:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?/i
/** How a logic filename begins. */
const NAME = /^M[0-9A-F]{2}\/[0-9A-F]{2}\/[0-9A-F]{2}\//

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new InvalidFileIdError(`${show(path)} is not percent-encoded UTF-8`)
  }
}

const show = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text)
