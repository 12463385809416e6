/** The HTTP side of embedded storages: where files are, and what is done about those that have not arrived (§8.5). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatFileId } from '../../src/file-id/index.js'
import { fileUrl, signUrl } from '../../src/http/index.js'
import type { ClusterOptions } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { ask, byteranges } from '../http/ask.js'

const CONTENT = Buffer.from('hello, world!')

/** The ID of a file that was never uploaded. */
function missingId(
  source: Parameters<typeof formatFileId>[0]['source'],
  createdAt = new Date(),
  storePathIndex = 0,
): string {
  return formatFileId({
    group: 'group1',
    storePathIndex,
    directories: [0, 0],
    source,
    createdAt,
    size: 13,
    crc32: 0,
    randomBits: 7,
    digits: '082',
    ext: 'txt',
  })
}

/** The ID of a storage as it stands in names: those of group1 come first. */
const FIRST = { kind: 'id', id: 100_001 } as const
const SECOND = { kind: 'id', id: 100_002 } as const
const UNKNOWN = { kind: 'id', id: 5 } as const

const start = (http: ClusterOptions['http'], more: ClusterOptions = {}): ReturnType<typeof startCluster> =>
  startCluster({ http, ...more })

it.each(['memory', 'disk'])('serves what is in %s', async (kind) => {
  const dir = await mkdtemp(join(tmpdir(), 'fastdfs-http-'))
  await using cluster = await start(true, { store: kind === 'disk' ? { dir } : 'memory' })
  const client = cluster.client()
  const big = Buffer.alloc(3_000_000, '0123456789')
  const [small, large, appender] = [
    await client.uploadFile(CONTENT, { ext: 'txt' }),
    await client.uploadFile(big, { ext: 'bin' }),
    await client.uploadAppenderFile(CONTENT, { ext: 'log' }),
  ]
  const { url: base } = cluster.http('group1', 0)
  expect((await ask(fileUrl(small.id, { base }))).body).toEqual(CONTENT)
  expect((await ask(fileUrl(small.id, { base, withGroup: false }))).body).toEqual(CONTENT)
  expect((await ask(fileUrl(large.id, { base }))).body.equals(big)).toBe(true)
  const parts = byteranges(await ask(fileUrl(large.id, { base }), { range: 'bytes=10-19,1000000-2999999' }))
  expect(parts.map(({ body }) => body.length)).toEqual([10, 2_000_000])
  expect(parts[1]?.body === big.toString('latin1', 1_000_000)).toBe(true)

  await client.appendFile(appender.id, Buffer.from(' more'))
  const appended = await ask(fileUrl(appender.id, { base }))
  expect(appended.body.toString()).toBe('hello, world! more')
  const { modifiedAt } = await client.fileInfo(appender.id)
  expect(appended.headers['last-modified']).toBe(modifiedAt.toUTCString())

  await client.deleteFile(small.id)
  expect((await ask(fileUrl(small.id, { base }))).status).toBe(404)
  await rm(dir, { recursive: true })
})

it('goes on while its storage is stopped, and can be stopped by itself', async () => {
  await using cluster = await start({})
  const { id } = await cluster.client().uploadFile(CONTENT)
  await cluster.storage('group1', 0).stop()
  const http = cluster.http('group1', 0)
  expect((await ask(fileUrl(id, { base: http.url }))).status).toBe(200)
  await http.stop()
  await http.stop()
  await expect(ask(fileUrl(id, { base: http.url }))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await http.start()
  await http.start()
  expect((await ask(fileUrl(id, { base: http.url }))).status).toBe(200)
})

it('asks for tokens', async () => {
  const secret = 'FastDFS1234567890'
  await using cluster = await start({ secret })
  const { id } = await cluster.client().uploadFile(CONTENT)
  const { url: base } = cluster.http('group1', 0)
  expect((await ask(fileUrl(id, { base }))).status).toBe(400)
  expect((await ask(signUrl(id, { base, secret }))).status).toBe(200)
  expect((await ask(signUrl(id, { base, secret, withGroup: false }))).status).toBe(200)
})

describe('a file that is not here', () => {
  const DAY = 86_400_000

  it.each([
    ['was uploaded here', missingId(FIRST), 404],
    ['is older than a day', missingId(SECOND, new Date(Date.now() - DAY - 5_000)), 404],
    ['comes from a storage that nobody knows', missingId(UNKNOWN), 500],
    ['comes from an address that nobody knows', missingId({ kind: 'ip', ip: '10.9.8.7' }), 500],
    ['has a store path that there is not', missingId(FIRST, new Date(), 1), 400],
    ['is not at its source either', missingId(SECOND), 404],
  ])('and %s', async (_, id, status) => {
    await using cluster = await start(true, { storages: 2 })
    const { url: base } = cluster.http('group1', 0)
    for (const method of ['GET', 'HEAD'])
      expect((await ask(fileUrl(id, { base }), {}, method)).status).toBe(status)
  })

  it('is asked for once', async () => {
    await using cluster = await start(true, { storages: 2 })
    const { url: base } = cluster.http('group1', 0)
    expect((await ask(`${fileUrl(missingId(SECOND), { base })}?redirect=1`)).status).toBe(400)
  })

  it('is sought at its source by the client: redirect', async () => {
    await using cluster = await start({ responseMode: 'redirect', secret: 'x' }, { groups: 2 })
    const { id } = await cluster.client().uploadFile(CONTENT, { group: 'group2' })
    const { url: base } = cluster.http('group1', 0)
    const signed = signUrl(id, { base, secret: 'x', filename: 'a b.txt' })
    const { status, headers, body } = await ask(signed)
    expect(status).toBe(302)
    expect(headers.location).toBe(`${signed.replace(base, cluster.http('group2', 0).url)}&redirect=1`)
    expect(body.toString()).toBe('Found\n')
    const there = await ask(headers.location as string)
    expect([there.status, there.body]).toEqual([200, CONTENT])
    expect((await ask(fileUrl(id, { base }))).status).toBe(400)
  })

  it('has no other parameters than the one that marks it', async () => {
    await using cluster = await start({ responseMode: 'redirect' }, { storages: 2 })
    const id = missingId(SECOND)
    const { headers } = await ask(fileUrl(id, { base: cluster.http('group1', 0).url }))
    expect(headers.location).toBe(`${fileUrl(id, { base: cluster.http('group1', 1).url })}?redirect=1`)
  })

  it('is handed on from its source: proxy', async () => {
    await using cluster = await start({ secret: 'x', cacheControl: 'max-age=5' }, { groups: 2 })
    const { id } = await cluster.client().uploadFile(CONTENT, { group: 'group2', ext: 'txt' })
    const url = signUrl(id, { base: cluster.http('group1', 0).url, secret: 'x', filename: 'x.txt' })
    const { status, headers, body } = await ask(url)
    expect([status, body]).toEqual([200, CONTENT])
    expect(headers).toMatchObject({
      'content-length': '13',
      'content-type': 'text/plain',
      'content-disposition': 'attachment; filename=x.txt',
      'cache-control': 'max-age=5',
    })
    const part = await ask(url, { range: 'bytes=0-4' })
    expect([part.status, part.body.toString(), part.headers['content-range']]).toEqual([
      206,
      'hello',
      'bytes 0-4/13',
    ])
    expect((await ask(url, { 'if-none-match': headers.etag as string })).status).toBe(304)
    const head = await ask(url, {}, 'HEAD')
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '13', 0])

    await cluster.http('group2', 0).stop()
    expect((await ask(url)).status).toBe(502)
  })
})

it.each<[object, string]>([
  [{ port: -1 }, 'http.port'],
  [{ responseMode: 'both' }, 'http.responseMode'],
  [{ secert: 'x' }, 'secert'],
])('refuses %j', async (http, message) => {
  await expect(start(http)).rejects.toThrow(message)
})

it('is there when it was asked for only', async () => {
  await using cluster = await start(false)
  expect(cluster.hasHttp).toBe(false)
  expect(() => cluster.http('group1', 0)).toThrow('option http')
})

it('ends with its storage, when that is taken out of the cluster', async () => {
  await using cluster = await start(true, { storages: 2 })
  const storage = cluster.storage('group1', 1)
  const { url } = cluster.http('group1', 1)
  await cluster.remove(storage)
  await expect(ask(`${url}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  const added = await cluster.addStorage('group1')
  expect((await ask(`${cluster.http('group1', 1).url}/`)).status).toBe(400)
  expect(added.group).toBe('group1')
})

it('counts age by the clock of the cluster', async () => {
  const now = Date.parse('2020-02-02T02:02:02Z')
  await using cluster = await start(true, { storages: 2, clock: { now: () => now, randomBelow: () => 0 } })
  const { url: base } = cluster.http('group1', 0)
  const late = missingId(UNKNOWN, new Date(now - 86_401_000))
  expect((await ask(fileUrl(late, { base }))).status).toBe(404)
  expect((await ask(fileUrl(missingId(UNKNOWN, new Date(now)), { base }))).status).toBe(500)
})
