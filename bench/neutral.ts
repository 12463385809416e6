import { join } from 'node:path'
import type { Large } from './agent-protocol.js'
import { LARGE } from './agent-protocol.js'
import { Agents, agentStarter } from './agents.js'
import type { Scripts } from './bundle.js'
import { Child } from './child.js'
import type { Measured } from './compare.js'
import { measureTransfer, nameOf } from './large-file.js'
import type { NeutralAnswer, NeutralRequest } from './neutral-process.js'
import type { Options } from './options.js'

/** Transfers where the other side does next to nothing, without integrity checks and with them. */
export async function measureNeutral(
  scripts: Scripts,
  folder: string,
  options: Options,
  checkpoint: () => void,
): Promise<Measured[]> {
  const { largeBytes: size, profile } = options
  const neutral = new Child<NeutralRequest, NeutralAnswer>(scripts.neutral, [])
  try {
    const source = join(folder, 'neutral-source')
    const { tracker, id } = await neutral.ask({ path: source, size })
    const rows: Measured[] = []
    for (const verify of [false, true]) {
      for (const what of LARGE) {
        const config = { trackers: [tracker], peersFolder: folder, options: { verify } }
        const agents = new Agents([], agentStarter(scripts.agent, config, profile))
        try {
          const path = what === 'upload' ? source : join(folder, 'copy')
          const transfer = { do: 'large', what, id, path, size } as const
          const name = neutralName(what, size, verify)
          rows.push(await measureTransfer(agents, transfer, name, options, checkpoint))
        } finally {
          await agents.stop()
        }
      }
    }
    return rows
  } finally {
    await neutral.stop()
  }
}

export function neutralName(what: Large, size: number, verify: boolean): string {
  return `${nameOf(what, size)}, neutral${verify ? ', verified' : ''}`
}
