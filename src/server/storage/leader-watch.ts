import { log } from '../../observe/log.js'
import { trackerClusterCommands, trackerCommands } from '../../protocol/index.js'
import type { TrackerLink } from './tracker-link.js'

/**
 * Which of its trackers a storage takes for the leader. Trackers that were parted may each lead, and do not notice when
 * they meet again: storages do (protocol.md §4.7).
 */
export class LeaderWatch {
  #leader: TrackerLink | undefined

  /** A tracker says that it leads. Where the one that did so before still leads, both are asked to elect anew. */
  async see(link: TrackerLink): Promise<void> {
    const former = this.#leader
    this.#leader = link
    if (former === undefined || former === link || !(await leads(former))) return
    log.server('two trackers lead: both are asked to elect anew')
    // Whoever is elected says so. Another one may have done that by now.
    if (this.#leader === link) this.#leader = undefined
    await Promise.allSettled(
      [former, link].map((each) => each.ask(trackerClusterCommands.trackerNotifyReselectLeader, {})),
    )
  }
}

/** One that is away does not: when it is back and leads, it says so itself. */
async function leads(link: TrackerLink): Promise<boolean> {
  try {
    return (await link.ask(trackerCommands.trackerGetStatus, {})).isLeader
  } catch {
    return false
  }
}
