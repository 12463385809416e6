import { isFastDfsError, locateError, NoSpaceError } from '../errors.js'
import type { Call } from '../net/call.js'
import { trackerCommands } from '../protocol/index.js'
import type { Context } from './context.js'

/** Groups that a message names. */
const MOST_GROUPS = 8

/**
 * The error of content that could not be stored. Where there is no room for it, it says what the groups have: disks that
 * look free may be full up to what is reserved.
 */
export async function tellingSpace(context: Context, error: unknown, call: Call): Promise<unknown> {
  if (!(error instanceof NoSpaceError)) return error
  return locateError(error, {}, `${error.reason}${await spaceOf(context, call)}`)
}

async function spaceOf({ options, trackers }: Context, call: Call): Promise<string> {
  try {
    const { groups } = await trackers.ask(trackerCommands.listAllGroups, {}, call)
    const spaces = groups.slice(0, MOST_GROUPS).map(({ group, freeMb, totalMb, reservedMb }) => {
      const reserved = reservedMb === undefined ? '' : `, ${reservedMb} MB are reserved`
      return `${group} has ${freeMb} of ${totalMb} MB free${reserved}`
    })
    return `: ${spaces.join('; ')} (reserved_storage_space in tracker.conf stays free on every disk)`
  } catch (error) {
    // There is an error to tell already.
    if (!isFastDfsError(error)) throw error
    options.log.debug('client', `the space of the groups is not known: ${error.message}`)
    return ''
  }
}
