/** Where to upload, download and change (protocol.md §2.1, §2.2). */
import { STATUS } from '../../errors.js'
import { limits } from '../../protocol/index.js'
import type { Cluster } from './cluster.js'
import type { TrackerHandlers } from './context.js'
import { storagesToRead, storageToRead, storageToWrite } from './file-query.js'
import type { Group } from './group.js'
import type { Member } from './member.js'

/** Bytes of a logic filename at a tracker, at least. */
const MIN_FILENAME_SIZE = 22

interface Target {
  readonly group: string
  readonly ip: string
  readonly port: number
}

function targetOf(group: Group, member: Member): Target {
  return { group: group.name, ip: member.ip, port: member.join.storagePort }
}

function placeOf(member: Member): Omit<Target, 'group'> {
  return { ip: member.ip, port: member.join.storagePort }
}

function storeOne(group: Group | undefined): (Target & { storePathIndex: number }) | number {
  const member = group?.nextWritable()
  if (group === undefined || member === undefined) return STATUS.ENOENT
  return { ...targetOf(group, member), storePathIndex: group.nextStorePath(member) }
}

/** All storages. The path is the turn of the first; that of the storages is left as it is. */
function storeAll(group: Group | undefined) {
  const [first] = group?.active ?? []
  if (group === undefined || first === undefined) return STATUS.ENOENT
  return {
    group: group.name,
    storages: group.active.map(placeOf),
    storePathIndex: group.nextStorePath(first),
  }
}

/** Answers a query about a file: what the name must be is checked here, what it says is not (protocol.md §2.2). */
function aboutFile<T>(
  cluster: Cluster,
  request: { group: string; name: string },
  answer: (group: Group) => T,
): T | number {
  const { length } = request.name
  if (length < MIN_FILENAME_SIZE || length > limits.MAX_FILENAME_SIZE) return STATUS.EINVAL
  const group = cluster.find(request.group)
  return group === undefined || group.active.length === 0 ? STATUS.ENOENT : answer(group)
}

/** See the file's head. */
export const queryHandlers: TrackerHandlers = {
  queryStoreWithoutGroupOne: (_, { context }) => storeOne(context.cluster.nextWritable()),
  queryStoreWithGroupOne: ({ group }, { context }) => storeOne(context.cluster.find(group)),
  queryStoreWithoutGroupAll: (_, { context }) => storeAll(context.cluster.nextWritable()),
  queryStoreWithGroupAll: ({ group }, { context }) => storeAll(context.cluster.find(group)),

  queryFetchOne: (request, { context }) =>
    aboutFile(context.cluster, request, (group) => {
      const member = storageToRead(group, request.name, context.cluster.clock)
      return member === undefined ? STATUS.ENOENT : targetOf(group, member)
    }),

  queryFetchAll: (request, { context }) =>
    aboutFile(context.cluster, request, (group) => {
      const [first, ...others] = storagesToRead(group, request.name, context.cluster.clock)
      return first === undefined ? STATUS.ENOENT : { ...targetOf(group, first), others: others.map(placeOf) }
    }),

  queryUpdate: (request, { context }) =>
    aboutFile(context.cluster, request, (group) => {
      const member = storageToWrite(group, request.name)
      return member === undefined ? STATUS.ENOENT : targetOf(group, member)
    }),
}
