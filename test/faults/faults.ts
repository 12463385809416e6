/** What can go wrong between a client and a server, and what it means. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FastDfsClient } from '../../src/index.js'
import type { Member } from '../../src/testing/index.js'
import type { FaultEffect, FaultRow, Scope, Seen, Stage, Step, Strike } from './tables.js'

/** Milliseconds without a byte after which a client of the suite gives a request up. */
export const IDLE_TIMEOUT = 500
/** Milliseconds of a call that is given so many by its caller. */
export const CALL_TIMEOUT = 250

const ONCE: readonly Scope[] = ['once']
const LASTING: readonly Scope[] = ['one', 'all']
const EVERY: readonly Scope[] = ['once', 'one', 'all']

const any = (): boolean => true
const nothing = (): Seen => ({ kind: 'nothing' })
const withContent = (step: Step): boolean => step.sends !== 'no'

/** Everything was sent, and the answer is lost. */
const answerLost = (error: string) => (): Seen => ({ kind: 'lost', error, reaches: ['answer'] })
/** Lost on the way there: a request without content is one piece, which leaves at once. */
const requestLost =
  (error: string) =>
  (step: Step): Seen => ({ kind: 'lost', error, reaches: [withContent(step) ? 'send' : 'answer'] })

interface RequestFault extends Omit<Partial<FaultRow>, 'begin'> {
  readonly name: string
  readonly effect: FaultEffect
  readonly seen: (step: Step) => Seen
  readonly carriedOut: FaultRow['carriedOut']
}

/** A fault of single requests, of the harness. */
function ofRequests({ effect, ...row }: RequestFault): FaultRow {
  return {
    scopes: EVERY,
    fits: any,
    holdsContent: false,
    ofConnections: false,
    ...row,
    begin: async (stage) => strikeRequests(stage, effect),
  }
}

function strikeRequests(stage: Stage, effect: FaultEffect): Strike {
  const { cluster, step, scope, member } = stage
  const fault = cluster.fault(
    {
      on: scope === 'one' ? member : step.at,
      from: 'clients',
      command: step.command,
      times: scope === 'once' ? 1 : Infinity,
    },
    effect,
  )
  return {
    get hits() {
      return fault.hits
    },
    undo: async () => fault.remove(),
  }
}

/** Members that a fault of connections strikes. */
function struck({ cluster, step, scope, member }: Stage): readonly Member[] {
  if (scope === 'one') return [member]
  return step.at === 'tracker' ? cluster.trackers : cluster.storages
}

function statusFault(name: string, status: number): FaultRow {
  return ofRequests({
    name,
    effect: { status },
    seen: () => ({ kind: 'status', status }),
    carriedOut: 'no',
  })
}

/** Never answered, and then `then` happens. */
function endedBy(name: string, by: 'abort' | 'timeout' | 'close', then: (stage: Stage) => void): FaultRow {
  return {
    name,
    scopes: ONCE,
    seen: () => ({ kind: 'ended', by }),
    carriedOut: 'yes',
    fits: any,
    holdsContent: false,
    ofConnections: false,
    begin: async (stage) => {
      const strike = strikeRequests(stage, { hang: true })
      void untilHit(strike).then(() => then(stage))
      return strike
    },
  }
}

/** Resolves when a fault has happened, or has been undone. */
async function untilHit(strike: Strike): Promise<void> {
  const until = performance.now() + 5_000
  while (strike.hits === 0 && performance.now() < until) await nextTurn()
}

async function restart(members: readonly Member[], cluster: Stage['cluster']): Promise<void> {
  for (const member of members) {
    await member.stop()
    await member.start()
  }
  await allActive(cluster)
}

/** Resolves when each tracker counts every storage of the groups that the cluster began with. */
async function allActive(cluster: Stage['cluster']): Promise<void> {
  for (const tracker of cluster.clientOptions().trackers) {
    await using client = new FastDfsClient({ trackers: tracker })
    const isReady = async (): Promise<boolean> => {
      const groups = await client.admin.listGroups().catch(() => [])
      const ready = groups.filter(({ group, activeCount }) => /^group/.test(group) && activeCount === 2)
      return ready.length === 2
    }
    const until = performance.now() + 10_000
    while (!(await isReady())) {
      if (performance.now() > until) throw new Error(`${tracker} does not count every storage again`)
      await nextTurn()
    }
  }
}

/** Turns of the event loop after which the end of connections has been noticed. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await nextTurn()
}

/** Why the suite aborts calls. */
export const ABORT_REASON = new Error('the fault suite aborts this call')

/** Commands whose answers are empty. */
const EMPTY_ANSWERS: readonly string[] = [
  'activeTest',
  'deleteFile',
  'setMetadata',
  'appendFile',
  'modifyFile',
  'truncateFile',
  'deleteStorage',
  'deleteGroup',
  'setTrunkServer',
]

/** Commands whose answers are texts, or the request: a part of one is one too; or are empty from some trackers. */
const ANY_LENGTH: readonly string[] = [
  'getLeader',
  'parameterReq',
  'truncateFile',
  'getMetadata',
  'trackerClusterStat',
]

export const FAULTS: readonly FaultRow[] = [
  {
    name: 'none',
    scopes: ['all'],
    seen: nothing,
    carriedOut: 'yes',
    fits: any,
    holdsContent: false,
    ofConnections: true,
    begin: async () => ({ hits: undefined, undo: async () => {} }),
  },
  {
    name: 'refused: nobody listens',
    scopes: LASTING,
    seen: () => ({ kind: 'lost', error: 'ConnectError', reaches: ['connect'] }),
    carriedOut: 'no',
    fits: any,
    holdsContent: false,
    ofConnections: true,
    begin: async (stage) => {
      const members = struck(stage)
      if (stage.step.at === 'storage') {
        // Trackers would name another storage as soon as one stops.
        for (const { port } of members) stage.unreachable.add(port)
        return { hits: undefined, undo: async () => {} }
      }
      await Promise.all(members.map((member) => member.stop()))
      return {
        hits: undefined,
        undo: async () => {
          await Promise.all(members.map((member) => member.start()))
          await allActive(stage.cluster)
        },
      }
    },
  },
  {
    name: 'reset as soon as connected',
    scopes: EVERY,
    // The reset may come before or behind the request: the client cannot tell where it was.
    seen: (step) => ({
      kind: 'lost',
      error: 'ConnectError',
      reaches: withContent(step) ? ['connect', 'send', 'answer'] : ['connect', 'answer'],
    }),
    carriedOut: 'no',
    fits: any,
    holdsContent: false,
    ofConnections: true,
    begin: async ({ cluster, step, scope, member }) => {
      const fault = cluster.fault(
        { on: scope === 'one' ? member : step.at, from: 'clients', times: scope === 'once' ? 1 : Infinity },
        { refuse: true },
      )
      return {
        get hits() {
          return fault.hits
        },
        undo: async () => fault.remove(),
      }
    },
  },
  {
    name: 'partition: connections are reset, and new ones',
    scopes: LASTING,
    seen: (step) => ({
      kind: 'lost',
      error: 'ConnectError',
      reaches: withContent(step) ? ['connect', 'send', 'answer'] : ['connect', 'answer'],
    }),
    carriedOut: 'no',
    fits: any,
    holdsContent: false,
    ofConnections: true,
    begin: async (stage) => {
      await stage.warm()
      const partitions = struck(stage).map((member) => stage.cluster.partition(member, 'clients'))
      await settle()
      return { hits: undefined, undo: async () => partitions.forEach((partition) => partition.remove()) }
    },
  },
  {
    name: 'silent partition: nothing passes',
    scopes: LASTING,
    seen: answerLost('TimeoutError'),
    // It arrives when the partition ends.
    carriedOut: 'maybe',
    fits: any,
    holdsContent: false,
    ofConnections: true,
    begin: async (stage) => {
      const partitions = struck(stage).map((member) =>
        stage.cluster.partition(member, 'clients', { silent: true }),
      )
      return { hits: undefined, undo: async () => partitions.forEach((partition) => partition.remove()) }
    },
  },
  ofRequests({
    name: 'reset before the request',
    effect: { dir: 'request', cutAfter: 0 },
    seen: requestLost('ConnectError'),
    carriedOut: 'no',
    holdsContent: true,
  }),
  ofRequests({
    name: 'reset during the request',
    effect: { dir: 'request', cutAfter: 9 },
    seen: requestLost('ConnectError'),
    carriedOut: 'no',
    holdsContent: true,
  }),
  ofRequests({
    name: 'reset within the content of the request',
    effect: { dir: 'request', cutAfter: 5_000 },
    seen: requestLost('ConnectError'),
    carriedOut: 'no',
    fits: withContent,
    holdsContent: true,
  }),
  ofRequests({
    name: 'no longer read from the request on',
    effect: { stopReading: true },
    seen: requestLost('TimeoutError'),
    carriedOut: 'no',
    holdsContent: true,
  }),
  ofRequests({
    name: 'reset after the request',
    effect: { cutAfter: 0 },
    seen: answerLost('ConnectError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'reset during the response',
    effect: { cutAfter: 9 },
    seen: answerLost('ConnectError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'reset within the content of the response',
    effect: { cutAfter: 5_000 },
    seen: answerLost('ConnectError'),
    carriedOut: 'yes',
    fits: ({ gives }) => gives,
  }),
  ofRequests({
    name: 'reset after the response',
    scopes: ONCE,
    effect: { cutAfter: Infinity },
    seen: nothing,
    carriedOut: 'yes',
    // What has not been read yet may go with the reset.
    fits: ({ gives }) => !gives,
  }),
  ofRequests({
    name: 'ended before the response',
    effect: { halfCloseAfter: 0 },
    seen: answerLost('ConnectError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'ended during the response',
    effect: { halfCloseAfter: 9 },
    seen: answerLost('ConnectError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'ended after the response',
    // Whether that is noticed before the next request is chance: each time would be one time too many.
    scopes: ONCE,
    effect: { halfCloseAfter: Infinity },
    seen: nothing,
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'garbage',
    effect: { garbage: Buffer.alloc(64, 0xff) },
    seen: answerLost('ProtocolError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'the answer of another protocol',
    effect: { garbage: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
    seen: answerLost('ProtocolError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'wrong length: far too long',
    effect: { length: 2 ** 40 },
    seen: answerLost('ProtocolError'),
    carriedOut: 'yes',
    fits: ({ gives }) => !gives,
  }),
  ofRequests({
    name: 'wrong length: one byte',
    effect: { length: 1 },
    // One byte is awaited where none comes; where more come, it is no answer to this command.
    seen: ({ command }) => ({
      kind: 'lost',
      error: EMPTY_ANSWERS.includes(command) ? 'TimeoutError' : 'ProtocolError',
      reaches: ['answer'],
    }),
    carriedOut: 'yes',
    fits: ({ gives, command }) => !gives && !ANY_LENGTH.includes(command),
  }),
  ...[1, 2 ** 40].map((length) =>
    ofRequests({
      name: `wrong length of content: ${length}`,
      effect: { length },
      // What the name says may be wrong at this storage only; a range of another length is no answer.
      seen: ({ sized }) => ({
        kind: 'lost',
        error: sized === 'name' ? 'IntegrityError' : 'ProtocolError',
        reaches: ['answer'],
      }),
      carriedOut: 'yes',
      fits: ({ gives, sized }) => gives && sized !== 'no',
    }),
  ),
  ofRequests({
    name: 'never answered',
    effect: { hang: true },
    seen: answerLost('TimeoutError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'answered too late',
    effect: { delay: 2 * IDLE_TIMEOUT },
    seen: answerLost('TimeoutError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'slow: the answer in small pieces',
    effect: { delay: 10, chunk: 997 },
    seen: nothing,
    carriedOut: 'yes',
    scopes: ['all'],
  }),
  ofRequests({
    name: 'slow: the answer byte by byte',
    effect: { chunk: 1 },
    seen: nothing,
    carriedOut: 'yes',
    scopes: ['all'],
    fits: ({ gives }) => !gives,
  }),
  ofRequests({
    name: 'slow: the request in small pieces',
    effect: { dir: 'request', delay: 10, chunk: 997 },
    seen: nothing,
    carriedOut: 'yes',
    scopes: ['all'],
  }),
  statusFault('status 5', 5),
  statusFault('status 11', 11),
  statusFault('status 28', 28),
  {
    name: 'restart before the request',
    scopes: ['all'],
    seen: nothing,
    carriedOut: 'yes',
    // Trackers that have begun anew have no leader for a while.
    fits: ({ asks }) => asks !== 'leader',
    holdsContent: false,
    ofConnections: true,
    begin: async (stage) => {
      await stage.warm()
      await restart(struck(stage), stage.cluster)
      await settle()
      return { hits: undefined, undo: async () => {} }
    },
  },
  {
    name: 'restart during the request',
    scopes: ONCE,
    seen: answerLost('ConnectError'),
    carriedOut: 'yes',
    // Trackers that have begun anew have no leader for a while.
    fits: ({ asks }) => asks !== 'leader',
    holdsContent: false,
    ofConnections: false,
    begin: async (stage) => {
      const strike = strikeRequests(stage, { hang: true })
      let isUndone = false
      const restarted = untilHit(strike).then(async () => {
        if (!isUndone) await restart(struck(stage), stage.cluster)
      })
      // Told by `undo`.
      restarted.catch(() => {})
      return {
        get hits() {
          return strike.hits
        },
        undo: async () => {
          isUndone = strike.hits === 0
          await restarted
          await strike.undo()
        },
      }
    },
  },
  endedBy('never answered, and aborted by the caller', 'abort', ({ abort }) => abort.abort(ABORT_REASON)),
  endedBy('never answered within the time of the call', 'timeout', () => {}),
  endedBy('never answered, and the client is closed', 'close', ({ client }) => {
    void client.close({ grace: 0 })
  }),
]
