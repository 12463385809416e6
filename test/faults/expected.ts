/**
 * What must come of a fault, by the rules of design.md (*Retries*) and README.md (*Retries*, *Time limits*) alone: nothing
 * here is taken from the client's code.
 */
import type { Effect, FaultRow, Operation, Range, Reach, Scope, Seen, Step } from './tables.js'

/** One of the ways in which a call may end. */
export interface Outcome {
  /** The class of the error; absent where the call succeeds. */
  readonly error?: string
  /** The class of the error that a RetryError or UnknownOutcomeError is about. */
  readonly cause?: string
  /** How often the fault may have happened. */
  readonly hits: Range
  /** How often the client may have made an attempt again, after a pause. */
  readonly retries: Range
  /** How often the fault may have struck one attempt after the other: so often its costs are paid. */
  readonly inTurn: Range
  /** Milliseconds that it takes beside those and the pauses: one of these. */
  readonly besides?: readonly number[]
  /** Milliseconds that it takes with those and the pauses, where a limit of the whole call ends it. */
  readonly total?: number
  /** What the servers may hold. */
  readonly effects: readonly Effect[]
}

/** Repetitions of a call after its first attempt. */
const RETRIES = 2
const ATTEMPTS = 1 + RETRIES
/** Milliseconds after which no further attempt begins, and a repeated one ends in which no content has moved. */
const RETRY_DEADLINE = 60_000
const TRACKERS = 2
/** Milliseconds that a client takes for deleting what nobody wants any more. */
const CLEANUP_TIMEOUT = 5_000

const BOTH: readonly Effect[] = ['done', 'undone']
const ANY_NUMBER: Range = [0, Infinity]
const NONE: Range = [0, 0]
const ONE: Range = [1, 1]

/** The ways in which a call may end whose step was struck. */
export function outcomesOf(
  { takes = 0, grace, goesOn = false }: Operation,
  step: Step,
  fault: FaultRow,
  scope: Scope,
): Outcome[] {
  const seen = fault.seen(step)
  const isTooLong = grace !== undefined && fault.costs(step) > grace && hasBegun(step, fault)
  const outcomes = isTooLong ? [closed(grace)] : outcomesOfSeen(step, fault, scope, seen)
  // Another member was asked; a tracker also for a second opinion, which it need not have.
  const asked: Range = step.command === 'queryUpdate' ? [0, 1] : NONE
  const missed: Outcome[] =
    scope === 'one' ? [{ hits: asked, retries: NONE, inTurn: asked, effects: ['done'] }] : []
  // Its next request may be on its way when it hears of the end.
  const late: Outcome[] =
    goesOn && fault.lingers && step.at === 'storage'
      ? [{ error: 'UnknownOutcomeError', hits: ONE, retries: NONE, inTurn: ONE, effects: BOTH }]
      : []
  return [...outcomes, ...missed, ...late].map((outcome) => ({
    ...outcome,
    ...(fault.ofConnections && { hits: ANY_NUMBER }),
    // What fails may do so before it has waited.
    besides: (outcome.besides ?? [0]).flatMap((time) =>
      outcome.error === undefined ? [time + takes] : [time, time + takes],
    ),
  }))
}

/** Whether a call has had a connection when the fault strikes: only then its client is closed. */
function hasBegun(step: Step, { ofConnections }: FaultRow): boolean {
  return step.at === 'storage' || !ofConnections
}

function closed(grace: number): Outcome {
  return {
    error: 'ClosedError',
    hits: ONE,
    retries: NONE,
    inTurn: NONE,
    besides: [grace],
    effects: ['undone'],
  }
}

function outcomesOfSeen(step: Step, fault: FaultRow, scope: Scope, seen: Seen): Outcome[] {
  switch (seen.kind) {
    case 'nothing':
      return [
        {
          hits: [1, Infinity],
          retries: fault.lingers ? [0, 1] : NONE,
          inTurn: inTurnOf(step, scope),
          effects: ['done'],
        },
      ]
    case 'ended':
      return [ended(step, fault, seen.by)]
    case 'status':
      return answered(step, fault, scope, seen.status)
    case 'lost':
      return seen.reaches.flatMap((reach) => lost(step, fault, scope, reach, seen.error))
  }
}

/** The caller has ended a request that was sent and not answered. */
function ended(step: Step, fault: FaultRow, by: 'abort' | 'timeout' | 'close'): Outcome {
  // A client that is closed deletes nothing any more.
  const isLeft = by === 'close' && step.changes === 'before'
  const effects: readonly Effect[] = isLeft ? ['done'] : effectsOf(step, fault)
  const rest = { hits: ONE, retries: NONE, inTurn: ONE, effects }
  if (by === 'timeout' && step.repeat === 'never')
    return { error: 'UnknownOutcomeError', cause: 'TimeoutError', ...rest }
  return { error: CLASS_OF[by], ...rest }
}

const CLASS_OF = { abort: 'AbortError', timeout: 'TimeoutError', close: 'ClosedError' } as const

/** A status is an answer: believed, but for 11, which asks to try again. */
function answered(step: Step, fault: FaultRow, scope: Scope, status: number): Outcome[] {
  const kind = status === 28 ? 'NoSpaceError' : 'ServerError'
  if (step.asks === 'report') return [reported(scope)]
  const isMixed = step.refused && step.asks === 'each' && scope !== 'all'
  const isAgain = status === 11 && step.sends !== 'once' && !isMixed
  if (isAgain) return lost(step, fault, scope, 'connect', kind)
  const rest = { retries: NONE, inTurn: ONE, effects: effectsOf(step, fault) }
  // Who cleans up after a failure needs the same server.
  const one: Range = [1, step.changes === 'after' ? Infinity : 1]
  if (step.asks !== 'each') return [{ error: kind, hits: one, ...rest }]
  // All trackers are asked; two answers that differ are told both.
  if (scope === 'all') return [{ error: kind, hits: [TRACKERS, TRACKERS], ...rest }]
  return [{ error: step.refused ? 'RetryError' : kind, hits: ONE, ...rest }]
}

function lost(step: Step, fault: FaultRow, scope: Scope, reach: Reach, error: string): Outcome[] {
  if (step.asks === 'report') return [reported(scope)]
  // What is there tells what is missing: only that is sent, by another command.
  if (step.recovers && !fault.ofConnections)
    return [{ hits: ONE, retries: ONE, inTurn: ONE, besides: [settling(fault)], effects: BOTH }]
  const mayRepeat = {
    // Nothing was sent.
    connect: true,
    // A storage drops what it has not got whole; a stream cannot be read again, and appends never are.
    send: step.sends !== 'once',
    answer: step.repeat === 'safe',
  }[reach]
  if (mayRepeat && scope === 'one' && (step.asks === 'leader' || step.replicated)) {
    // The other tracker may lead, and another storage may have the file.
    const elsewhere: Outcome = {
      hits: [1, Infinity],
      retries: [0, RETRIES],
      inTurn: inTurnOf(step, scope),
      effects: ['done'],
    }
    return [{ ...repeated(step, fault, scope, error), hits: [1, ATTEMPTS] }, elsewhere]
  }
  if (mayRepeat) return [repeated(step, fault, scope, error)]
  const rest = { hits: ONE, retries: NONE, inTurn: ONE, effects: effectsOf(step, fault) }
  if (reach === 'send') return [{ error, ...rest }]
  return [{ error: 'UnknownOutcomeError', cause: error, ...rest }]
}

/** A file that has not grown is looked at again after a moment: its storage may still be about to write. */
function settling({ carriedOut }: FaultRow): number {
  return carriedOut === 'yes' ? 0 : 50
}

/** Trackers are asked at the same time. */
function reported(scope: Scope): Outcome {
  return { hits: [1, scope === 'all' ? TRACKERS : 1], retries: NONE, inTurn: ONE, effects: ['done'] }
}

function repeated(step: Step, fault: FaultRow, scope: Scope, cause: string): Outcome {
  if (scope === 'once') return { hits: ONE, retries: retriesOfOne(step), inTurn: ONE, effects: ['done'] }
  const goesElsewhere = scope === 'one' && (step.at === 'tracker' ? step.asks === 'any' : step.anywhere)
  // An operation may come back to the same question.
  if (goesElsewhere)
    return {
      hits: [1, Infinity],
      retries: retriesOfOne(step),
      inTurn: inTurnOf(step, scope),
      effects: ['done'],
    }
  const servers = step.at === 'tracker' && scope === 'all' ? TRACKERS : 1
  const inOneAttempt = step.asks === 'each' ? 1 : servers
  const attempts = Math.min(ATTEMPTS, Math.ceil(RETRY_DEADLINE / (inOneAttempt * fault.costs(step))))
  const hits = attempts * servers
  // Who cleans up after a failure needs the same servers, and may be refused by the other one.
  // And a tracker that failed is tried in the background, by what `ping` sends too.
  const isAskedMore = step.changes === 'after' || step.command === 'activeTest'
  const most = isAskedMore ? Infinity : hits
  const inTurn = attempts * inOneAttempt
  // Of all that ask one tracker after the other only those that look for the leader do not say so.
  const isToldAsItIs = cause === 'IntegrityError' || (attempts === 1 && step.asks === 'leader')
  return {
    // What is wrong with content is told as it is, however often it was read.
    ...(isToldAsItIs ? { error: cause } : { error: 'RetryError' }),
    ...(!(step.refused && scope === 'one') && attempts > 1 && !isToldAsItIs && { cause }),
    hits: [hits, most],
    retries: [attempts - 1, attempts - 1],
    inTurn: [inTurn, inTurn],
    // Content that has moved leaves it to the time without a byte.
    ...(attempts > 1 && attempts < ATTEMPTS && step.sends === 'no' && { total: RETRY_DEADLINE }),
    effects: effectsOf(step, fault),
    ...(step.cleans && scope === 'all' && cleaning(step, fault)),
  }
}

/** It is tried as often, but not for longer than its own time. */
function cleaning(step: Step, fault: FaultRow): Pick<Outcome, 'retries'> | Pick<Outcome, 'besides'> {
  return fault.costs(step) === 0 ? { retries: [2 * RETRIES, 2 * RETRIES] } : { besides: [CLEANUP_TIMEOUT] }
}

/** After one failure: another tracker is asked in the same attempt, another storage in the next one. */
function retriesOfOne({ at, asks }: Step): Range {
  if (at === 'storage' || asks === 'each') return ONE
  // The other one may not lead.
  return asks === 'leader' ? [0, 1] : NONE
}

/** How often one attempt after the other is struck of those that come to their end all the same. */
function inTurnOf(step: Step, scope: Scope): Range {
  if (scope === 'once' || step.asks === 'each' || step.asks === 'report') return ONE
  return [0, Infinity]
}

/** What servers may hold after a call that failed at this step. */
function effectsOf(step: Step, { carriedOut }: FaultRow): readonly Effect[] {
  if (step.changes === 'no' || step.changes === 'before') return ['undone']
  if (step.changes === 'after') return BOTH
  return { yes: ['done'], no: ['undone'], maybe: BOTH }[carriedOut] as readonly Effect[]
}
