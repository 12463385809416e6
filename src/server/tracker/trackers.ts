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

/** What a leader knows of a tracker, told by that tracker (protocol.md §4.7, 58 and 65). */
export interface TrackerReport {
  readonly version: string
  /** Unix seconds. */
  readonly upTime: number
  readonly connections: { readonly allocated: number; readonly current: number; readonly max: number }
  /** Unix seconds. */
  readonly lastHeartBeat: number
}

/** What it tells at one time. */
type ReportedNow = Partial<Omit<TrackerReport, 'connections'>> & {
  readonly connections?: TrackerReport['connections'] | undefined
}

const NOTHING_REPORTED: TrackerReport = {
  version: '',
  upTime: 0,
  connections: { allocated: 0, current: 0, max: 0 },
  lastHeartBeat: 0,
}

/**
 * The trackers of a cluster, as the last JOIN named them, and who leads them.
 *
 * A tracker that no list names, or that is named alone, leads itself. Before the first JOIN nobody leads, as with real
 * ones. Who leads several is for them to elect; see `Election`.
 */
export class Trackers {
  #all: readonly TrackerAddress[] = []
  #own: TrackerAddress | undefined
  #leader: TrackerAddress | undefined
  #announced: TrackerAddress | undefined
  #leaders = 0
  readonly #reports = new Map<string, TrackerReport>()
  readonly #onChange: () => void

  /** @param onChange - called when the list or the leader has changed */
  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange
  }

  /** All, in order; none before the first JOIN. */
  get all(): readonly TrackerAddress[] {
    return this.#all
  }

  /** This one. */
  get own(): TrackerAddress | undefined {
    return this.#own
  }

  /** The others. */
  get others(): readonly TrackerAddress[] {
    return this.#all.filter((tracker) => tracker !== this.#own)
  }

  /** The one that leads. */
  get leader(): TrackerAddress | undefined {
    return this.#leader
  }

  /** Whether it is this one that leads. */
  get leads(): boolean {
    return this.#leader !== undefined && this.#leader === this.#own
  }

  /** Grows each time this one becomes the leader or is so no more. Storages are told once of each (protocol.md §4.4). */
  get leaders(): number {
    return this.#leaders
  }

  /** The tracker with that address. */
  find(ip: string, port: number): TrackerAddress | undefined {
    return this.#all.find((tracker) => tracker.port === port && tracker.ips.includes(ip))
  }

  /** What a tracker has told of itself. */
  reportOf(tracker: TrackerAddress): TrackerReport {
    return this.#reports.get(keyOf(tracker)) ?? NOTHING_REPORTED
  }

  /** Notes what a tracker tells of itself. */
  report(tracker: TrackerAddress, report: ReportedNow): void {
    const former = this.reportOf(tracker)
    const { connections = former.connections } = report
    this.#reports.set(keyOf(tracker), { ...former, ...report, connections })
  }

  /** Takes a tracker for the leader, or nobody. */
  follow(leader: TrackerAddress | undefined): void {
    this.#announced = undefined
    if (leader === this.#leader) return
    const led = this.leads
    this.#leader = leader
    if (led || this.leads) this.#leaders++
    this.#onChange()
  }

  /**
   * Notes who is to be the next leader (protocol.md §4.7, 66).
   *
   * @returns whether that is possible: where this one leads already, nobody does from now on
   */
  announce(next: TrackerAddress): boolean {
    if (this.leads && next !== this.#own) {
      this.follow(undefined)
      return false
    }
    this.#announced = next
    return true
  }

  /**
   * Takes the one that was announced for the leader (protocol.md §4.7, 67).
   *
   * @returns whether it was announced
   */
  commit(leader: TrackerAddress): boolean {
    if (leader !== this.#announced) return false
    this.follow(leader)
    return true
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
      // One that is known already stays the one it is.
      if (tracker !== undefined) named.set(keyOf(tracker), this.#known(tracker) ?? tracker)
    }
    const listed = [...named.values()].sort(compare)
    const own = findOwn(listed, ownIps, ownPort)
    if (own !== undefined) this.#settle(listed, own, listed.length === 1)
    else {
      const alone: TrackerAddress = { ips: [ownIps[0] ?? ''], port: ownPort }
      const kept = this.#known(alone) ?? alone
      this.#settle([...listed.slice(0, limits.MAX_TRACKERS - 1), kept].sort(compare), kept, true)
    }
  }

  #known(tracker: TrackerAddress): TrackerAddress | undefined {
    return this.#all.find((candidate) => keyOf(candidate) === keyOf(tracker))
  }

  #settle(all: readonly TrackerAddress[], own: TrackerAddress, alone: boolean): void {
    const changed = all.length !== this.#all.length || all.some((tracker, i) => tracker !== this.#all[i])
    this.#all = all
    this.#own = own
    if (alone) this.follow(own)
    // A new list, and with it a new election: whoever leads others is asked to go on.
    else if (this.#leader !== undefined && !all.includes(this.#leader)) this.follow(undefined)
    if (changed) this.#onChange()
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
export function compare(a: TrackerAddress, b: TrackerAddress): number {
  const [textA, textB] = [a.ips.join(), b.ips.join()]
  if (textA !== textB) return textA < textB ? -1 : 1
  return a.port - b.port
}

function keyOf({ ips, port }: TrackerAddress): string {
  return formatAddress(ips.join(), port)
}
