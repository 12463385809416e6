/** Changes of one appender file happen in the order of the calls, and end when the client does. */
import { PassThrough, Readable } from 'node:stream'
import type { FastDfsClient } from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'

let cluster: Cluster
let client: FastDfsClient

beforeEach(async () => {
  cluster = await startCluster()
  client = cluster.client()
})

afterEach(() => cluster.stop())

const slow = (): Readable => {
  const stream = new PassThrough()
  setImmediate(() => setImmediate(() => stream.end('slow ')))
  return stream
}

it.each<[string, () => Parameters<FastDfsClient['appendFile']>[1]]>([
  ['a stream of unknown size', slow],
  ['a function', () => () => Promise.resolve(slow())],
])('an append of %s comes before a later one of a Buffer', async (_, source) => {
  const { id } = await client.uploadAppenderFile(Buffer.from('> '))
  await Promise.all([
    client.appendFile(id, source()),
    client.appendFile(id, Buffer.from('quick ')),
    client.truncateFile(id, 3),
    client.appendFile(id, Buffer.from('last')),
  ])
  expect((await client.downloadFile(id)).toString()).toBe('> slast')
})

it('a file is deleted after the changes that were called for before', async () => {
  const { id } = await client.uploadAppenderFile(Buffer.from('> '))
  const stuck = new PassThrough()
  const ended: string[] = []
  const append = client.appendFile(id, stuck, { size: 5 }).then(() => ended.push('append'))
  const deletion = client.deleteFile(id).then(() => ended.push('delete'))
  // Another file is not held up.
  const other = await client.uploadAppenderFile(Buffer.from('other'))
  await client.deleteFile(other.id)
  stuck.end('first')
  await Promise.all([append, deletion])
  expect(ended).toEqual(['append', 'delete'])
  expect(await client.fileExists(id)).toBe(false)
})

it('a change that fails does not hold up those behind it', async () => {
  const { id } = await client.uploadAppenderFile(Buffer.from('> '))
  const failing = client.appendFile(id, Readable.from([Buffer.from('a')]), { size: 2 })
  const next = client.appendFile(id, Buffer.from('next'))
  await expect(failing).rejects.toMatchObject({ name: 'InvalidArgumentError' })
  await next
  expect((await client.downloadFile(id)).toString()).toBe('> next')
})

it('a change that is aborted while it waits is not made', async () => {
  const { id } = await client.uploadAppenderFile(Buffer.from('> '))
  const stuck = new PassThrough()
  const first = client.appendFile(id, stuck, { size: 5 })
  const controller = new AbortController()
  const second = client.appendFile(id, Buffer.from('never'), { signal: controller.signal })
  controller.abort()
  await expect(second).rejects.toMatchObject({ name: 'AbortError' })
  stuck.end('first')
  await first
  expect((await client.downloadFile(id)).toString()).toBe('> first')
})

it('close ends what waits for a source that gives nothing', async () => {
  const stuck = new PassThrough()
  const upload = client.uploadFile(stuck)
  const outcome = upload.catch((error: unknown) => error)
  await client.close({ grace: 0 })
  expect(await outcome).toMatchObject({ name: 'ClosedError' })
  expect(stuck.destroyed).toBe(true)
})

it('the chunks of an upload that can be resumed are changes too', async () => {
  const source = Buffer.from('12345678abcdefgh')
  const content = new PassThrough()
  const ended: string[] = []
  let changing: Promise<unknown> | undefined
  const upload = await client.resumableUpload(source, {
    chunkSize: 8,
    onCheckpoint: ({ id }) => {
      changing ??= client.modifyFile(id as string, content, { size: 8 }).then(() => ended.push('change'))
    },
  })
  const uploading = upload.done().then(() => ended.push('upload'))
  while (changing === undefined) await client.ping()
  for (let i = 0; i < 10; i++) await client.ping()
  expect(upload.transferred).toBe(8)
  content.end('12345678')
  await Promise.all([changing, uploading])
  expect(ended).toEqual(['change', 'upload'])
})
