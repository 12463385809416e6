/** Members in processes of their own. */
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FastDfsClient, parseFileId } from '../../src/index.js'
import { packet } from '../server/raw.js'
import { fastdfs, outputOf, waitFor } from './command.js'

// Each starts processes that compile the sources first.
jest.setTimeout(60_000)

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fastdfs-member-'))
})
afterAll(() => rm(dir, { recursive: true }))

const children: ReturnType<typeof fastdfs>[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null) continue
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
})

/** Starts a member; the port it says it listens on. */
async function start(...args: string[]): Promise<{ port: number; child: ReturnType<typeof fastdfs> }> {
  const child = fastdfs(...args)
  children.push(child)
  const text = await waitFor(child, '\n')
  return { port: Number(/^FastDFS is ready: \w+ \S+:(\d+)/.exec(text)?.[1]), child }
}

/** Connections that are idle, in the middle of a header, and in the middle of an upload. */
async function keepBusy(port: number): Promise<Socket[]> {
  const sockets = [0, 1, 2].map(() => connect(port, '127.0.0.1').on('error', () => {}))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  sockets[1]?.write(packet(111).subarray(0, 7))
  sockets[2]?.write(packet(11, Buffer.alloc(10_000_000)).subarray(0, 300_000))
  return sockets
}

it('are a cluster together, and SIGTERM ends each within a second, busy or not', async () => {
  const tracker = await start('tracker', '--host', '127.0.0.1', '--port', '0')
  const at = `127.0.0.1:${tracker.port}`
  const common = ['--host', '127.0.0.1', '--port', '0', '--tracker', at]
  const one = await start('storage', ...common, '--group', 'images', '--dir', join(dir, 'one'))
  const two = await start('storage', ...common, '--group', 'audio', '--id', '7', '--store-paths', '2')
  await using client = new FastDfsClient({ trackers: [at], retries: 5 })
  while ((await client.admin.listGroups()).filter(({ activeCount }) => activeCount === 1).length < 2) {
    await new Promise(setImmediate)
  }
  const { id } = await client.uploadFile(Buffer.from('picture'), { group: 'images' })
  expect((await client.downloadFile(id)).toString()).toBe('picture')
  const stored = join(dir, 'one', 'store_path0', 'data', id.slice('images/M00/'.length))
  expect((await readFile(stored)).toString()).toBe('picture')
  expect((await client.admin.listStorages('audio'))[0]).toMatchObject({ id: '7', storePathCount: 2 })
  for (const { child, port } of [one, two, tracker]) {
    const sockets = await keepBusy(port)
    const start = performance.now()
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
    expect(performance.now() - start).toBeLessThan(1000)
    for (const socket of sockets) socket.destroy()
  }
})

it("take the daemons' own configuration", async () => {
  const trackerConf = join(dir, 'tracker.conf')
  await writeFile(
    trackerConf,
    `# sample\ndisabled = false\nbind_addr = 127.0.0.1\nport = 0\nbase_path = ${join(dir, 'conf-tracker')}\n` +
      'work_threads = 4\nstorage_sync_file_max_delay = 4711\nreserved_storage_space = 30%\n' +
      'response_ip_addr_size = IPv6\n',
  )
  const tracker = await start('tracker', '--config', trackerConf, '--reserved-storage-space', '3M')
  const storageConf = join(dir, 'storage.conf')
  await writeFile(
    storageConf,
    `group_name = conf\nbind_addr =127.0.0.1\nport= 0\nbase_path=${join(dir, 'conf')}\nstore_path_count = 2\n` +
      `store_path0 = ${join(dir, 'conf-path0')}\nstore_path1 = ${join(dir, 'conf-path1')}\n` +
      `subdir_count_per_path=4\ntracker_server = 127.0.0.1:${tracker.port}\n`,
  )
  await start('storage', '--config', storageConf)
  await using client = new FastDfsClient({ trackers: [`127.0.0.1:${tracker.port}`] })
  while ((await client.admin.listGroups())[0]?.activeCount !== 1) await new Promise(setImmediate)
  expect(await client.admin.listGroup('conf')).toMatchObject({ storePathCount: 2, subdirCountPerPath: 4 })
  expect(await client.admin.parameters()).toMatchObject({
    use_storage_id: '0',
    storage_sync_file_max_delay: '4711',
    reserved_storage_space: '3MB',
    response_ip_addr_size: '46',
  })
  // Without IDs addresses tell storages apart, in the names of files too.
  expect(await client.admin.listStorages('conf')).toMatchObject([{ id: '127.0.0.1' }])
  const { id } = await client.uploadFile(Buffer.from('conf'))
  expect(parseFileId(id).source).toEqual({ kind: 'ip', ip: '127.0.0.1' })
  const [, at = '', name = ''] = /^conf\/M0(\d)\/(.*)$/.exec(id) ?? []
  expect((await readFile(join(dir, `conf-path${at}`, 'data', name))).toString()).toBe('conf')
  expect(await readdir(join(dir, 'conf', 'data'))).toContain('.data_init_flag')
  expect(await readdir(join(dir, 'conf-tracker', 'data'))).toContain('storage_groups_new.dat')
})

it.each([
  [['storage', '--port', '0'], 'no tracker is known: name one by --tracker'],
  [['storage', '--id', '16777216'], 'it must be a whole number from 1 to 16777215'],
  [['storage', '--tracker', 'a:b:c'], '"a:b:c" is not an address'],
  [['tracker', '--config', '/no/such.conf'], '/no/such.conf'],
  [
    ['tracker', '--port', '0', '--dir', '/dev/null/x'],
    /^fastdfs: files cannot be kept in \/dev\/null\/x\/data \(ENOTDIR\): name a folder/,
  ],
  [
    [
      'storage',
      '--port',
      '0',
      '--id',
      '5',
      '--profile',
      'V6.16',
      '--tracker',
      '127.0.0.1:1',
      '--dir',
      '/dev/null/x',
    ],
    /^fastdfs: files cannot be kept in \/dev\/null\/x\/data\/sync \(ENOTDIR\): name a folder/,
  ],
  [['tracker', '--profile', 'V4'], 'Allowed choices are V5.11, V6.06, V6.12, V6.16'],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await outputOf(fastdfs(...args))
  expect(code).toBe(1)
  expect(stderr).toEqual(
    typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  )
})
