import { ConfigError, FileNotFoundError, InvalidArgumentError, NoSpaceError } from '../errors.js'
import type { Call } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import { formatEndpoint, parseEndpoint } from '../net/endpoint.js'
import { limits, trackerCommands } from '../protocol/index.js'
import { checkGroup, checkInteger, show } from './check.js'
import { STORAGE_PORT } from './config/storage-ids.js'
import type { Context } from './context.js'
import type { MayBePending } from './pending.js'
import type { Failed } from './replicas.js'
import { isUsable, orNone } from './replicas.js'
import type { StoreCache } from './store-cache.js'
import type { StoreTarget } from './trackers.js'
import { hostOf } from './trackers.js'

/** All storages of a group that can be uploaded to. */
export interface StoreTargets {
  /** The group. */
  readonly group: string
  /** Its storages. */
  readonly storages: readonly Endpoint[]
  /** The store path that the tracker chose for the first of them (protocol.md §2.1). */
  readonly storePathIndex: number
}

/** Where an upload goes. */
export interface StoreChoice extends StoreTarget {
  /** Whether a tracker said so for an earlier upload. */
  readonly isRemembered?: boolean
}

/** Where a file is stored, as far as a caller says. */
export interface PlaceOptions {
  /** The group to store in. Default: the client's, or the tracker chooses. */
  group?: string | undefined
  /**
   * The storage to store at: `host:port` as the trackers name it, `host` for port 23000, or its storage ID. It must be
   * one that the trackers send uploads to. Default: the tracker chooses.
   */
  storage?: string | undefined
  /**
   * The store path of the storage, from 0 on; 255 leaves it to the storage. Storages of V5 and V6 take none from 128 to
   * 254 (protocol.md §10). Default: the tracker chooses.
   */
  storePathIndex?: number | undefined
}

/** The names of {@link PlaceOptions}. */
export const PLACE_OPTIONS = ['group', 'storage', 'storePathIndex']

/** {@link PlaceOptions} checked. */
export interface Place {
  readonly group: string | undefined
  readonly storage: { readonly id: string } | Endpoint | undefined
  readonly storePathIndex: number | undefined
}

/** Refuses what cannot be a place. */
export function checkPlace(
  { group, storage, storePathIndex }: PlaceOptions,
  defaultGroup: string | undefined,
): Place {
  if (group !== undefined) checkGroup(group)
  if (storePathIndex !== undefined && checkInteger(storePathIndex, 'storePathIndex', 0) > 255) {
    throw new InvalidArgumentError(`storePathIndex must be 0 to 255, not ${storePathIndex}`)
  }
  return {
    group: group ?? defaultGroup,
    storage: storage === undefined ? undefined : parseStorage(storage),
    storePathIndex,
  }
}

function parseStorage(storage: unknown): { id: string } | Endpoint {
  if (typeof storage === 'string' && /^\d+$/.test(storage)) return { id: storage }
  try {
    if (typeof storage === 'string') return parseEndpoint(storage, STORAGE_PORT)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
  }
  throw new InvalidArgumentError(`storage must be host:port or a storage ID, not ${show(storage)}`)
}

/**
 * Finds out where to upload to (protocol.md §2.1), from a tracker or what one has said before: not where that has failed, in this operation or lately, if
 * another storage can take it.
 *
 * @throws {@link InvalidArgumentError} when the storage is none that takes uploads, or has no such store path
 */
export function findStore(
  context: Context,
  place: Place,
  call: Call,
  failed: Failed,
): MayBePending<StoreChoice> {
  const { group, storage, storePathIndex } = place
  if (storage !== undefined || storePathIndex !== undefined) return findPlace(context, place, call, failed)
  // What was remembered was wrong, or may have been.
  return context.stores === undefined || failed.any
    ? findAny(context, group, call, failed)
    : (context.stores.next(group, context.trackers.count) ??
        findAndRemember(context, context.stores, group, call, failed))
}

async function findAndRemember(
  context: Context,
  stores: StoreCache,
  group: string | undefined,
  call: Call,
  failed: Failed,
): Promise<StoreChoice> {
  const askedAt = performance.now()
  const all = await queryStoreAll(context, group, call)
  // The tracker chose a path for one upload to the first of them.
  const storePathIndex = limits.ANY_STORE_PATH
  const targets = all.storages.map((storage): StoreChoice => ({
    group: all.group,
    ...storage,
    storePathIndex,
    isRemembered: true,
  }))
  const answer = { group: all.group, targets }
  stores.add(group, answer, askedAt)
  const target = stores.nextOf(answer)
  return target === undefined ? findAny(context, group, call, failed) : { ...target, isRemembered: false }
}

async function findPlace(
  context: Context,
  { group, storage, storePathIndex }: Place,
  call: Call,
  failed: Failed,
): Promise<StoreTarget> {
  const target =
    storage === undefined
      ? await findAny(context, group, call, failed)
      : await findStorage(context, group, storage, call)
  if (storePathIndex === undefined) return target
  if (storePathIndex !== limits.ANY_STORE_PATH) await checkPath(context, target, storePathIndex, call)
  return { ...target, storePathIndex }
}

async function findAny(
  context: Context,
  group: string | undefined,
  call: Call,
  failed: Failed,
): Promise<StoreTarget> {
  const first = await context.trackers.queryStore(group, call)
  return isUsable(context, first, failed) ? first : findOther(context, first, group, call, failed)
}

/** Another storage than `first`, which has failed; that one where there is none. */
async function findOther(
  context: Context,
  first: StoreTarget,
  group: string | undefined,
  call: Call,
  failed: Failed,
): Promise<StoreTarget> {
  // A question without a group is about the next group each time.
  for (let i = 0; i < (group === undefined ? GROUPS_TRIED : 1); i++) {
    const targets = await orNone(allTargets(context, group, call), call)
    const other = targets.find((target) => isUsable(context, target, failed))
    if (other !== undefined) return other
  }
  return first
}

async function allTargets(context: Context, group: string | undefined, call: Call): Promise<StoreTarget[]> {
  const all = await queryStoreAll(context, group, call)
  return all.storages.map((storage, i) => ({
    group: all.group,
    ...storage,
    // The tracker chose a path of the first one only.
    storePathIndex: i === 0 ? all.storePathIndex : limits.ANY_STORE_PATH,
  }))
}

/** Groups that are looked at for a storage that works, beside the first one. */
const GROUPS_TRIED = 3

/** All storages of a group that take uploads (protocol.md §2.1). */
export async function queryStoreAll(
  { trackers }: Context,
  group: string | undefined,
  call: Call,
): Promise<StoreTargets> {
  const reply =
    group === undefined
      ? await trackers.ask(trackerCommands.queryStoreWithoutGroupAll, {}, call)
      : await trackers.ask(trackerCommands.queryStoreWithGroupAll, { group }, call)
  const storages = reply.storages.map(({ ip, port }) => ({ host: hostOf(ip), port }))
  return { ...reply, storages }
}

async function findStorage(
  context: Context,
  group: string | undefined,
  storage: { id: string } | Endpoint,
  call: Call,
): Promise<StoreTarget> {
  const named: string[] = []
  for (const name of group === undefined ? await groupsOf(context, call) : [group]) {
    const wanted = 'id' in storage ? await endpointOfId(context, name, storage.id, call) : storage
    let all: StoreTargets
    try {
      all = await queryStoreAll(context, name, call)
    } catch (error) {
      // One of many groups, and perhaps not the storage's.
      const isSkipped = error instanceof FileNotFoundError || error instanceof NoSpaceError
      if (group === undefined && isSkipped) continue
      throw error
    }
    const found = all.storages.find((candidate) => isSame(context, name, candidate, wanted))
    if (found !== undefined) return { group: name, ...found, storePathIndex: all.storePathIndex }
    named.push(...all.storages.map((candidate) => `${name}/${formatEndpoint(candidate)}`))
  }
  const text = 'id' in storage ? storage.id : formatEndpoint(storage)
  const place = group === undefined ? '' : ` of ${group}`
  const others = named.length === 0 ? '' : `: those that do are ${named.join(', ')}`
  throw new InvalidArgumentError(
    `no tracker names storage ${text}${place} as one that takes uploads${others}`,
  )
}

async function groupsOf({ trackers }: Context, call: Call): Promise<string[]> {
  const { groups } = await trackers.ask(trackerCommands.listAllGroups, {}, call)
  return groups.map(({ group }) => group)
}

async function endpointOfId(
  { trackers }: Context,
  group: string,
  id: string,
  call: Call,
): Promise<Endpoint | undefined> {
  try {
    const { storages } = await trackers.ask(trackerCommands.listStorage, { group, id }, call)
    const [record] = storages
    return record?.id === id ? { host: record.ip, port: record.storagePort } : undefined
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined
    throw error
  }
}

/** Also by the address under which the storage is reached from here. */
function isSame(context: Context, group: string, given: Endpoint, wanted: Endpoint | undefined): boolean {
  if (wanted === undefined) return false
  const text = formatEndpoint(wanted).toLowerCase()
  const reached = context.options.addressOf(group, given)
  return [given, reached].some((endpoint) => formatEndpoint(endpoint).toLowerCase() === text)
}

/** A storage would answer 22 to a path that it has not, and cut the connection: that answer is mostly lost (§1.1). */
async function checkPath(
  { trackers }: Context,
  { group }: StoreTarget,
  index: number,
  call: Call,
): Promise<void> {
  const { storePathCount } = await trackers.ask(trackerCommands.listOneGroup, { group }, call)
  if (index >= storePathCount) {
    throw new InvalidArgumentError(
      `storePathIndex is ${index}, but the storages of ${group} have ${storePathCount} store paths, from 0 on`,
    )
  }
}
