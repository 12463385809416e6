/** What the options of a tracker change in its answers (protocol.md §4.3, §6). */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../src/errors.js'
import { PROFILES } from '../../src/server/profile.js'
import { Tracker, type TrackerOptions } from '../../src/server/index.js'
import { activate, bytes, i64, joinBody, RawClient, str } from './raw.js'

const trackers: Tracker[] = []
const clients: RawClient[] = []
const group1 = str('group1', 16)

async function started(options: TrackerOptions): Promise<Tracker> {
  const tracker = new Tracker(options)
  await tracker.start()
  trackers.push(tracker)
  return tracker
}

async function connect({ port }: Tracker): Promise<RawClient> {
  const client = await RawClient.connect(port)
  clients.push(client)
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await Promise.all(trackers.splice(0).map((tracker) => tracker.stop()))
})

it('keeps the reserved space free, as bytes and as a share', async () => {
  for (const [reservedStorageSpace, free, status] of [
    [500 * 1024 * 1024, 500, 28],
    [500 * 1024 * 1024, 501, 0],
    ['50%', 500, 28],
    ['50%', 501, 0],
  ] as const) {
    const tracker = await started({ reservedStorageSpace })
    const client = await connect(tracker)
    await client.ask(81, joinBody())
    await activate(client, 1, 1000, free)
    expect((await client.ask(101)).status).toBe(status)
  }
})

it('gives the source of old files to a storage that joins later, and to the source', async () => {
  const tracker = await started({})
  const [first, second] = [await connect(tracker), await connect(tracker)]
  await first.ask(81, joinBody())
  await activate(first)
  await second.ask(81, joinBody({ id: '100002' }))
  const { body } = await second.ask(87)
  expect(body.subarray(0, 16)).toEqual(str('100001', 16))
  expect((await first.ask(86, bytes(group1, str('100002', 16)))).body).toEqual(body)
  expect((await first.ask(92, bytes(group1, '100002'))).body[0]).toBe(1)
})

it('tells storages apart by their addresses where they have no IDs', async () => {
  const tracker = await started({ useStorageId: false })
  const client = await connect(tracker)
  await client.ask(81, joinBody({ id: '' }))
  expect((await client.ask(92, bytes(group1, '127.0.0.1'))).status).toBe(0)
  expect((await client.ask(70, bytes(group1, '[::1]:23000'))).body.toString()).toBe('6Jg1XQAAAAA.')
  expect(await client.status(109, bytes(Buffer.of(0, 0, 89, 216)))).toBe(95)
  expect(await client.status(69, bytes(i64(0).subarray(4), 0))).toBe(95)
})

it('takes only storages of its list, and those of a mode only for that', async () => {
  const storageIds = [{ id: '100001', group: 'group1', hosts: ['127.0.0.1'], mode: 'read' as const }]
  const client = await connect(await started({ storageIds }))
  expect(await client.status(81, joinBody({ id: '100002' }))).toBe(2)
  expect((await client.ask(81, joinBody())).status).toBe(0)
  await activate(client)
  expect(await client.status(101)).toBe(2)
  expect((await client.ask(69, bytes(i64(0).subarray(4), 0))).body.toString('latin1', 8)).toBe(
    '100001 group1 127.0.0.1:23000 rw=read\n',
  )
})

it('finds its state in its folder again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-tracker-'))
  const former = await started({ dir })
  const client = await connect(former)
  await client.ask(81, joinBody())
  await activate(client)
  expect(await readFile(join(dir, 'storage_servers_new.dat'), 'utf8')).toContain('\tid=100001\n')
  await former.stop()
  const latter = await connect(await started({ dir }))
  const { body } = await latter.ask(92, group1)
  expect(body[0]).toBe(5)
  expect(body.subarray(2, 8).toString()).toBe('100001')
  await rm(dir, { recursive: true })
})

it('begins with the first group again when it is started from its folder', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-tracker-'))
  const tracker = await started({ dir })
  const upload = async (): Promise<string> => {
    for (const [id, group] of Object.entries({ 1: 'alpha', 2: 'beta' })) {
      const storage = await connect(tracker)
      await storage.ask(81, joinBody({ id, group }))
      await activate(storage)
    }
    return (await (await connect(tracker)).ask(101)).body.subarray(0, 5).toString()
  }
  expect(await upload()).toBe('alpha')
  await tracker.stop()
  await tracker.start()
  expect(await upload()).toBe('alpha')
  await rm(dir, { recursive: true })
})

it('finds a storage with an IPv6 address and no ID again by the code that stands for it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-tracker-'))
  const group = ['[Group001]', '\tgroup_name=group1', '\tstorage_port=23000', '\tstore_path_count=1', '']
  await writeFile(join(dir, 'storage_groups_new.dat'), group.join('\n'))
  const member = [
    '[Storage001]',
    '\tgroup_name=group1',
    '\tip_addr=::1',
    '\tstatus=7',
    '\tstorage_port=23000',
    '',
  ]
  await writeFile(join(dir, 'storage_servers_new.dat'), member.join('\n'))
  const client = await connect(await started({ dir, useStorageId: false }))
  const { status, body } = await client.ask(92, bytes(group1, '6Jg1XQAAAAA.'))
  expect([status, body.subarray(2, 14).toString()]).toEqual([0, '6Jg1XQAAAAA.'])
  await rm(dir, { recursive: true })
})

it.each([
  ['storage_groups_new.dat', /=.*/g, '='],
  ['storage_groups_new.dat', /group_name=.*/g, 'group_name=a/b'],
  ['storage_servers_new.dat', /=(\d)/g, `=${'9'.repeat(20)}$1`],
  ['storage_servers_new.dat', /=(\d)/g, '=-$1'],
  ['storage_servers_new.dat', /ip_addr=.*/g, 'ip_addr=somewhere'],
  ['.tracker_status', /=(\d)/g, `=${'9'.repeat(20)}$1`],
])('starts with a damaged %s, %s as %s, and learns from its storages', async (file, damaged, by) => {
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-tracker-'))
  const former = await started({ dir })
  const client = await connect(former)
  await client.ask(81, joinBody())
  await activate(client)
  await former.stop()
  const text = await readFile(join(dir, file), 'utf8')
  await writeFile(join(dir, file), text.replace(damaged, by))
  const again = await connect(await started({ dir }))
  expect((await again.ask(81, joinBody({ initFlag: 0, status: 7 }))).status).toBe(0)
  await activate(again)
  for (const [command, body, size] of [
    [91, Buffer.alloc(0), 113],
    [92, group1, 487],
    [64, Buffer.alloc(0), 17],
  ] as const) {
    const answer = await again.ask(command, body)
    expect([command, answer.status, answer.body.length]).toEqual([command, 0, size])
  }
  await rm(dir, { recursive: true })
})

it.each([
  ['V5.11', 105, 612],
  ['V6.06', 105, 612],
  ['V6.12', 105, 644],
  ['V6.16', 113, 487],
] as const)('writes as %s: groups of %d bytes, storages of %d', async (profile, groupSize, storageSize) => {
  const client = await connect(await started({ dialect: PROFILES[profile] }))
  await client.ask(81, joinBody())
  const watcher = await connect(trackers[0] as Tracker)
  expect((await watcher.ask(90, group1)).body.length).toBe(groupSize)
  expect((await watcher.ask(92, group1)).body.length).toBe(storageSize)
})

it.each([
  [{ reservedStorageSpace: '100%' }],
  [{ reservedStorageSpace: -1 }],
  [{ storeLookup: 'group' }],
  [{ storeServer: 'best' }],
  [{ checkActiveInterval: 0 }],
  [{ checkActiveInterval: 2 ** 31 }],
  [{ useStorageId: false, idTypeInFileName: 'id' }],
  [
    {
      storageIds: [
        { id: '1', group: 'group1', hosts: ['127.0.0.1'] },
        { id: '1', group: 'group2', hosts: ['127.0.0.2'] },
      ],
    },
  ],
  [{ storageIds: [{ id: '0', group: 'group1', hosts: ['127.0.0.1'] }] }],
])('refuses %j', (options) => {
  expect(() => new Tracker(options as TrackerOptions)).toThrow(ConfigError)
})
