import type { Small } from './agent-protocol.js'
import { SMALL } from './agent-protocol.js'
import type { Agents, Field, Round } from './agents.js'
import type { Measured } from './compare.js'
import type { Options } from './options.js'
import { isWanted } from './options.js'
import { WARM_UP, WARM_UP_CALLERS } from './slice.js'

const KIB = 1024

interface Pass {
  readonly size: number
  readonly whats: readonly Small[]
  /** Instead of those of the options. */
  readonly concurrency?: readonly number[]
  /** How many times as long as others' its slices are. */
  readonly patience?: number
}

/** Each size with what is done to its files; uploads give the rest something to work on, so they always come first. */
const PASSES: readonly Pass[] = [
  { size: 4 * KIB, whats: ['upload', 'download', 'metadata', 'info', 'query', 'delete'] },
  { size: 100 * KIB, whats: ['upload', 'download', 'delete'] },
]
/** In the full form only: they take long. What is under way at a time decides how much memory it takes. */
const LARGER_PASSES: readonly Pass[] = [
  { size: 1024 * KIB, whats: ['upload', 'download'], concurrency: [16] },
  { size: 10 * 1024 * KIB, whats: ['upload', 'download'], concurrency: [16], patience: 2 },
]

export const SMALL_SIZES = PASSES.map(({ size }) => size)

/** By clients that ask no tracker. */
const SHORTCUT_PASSES: readonly Pass[] = [{ size: 4 * KIB, whats: ['upload', 'download'] }]

/** The work at which every peer takes part: others are slow, and would make a run a long one. */
const LIGHT = { size: 4 * KIB, concurrency: 16 }
/**
 * Times that all is done before it is counted: at first it is compiled, then connections that have rested take another
 * path, for which some of it has to be compiled again, and at last it is.
 */
const LAPS = 3

/** Requests about small files, at every concurrency. */
export function measureSmallFiles(
  agents: Agents,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  return measurePasses(agents, PASSES, (what) => isWanted(options, what), nameOf, options, checkpoint)
}

/** The same about files of 1 and 10 MiB. */
export function measureLargerFiles(
  agents: Agents,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  return measurePasses(agents, LARGER_PASSES, (what) => isWanted(options, what), nameOf, options, checkpoint)
}

/** The same by agents that ask no tracker; in the short form at one concurrency only. */
export async function measureShortcuts(
  start: () => Agents,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  const passes = options.full
    ? SHORTCUT_PASSES
    : SHORTCUT_PASSES.map((pass) => ({ ...pass, concurrency: [16] }))
  const agents = start()
  try {
    return await measurePasses(agents, passes, () => true, shortcutName, options, checkpoint)
  } finally {
    await agents.stop()
  }
}

async function measurePasses(
  agents: Agents,
  passes: readonly Pass[],
  isCountedOf: (what: Small) => boolean,
  nameOf: (what: Small, size: number) => string,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  await agents.askAll({ do: 'check' }, 'all')
  const rows = new Map<string, Omit<Measured, 'rounds'> & { readonly rounds: Round[] }>()
  const wanted = passes.filter(({ whats }) => whats.some(isCountedOf))

  /** All that is done to files of one size, in one round. */
  const runPass = async (
    turn: number,
    { size, whats }: Pass,
    concurrency: number,
    duration: number,
    take: (what: Small, round: Round) => void,
  ): Promise<void> => {
    const field = fieldOf(size, concurrency, options)
    for (const what of whats) {
      checkpoint()
      const isCounted = isCountedOf(what)
      if (!isCounted && what !== 'upload') continue
      // Files are deleted faster than they are uploaded: without more of them the slice would be short.
      const count = duration * (concurrency === 1 ? 6 : 12)
      if (what === 'delete') await agents.askAll({ do: 'fill', size, count }, field)
      const slices = await agents.round(turn, field, { do: 'slice', what, size, concurrency, duration })
      if (isCounted) take(what, slices)
    }
    await agents.askAll({ do: 'deleteAll' }, field)
  }

  // All rounds of one size and number of calls in a row: other work in between has V8 collect its garbage, and then
  // forget what it has compiled of functions that nobody holds between two calls. With one call at a time it takes
  // seconds to make up for that, the longer the more functions a client has.
  for (const pass of wanted) {
    const { size, patience = 1 } = pass
    for (let lap = 0; lap < LAPS; lap++) await runPass(lap, pass, WARM_UP_CALLERS, WARM_UP / LAPS, () => {})
    for (const concurrency of pass.concurrency ?? options.concurrency) {
      // The first one makes itself at home with as many calls.
      for (let round = 0; round <= options.rounds; round++) {
        await runPass(round, pass, concurrency, options.slice * patience, (what, slices) => {
          if (round === 0) return
          const name = nameOf(what, size)
          const key = `${name}/${concurrency}`
          const row = rows.get(key) ?? { name, concurrency, size, rounds: [] }
          rows.set(key, row)
          row.rounds.push(slices)
        })
      }
    }
  }
  return [...rows.values()].sort((a, b) => order(a) - order(b) || a.concurrency - b.concurrency)
}

/** In the short form, other clients work only where all do. */
export function fieldOf(size: number, concurrency: number, { full }: Options): Field {
  if (size === LIGHT.size && concurrency === LIGHT.concurrency) return 'all'
  return full ? 'scripts' : 'core'
}

const NAMES = SMALL.flatMap((what) => [...PASSES, ...LARGER_PASSES].map(({ size }) => nameOf(what, size)))
const order = ({ name }: { name: string }): number => NAMES.indexOf(name.split(',')[0] as string)

function shortcutName(what: Small, size: number): string {
  return `${nameOf(what, size)}, ${what === 'upload' ? 'tracker answers cached' : 'read at its source'}`
}

function nameOf(what: Small, size: number): string {
  return `${what} ${size < 1024 * KIB ? `${size / KIB} KiB` : `${size / KIB / 1024} MiB`}`
}
