import { InvalidArgumentError } from '../errors.js'
import type { ByteRange } from './ranges.js'

/** Begins every Flash video; players of one that begins in the middle want it too. */
const HEADER = 'FLV\x01\x01\0\0\0\x09\0\0\0\x09'

/** A part of a Flash video that is sent as one of its own. */
export interface FlvPart {
  /** What stands in front of it. */
  readonly head: string
  readonly range: ByteRange
}

/**
 * The part of a Flash video that a URL asks for by `start` and `end`, which is not part of it (protocol.md §8.5).
 *
 * @param start - undefined, or no number: all of it
 * @throws InvalidArgumentError when there is no such part
 */
export function flvPart(
  size: number,
  start: string | undefined,
  end: string | undefined,
): FlvPart | undefined {
  if (!isNumber(start)) return undefined
  const offset = Number(start)
  const length = Math.min(size, isNumber(end) ? Number(end) : size) - offset
  if (length <= 0) throw new InvalidArgumentError(`there is nothing from ${start} to ${end ?? 'the end'}`)
  return { head: offset === 0 ? '' : HEADER, range: { offset, length } }
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text)
}
