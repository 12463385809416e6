/** Where to upload, download and change (protocol.md §2.1, §2.2). */
import { STATUS } from '../../errors.js'
import { isAtLeast } from '../../protocol/dialect.js'
import { limits } from '../../protocol/index.js'
import type { NameFacts } from '../name-facts.js'
import { readName } from '../name-facts.js'
import type { Exchange } from '../routes.js'
import type { Cluster } from './cluster.js'
import type { TrackerContext, TrackerHandlers } from './context.js'
import * as fileQuery from './file-query.js'
import type { Group } from './group.js'
import type { Member } from './member.js'
import { ipFor } from './member.js'
import * as oldFileQuery from './old-file-query.js'

/** Bytes of a logic filename at a tracker, at least. */
const MIN_FILENAME_SIZE = 22

interface Place {
  readonly ip: string
  readonly port: number
}

interface Target extends Place {
  readonly group: string
}

function placeOf(group: Group, member: Member, { peerIp }: TrackerContext): Place {
  return { ip: ipFor(peerIp, member), port: group.portOf(member) }
}

function targetOf(group: Group, member: Member, context: TrackerContext): Target {
  return { group: group.name, ...placeOf(group, member, context) }
}

function hasSpace(group: Group, { settings }: Cluster): boolean {
  return settings.reserved.allows(group.space)
}

/** The group for an upload that names none, or the reason why there is none. */
function nextGroup(cluster: Cluster): Group | number {
  const writable = cluster.uploadGroups().filter((group) => group.writable.length > 0)
  const group = writable.find((candidate) => hasSpace(candidate, cluster))
  if (group === undefined) return writable.length === 0 ? STATUS.ENOENT : STATUS.ENOSPC
  cluster.uploadTaken(group)
  return group
}

/** A group that an upload names, or the reason why it cannot go there. */
function namedGroup(name: string, cluster: Cluster): Group | number {
  const group = cluster.find(name)
  if (group === undefined || group.writable.length === 0) return STATUS.ENOENT
  return hasSpace(group, cluster) ? group : STATUS.ENOSPC
}

function storeOne(group: Group | number, context: TrackerContext) {
  if (typeof group === 'number') return group
  const member = group.nextWritable()
  if (member === undefined) return STATUS.ENOENT
  const storePathIndex = group.nextStorePath(member)
  if (storePathIndex === undefined) return STATUS.ENOSPC
  return { ...targetOf(group, member, context), storePathIndex }
}

/** All storages. The path is the turn of the first; that of the storages is left as it is. */
function storeAll(group: Group | number, context: TrackerContext) {
  if (typeof group === 'number') return group
  const [first] = group.writable
  if (first === undefined) return STATUS.ENOENT
  const storePathIndex = group.nextStorePath(first)
  if (storePathIndex === undefined) return STATUS.ENOSPC
  return {
    group: group.name,
    storages: group.writable.map((member) => placeOf(group, member, context)),
    storePathIndex,
  }
}

/** How the storages of a file are found. */
function rulesOf({ cluster }: TrackerContext): typeof fileQuery {
  return isAtLeast(cluster.settings.dialect, '6.13') ? fileQuery : oldFileQuery
}

/** Answers a query about a file: what the name must be is checked here, what it says is not (protocol.md §2.2). */
function aboutFile<T>(
  { group: groupName, name }: { group: string; name: string },
  { context: { cluster }, bodySize }: Exchange<TrackerContext>,
  answer: (group: Group, facts: NameFacts) => T,
): T | number {
  const size = bodySize - limits.GROUP_NAME_SIZE
  if (size < MIN_FILENAME_SIZE || size > limits.MAX_FILENAME_SIZE) return STATUS.EINVAL
  const group = cluster.find(groupName)
  return group === undefined ? STATUS.ENOENT : answer(group, readName(name, size))
}

/** See the file's head. */
export const queryHandlers: TrackerHandlers = {
  queryStoreWithoutGroupOne: (_, { context }) => storeOne(nextGroup(context.cluster), context),
  queryStoreWithGroupOne: ({ group }, { context }) => storeOne(namedGroup(group, context.cluster), context),
  queryStoreWithoutGroupAll: (_, { context }) => storeAll(nextGroup(context.cluster), context),
  queryStoreWithGroupAll: ({ group }, { context }) => storeAll(namedGroup(group, context.cluster), context),

  queryFetchOne: (request, exchange) =>
    aboutFile(request, exchange, (group, facts) => {
      const { context } = exchange
      const member = rulesOf(context).storageToRead(context.cluster, group, facts)
      return member === undefined ? STATUS.ENOENT : targetOf(group, member, context)
    }),

  queryFetchAll: (request, exchange) =>
    aboutFile(request, exchange, (group, facts) => {
      const { context } = exchange
      const [first, ...others] = rulesOf(context).storagesToRead(context.cluster, group, facts)
      if (first === undefined) return STATUS.ENOENT
      return {
        ...targetOf(group, first, context),
        others: others.map((member) => placeOf(group, member, context)),
      }
    }),

  queryUpdate: (request, exchange) =>
    aboutFile(request, exchange, (group, facts) => {
      const { context } = exchange
      const member = rulesOf(context).storageToWrite(context.cluster, group, facts)
      return member === undefined ? STATUS.ENOENT : targetOf(group, member, context)
    }),
}
