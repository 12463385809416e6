import { InvalidArgumentError } from '../errors.js'
import { MAX_FILENAME_SIZE } from '../protocol/limits.js'
import { base64Word } from './base64.js'
import { FLAG, PATH_LENGTH, PLAIN_LENGTH, TAIL_LENGTH, TRUNK_LENGTH, WORD } from './layout.js'
import { parseFileId } from './parse.js'

/**
 * The file ID of a slave file, as the storage makes it (protocol.md §5, "Slave naming"): the master's up to its
 * extension, the prefix, and the extension.
 *
 * @param masterId - the ID of a file of any kind, a slave included
 * @param prefix - 1 to 16 characters of `0-9 A-Z a-z - _ .`
 * @param ext - up to 6 such characters, with or without a dot in front; '' for none; by default the master's
 * @throws {InvalidFileIdError} when the master's ID is none
 * @throws {InvalidArgumentError} for a prefix or extension that servers refuse, or whose result they would take for
 *   something else: a file of its own, a file in a trunk file, or the metadata of another file
 * @example
 * slaveName('group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082.txt', '_150x150', 'jpg')
 * // 'group1/M00/00/00/Ck0ADGsCbjeAekHAAAAADcRYHyQ082_150x150.jpg'
 */
export function slaveName(masterId: string, prefix: string, ext?: string): string {
  const master = parseFileId(masterId)
  const newExt = ext ?? master.ext
  if (typeof prefix !== 'string' || !/^[-.\w]{1,16}$/.test(prefix)) throw unlike('prefix', '1 to 16', prefix)
  if (!/^[-.\w]{0,6}$/.test(newExt)) throw unlike('extension', '0 to 6', newExt)
  const dot = newExt === '' || newExt.startsWith('.') ? '' : '.'
  const id = `${withoutExt(master.id)}${prefix}${dot}${newExt}`
  checkResult(id)
  return id
}

/** Storages look for the first dot among the last characters. */
function withoutExt(id: string): string {
  const dot = id.indexOf('.', id.length - TAIL_LENGTH)
  return dot < 0 ? id : id.slice(0, dot)
}

/** A name without its extra characters is a master's to servers, whatever it was uploaded as. */
function checkResult(id: string): void {
  const size = id.length - id.indexOf('/') - 1
  const inTrunk = (base64Word(id, id.lastIndexOf('/') + 1, WORD.SIZE_HIGH) & FLAG.TRUNK) !== 0
  const least = PATH_LENGTH + (inTrunk ? TRUNK_LENGTH : PLAIN_LENGTH) + 1
  if (size < least || size > MAX_FILENAME_SIZE) {
    throw refuse(id, `it has ${size} characters behind its group, not ${least} to ${MAX_FILENAME_SIZE}`)
  }
  if (id.endsWith('-m')) throw refuse(id, 'a name that ends in -m is for metadata')
}

function unlike(part: string, lengths: string, value: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `a slave's ${part} is ${lengths} characters of 0-9 A-Z a-z - _ . and not ${JSON.stringify(value)}`,
  )
}

function refuse(id: string, reason: string): InvalidArgumentError {
  return new InvalidArgumentError(`a slave cannot be named ${id}: ${reason}`)
}
