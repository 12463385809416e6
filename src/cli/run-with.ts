import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster } from '../testing/index.js'
import { onEndingSignal } from './signals.js'

/** What a shell says of a command that it does not find, or may not run. */
const NOT_FOUND = 127

/**
 * Runs a command that finds the cluster in its environment: `FASTDFS_TRACKERS`, and `FASTDFS_CONFIG` with the path of a
 * client.conf. With a control port, `FASTDFS_CONTROL` is its URL. Signals to this process are passed on to it.
 *
 * @returns its exit code; as in a shell, 128 and the signal's number where a signal ended it
 */
export async function runWith(
  cluster: Cluster,
  [command = '', ...args]: readonly string[],
  control: string | undefined,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-'))
  try {
    const config = join(folder, 'client.conf')
    await writeFile(config, cluster.clientConf())
    const env = { ...process.env, ...cluster.env(), FASTDFS_CONFIG: config, FASTDFS_CONTROL: control }
    return await exitOf(command, args, env)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function exitOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', env })
    const off = onEndingSignal((signal) => child.kill(signal))
    child.once('error', (error) => {
      off()
      console.error(`fastdfs: ${command} cannot be run: ${error.message}`)
      resolve(NOT_FOUND)
    })
    child.once('exit', (code, signal) => {
      off()
      resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals])
    })
  })
}
