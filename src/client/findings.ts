/** What a cluster's own words and silences mean, and what to do about it. */
import { parseEndpoint } from '../net/endpoint.js'
import { doubtOf, isLoopback } from './config/explain-address.js'
import { formatServerAddress } from './config/server-address.js'
import type { TrackerView } from './diagnose.js'
import type { Finding, FindingCode, Severity, StorageDiagnosis } from './diagnosis-types.js'

/** All that was seen. */
export interface Seen {
  readonly at: Date
  readonly views: readonly TrackerView[]
  readonly storages: readonly StorageDiagnosis[]
  readonly records: TrackerView['storages']
}

/** Milliseconds by which clocks may differ: what is said in whole seconds, plus the way here. */
const SKEW = 3_000
/** Milliseconds without a heart beat after which one is missed: they come every 30 s, and count for 100 to 120 s. */
const SILENCE = 120_000
/** Milliseconds by which a storage may be behind the others of its group. */
const SYNC_DELAY = 300_000
/** What should be free beside the reserved space, as a part of all. */
const MARGIN = 0.05

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info']

/** The worst first. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity))
}

/** Judges what was seen. */
export function findingsOf(seen: Seen): Finding[] {
  const isLocal = seen.views.some(({ tracker }) => tracker.hosts.some(isLoopback))
  return [
    ...seen.views.flatMap(ofTracker),
    ...ofTrackersTogether(seen.views),
    ...ofGroups(seen.views),
    ...seen.storages.flatMap((storage) => ofStorage(storage, isLocal)),
    ...ofVersions(seen.storages),
    ...ofClocks(seen),
  ]
}

function finding(
  severity: Severity,
  code: FindingCode,
  subject: string,
  message: string,
  remedy: string,
): Finding {
  return { code, severity, subject, message, remedy }
}

function ofTracker(view: TrackerView): Finding[] {
  const { seen, deadAddresses, failure, groups } = view
  const name = nameOf(view)
  if (!seen.reachable) {
    const why = seen.error?.message ?? 'no answer'
    const remedy = 'start it, open its port, or take it out of `trackers`'
    return [finding('error', 'TRACKER_UNREACHABLE', name, why, remedy)]
  }
  const dead = deadAddresses.map(({ endpoint, error }) =>
    finding(
      'warning',
      'TRACKER_ADDRESS_UNREACHABLE',
      endpoint,
      `one of the addresses of ${name}: ${error.message}`,
      'leave out the address that cannot be reached from here: every new connection tries it',
    ),
  )
  if (failure !== undefined) {
    const remedy = 'look into its log, and whether another program listens there'
    return [...dead, finding('error', 'TRACKER_FAILS', name, failure.message, remedy)]
  }
  if (groups.length > 0) return dead
  const remedy = 'start a storage whose storage.conf names this tracker as tracker_server'
  return [...dead, finding('error', 'TRACKER_KNOWS_NOTHING', name, 'it knows no group', remedy)]
}

function ofTrackersTogether(views: readonly TrackerView[]): Finding[] {
  const alive = views.filter(({ seen, failure }) => seen.reachable && failure === undefined)
  const findings: Finding[] = []
  const leaders = alive.filter(({ seen }) => seen.isLeader === true)
  const tells = alive.some(({ seen }) => seen.isLeader !== undefined)
  // The leader may be one that is not in the configuration, or cannot be reached.
  if (tells && leaders.length === 0) {
    const all = views.length === alive.length
    findings.push(
      finding(
        'warning',
        'NO_LEADER',
        'cluster',
        `none of ${alive.length} trackers that answer says that it leads`,
        all
          ? 'wait for the election (some seconds), and name all trackers of the cluster in `trackers`'
          : 'bring back the trackers that do not answer: one of them may lead',
      ),
    )
  }
  if (leaders.length > 1) {
    findings.push(
      finding(
        'error',
        'SEVERAL_LEADERS',
        'cluster',
        `${leaders.map(nameOf).join(' and ')} both say that they lead`,
        'check that they reach each other, and that all storages name the same trackers; restart one of them',
      ),
    )
  }
  const sizes = new Set(alive.flatMap(({ seen }) => seen.addressSize ?? []))
  if (sizes.size > 1) {
    findings.push(
      finding(
        'warning',
        'ADDRESS_SIZES_DIFFER',
        'cluster',
        `some trackers answer with 16-byte addresses, some with 46-byte ones`,
        'set response_ip_addr_size alike in every tracker.conf',
      ),
    )
  }
  return [...findings, ...disagreements(alive)]
}

function disagreements(views: readonly TrackerView[]): Finding[] {
  const [first, ...others] = views
  if (first === undefined) return []
  const facts = (view: TrackerView): Map<string, string> =>
    new Map([
      ...view.groups.map(({ group }): [string, string] => [`group ${group}`, 'known']),
      ...view.storages.map(({ group, id, status }): [string, string] => [`storage ${group}/${id}`, status]),
    ])
  return others.flatMap((other) => {
    const one = facts(first)
    const two = facts(other)
    const differ = [...new Set([...one.keys(), ...two.keys()])].filter((key) => one.get(key) !== two.get(key))
    if (differ.length === 0) return []
    const told = differ.map(
      (key) => `${key} is ${one.get(key) ?? 'unknown'} to one, ${two.get(key) ?? 'unknown'} to the other`,
    )
    return [
      finding(
        'warning',
        'TRACKERS_DISAGREE',
        `${nameOf(first)}, ${nameOf(other)}`,
        told.join('; '),
        'ask again in a minute; if it stays, check that every storage.conf names all trackers, and that storages reach them',
      ),
    ]
  })
}

function ofGroups(views: readonly TrackerView[]): Finding[] {
  const groups = new Map(views.flatMap((view) => view.groups.map((group) => [group.group, group])))
  return [...groups.values()].flatMap((group) => {
    const { group: name, activeCount, freeBytes, totalBytes, reservedBytes = 0 } = group
    if (activeCount === 0) {
      const message = `none of its ${group.storageCount} storages is active`
      return [finding('error', 'GROUP_NOT_WRITABLE', name, message, 'start its storages')]
    }
    const space = `${inMib(freeBytes)} of ${inMib(totalBytes)} free, ${inMib(reservedBytes)} reserved`
    const remedy = 'delete files, add disks or a group, or lower reserved_storage_space in tracker.conf'
    // Without reserved space in the answer, nothing is known but that a group without free space is full.
    if (freeBytes <= reservedBytes) return [finding('error', 'GROUP_FULL', name, space, remedy)]
    if (freeBytes - reservedBytes < MARGIN * totalBytes) {
      return [finding('warning', 'GROUP_NEARLY_FULL', name, space, remedy)]
    }
    return []
  })
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / (1024 * 1024))} MiB`
}

function ofStorage(storage: StorageDiagnosis, isLocal: boolean): Finding[] {
  const { group, address, endpoint, status, syncDelay, reachable, error } = storage
  const subject = `${group}/${endpoint}`
  const findings: Finding[] = []
  if (status !== 'ACTIVE') {
    findings.push(
      finding(
        status === 'OFFLINE' ? 'error' : 'warning',
        'STORAGE_NOT_ACTIVE',
        subject,
        `its state is ${status}`,
        status === 'OFFLINE'
          ? 'start it; or, if it is gone for good, `client.admin.deleteStorage`'
          : 'wait until it has caught up with its group; if that takes long, look into its log',
      ),
    )
  }
  // What is offline need not answer.
  if (!reachable && status !== 'OFFLINE') {
    const why = error?.reason ?? 'no answer'
    findings.push(
      finding('error', 'STORAGE_UNREACHABLE', subject, why, 'start it, or open its port to this machine'),
    )
  }
  const { host } = parseEndpoint(endpoint, 1)
  const doubt = doubtOf(host)
  // What answers is doubtful only if it is this machine, and the cluster is not.
  if (doubt !== undefined && (reachable ? isLoopback(host) && !isLocal : status !== 'OFFLINE')) {
    const remedy = `set storageAddressMap to { '${address}': 'host:port' } with its address from here`
    findings.push(finding('warning', 'STORAGE_ADDRESS_DOUBTFUL', subject, doubt, remedy))
  }
  if (status === 'ACTIVE' && syncDelay !== undefined && syncDelay > SYNC_DELAY) {
    findings.push(
      finding(
        'warning',
        'STORAGE_SYNC_DELAYED',
        subject,
        `it has the changes of its group up to ${Math.round(syncDelay / 1000)} s before the newest one`,
        'check the network between the storages, and the sync log and data/sync of the one that sends',
      ),
    )
  }
  return findings
}

function ofVersions(storages: readonly StorageDiagnosis[]): Finding[] {
  const versions = [...new Set(storages.flatMap(({ version }) => version ?? []))].sort()
  if (versions.length < 2) return []
  const message = `storages run ${versions.join(', ')}`
  return [
    finding(
      'info',
      'VERSIONS_DIFFER',
      'cluster',
      message,
      'bring all to one version, once an update is done',
    ),
  ]
}

/** The protocol tells no time of day, but servers say when things have happened by their clocks (protocol.md §2.4). */
function ofClocks({ at, views, records }: Seen): Finding[] {
  const now = at.getTime()
  const remedy = 'synchronise the clocks (NTP): file IDs, tokens and the choice of replicas go by them'
  const ahead = (subject: string, time: Date | undefined, what: string): Finding[] => {
    const lead = (time?.getTime() ?? 0) - now
    if (lead <= SKEW) return []
    const message = `${what} lies ${Math.round(lead / 1000)} s ahead of this machine's clock`
    return [finding('warning', 'CLOCK_SKEW', subject, message, remedy)]
  }
  const ofTrackers = views.flatMap((view) => {
    const beats = view.storages
      .filter(({ status }) => status === 'ACTIVE')
      .flatMap(({ statistics }) => statistics.lastHeartBeat ?? [])
    if (beats.length === 0) return []
    const newest = new Date(Math.max(...beats.map((beat) => beat.getTime())))
    const silence = now - newest.getTime()
    if (silence <= SILENCE) return ahead(nameOf(view), newest, 'the newest heart beat that it has heard')
    return [
      finding(
        'warning',
        'HEART_BEAT_MISSING',
        nameOf(view),
        `it heard the last heart beat ${Math.round(silence / 1000)} s ago by this machine's clock, of storages that it calls ACTIVE`,
        `look whether its clock is behind; if not, why storages do not reach it`,
      ),
    ]
  })
  const ofStorages = records.flatMap(({ group, ip, port, statistics, upTime }) => {
    const latest = [statistics.lastSourceUpdate, upTime].flatMap((time) => time ?? [])
    const newest = new Date(Math.max(0, ...latest.map((time) => time.getTime())))
    return ahead(`${group}/${ip}:${port}`, newest, 'the last change or start of the storage')
  })
  return [...ofTrackers, ...ofStorages]
}

/** A tracker as it stands in findings. */
function nameOf({ tracker }: TrackerView): string {
  return formatServerAddress(tracker)
}
