import { ConfigError, isFastDfsError } from '../../errors.js'

/** Does `read`, and says in the message of a ConfigError of it where the wrong value stands. */
export function within<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isFastDfsError(error)) throw error
    throw new ConfigError(`${place}: ${error.reason}`, { cause: error })
  }
}
