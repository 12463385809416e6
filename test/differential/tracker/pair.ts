import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Dialect } from '../../../src/protocol/index.js'
import { decodeResponse, findCommand } from '../../../src/protocol/index.js'
import { bytes, i64, RawClient } from '../../server/raw.js'
import type { Endpoint } from '../settings.js'

/** The bytes for both, or for the embedded and for the real one. */
export type Body = Buffer | readonly [Buffer, Buffer]

/** What answers a request. */
export type Answer = { status: number; length: number; body?: object } | 'closed'

/** What differs without being a difference: times of the machine, and who the tracker itself is. */
const OWN: readonly string[] = ['lastHeartBeat', 'until', 'runningTime', 'restartInterval']

/** The same in what a tracker tells of itself. */
const OWN_STAT: readonly string[] = [
  'host',
  'upTime',
  'connectionsAllocated',
  'connectionsCurrent',
  'connectionsMax',
]

/** A connection to each of the two trackers, that sends the same to both and wants the same of them. */
export class Pair {
  readonly #both: Both
  readonly #clients: readonly [RawClient, RawClient]
  #ended = false

  constructor(both: Both, clients: readonly [RawClient, RawClient]) {
    this.#both = both
    this.#clients = clients
  }

  /** The answer of both; fails where they differ. */
  async ask(command: number, body: Body = Buffer.alloc(0)): Promise<Answer> {
    const [embedded, real] = await this.answers(command, body)
    this.#both.note(`${command} ${hexOf(body)} → ${JSON.stringify(embedded).slice(0, 300)}`)
    this.#wantSame(embedded, real)
    if (isInvalid(embedded)) await this.#wantSameEnd()
    return embedded
  }

  /** Whether the trackers have ended it, as old ones do after status 22 (protocol.md §1.1). */
  get ended(): boolean {
    return this.#ended
  }

  async #wantSameEnd(): Promise<void> {
    const [embedded, real] = await this.answers(111)
    this.#both.note(`then 111 → ${JSON.stringify(embedded)}`)
    this.#wantSame(embedded, real)
    this.#ended = embedded === 'closed'
  }

  #wantSame(embedded: Answer, real: Answer): void {
    assert.deepEqual(
      embedded,
      real,
      `the embedded tracker's answer, then the real one's\n${this.#both.story}`,
    )
  }

  /** Both answers, the embedded one's first. */
  async answers(command: number, body: Body = Buffer.alloc(0)): Promise<[Answer, Answer]> {
    const bodies = Buffer.isBuffer(body) ? ([body, body] as const) : body
    const answers = await Promise.all(
      this.#clients.map((client, side) => this.#answer(client, command, bodies[side as 0 | 1])),
    )
    return answers as [Answer, Answer]
  }

  /** Ends both. */
  close(): void {
    for (const client of this.#clients) client.close()
  }

  async #answer(client: RawClient, command: number, body: Buffer): Promise<Answer> {
    const answer = await client.ask(command, body).catch(() => undefined)
    return answer === undefined ? 'closed' : comparable(command, answer, this.#both.dialect)
  }
}

/** Two trackers that are to be the same. */
export class Both {
  readonly dialect: Dialect
  readonly #endpoints: readonly [Endpoint, Endpoint]
  readonly #pairs: Pair[] = []
  readonly #history: string[] = []

  /** @param endpoints - the embedded one and the real one */
  constructor(endpoints: readonly [Endpoint, Endpoint], dialect: Dialect) {
    this.#endpoints = endpoints
    this.dialect = dialect
  }

  /** What led to what is. */
  get story(): string {
    return this.#history.slice(-16).join('\n')
  }

  /** Keeps a line of the story. */
  note(line: string): void {
    this.#history.push(line)
  }

  /** Connects to both from an address of this machine. */
  async open(source: string): Promise<Pair> {
    const [embedded, real] = await Promise.all(
      this.#endpoints.map(async ({ host, port }) => {
        const socket = connect({ host, port, noDelay: true, localAddress: source })
        await once(socket, 'connect')
        return RawClient.over(socket)
      }),
    )
    const pair = new Pair(this, [embedded as RawClient, real as RawClient])
    this.#pairs.push(pair)
    return pair
  }

  /** What each of them is called. */
  bodies(make: (name: string) => Buffer): [Buffer, Buffer] {
    return this.#endpoints.map(({ host, port }) => make(`${host}:${port}`)) as [Buffer, Buffer]
  }

  /** Ends all connections. */
  close(): void {
    for (const pair of this.#pairs) pair.close()
  }
}

function comparable(
  command: number,
  { status, body }: { status: number; body: Buffer },
  dialect: Dialect,
): Answer {
  const definition = findCommand('tracker', command)
  const answer = { status, length: body.length }
  // A real one answers 78 with all that came behind its 95, where there are storage IDs.
  if (command === 78 && status === 95) return { status, length: 0 }
  if (status !== 0 || body.length === 0 || definition === undefined) return answer
  const decoded = decodeResponse(definition, bytes(i64(body.length), 100, 0, body), { dialect })
  const own = command === 96 ? [...OWN, ...OWN_STAT] : OWN
  const text = JSON.stringify(decoded, (key, value: unknown) => {
    if (own.includes(key)) return '*'
    return key === 'leader' ? typeof value : value
  })
  // A line of the changelog begins with the time.
  const told = JSON.parse(command === 77 ? text.replace(/\d{10} /g, '* ') : text) as object
  return command === 95 ? { status, length: 0 } : { ...answer, body: told }
}

function isInvalid(answer: Answer): boolean {
  return answer !== 'closed' && answer.status === 22
}

function hexOf(body: Body): string {
  return (Buffer.isBuffer(body) ? body : body[0]).toString('hex').slice(0, 160)
}
