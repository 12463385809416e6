import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { create as contentDisposition } from 'content-disposition'
import { FileNotFoundError } from '../errors.js'
import type { Exchange } from './answers.js'
import { answerStatus, NOSNIFF, statusOf } from './answers.js'
import { sendFile, sendFlv, sendHead } from './body.js'
import type { Validators } from './conditions.js'
import { conditionStatus, rangeApplies } from './conditions.js'
import { contentTypeOf } from './content-type.js'
import { answerElsewhere } from './elsewhere.js'
import { flvPart } from './flv.js'
import type { FileHandlerOptions, ResolvedHandlerOptions, TokenCheck } from './options.js'
import { resolveHandlerOptions } from './options.js'
import { parseRange } from './ranges.js'
import type { FileStore, ServedFile } from './store.js'
import { isSameText, verifyToken } from './token.js'
import type { FileUrl } from './url.js'
import { parseFileUrl } from './url.js'

/** Answers a request. It never throws. */
export type FileHandler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * Serves files by their URLs, by the rules of nginx's FastDFS module (protocol.md §8.5): for `node:http`, Express and,
 * through {@link forFastify}, Fastify. It answers GET and HEAD with ranges and conditions; a file is read as fast as
 * the client takes it, and no longer when it leaves. Errors are told by their status alone.
 *
 * @param files - where the files are, see {@link clientFiles}
 * @throws ConfigError when an option is wrong, or its name unknown
 * @example
 * ```ts
 * const handler = fileHandler(clientFiles(client), { secret: 'FastDFS1234567890' })
 * createServer(handler).listen(8888)
 * express().use('/files', handler)
 * ```
 */
export function fileHandler(files: FileStore, options: FileHandlerOptions = {}): FileHandler {
  const resolved = resolveHandlerOptions(options)
  return (request, response) => {
    const exchange = { request, response, signal: whenLeft(request, response) }
    answer(exchange, files, resolved).catch((error: unknown) => fail(exchange, error, resolved))
  }
}

/** Aborted when the client leaves before it has got all. */
function whenLeft(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const left = new AbortController()
  const leave = (): void => {
    if (!response.writableFinished) left.abort()
  }
  response.once('close', leave)
  response.on('error', leave)
  // Of a response that waits behind another one of its connection, only the request is told.
  request.once('close', () => {
    if (request.socket.destroyed) leave()
  })
  return left.signal
}

/** What of a Fastify request is used. */
export interface FastifyRequestLike {
  /** The request as node:http has it. */
  readonly raw: IncomingMessage
}

/** What of a Fastify reply is used. */
export interface FastifyReplyLike {
  /** The response as node:http has it. */
  readonly raw: ServerResponse
  /** Leaves the response to the handler. */
  hijack(): unknown
  /** Headers that hooks and plugins have set. */
  getHeaders(): Record<string, number | string | string[] | undefined>
}

/**
 * A handler for a route of Fastify. The route's path is not taken away there: name it in the option `prefix`.
 *
 * @example
 * ```ts
 * const handler = fileHandler(clientFiles(client), { prefix: '/files' })
 * fastify().all('/files/*', forFastify(handler))
 * ```
 */
export function forFastify(
  handler: FileHandler,
): (request: FastifyRequestLike, reply: FastifyReplyLike) => void {
  return (request, reply) => {
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    handler(request.raw, reply.raw)
  }
}

async function answer(exchange: Exchange, files: FileStore, options: ResolvedHandlerOptions): Promise<void> {
  const { request, signal } = exchange
  const { method = '', url: target = '' } = request
  if (method !== 'GET' && method !== 'HEAD') return answerStatus(exchange, 405, { Allow: 'GET, HEAD' })
  const url = parseFileUrl(target, options.url)
  if (options.tokens !== undefined && !mayRead(request, url, options.tokens)) {
    return refuseToken(exchange, url, options.tokens)
  }
  const file = await files.open(url, signal)
  if (file === undefined) throw new FileNotFoundError('there is no such file', { fileId: url.id })
  if ('mode' in file) return answerElsewhere(exchange, file, url)
  await answerFile(exchange, url, file, options)
}

function mayRead({ headers }: IncomingMessage, url: FileUrl, { verify, bypass }: TokenCheck): boolean {
  const mark = bypass && headers[bypass.header]
  if (bypass !== undefined && typeof mark === 'string' && isSameText(mark, bypass.value)) return true
  return verifyToken(url.id, url, verify)
}

/** Where a part of the token is missing, there is no page (protocol.md §8.5). */
function refuseToken(exchange: Exchange, { token, timestamp }: FileUrl, { page }: TokenCheck): void {
  if (page === undefined || token === undefined || timestamp === undefined) return answerStatus(exchange, 400)
  const { content, type } = page
  const headers = { 'Content-Type': type, 'Content-Length': content.length, 'Cache-Control': 'no-store' }
  exchange.response.writeHead(200, { ...NOSNIFF, ...headers })
  exchange.response.end(content)
}

async function answerFile(
  exchange: Exchange,
  url: FileUrl,
  file: ServedFile,
  options: ResolvedHandlerOptions,
): Promise<void> {
  const { request, response, signal } = exchange
  const validators = validatorsOf(file)
  const status = conditionStatus(request.headers, validators)
  const isHead = request.method === 'HEAD'
  const asksRange = status === 200 && !isHead && rangeApplies(request.headers, validators)
  const ranges = asksRange ? parseRange(request.headers.range, file.size) : undefined
  const reads = status === 200 && !isHead && ranges?.length !== 0 && file.size > 0
  if (!reads && (await file.exists?.(signal)) === false) {
    throw new FileNotFoundError('there is no such file', { fileId: url.id })
  }
  if (status === 412) return answerStatus(exchange, 412)
  if (ranges?.length === 0) return answerStatus(exchange, 416, { 'Content-Range': `bytes */${file.size}` })
  const cached = cachingHeaders(validators, options)
  if (status === 304) {
    response.writeHead(304, cached).end()
    return
  }
  const headers = {
    ...cached,
    ...NOSNIFF,
    'Accept-Ranges': 'bytes',
    'Content-Type': contentTypeOf(url.name, options.types),
    ...dispositionOf(url, file),
  }
  if (isHead) return sendHead(exchange, file, headers)
  const isFlv = options.flv && url.name.endsWith('.flv') && request.headers.range === undefined
  const part = isFlv ? flvPart(file.size, url.start, url.end) : undefined
  if (part !== undefined) return sendFlv(exchange, file, headers, part)
  await sendFile(exchange, file, headers, ranges)
}

function validatorsOf({ size, modifiedAt, crc32 }: ServedFile): Validators {
  const seconds = Math.floor(modifiedAt.getTime() / 1000)
  const numbers = [seconds, size, ...(crc32 === undefined ? [] : [crc32])]
  const etag = `"${numbers.map((number) => number.toString(16)).join('-')}"`
  return { etag, modifiedAt: new Date(seconds * 1000) }
}

function cachingHeaders(
  { etag, modifiedAt }: Validators,
  { cacheControl }: ResolvedHandlerOptions,
): OutgoingHttpHeaders {
  return {
    ETag: etag,
    'Last-Modified': modifiedAt.toUTCString(),
    ...(cacheControl !== undefined && { 'Cache-Control': cacheControl }),
  }
}

/** A name in the URL asks to save the file (§8.5); the file's own is what it is saved under if the user wants to. */
function dispositionOf(url: FileUrl, file: ServedFile): OutgoingHttpHeaders {
  const filename = url.filename ?? file.filename
  if (filename === undefined) return {}
  const type = url.filename === undefined ? 'inline' : 'attachment'
  return { 'Content-Disposition': contentDisposition(filename, { type }) }
}

function fail(exchange: Exchange, error: unknown, { onError }: ResolvedHandlerOptions): void {
  const { request, response, signal } = exchange
  if (signal.aborted) return
  const status = statusOf(error)
  try {
    if (response.headersSent || status >= 500) onError(error, request)
  } finally {
    if (response.headersSent) response.destroy()
    else answerStatus(exchange, status)
  }
}
