/** What a cluster tells of what it was asked, how it goes back to its beginning, and what it finds left behind. */
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FastDfsClient, parseFileId } from '../../src/index.js'
import {
  decodeRequest,
  decodeResponse,
  storageCommands,
  trackerClusterCommands,
  trackerCommands,
} from '../../src/protocol/index.js'
import type { Cluster, ClusterOptions, Conversation } from '../../src/testing/index.js'
import { deterministicClock, startCluster } from '../../src/testing/index.js'
import { bytes, i64, packet, RawClient, str } from '../server/raw.js'

const started: Cluster[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((cluster) => cluster.stop()))
})

async function start(options?: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(options)
  started.push(cluster)
  return cluster
}

const content = Buffer.from('0123456789')

describe('the history', () => {
  it('holds requests and answers, decoded', async () => {
    const cluster = await start()
    const { id, group, name } = await cluster.client().uploadFile(content, { ext: 'txt' })
    await cluster.client().downloadFile(id)
    const of = (command: 'uploadFile' | 'downloadFile') => cluster.requests.list({ command, from: 'clients' })
    expect(of('uploadFile')).toMatchObject([
      {
        member: 'group1-storage1',
        from: 'client',
        command: 'uploadFile',
        request: { ext: 'txt', storePathIndex: 0 },
        contentSize: 10,
        status: 0,
        response: { group, name },
      },
    ])
    expect(of('downloadFile')).toMatchObject([{ request: { group, name }, contentSize: 10, status: 0 }])
    expect(cluster.requests.list({ command: 'queryFetchOne' })[0]?.response).toMatchObject({ group })
  })

  it('tells members from clients, and one member from another', async () => {
    const cluster = await start({ trackers: 2 })
    await cluster.client().uploadFile(content)
    const beats = cluster.requests.list({ command: 'storageBeat' })
    expect(new Set(beats.map(({ from, member }) => `${from} to ${member}`))).toEqual(
      new Set(['group1-storage1 to tracker1', 'group1-storage1 to tracker2']),
    )
    expect(cluster.requests.list({ from: 'clients' }).map(({ command }) => command)).toEqual([
      expect.stringMatching(/^queryStore/),
      'uploadFile',
    ])
    expect(cluster.requests.list({ from: 'members', member: cluster.storage('group1') })).toEqual([])
    expect(cluster.requests.list({ from: cluster.storage('group1'), command: 'storageJoin' })).toHaveLength(2)
  })

  it('can be waited for', async () => {
    const cluster = await start()
    const client = cluster.client()
    const { id } = await client.uploadFile(content)
    const next = cluster.requests.next('deleteFile', { timeout: 5000 })
    const deleted = client.deleteFile(id)
    const request = await next
    expect(request.request).toEqual(parseName(id))
    expect((await request.answered).status).toBe(0)
    await deleted
    const failing = cluster.requests.next('deleteFile', { timeout: 10 })
    await expect(failing).rejects.toMatchObject({ name: 'TimeoutError', command: 'deleteFile' })
    const signal = AbortSignal.abort('enough')
    await expect(cluster.requests.next('deleteFile', { signal })).rejects.toMatchObject({
      name: 'AbortError',
      cause: 'enough',
    })
  })

  it('is no unhandled rejection where a test ends before what it waits for', async () => {
    const unhandled = jest.fn()
    process.on('unhandledRejection', unhandled)
    const cluster = await start()
    void cluster.requests.next('deleteFile')
    void cluster.requests.next('deleteFile', { timeout: 1 })
    await cluster.requests.next('deleteFile', { timeout: 5 }).catch(() => {})
    expect((await cluster.stop()).waits).toBe(1)
    await new Promise(setImmediate)
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('says what was never answered, and shows what it does not know', async () => {
    const cluster = await start()
    const raw = await RawClient.connect(cluster.storage('group1').port)
    cluster.fault({ command: 'activeTest' }, { hang: true })
    raw.send(packet(111))
    const request = await cluster.requests.next('activeTest')
    expect([request.status, request.response]).toEqual([undefined, undefined])
    raw.close()
    expect((await request.answered).status).toBeUndefined()
    const strange = await RawClient.connect(cluster.storage('group1').port)
    strange.send(packet(250, Buffer.from('??')))
    await strange.response()
    expect(cluster.requests.list({ from: 'clients' }).at(-1)).toMatchObject({
      command: '250',
      request: undefined,
      status: 22,
    })
    strange.close()
  })

  it('keeps the latest 10 000', async () => {
    const cluster = await start()
    const raw = await RawClient.connect(cluster.storage('group1').port)
    const batch = Buffer.concat(Array.from({ length: 1000 }, () => packet(111)))
    for (let i = 0; i < 21; i++) {
      raw.send(batch)
      for (let n = 0; n < 1000; n++) await raw.response()
    }
    expect(cluster.requests.total).toBeGreaterThan(21_000)
    expect(cluster.requests.list().length).toBeLessThan(20_000)
    expect(cluster.requests.list().length).toBeGreaterThanOrEqual(10_000)
    raw.close()
  })
})

function parseName(id: string): { group: string; name: string } {
  const { group, name } = parseFileId(id)
  return { group, name }
}

describe('a recording', () => {
  it('has the form of the captures, and decodes', async () => {
    const cluster = await start({ profile: 'V6.16' })
    const recording = cluster.record()
    const client = cluster.client()
    const { id } = await client.uploadFile(content, { ext: 'txt' })
    await client.downloadFile(id)
    const path = join(tmpdir(), `fastdfs-recording-${process.pid}.jsonl`)
    const conversations = await recording.stop(path)
    await client.fileInfo(id)
    const lines = (await readFile(path, 'utf8')).trim().split('\n')
    await rm(path)
    expect(lines.map((line) => JSON.parse(line) as Conversation)).toEqual(conversations)
    const [toStorage] = conversations.filter(({ to }) => to === 'storage')
    expect(toStorage).toMatchObject({
      version: 'V6.16.1',
      from: 'client',
      client: '127.0.0.1',
      server: '127.0.0.1',
    })
    const [upload, uploaded, download, downloaded, ...rest] = toStorage?.packets ?? []
    expect(rest).toEqual([])
    expect(upload).toEqual({
      dir: 'request',
      cmd: 11,
      status: 0,
      length: 25,
      // docs/protocol.md §1.1 and §3.1
      hex: `0000000000000019${'0b00'}${'00'}${i64(10).toString('hex')}${'747874000000'}${content.toString('hex')}`,
    })
    expect(decodeResponse(storageCommands.uploadFile, Buffer.from(uploaded?.hex ?? '', 'hex'))).toMatchObject(
      parseName(id),
    )
    expect(
      decodeRequest(storageCommands.downloadFile, Buffer.from(download?.hex ?? '', 'hex')),
    ).toMatchObject(parseName(id))
    expect(downloaded?.hex).toBe(`000000000000000a6400${content.toString('hex')}`)
    const toTracker = conversations.filter(({ to, from }) => to === 'tracker' && from === 'client')
    expect(toTracker.flatMap(({ packets }) => packets.map(({ cmd }) => cmd))).toEqual([
      trackerCommands.queryStoreWithoutGroupOne.number,
      100,
      trackerCommands.queryFetchOne.number,
      100,
    ])
  })

  it('has what members say to each other, and marks what it did not see whole', async () => {
    const cluster = await start()
    using recording = cluster.record()
    await cluster.addStorage('group1')
    const raw = await RawClient.connect(cluster.storage('group1').port)
    raw.send(packet(11, Buffer.alloc(100)).subarray(0, 50))
    // Storages talk to each other as well.
    const isUpload = ({ from, to }: { from: string; to: string }): boolean =>
      to === 'storage' && from !== 'storage'
    while (!recording.conversations().some(isUpload)) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    raw.close()
    const all = recording.conversations()
    expect(all.find(isUpload)?.packets).toMatchObject([{ dir: 'request', cmd: 11, length: 100, cut: true }])
    expect(all.filter(({ from }) => from === 'storage').map(({ packets }) => packets[0])).toContainEqual(
      expect.objectContaining({ dir: 'request', cmd: trackerClusterCommands.storageJoin.number }),
    )
  })
})

describe('a reset', () => {
  it('drops files, faults, history and counters; ports and clients stay', async () => {
    const cluster = await start({ trackers: 2, groups: 2 })
    const client = cluster.client()
    const { id, group } = await client.uploadFile(content)
    const { trackers } = cluster.clientOptions()
    cluster.fault({ command: 'queryFetchOne' }, { hang: true })
    cluster.fault({ on: 'tracker', from: 'clients' }, { silence: true })
    await cluster.reset()
    expect(cluster.clientOptions().trackers).toEqual(trackers)
    expect(cluster.requests.list()).toEqual([])
    expect(cluster.unusedFaults()).toEqual([])
    expect(await client.fileExists(id)).toBe(false)
    expect((await cluster.stats()).map(({ files }) => files)).toEqual([0, 0, 0, 0])
    await cluster.storage(group).setFreeSpace(1e9)
    const again = await client.uploadFile(content)
    expect((await client.downloadFile(again.id)).equals(content)).toBe(true)
  })

  it('empties disks that were full, and the trackers know it', async () => {
    const cluster = await start({ trackers: 2, storages: 2 })
    const client = cluster.client()
    for (const storage of cluster.storages) await storage.setFreeSpace(0)
    await expect(client.uploadFile(content)).rejects.toMatchObject({ status: 28 })
    await cluster.reset()
    for (const tracker of cluster.clientOptions().trackers) {
      await using other = cluster.client({ trackers: [tracker] })
      await other.uploadFile(content)
    }
  })

  it('leaves nothing, however often it is made', async () => {
    const cluster = await start({ storages: 2 })
    const client = cluster.client()
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 20 }, () => client.uploadFile(content)))
      cluster.fault({ command: 'deleteFile' }, { status: 5 })
      await cluster.reset()
      expect(cluster.requests.list({ from: 'clients' })).toEqual([])
      expect(cluster.unusedFaults()).toEqual([])
      for (const storage of cluster.storages) expect(await storage.files()).toEqual([])
    }
  })

  it('starts members that were stopped, killed or paused, and lets go of those held to a status', async () => {
    const cluster = await start({ trackers: 2, storages: 3 })
    await cluster.trackers[0]?.kill()
    cluster.trackers[1]?.pause()
    await cluster.storage('group1', 0).stop()
    cluster.storage('group1', 1).setStatus('DELETED')
    await cluster.reset()
    expect([...cluster.trackers, ...cluster.storages].map(({ state }) => state)).toEqual(
      Array.from({ length: 5 }, () => 'running'),
    )
    const client = cluster.client({ trackers: cluster.clientOptions().trackers.slice(1) })
    expect((await client.admin.listStorages('group1')).map(({ status }) => status)).toEqual([
      'ACTIVE',
      'ACTIVE',
      'ACTIVE',
    ])
  })

  it('brings the seed back', async () => {
    const cluster = await start({
      groups: { group1: {}, images: {} },
      seed: [
        { data: 'hello', ext: 'txt', group: 'group1' },
        { data: content, group: 'images', metadata: { width: '7' } },
      ],
    })
    const client = cluster.client()
    const [hello, image] = cluster.seeded
    for (let round = 0; round < 3; round++) {
      expect((await client.downloadFile(hello?.id ?? '')).toString()).toBe('hello')
      expect(await client.getMetadata(image?.id ?? '')).toEqual({ width: '7' })
      await client.deleteFile(hello?.id ?? '')
      await client.setMetadata(image?.id ?? '', {})
      await cluster.reset()
    }
    expect(cluster.requests.list({ from: 'clients' })).toEqual([])
  })
})

describe('a deterministic clock', () => {
  it('makes the same file IDs in every run', async () => {
    const run = async (): Promise<string[]> => {
      const clock = deterministicClock(new Date('2026-03-04T05:06:07Z'), 7)
      await using cluster = await startCluster({ clock })
      const client = cluster.client()
      const first = await client.uploadFile(content, { ext: 'txt' })
      clock.advance(60_000)
      return [first.id, (await client.uploadFile(content, { ext: 'txt' })).id]
    }
    const ids = await run()
    expect(await run()).toEqual(ids)
    expect(ids.map((id) => parseFileId(id).createdAt)).toEqual([
      new Date('2026-03-04T05:06:07Z'),
      new Date('2026-03-04T05:07:07Z'),
    ])
  })
})

describe('what is left behind', () => {
  it('is nothing where all is closed', async () => {
    const cluster = await startCluster({ trackers: 2 })
    await cluster.client().uploadFile(content)
    await using own = new FastDfsClient(cluster.clientOptions())
    await own.uploadFile(content)
    await own.close()
    expect(await cluster.stop()).toEqual({
      connections: [],
      calls: [],
      waits: 0,
      unusedFaults: [],
      text: '',
    })
  })

  it('is nothing of an upload that was broken off, however much of it is still to be read', async () => {
    const cluster = await startCluster()
    const { host, port } = cluster.storage('group1')
    const socket = connect(port, host)
    await once(socket, 'connect')
    const upload = packet(11, bytes(0, i64(9 * 2 ** 20), str('', 6), Buffer.alloc(9 * 2 ** 20)))
    const asked = cluster.requests.next('uploadFile')
    // Of this the system takes a few MiB, which the storage has not read when the socket is gone.
    socket.write(upload.subarray(0, 8 * 2 ** 20))
    await asked
    socket.destroy()
    expect((await cluster.stop()).text).toBe('')
  })

  it('is found: a client that nobody closed, a call, a wait and a fault', async () => {
    const cluster = await startCluster()
    await using forgotten = new FastDfsClient(cluster.clientOptions())
    await forgotten.uploadFile(content)
    cluster.fault({ on: cluster.storage('group1'), command: 'uploadFile', skip: 1 }, { status: 28 })
    cluster.fault({ command: 'activeTest' }, { hang: true })
    const wait = cluster.requests.next('deleteFile')
    wait.catch(() => {})
    const raw = await RawClient.connect(cluster.storage('group1').port)
    raw.send(packet(111))
    await cluster.requests.next('activeTest')
    cluster.fault({ command: 'queryFileInfo' }, { hang: true })
    const { id } = cluster.storage('group1')
    const asked = cluster.requests.next('queryFileInfo')
    const file = (await cluster.storage('group1').files())[0]?.id ?? ''
    const call = cluster.client().fileInfo(file)
    call.catch(() => {})
    await asked
    const report = await cluster.stop()
    await expect(wait).rejects.toMatchObject({ name: 'AbortError' })
    await expect(call).rejects.toThrow()
    expect(report).toMatchObject({
      calls: [{ member: 'group1-storage1', command: 'queryFileInfo' }],
      waits: 1,
      unusedFaults: [expect.stringContaining('"uploadFile"') as string],
    })
    expect(report.connections.map(({ member, requests, running }) => [member, requests, running])).toEqual([
      ['tracker1', 1, undefined],
      ['group1-storage1', 1, undefined],
      ['group1-storage1', 1, 'activeTest'],
    ])
    expect(report.text).toContain('a connection from 127.0.0.1:')
    expect(id).toBe(100_001)
    raw.close()
  })
})
