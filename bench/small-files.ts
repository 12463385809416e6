import type { Small } from './agent.js'
import type { Agents, Round } from './agents.js'
import type { Measured } from './compare.js'
import type { Options } from './options.js'
import { isWanted } from './options.js'

const KIB = 1024

/** Each size with what is done to its files; uploads give the rest something to work on, so they always come first. */
const PASSES: readonly { readonly size: number; readonly whats: readonly Small[] }[] = [
  { size: 4 * KIB, whats: ['upload', 'download', 'metadata', 'info', 'delete'] },
  { size: 100 * KIB, whats: ['upload', 'download', 'delete'] },
]

/** Requests about small files, at every concurrency. */
export async function measureSmallFiles(
  agents: Agents,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  await agents.askAll({ do: 'check' })
  const rows = new Map<string, Omit<Measured, 'rounds'> & { readonly rounds: Round[] }>()
  // The first round warms up: code is compiled, caches and connections are filled.
  for (let round = 0; round <= options.rounds; round++) {
    for (const { size, whats } of PASSES) {
      for (const concurrency of options.concurrency) {
        for (const what of whats) {
          checkpoint()
          const isCounted = isWanted(options, what)
          if (!isCounted && what !== 'upload') continue
          const duration = options.slice
          // Files are deleted faster than they are uploaded: without more of them the slice would be short.
          const count = duration * (concurrency === 1 ? 8 : 16)
          if (what === 'delete') await agents.askAll({ do: 'fill', size, count })
          const slices = await agents.round(round, { do: 'slice', what, size, concurrency, duration })
          if (!isCounted || round === 0) continue
          const name = `${what} ${size / KIB} KiB`
          const key = `${name}/${concurrency}`
          const row = rows.get(key) ?? { name, concurrency, size, rounds: [] }
          rows.set(key, row)
          row.rounds.push(slices)
        }
        await agents.askAll({ do: 'deleteAll' })
      }
    }
  }
  return [...rows.values()].sort((a, b) => order(a) - order(b) || a.concurrency - b.concurrency)
}

const NAMES = (['upload', 'download', 'metadata', 'info', 'delete'] satisfies Small[]).flatMap((what) =>
  PASSES.map(({ size }) => `${what} ${size / KIB} KiB`),
)
const order = ({ name }: { name: string }): number => NAMES.indexOf(name)
