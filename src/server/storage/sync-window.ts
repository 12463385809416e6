import { ConfigError } from '../../errors.js'
import type { Clock } from '../clock.js'

const TIME = /^([01]?\d|2[0-3]):([0-5]?\d)$/

/**
 * Makes what tells whether it is a time of the day at which other storages are told of changes.
 *
 * @param start - `HH:MM`
 * @param end - `HH:MM`, the last minute; before the start where midnight lies between the two
 * @throws ConfigError for what is no time
 */
export function syncWindow(start: string, end: string, clock: Clock): () => boolean {
  const [from, to] = [minuteOf('syncStartTime', start), minuteOf('syncEndTime', end)]
  return () => {
    const now = new Date(clock.now())
    const minute = now.getHours() * 60 + now.getMinutes()
    return from <= to ? minute >= from && minute <= to : minute >= from || minute <= to
  }
}

function minuteOf(name: string, text: string): number {
  const [, hours, minutes] = TIME.exec(text) ?? []
  if (hours === undefined)
    throw new ConfigError(`${name} must be a time from 00:00 to 23:59, not ${JSON.stringify(text)}`)
  return Number(hours) * 60 + Number(minutes)
}
