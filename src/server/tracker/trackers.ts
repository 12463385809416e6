import { limits } from '../../protocol/index.js'
import { formatAddress } from '../address.js'

/** Where a tracker listens. */
export interface TrackerAddress {
  /** One, or one of each kind. */
  readonly ips: readonly [string, ...string[]]
  readonly port: number
}

/** The port of a tracker that is named without one. */
const DEFAULT_PORT = 22_122
/** Bytes of the longest address that the fields of records have room for. */
const MAX_IP_SIZE = 45

/** Reads a line of a JOIN's tracker list: `ip[,ip]:port`, IPv6 in brackets (protocol.md §4.1). */
export function parseTracker(line: string): TrackerAddress | undefined {
  const [, bracketed, plain, port = DEFAULT_PORT] =
    /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(line) ?? []
  const [first, ...others] = (bracketed ?? plain ?? '').split(',')
  const ips = [first ?? '', ...others] as const
  return ips.every((ip) => ip !== '' && ip.length <= MAX_IP_SIZE) ? { ips, port: Number(port) } : undefined
}

/**
 * The trackers of a cluster, as the last JOIN named them.
 *
 * Nothing is elected. The first in the order of {@link compare} leads: every tracker gets the same list, since all
 * storages of a cluster are configured alike and name all trackers in each JOIN, so all agree without a word between
 * them. A tracker that no list names is alone and leads itself. Before the first JOIN nobody leads, as with real ones.
 */
export class Trackers {
  #all: readonly TrackerAddress[] = []
  #own: TrackerAddress | undefined
  #leader: TrackerAddress | undefined

  /** All, in order; none before the first JOIN. */
  get all(): readonly TrackerAddress[] {
    return this.#all
  }

  /** The one that leads. */
  get leader(): TrackerAddress | undefined {
    return this.#leader
  }

  /** Whether it is this one that leads. */
  get leads(): boolean {
    return this.#leader !== undefined && this.#leader === this.#own
  }

  /**
   * Takes over the list of a JOIN.
   *
   * @param ownIps - by which the storage reached this tracker, as either side sees it
   */
  learn(lines: readonly string[], ownIps: readonly string[], ownPort: number): void {
    const named = new Map<string, TrackerAddress>()
    for (const line of lines) {
      const tracker = parseTracker(line)
      if (tracker !== undefined) named.set(keyOf(tracker), tracker)
    }
    const all = [...named.values()].sort(compare)
    const own = findOwn(all, ownIps, ownPort)
    if (own !== undefined) {
      this.#all = all
      this.#own = own
      this.#leader = all[0]
    } else {
      const alone: TrackerAddress = { ips: [ownIps[0] ?? ''], port: ownPort }
      this.#all = [...all.slice(0, limits.MAX_TRACKERS - 1), alone].sort(compare)
      this.#own = alone
      this.#leader = alone
    }
  }
}

/** By the address and port; where the list has names, or addresses of another side of a NAT, by a port of its own. */
function findOwn(
  all: readonly TrackerAddress[],
  ips: readonly string[],
  port: number,
): TrackerAddress | undefined {
  const samePort = all.filter((tracker) => tracker.port === port)
  const same = samePort.find((tracker) => tracker.ips.some((ip) => ips.includes(ip)))
  return same ?? (samePort.length === 1 ? samePort[0] : undefined)
}

/** Addresses as text, then ports as numbers: the order in which real trackers list each other. */
function compare(a: TrackerAddress, b: TrackerAddress): number {
  const [textA, textB] = [a.ips.join(), b.ips.join()]
  if (textA !== textB) return textA < textB ? -1 : 1
  return a.port - b.port
}

function keyOf({ ips, port }: TrackerAddress): string {
  return formatAddress(ips.join(), port)
}
