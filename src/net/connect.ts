import { connect as connectTcp } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'
import type { FastDfsError } from '../errors.js'
import { ConnectError, TimeoutError } from '../errors.js'
import { channels, isTraced } from '../observe/channels.js'
import type { Log } from '../observe/log.js'
import type { Endpoint } from './endpoint.js'
import { formatEndpoint } from './endpoint.js'

/** A socket that asks before every read where to put what comes, and emits no `data`. */
export interface PlacingSocket extends Socket {
  readonly reading: {
    /** Gives what to read into; undefined where it does not matter. */
    place: (() => Uint8Array | undefined) | undefined
    /** Takes what came: the bytes up to `end`, which are read over when it has returned. */
    take: ((bytes: Buffer, end: number) => void) | undefined
  }
}

/** Bytes read at a time at most: what is counted and copied after it was read is still in the processor's caches. */
export const READ_SIZE = 256 * 1024

/** What sockets read into, all of them: each is done with what came before the next one reads. */
export const RECEIVED = Buffer.allocUnsafeSlow(READ_SIZE)

/**
 * A TCP connection to `endpoint`. Host names are resolved at every connect, and all their addresses are tried.
 *
 * @param timeout - milliseconds
 * @param closing - ends the attempt with its reason
 * @throws {@link ConnectError} when no address takes the connection
 * @throws {@link TimeoutError} when that takes longer than `timeout`
 */
export function connect(
  endpoint: Endpoint,
  timeout: number,
  closing: AbortSignal,
  log: Log,
): Promise<PlacingSocket> {
  const where = formatEndpoint(endpoint)
  const open = (): Promise<PlacingSocket> => connectTo(endpoint, where, timeout, closing, log)
  return isTraced(channels.connect) ? channels.connect.tracePromise(open, { endpoint: where }) : open()
}

function connectTo(
  { host, port }: Endpoint,
  where: string,
  timeout: number,
  closing: AbortSignal,
  log: Log,
): Promise<PlacingSocket> {
  const place = { endpoint: where, phase: 'connect', retriable: true } as const
  return new Promise((resolve, reject) => {
    if (closing.aborted) return reject(closing.reason as FastDfsError)
    const reading: PlacingSocket['reading'] = { place: undefined, take: undefined }
    const options: NetConnectOpts = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      // In the place of a new buffer for each read: a large download would leave one GC's worth of them behind.
      onread: {
        buffer: () => reading.place?.() ?? RECEIVED,
        callback: (end, bytes) => {
          reading.take?.(bytes as Buffer, end)
          return true
        },
      },
    }
    const socket: PlacingSocket = Object.assign(connectTcp(options), { reading })
    const settle = (): void => {
      clearTimeout(timer)
      closing.removeEventListener('abort', onClosing)
    }
    const fail = (error: FastDfsError): void => {
      settle()
      socket.destroy()
      log.debug('net', `${where}: ${error.message}`, { endpoint: where })
      reject(error)
    }
    const onClosing = (): void => fail(closing.reason as FastDfsError)
    closing.addEventListener('abort', onClosing)
    const timer = setTimeout(
      () => fail(new TimeoutError(`no connection within ${timeout} ms`, place)),
      timeout,
    )
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code ?? cause.message
      fail(new ConnectError(`cannot connect: ${reason}`, { ...place, cause }))
    })
    socket.once('connect', () => {
      settle()
      socket.removeAllListeners('error')
      log.debug('net', `${where}: connected`, { endpoint: where })
      resolve(socket)
    })
  })
}
