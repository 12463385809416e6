/** Every operation of the client: the requests it makes, what it gives, and what the servers hold afterwards. */
import { strict as assert } from 'node:assert'
import { buffer } from 'node:stream/consumers'
import { Writable } from 'node:stream'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import type { BatchResult, CallOptions, FastDfsClient, Source } from '../../src/index.js'
import {
  ClosedError,
  NotSupportedError,
  parseFileId,
  ServerError,
  slaveName,
  STATUS,
} from '../../src/index.js'
import type { Cluster, CommandName } from '../../src/testing/index.js'
import type { Effect, Fixture, Operation, Step, Subject } from './tables.js'

/** What operations send and read; two halves of some ten packets. */
export const CONTENT = Buffer.from(Array.from({ length: 24_000 }, (_, i) => (i * 131 + (i >> 8)) & 0xff))
/** What is there before. */
const BEFORE = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * 37 + (i >> 7)) & 0xff))
const METADATA = { width: '1024', camera: 'X100' }
/** Bytes of a chunk of an upload that can be resumed: two of them make the content. */
const CHUNK = 12_000
/** Milliseconds for calls that run when the client is closed. */
const GRACE = 2_500
/** Milliseconds after which what a storage has of an upload that was interrupted is looked at again. */
const SETTLING = 50

const tracker = (command: CommandName, more: Partial<Step> = {}): Step => ({
  at: 'tracker',
  command,
  repeat: 'safe',
  asks: 'any',
  sends: 'no',
  gives: false,
  sized: 'no',
  anywhere: false,
  replicated: false,
  recovers: false,
  cleans: false,
  refused: false,
  changes: 'no',
  ...more,
})

const storage = (command: CommandName, more: Partial<Step> = {}): Step => ({
  ...tracker(command),
  at: 'storage',
  ...more,
})

/** A request that makes a new file, with content that can be read again. */
const making = (command: CommandName, more: Partial<Step> = {}): Step =>
  storage(command, { repeat: 'never', sends: 'repeatable', changes: 'here', ...more })

const NOTHING: Fixture = { id: '', content: Buffer.alloc(0), others: [] }

const noFile = async (): Promise<Fixture> => NOTHING
const aFile = async (client: FastDfsClient): Promise<Fixture> => {
  const { id } = await client.uploadFile(BEFORE, { ext: 'bin', metadata: METADATA })
  return { id, content: BEFORE, others: [] }
}
const anAppender = async (client: FastDfsClient): Promise<Fixture> => {
  const { id } = await client.uploadAppenderFile(BEFORE, { ext: 'log' })
  return { id, content: BEFORE, others: [] }
}
const withSlave = async (client: FastDfsClient): Promise<Fixture> => {
  const file = await aFile(client)
  const slave = await client.uploadSlaveFile(file.id, BEFORE, { prefix: '_s' })
  return { ...file, others: [slave.id] }
}
/** The first chunk of an upload that can be resumed. */
const anInterruptedUpload = async (client: FastDfsClient): Promise<Fixture> => {
  const stop = new Error('enough for now')
  const upload = await client.resumableUpload(CONTENT, {
    chunkSize: CHUNK,
    onCheckpoint: () => {
      throw stop
    },
  })
  await assert.rejects(upload.done(), { cause: stop })
  return { ...NOTHING, upload: upload.toJSON() }
}
/** A storage that is gone for good, alone in its group. */
const aDeadStorage = async (_: FastDfsClient, cluster: Cluster): Promise<Fixture> => {
  const [gone] = await cluster.addGroup('gone', { storages: 1 })
  assert(gone !== undefined)
  await gone.stop()
  return { ...NOTHING, id: String(gone.id) }
}
interface Stored {
  readonly id: string
  readonly content: Buffer
}

/** All files by ID; those of one ID at several storages are the same. */
async function filesOf(cluster: Cluster): Promise<Map<string, Stored>> {
  const files = new Map<string, Stored>()
  for (const member of cluster.storages) {
    for (const { id } of await member.files()) files.set(id, { id, content: await member.read(id) })
  }
  return files
}

/** A new file with the content that was sent, or none: not two, and not a part of one. */
async function isMade(cluster: Cluster, { id, others }: Fixture): Promise<Effect> {
  const files = await filesOf(cluster)
  for (const known of [id, ...others]) files.delete(known)
  assert(files.size <= 1, `stored ${files.size} times: ${[...files.keys()].join(', ')}`)
  for (const { content } of files.values())
    assert(content.equals(CONTENT), `half stored: ${content.length} bytes`)
  return files.size === 1 ? 'done' : 'undone'
}

/** A file with the content that was sent, or with the first chunks of it, which can be resumed; or none. */
async function isGrown(cluster: Cluster): Promise<Effect> {
  const files = [...(await filesOf(cluster)).values()]
  assert(files.length <= 1, `stored ${files.length} times: ${files.map(({ id }) => id).join(', ')}`)
  const [file] = files
  if (file === undefined) return 'undone'
  const { length } = file.content
  assert(length % CHUNK === 0, `half a chunk is stored: ${length} bytes`)
  assert(file.content.equals(CONTENT.subarray(0, length)), 'something else is stored')
  return length === CONTENT.length && parseFileId(file.id).kind === 'normal' ? 'done' : 'undone'
}

/** The file is what it was, or what it shall be. */
const becomes =
  (after: Buffer) =>
  async (cluster: Cluster, { id, content }: Fixture): Promise<Effect> => {
    const file = (await filesOf(cluster)).get(id)
    assert(file !== undefined, 'the file is gone')
    if (file.content.equals(after)) return 'done'
    assert(file.content.equals(content), `half changed: ${file.content.length} bytes`)
    return 'undone'
  }

const isGone = async (cluster: Cluster, { id, others }: Fixture): Promise<Effect> => {
  const files = await filesOf(cluster)
  const left = [id, ...others].filter((one) => files.has(one))
  // Slaves go first.
  if (left.length > 0) assert(left.includes(id), 'a master is gone before its slaves')
  return left.length === 0 ? 'done' : 'undone'
}

const hasMetadata =
  (after: Record<string, string>) =>
  async (_: Cluster, { id }: Fixture, client: FastDfsClient): Promise<Effect> => {
    const present = await client.getMetadata(id)
    if (isDeepStrictEqual(present, after)) return 'done'
    assert.deepEqual(present, METADATA)
    return 'undone'
  }

const made = (result: unknown): void => {
  const { id, size } = result as { id: string; size: number }
  assert.match(id, /^group[12]\/M00\//)
  assert.equal(size, CONTENT.length)
}

const nothing = (result: unknown): void => assert.equal(result, undefined)

/** The only result of a batch. */
async function only<T>(batch: Promise<BatchResult<T>[]>): Promise<T> {
  const [result] = await batch
  assert(result !== undefined)
  if (result.status === 'rejected') throw result.reason
  return result.value
}

/** A call whose result is a refusal. */
async function refusal(
  call: Promise<unknown>,
  Kind: typeof ServerError,
  status: number,
): Promise<'refused' | undefined> {
  try {
    await call
  } catch (error) {
    if (error instanceof Kind && error.status === status) return 'refused'
    throw error
  }
  return undefined
}

const isContent = (result: unknown, { content }: Fixture): void =>
  assert((result as Buffer).equals(content), 'other bytes than those that are stored')

const APPENDED = Buffer.concat([BEFORE, CONTENT])
const MODIFIED = Buffer.concat([BEFORE.subarray(0, 1000), CONTENT, BEFORE.subarray(1000 + CONTENT.length)])
const RANGE = { offset: 1_000, length: 20_000 }

const FETCH = tracker('queryFetchOne')
const UPDATE = tracker('queryUpdate')
const STORE = tracker('queryStoreWithoutGroupOne')
const INFO = [FETCH, storage('queryFileInfo', { replicated: true })]
const reading = (sized: Step['sized']): readonly Step[] => [
  FETCH,
  storage('downloadFile', { gives: true, replicated: true, sized }),
]
const DOWNLOAD = reading('name')
const GET_METADATA = [UPDATE, storage('getMetadata', { replicated: true })]
const SET_METADATA = [UPDATE, storage('setMetadata', { changes: 'here' })]

/** How a file is finished of which a part is stored. */
const GROWING = [
  storage('appendFile', { repeat: 'never', recovers: true, changes: 'after' }),
  storage('regenerateAppenderFilename', { repeat: 'never', changes: 'after' }),
]

interface Row extends Omit<Partial<Operation>, 'call'> {
  readonly call: (
    client: FastDfsClient,
    fixture: Subject,
    source: () => Source,
    options: CallOptions,
  ) => Promise<unknown>
}

const row = (name: string, steps: readonly Step[], rest: Row): Operation => ({
  prepare: noFile,
  verify: () => {},
  ...rest,
  name,
  steps,
})

const size = CONTENT.length

/** Downloads into a folder of its own, in which nothing but a whole file may be left. */
async function toPath(client: FastDfsClient, { id }: Fixture, options: CallOptions): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'fastdfs-faults-'))
  const path = join(folder, 'copy')
  try {
    await client.downloadFile(id, path, options)
    return await readFile(path)
  } catch (error) {
    assert.equal((await readdir(folder)).length, 0, 'a download that failed has left something behind')
    throw error
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function toWritable(client: FastDfsClient, { id }: Fixture, options: CallOptions): Promise<Buffer> {
  const chunks: Buffer[] = []
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      chunks.push(Buffer.from(chunk))
      setImmediate(done)
    },
  })
  // What it is destroyed with is the error of the call.
  sink.on('error', () => {})
  await client.downloadFile(id, sink, options)
  return Buffer.concat(chunks)
}

export const OPERATIONS: readonly Operation[] = [
  row('uploadFile', [STORE, making('uploadFile', { anywhere: true })], {
    call: (client, _, source, options) => client.uploadFile(source, { ext: 'bin', size, ...options }),
    verify: made,
    effect: isMade,
  }),
  row(
    'uploadFile to a group',
    [tracker('queryStoreWithGroupOne'), making('uploadFile', { anywhere: true })],
    {
      call: (client, _, source, options) => client.uploadFile(source, { group: 'group1', size, ...options }),
      verify: made,
      effect: isMade,
    },
  ),
  row('uploadFile of a stream', [STORE, making('uploadFile', { anywhere: true, sends: 'once' })], {
    call: (client, _, source, options) =>
      client.uploadFile((source as () => AsyncIterable<Uint8Array>)(), { size, ...options }),
    verify: made,
    effect: isMade,
  }),
  row(
    'uploadFile with metadata',
    [
      STORE,
      making('uploadFile', { anywhere: true }),
      { ...UPDATE, changes: 'after', cleans: true },
      storage('setMetadata', { changes: 'before' }),
    ],
    {
      call: (client, _, source, options) =>
        client.uploadFile(source, { size, metadata: METADATA, ...options }),
      verify: made,
      effect: isMade,
    },
  ),
  row('uploadFiles', [STORE, making('uploadFile', { anywhere: true })], {
    call: (client, _, source, options) => only(client.uploadFiles([{ source, size }], options)),
    verify: made,
    effect: isMade,
  }),
  row('uploadAppenderFile', [STORE, making('uploadAppenderFile', { anywhere: true })], {
    call: (client, _, source, options) => client.uploadAppenderFile(source, { size, ...options }),
    verify: made,
    effect: isMade,
  }),
  row('uploadSlaveFile', [UPDATE, making('uploadSlaveFile')], {
    prepare: aFile,
    call: (client, { id }, source, options) =>
      client.uploadSlaveFile(id, source, { prefix: '_s', size, ...options }),
    verify: (result, { id }) => assert.equal((result as { id: string }).id, slaveName(id, '_s', 'bin')),
    effect: isMade,
  }),
  row(
    'resumableUpload',
    [
      STORE,
      making('uploadAppenderFile', { anywhere: true, sends: 'no', changes: 'after' }),
      { ...UPDATE, changes: 'after' },
      ...GROWING,
    ],
    {
      call: async (client, _, __, options) => {
        const upload = await client.resumableUpload(CONTENT, { chunkSize: CHUNK, ...options })
        return upload.done(options)
      },
      verify: made,
      effect: isGrown,
      goesOn: true,
    },
  ),
  row(
    'resumeUpload',
    [{ ...UPDATE, changes: 'after' }, storage('queryFileInfo', { changes: 'after' }), ...GROWING],
    {
      prepare: anInterruptedUpload,
      call: async (client, { upload: saved }, _, options) => {
        assert(saved !== undefined)
        const upload = await client.resumeUpload(saved, CONTENT, options)
        return upload.done(options)
      },
      verify: made,
      takes: SETTLING,
      effect: isGrown,
      goesOn: true,
    },
  ),
  row('resumeUpload to abort it', [UPDATE, storage('deleteFile', { changes: 'here' })], {
    prepare: anInterruptedUpload,
    call: async (client, { upload: saved }, _, options) => {
      assert(saved !== undefined)
      const upload = await client.resumeUpload(saved, CONTENT)
      return upload.abort(options)
    },
    verify: nothing,
    effect: async (cluster) => {
      const files = [...(await filesOf(cluster)).values()]
      if (files.length === 0) return 'done'
      for (const { content } of files)
        assert(content.equals(CONTENT.subarray(0, CHUNK)), 'something else is stored')
      return 'undone'
    },
  }),
  row('appendFile', [UPDATE, storage('appendFile', { repeat: 'never', sends: 'once', changes: 'here' })], {
    prepare: anAppender,
    call: (client, { id }, source, options) => client.appendFile(id, source, { size, ...options }),
    verify: nothing,
    effect: becomes(APPENDED),
  }),
  row('modifyFile', [UPDATE, storage('modifyFile', { sends: 'repeatable', changes: 'here' })], {
    prepare: anAppender,
    call: (client, { id }, source, options) =>
      client.modifyFile(id, source, { offset: 1_000, size, ...options }),
    verify: nothing,
    effect: becomes(MODIFIED),
  }),
  row('truncateFile', [UPDATE, storage('truncateFile', { changes: 'here' })], {
    prepare: anAppender,
    call: (client, { id }, _, options) => client.truncateFile(id, 777, options),
    verify: nothing,
    effect: becomes(BEFORE.subarray(0, 777)),
  }),
  row(
    'regenerateAppenderFile',
    [
      UPDATE,
      storage('getMetadata', { replicated: true }),
      storage('queryFileInfo', { replicated: true }),
      storage('regenerateAppenderFilename', { repeat: 'never', changes: 'here' }),
    ],
    {
      prepare: anAppender,
      call: (client, { id }, _, options) => client.regenerateAppenderFile(id, options),
      verify: (result, { id }) => assert.notEqual((result as { id: string }).id, id),
      effect: async (cluster, { id, content }) => {
        const files = [...(await filesOf(cluster)).values()]
        assert.equal(files.length, 1)
        assert(files.every((file) => file.content.equals(content)))
        return files[0]?.id === id ? 'undone' : 'done'
      },
    },
  ),
  row('downloadFile', DOWNLOAD, {
    prepare: aFile,
    call: (client, { id }, _, options) => client.downloadFile(id, options),
    verify: isContent,
  }),
  row('downloadFile of a range', reading('range'), {
    prepare: aFile,
    call: (client, { id }, _, options) => client.downloadFile(id, { ...RANGE, ...options }),
    verify: (result, { content }) =>
      assert((result as Buffer).equals(content.subarray(RANGE.offset, RANGE.offset + RANGE.length))),
  }),
  row('downloadFile to bytes', DOWNLOAD, {
    prepare: aFile,
    call: async (client, { id, content }, _, options) => {
      const bytes = Buffer.alloc(content.length)
      await client.downloadFile(id, bytes, options)
      return bytes
    },
    verify: isContent,
  }),
  row('downloadFile to a path', DOWNLOAD, {
    prepare: aFile,
    call: (client, fixture, _, options) => toPath(client, fixture, options),
    verify: isContent,
  }),
  row('downloadFile to a Writable', DOWNLOAD, {
    prepare: aFile,
    call: (client, fixture, _, options) => toWritable(client, fixture, options),
    verify: isContent,
  }),
  row('downloadFile of an appender file', reading('no'), {
    prepare: anAppender,
    call: (client, { id }, _, options) => client.downloadFile(id, options),
    verify: isContent,
  }),
  row('downloadFiles', DOWNLOAD, {
    prepare: aFile,
    call: async (client, { id, content }, _, options) => {
      const folder = await mkdtemp(join(tmpdir(), 'fastdfs-faults-'))
      try {
        const path = join(folder, 'copy')
        await only(client.downloadFiles([{ id, path }], options))
        assert((await readFile(path)).equals(content))
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  }),
  row('downloadStream', DOWNLOAD, {
    prepare: aFile,
    call: (client, { id }, _, options) => buffer(client.downloadStream(id, options)),
    verify: isContent,
  }),
  row('deleteFile', [UPDATE, storage('deleteFile', { changes: 'here' })], {
    prepare: aFile,
    call: (client, { id }, _, options) => client.deleteFile(id, options),
    verify: nothing,
    effect: isGone,
  }),
  row('deleteFile with slaves', [UPDATE, storage('deleteFile', { changes: 'after' })], {
    prepare: withSlave,
    call: (client, { id }, _, options) => client.deleteFile(id, { slaves: ['_s.bin'], ...options }),
    verify: nothing,
    effect: isGone,
  }),
  row('deleteFiles', [UPDATE, storage('deleteFile', { changes: 'here' })], {
    prepare: aFile,
    call: (client, { id }, _, options) => only(client.deleteFiles([id], options)),
    verify: nothing,
    effect: isGone,
  }),
  row('fileInfo', INFO, {
    prepare: aFile,
    call: (client, { id }, _, options) => client.fileInfo(id, options),
    verify: (result, { content }) => assert.equal((result as { size: number }).size, content.length),
  }),
  row('fileExists', INFO, {
    prepare: aFile,
    call: (client, { id }, _, options) => client.fileExists(id, options),
    verify: (result) => assert.equal(result, true),
  }),
  row('getMetadata', GET_METADATA, {
    prepare: aFile,
    call: (client, { id }, _, options) => client.getMetadata(id, options),
    verify: (result) => assert.deepEqual(result, METADATA),
  }),
  row('getFilename', GET_METADATA, {
    prepare: async (client) => {
      const { id } = await client.uploadFile(BEFORE, { filename: 'photo.jpg', keepFilename: true })
      return { id, content: BEFORE, others: [] }
    },
    call: (client, { id }, _, options) => client.getFilename(id, options),
    verify: (result) => assert.equal(result, 'photo.jpg'),
  }),
  row('setMetadata', SET_METADATA, {
    prepare: aFile,
    call: (client, { id }, _, options) => client.setMetadata(id, { only: 'this' }, options),
    verify: nothing,
    effect: hasMetadata({ only: 'this' }),
  }),
  row('mergeMetadata', SET_METADATA, {
    prepare: aFile,
    call: (client, { id }, _, options) => client.mergeMetadata(id, { width: '2048' }, options),
    verify: nothing,
    effect: hasMetadata({ ...METADATA, width: '2048' }),
  }),
  row('close with grace', INFO, {
    prepare: aFile,
    grace: GRACE,
    call: async (client, { id, asked }, _, options) => {
      const info = client.fileInfo(id, options)
      // What has no connection yet is not given any time.
      await Promise.race([asked(), info.catch(() => {})])
      await client.close({ grace: GRACE })
      await assert.rejects(client.ping(), ClosedError)
      return info
    },
    verify: (result, { content }) => assert.equal((result as { size: number }).size, content.length),
  }),
  row('setTrackers', [STORE], {
    call: (client, { trackers }, _, options) => {
      client.setTrackers('127.0.0.1:1')
      client.setTrackers(trackers)
      return client.tracker.queryStore(options)
    },
    verify: (result) => assert.match((result as { group: string }).group, /^group[12]$/),
  }),
  row('ping', [tracker('activeTest')], {
    call: (client, _, __, options) => client.ping(options),
    verify: nothing,
  }),
  row('diagnose', [tracker('listAllGroups', { asks: 'report' })], {
    call: (client, _, __, options) => client.diagnose(options),
    verify: (result) => assert.equal((result as { trackers: unknown[] }).trackers.length, 2),
  }),
  row('tracker.queryStore', [STORE], {
    call: (client, _, __, options) => client.tracker.queryStore(options),
    verify: (result) => assert.match((result as { group: string }).group, /^group[12]$/),
  }),
  row('tracker.queryStore of a group', [tracker('queryStoreWithGroupOne')], {
    call: (client, _, __, options) => client.tracker.queryStore({ group: 'group2', ...options }),
    verify: (result) => assert.equal((result as { group: string }).group, 'group2'),
  }),
  row('tracker.queryStoreAll', [tracker('queryStoreWithoutGroupAll')], {
    call: (client, _, __, options) => client.tracker.queryStoreAll(options),
    verify: (result) => assert.equal((result as { storages: unknown[] }).storages.length, 2),
  }),
  row('tracker.queryStoreAll of a group', [tracker('queryStoreWithGroupAll')], {
    call: (client, _, __, options) => client.tracker.queryStoreAll({ group: 'group2', ...options }),
    verify: (result) => assert.equal((result as { storages: unknown[] }).storages.length, 2),
  }),
  row('tracker.queryFetch', [FETCH], {
    prepare: aFile,
    call: (client, { id }, _, options) => client.tracker.queryFetch(id, options),
    verify: (result) => assert.equal((result as { host: string }).host, '127.0.0.1'),
  }),
  row('tracker.queryFetchAll', [tracker('queryFetchAll')], {
    prepare: aFile,
    call: (client, { id }, _, options) => client.tracker.queryFetchAll(id, options),
    verify: (result) => assert((result as unknown[]).length > 0),
  }),
  row('tracker.queryUpdate', [UPDATE], {
    prepare: aFile,
    call: (client, { id }, _, options) => client.tracker.queryUpdate(id, options),
    verify: (result) => assert.equal((result as { host: string }).host, '127.0.0.1'),
  }),
  row('admin.listGroups', [tracker('listAllGroups')], {
    call: (client, _, __, options) => client.admin.listGroups(options),
    verify: (result) => assert((result as unknown[]).length >= 2),
  }),
  row('admin.listGroup', [tracker('listOneGroup')], {
    call: (client, _, __, options) => client.admin.listGroup('group1', options),
    verify: (result) => assert.equal((result as { group: string }).group, 'group1'),
  }),
  row('admin.listStorages', [tracker('listStorage')], {
    call: (client, _, __, options) => client.admin.listStorages('group1', options),
    verify: (result) => assert.equal((result as unknown[]).length, 2),
  }),
  row(
    'admin.deleteStorage',
    [tracker('listStorage', { asks: 'each' }), tracker('deleteStorage', { asks: 'each', changes: 'after' })],
    {
      prepare: aDeadStorage,
      spoils: true,
      call: (client, { id }, _, options) => client.admin.deleteStorage('gone', id, options),
      verify: nothing,
    },
  ),
  row('admin.deleteGroup', [tracker('deleteGroup', { asks: 'each', refused: true })], {
    // It has storages: that is the answer of every tracker.
    call: (client, _, __, options) =>
      refusal(client.admin.deleteGroup('group1', options), ServerError, STATUS.EBUSY),
    verify: (result) => assert.equal(result, 'refused'),
  }),
  row(
    'admin.setTrunkServer',
    [tracker('setTrunkServer', { asks: 'leader', repeat: 'never', refused: true })],
    {
      // There are no trunk files.
      call: (client, _, __, options) =>
        refusal(client.admin.setTrunkServer('group1', options), NotSupportedError, STATUS.EOPNOTSUPP),
      verify: (result) => assert.equal(result, 'refused'),
    },
  ),
  row('admin.trackerStatus', [tracker('trackerGetStatus', { asks: 'report' })], {
    call: (client, _, __, options) => client.admin.trackerStatus(options),
    verify: (result) => assert.equal((result as unknown[]).length, 2),
  }),
  row('admin.leader', [tracker('getLeader')], {
    call: (client, _, __, options) => client.admin.leader(options),
    verify: (result) => assert.equal((result as { host: string }).host, '127.0.0.1'),
  }),
  row(
    'admin.clusterStatistics',
    [
      tracker('trackerClusterStat', { asks: 'leader' }),
      tracker('storageClusterStat', { asks: 'leader' }),
      tracker('storageVolumeStat', { asks: 'leader' }),
    ],
    {
      call: (client, _, __, options) => client.admin.clusterStatistics(options),
      verify: (result) => assert((result as { groups: unknown[] }).groups.length >= 2),
    },
  ),
  row('admin.storageIds', [tracker('fetchStorageIds')], {
    call: (client, _, __, options) => client.admin.storageIds(options),
    verify: (result) => assert(Array.isArray(result)),
  }),
  row('admin.parameters', [tracker('parameterReq')], {
    call: (client, _, __, options) => client.admin.parameters(options),
    verify: (result) => assert(Object.keys(result as object).length > 0),
  }),
]
