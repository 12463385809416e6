/** Answers that are no file: a status and its name, and nothing of what is known here. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import {
  ClosedError,
  ConnectError,
  FileNotFoundError,
  IntegrityError,
  InvalidArgumentError,
  PoolTimeoutError,
  ProtocolError,
  RetryError,
  ServerError,
  STATUS,
  TimeoutError,
} from '../errors.js'

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Is aborted when the client has left. */
  readonly signal: AbortSignal
}

/** Answers with a status. */
export function answerStatus(
  { response }: Exchange,
  status: number,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = `${STATUS_CODES[status] ?? status}\n`
  const own = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) }
  response.writeHead(status, { ...own, ...NOSNIFF, 'Cache-Control': 'no-store', ...headers })
  response.end(text)
}

/** What was uploaded is what its extension says, and not what a browser makes of it. */
export const NOSNIFF: OutgoingHttpHeaders = { 'X-Content-Type-Options': 'nosniff' }

/** The status for an error, as nginx's module and gateways give it. */
export function statusOf(error: unknown): number {
  if (error instanceof RetryError) return statusOf(error.cause)
  if (error instanceof FileNotFoundError) return 404
  if (error instanceof InvalidArgumentError) return 400
  if (error instanceof ServerError) return SERVER_STATUS[error.status ?? 0] ?? 502
  if (error instanceof TimeoutError) return 504
  if (error instanceof ClosedError || error instanceof PoolTimeoutError) return 503
  if (error instanceof ConnectError || error instanceof ProtocolError || error instanceof IntegrityError)
    return 502
  return 500
}

/** Statuses of servers that say something about the request, or that another time is better (protocol.md §1.4). */
const SERVER_STATUS: Readonly<Record<number, number>> = {
  [STATUS.EINVAL]: 400,
  [STATUS.EACCES]: 403,
  [STATUS.EAGAIN]: 503,
  [STATUS.EBUSY]: 503,
  [STATUS.ETIMEDOUT]: 504,
}
