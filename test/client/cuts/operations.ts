/** What the cuts are made in: every way that a client moves bytes, with what it does to the storage. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { CallOptions, FastDfsClient } from '../../../src/index.js'
import { storageCommands } from '../../../src/protocol/index.js'
import type { Difference, World } from './world.js'
import { BEFORE, CONTENT, LARGE, METADATA } from './world.js'

export interface Attempt {
  readonly world: World
  readonly client: FastDfsClient
  /** The call's limits. */
  readonly limits: CallOptions
  /** What must be true of what the caller gave, when the call has failed. */
  ifItFails(check: () => void): void
}

export interface Operation {
  readonly name: string
  /** Does it, and checks what it gave. */
  readonly run: (attempt: Attempt) => Promise<void>
  /** The request that changes what the storage holds. */
  readonly changes?: { readonly number: number; readonly idempotent: boolean }
  /** Whether the storage holds what it should afterwards. */
  readonly done?: (difference: Difference) => boolean
  /** What the request that changes it leaves when nothing follows; by default what is right afterwards. */
  readonly carriedOut?: (difference: Difference) => boolean
  /** What is left even of a request that did not come whole, or when what follows it fails; by default nothing. */
  readonly torn?: (difference: Difference) => boolean
  /** What was given or taken is gone: it is not made again. */
  readonly once?: true
  /** It moves so much that only a few places are cut. */
  readonly isLarge?: true
  /** The name of the file that it makes in the client's folder. */
  readonly makes?: string
  /** The request at its end whose failure is no failure of the operation. */
  readonly tolerates?: number
}

const PIECES = [0, 1, 70_000, 70_001, 149_999].map((start, i, starts) =>
  CONTENT.subarray(start, starts[i + 1] ?? CONTENT.length),
)

/** Gives its pieces one after the other, each when it is asked for. */
function pieces(): Readable {
  return Readable.from(PIECES, { objectMode: false })
}

/** Nothing is other than before. */
export const nothing = ({ added, removed, changed }: Difference): boolean =>
  added.length + removed.length + changed.length === 0
const holds = (files: readonly Buffer[], content: Buffer): boolean =>
  files.some((file) => file.equals(content))
/** Nothing but these files, whole, is new. */
const adds =
  (...contents: Buffer[]) =>
  ({ added, removed, changed }: Difference): boolean =>
    removed.length + changed.length === 0 &&
    added.length === contents.length &&
    contents.every((content) => holds(added, content))
/** One file is another, and no other is. */
const makes =
  (from: Buffer, to: Buffer) =>
  ({ added, removed, changed }: Difference): boolean =>
    added.length + removed.length === 0 &&
    changed.length === 1 &&
    changed.every(({ before, after }) => before.equals(from) && after.equals(to))

const METADATA_BYTES = Buffer.from('author\x02someone\x01width\x021024')

function upload(
  name: string,
  run: (attempt: Attempt) => Promise<{ size: number }>,
  rest: Partial<Operation> = {},
): Operation {
  return {
    name,
    changes: storageCommands.uploadFile,
    done: adds(CONTENT),
    run: async (attempt) => expect((await run(attempt)).size).toBe(attempt ? CONTENT.length : 0),
    ...rest,
  }
}

/** A source that the client must let go when it fails. */
function released(attempt: Attempt, stream: Readable): Readable {
  attempt.ifItFails(() => expect(stream.destroyed).toBe(true))
  return stream
}

export const uploads: readonly Operation[] = [
  upload('uploadFile of a Buffer', ({ client, limits }) => client.uploadFile(CONTENT, limits)),
  upload('uploadFile of a path', ({ world, client, limits }) => client.uploadFile(world.source, limits)),
  upload(
    'uploadFile of a stream',
    (attempt) =>
      attempt.client.uploadFile(released(attempt, pieces()), { size: CONTENT.length, ...attempt.limits }),
    { once: true },
  ),
  upload(
    'uploadFile of a file stream',
    (attempt) => {
      const stream = released(attempt, createReadStream(attempt.world.source, { highWaterMark: 40_000 }))
      return attempt.client.uploadFile(stream, { size: CONTENT.length, ...attempt.limits })
    },
    { once: true },
  ),
  upload('uploadFile of a web stream without a size', ({ client, limits }) =>
    client.uploadFile(Readable.toWeb(pieces()) as ReadableStream, limits),
  ),
  {
    name: 'uploadFile of a large stream without a size',
    changes: storageCommands.uploadFile,
    done: adds(LARGE),
    isLarge: true,
    run: async ({ client, limits }) => {
      const source = Readable.from([LARGE.subarray(0, 5_000_000), LARGE.subarray(5_000_000)])
      expect((await client.uploadFile(source, limits)).size).toBe(LARGE.length)
    },
  },
  upload(
    'uploadFile with metadata',
    ({ client, limits }) => client.uploadFile(CONTENT, { metadata: METADATA, ...limits }),
    { done: adds(CONTENT, METADATA_BYTES), carriedOut: adds(CONTENT) },
  ),
  upload(
    'uploadFile with slaves',
    ({ client, limits }) =>
      client.uploadFile(CONTENT, { slaves: [{ prefix: '_a', source: BEFORE }], ...limits }),
    {
      done: adds(CONTENT, BEFORE),
      carriedOut: adds(CONTENT),
      // A storage that has all of a slave may store it after it was deleted, in vain, with its master.
      torn: adds(BEFORE),
    },
  ),
  upload(
    'uploadAppenderFile',
    ({ client, limits }) => client.uploadAppenderFile(CONTENT, { ext: 'log', ...limits }),
    { changes: storageCommands.uploadAppenderFile },
  ),
  upload(
    'uploadSlaveFile',
    ({ world, client, limits }) =>
      client.uploadSlaveFile(world.ids.normal, CONTENT, { prefix: '_slave', ...limits }),
    { changes: storageCommands.uploadSlaveFile },
  ),
]

const modified = Buffer.concat([BEFORE.subarray(0, 90_000), CONTENT])

export const changes: readonly Operation[] = [
  {
    name: 'appendFile',
    changes: storageCommands.appendFile,
    once: true,
    done: makes(BEFORE, Buffer.concat([BEFORE, CONTENT])),
    run: ({ world, client, limits }) => client.appendFile(world.ids.appender, CONTENT, limits),
  },
  {
    name: 'appendFile of a stream',
    changes: storageCommands.appendFile,
    once: true,
    done: makes(BEFORE, Buffer.concat([BEFORE, CONTENT])),
    run: (attempt) =>
      attempt.client.appendFile(attempt.world.ids.appender, released(attempt, pieces()), {
        size: CONTENT.length,
        ...attempt.limits,
      }),
  },
  {
    name: 'modifyFile',
    changes: storageCommands.modifyFile,
    done: makes(BEFORE, modified),
    // What has come stays (protocol.md §3.2).
    torn: ({ added, removed, changed: files }) =>
      added.length + removed.length === 0 && files.every(({ after }) => isModifiedUpTo(after)),
    run: ({ world, client, limits }) =>
      client.modifyFile(world.ids.appender, CONTENT, { offset: 90_000, ...limits }),
  },
  {
    name: 'truncateFile',
    changes: storageCommands.truncateFile,
    done: makes(BEFORE, BEFORE.subarray(0, 5)),
    run: ({ world, client, limits }) => client.truncateFile(world.ids.appender, 5, limits),
  },
  {
    name: 'setMetadata',
    changes: storageCommands.setMetadata,
    done: makes(METADATA_BYTES, Buffer.from('b\x022')),
    run: ({ world, client, limits }) => client.setMetadata(world.ids.normal, { b: '2' }, limits),
  },
  {
    name: 'mergeMetadata',
    changes: storageCommands.setMetadata,
    done: makes(METADATA_BYTES, Buffer.concat([METADATA_BYTES, Buffer.from('\x01x\x023')])),
    run: ({ world, client, limits }) => client.mergeMetadata(world.ids.normal, { x: '3' }, limits),
  },
  {
    name: 'deleteFile',
    changes: storageCommands.deleteFile,
    done: ({ added, removed, changed: files }) => added.length + files.length === 0 && removed.length === 1,
    run: ({ world, client, limits }) => client.deleteFile(world.ids.plain, limits),
  },
  {
    name: 'regenerateAppenderFile',
    changes: storageCommands.regenerateAppenderFilename,
    done: ({ added, changed: files }) =>
      files.length === 0 && added.length === 2 && holds(added, BEFORE) && holds(added, METADATA_BYTES),
    // Its name is another one by then, its metadata may be under the old one.
    torn: ({ added, changed: files }) => files.length === 0 && holds(added, BEFORE),
    tolerates: storageCommands.deleteFile.number,
    run: async ({ world, client, limits }) => {
      expect((await client.regenerateAppenderFile(world.ids.appender, limits)).id).toMatch(/\.log$/)
    },
  },
]

/** Its first bytes are those of the result, the others are as they were. */
function isModifiedUpTo(after: Buffer): boolean {
  let same = 0
  while (same < after.length && after[same] === modified[same]) same++
  return after.subarray(same).equals(BEFORE.subarray(same))
}

function download(
  name: string,
  run: (attempt: Attempt) => Promise<Buffer>,
  rest: Partial<Operation> & { content?: Buffer } = {},
): Operation {
  const { content = CONTENT, ...operation } = rest
  return {
    name,
    run: async (attempt) => expect((await run(attempt)).equals(content)).toBe(true),
    ...operation,
  }
}

export const downloads: readonly Operation[] = [
  download('downloadFile to a Buffer', ({ world, client, limits }) =>
    client.downloadFile(world.ids.normal, limits),
  ),
  download(
    'downloadFile of a range',
    ({ world, client, limits }) =>
      client.downloadFile(world.ids.normal, { offset: 10, length: 99_999, ...limits }),
    { content: CONTENT.subarray(10, 100_009) },
  ),
  download(
    'downloadFile of an appender file',
    ({ world, client, limits }) => client.downloadFile(world.ids.appender, { offset: 1, ...limits }),
    { content: BEFORE.subarray(1) },
  ),
  download(
    'downloadFile to a path',
    async ({ world, client, limits }) => {
      const path = join(world.folder, 'copy')
      await client.downloadFile(world.ids.normal, path, limits)
      return readFile(path)
    },
    { makes: 'copy' },
  ),
  download(
    'downloadFile to a Writable',
    async (attempt) => {
      const chunks: Buffer[] = []
      const sink = new Writable({
        highWaterMark: 1,
        write: (chunk: Buffer, _, done) => {
          chunks.push(chunk)
          setImmediate(done)
        },
      })
      attempt.ifItFails(() => expect(sink.destroyed).toBe(true))
      await attempt.client.downloadFile(attempt.world.ids.normal, sink, attempt.limits)
      return Buffer.concat(chunks)
    },
    { once: true },
  ),
  download(
    'downloadFile to a WritableStream',
    async (attempt) => {
      const chunks: Uint8Array[] = []
      let isAborted = false
      const sink = new WritableStream<Uint8Array>({
        write: (chunk) => void chunks.push(chunk),
        abort: () => void (isAborted = true),
      })
      attempt.ifItFails(() => expect(isAborted).toBe(true))
      await attempt.client.downloadFile(attempt.world.ids.normal, sink, attempt.limits)
      return Buffer.concat(chunks)
    },
    { once: true },
  ),
  download("downloadFile to a caller's bytes", async ({ world, client, limits }) => {
    const bytes = Buffer.alloc(CONTENT.length)
    await client.downloadFile(world.ids.normal, bytes, limits)
    return bytes
  }),
  download(
    'downloadStream',
    async (attempt) => {
      const stream = released(
        attempt,
        attempt.client.downloadStream(attempt.world.ids.normal, attempt.limits),
      )
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    { once: true },
  ),
]

export const queries: readonly Operation[] = [
  {
    name: 'getMetadata',
    run: async ({ world, client, limits }) =>
      expect(await client.getMetadata(world.ids.normal, limits)).toEqual(METADATA),
  },
  {
    name: 'getMetadata where there is none',
    run: async ({ world, client, limits }) =>
      expect(await client.getMetadata(world.ids.plain, limits)).toEqual({}),
  },
  {
    name: 'fileInfo',
    run: async ({ world, client, limits }) =>
      expect((await client.fileInfo(world.ids.normal, limits)).size).toBe(CONTENT.length),
  },
  {
    name: 'fileExists',
    run: async ({ world, client, limits }) =>
      expect(await client.fileExists(world.ids.normal, limits)).toBe(true),
  },
  {
    name: 'tracker.queryStoreAll',
    run: async ({ client, limits }) =>
      expect((await client.tracker.queryStoreAll(limits)).storages).toHaveLength(1),
  },
  {
    name: 'tracker.queryFetchAll',
    run: async ({ world, client, limits }) =>
      expect(await client.tracker.queryFetchAll(world.ids.normal, limits)).toHaveLength(1),
  },
  {
    name: 'admin.listGroups',
    run: async ({ client, limits }) => expect(await client.admin.listGroups(limits)).toHaveLength(1),
  },
  {
    name: 'admin.listStorages',
    run: async ({ client, limits }) =>
      expect(await client.admin.listStorages('group1', limits)).toHaveLength(1),
  },
  { name: 'ping', run: ({ client, limits }) => client.ping(limits) },
]
