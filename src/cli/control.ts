/** A cluster by HTTP, for tests in other languages. */
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectError, InvalidArgumentError, isFastDfsError } from '../errors.js'
import type { Cluster, CommandName, Fault, HandledRequest, Member } from '../testing/index.js'
import { describeCluster } from './describe.js'

const MAX_BODY = 1024 * 1024
const ACTIONS = ['start', 'stop', 'kill', 'pause', 'resume'] as const

/** An answer other than 200. */
class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface Request {
  readonly query: URLSearchParams
  /** What stands in the places of the path that a route leaves open. */
  readonly params: readonly string[]
  readonly body: unknown
}

type Route = (request: Request) => unknown

/** Serves requests about a cluster on a port of 127.0.0.1. */
export class Control {
  readonly #cluster: Cluster
  readonly #server: Server
  readonly #faults = new Map<string, Fault>()
  #faultsMade = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        const text = `${JSON.stringify(body)}\n`
        response.writeHead(status, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        })
        response.end(text)
      })
    })
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /**
   * Begins to listen.
   *
   * @throws ConnectError when the port cannot be listened on
   */
  async start(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      const endpoint = `127.0.0.1:${port}`
      throw new ConnectError(`the control port cannot be listened on: ${(cause as Error).message}`, {
        cause,
        endpoint,
      })
    }
  }

  /** Ends. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(message: IncomingMessage): Promise<{ status: number; body: unknown }> {
    try {
      checkCaller(message)
      const url = new URL(message.url ?? '/', 'http://127.0.0.1')
      const { route, params } = this.#find(message.method ?? '', url.pathname)
      const body = await bodyOf(message)
      return { status: 200, body: (await route({ query: url.searchParams, params, body })) ?? {} }
    } catch (error) {
      const message = (error as Error).message
      if (error instanceof HttpError) return { status: error.status, body: { error: message } }
      return { status: isFastDfsError(error) ? 400 : 500, body: { error: message } }
    }
  }

  #find(method: string, path: string): { route: Route; params: string[] } {
    const parts = path.split('/').slice(1).map(decoded)
    for (const [key, route] of Object.entries(this.#routes)) {
      const [wanted, pattern = ''] = key.split(' ')
      const places = pattern.split('/').slice(1)
      const fits =
        places.length === parts.length && places.every((place, i) => place === '*' || place === parts[i])
      if (wanted === method && fits) return { route, params: parts.filter((_, i) => places[i] === '*') }
    }
    throw new HttpError(
      404,
      `there is no ${method} ${path}: there are ${Object.keys(this.#routes).join(', ')}`,
    )
  }

  readonly #routes: Readonly<Record<string, Route>> = {
    'GET /': () => describeCluster(this.#cluster),
    'GET /stats': () => this.#cluster.stats(),
    'POST /reset': async () => {
      await this.#cluster.reset()
      this.#faults.clear()
    },
    'POST /replicate': () => this.#cluster.replicate(),
    'GET /faults': () => [...this.#faults].map(([id, fault]) => ({ id, ...describeFault(fault) })),
    'POST /faults': ({ body }) => this.#addFault(body),
    'DELETE /faults/*': ({ params: [id = ''] }) => {
      const fault = this.#faults.get(id)
      if (fault === undefined) throw new HttpError(404, `there is no fault ${id}`)
      fault.remove()
      this.#faults.delete(id)
      return describeFault(fault)
    },
    'GET /requests': ({ query }) => this.#cluster.requests.list(filterOf(query)).map(describeRequest),
    'GET /requests/next': async ({ query }) => {
      const timeout = query.get('timeout')
      const options = timeout === null ? {} : { timeout: Number(timeout) }
      return describeRequest(await this.#cluster.requests.next(filterOf(query), options))
    },
    'POST /members/*/*': async ({ params: [name = '', action = ''] }) => {
      const member = [...this.#cluster.trackers, ...this.#cluster.storages].find(
        (other) => other.name === name,
      )
      if (member === undefined) throw new HttpError(404, `there is no member ${name}`)
      await this.#act(member, action)
      return { name, state: member.state }
    },
  }

  async #act(member: Member, action: string): Promise<void> {
    const known = ACTIONS.find((candidate) => candidate === action)
    if (known === undefined) throw new HttpError(404, `a member can ${ACTIONS.join(', ')}, not ${action}`)
    await member[known]()
    if (known === 'start' && 'whenActive' in member)
      await (member as { whenActive(): Promise<void> }).whenActive()
  }

  #addFault(body: unknown): object {
    const { match = {}, effect = {} } = (body ?? {}) as { match?: unknown; effect?: unknown }
    if (!isRecord(match) || !isRecord(effect)) {
      throw new HttpError(400, 'a fault is {"match": {…}, "effect": {…}}')
    }
    const { garbage } = effect
    const bytes = typeof garbage === 'string' ? { garbage: Buffer.from(garbage, 'hex') } : {}
    const fault = this.#cluster.fault(match, { ...effect, ...bytes })
    const id = String(++this.#faultsMade)
    this.#faults.set(id, fault)
    return { id, ...describeFault(fault) }
  }
}

/**
 * Pages in a browser can send requests to 127.0.0.1 too, by their own address or by a name that leads there: such
 * requests name another host, or say where they come from.
 */
function checkCaller({ headers, socket }: IncomingMessage): void {
  const { host = '', origin } = headers
  const names = ['127.0.0.1', 'localhost'].map((name) => `${name}:${socket.localPort}`)
  if (!names.includes(host)) throw new HttpError(403, `this is ${names[0]}, not ${host}`)
  if (origin !== undefined || headers['sec-fetch-site'] !== undefined) {
    throw new HttpError(403, 'browsers are not served')
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new HttpError(400, `${part} in the path is no text`)
  }
}

async function bodyOf(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw new HttpError(413, `a body has ${MAX_BODY} bytes at most`)
    chunks.push(chunk)
  }
  if (size === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown
  } catch {
    throw new HttpError(400, 'the body is no JSON')
  }
}

function filterOf(query: URLSearchParams) {
  const known = ['command', 'member', 'from', 'timeout']
  const strange = [...query.keys()].find((name) => !known.includes(name))
  if (strange !== undefined)
    throw new InvalidArgumentError(`there is no filter ${strange}: there are ${known.join(', ')}`)
  return {
    command: (query.get('command') ?? undefined) as CommandName | undefined,
    member: query.get('member') ?? undefined,
    from: query.get('from') ?? undefined,
  }
}

function describeFault({ match, effect, hits }: Fault): object {
  const { on, from, ...rest } = match
  const named = (member: typeof on): string | undefined => (typeof member === 'object' ? member.name : member)
  return { match: { on: named(on), from: named(from), ...rest }, effect, hits }
}

function describeRequest(request: HandledRequest): object {
  const { member, from, connection, command, contentSize, status, response } = request
  return { member, from, connection, command, request: request.request, contentSize, status, response }
}
