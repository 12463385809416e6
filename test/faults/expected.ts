/**
 * What must come of a fault, by the rules of design.md (*Retries*) alone: nothing here is taken from the client's code.
 */
import type { Effect, FaultRow, Reach, Scope, Seen, Step } from './tables.js'

/** One of the ways in which a call may end. */
export interface Outcome {
  /** The class of the error; absent where the call succeeds. */
  readonly error?: string
  /** The class of the error that a RetryError or UnknownOutcomeError is about. */
  readonly cause?: string
  /** How often the fault may have happened, at least and at most. */
  readonly hits: readonly [least: number, most: number]
  /** What the servers may hold. */
  readonly effects: readonly Effect[]
}

/** Attempts of a call: the first one and two repetitions. */
const ATTEMPTS = 3
const TRACKERS = 2

const BOTH: readonly Effect[] = ['done', 'undone']

/** The ways in which a call may end whose step was struck. */
export function outcomesOf(step: Step, fault: FaultRow, scope: Scope): Outcome[] {
  const seen = fault.seen(step)
  const outcomes = fault.ofConnections
    ? outcomesOfSeen(step, fault, scope, seen).map((outcome) => ({ ...outcome, hits: ANY_NUMBER }))
    : outcomesOfSeen(step, fault, scope, seen)
  // Another member was asked; a tracker also for a second opinion, which it need not have.
  const most = step.command === 'queryUpdate' ? 1 : 0
  const missed: Outcome[] = scope === 'one' ? [{ hits: [0, most], effects: ['done'] }] : []
  return [...outcomes, ...missed]
}

const ANY_NUMBER = [0, Infinity] as const

function outcomesOfSeen(step: Step, fault: FaultRow, scope: Scope, seen: Seen): Outcome[] {
  switch (seen.kind) {
    case 'nothing':
      return [{ hits: [1, Infinity], effects: ['done'] }]
    case 'ended':
      return [ended(step, fault, seen.by), ...(seen.by === 'timeout' ? early(step) : [])]
    case 'status':
      return answered(step, fault, scope, seen.status)
    case 'lost':
      return seen.reaches.flatMap((reach) => lost(step, fault, scope, reach, seen.error))
  }
}

/** The caller has ended a request that was sent and not answered. */
function ended(step: Step, fault: FaultRow, by: 'abort' | 'timeout' | 'close'): Outcome {
  const effects = effectsOf(step, fault)
  if (by === 'timeout' && step.repeat === 'never')
    return { error: 'UnknownOutcomeError', cause: 'TimeoutError', hits: [1, 1], effects }
  return { error: CLASS_OF[by], hits: [1, 1], effects }
}

/** On a busy machine the time may be over before the fault has happened. */
function early(step: Step): Outcome[] {
  const unknown: Outcome = {
    error: 'UnknownOutcomeError',
    cause: 'TimeoutError',
    hits: [0, 0],
    effects: BOTH,
  }
  const over: Outcome = { error: 'TimeoutError', hits: [0, 0], effects: BOTH }
  return step.repeat === 'never' ? [unknown, over] : [over]
}

const CLASS_OF = { abort: 'AbortError', timeout: 'TimeoutError', close: 'ClosedError' } as const

/** A status is an answer: believed, but for 11, which asks to try again. */
function answered(step: Step, fault: FaultRow, scope: Scope, status: number): Outcome[] {
  const kind = status === 28 ? 'NoSpaceError' : 'ServerError'
  if (step.asks === 'report') return [reported(scope)]
  const isMixed = step.refused && step.asks === 'each' && scope !== 'all'
  const isAgain = status === 11 && step.sends !== 'once' && !isMixed
  if (isAgain) return lost(step, fault, scope, 'connect', kind)
  const effects = effectsOf(step, fault)
  // Who cleans up after a failure needs the same server.
  const one = [1, step.changes === 'after' ? Infinity : 1] as const
  if (step.asks !== 'each') return [{ error: kind, hits: one, effects }]
  // All trackers are asked; two answers that differ are told both.
  if (scope === 'all') return [{ error: kind, hits: [TRACKERS, TRACKERS], effects }]
  return [{ error: step.refused ? 'RetryError' : kind, hits: [1, 1], effects }]
}

function lost(step: Step, fault: FaultRow, scope: Scope, reach: Reach, error: string): Outcome[] {
  if (step.asks === 'report') return [reported(scope)]
  // What is there tells what is missing: only that is sent, by another command.
  if (step.recovers && !fault.ofConnections) return [{ hits: [1, 1], effects: BOTH }]
  const mayRepeat = {
    // Nothing was sent.
    connect: true,
    // A storage drops what it has not got whole; a stream cannot be read again, and appends never are.
    send: step.sends !== 'once',
    answer: step.repeat === 'safe',
  }[reach]
  if (mayRepeat && scope === 'one' && (step.asks === 'leader' || step.replicated)) {
    // The other tracker may lead, and another storage may have the file.
    const elsewhere: Outcome = { hits: [1, Infinity], effects: ['done'] }
    return [{ ...repeated(step, fault, scope, error), hits: [1, ATTEMPTS] }, elsewhere]
  }
  if (mayRepeat) return [repeated(step, fault, scope, error)]
  const effects = effectsOf(step, fault)
  if (reach === 'send') return [{ error, hits: [1, 1], effects }]
  return [{ error: 'UnknownOutcomeError', cause: error, hits: [1, 1], effects }]
}

function reported(scope: Scope): Outcome {
  return { hits: [1, scope === 'all' ? TRACKERS : 1], effects: ['done'] }
}

function repeated(step: Step, fault: FaultRow, scope: Scope, cause: string): Outcome {
  if (scope === 'once') return { hits: [1, 1], effects: ['done'] }
  const goesElsewhere = scope === 'one' && (step.at === 'tracker' ? step.asks === 'any' : step.anywhere)
  // An operation may come back to the same question.
  if (goesElsewhere) return { hits: [1, Infinity], effects: ['done'] }
  const servers = step.at === 'tracker' && scope === 'all' ? TRACKERS : 1
  const hits = ATTEMPTS * servers
  // Who cleans up after a failure needs the same servers, and may be refused by the other one.
  // And a tracker that failed is tried in the background, by what `ping` sends too.
  const isAskedMore = step.changes === 'after' || step.command === 'activeTest'
  const most = isAskedMore ? Infinity : hits
  // What is wrong with content is told as it is, however often it was read.
  if (cause === 'IntegrityError') return { error: cause, hits: [hits, most], effects: effectsOf(step, fault) }
  return {
    error: 'RetryError',
    ...(!(step.refused && scope === 'one') && { cause }),
    hits: [hits, most],
    effects: effectsOf(step, fault),
  }
}

/** What servers may hold after a call that failed at this step. */
function effectsOf(step: Step, { carriedOut }: FaultRow): readonly Effect[] {
  if (step.changes === 'no') return ['undone']
  if (step.changes === 'after') return BOTH
  return { yes: ['done'], no: ['undone'], maybe: BOTH }[carriedOut] as readonly Effect[]
}
