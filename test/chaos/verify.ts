/** Whether a cluster has all that it acknowledged, and each of its members. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastDfsClient } from '../../src/index.js'
import { FileNotFoundError, isFastDfsError, parseFileId } from '../../src/index.js'
import type { Entry, Ledger } from './ledger.js'
import { bytesOf, holds } from './ledger.js'
import type { Held } from './held.js'
import { heldBy } from './held.js'

const CONCURRENCY = 8
/** Milliseconds that members have to tell each other of everything, after the last strike. */
const CONVERGENCE = 30_000

/** What is not as it should be. */
export interface Findings {
  /** What only a client can have done: a piece twice, one that it said had failed, bytes that nobody sent. */
  readonly wrong: string[]
  /** No member has what one member alone has acknowledged, or the client cannot read what all of them have. */
  readonly lost: string[]
  /**
   * No member has what was acknowledged, and not by one of them alone: the trackers had named another one in between.
   * Real storages have no order for such changes (protocol.md §12).
   */
  readonly crossed: string[]
  /** A member has what was acknowledged, another one has something else. */
  readonly differing: string[]
}

type Finding = { readonly kind: keyof Findings; readonly text: string }

/** Asks again and again, until the members have had time to agree. */
export async function verify(client: FastDfsClient, ledger: Ledger): Promise<Findings> {
  const until = performance.now() + CONVERGENCE
  let doubtful: readonly Entry[] = ledger.entries
  for (;;) {
    // A look may take longer than that: what was doubtful in it is looked at once more.
    const isLast = performance.now() > until
    const found = await allOf(client, doubtful)
    doubtful = [...found.keys()]
    if (doubtful.length === 0 || isLast) {
      const of = (kind: keyof Findings): string[] =>
        [...found.values()].filter((finding) => finding.kind === kind).map(({ text }) => text)
      return {
        wrong: of('wrong'),
        lost: of('lost'),
        crossed: of('crossed'),
        differing: of('differing'),
      }
    }
    await sleep(1_000)
  }
}

async function allOf(client: FastDfsClient, entries: readonly Entry[]): Promise<Map<Entry, Finding>> {
  const members = await membersOf(client)
  const found = new Map<Entry, Finding>()
  const queue = [...entries]
  const work = async (): Promise<void> => {
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const finding = await findingOf(client, members.get(parseFileId(entry.id).group) ?? [], entry)
      if (finding !== undefined) found.set(entry, finding)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return found
}

/** The storages of each group, as `host:port`. */
async function membersOf(client: FastDfsClient): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>()
  for (const { group } of await client.admin.listGroups()) {
    const storages = await client.admin.listStorages(group)
    members.set(
      group,
      storages.map(({ ip, port }) => `${ip}:${port}`),
    )
  }
  return members
}

async function findingOf(
  client: FastDfsClient,
  members: readonly string[],
  entry: Entry,
): Promise<Finding | undefined> {
  const all = await Promise.all(members.map((member) => heldBy(member, entry.id)))
  const [first] = all as [Held]
  const isRightSomewhere = all.some((held) => isRight(entry, held))
  if (isRightSomewhere && all.every((held) => isSame(held, first))) {
    const difference = await readingOf(client, entry)
    return difference === undefined ? undefined : { kind: 'lost', text: `${entry.id}: ${difference}` }
  }
  const texts = members.map((member, i) => `${member} has ${partsOf(entry, all[i] as Held).text}`)
  return {
    kind: kindOf(entry, all, isRightSomewhere),
    text: [`${entry.id}: ${expectation(entry)}`, ...texts].join('; '),
  }
}

function kindOf(entry: Entry, all: readonly Held[], isRightSomewhere: boolean): keyof Findings {
  if (all.some((held) => partsOf(entry, held).isWrong)) return 'wrong'
  if (isRightSomewhere) return 'differing'
  const acknowledging = entry.changes.filter(({ outcome }) => outcome !== 'failed')
  return new Set(acknowledging.map(({ storage }) => storage)).size > 1 ? 'crossed' : 'lost'
}

function isSame(one: Held, other: Held): boolean {
  return Buffer.isBuffer(one) && Buffer.isBuffer(other) ? one.equals(other) : one === other
}

function isRight(entry: Entry, held: Held): boolean {
  if (held === 'gone') return entry.fate !== 'kept'
  return Buffer.isBuffer(held) && entry.fate !== 'deleted' && holds(entry, held)
}

/** What is wrong with what the client reads. */
async function readingOf(client: FastDfsClient, entry: Entry): Promise<string | undefined> {
  try {
    const content = await client.downloadFile(entry.id)
    return isRight(entry, content) ? undefined : `the client read ${partsOf(entry, content).text}`
  } catch (error) {
    if (!isFastDfsError(error)) throw error
    if (error instanceof FileNotFoundError && isRight(entry, 'gone')) return undefined
    return `it cannot be read: ${error.message}`
  }
}

/** What was asked for: each piece with its size, its outcome where it is not acknowledged, and the storage. */
function expectation({ fate, changes }: Entry): string {
  const all = changes.map(({ piece, storage, outcome }, i) => {
    const what = piece === undefined ? 'deleted' : `#${i} of ${piece.size}`
    return `${what}${outcome === 'acknowledged' ? '' : ` (${outcome})`} at ${storage ?? 'none'}`
  })
  return `${fate}, ${all.join(', ')}`
}

/** Content by the pieces that it is made of, and whether it can only be wrong. */
function partsOf({ changes }: Entry, held: Held): { text: string; isWrong: boolean } {
  if (held === 'gone') return { text: 'no such file', isWrong: false }
  if (!Buffer.isBuffer(held)) return { text: `told nothing: ${held.message}`, isWrong: false }
  const parts: string[] = []
  let isWrong = false
  // The longest first: a piece of one byte is found everywhere.
  const pieces = changes
    .flatMap(({ piece, outcome }, i) =>
      piece === undefined ? [] : [{ name: `#${i}`, bytes: bytesOf(piece), outcome }],
    )
    .filter(({ bytes }) => bytes.length > 0)
    .sort((one, other) => other.bytes.length - one.bytes.length)
  for (let at = 0; at < held.length;) {
    const piece = pieces.find(({ bytes }) => bytes.equals(held.subarray(at, at + bytes.length)))
    const name = piece?.name ?? `${held.length - at} foreign bytes`
    isWrong ||= piece === undefined || piece.outcome === 'failed' || parts.includes(name)
    parts.push(name)
    at += piece?.bytes.length ?? held.length
  }
  return { text: `${held.length} bytes: ${parts.join(' ')}`, isWrong }
}
