/**
 * `fastdfs tracker` and `fastdfs storage` beside real daemons, told by the same files: the daemons' own samples of
 * `tracker.conf` and `storage.conf`, in which only addresses and folders are changed. Files must flow both ways, and
 * SIGTERM must end an embedded member within a second, busy or not.
 *
 *   node --import tsx test/interop/members.ts
 *
 * Takes the daemons as replication.ts does, and the samples from the folder FDFS_CONF, /etc/fdfs by default.
 * FASTDFS_PROFILE names their version: V5.11, V6.06, V6.12 or V6.16 (default).
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FastDfsClient } from '../../src/index.js'
import { packet } from '../server/raw.js'
import {
  FDFS_STORAGED,
  FDFS_TRACKERD,
  filesIn,
  folder,
  HERE,
  missing,
  runCases,
  startDaemon,
  STORAGE,
  TRACKER,
  until,
} from './daemons.js'

const { FDFS_CONF = '/etc/fdfs', FASTDFS_PROFILE = 'V6.16' } = process.env
const ROOT = join(import.meta.dirname, '../..')
const PORT = 23_000
const TRACKER_PORT = 22_122

/** A sample with other values; `base_path` comes first, since the daemons are given theirs so. */
function sampleOf(kind: 'tracker' | 'storage', values: Readonly<Record<string, string>>): string {
  const lines = readFileSync(join(FDFS_CONF, `${kind}.conf`), 'utf8').split('\n')
  const changed = ['base_path', ...Object.keys(values)]
  const kept = lines.filter((line) => !changed.includes(line.split('=')[0]?.trim() ?? ''))
  // What stands behind a section counts for that section.
  return [...Object.entries(values).map(([name, value]) => `${name} = ${value}`), ...kept].join('\n')
}

const trackerConf = (bind: string): string =>
  sampleOf('tracker', { bind_addr: bind, reserved_storage_space: '1%' })
const storageConf = (bind: string, base: string, tracker: string): string =>
  sampleOf('storage', {
    bind_addr: bind,
    store_path0: base,
    subdir_count_per_path: '4',
    heart_beat_interval: '2',
    sync_wait_msec: '10',
    sync_log_buff_interval: '1',
    sync_binlog_buff_interval: '1',
    tracker_server: `${tracker}:${TRACKER_PORT}`,
  })

function startRealStorage(tracker: string): void {
  startDaemon('s', FDFS_STORAGED, 'storage', storageConf('', join(folder, 'storage'), tracker))
}

const members: ChildProcess[] = []

/** Starts an embedded member from a configuration. */
async function startMember(kind: 'tracker' | 'storage', text: string): Promise<ChildProcess> {
  const base = join(folder, `own-${kind}`)
  mkdirSync(base, { recursive: true })
  const path = join(base, `${kind}.conf`)
  writeFileSync(path, `base_path = ${base}\n${text}`)
  // A storage learns from its trackers what they are.
  const version = kind === 'tracker' ? ['--profile', FASTDFS_PROFILE] : []
  const args = ['--import', 'tsx', 'src/cli/main.ts', kind, '--config', path, ...version]
  const member = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  members.push(member)
  createInterface(member.stderr).on('line', (line) => console.log(`  ${line}`))
  const lines = createInterface(member.stdout)
  const ended = once(member, 'exit').then(([code]) => `it ended with ${String(code)}`)
  const said = await Promise.race([once(lines, 'line').then(([line]) => String(line)), ended])
  if (!said.startsWith('FastDFS is ready')) throw new Error(`the ${kind} is not ready: ${said}`)
  console.log(`  ${said}`)
  return member
}

const startStorage = (tracker: string): Promise<ChildProcess> =>
  startMember('storage', storageConf(HERE, join(folder, 'own-storage'), tracker))

/** Connections that wait for an answer, are in the middle of a request, or idle. */
async function keepBusy(port: number): Promise<() => void> {
  const sockets = Array.from({ length: 30 }, () => connect(port, HERE).on('error', () => {}))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (const [i, socket] of sockets.entries()) {
    // An upload of which the most is still to come.
    if (i % 3 === 0) socket.write(packet(11, Buffer.alloc(10_000_000)).subarray(0, 300_000))
    if (i % 3 === 1) socket.write(packet(111).subarray(0, 7))
  }
  return () => {
    for (const socket of sockets) socket.destroy()
  }
}

async function endsInTime(member: ChildProcess, port: number): Promise<void> {
  const free = await keepBusy(port)
  const start = performance.now()
  const ended = once(member, 'exit')
  member.kill('SIGTERM')
  const [code] = (await ended) as [number | null]
  const time = performance.now() - start
  free()
  console.log(`  SIGTERM ended it after ${time.toFixed(0)} ms`)
  if (code !== 0 || time > 1_000) throw new Error(`exit code ${String(code)} after ${time} ms`)
}

async function active(tracker: string, ...hosts: string[]): Promise<void> {
  await using client = new FastDfsClient({ trackers: [`${tracker}:${TRACKER_PORT}`] })
  await until(`${hosts.join(' and ')} ACTIVE`, async () => {
    const storages = await client.admin.listStorages('group1').catch(() => [])
    return hosts.every((host) => storages.some(({ ip, status }) => ip === host && status === 'ACTIVE'))
  })
}

/** Changes at each of the two, through the tracker. */
async function flow(tracker: string): Promise<void> {
  await using client = new FastDfsClient({ trackers: [`${tracker}:${TRACKER_PORT}`] })
  for (const host of [STORAGE, HERE]) {
    const storage = `${host}:${PORT}`
    const file = await client.uploadFile(Buffer.alloc(1_000_000, host), { storage, metadata: { from: host } })
    if (file.endpoint !== storage) throw new Error(`${storage} was asked for, ${file.endpoint} has it`)
    const { id } = await client.uploadAppenderFile(Buffer.from('one'), { storage })
    await client.appendFile(id, Buffer.from(', two'))
    const gone = await client.uploadFile(Buffer.from('gone'), { storage })
    await client.deleteFile(gone.id)
  }
  let count = 0
  await until('both hold the same files', () => {
    const real = filesIn(join(folder, 'storage', 'data'))
    const own = filesIn(join(folder, 'own-storage', 'data'))
    count = Object.keys(own).length
    return Object.keys(real).length === count && Object.keys(own).every((name) => own[name] === real[name])
  })
  // Two files of each, and the metadata of one.
  if (count < 6) throw new Error(`${count} files only`)
}

async function realTracker(): Promise<void> {
  startDaemon('t', FDFS_TRACKERD, 'tracker', trackerConf(''))
  startRealStorage(TRACKER)
  await active(TRACKER, STORAGE)
  const storage = await startStorage(TRACKER)
  await active(TRACKER, STORAGE, HERE)
  await flow(TRACKER)
  await endsInTime(storage, PORT)
  await using client = new FastDfsClient({ trackers: [`${TRACKER}:${TRACKER_PORT}`] })
  await client.uploadFile(Buffer.from('while it is away'), { storage: `${STORAGE}:${PORT}` })
  await startStorage(TRACKER)
  await active(TRACKER, STORAGE, HERE)
  await flow(TRACKER)
}

async function ownTracker(): Promise<void> {
  const tracker = await startMember('tracker', trackerConf(HERE))
  startRealStorage(HERE)
  await active(HERE, STORAGE)
  await startStorage(HERE)
  await active(HERE, STORAGE, HERE)
  await flow(HERE)
  await endsInTime(tracker, TRACKER_PORT)
  await startMember('tracker', trackerConf(HERE))
  await active(HERE, STORAGE, HERE)
  await flow(HERE)
}

/** Ends the members that a case leaves running. */
function ending(test: () => Promise<void>): () => Promise<void> {
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

const reason =
  missing() ??
  ['tracker', 'storage']
    .map((kind) => join(FDFS_CONF, `${kind}.conf`))
    .filter((path) => !existsSync(path))
    .map((path) => `there is no ${path}: name the folder by FDFS_CONF`)[0]
if (reason === undefined) {
  await runCases([
    ['`fastdfs storage` joins a real storage under a real tracker', ending(realTracker)],
    ['a real storage and `fastdfs storage` join `fastdfs tracker`', ending(ownTracker)],
  ])
} else console.log(`not run: ${reason}`)
