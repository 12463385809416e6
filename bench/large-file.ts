import { randomFillSync } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentRequest, Large } from './agent-protocol.js'
import { LARGE } from './agent-protocol.js'
import type { Agents, Round } from './agents.js'
import type { Measured } from './compare.js'
import type { Options } from './options.js'

const MIB = 1024 * 1024

/**
 * One large file in each direction. New processes for each, so that its memory is that of this alone. Peers only in
 * the full form.
 */
export async function measureLargeFile(
  start: () => Agents,
  folder: string,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  const { largeBytes: size } = options
  const source = join(folder, 'source')
  await writeRandom(source, size)
  const keeper = start()
  try {
    const { id = '' } = await keeper.ask('raw', { do: 'keep', path: source })
    const rows: Measured[] = []
    for (const what of LARGE) {
      const agents = start()
      try {
        const path = what === 'upload' ? source : join(folder, 'copy')
        const transfer = { do: 'large', what, id, path, size } as const
        rows.push(await measureTransfer(agents, transfer, nameOf(what, size), options, checkpoint))
      } finally {
        await agents.stop()
      }
    }
    return rows
  } finally {
    await keeper.stop()
  }
}

/** Milliseconds after which a transfer has been measured often enough: a storage may take a second for each 300 MB. */
const ENOUGH = 45_000
const LEAST_ROUNDS = 3

/** One transfer by every contender, in rounds. The first round warms up. */
export async function measureTransfer(
  agents: Agents,
  transfer: AgentRequest & { readonly do: 'large' },
  name: string,
  { full, rounds: count }: Options,
  checkpoint: () => void,
): Promise<Measured> {
  const rounds: Round[] = []
  const start = performance.now()
  for (let round = 0; round <= count; round++) {
    if (rounds.length >= LEAST_ROUNDS && performance.now() - start > ENOUGH) break
    checkpoint()
    const slices = await agents.round(round, full ? 'scripts' : 'core', transfer, { do: 'deleteAll' })
    if (round > 0) rounds.push(slices)
  }
  return { name, concurrency: 1, size: transfer.size, rounds, rss: { ...agents.rss } }
}

export function nameOf(what: Large, size: number): string {
  return `${size % (1024 * MIB) === 0 ? `${size / MIB / 1024} GiB` : `${size / MIB} MiB`} ${what}`
}

/** Makes a file of random bytes. */
export async function writeRandom(path: string, size: number): Promise<void> {
  const file = await open(path, 'w')
  const block = Buffer.allocUnsafe(MIB)
  for (let position = 0; position < size; position += MIB) await file.write(randomFillSync(block))
  await file.close()
}
