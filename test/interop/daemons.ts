/** Real daemons for the programs of this folder, each in a network namespace of its own. */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const { FDFS_TRACKERD = 'fdfs_trackerd', FDFS_STORAGED = 'fdfs_storaged' } = process.env
const NAMESPACE = `fdfs${process.pid}`
/** Addresses: of this process, of the real tracker, of storages; others where two of us run. */
const NET = `10.213.${process.pid % 256}`
export const [HERE, TRACKER, STORAGE, PEER] = [`${NET}.1`, `${NET}.2`, `${NET}.3`, `${NET}.4`]
/** By the letters of their namespaces: where a tracker and two storages run. */
const ADDRESSES = { t: TRACKER, s: STORAGE, p: PEER }
export type Namespace = keyof typeof ADDRESSES
/** Milliseconds for each thing that is waited for. */
const LIMIT = 60_000

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
}

/** Why real daemons cannot be run here; undefined where they can. */
export function missing(): string | undefined {
  for (const program of [FDFS_TRACKERD, FDFS_STORAGED]) {
    try {
      run('which', program)
    } catch {
      return `there is no ${program}`
    }
  }
  try {
    run('ip', 'netns', 'add', NAMESPACE)
    run('ip', 'netns', 'del', NAMESPACE)
  } catch {
    return 'network namespaces cannot be made'
  }
  return undefined
}

/** For the files of all. */
export const folder = mkdtempSync(join(tmpdir(), 'fastdfs-interop-'))
const daemons: Daemon[] = []

/** A bridge here, with an address, and a namespace for each daemon. */
function makeNetwork(): void {
  run('ip', 'link', 'add', NAMESPACE, 'type', 'bridge')
  run('ip', 'addr', 'add', `${HERE}/24`, 'dev', NAMESPACE)
  run('ip', 'link', 'set', NAMESPACE, 'up')
  for (const [suffix, address] of Object.entries(ADDRESSES)) {
    const name = `${NAMESPACE}${suffix}`
    run('ip', 'netns', 'add', name)
    run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    run('ip', 'link', 'set', name, 'master', NAMESPACE, 'up')
    run('ip', 'netns', 'exec', name, 'ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    run('ip', 'netns', 'exec', name, 'ip', 'link', 'set', 'eth0', 'up')
    run('ip', 'netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up')
  }
}

function removeNetwork(): void {
  for (const suffix of Object.keys(ADDRESSES)) tryTo(() => run('ip', 'netns', 'del', `${NAMESPACE}${suffix}`))
  tryTo(() => run('ip', 'link', 'del', NAMESPACE))
}

/** What may fail. */
function tryTo(task: () => unknown): void {
  try {
    task()
  } catch {
    // It may not be there.
  }
}

/** What runs a command in a namespace. */
export function inNamespace(namespace: Namespace): string[] {
  return ['ip', 'netns', 'exec', `${NAMESPACE}${namespace}`]
}

interface Daemon {
  readonly program: string
  readonly conf: string
}

/** Starts a daemon. */
export function startDaemon(namespace: Namespace, program: string, name: string, conf: string): Daemon {
  const base = join(folder, name)
  mkdirSync(base, { recursive: true })
  const path = join(base, 'daemon.conf')
  writeFileSync(path, `base_path = ${base}\n${conf}`)
  const daemon = { program, conf: path }
  daemons.push(daemon)
  const [command = '', ...args] = [...inNamespace(namespace), program, path, 'start']
  // Its output would stay open as long as the daemon runs.
  execFileSync(command, args, { stdio: 'ignore' })
  return daemon
}

export function stopDaemon(daemon: Daemon): void {
  daemons.splice(daemons.indexOf(daemon), 1)
  tryTo(() => run(daemon.program, daemon.conf, 'stop'))
}

export function stopDaemons(): void {
  for (const daemon of [...daemons].reverse()) stopDaemon(daemon)
}

/** Waits, and says how long that took. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const start = Date.now()
  for (;;) {
    if (await Promise.resolve(holds())) break
    if (Date.now() - start > LIMIT) throw new Error(`not in time: ${what}`)
    await sleep(100)
  }
  console.log(`  ${what} after ${((Date.now() - start) / 1000).toFixed(1)} s`)
}

/** By their names below `HH/HH`, with their contents, those behind links too. */
export function filesIn(base: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { name, path } of entriesOf(base)) tryTo(() => (found[name] = readFileSync(path, 'latin1')))
  return found
}

/** By their names below `HH/HH`: the names that links lead to. */
export function linksIn(base: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { name, path, isLink } of entriesOf(base)) {
    if (isLink) tryTo(() => (found[name] = readlinkSync(path).split('/').slice(-3).join('/')))
  }
  return found
}

/** They may be deleted at this moment. */
function entriesOf(base: string): { name: string; path: string; isLink: boolean }[] {
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: join(entry.parentPath, entry.name), isLink: entry.isSymbolicLink() }))
    .map((entry) => ({ ...entry, name: entry.path.slice(base.length + 1) }))
    .filter(({ name }) => /^[\dA-F]{2}\/[\dA-F]{2}\//.test(name))
}

/** Whether two folders hold the same files. */
export function alike(one: Record<string, string>, other: Record<string, string>): boolean {
  const names = Object.keys(one)
  return Object.keys(other).length === names.length && names.every((name) => one[name] === other[name])
}

/** Runs each case in the network, and removes all that it left. */
export async function runCases(
  cases: readonly (readonly [title: string, test: () => Promise<void>])[],
): Promise<void> {
  makeNetwork()
  try {
    for (const [title, test] of cases) {
      console.log(title)
      try {
        await test()
      } catch (error) {
        for (const name of ['tracker/logs/trackerd.log', 'storage/logs/storaged.log']) {
          tryTo(() => console.log(readFileSync(join(folder, name), 'utf8').slice(-2_000)))
        }
        throw error
      } finally {
        stopDaemons()
      }
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
    }
    console.log('all passed')
  } finally {
    removeNetwork()
    rmSync(folder, { recursive: true, force: true })
  }
}
