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
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { FastDfsClient } from '../../src/index.js'
import { packet } from '../server/raw.js'
import { PORT, TRACKER_PORT } from './changes.js'
import {
  alike,
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
import { ending, missingSamples, startMember, stopMember, storageConf, trackerConf } from './own-member.js'

function startRealStorage(tracker: string): void {
  startDaemon('s', FDFS_STORAGED, 'storage', storageConf('', join(folder, 'storage'), tracker))
}

const startTracker = (): Promise<ChildProcess> => startMember('tracker', 'own-tracker', trackerConf(HERE))
const startStorage = (tracker: string): Promise<ChildProcess> =>
  startMember('storage', 'own-storage', storageConf(HERE, join(folder, 'own-storage'), tracker))

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
  const code = await stopMember(member)
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
    return alike(real, own)
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
  const tracker = await startTracker()
  startRealStorage(HERE)
  await active(HERE, STORAGE)
  await startStorage(HERE)
  await active(HERE, STORAGE, HERE)
  await flow(HERE)
  await endsInTime(tracker, TRACKER_PORT)
  await startTracker()
  await active(HERE, STORAGE, HERE)
  await flow(HERE)
}

const reason = missing() ?? missingSamples()
if (reason === undefined) {
  await runCases([
    ['`fastdfs storage` joins a real storage under a real tracker', ending(realTracker)],
    ['a real storage and `fastdfs storage` join `fastdfs tracker`', ending(ownTracker)],
  ])
} else console.log(`not run: ${reason}`)
