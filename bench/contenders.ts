import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { NPM_CLIENTS } from './npm-client.js'

/** Always there. `again` is the floor a second time: it tells how much the same code differs. */
export const CORE = ['fastdfs', 'raw', 'again'] as const
export type Core = (typeof CORE)[number]

/** Another client, measured in the same rounds as ours. */
export interface Peer {
  readonly name: string
  /** A script that does what `agent.ts` does; undefined for a client from npm, which `agent.ts` knows. */
  readonly script: string | undefined
}

/** The peers that can be had: clients from npm that are installed in `folder`, and scripts as `name=path`. */
export function findPeers(folder: string, scripts: readonly string[]): { peers: Peer[]; missing: string[] } {
  const require = createRequire(join(resolve(folder), 'any.js'))
  const isInstalled = (name: string): boolean => {
    try {
      require.resolve(name)
      return true
    } catch {
      return false
    }
  }
  const others = scripts.map((text) => {
    const [name = '', path = ''] = text.split(/=(.*)/s)
    if (name === '' || path === '') throw new Error(`a peer is name=script, not ${text}`)
    return { name, script: resolve(path) }
  })
  const installed = NPM_CLIENTS.filter(isInstalled).map((name) => ({ name, script: undefined }))
  return { peers: [...others, ...installed], missing: NPM_CLIENTS.filter((name) => !isInstalled(name)) }
}
