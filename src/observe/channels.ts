/**
 * What a client does, for `node:diagnostics_channel`. Nothing is made for a channel to which nobody listens.
 *
 * Tracing channels publish at `tracing:NAME:start`, `:asyncStart`, `:asyncEnd` and `:error`.
 */
import type { Channel, TracingChannel } from 'node:diagnostics_channel'
import { channel, tracingChannel } from 'node:diagnostics_channel'

/** The names of the channels. */
export const CHANNELS = {
  /** Tracing: one request to a server, from its first byte to the last of the answer; see {@link RequestTrace}. */
  request: 'fastdfs:request',
  /** Tracing: making a connection; see {@link ConnectTrace}. */
  connect: 'fastdfs:connect',
  /** Tracing: getting a connection, made or used again; see {@link PoolTrace}. */
  pool: 'fastdfs:pool',
  /** A plain channel: an attempt that failed and is made again; see {@link RetryTrace}. */
  retry: 'fastdfs:retry',
} as const

/** What the events of one request share. */
export interface RequestTrace {
  /** The command's name as in `fastdfs/protocol`. */
  readonly command: string
  /** The server as `host:port`. */
  readonly endpoint: string
  /** The group it is about, where it is about one. */
  readonly group: string | undefined
  /** Which attempt of its operation it belongs to, from 1 on. */
  readonly attempt: number
  /** Bytes of content sent, so far. */
  bytesSent: number
  /** Bytes of the answer received, so far. */
  bytesReceived: number
  /** Why it failed, a `FastDfsError`; set before `error` and `asyncEnd`. */
  error?: unknown
}

/** What the events of one connect share. */
export interface ConnectTrace {
  /** The server as `host:port`. */
  readonly endpoint: string
  /** Why there is no connection. */
  error?: unknown
}

/** What the events of getting a connection share. */
export interface PoolTrace {
  /** The server as `host:port`. */
  readonly endpoint: string
  /** Callers that are waiting for a connection to it already. */
  readonly waiting: number
  /** Why there is none. */
  error?: unknown
}

/** An attempt that failed and is made again. */
export interface RetryTrace {
  /** The attempt that failed, from 1 on. */
  readonly attempt: number
  /** Milliseconds until the next one. */
  readonly delay: number
  /** Why it failed, a `FastDfsError` with command, endpoint and phase. */
  readonly error: unknown
}

// `unknown` stores: who traces puts into them what it likes.
const tracing = <T extends object>(name: string): TracingChannel<unknown, T> =>
  tracingChannel<unknown, T>(name)

/** The channels themselves. */
export const channels: {
  readonly request: TracingChannel<unknown, RequestTrace>
  readonly connect: TracingChannel<unknown, ConnectTrace>
  readonly pool: TracingChannel<unknown, PoolTrace>
  readonly retry: Channel<unknown, RetryTrace>
} = {
  request: tracing<RequestTrace>(CHANNELS.request),
  connect: tracing<ConnectTrace>(CHANNELS.connect),
  pool: tracing<PoolTrace>(CHANNELS.pool),
  retry: channel(CHANNELS.retry) as Channel<unknown, RetryTrace>,
}

/** Whether anybody listens; Node 20.0 has no `hasSubscribers` for the whole. */
export function isTraced({
  start,
  end,
  asyncStart,
  asyncEnd,
  error,
}: (typeof channels)['request' | 'connect' | 'pool']): boolean {
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers ||
    asyncStart.hasSubscribers ||
    end.hasSubscribers
  )
}
