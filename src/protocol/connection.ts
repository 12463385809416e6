/** What both daemons take on any connection (protocol.md §1.1). */
import { declare } from './command.js'

/** Commands of the connection itself. */
export const connectionCommands = declare('any', {
  /** Answered at once: tells that the peer is alive. */
  activeTest: { number: 111, idempotent: true, request: {}, response: {} },
  /** Not answered: the peer closes the connection. */
  quit: { number: 82, idempotent: true, request: {}, response: {}, answered: false },
})
