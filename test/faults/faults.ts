/** What can go wrong between a client and a server, and what it means. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FastDfsClient } from '../../src/index.js'
import type { Member } from '../../src/testing/index.js'
import { eventually } from './eventually.js'
import { StuckPort } from './stuck.js'
import type { FaultEffect, FaultRow, Scope, Seen, Stage, Step, Strike } from './tables.js'

/** Milliseconds without a byte after which a client of the suite gives a request up. */
const IDLE_TIMEOUT = 4_000
/** Milliseconds in which a client of the suite wants a connection. */
const CONNECT_TIMEOUT = 3_000
const LIMITS = { connectTimeout: CONNECT_TIMEOUT, idleTimeout: IDLE_TIMEOUT }
/** Milliseconds of a call that is given so many by its caller. */
export const CALL_TIMEOUT = 1_500
/** Ports that nobody listens on. */
const NOBODY = [1, 2, 3, 4]

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

/** What is awaited in vain is awaited until the time without a byte is over; anything else is known at once. */
const untilIdle =
  (seen: FaultRow['seen']) =>
  (step: Step): number => {
    const what = seen(step)
    return what.kind === 'lost' && what.error === 'TimeoutError' ? IDLE_TIMEOUT : 0
  }
const atOnce = (): number => 0

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
    costs: untilIdle(row.seen),
    holdsContent: false,
    lingers: false,
    deafens: false,
    limits: LIMITS,
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
    costs: () => (by === 'timeout' ? CALL_TIMEOUT : 0),
    carriedOut: 'yes',
    fits: any,
    holdsContent: false,
    lingers: false,
    deafens: false,
    limits: LIMITS,
    ofConnections: false,
    begin: async (stage) => {
      const strike = strikeRequests(stage, { hang: true })
      // That it did not happen is found out by its hits.
      void nextAsked(stage).then(
        () => then(stage),
        () => {},
      )
      return strike
    },
  }
}

/** The member that gets the next request of the step, which the strike hits. */
async function nextAsked({ cluster, step }: Stage): Promise<Member> {
  const request = { command: step.command, from: 'clients' }
  const { member } = await cluster.requests.next(request, { timeout: 20_000 })
  return [...cluster.trackers, ...cluster.storages].find(({ name }) => name === member) as Member
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
    // Without repetitions it waits for no timer.
    await using client = new FastDfsClient({ trackers: tracker, retries: 0 })
    await eventually(async () => {
      const groups = await client.admin.listGroups()
      const ready = groups.filter(({ group, activeCount }) => /^group/.test(group) && activeCount === 2)
      if (ready.length < 2) throw new Error(`${tracker} does not count every storage again`)
    })
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

/** What faults of whole connections have in common. */
const OF_CONNECTIONS = {
  fits: any,
  holdsContent: false,
  lingers: false,
  deafens: false,
  limits: LIMITS,
  ofConnections: true,
} as const

/** The connection may be lost before the request, within it, or before the answer. */
const connectionLost = (step: Step): Seen => ({
  kind: 'lost',
  error: 'ConnectError',
  reaches: withContent(step) ? ['connect', 'send', 'answer'] : ['connect', 'answer'],
})

export const FAULTS: readonly FaultRow[] = [
  {
    name: 'none',
    scopes: ['all'],
    seen: nothing,
    costs: atOnce,
    carriedOut: 'yes',
    ...OF_CONNECTIONS,
    begin: async () => ({ hits: undefined, undo: async () => {} }),
  },
  {
    name: 'refused: nobody listens',
    scopes: LASTING,
    seen: () => ({ kind: 'lost', error: 'ConnectError', reaches: ['connect'] }),
    costs: atOnce,
    carriedOut: 'no',
    ...OF_CONNECTIONS,
    begin: async (stage) => {
      struck(stage).forEach(({ port }, i) => stage.diverted.set(port, `127.0.0.1:${NOBODY[i]}`))
      return { hits: undefined, undo: async () => {} }
    },
  },
  {
    name: 'connecting hangs',
    scopes: LASTING,
    seen: () => ({ kind: 'lost', error: 'TimeoutError', reaches: ['connect'] }),
    costs: () => CONNECT_TIMEOUT,
    carriedOut: 'no',
    ...OF_CONNECTIONS,
    begin: async (stage) => {
      const stuck = await StuckPort.open()
      struck(stage).forEach(({ port }, i) => stage.diverted.set(port, `127.0.0.${1 + i}:${stuck.port}`))
      return { hits: undefined, undo: () => stuck[Symbol.asyncDispose]() }
    },
  },
  {
    name: 'reset as soon as connected',
    scopes: EVERY,
    // The reset may come before or behind the request: the client cannot tell where it was.
    seen: connectionLost,
    costs: atOnce,
    carriedOut: 'no',
    ...OF_CONNECTIONS,
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
    seen: connectionLost,
    costs: atOnce,
    carriedOut: 'no',
    ...OF_CONNECTIONS,
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
    costs: () => IDLE_TIMEOUT,
    carriedOut: 'maybe',
    ...OF_CONNECTIONS,
    deafens: true,
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
    deafens: true,
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
    lingers: true,
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
    lingers: true,
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
    name: 'never answered, to a client with no limits of its own',
    scopes: ['all'],
    limits: {},
    effect: { hang: true },
    seen: answerLost('TimeoutError'),
    // README.md, *Options*: the default of `idleTimeout`.
    costs: () => 30_000,
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'answered too late',
    effect: { delay: 2 * IDLE_TIMEOUT },
    seen: answerLost('TimeoutError'),
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'answered at the last moment',
    effect: { delay: IDLE_TIMEOUT - 1 },
    seen: nothing,
    costs: () => IDLE_TIMEOUT - 1,
    carriedOut: 'yes',
  }),
  ofRequests({
    name: 'slow: the answer in small pieces',
    effect: { delay: 10, chunk: 997 },
    seen: nothing,
    costs: () => 10,
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
    costs: () => 10,
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
    costs: atOnce,
    carriedOut: 'yes',
    // Trackers that have begun anew have no leader for a while.
    fits: ({ asks }) => asks !== 'leader',
    holdsContent: false,
    lingers: false,
    deafens: false,
    limits: LIMITS,
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
    costs: atOnce,
    carriedOut: 'yes',
    // Trackers that have begun anew have no leader for a while.
    fits: ({ asks }) => asks !== 'leader',
    holdsContent: false,
    lingers: false,
    deafens: false,
    limits: LIMITS,
    ofConnections: false,
    begin: async (stage) => {
      const strike = strikeRequests(stage, { hang: true })
      const restarted = nextAsked(stage).then((member) => stage.clock.hold(restart([member], stage.cluster)))
      // Told by `undo`.
      restarted.catch(() => {})
      return {
        get hits() {
          return strike.hits
        },
        undo: async () => {
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
