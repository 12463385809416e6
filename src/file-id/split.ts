import { InvalidFileIdError } from '../errors.js'
import { GROUP_NAME_SIZE, MAX_FILENAME_SIZE } from '../protocol/limits.js'
import { isBase64Code } from './base64.js'
import { ENCODED_LENGTH } from './layout.js'

/** The two parts of a file ID that requests carry. */
export interface SplitFileId {
  /** The whole ID, `group1/M00/00/00/…`, without a leading slash or the rest of a URL. */
  readonly id: string
  /** The group, 1 to 16 letters and digits. */
  readonly group: string
  /** The logic filename, `M00/00/00/…`, 37 to 127 characters. Without `M00/` in names older than V1.12. */
  readonly name: string
}

const DIRECTORIES_LENGTH = 'HH/HH/'.length
const STORE_PATH_LENGTH = 'Mxx/'.length
/** Servers decode the 27 characters behind `Mxx/HH/HH/` whether they are there or not. */
const MIN_FILENAME_SIZE = STORE_PATH_LENGTH + DIRECTORIES_LENGTH + ENCODED_LENGTH

const SLASH = 47
const DOT = 46

/**
 * Splits a file ID, and checks what a server needs to take it without harm: lengths, characters, directories. It does
 * not look into the name (protocol.md §5), so it takes names that {@link parseFileId} does not: of short slaves, or
 * of servers that are not written yet.
 *
 * @param text - a file ID, also with a leading slash, or the http(s) URL of one
 * @throws {InvalidFileIdError} that says what is wrong
 * @example
 * splitFileId('http://h:8888/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt?ts=1')
 * // { id: 'group1/M00/…', group: 'group1', name: 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt' }
 */
export function splitFileId(text: string): SplitFileId {
  if (typeof text !== 'string') throw invalidFileId(text, `it is no string but ${typeof text}`)
  const id = withoutPlace(text)
  const slash = id.indexOf('/')
  if (slash < 0) throw invalidFileId(text, 'no slash after the group')
  checkGroup(text, id, slash)
  const name = id.slice(slash + 1)
  checkName(text, name)
  return { id, group: id.slice(0, slash), name }
}

/**
 * The index of the store path in a checked logic filename; 0 where the name has none.
 */
export function storePathIndexOf(name: string): number {
  return hasStorePath(name) ? hexByte(name, 1) : 0
}

/** An error that says why and shows the text, shortened and with control characters escaped. */
export function invalidFileId(text: unknown, reason: string): InvalidFileIdError {
  const shown = typeof text === 'string' && text.length > 100 ? `${text.slice(0, 99)}…` : text
  return new InvalidFileIdError(`Not a file ID, ${reason}: ${JSON.stringify(shown)}`)
}

function withoutPlace(text: string): string {
  const slash = text.indexOf('/')
  if (slash === 0) return text.slice(1)
  if (text[slash - 1] !== ':') return text
  const path = /^https?:\/\/[^/?#]+\/([^?#]*)/i.exec(text)?.[1]
  if (path === undefined) throw invalidFileId(text, 'nor an http(s) URL with a path')
  return path
}

function checkGroup(text: string, id: string, length: number): void {
  if (length === 0) throw invalidFileId(text, 'the group is empty')
  if (length > GROUP_NAME_SIZE) {
    throw invalidFileId(text, `the group has ${length} characters, more than ${GROUP_NAME_SIZE}`)
  }
  for (let at = 0; at < length; at++) {
    const code = id.charCodeAt(at)
    if (!isBase64Code(code) || code === DASH || code === UNDERSCORE) 
      throw invalidFileId(text, `${JSON.stringify(id[at])} in the group is neither letter nor digit`)
  }
}
