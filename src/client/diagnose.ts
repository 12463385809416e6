/** What is wrong with a cluster, as seen from here. */
import { FileNotFoundError, isFastDfsError } from '../errors.js'
import type { FastDfsError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import { formatEndpoint } from '../net/endpoint.js'
import { Request } from '../net/request.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import { connectionCommands, trackerCommands } from '../protocol/index.js'
import type { GroupInfo, StorageInfo } from './admin-types.js'
import { groupInfoOf, storageInfoOf } from './admin-types.js'
import type { ServerAddress } from './config/server-address.js'
import { endpointsOf } from './config/server-address.js'
import type { Context } from './context.js'
import type { Diagnosis, ServerDiagnosis, StorageDiagnosis, TrackerDiagnosis } from './diagnosis-types.js'
import { findingsOf, inOrder } from './findings.js'

/** What one tracker says of the cluster. */
export interface TrackerView {
  readonly tracker: ServerAddress
  readonly seen: TrackerDiagnosis
  /** Those of its addresses that do not answer. */
  readonly deadAddresses: readonly { readonly endpoint: string; readonly error: FastDfsError }[]
  /** Why it did not say more. */
  readonly failure: FastDfsError | undefined
  readonly groups: readonly GroupInfo[]
  /** Of all groups. */
  readonly storages: readonly (StorageInfo & { readonly group: string })[]
  /** By `host:port`, since V6.15.5 and from the leader only. */
  readonly versions: ReadonlyMap<string, string>
}

/** Servers that are asked at a time. */
const CONCURRENCY = 16

/** Asks every tracker and storage once, and judges what they say. */
export async function diagnose(context: Context, call: Call): Promise<Diagnosis> {
  const at = new Date()
  const asked = await mapLimited(context.trackers.all, (tracker) => viewOf(context, tracker, call))
  const versions = new Map(asked.flatMap((view) => [...view.versions]))
  const views = asked.map((view) => ({
    ...view,
    seen: { ...view.seen, version: versions.get(view.seen.endpoint) },
  }))
  const known = new Map(
    views.flatMap(({ storages }) => storages.map((one) => [`${one.group}/${one.id}`, one])),
  )
  const records = [...known.values()].filter(({ status }) => status !== 'DELETED' && status !== 'IP_CHANGED')
  const storages = await mapLimited(records, (record) => seeStorage(context, record, records, call))
  const findings = inOrder(findingsOf({ at, views, storages, records }))
  return {
    at,
    healthy: findings.every(({ severity }) => severity !== 'error'),
    trackers: views.map(({ seen }) => seen),
    storages,
    findings,
  }
}

async function viewOf(context: Context, tracker: ServerAddress, call: Call): Promise<TrackerView> {
  const addresses = await Promise.all(endpointsOf(tracker).map((endpoint) => probe(context, endpoint, call)))
  const alive = addresses.find(({ reachable }) => reachable)
  const deadAddresses = addresses.flatMap(({ endpoint, error }) =>
    error === undefined ? [] : [{ endpoint, error }],
  )
  const [first] = addresses as [ServerDiagnosis]
  const unknown = { isLeader: undefined, addressSize: undefined, groups: undefined }
  const nothing = { tracker, deadAddresses, groups: [], storages: [], versions: new Map<string, string>() }
  if (alive === undefined) return { ...nothing, seen: { ...first, ...unknown }, failure: undefined }
  const ask: Ask = (command, fields) => context.trackers.askAt(tracker, command, fields, call)
  const seen = { ...alive, ...unknown }
  try {
    const status = await orUndefined(ask(trackerCommands.trackerGetStatus, {}), call)
    const all = await orUndefined(ask(trackerCommands.listAllGroups, {}), call, isNotFound)
    const groups = (all?.groups ?? []).map(groupInfoOf)
    const storages = (
      await mapLimited(groups, async ({ group }) => {
        const { storages } = await ask(trackerCommands.listStorage, { group })
        return storages.map((record) => ({ group, ...storageInfoOf(record) }))
      })
    ).flat()
    const endpoint = endpointsOf(tracker).find((one) => formatEndpoint(one) === alive.endpoint) as Endpoint
    return {
      ...nothing,
      seen: {
        ...seen,
        isLeader: status?.isLeader,
        addressSize: await addressSizeOf(context, endpoint, groups, call),
        groups: groups.length,
      },
      failure: undefined,
      groups,
      storages,
      versions: await versionsOf(ask, call),
    }
  } catch (error) {
    return { ...nothing, seen, failure: failureOf(error, call) }
  }
}

type Ask = <C extends Command>(command: C, fields: RequestOf<C>) => Promise<ResponseOf<C>>

/** Whether a server answers at all, by whatever connection there is. */
async function probe({ pool }: Context, endpoint: Endpoint, call: Call): Promise<ServerDiagnosis> {
  const place = { endpoint: formatEndpoint(endpoint), version: undefined }
  const beganAt = performance.now()
  try {
    await pool.use(endpoint, new Request(connectionCommands.activeTest, {}, call))
    return { ...place, reachable: true, latency: performance.now() - beganAt, error: undefined }
  } catch (error) {
    return { ...place, reachable: false, latency: undefined, error: failureOf(error, call) }
  }
}

async function seeStorage(
  context: Context,
  record: TrackerView['storages'][number],
  all: TrackerView['storages'],
  call: Call,
): Promise<StorageDiagnosis> {
  const { group, id, ip, port, status, version, freeBytes, reservedBytes } = record
  const address = { host: ip, port }
  const seen = await probe(context, context.addresses.first({ group, ...address }), call)
  const facts = { group, id, address: formatEndpoint(address), status, version, freeBytes, reservedBytes }
  return { ...seen, ...facts, syncDelay: syncDelayOf(record, all) }
}

/** How far a storage is behind the newest change that a client made at another one of its group. */
function syncDelayOf(
  { group, id, statistics }: TrackerView['storages'][number],
  all: TrackerView['storages'],
): number | undefined {
  const changes = all
    .filter((other) => other.group === group && other.id !== id)
    .flatMap((other) => other.statistics.lastSourceUpdate?.getTime() ?? [])
  const synced = statistics.lastSyncedTimestamp?.getTime()
  if (synced === undefined || changes.length === 0) return undefined
  return Math.max(0, Math.max(...changes) - synced)
}

/** A client only sees it in the length of an answer: 40 or 70 bytes (protocol.md §1.3, §2.1). */
async function addressSizeOf(
  { pool }: Context,
  tracker: Endpoint,
  groups: readonly GroupInfo[],
  call: Call,
): Promise<16 | 46 | undefined> {
  for (const { group } of groups) {
    let length = 0
    const sink = { start: (size: number) => void (length = size), write: () => true }
    const ask = pool.use(
      tracker,
      new Request(trackerCommands.queryStoreWithGroupOne, { group }, call, { sink }),
    )
    if ((await orUndefined(ask, call)) !== undefined) return length === WIDE_TARGET ? 46 : 16
  }
  return undefined
}

/** Bytes of a store target with an IPv6 field. */
const WIDE_TARGET = 16 + 45 + 8 + 1

async function versionsOf(ask: Ask, call: Call): Promise<Map<string, string>> {
  const all = { filterBy: 0, isActive: false, isLeader: false }
  const reply = await orUndefined(ask(trackerCommands.trackerClusterStat, all), call)
  return new Map((reply?.trackers ?? []).map(({ host, version }) => [host, version]))
}

function isNotFound(error: FastDfsError): boolean {
  return error instanceof FileNotFoundError
}

/** What a server answers that it has not, or does not know, is not there; what ends the call ends it. */
async function orUndefined<T>(
  answer: Promise<T>,
  call: Call,
  isExpected: (error: FastDfsError) => boolean = (error) => error.status !== undefined,
): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    const failure = failureOf(error, call)
    if (!isExpected(failure)) throw failure
    return undefined
  }
}

function failureOf(error: unknown, call: Call): FastDfsError {
  call.check()
  if (!isFastDfsError(error)) throw error
  return error
}

/** Maps a few items at a time, in order. */
async function mapLimited<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++
      results[i] = await map(items[i] as T)
    }
  }
  const workers = Array.from({ length: Math.min(CONCURRENCY, items.length) }, async () => {
    try {
      await work()
    } catch (error) {
      next = items.length
      throw error
    }
  })
  // None is left at work when one has failed.
  await Promise.allSettled(workers)
  await Promise.all(workers)
  return results
}
