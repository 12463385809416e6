import { ServerError, STATUS } from '../errors.js'

/** 22 is the answer to an unknown command, and to a body of a length that this version does not know. */
export function isUnknownCommand(error: unknown): boolean {
  return error instanceof ServerError && error.status === STATUS.EINVAL
}
