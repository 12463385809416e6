import type { Duplex } from 'node:stream'
import type { FastDfsError } from '../errors.js'
import { ConfigError, ConnectError, isFastDfsError, locateError, TimeoutError } from '../errors.js'
import { channels, isTraced } from '../observe/channels.js'
import type { Log } from '../observe/log.js'
import type { Endpoint } from './endpoint.js'
import { formatEndpoint } from './endpoint.js'

/**
 * Makes a connection that is no plain TCP connection: through a tunnel, or with TLS. Gives it when it is connected.
 *
 * @param endpoint - the tracker or storage
 * @param options - `signal` ends the attempt
 */
export type Connect = (
  endpoint: Endpoint,
  options: { readonly signal: AbortSignal },
) => Duplex | Promise<Duplex>

/**
 * A connection that a caller's function makes.
 *
 * @param timeout - milliseconds
 * @param closing - ends the attempt with its reason
 * @throws {@link ConnectError} when the function fails
 * @throws {@link TimeoutError} when it takes longer than `timeout`
 * @throws {@link ConfigError} when it gives no Duplex, or one that it gave before
 */
export function connectBy(
  connect: Connect,
  endpoint: Endpoint,
  timeout: number,
  closing: AbortSignal,
  log: Log,
): Promise<Duplex> {
  const where = formatEndpoint(endpoint)
  const open = (): Promise<Duplex> => connectTo(connect, endpoint, where, timeout, closing, log)
  return isTraced(channels.connect) ? channels.connect.tracePromise(open, { endpoint: where }) : open()
}

/** Two connections on one Duplex would take each other's answers. */
const GIVEN = new WeakSet<Duplex>()

function connectTo(
  connect: Connect,
  endpoint: Endpoint,
  where: string,
  timeout: number,
  closing: AbortSignal,
  log: Log,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (closing.aborted) return reject(closing.reason as FastDfsError)
    const attempt = new AbortController()
    let isOver = false
    const end = (): void => {
      isOver = true
      clearTimeout(timer)
      closing.removeEventListener('abort', onClosing)
    }
    const fail = (error: FastDfsError): void => {
      if (isOver) return
      end()
      log.debug('net', `${where}: ${error.message}`, { endpoint: where })
      reject(error)
      attempt.abort(error)
    }
    const onClosing = (): void => fail(closing.reason as FastDfsError)
    closing.addEventListener('abort', onClosing)
    const timer = setTimeout(
      () =>
        fail(new TimeoutError(`no connection within ${timeout} ms`, { ...placeOf(where), retriable: true })),
      timeout,
    )
    const take = (given: unknown): void => {
      if (!isDuplex(given)) {
        return fail(new ConfigError(`connect must give a Duplex, not ${typeof given}`, placeOf(where)))
      }
      if (GIVEN.has(given)) {
        const reason = 'connect must give each time a Duplex of its own, not one that it gave before'
        return fail(new ConfigError(reason, placeOf(where)))
      }
      GIVEN.add(given)
      if (isOver) {
        // Nobody waits for it any more; it may end in an error of its own.
        given.on('error', () => {}).destroy()
      } else if (given.destroyed) {
        fail(cannotConnect(new Error('the connection is closed already'), where))
      } else {
        end()
        log.debug('net', `${where}: connected`, { endpoint: where })
        resolve(given)
      }
    }
    void (async () => connect(endpoint, { signal: attempt.signal }))().then(take, (cause: unknown) =>
      fail(cannotConnect(cause, where)),
    )
  })
}

function cannotConnect(cause: unknown, endpoint: string): FastDfsError {
  if (isFastDfsError(cause)) return locateError(cause, placeOf(endpoint))
  const { code, message } = (cause ?? {}) as Partial<NodeJS.ErrnoException>
  const reason = code ?? message ?? String(cause)
  return new ConnectError(`cannot connect: ${reason}`, { ...placeOf(endpoint), cause, retriable: true })
}

function placeOf(endpoint: string): { endpoint: string; phase: 'connect' } {
  return { endpoint, phase: 'connect' }
}

/** By what it can do: not every Duplex is of this copy of `node:stream`. */
function isDuplex(value: unknown): value is Duplex {
  const stream = (value ?? {}) as Partial<Duplex>
  return [stream.on, stream.write, stream.cork, stream.pause, stream.destroy].every(
    (method) => typeof method === 'function',
  )
}
