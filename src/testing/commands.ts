import type {
  connectionCommands,
  RequestOf,
  ResponseOf,
  storageClusterCommands,
  storageCommands,
  trackerClusterCommands,
  trackerCommands,
} from '../protocol/index.js'
import { commandsOf } from '../protocol/index.js'

type Commands = typeof connectionCommands &
  typeof trackerCommands &
  typeof trackerClusterCommands &
  typeof storageCommands &
  typeof storageClusterCommands

/** The name of a command, as in `fastdfs/protocol`. */
export type CommandName = keyof Commands
/** The fields of a command's request. */
export type RequestFields<N extends CommandName> = { [K in N]: RequestOf<Commands[K]> }[N]
/** The fields of a command's response. */
export type ResponseFields<N extends CommandName> = { [K in N]: ResponseOf<Commands[K]> }[N]

/** Every command's name. */
export const COMMAND_NAMES: readonly string[] = [
  ...new Set([...commandsOf('tracker'), ...commandsOf('storage')].map(({ name }) => name)),
]
