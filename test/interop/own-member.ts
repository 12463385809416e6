/** `fastdfs tracker` and `fastdfs storage` as processes, told by the daemons' own samples of configurations. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TRACKER_PORT } from './changes.js'
import { folder, inNamespace, type Namespace } from './daemons.js'

const { FDFS_CONF = '/etc/fdfs', FASTDFS_PROFILE = 'V6.16' } = process.env
const ROOT = join(import.meta.dirname, '../..')

/** Why there are no samples; undefined where there are. */
export function missingSamples(): string | undefined {
  const path = ['tracker', 'storage']
    .map((kind) => join(FDFS_CONF, `${kind}.conf`))
    .find((each) => !existsSync(each))
  return path === undefined ? undefined : `there is no ${path}: name the folder by FDFS_CONF`
}

/** A sample with other values; `base_path` comes first, since the daemons are given theirs so. */
function sampleOf(kind: 'tracker' | 'storage', values: Readonly<Record<string, string>>): string {
  const lines = readFileSync(join(FDFS_CONF, `${kind}.conf`), 'utf8').split('\n')
  const changed = ['base_path', ...Object.keys(values)]
  const kept = lines.filter((line) => !changed.includes(line.split('=')[0]?.trim() ?? ''))
  // What stands behind a section counts for that section.
  return [...Object.entries(values).map(([name, value]) => `${name} = ${value}`), ...kept].join('\n')
}

/** A tracker's, without `base_path`. */
export const trackerConf = (bind: string, ids?: string): string =>
  sampleOf('tracker', {
    bind_addr: bind,
    reserved_storage_space: '1%',
    ...(ids && { use_storage_id: 'true', id_type_in_filename: 'id', storage_ids_filename: ids }),
  })

/** A storage's, without `base_path`. */
export const storageConf = (bind: string, base: string, tracker: string): string =>
  sampleOf('storage', {
    bind_addr: bind,
    store_path0: base,
    subdir_count_per_path: '4',
    heart_beat_interval: '2',
    sync_wait_msec: '10',
    sync_log_buff_interval: '1',
    sync_binlog_buff_interval: '1',
    sync_stat_file_interval: '1',
    tracker_server: `${tracker}:${TRACKER_PORT}`,
  })

const members: ChildProcess[] = []

/**
 * Starts an embedded member.
 *
 * @param name - of its folder
 * @param conf - without `base_path`
 * @param namespace - where it runs; among the clients without it
 */
export async function startMember(
  kind: 'tracker' | 'storage',
  name: string,
  conf: string,
  namespace?: Namespace,
): Promise<ChildProcess> {
  const base = join(folder, name)
  mkdirSync(base, { recursive: true })
  const path = join(base, `${kind}.conf`)
  writeFileSync(path, `base_path = ${base}\n${conf}`)
  // A storage learns from its trackers what they are.
  const version = kind === 'tracker' ? ['--profile', FASTDFS_PROFILE] : []
  const [program = '', ...args] = [
    ...(namespace === undefined ? [] : inNamespace(namespace)),
    ...[process.execPath, '--import', 'tsx', 'src/cli/main.ts', kind, '--config', path, ...version],
  ]
  const member = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  members.push(member)
  createInterface(member.stderr).on('line', (line) => console.log(`  ${line}`))
  const lines = createInterface(member.stdout)
  const ended = once(member, 'exit').then(([code]) => `it ended with ${String(code)}`)
  const said = await Promise.race([once(lines, 'line').then(([line]) => String(line)), ended])
  if (!said.startsWith('FastDFS is ready')) throw new Error(`the ${kind} is not ready: ${said}`)
  console.log(`  ${said}`)
  return member
}

/** Ends a member as a supervisor does. */
export async function stopMember(member: ChildProcess): Promise<number | null> {
  const ended = once(member, 'exit')
  member.kill('SIGTERM')
  const [code] = (await ended) as [number | null]
  return code
}

/** Ends the members that a case leaves running. */
export function ending(test: () => Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await test()
    } finally {
      for (const member of members.splice(0)) {
        if (member.exitCode !== null || member.signalCode !== null) continue
        const ended = once(member, 'exit')
        member.kill('SIGKILL')
        await ended
      }
    }
  }
}
