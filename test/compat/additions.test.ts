/** What fdfs_client-py documents but does not do, or lacks. */
import { tmpdir } from 'node:os'
import { DataError, Fdfs_client } from '../../src/compat/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

let cluster: Cluster
let client: Fdfs_client
beforeAll(async () => {
  cluster = await startCluster({ storages: 1 })
  client = new Fdfs_client(null, cluster.client())
})
afterAll(() => cluster.stop())

async function content(id: string): Promise<string> {
  return (await client.download_to_buffer(id)).Content.toString()
}

it('stores a slave from a buffer when it is given a prefix', async () => {
  const master = await client.upload_by_buffer('master', 'txt')
  const id = master['Remote file_id']
  const slave = await client.upload_slave_by_buffer('slave', id, { width: 160 }, 'txt', '_small')
  expect(slave['Remote file_id']).toBe(id.replace('.txt', '_small.txt'))
  expect(slave.Status).toBe('Upload successed.')
  expect(await content(slave['Remote file_id'])).toBe('slave')
  expect(await client.get_meta_data(slave['Remote file_id'])).toEqual({ width: '160' })
})

it('takes a text for bytes, in UTF-8', async () => {
  const ret = await client.upload_by_buffer('你好')
  expect(ret['Uploaded size']).toBe('6B')
  expect(await content(ret['Remote file_id'])).toBe('你好')
})

it('never takes a text for a path', async () => {
  const ret = await client.upload_by_buffer(__filename)
  expect(await content(ret['Remote file_id'])).toBe(__filename)
  const appender = await client.upload_appender_by_buffer(__filename)
  await client.append_by_buffer(__filename, appender['Remote file_id'])
  expect(await content(appender['Remote file_id'])).toBe(__filename + __filename)
})

it('downloads empty files and gives nothing past the end', async () => {
  const appender = await client.upload_appender_by_buffer('x')
  const id = appender['Remote file_id']
  expect(await client.download_to_buffer(id, 1)).toMatchObject({
    Content: Buffer.alloc(0),
    'Download size': '0B',
  })
  await client.truncate_file(0, id)
  expect(await client.download_to_buffer(id)).toMatchObject({
    Content: Buffer.alloc(0),
    'Download size': '0B',
  })
})

it.each([tmpdir(), `${tmpdir()}/nowhere/`])(
  'writes no file into the folder %s by a name of its own',
  async (folder) => {
    const { 'Remote file_id': id } = await client.upload_by_buffer('x')
    await expect(client.download_to_file(folder, id)).rejects.toMatchObject({
      name: 'DataError',
      message: "[-] Error: while writting local file(21, 'Is a directory').",
    })
  },
)

it('reads metadata that is not ASCII', async () => {
  const { 'Remote file_id': id } = await client.upload_by_buffer('x', null, { author: '王小明' })
  expect(await client.get_meta_data(id)).toEqual({ author: '王小明' })
})

it.each([
  ['metadata that is too long', { width: 'x'.repeat(257) }, 'O'],
  ['a flag that is none', { width: '1' }, 'X'],
])('refuses %s', async (_, metadata, flag) => {
  const { 'Remote file_id': id } = await client.upload_by_buffer('x')
  const error = await client.set_meta_data(id, metadata, flag as 'O').catch((e: Error) => e)
  expect(error).toBeInstanceOf(DataError)
  expect((error as Error).message).toBe('[-] Error: 22, Invalid argument')
})

it.each<[string, () => Promise<unknown>]>([
  ['the file ID must be a string, not undefined', () => client.download_to_buffer(undefined as never)],
  ['the file ID must be a string, not 3', () => client.truncate_file('group1/x' as never, 3 as never)],
  ['local_filename must be a string, not null', () => client.download_to_file(null as never, 'group1/x')],
  ['file_ext_name must be a string, not 5', () => client.upload_by_buffer('x', 5 as never)],
])('says of an argument of a wrong type: %s', async (message, call) => {
  await expect(call()).rejects.toMatchObject({ name: 'TypeError', message })
})

it('keeps the metadata where null is given for it, as Python does', async () => {
  const { 'Remote file_id': id } = await client.upload_by_buffer('x', null, { width: '1' })
  await expect(client.set_meta_data(id, null as never)).rejects.toMatchObject({ name: 'TypeError' })
  expect(await client.get_meta_data(id)).toEqual({ width: '1' })
})

it('stores nothing when the metadata does not fit', async () => {
  const before = await uploaded()
  await expect(client.upload_by_buffer('x', null, { ['n'.repeat(65)]: '1' })).rejects.toMatchObject({
    name: 'DataError',
    message: '[-] Error: 22, Invalid argument',
  })
  expect(await uploaded()).toBe(before)
})

async function uploaded(): Promise<number> {
  const { Servers } = await client.list_servers('group1')
  return (Servers[0]?.success_upload_count ?? NaN) - (Servers[0]?.success_del_count ?? NaN)
}
