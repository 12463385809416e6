/** The methods of what get_storage gives. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage_client, Storage_server } from '../../src/compat/index.js'
import { DataError, Fdfs_client } from '../../src/compat/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

let cluster: Cluster
let client: Fdfs_client
let server: Storage_server
let storage: Storage_client
let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fastdfs-compat-'))
  file = join(folder, 'note.txt')
  await writeFile(file, 'some text')
  cluster = await startCluster({ groups: 2, storages: 1 })
  client = new Fdfs_client(null, cluster.client())
  const { Servers } = await client.list_servers('group2')
  server = { ip_addr: Servers[0]?.ip_addr ?? '', port: Servers[0]?.storage_port ?? 0, group_name: 'group2' }
  storage = client.get_storage(server)
})
afterAll(async () => {
  await cluster.stop()
  await rm(folder, { recursive: true })
})

/** The name of a file without its group. */
const nameOf = (ret: { 'Remote file_id': string }): string => ret['Remote file_id'].slice('group2/'.length)

async function content(name: string): Promise<string> {
  const { Content } = await storage.storage_download_to_buffer(null, server, null, 0, 0, name)
  return Content.toString()
}

it('is one object for a storage', () => {
  expect(client.get_storage({ ...server })).toBe(storage)
  expect([...client.storages]).toEqual([[`${server.ip_addr}:${server.port}`, storage]])
})

it('stores every new file at this storage', async () => {
  for (let i = 0; i < 3; i++) {
    for (const ret of [
      await storage.storage_upload_by_filename(null, server, file, { width: 160 }),
      await storage.storage_upload_by_file(null, server, file),
      await storage.storage_upload_by_buffer(null, server, 'some text', 'txt', { width: 160 }),
      await storage.storage_upload_appender_by_filename(null, server, file),
      await storage.storage_upload_appender_by_file(null, server, file),
      await storage.storage_upload_appender_by_buffer(null, server, 'some text', { width: 160 }, 'txt'),
    ]) {
      expect(ret).toMatchObject({
        'Group name': 'group2',
        Status: 'Upload successed.',
        'Uploaded size': '9B',
      })
      expect(ret['Remote file_id']).toMatch(/^group2\/.*\.txt$/)
      expect(await content(nameOf(ret))).toBe('some text')
    }
  }
})

it('is refused by a storage that is none of the group', async () => {
  const nowhere = { ip_addr: '10.0.0.1', port: 1, group_name: 'group2' }
  await expect(
    client.get_storage(nowhere).storage_upload_by_buffer(null, nowhere, 'some text'),
  ).rejects.toBeInstanceOf(DataError)
})

it('stores slaves', async () => {
  const name = nameOf(await storage.storage_upload_by_filename(null, server, file))
  const slaves = [
    await storage.storage_upload_slave_by_filename(null, server, file, '_a', name),
    await storage.storage_upload_slave_by_file(null, server, file, '_b', name),
    await storage.storage_upload_slave_by_buffer(null, server, 'some text', name, null, 'txt', '_c'),
  ]
  expect(slaves.map(nameOf)).toEqual(
    ['_a', '_b', '_c'].map((prefix) => name.replace('.txt', `${prefix}.txt`)),
  )
  expect(slaves.map(({ Status }) => Status)).toEqual(Array(3).fill('Upload successed.'))
})

it('changes appender files', async () => {
  const name = nameOf(await storage.storage_upload_appender_by_buffer(null, server, 'some text'))
  const ret = await storage.storage_append_by_buffer(null, server, ', more', name)
  expect(ret).toEqual({
    Status: 'Append file successed.',
    'Appender file name': `group2/${name}`,
    'Appended size': '6B',
    'Storage IP': server.ip_addr,
  })
  await storage.storage_append_by_filename(null, server, file, name)
  await storage.storage_append_by_file(null, server, file, name)
  await storage.storage_modify_by_buffer(null, server, 'TEXT', 5, 4, name)
  await storage.storage_modify_by_filename(null, server, file, 15, 9, name)
  await storage.storage_modify_by_file(null, server, file, 24, 9, name)
  expect(await content(name)).toBe('some TEXT, moresome textsome text')
  await storage.storage_truncate_file(null, server, 9, name)
  expect(await content(name)).toBe('some TEXT')
})

it('makes changes that nobody waits for in the order of the calls', async () => {
  const name = nameOf(await storage.storage_upload_appender_by_buffer(null, server, '-'))
  const pieces = Array.from({ length: 20 }, (_, i) => `${i};`)
  await Promise.all(pieces.map((piece) => storage.storage_append_by_buffer(null, server, piece, name)))
  expect(await content(name)).toBe(`-${pieces.join('')}`)
})

it('reads, describes and deletes files', async () => {
  const name = nameOf(await storage.storage_upload_by_buffer(null, server, 'some text'))
  const copy = join(folder, 'copy.txt')
  const ret = await storage.storage_download_to_file(null, server, copy, 5, 4, name)
  expect(ret).toEqual({
    'Remote file_id': `group2/${name}`,
    Content: copy,
    'Download size': '4B',
    'Storage IP': server.ip_addr,
  })
  expect(await readFile(copy, 'utf8')).toBe('text')
  expect(await storage.storage_set_metadata(null, server, name, { width: '1', author: 'scott' })).toBe(0)
  await storage.storage_set_metadata(null, server, name, { width: '2' }, 'M')
  expect(await storage.storage_get_metadata(null, server, name)).toEqual({ width: '2', author: 'scott' })
  expect(await storage.storage_delete_file(null, server, name)).toEqual([
    'Delete file successed.',
    `group2/${name}`,
    server.ip_addr,
  ])
  await expect(content(name)).rejects.toThrow('Error: 2 No such file or directory')
})
