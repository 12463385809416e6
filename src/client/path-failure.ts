import type { FastDfsError } from '../errors.js'
import { InvalidArgumentError, LocalIoError } from '../errors.js'
import { showPath } from './check.js'
import { messageOf } from './pieces.js'

/** What this process or machine has run out of; the path is not to blame. */
const EXHAUSTED = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'ENOSPC', 'EDQUOT']

/** The error of a path that cannot be opened. */
export function pathFailed(what: 'read' | 'write', path: string, cause: unknown): FastDfsError {
  const { code = '' } = cause as NodeJS.ErrnoException
  const Kind = EXHAUSTED.includes(code) ? LocalIoError : InvalidArgumentError
  return new Kind(`cannot ${what} ${showPath(path)}: ${messageOf(cause)}`, { cause })
}
