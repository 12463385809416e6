/** Files that are read where their IDs say: `readFrom: 'source'`. */
import type { ClientOptions } from '../../src/index.js'
import { FastDfsClient, FileNotFoundError, parseFileId, ServerError } from '../../src/index.js'
import type { Cluster } from '../../src/testing/index.js'
import { startCluster } from '../../src/testing/index.js'
import { fakeServer, fakeTracker, response } from '../support/fake-server.js'
import { bytesOf, CONTENT, ID, INFO, rejection, SHORT_ID, status } from './fakes.js'

const clientOf = (cluster: Cluster, options: Partial<ClientOptions> = {}): FastDfsClient =>
  new FastDfsClient({ ...cluster.clientOptions(), readFrom: 'source', retries: 0, ...options })

/** What clients have asked since the last look. */
function watch(cluster: Cluster): () => string[] {
  let seen = 0
  return () => {
    const all = cluster.requests
      .list({ from: 'clients' })
      .map(({ member, command }) => `${member} ${command}`)
    const news = all.slice(seen)
    seen = all.length
    return news
  }
}

/** Two storages, at 127.0.0.1 and 127.0.0.2; a file on both, whose ID names the one that took it. */
async function replicated(options: Partial<ClientOptions> = {}) {
  const cluster = await startCluster({ storages: 2, storageIds: false })
  const client = clientOf(cluster, options)
  const { id, endpoint } = await client.uploadFile(bytesOf(100_000))
  await cluster.replicate()
  const members = [cluster.storage('group1', 0), cluster.storage('group1', 1)] as const
  const isFirst = endpoint === `${members[0].host}:${members[0].port}`
  const [source, replica] = isFirst ? members : [members[1], members[0]]
  // Until the tracker has named the source, the file's ID does not lead there.
  while (cluster.requests.list({ command: 'downloadFile', member: source }).length === 0)
    await client.downloadFile(id)
  return {
    cluster,
    client,
    id,
    source,
    replica,
    asked: watch(cluster),
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await cluster.stop()
    },
  }
}

it('a file is read at its source, and no tracker asked, once that has named the address in the ID', async () => {
  await using world = await replicated()
  const { client, id, source, asked } = world
  asked()
  expect(parseFileId(id).source).toEqual({ kind: 'ip', ip: source.host })
  for (let i = 0; i < 3; i++) expect(await client.downloadFile(id)).toEqual(bytesOf(100_000))
  await client.fileInfo(id)
  expect(asked()).toEqual([
    ...Array<string>(3).fill(`${source.name} downloadFile`),
    `${source.name} queryFileInfo`,
  ])
})

it('of a source that was killed the replica is read, as a tracker says', async () => {
  await using world = await replicated()
  const { client, id, source, replica } = world
  await source.kill()
  expect(await client.downloadFile(id)).toEqual(bytesOf(100_000))
  expect(world.asked()).toContain(`${replica.name} downloadFile`)
})

it.each([
  ['is refused', { status: 22 }],
  ['is cut before its answer', { cutAfter: 0 }],
  ['is cut in the middle', { cutAfter: 50_000 }],
  ['gets garbage', { garbage: Buffer.alloc(40, 0xff) }],
] as const)('a download that %s at the source goes on as a tracker says', async (_, effect) => {
  await using world = await replicated()
  const { cluster, client, id, source, asked } = world
  asked()
  using fault = cluster.fault({ on: source, command: 'downloadFile', times: 1 }, effect)
  expect(await client.downloadFile(id)).toEqual(bytesOf(100_000))
  expect(fault.hits).toBe(1)
  expect(asked().some((one) => one.endsWith('queryFetchOne'))).toBe(true)
})

it('"no such file" of the source is what a tracker names the source for', async () => {
  await using world = await replicated()
  const { client, id, source, asked } = world
  await client.deleteFile(id)
  asked()
  expect(await rejection(client.downloadFile(id))).toBeInstanceOf(FileNotFoundError)
  expect(asked()).toEqual([`${source.name} downloadFile`, 'tracker1 queryUpdate'])
})

it('metadata is read there too', async () => {
  await using world = await replicated()
  const { client, id, source, asked } = world
  await client.setMetadata(id, { a: 'b' })
  asked()
  expect(await client.getMetadata(id)).toEqual({ a: 'b' })
  expect(asked()).toEqual([`${source.name} getMetadata`])
})

describe('with storage IDs in file IDs', () => {
  const idsOf = (cluster: Cluster) =>
    [0, 1].map((i) => {
      const { id, port } = cluster.storage('group1', i)
      return { id: String(id), group: 'group1', hosts: ['127.0.0.1'] as const, port }
    })

  it('the storage that storageIds knows is read from', async () => {
    await using cluster = await startCluster({ storages: 2 })
    await using client = clientOf(cluster, { storageIds: idsOf(cluster) })
    const { id, endpoint } = await client.uploadFile(CONTENT)
    expect(parseFileId(id).source.kind).toBe('id')
    const asked = watch(cluster)
    asked()
    for (let i = 0; i < 3; i++) {
      expect(await client.downloadFile(id, Buffer.alloc(CONTENT.length))).toMatchObject({ endpoint })
    }
    expect(asked().filter((one) => one.startsWith('tracker'))).toEqual([])
  })

  it('the trackers are asked which storages there are, once', async () => {
    await using cluster = await startCluster({ storages: 2 })
    await using client = clientOf(cluster, { storageIds: 'tracker' })
    const { id, endpoint } = await client.uploadFile(CONTENT)
    const asked = watch(cluster)
    asked()
    for (let i = 0; i < 3; i++) {
      expect(await client.downloadFile(id, Buffer.alloc(CONTENT.length))).toMatchObject({ endpoint })
    }
    expect(asked().filter((one) => one.startsWith('tracker'))).toEqual(['tracker1 fetchStorageIds'])
  })

  it('an ID that nobody knows leads to a tracker', async () => {
    await using cluster = await startCluster()
    await using client = clientOf(cluster)
    const { id } = await client.uploadFile(CONTENT)
    const asked = watch(cluster)
    asked()
    expect(await client.downloadFile(id)).toEqual(CONTENT)
    expect(asked()[0]).toBe('tracker1 queryFetchOne')
  })
})

describe('an ID that does not lead to a storage', () => {
  it('is of an address that no tracker has named, or tells nothing', async () => {
    // The ID holds 10.77.0.12.
    await using storage = await fakeServer((request) => (request[8] === 22 ? INFO : response(CONTENT)))
    await using tracker = await fakeTracker(storage.port)
    await using client = new FastDfsClient({ trackers: tracker.address, readFrom: 'source', verify: false })
    for (const id of [ID, ID, SHORT_ID]) expect(await client.downloadFile(id)).toEqual(CONTENT)
    expect(tracker.requests.map((request) => request[8])).toEqual([102, 102, 102])
  })

  it('fails with what the storage says that a tracker names', async () => {
    await using storage = await fakeServer(() => status(5))
    await using tracker = await fakeTracker(storage.port)
    await using client = new FastDfsClient({ trackers: tracker.address, readFrom: 'source', retries: 0 })
    expect(await rejection(client.downloadFile(ID))).toBeInstanceOf(ServerError)
  })
})
