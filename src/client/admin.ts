import type { FastDfsError } from '../errors.js'
import {
  ClosedError,
  FileNotFoundError,
  isFastDfsError,
  locateError,
  NotSupportedError,
  RetryError,
  ServerError,
  STATUS,
} from '../errors.js'
import type { Call, CallOptions } from '../net/call.js'
import type { Endpoint } from '../net/endpoint.js'
import { parseEndpoint } from '../net/endpoint.js'
import { backoff, retry } from '../net/retry.js'
import type { Command, RequestOf, ResponseOf } from '../protocol/index.js'
import { limits, trackerCommands } from '../protocol/index.js'
import type { GroupInfo, StorageInfo } from './admin-types.js'
import { bytesOf, dateOf, groupInfoOf, statusName, storageInfoOf } from './admin-types.js'
import { checkGroup, checkNames, checkStorageId } from './check.js'
import type { ClusterStatistics, StorageIdEntry, TrackerStatus } from './cluster-types.js'
import type { ServerAddress } from './config/server-address.js'
import { formatServerAddress } from './config/server-address.js'
import { TRACKER_PORT } from './config/trackers.js'
import type { Context, Run } from './context.js'
import { fetchStorageIds } from './storage-id-entries.js'
import { isUnknownCommand } from './unknown-command.js'

/** States in which a storage is alive and cannot be deleted (protocol.md §2.5). */
const ALIVE: readonly number[] = [
  limits.STORAGE_STATUS.ONLINE,
  limits.STORAGE_STATUS.ACTIVE,
  limits.STORAGE_STATUS.RECOVERY,
]

/** Milliseconds between two questions to trackers that have no leader, at most. */
const ELECTION_PAUSE = 1_000

/** What operators ask of trackers: `client.admin`. Every method takes `{ signal, timeout }`. */
export class AdminClient {
  readonly #context: Context
  readonly #run: Run

  /** @internal */
  constructor(context: Context, run: Run) {
    this.#context = context
    this.#run = run
  }

  /** All groups, by name (protocol.md §2.3). */
  listGroups(options: CallOptions = {}): Promise<GroupInfo[]> {
    return this.#ask(options, 'listGroups', async (ask) => {
      const { groups } = await ask(trackerCommands.listAllGroups, {})
      return groups.map(groupInfoOf)
    })
  }

  /**
   * One group (protocol.md §2.3).
   *
   * @throws {@link FileNotFoundError} when there is no such group
   */
  listGroup(group: string, options: CallOptions = {}): Promise<GroupInfo> {
    return this.#ask(options, 'listGroup', async (ask) => {
      checkGroup(group)
      return groupInfoOf(await ask(trackerCommands.listOneGroup, { group }))
    })
  }

  /**
   * The storages of a group, by ID, or the one of that ID (protocol.md §2.4).
   *
   * @throws {@link FileNotFoundError} when there is no such group or storage
   */
  listStorages(group: string, options: CallOptions & { id?: string } = {}): Promise<StorageInfo[]> {
    return this.#ask(
      options,
      'listStorages',
      async (ask) => {
        const { id } = options
        checkGroup(group)
        if (id !== undefined) checkStorageId(id)
        const { storages } = await ask(trackerCommands.listStorage, { group, id })
        return storages.map(storageInfoOf)
      },
      ['id'],
    )
  }

  /**
   * Forgets a storage that is gone for good, at every tracker (protocol.md §2.5).
   *
   * @throws {@link ServerError} with status 16 while a tracker counts it as alive; then it is deleted at none
   * @throws {@link FileNotFoundError} when there is no such storage
   */
  deleteStorage(group: string, id: string, options: CallOptions = {}): Promise<void> {
    const deletion = new Deletion(STATUS.EALREADY)
    return this.#call(options, 'deleteStorage', async (call) => {
      checkGroup(group)
      checkStorageId(id)
      const known = await this.#each(trackerCommands.listStorage, { group, id }, call).catch(
        (error: unknown) => {
          // Whoever is told so asked for a deletion: that is what trackers answer then.
          if (error instanceof FileNotFoundError) return []
          throw error
        },
      )
      if (known.some(({ storages }) => storages.some(({ status }) => ALIVE.includes(status)))) {
        throw new ServerError(`storage ${id} of ${group} is alive: stop it first`, {
          command: trackerCommands.deleteStorage.name,
          status: STATUS.EBUSY,
        })
      }
      await deletion.attempt(this.#each(trackerCommands.deleteStorage, { group, id }, call))
    })
  }

  /**
   * Forgets an empty group, at every tracker (protocol.md §2.5).
   *
   * @throws {@link ServerError} with status 16 while it has storages, deleted ones included
   * @throws {@link FileNotFoundError} when there is no such group
   */
  deleteGroup(group: string, options: CallOptions = {}): Promise<void> {
    const deletion = new Deletion(STATUS.ENOENT)
    return this.#call(options, 'deleteGroup', async (call) => {
      checkGroup(group)
      await deletion.attempt(this.#each(trackerCommands.deleteGroup, { group }, call))
    })
  }

  /**
   * Makes a storage the trunk server of its group (protocol.md §2.5).
   *
   * @param options - `id`: the storage; without it the tracker chooses
   * @returns the ID of the trunk server
   * @throws {@link NotSupportedError} when trunk files are off
   */
  setTrunkServer(group: string, options: CallOptions & { id?: string } = {}): Promise<string> {
    return this.#call(
      options,
      'setTrunkServer',
      async (call) => {
        const { id } = options
        checkGroup(group)
        if (id !== undefined) checkStorageId(id)
        return (await this.#askLeader(trackerCommands.setTrunkServer, { group, id }, call)).id
      },
      ['id'],
    )
  }

  /** What each tracker says of itself (protocol.md §2.5); `error` where one could not be asked. */
  trackerStatus(options: CallOptions = {}): Promise<TrackerStatus[]> {
    return this.#call(options, 'trackerStatus', (call) =>
      Promise.all(
        this.#context.trackers.all.map(async (tracker): Promise<TrackerStatus> => {
          const endpoint = formatServerAddress(tracker)
          try {
            const status = await this.#context.trackers.askAt(
              tracker,
              trackerCommands.trackerGetStatus,
              {},
              call,
            )
            return { endpoint, ...status, error: undefined }
          } catch (error) {
            call.check()
            if (!isFastDfsError(error)) throw error
            return { endpoint, isLeader: false, runningTime: undefined, restartInterval: undefined, error }
          }
        }),
      ),
    )
  }

  /**
   * The tracker that leads (protocol.md §2.5). Trackers before V6.15.5 do not tell of each other; there it is the one
   * of the client's trackers that says it leads.
   *
   * @throws {@link FileNotFoundError} when there is none
   */
  leader(options: CallOptions = {}): Promise<Endpoint> {
    return this.#call(options, 'leader', async (call) => {
      try {
        const { leader } = await this.#context.trackers.ask(trackerCommands.getLeader, {}, call)
        return parseEndpoint(leader, TRACKER_PORT)
      } catch (error) {
        if (!isUnknownCommand(error)) throw error
        const { trackers } = this.#context
        let failure = error as FastDfsError
        for (const tracker of trackers.all) {
          try {
            const { isLeader } = await trackers.askAt(tracker, trackerCommands.trackerGetStatus, {}, call)
            if (isLeader) return { host: tracker.hosts[0], port: tracker.port }
          } catch (lost) {
            call.check()
            if (!isFastDfsError(lost) || !lost.retriable) throw lost
            failure = lost
          }
        }
        throw failure
      }
    })
  }

  /**
   * Trackers, storages and space of the whole cluster (protocol.md §2.5).
   *
   * @throws {@link NotSupportedError} when the trackers are older than V6.16
   */
  clusterStatistics(options: CallOptions = {}): Promise<ClusterStatistics> {
    return this.#call(options, 'clusterStatistics', async (call) => {
      const all = { filterBy: 0 }
      const { trackers } = await this.#askLeader(
        trackerCommands.trackerClusterStat,
        { ...all, isActive: false, isLeader: false },
        call,
      )
      const { storages } = await this.#askLeader(
        trackerCommands.storageClusterStat,
        { ...all, op: '=', status: 0, isTrunkServer: false },
        call,
      )
      const { groups } = await this.#askLeader(
        trackerCommands.storageVolumeStat,
        { ...all, disk: 0, trunk: 0, space: 0 },
        call,
      )
      return {
        trackers: trackers.map(({ upTime, lastHeartBeat, ...tracker }) => ({
          ...tracker,
          upTime: dateOf(upTime),
          lastHeartBeat: dateOf(lastHeartBeat),
        })),
        storages: storages.map(({ upTime, lastHeartBeat, status, ...storage }) => ({
          ...storage,
          status: statusName(status),
          upTime: dateOf(upTime),
          lastHeartBeat: dateOf(lastHeartBeat),
        })),
        groups: groups.map((group) => ({
          group: group.group,
          totalBytes: bytesOf(group.totalMb),
          freeBytes: bytesOf(group.freeMb),
          reservedBytes: bytesOf(group.reservedMb),
          availableBytes: bytesOf(group.availableMb),
          trunkFreeBytes: bytesOf(group.trunkFreeMb),
          diskAvailable: group.diskAvailable,
          trunkAvailable: group.trunkAvailable,
        })),
      }
    })
  }

  /** The IDs of all storages, as storage_ids.conf has them; none where IDs are not used (protocol.md §2.5). */
  storageIds(options: CallOptions = {}): Promise<StorageIdEntry[]> {
    return this.#call(options, 'storageIds', (call) => fetchStorageIds(this.#context.trackers, call))
  }

  /** What the trackers tell storages of their configuration (protocol.md §4.3). */
  parameters(options: CallOptions = {}): Promise<Record<string, string>> {
    return this.#ask(options, 'parameters', async (ask) => {
      const { parameters } = await ask(trackerCommands.parameterReq, {})
      const entries = parameters.split('\n').map((line): [string, string] => {
        const [name = '', value = ''] = line.split(/=(.*)/s)
        return [name.trim(), value.trim()]
      })
      return Object.fromEntries(entries.filter(([name]) => name !== ''))
    })
  }

  #call<T>(
    options: CallOptions,
    method: string,
    operation: (call: Call) => Promise<T>,
    more: readonly string[] = [],
  ): Promise<T> {
    return this.#run(options, async (call) => {
      checkNames(options, ['signal', 'timeout', ...more], `admin.${method}`)
      return retry(this.#context.options, call, { attempt: () => operation(call) })
    })
  }

  #ask<T>(
    options: CallOptions,
    method: string,
    operation: (
      ask: <C extends Command>(command: C, fields: RequestOf<C>) => Promise<ResponseOf<C>>,
    ) => Promise<T>,
    more?: readonly string[],
  ): Promise<T> {
    return this.#call(
      options,
      method,
      (call) => operation((command, fields) => this.#context.trackers.ask(command, fields, call)),
      more,
    )
  }

  /**
   * The answers of all trackers. Some may not know what others do, or have done it already: an error is thrown when
   * none answers well, or one could not be asked.
   */
  async #each<C extends Command>(command: C, fields: RequestOf<C>, call: Call): Promise<ResponseOf<C>[]> {
    const { trackers } = this.#context
    const results = await Promise.allSettled(
      trackers.all.map((tracker) => trackers.askAt(tracker, command, fields, call)),
    )
    const answers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as FastDfsError] : [],
    )
    call.check()
    const isAnswer = (error: FastDfsError): boolean =>
      error.status === STATUS.ENOENT || error.status === STATUS.EALREADY
    const lost = errors.filter((error) => !isAnswer(error))
    const failures = lost.length > 0 || answers.length > 0 ? lost : errors
    const [first] = failures
    if (first === undefined) return answers
    const ended = failures.find((error) => error instanceof ClosedError)
    if (ended !== undefined) throw ended
    if (failures.length === 1 || failures.every(({ status }) => status === first.status)) throw first
    throw new RetryError(`${failures.length} of ${trackers.all.length} trackers failed`, {
      errors: failures,
      command: command.name,
      // What others answered stays; one that could not be asked may yet say something else.
      retriable: failures.some(({ retriable, status }) => retriable && status === undefined),
    })
  }

  /**
   * Asks the tracker that leads. While there is none, as after all of them were restarted, they are asked again until
   * they have elected one (protocol.md §4.7).
   */
  async #askLeader<C extends Command>(command: C, fields: RequestOf<C>, call: Call): Promise<ResponseOf<C>> {
    const { retries, retryDeadline, log } = this.#context.options
    const until = performance.now() + (retries > 0 ? retryDeadline : 0)
    for (let round = 1; ; round++) {
      try {
        return await this.#askEach(command, fields, call)
      } catch (error) {
        if (!(error instanceof NotSupportedError) || error.status !== STATUS.EOPNOTSUPP) throw error
        const { leader, mayElect } = await this.#findLeader(call)
        // It may have been elected just now. If not, the command is what it does not support.
        if (leader !== undefined) return await this.#context.trackers.askAt(leader, command, fields, call)
        const delay = backoff(round, ELECTION_PAUSE)
        if (!mayElect || performance.now() + delay > until) throw error
        log.debug('retry', `${error.message}: asking again, since no tracker leads at present`)
        await call.sleep(delay)
      }
    }
  }

  /** The tracker that says that it leads (protocol.md §2.5), or whether there are some that will have one. */
  async #findLeader(call: Call): Promise<{ leader?: ServerAddress; mayElect: boolean }> {
    const { trackers } = this.#context
    let mayElect = false
    for (const tracker of trackers.all) {
      try {
        const { isLeader } = await trackers.askAt(tracker, trackerCommands.trackerGetStatus, {}, call)
        if (isLeader) return { leader: tracker, mayElect }
        mayElect = true
      } catch (error) {
        // One that knows no group says 2: it knows no other tracker either.
        if (!isFastDfsError(error)) throw error
        call.check()
      }
    }
    return { mayElect }
  }

  /** Asks one tracker after the other until one does not say that it does not lead. */
  async #askEach<C extends Command>(command: C, fields: RequestOf<C>, call: Call): Promise<ResponseOf<C>> {
    const { trackers } = this.#context
    const errors: FastDfsError[] = []
    for (const tracker of trackers.all) {
      try {
        return await trackers.askAt(tracker, command, fields, call)
      } catch (error) {
        if (isUnknownCommand(error)) {
          throw new NotSupportedError(
            'this tracker is too old for it: the command came with V6.15.5 or V6.16',
            {
              command: command.name,
              endpoint: formatServerAddress(tracker),
              status: STATUS.EINVAL,
              cause: error,
            },
          )
        }
        // What may have been carried out is not asked of another one.
        if (!isFastDfsError(error) || !(error.retriable || error instanceof NotSupportedError)) throw error
        call.check()
        errors.push(error)
      }
    }
    // One that could not be asked may be the one that leads: that another one does not lead says less.
    const [failure] = [...errors.filter(({ retriable }) => retriable), ...errors] as [FastDfsError]
    throw failure
  }
}

/** Deletes something, in one attempt after the other. */
class Deletion {
  readonly #done: number
  #answerLost = false

  /** @param done - the status that says that there is nothing left to delete */
  constructor(done: number) {
    this.#done = done
  }

  async attempt(deleting: Promise<unknown>): Promise<void> {
    try {
      await deleting
    } catch (error) {
      // The answer to an earlier attempt was lost: that one deleted it.
      if (!isFastDfsError(error)) throw error
      if (error.status === this.#done && this.#answerLost) return
      this.#answerLost ||= error.phase === 'answer' && error.status === undefined
      // What is in use stays so.
      throw error.status === STATUS.EBUSY ? locateError(error, { retriable: false }) : error
    }
  }
}
