/**
 * One random sequence of requests, good and bad, is sent to the embedded storage and to a real one; statuses, lengths,
 * contents and closed connections must be the same. The real storage is asked for impossible things and keeps the
 * files, so it should be one that nobody else needs, and without a peer (protocol.md §12, 20):
 *
 *     FASTDFS_TEST_DESTRUCTIVE=1 FASTDFS_TRACKERS=10.77.0.1:22122 npm run test:differential -- storage
 *
 * FASTDFS_SEED and FASTDFS_STEPS choose the sequence.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryStore, Storage, Tracker } from '../../src/server/index.js'
import { bytes, i64, packet, RawClient, type RawResponse, str } from '../server/raw.js'
import { randomOf } from './random.js'
import { type Endpoint, realTracker, seed, steps } from './settings.js'

/** Nothing beside the real cluster. */
export const needs: readonly string[] = []

/** Milliseconds after which a request counts as one that is never answered. */
const SILENCE = 5_000
/** Bytes that a real storage reads at once. */
const BUFFER = 256 * 1024
/** Differences after which it is not worth going on. */
const ENOUGH = 20

type Outcome = RawResponse | 'closed' | 'silent'
type Two<T> = readonly [T, T]
type Kind = 'normal' | 'appender' | 'slave' | 'link'

/** A file that both have: its name at the embedded and at the real storage. */
interface File {
  readonly kind: Kind
  readonly names: Two<string>
  /** Whether a link stands for it: real ones point to nothing when it goes. */
  isLinked?: boolean
  isGone?: boolean
  /** What was asked of it, and how the real one answered. */
  readonly history: string[]
}

/** A request, its bytes for each of the two. */
interface Request {
  readonly what: string
  readonly command: number
  readonly status?: number
  readonly body: (side: 0 | 1) => Buffer
  /** What answers with a new file. */
  readonly makes?: Kind
  /** The name that the new one begins with. */
  readonly master?: (side: 0 | 1) => string
  /** The file it is about. */
  readonly about?: File | undefined
}

/** The name in a request, and the file that it is meant for. */
interface Name {
  readonly at: (side: 0 | 1) => string
  readonly file: File | undefined
}

/** A connection to each of the two. */
class Pair {
  readonly #clients: Two<RawClient>

  private constructor(clients: Two<RawClient>) {
    this.#clients = clients
  }

  static async open(endpoints: Two<Endpoint>): Promise<Pair> {
    const [first, second] = endpoints
    return new Pair(
      await Promise.all([
        RawClient.connect(first.port, first.host),
        RawClient.connect(second.port, second.host),
      ]),
    )
  }

  async ask({ command, status = 0, body }: Request): Promise<Two<Outcome>> {
    return this.#each((client, side) => outcomeOf(client.ask(command, body(side), status)))
  }

  /** Whether each still answers. */
  async answers(): Promise<Two<boolean>> {
    const outcomes = await this.#each((client) => outcomeOf(client.ask(111)))
    return outcomes.map((outcome) => typeof outcome === 'object') as unknown as Two<boolean>
  }

  /** Sends a part of a request and goes. */
  async abandon({ command, body }: Request, missing: number): Promise<void> {
    await this.#each(async (client, side) => {
      const sent = packet(command, body(side))
      await new Promise<void>((resolve) =>
        client.socket.end(sent.subarray(0, sent.length - missing), resolve),
      )
      await client.closed().catch(() => {})
      client.close()
    })
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }

  #each<T>(task: (client: RawClient, side: 0 | 1) => Promise<T>): Promise<[T, T]> {
    return Promise.all([task(this.#clients[0], 0), task(this.#clients[1], 1)])
  }
}

async function outcomeOf(answer: Promise<RawResponse>): Promise<Outcome> {
  const silence = new AbortController()
  const silent = sleep(SILENCE, 'silent' as const, { signal: silence.signal }).catch(() => 'silent' as const)
  try {
    return await Promise.race([answer.catch(() => 'closed' as const), silent])
  } finally {
    silence.abort()
  }
}

function statusOf(outcome: Outcome): number | string {
  return typeof outcome === 'string' ? outcome : outcome.status
}

function isRefusal(outcome: Outcome): boolean {
  return typeof outcome === 'object' && outcome.status !== 0
}

/** What must be the same: names say by whom and when they were made, which is not. */
function comparable(
  { command, makes, master, about, body: sent }: Request,
  outcome: Outcome,
  side: 0 | 1,
): unknown {
  if (typeof outcome === 'string') return outcome
  const { status, body } = outcome
  if (status !== 0) return { status, length: body.length }
  if (makes !== undefined) {
    const answer = body.toString('latin1')
    return { status, ...(master === undefined ? shapeOf(answer, makes) : slaveOf(answer, master(side))) }
  }
  if (command === 14 || command === 15) return { status, body: body.toString('latin1') }
  // Size and CRC32; the time is that of the machine, the address that of the source.
  if (command === 22) {
    // Real ones look for it where a whole name has it, and take a longer one for a slave's (§3.6).
    const isWhole = /^M[^\0]*$/.test(sent(side).toString('latin1', 16))
    const crc32 = isWhole && about?.kind !== 'link' ? body.toString('hex', 16, 24) : undefined
    return { status, length: body.length, size: body.readBigInt64BE(0), crc32 }
  }
  return { status, length: body.length }
}

function shapeOf(body: string, kind: Kind): object {
  const name = body.slice(16)
  const packed = Buffer.from(name.slice(10, 37), 'base64url')
  return {
    length: body.length,
    group: body.slice(0, 16),
    // Behind the 20 bytes and the random digits (protocol.md §5).
    rest: name.slice(37).replace(/^\d+/, (digits) => '#'.repeat(digits.length)),
    kind: packed.readUInt8(8) & 0xfc,
    size: packed.readUInt32BE(12),
    crc32: kind === 'link' ? undefined : packed.readUInt32BE(16),
  }
}

/** What a slave's name has more, or less, than its master's. */
function slaveOf(body: string, master: string): object {
  const name = body.slice(16)
  const whole = /^M/.test(master) ? master : `M00/${master}`
  let same = 0
  while (same < whole.length && name[same] === whole[same]) same++
  return { group: body.slice(0, 16), cut: whole.length - same, rest: name.slice(same) }
}

/** Real ones put `-m` behind a NUL, and so take the file itself for its metadata (protocol.md §1.1). */
function withoutNul({ at, file }: Name): Name {
  return { at: (side) => at(side).replace(/\0+$/, ''), file }
}

function shortened({ at, file }: Name): Name {
  return { at: (side) => at(side).slice(0, 100), file }
}

class Comparison {
  readonly differences: string[] = []
  readonly counts = new Map<string, number>()
  readonly #endpoints: Two<Endpoint>
  readonly #random = randomOf(seed)
  readonly #files: File[] = []
  #pair: Pair | undefined

  constructor(endpoints: Two<Endpoint>) {
    this.#endpoints = endpoints
  }

  async run(): Promise<void> {
    for (let step = 0; step < steps && this.differences.length < ENOUGH; step++) {
      if (this.#random(40) === 0) await this.#abandon()
      else await this.#compare(this.#request(), step)
    }
    for (const file of [...this.#files]) await this.#look(file)
  }

  close(): void {
    this.#pair?.close()
  }

  async #compare(request: Request, step: number): Promise<void> {
    this.#pair ??= await Pair.open(this.#endpoints)
    const outcomes = await this.#pair.ask(request)
    const isAnswered = outcomes.every((outcome) => typeof outcome === 'object')
    // What a real one has not read of a refused request it takes for the next one (protocol.md §1.1).
    const isLeftOver = request.body(1).length > BUFFER && outcomes.some((outcome) => statusOf(outcome) !== 0)
    const stays = isAnswered && !isLeftOver ? await this.#pair.answers() : [false, false]
    const [embedded, real] = outcomes.map((outcome, side) => ({
      outcome: comparable(request, outcome, side as 0 | 1),
      stays: stays[side],
    }))
    const status = statusOf(outcomes[1])
    request.about?.history.push(`${step} ${request.what}: ${status}`)
    if ((request.command === 12 || request.command === 38) && status === 0 && request.about !== undefined) {
      request.about.isGone = true
    }
    const key = `${request.command}: ${status}`
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
    // Its refusal may be lost with the rest.
    const isLost = isLeftOver && outcomes[1] === 'closed' && isRefusal(outcomes[0])
    if (!isLost && !this.#isSame(embedded, real)) {
      const sent = [0, 1].map((side) =>
        request
          .body(side as 0 | 1)
          .subarray(0, 150)
          .toString('latin1'),
      )
      this.differences.push(
        `step ${step}, ${request.what}: ${text({ embedded })} ${text({ real })}\n  to ${text(sent)}\n  after ${request.about?.history.slice(-8).join('; ')}`,
      )
    } else if (request.makes !== undefined && status === 0) this.#keep(request.makes, outcomes, request.about)
    if (!stays.every((each) => each === true)) {
      this.#pair.close()
      this.#pair = undefined
    }
  }

  #keep(kind: Kind, outcomes: Two<Outcome>, source: File | undefined): void {
    if (kind === 'link' && source !== undefined) source.isLinked = true
    const names = outcomes.map((outcome) => (outcome as RawResponse).body.toString('latin1', 16))
    this.#files.push({ kind, names: names as unknown as Two<string>, history: [] })
  }

  #isSame(embedded: unknown, real: unknown): boolean {
    return text(embedded) === text(real)
  }

  /** All that can be seen of a file. */
  async #look(file: File): Promise<void> {
    for (const [command, head] of [
      [22, Buffer.alloc(0)],
      [14, Buffer.alloc(16)],
      [15, Buffer.alloc(0)],
    ] as const) {
      const body = (side: 0 | 1): Buffer => bytes(head, str('group1', 16), file.names[side])
      await this.#compare({ what: `look at ${file.names[1]}`, command, body, about: file }, steps)
    }
  }

  /** A caller that goes before its request is whole: what it has done must come to the same. */
  async #abandon(): Promise<void> {
    const request = this.#pick([
      () => this.#upload(11),
      () => this.#append(),
      () => this.#slave(),
      () => this.#metadata(),
      () => this.#download(),
    ])()
    const size = 10 + request.body(1).length
    const pair = await Pair.open(this.#endpoints)
    await pair.abandon(request, Math.min(size, 1 + this.#random(size)))
    // A real one takes its changes back after it has closed, and without care for what was changed since.
    await sleep(100)
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random(from.length)] as T
  }

  #request(): Request {
    const request = this.#pick([
      () => this.#upload(11),
      () => this.#upload(23),
      () => this.#slave(),
      () => this.#append(),
      () => this.#append(),
      () => this.#modify(),
      () => this.#truncate(),
      () => this.#simple(38, 'regenerate'),
      () => this.#simple(12, 'delete'),
      () => this.#download(),
      () => this.#download(),
      () => this.#metadata(),
      () => this.#metadata(),
      () => this.#simple(15, 'get metadata'),
      () => this.#simple(22, 'info'),
      () => this.#link(),
      () => this.#nonsense(),
    ])()
    // Of a truncation without its whole name a real one takes the rest from an earlier request.
    return this.#random(12) === 0 && request.command !== 36 ? this.#spoilt(request) : request
  }

  /** The same with a body of another length than it says. */
  #spoilt(request: Request): Request {
    const cut = 1 + this.#random(30)
    const change = this.#pick<(body: Buffer) => Buffer>([
      (body) => body.subarray(0, Math.max(0, body.length - cut)),
      (body) => bytes(body, Buffer.alloc(cut, 'x')),
      (body) => body.subarray(0, cut),
      () => Buffer.alloc(0),
      (body) => bytes(Buffer.alloc(8, 0xff), body.subarray(8)),
      (body) => bytes(i64(2n ** 30n), body.subarray(8)),
      (body) => bytes(body.subarray(0, 8), Buffer.alloc(8, 0xff), body.subarray(16)),
    ])
    return { ...request, what: `spoilt ${request.what}`, body: (side) => change(request.body(side)) }
  }

  #content(): string {
    const length = this.#pick([0, 1, 2, 10, 10, 100, 1000, 5000, 70_000, 300_000])
    return String.fromCharCode(32 + this.#random(200)).repeat(length)
  }

  #ext(): string {
    return this.#pick([
      'txt',
      'txt',
      'txt',
      'jpg',
      '',
      'tar.gz',
      'abcdef',
      'a/b',
      '..',
      '.',
      'a b',
      'a-_',
      'é',
    ])
  }

  #size(right: number): Buffer {
    return i64(
      this.#random(15) > 0 ? right : this.#pick([right + 1, right - 1, -1, 0, 2n ** 62n, -(2n ** 63n)]),
    )
  }

  #group(): Buffer {
    if (this.#random(25) > 0) return str('group1', 16)
    return this.#pick([
      str('', 16),
      str('group2', 16),
      str('GROUP1', 16),
      str('group1\0x', 16),
      str('group1234567890x', 16),
    ])
  }

  /**
   * A name, mostly of a file that was made here. What changes is not a link, and no link stands for it; a link stands for
   * a file that is there and no link itself.
   */
  #name(use: 'any' | 'change' | 'source' = 'any'): Name {
    const files = this.#files.filter(
      ({ kind, isLinked, isGone }) =>
        use === 'any' || (kind !== 'link' && (use === 'source' ? isGone !== true : isLinked !== true)),
    )
    const file = files.length === 0 ? undefined : this.#pick(files.slice(-40))
    const known = (side: 0 | 1): string => file?.names[side] ?? 'M00/00/00/oYYBAGsCbjeAekHAAAAADcRYHyQ082.txt'
    if (use === 'source' || this.#random(8) > 0) return { at: known, file }
    const change = this.#pick<(name: string) => string>([
      // Chance decides whether a real one takes this for an appender's (§3.2).
      (name) => (use === 'change' ? name : name.slice(4)),
      (name) => name.toLowerCase(),
      (name) => `M01${name.slice(3)}`,
      (name) => `MZZ${name.slice(3)}`,
      (name) => `m00${name.slice(3)}`,
      (name) => `M00.${name.slice(4)}`,
      (name) => `${name.slice(0, 4)}0a${name.slice(6)}`,
      (name) => `${name.slice(0, 4)}FF${name.slice(6)}`,
      (name) => `${name.slice(0, 4)}../..${name.slice(9)}`,
      (name) => `${name.slice(0, 20)}/${name.slice(21)}`,
      (name) => `${name.slice(0, 20)}!${name.slice(21)}`,

      (name) => `${name}\0`,
      // The metadata of a renamed file stays at a real one.
      (name) => (file?.isGone === true ? `${name}y` : `${name}-m`),
      (name) => `${name}x`,
      (name) => name.slice(0, -1),
      (name) => name.slice(0, 10),
      (name) => name.slice(0, 11),
      (name) => name.slice(0, 36),
      (name) => name.slice(0, 37),
      (name) => name.slice(0, 43),
      (name) => name.padEnd(100, 'y'),
      (name) => name.padEnd(127, 'y'),
      () => '',
      () => '/etc/passwd/etc/passwd',
    ])
    return { at: (side) => change(known(side)), file }
  }

  #upload(command: 11 | 23): Request {
    const [content, ext, path] = [this.#content(), this.#ext(), this.#pick([0, 0, 0, 0, 0xff, 0xff, 1, 0x80])]
    const body = bytes(path, this.#size(content.length), str(ext, 6), content)
    const what = `upload ${content.length} to path ${path} with ext ${JSON.stringify(ext)}`
    return { what, command, body: () => body, makes: command === 11 ? 'normal' : 'appender' }
  }

  #slave(): Request {
    const [name, content, ext] = [this.#name(), this.#content(), this.#ext()]
    const prefix = this.#pick([
      '_s',
      '_150x150',
      '_t',
      'a',
      '\u0001',
      '-m',
      '',
      'a/b',
      '..',
      '_'.repeat(16),
      ' ',
    ])
    const size = this.#size(content.length)
    return {
      what: `slave ${JSON.stringify(prefix)} with ext ${JSON.stringify(ext)}`,
      about: name.file,
      command: 21,
      body: (side) =>
        bytes(i64(name.at(side).length), size, str(prefix, 16), str(ext, 6), name.at(side), content),
      makes: name.file?.kind === 'link' ? 'link' : 'slave',
      master: name.at,
    }
  }

  #append(): Request {
    const [name, content] = [withoutNul(this.#name('change')), this.#content()]
    const size = this.#size(content.length)
    return {
      what: `append ${content.length}`,
      about: name.file,
      command: 24,
      body: (side) => bytes(i64(name.at(side).length), size, name.at(side), content),
    }
  }

  #modify(): Request {
    const [name, content, offset] = [
      withoutNul(this.#name('change')),
      this.#content(),
      this.#pick([0, 0, 1, 5, 10, 1000, 400_000, -1]),
    ]
    const size = this.#size(content.length)
    return {
      what: `modify ${content.length} at ${offset}`,
      about: name.file,
      command: 34,
      body: (side) => bytes(i64(name.at(side).length), i64(offset), size, name.at(side), content),
    }
  }

  #truncate(): Request {
    const [name, size] = [
      withoutNul(this.#name('change')),
      this.#pick([0, 0, 1, 5, 10, 100, 1000, 100_000, -1]),
    ]
    return {
      what: `truncate to ${size}`,
      about: name.file,
      command: 36,
      body: (side) => bytes(i64(name.at(side).length), i64(size), name.at(side)),
    }
  }

  #download(): Request {
    const name = this.#name()
    const [offset, length] = [
      this.#pick([0, 0, 0, 1, 5, 10, 1000, -1]),
      this.#pick([0, 0, 0, 1, 5, 10, 1000, 400_000, -1]),
    ]
    const group = this.#group()
    return {
      what: `download ${length} at ${offset}`,
      about: name.file,
      command: 14,
      body: (side) => bytes(i64(offset), i64(length), group, name.at(side)),
    }
  }

  #metadata(): Request {
    const name = withoutNul(this.#name())
    const group = this.#group()
    // None of those of which a real one keeps bytes behind the end (protocol.md §3.5).
    const metadata = this.#pick([
      '',
      'a\u00021',
      'b\u00022\u0001a\u00021',
      'z\u0002\u0001a\u0002',
      'a\u0002b\u0002c',
      'a\u00021\u0001a\u00022',
      `${'n'.repeat(64)}\u0002${'v'.repeat(256)}`,
      Array.from({ length: 50 }, (_, i) => `key${i}\u0002value${i}`).join('\u0001'),
    ])
    const flag = this.#pick(['O', 'O', 'M', 'M', 'M', 'o', '\0'])
    // Of the length a real one takes the last four bytes.
    const size = i64(metadata.length + this.#pick([0, 0, 0, 0, 0, 0, 1, -1]))
    return {
      what: `metadata ${flag} ${JSON.stringify(metadata.slice(0, 60))}`,
      about: name.file,
      command: 13,
      body: (side) => bytes(i64(name.at(side).length), size, flag, group, name.at(side), metadata),
    }
  }

  /** Group and name, or the name alone. */
  #simple(command: 12 | 15 | 22 | 38, what: string): Request {
    const named = this.#name(command === 12 || command === 38 ? 'change' : 'any')
    const name = command === 15 ? withoutNul(named) : named
    const group = command === 38 ? '' : this.#group()
    const status = command === 22 ? this.#pick([0, 0, 1, 2, 3, 4, 255]) : 0
    return {
      what,
      command,
      status,
      about: name.file,
      body: (side) => bytes(group, name.at(side)),
      ...(command === 38 ? { makes: 'normal' } : {}),
    }
  }

  #link(): Request {
    const source = this.#name('source')
    const [master, prefix]: readonly [Name, string] =
      this.#random(3) === 0
        ? [shortened(this.#name()), '_l']
        : [{ at: () => '', file: undefined }, this.#pick(['', '_l'])]
    // A real one takes any extension here, also one with a slash, and has no room for a link's name over 127 bytes.
    const [ext, group] = [this.#pick(['txt', 'jpg', '']), this.#group()]
    const signature = this.#pick(['s'.repeat(20), 's', '', 's'.repeat(64)])
    return {
      what: `link with prefix ${prefix}`,
      command: 20,
      body: (side) =>
        bytes(
          ...[master.at(side), source.at(side), signature].map((text) => i64(text.length)),
          ...[group, str(prefix, 16), str(ext, 6), master.at(side), source.at(side), signature],
        ),
      makes: 'link',
      ...(master.at(0) === '' ? {} : { master: master.at }),
      about: source.file,
    }
  }

  /** Commands that a storage does not know, or not from a client. */
  #nonsense(): Request {
    const command = this.#pick([0, 1, 10, 25, 26, 50, 83, 101, 102, 110, 111, 112, 200, 255])
    const body = Buffer.alloc(this.#random(30), this.#random(3))
    return { what: 'nonsense', command, body: () => body }
  }
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint'
      ? String(part)
      : typeof part === 'string'
        ? part.slice(0, 500_000).replaceAll('\0', '·')
        : part,
  )
}

/** The differences between what the two answer. */
export async function compare(): Promise<readonly string[]> {
  await using tracker = new Tracker()
  await tracker.start()
  await using storage = new Storage({
    group: 'group1',
    id: 100001,
    subdirCount: 8,
    trackers: [{ host: '127.0.0.1', port: tracker.port }],
    store: new MemoryStore(),
  })
  await storage.start()
  await storage.whenActive()
  const comparison = new Comparison([{ host: '127.0.0.1', port: storage.port }, await realStorage()])
  try {
    await comparison.run()
  } finally {
    comparison.close()
  }
  console.log(`answers of the real storage: ${JSON.stringify(Object.fromEntries(comparison.counts))}`)
  return comparison.differences
}

/** The storage that the real tracker names for uploads to group1. */
async function realStorage(): Promise<Endpoint> {
  const { host, port } = realTracker()
  const client = await RawClient.connect(port, host)
  const { body } = await client.ask(104, str('group1', 16))
  client.close()
  const end = body.length - 9
  return {
    host: body.toString('latin1', 16, end).replace(/\0.*/, ''),
    port: Number(body.readBigInt64BE(end)),
  }
}
