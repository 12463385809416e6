import { InvalidFileIdError } from '../errors.js'
import { GROUP_NAME_SIZE, MAX_FILENAME_SIZE } from '../protocol/limits.js'
import { ENCODED_LENGTH, PATH_LENGTH } from './layout.js'

/** The two parts of a file ID that requests carry. */
export interface SplitFileId {
  /** The whole ID, `group1/M00/00/00/…`, without a leading slash, a host or the rest of a URL. */
  readonly id: string
  /** The group, 1 to 16 letters and digits. */
  readonly group: string
  /** The logic filename, `M00/00/00/…`, 37 to 127 characters. Names older than V1.12 have no `M00/`. */
  readonly name: string
}

/** Servers decode the characters behind `Mxx/HH/HH/` whether they are there or not. */
const MIN_FILENAME_SIZE = PATH_LENGTH + ENCODED_LENGTH

/**
 * Group and path. In names older than V1.12 the store path is missing; where it stands in the group's place, the group
 * is.
 */
const PLACE =
  /^(?!M[0-9A-F]{2}\/[0-9A-F]{2}\/)[0-9A-Za-z]{1,16}\/(?:M[0-9A-F]{2}\/)?[0-9A-F]{2}\/[0-9A-F]{2}\//
/** All but the lengths, in no more time than a loop over the characters. */
const SHAPE = new RegExp(`${PLACE.source}[-.\\w]+$`)
const STORE_PATH = /^M[0-9A-F]{2}$/
const DIRECTORY = /^[0-9A-F]{2}$/

/**
 * Splits a file ID. It checks what a server needs to take the name without harm, lengths, characters and directories
 * (protocol.md §1.2, §5), and does not decode it: so it takes names that `parseFileId` refuses, such as those of
 * slaves that are too short.
 *
 * @param text - a file ID, also with a leading slash, behind a host (`img.example.org/`, `host:8888/`), or as a URL of
 *   http(s)
 * @throws {InvalidFileIdError} that says what is wrong
 * @example
 * splitFileId('http://h:8888/group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt?ts=1').name
 * // 'M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt'
 */
export function splitFileId(text: string): SplitFileId {
  const id = fileIdIn(text)
  const slash = id.indexOf('/')
  return { id, group: id.slice(0, slash), name: id.slice(slash + 1) }
}

/** Whether a text begins as an ID does that stands there alone: with its group and path. */
export function isPlaced(text: string): boolean {
  return typeof text === 'string' && PLACE.test(text)
}

/** The ID in a text, after the checks of {@link splitFileId}. */
export function fileIdIn(text: string): string {
  if (typeof text !== 'string') throw new InvalidFileIdError(`a file ID is a string, not ${typeof text}`)
  // Nearly always it stands there alone.
  const isAlone = SHAPE.test(text)
  const id = isAlone ? text : withoutPlace(text)
  const slash = id.indexOf('/')
  const size = id.length - slash - 1
  const isOfShape = isAlone || SHAPE.test(id)
  if (size < MIN_FILENAME_SIZE || size > MAX_FILENAME_SIZE || !isOfShape) {
    throw invalidFileId(text, whatIsWrong(id))
  }
  return id
}

/** An error that says why, and shows the text shortened and with control characters escaped. */
export function invalidFileId(text: string, reason: string): InvalidFileIdError {
  return new InvalidFileIdError(`${quote(text)} is not a file ID: ${reason}`)
}

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text)

/** The text without a leading slash or a host, or the path of a URL. */
function withoutPlace(text: string): string {
  const slash = text.indexOf('/')
  if (text[slash - 1] === ':') {
    const path = /^https?:\/\/[^/?#]+\/([^?#]*)/i.exec(text)?.[1]
    if (path === undefined) throw invalidFileId(text, 'nor is it an http(s) URL with a path')
    return path
  }
  return BEHIND_HOST.exec(text)?.[1] ?? (slash === 0 ? text.slice(1) : text)
}

/** A host that cannot be a group: it has a dot or a port, or is an IPv6 address. */
const BEHIND_HOST =
  /^(?:\/\/)?(?:[a-z\d-]+(?:\.[a-z\d-]+)+|[a-z\d-]+(?=:)|\[[\da-f:.]+\])(?::\d+)?\/([^?#]*)/i

/** For a text that failed the checks of {@link splitFileId}: which of them, in the text's order. */
function whatIsWrong(id: string): string {
  const [group = '', ...rest] = id.split('/')
  if (rest.length === 0) return 'it has no slash'
  if (group === '') return 'its group is empty'
  const inGroup = /[^0-9A-Za-z]/u.exec(group)
  if (inGroup) return `${quote(inGroup[0])} in its group is no letter or digit`
  if (group.length > GROUP_NAME_SIZE) {
    return `its group has ${group.length} characters, more than ${GROUP_NAME_SIZE}`
  }

  const [first = ''] = rest
  if (STORE_PATH.test(group) && DIRECTORY.test(first)) return 'it has no group in front of its store path'
  if (first.startsWith('M')) {
    if (!STORE_PATH.test(first)) return `${quote(first)} is no store path, M00 to MFF`
    rest.shift()
  }
  const directories = rest.splice(0, 2)
  const wrong = directories.find((directory) => !DIRECTORY.test(directory))
  if (wrong !== undefined) return `${quote(wrong)} is no directory, 00 to FF`
  const [name, ...surplus] = rest
  if (name === undefined) return 'it has no name behind two directories'
  if (surplus.length > 0) return 'it has a slash in its name'

  const inName = /[^-.\w]/u.exec(name)
  if (inName) return `${quote(inName[0])} in its name is none of 0-9 A-Z a-z - _ .`
  const size = id.length - group.length - 1
  return `it has ${size} characters behind its group, not ${MIN_FILENAME_SIZE} to ${MAX_FILENAME_SIZE}`
}
