/** Every command by daemon and number. */
import { storageClusterCommands, trackerClusterCommands } from './cluster.js'
import type { Command } from './command.js'
import { connectionCommands } from './connection.js'
import { storageCommands } from './storage.js'
import { trackerCommands } from './tracker.js'

const byNumber = {
  tracker: index(connectionCommands, trackerCommands, trackerClusterCommands),
  storage: index(connectionCommands, storageCommands, storageClusterCommands),
}

function index(...families: readonly object[]): ReadonlyMap<number, Command> {
  return new Map(
    families
      .flatMap((family) => Object.values(family) as Command[])
      .map((command) => [command.number, command]),
  )
}

/**
 * The command that `number` stands for in requests to `server`, if it is known.
 *
 * @example
 * ```ts
 * findCommand('storage', 11)?.name // 'uploadFile'
 * ```
 */
export function findCommand(server: 'tracker' | 'storage', number: number): Command | undefined {
  return byNumber[server].get(number)
}

/** All commands that `server` may be sent. */
export function commandsOf(server: 'tracker' | 'storage'): readonly Command[] {
  return [...byNumber[server].values()]
}
