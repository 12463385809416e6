/** Files that have not arrived here yet: answered by the storage that took them (protocol.md §8.5). */
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as httpRequest } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { ConnectError } from '../errors.js'
import type { Exchange } from './answers.js'
import { answerStatus } from './answers.js'
import type { FileElsewhere } from './store.js'
import type { FileUrl } from './url.js'

/** Sends the client to the source, or hands on what the source answers. Nobody is sent on twice. */
export async function answerElsewhere(
  exchange: Exchange,
  { source, mode }: FileElsewhere,
  { redirected }: FileUrl,
): Promise<void> {
  if (redirected) return answerStatus(exchange, 400)
  if (source === undefined) return answerStatus(exchange, 500)
  const path = (exchange.request.url ?? '').replace(/^https?:\/\/[^/?#]*/i, '')
  const target = `${source}${path}${path.includes('?') ? '&' : '?'}redirect=1`
  if (mode === 'redirect') return answerStatus(exchange, 302, { Location: target })
  await relay(exchange, target)
}

async function relay({ request, response, signal }: Exchange, target: string): Promise<void> {
  const asked = httpRequest(target, {
    method: request.method,
    headers: endToEnd(request.headers, OF_THIS_REQUEST),
    agent: false,
    signal,
  })
  // What ends the connection after the answer's head is told by the answer too.
  asked.on('error', () => {})
  let answer: IncomingMessage
  try {
    ;[answer] = (await once(asked.end(), 'response')) as [IncomingMessage]
  } catch (cause) {
    throw new ConnectError('the storage that has the file does not answer', { cause })
  }
  response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers, []))
  await pipeline(answer, response, { signal })
}

/** Headers of one connection (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** The body of a request is not handed on. */
const OF_THIS_REQUEST = ['host', 'content-length', 'expect']

function endToEnd(headers: IncomingHttpHeaders, dropped: readonly string[]): IncomingHttpHeaders {
  const own = [...HOP_BY_HOP, ...dropped, ...(headers.connection ?? '').toLowerCase().split(/[\s,]+/)]
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name)))
}
