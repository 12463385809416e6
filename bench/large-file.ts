import { randomFillSync } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Large } from './agent.js'
import { LARGE } from './agent.js'
import type { Agents, Round } from './agents.js'
import type { Measured } from './compare.js'
import type { Options } from './options.js'

const MIB = 1024 * 1024

/** One large file in each direction. New processes for each, so that its memory is that of this alone. */
export async function measureLargeFile(
  start: () => Agents,
  folder: string,
  { largeBytes: size, largeRounds }: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
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
        const request = { do: 'large', what, id, path, size } as const
        const rounds: Round[] = []
        for (let round = 0; round <= largeRounds; round++) {
          checkpoint()
          const slices = await agents.round(round, request, { do: 'deleteAll' })
          if (round > 0) rounds.push(slices)
        }
        rows.push({ name: nameOf(what, size), concurrency: 1, size, rounds, rss: { ...agents.rss } })
      } finally {
        await agents.stop()
      }
    }
    return rows
  } finally {
    await keeper.stop()
  }
}

function nameOf(what: Large, size: number): string {
  return `${size % (1024 * MIB) === 0 ? `${size / MIB / 1024} GiB` : `${size / MIB} MiB`} ${what}`
}

async function writeRandom(path: string, size: number): Promise<void> {
  const file = await open(path, 'w')
  const block = Buffer.allocUnsafe(MIB)
  for (let position = 0; position < size; position += MIB) await file.write(randomFillSync(block))
  await file.close()
}
