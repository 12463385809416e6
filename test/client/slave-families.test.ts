/** A master and its slaves, stored and deleted together. */
import type { SlaveUpload } from '../../src/index.js'
import { InvalidArgumentError, slaveName } from '../../src/index.js'
import { field, header, response } from '../support/fake-server.js'
import type { Answers } from './fakes.js'
import { CONTENT, fakeCluster, ID, OK, rejection, status } from './fakes.js'

const SMALL = slaveName(ID, '_small', 'jpg')
const BIG = slaveName(ID, '_big')
const slaves: SlaveUpload[] = [
  { prefix: '_small', ext: 'jpg', source: Buffer.from('small') },
  { prefix: '_big', source: Buffer.from('big') },
]

/** The name that a request to delete has, with the group. */
const deletedBy = (request: Buffer): string => `group1/${request.subarray(26).toString('latin1')}`

const stored = (id: string): Buffer =>
  response(Buffer.concat([field('group1', 16), Buffer.from(id.slice('group1/'.length))]))

/** Takes slaves by what is in the request: the prefix. */
const SLAVES: Answers = { 21: (request) => stored(request.includes('_small') ? SMALL : BIG) }
const failsAt =
  (prefix: string, number: number): NonNullable<Answers[number]> =>
  (request) =>
    request.includes(prefix) ? status(number) : stored(SMALL)

describe('an upload with slaves', () => {
  it('stores them after the master, in order', async () => {
    await using cluster = await fakeCluster(SLAVES)
    const file = await cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves })
    expect(file.id).toBe(ID)
    expect(file.slaves?.map(({ id, size }) => [id, size])).toEqual([
      [SMALL, 5],
      [BIG, 3],
    ])
    expect(cluster.commands()).toEqual([11, 21, 21])
  })

  it('stores them as the call was told, whatever becomes of the options meanwhile', async () => {
    await using cluster = await fakeCluster(SLAVES)
    const slave: SlaveUpload = { prefix: '_small', ext: 'jpg', source: Buffer.from('small') }
    const uploading = cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves: [slave] })
    Object.assign(slave, slaves[1])
    expect((await uploading).slaves).toMatchObject([{ id: SMALL, size: 5 }])
  })

  it('has a list of them where it was given one', async () => {
    await using cluster = await fakeCluster(SLAVES)
    expect(await cluster.client.uploadFile(CONTENT, { slaves: [] })).toMatchObject({ id: ID, slaves: [] })
    expect(await cluster.client.uploadFile(CONTENT)).not.toHaveProperty('slaves')
  })

  it('deletes what was made when one fails, and says which', async () => {
    await using cluster = await fakeCluster({ 21: failsAt('_big', 28) })
    const error = await rejection(cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves }))
    expect(error).toMatchObject({
      name: 'NoSpaceError',
      status: 28,
      message: expect.stringMatching(/^slave 2, "_big", of group1\/M00\/.* failed: /) as unknown,
    })
    expect(error.message).not.toContain('left behind')
    expect(cluster.commands()).toEqual([11, 21, 21, 12, 12, 12])
    // The one that failed too: its answer may have been lost.
    expect(cluster.storage.requests.slice(3).map(deletedBy)).toEqual([BIG, SMALL, ID])
  })

  it('does not mind that the one that failed is not there', async () => {
    await using cluster = await fakeCluster({
      21: failsAt('_small', 28),
      12: (request) => (deletedBy(request) === SMALL ? status(2) : OK),
    })
    const error = await rejection(cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves }))
    expect(error.message).toContain('slave 1, "_small.jpg", of')
    expect(error.message).not.toContain('left behind')
  })

  it('says what is left behind when that cannot be deleted', async () => {
    await using cluster = await fakeCluster({
      21: failsAt('_big', 28),
      12: (request) => (deletedBy(request) === SMALL ? status(5) : OK),
    })
    const error = await rejection(cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves }))
    expect(error.name).toBe('NoSpaceError')
    expect(error.message).toContain(`left behind, since deleting failed: ${SMALL}: `)
    expect(error.message).not.toContain(`${ID}: `)
  })

  it('deletes what was made when it is aborted', async () => {
    const controller = new AbortController()
    await using cluster = await fakeCluster({ 21: () => controller.abort() })
    const upload = cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves, signal: controller.signal })
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' })
    expect(cluster.storage.requests.slice(2).map(deletedBy)).toEqual([SMALL, ID])
  })

  it('deletes the master when a source cannot be read', async () => {
    await using cluster = await fakeCluster(SLAVES)
    const missing = [{ prefix: '_a', source: '/no/such/file' }]
    await expect(cluster.client.uploadFile(CONTENT, { slaves: missing })).rejects.toMatchObject({
      name: 'InvalidArgumentError',
    })
    expect(cluster.storage.requests.slice(1).map(deletedBy)).toEqual([slaveName(ID, '_a'), ID])
  })

  const source = Buffer.from('x')
  it.each<[string, unknown, string]>([
    ['no list', 'x', 'slaves must be an array'],
    ['no object', ['_a.jpg'], 'slaves are objects'],
    ['no prefix', [{ source }], "slave 1: a slave's prefix"],
    ['an empty prefix', [{ source, prefix: '' }], "slave 1: a slave's prefix"],
    ['a long prefix', [slaves[0], { source, prefix: 'x'.repeat(17) }], "slave 2: a slave's prefix"],
    ['a slash', [{ source, prefix: 'a/b' }], "slave 1: a slave's prefix"],
    ['a long extension', [{ source, prefix: '_a', ext: 'toolong' }], 'slave 1: an extension'],
    ['no source', [{ prefix: '_a' }], 'slave 1: it has no source'],
    ['an unknown option', [{ source, prefix: '_a', timeout: 5 }], 'slave 1: a slave has no option "timeout"'],
    ['metadata that does not fit', [{ source, prefix: '_a', metadata: { '': 'x' } }], 'slave 1: '],
    [
      'two of a name',
      [
        { source, prefix: '_a' },
        { source, prefix: '_a', ext: 'txt' },
      ],
      'slave 2: an earlier',
    ],
    ['a name that is too short', [{ source, prefix: '_a', ext: '' }], 'slave 1: a slave cannot be named'],
    ['a name of metadata', [{ source, prefix: '_long-m', ext: '' }], 'slave 1: a slave cannot be named'],
  ])('refuses %s before anything is sent', async (_, given, message) => {
    await using cluster = await fakeCluster(SLAVES)
    const upload = cluster.client.uploadFile(CONTENT, { ext: 'txt', slaves: given as SlaveUpload[] })
    const error = await rejection(upload)
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error.message).toContain(message)
    expect(cluster.tracker.requests).toEqual([])
  })
})

describe('a deletion with slaves', () => {
  const options = { slaves: ['_small.jpg', '_big.txt', '_without', '_two.dots.gz'] }

  it('deletes them and then the master, whether they are there or not', async () => {
    await using cluster = await fakeCluster({
      12: (request) => (deletedBy(request) === BIG ? status(2) : header(0)),
    })
    await cluster.client.deleteFile(`/${ID}`, options)
    const stem = ID.slice(0, -'.txt'.length)
    expect(cluster.storage.requests.map(deletedBy)).toEqual([
      ...options.slaves.map((suffix) => `${stem}${suffix}`),
      ID,
    ])
  })

  it('keeps the master when one cannot be deleted, and says which', async () => {
    await using cluster = await fakeCluster({
      12: (request) => (deletedBy(request) === BIG ? status(5) : OK),
    })
    await expect(cluster.client.deleteFile(ID, options)).rejects.toMatchObject({
      name: 'ServerError',
      status: 5,
      fileId: BIG,
      message: expect.stringContaining('a slave was not deleted, its master is kept: ') as unknown,
    })
    expect(cluster.storage.requests.map(deletedBy)).toEqual([SMALL, BIG])
  })

  it('rejects when the master is not there', async () => {
    await using cluster = await fakeCluster({
      12: (request) => (deletedBy(request) === ID ? status(2) : OK),
    })
    await expect(cluster.client.deleteFile(ID, options)).rejects.toMatchObject({
      name: 'FileNotFoundError',
      fileId: ID,
    })
  })

  it.each<[string, unknown]>([
    ['a text', '_a.jpg'],
    ['what is no text', [7]],
    ['no prefix', ['.jpg']],
    ['a slash', ['_a/b.jpg']],
    ['a long extension', ['_small.jpg', '_a.toolong']],
    ['a name that is too short', ['_']],
  ])('refuses %s before anything is deleted', async (_, given) => {
    await using cluster = await fakeCluster()
    const deletion = cluster.client.deleteFile(ID, { slaves: given as string[] })
    await expect(deletion).rejects.toMatchObject({ name: 'InvalidArgumentError', fileId: ID })
    expect(cluster.tracker.requests).toEqual([])
  })
})
